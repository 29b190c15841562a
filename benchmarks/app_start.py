"""How quickly the app starts, shows a picture, moves while patterns form and stops; and how much memory it holds.

    python -m benchmarks.app_start                       # uses /usr/bin/chromium, or --chromium PATH
    python -m benchmarks.app_start --repeats 5

`python -m app` is started in a process of its own on a free port, `--repeats` times:
- start: from starting the process to the first byte of the answer to `/` (the operating system may have the files in
  its memory already, so the very first start of a machine is slower);
- first picture: from asking a fresh Chromium for the page to the first picture that is decoded and on the screen;
- slider: from an arrow key on the strength to its number on the screen, the median over `STRENGTHS`, once the app has
  made the stored views (`WARMING` seconds after its start);
- view: what the server does for that, without Gradio: everything on the Compare tab, as HTML;
- updates: how often a second one of the two patterns changes on the screen while both form, over `WATCHED` seconds;
- stop: from pressing Stop to the status line that says so;
- memory: what the app's process and its children hold in RAM after that (Linux only), and the most they ever held.

The aims are 10 s, 3 s, 0.1 s on the server, 4 a second, 1 s and 1.5 GiB.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from benchmarks import _record

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
AIMS = {
    "start_seconds": 10.0,
    "first_picture_seconds": 3.0,
    "view_seconds": 0.1,
    "updates_per_second": 4.0,
    "stop_seconds": 1.0,
    "memory_gib": 1.5,
}
WORDS = {
    "start_seconds": "start to first byte, s",
    "first_picture_seconds": "page to first picture, s",
    "slider_seconds": "arrow key to number, s",
    "view_seconds": "a stored view on the server, s",
    "updates_per_second": "updates a second while forming (at least)",
    "stop_seconds": "Stop to stopped, s",
    "memory_gib": "memory, GiB",
    "peak_memory_gib": "most memory, GiB",
}
FIRST_PICTURE = """() => [...document.images].some(image => {
    const box = image.getBoundingClientRect();
    return image.complete && image.naturalWidth >= 16 && box.width > 0 && box.height > 0 && !image.closest('footer');
})"""

STRENGTHS = range(6, 15, 2)
"""The epsilons, in n/255, that the slider goes to."""
WARMING = 60.0
WATCHED = 3.0
"""Seconds of a run that are watched."""
COUNT_UPDATES = """() => {
    window.updates = [];
    let last = '';
    (function look() {
        const now = [...document.querySelectorAll('img.pattern')].map(image => image.src).join();
        if (now !== last) { last = now; window.updates.push(performance.now()); }
        requestAnimationFrame(look);
    })();
}"""


@contextmanager
def app(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m app` while the block lasts."""
    command = [sys.executable, "-m", "app", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, cwd=_record.HERE.parent, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_page(address: str, process: subprocess.Popen[bytes], limit: float) -> None:
    """Ask until the first byte comes. Raises RuntimeError where the app ends or the time is over."""
    until = time.perf_counter() + limit
    while time.perf_counter() < until:
        if process.poll() is not None:
            raise RuntimeError(f"The app ended by itself with code {process.returncode}.")
        try:
            with urllib.request.urlopen(address, timeout=limit) as answer:
                answer.read(1)
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    raise RuntimeError(f"The app did not answer within {limit:.0f} s.")


def in_browser(address: str, chromium: str, limit: float) -> dict[str, float | None]:
    """From asking for the page to its first decoded picture on the screen; then a run that is watched and stopped."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(1000 * limit)
        started = time.perf_counter()
        page.goto(address, wait_until="commit")
        page.wait_for_function(FIRST_PICTURE, polling="raf")
        picture = time.perf_counter() - started
        page.wait_for_timeout(1000 * WARMING)
        page.goto(f"{address}?epsilon={STRENGTHS[0] - STRENGTHS.step}")
        page.focus(".strength input[type=range]")
        moves = []
        for epsilon in STRENGTHS:
            pressed = time.perf_counter()
            page.keyboard.press("ArrowRight")
            shown = "words => document.querySelector('.card-a .often')?.innerText.includes(words)"
            page.wait_for_function(shown, arg=f"at {epsilon}/255", polling="raf")
            moves.append(time.perf_counter() - pressed)
        page.goto(f"{address}?steps=200&images=512")
        page.wait_for_selector(".status:has-text('Yours:')")
        page.click("#compare-run")
        page.wait_for_selector(".status:has-text('Step')")
        page.evaluate(COUNT_UPDATES)
        page.wait_for_timeout(1000 * WATCHED)
        times = page.evaluate("window.updates")
        pressed = time.perf_counter()
        page.click("#compare-stop")
        page.wait_for_function("document.querySelector('.status').innerText.includes('Stopped')", polling="raf")
        stopped = time.perf_counter() - pressed
        browser.close()
    moving = (times[-1] - times[0]) / 1000 if len(times) > 1 else 0
    return {
        "first_picture_seconds": round(picture, 3),
        "slider_seconds": round(median(moves), 3),
        "updates_per_second": round((len(times) - 1) / moving, 2) if moving else None,
        "stop_seconds": round(stopped, 3),
    }


def memory(pid: int) -> dict[str, float | None]:
    """GiB that a process and its children hold in RAM, now and at most; None where there is no /proc."""
    if not Path("/proc/self/status").is_file():
        return {"memory_gib": None, "peak_memory_gib": None}
    states = [_status(one) for one in family(pid)]
    keys = {"memory_gib": "VmRSS", "peak_memory_gib": "VmHWM"}
    return {name: round(sum(state.get(key, 0) for state in states) / 2**20, 3) for name, key in keys.items()}


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    children = path.read_text().split() if path.is_file() else []
    return [pid, *(one for child in children for one in family(int(child)))]


def _status(pid: int) -> dict[str, int]:
    """The sizes in /proc/PID/status, in KiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) for line in lines if line.endswith(" kB")}


def view_seconds() -> float:
    """Seconds for everything on the Compare tab at a stored strength, the median over `STRENGTHS`, seen once before."""
    import gradio as gr

    from app import service
    from app.page import in_a_loop
    from app.service import CompareSession
    from app.tabs import compare

    def built() -> compare.View:
        with gr.Blocks():
            return compare.build(service.RunRegistry())

    session, view, times = service.first(CompareSession), in_a_loop(built), []
    for _ in range(2):
        times = []
        for epsilon in STRENGTHS:
            started = time.perf_counter()
            view.shown(service.changed(session, "epsilon", epsilon))
            times.append(time.perf_counter() - started)
    return round(median(times), 4)


def once(chromium: str, limit: float) -> dict[str, float | None]:
    """One start of the app with all its figures."""
    port = free_port()
    address, started = f"http://127.0.0.1:{port}/", time.perf_counter()
    with app(port) as process:
        wait_for_page(address, process, limit)
        start = time.perf_counter() - started
        figures = {"start_seconds": round(start, 3), **in_browser(address, chromium, limit)}
        figures |= memory(process.pid)
    return {**figures, "view_seconds": view_seconds()}


def main(
    repeats: Annotated[int, typer.Option(help="Starts; the median counts.")] = 3,
    chromium: Annotated[str, typer.Option(help="The browser.")] = "/usr/bin/chromium",
    limit: Annotated[float, typer.Option(help="Seconds to wait for the page and for the picture.")] = 120.0,
    out: Annotated[Path, typer.Option(help="The JSON file.")] = _record.RESULTS / "app_start.json",
) -> None:
    """Start of the app, first picture, updates while patterns form, Stop, memory."""
    if not os.access(chromium, os.X_OK):
        raise typer.BadParameter(f"there is no browser at {chromium}.", param_hint="--chromium")
    record = {"benchmark": "app_start", "config": {"repeats": repeats, "chromium": chromium, "aims": AIMS}}
    record |= _record.surroundings(("gradio", "playwright"))
    runs = [once(chromium, limit) for _ in range(repeats)]
    medians: dict[str, Any] = {name: _median(run[name] for run in runs) for name in WORDS}
    _record.write(out, {**record, "median": medians, "runs": runs})
    rows = [(words, _figure(medians[name]), _figure(AIMS.get(name))) for name, words in WORDS.items()]
    _record.show(f"python -m app, {repeats} starts", ("", "median", "aim"), rows)
    _record.console.print(f"written to {out}")


def _median(values: Iterator[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


if __name__ == "__main__":
    typer.run(main)
