"""How the app stops, as a process: at SIGTERM as process 1 too, at Ctrl+C during a run, and what it leaves behind."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from test_endpoints import ADDRESS, Visitor

TINY = Path(__file__).parent.parent / "tiny.py"
SECONDS = 5.0
pytestmark = pytest.mark.slow


class Server:
    """The app in a process of its own."""

    def __init__(self, models: Path, folder: Path, *before: str, **environment: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.log = folder / "log"
        self.temporary = folder / "tmp"
        self.temporary.mkdir(exist_ok=True)
        surroundings = os.environ | {"PYTHONPATH": str(TINY.parent.parent), "TMPDIR": str(self.temporary)}
        command = [*before, sys.executable, str(TINY), str(models), str(port)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, env=surroundings | environment, stdout=log, stderr=subprocess.STDOUT
            )
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)
        for _ in range(600):
            try:
                self.client.get("/healthz")
                return
            except httpx.TransportError:
                assert self.process.poll() is None, self.log.read_text()
                time.sleep(0.1)
        pytest.fail(self.log.read_text())

    def stopped(self, send: Callable[[], object]) -> int:
        """The exit status, after `send` has asked it to stop."""
        began = time.monotonic()
        send()
        status = self.process.wait(20)
        assert time.monotonic() - began < SECONDS
        said = self.log.read_text()
        assert "Stopping." in said
        assert "Traceback" not in said
        assert "terminate called" not in said
        return status


@pytest.fixture
def serve(tiny_models: Path, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    servers = []

    def served(*before: str, **environment: str) -> Server:
        servers.append(Server(tiny_models, tmp_path, *before, **environment))
        return servers[-1]

    yield served
    for server in servers:
        server.client.close()
        server.process.kill()
        server.process.wait()


def running(server: Server) -> Visitor:
    """A visitor whose run has begun."""
    visitor = Visitor(server.client, server.client.get("/config").json())
    visitor.ask(visitor.event(elem_id="compare-run"), ADDRESS)
    watched = next(one for one in visitor.config["dependencies"] if one["types"]["generator"])
    visitor.send(watched, ADDRESS)
    visitor.told("Step ")
    return visitor


def read_on(visitor: Visitor) -> threading.Event:
    """Reads the visitor's stream to its end; set once that has come without an error, not cut off."""
    ended = threading.Event()

    def read() -> None:
        for _ in visitor.lines:
            pass
        ended.set()

    threading.Thread(target=read, daemon=True).start()
    return ended


def test_ctrl_c_during_a_run_ends_run_streams_and_process(serve: Callable[..., Server]) -> None:
    server = serve()
    ended = read_on(running(server))
    assert server.stopped(lambda: server.process.send_signal(signal.SIGINT)) == 0
    assert ended.wait(2)


def test_process_1_of_a_space_hears_sigterm_and_leaves_nothing_behind(
    serve: Callable[..., Server], tmp_path: Path
) -> None:
    """Also what a killed process left is gone, and what is not the app's stays."""
    left, other = tmp_path / "tmp" / "plainsight-app-killed", tmp_path / "tmp" / "of-someone-else"
    for folder in (left, other):
        folder.mkdir(parents=True)
        (folder / "lock").touch()
    server = serve(*process_1(), SYSTEM="spaces", SPACE_ID="owner/name")
    assert not left.exists()
    assert len(list(server.temporary.glob("plainsight-app-*"))) == 1
    forwarded = {"x-forwarded-host": "owner-name.example", "x-forwarded-proto": "https"}
    assert "https://owner-name.example" in server.client.get("/", headers=forwarded).text
    ended = read_on(running(server))
    assert server.stopped(lambda: os.kill(child_of(server.process.pid), signal.SIGTERM)) == 0
    assert ended.wait(2)
    assert [folder.name for folder in server.temporary.iterdir() if folder.name.startswith("plainsight")] == []
    assert other.is_dir()


def process_1() -> list[str]:
    """The command that makes another one process 1, where this machine lets anybody do that."""
    found = shutil.which("unshare")
    if found is None or subprocess.run([found, "--pid", "--fork", "true"], capture_output=True, check=False).returncode:
        return []
    return [found, "--pid", "--fork", "--kill-child"]


def child_of(process: int) -> int:
    """The process that it has started, if any; else itself."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return int(children[0]) if children else process
