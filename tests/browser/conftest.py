"""The real app in a process of its own on tiny models, and a Chromium to look at it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TINY = Path(__file__).parent.parent / "tiny.py"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-sync",
    "--disable-component-update",
    "--use-fake-device-for-media-stream",  # a camera without a camera
    "--use-fake-ui-for-media-stream",
]
PATIENCE = 60_000
ASKED_BY_GRADIO = ("/monitoring/summary", "/mcp/schema")
"""Gradio's API page asks whether these are switched on; the answer no is an error in the console."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def address(tiny_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the app listens; its log is shown when it does not come up."""
    port, log = free_port(), tmp_path_factory.mktemp("browser") / "log"
    root = TINY.parent.parent
    surroundings = os.environ | {"PYTHONPATH": str(root)}
    with log.open("w") as output:
        command = [sys.executable, str(TINY), str(tiny_models), str(port)]
        server = subprocess.Popen(command, cwd=root, env=surroundings, stdout=output, stderr=subprocess.STDOUT)
    try:
        for _ in range(480):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                    break
            except OSError:
                assert server.poll() is None, log.read_text()
                time.sleep(0.5)
        else:
            pytest.fail(f"The app did not come up: {log.read_text()}")
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        server.wait(20)
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture(scope="session")
def visitors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], object]]:
    """Makes a browser context of a visitor's own; skips, and says what is missing, where there is no browser.

    Contexts have a folder: there Chromium keeps the compiled scripts of the app, at half the cost of a page.
    """
    playwright = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with playwright.sync_playwright() as runner:
        path = path or (runner.chromium.executable_path if Path(runner.chromium.executable_path).exists() else None)
        if path is None:
            pytest.skip("There is no Chromium here; install one with: playwright install chromium")
        launch = runner.chromium.launch_persistent_context
        yield lambda: launch(tmp_path_factory.mktemp("visitor"), executable_path=path, args=ARGUMENTS)


@pytest.fixture(scope="session")
def context(visitors: Callable[[], object]) -> Iterator[object]:
    """One visitor's browser for all tests: the app's scripts are fetched once."""
    context = visitors()
    yield context
    context.close()


@pytest.fixture
def visit(address: str, visitors: Callable[[], object], context: object) -> Iterator[Callable[..., object]]:
    """Open the app in a page of its own; at the end no console error and no request to another host is left.

    `stranger` opens it for another visitor, in a context of its own.
    """
    pages, strangers, troubles = [], [], []

    def heard(message: object) -> None:
        if message.type == "error" and not message.location.get("url", "").endswith(ASKED_BY_GRADIO):
            troubles.append(message.text)

    def look(
        query: str = "", size: tuple[int, int] = (1280, 720), dark: bool = False, stranger: bool = False
    ) -> object:
        if stranger:
            strangers.append(visitors())
        page = (strangers[-1] if stranger else context).new_page()
        pages.append(page)
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.set_default_timeout(PATIENCE)
        page.on("console", heard)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        own = address.rstrip("/")
        page.on("request", lambda r: troubles.append(r.url) if not r.url.startswith((own, "data:", "blob:")) else None)
        page.goto(address + query)
        page.wait_for_function("document.querySelector('.status p, .step, .desk')")
        return page

    yield look
    for page in pages:
        page.evaluate("localStorage.clear()")
        page.close()
    for other in strangers:
        other.close()
    assert not troubles
