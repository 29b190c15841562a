"""Whether the server holds: many visitors at once, then many runs that are started and cancelled.

    python -m benchmarks.load --soak 1000               # more than an hour; --chromium PATH names the browser
    python -m benchmarks.load --visitors 10 --pages 1 --seconds 30 --rest 30 --soak 50

`python -m app` is started in a process of its own on a free port, with a folder of its own for temporary files.
- load: so many people use it for so long, by HTTP as pages do, each from an address of its own, and some in a real
  Chromium. They open the page, browse, drag the strength, choose other models, turn to other tabs, send pictures, watch
  runs, and leave, often in the middle of a run. In between each pauses for about `--pause` seconds. Chromium draws with
  what time the server leaves, since outside a benchmark it has a machine of its own.
- errors: every answer that is not as it should be, every error in a page, and every line in the server's log that is
  not a refusal because the queue is full. The sentence that there is no place is counted apart.
- light views: from sending an event to its answer, while a run is under way and while none is.
- soak: so many runs are started, four people at a time, and cancelled in the line, after the first step, or by leaving.
- left behind: memory, threads, open files and temporary files of the server, before, and `--rest` seconds after each.

The aims are no errors, 0.5 s for 95% of light views while runs are under way, and 100 MiB more memory at most.
"""

import asyncio
import functools
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import numpy as np
import typer

from benchmarks import _record, _visitors
from benchmarks._visitors import Left, Record, Refused, Visitor
from benchmarks.app_start import FLAGS, family, free_port, wait_for_page

AIMS = {"errors": 0, "light_p95_seconds": 0.5, "memory_growth_mib": 100, "threads": 0, "open_files": 0, "temporary": 0}
SOAKERS = 4
LAST = 19
"""The lowest priority that a thread can have."""
READY = 600.0
"""Seconds to wait for the server, and for it to be warm."""


GIVES_BACK = 65.0
"""Seconds after which it has given free memory back (app/memory.py), which is not to count as held before."""


@dataclass(frozen=True)
class Held:
    """What a server holds at one moment."""

    memory_mib: float
    threads: int
    open_files: int
    temporary_files: int

    def since(self, before: "Held") -> dict[str, float]:
        """How much more it is than before."""
        return {name: round(value - getattr(before, name), 1) for name, value in asdict(self).items()}


class Server:
    """The app in a process of its own; its log and its temporary files lie in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.log, self.temporary, self.port = folder / "log", folder / "tmp", free_port()
        self.temporary.mkdir()
        self.base = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "app", "--host", "127.0.0.1", "--port", str(self.port)]
        surroundings = os.environ | {"TMPDIR": str(self.temporary), "GRADIO_TEMP_DIR": ""}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, cwd=_record.HERE.parent, env=surroundings, stdout=log, stderr=subprocess.STDOUT
            )

    def held(self) -> Held:
        """Memory, threads, open files and temporary files, of all its processes."""
        for _ in range(2):  # threads that have had nothing to do for long end when another one begins to work
            with suppress(httpx.HTTPError):
                httpx.get(f"{self.base}/healthz", timeout=_visitors.SLOW)
        processes = [Path(f"/proc/{one}") for one in family(self.process.pid)]
        states = [_fields(process / "status") for process in processes]
        return Held(
            round(sum(int(state["VmRSS"].split()[0]) for state in states) / 1024, 1),
            sum(int(state["Threads"]) for state in states),
            sum(len(list((process / "fd").iterdir())) for process in processes),
            sum(path.is_file() for path in self.temporary.rglob("*")),
        )

    def complaints(self) -> list[str]:
        """The lines of its log that no visitor should have caused, without their numbers."""
        lines = self.log.read_text("utf-8", "replace").splitlines()
        usual = re.compile(r"^PlainSight is at |^. Launching MCP|^\* Streamable HTTP|^\s*$|.* 503 POST .*")
        return [re.sub(r"^[0-9a-f]{8} ", "", line) for line in lines if not usual.match(line)]


def _fields(path: Path) -> dict[str, str]:
    pairs = (line.partition(":")[::2] for line in path.read_text().splitlines())
    return {name: value.strip() for name, value in pairs}


@contextmanager
def served() -> Iterator[Server]:
    """A server that is warm, while the block lasts."""
    with tempfile.TemporaryDirectory(prefix="plainsight-load-", ignore_cleanup_errors=True) as folder:
        server = Server(Path(folder))
        try:
            wait_for_page(server.base, server.process, READY)
            settle(server)
            yield server
        finally:
            server.process.terminate()
            try:
                server.process.wait(10)
            except subprocess.TimeoutExpired:
                server.process.kill()
                server.process.wait()


def settle(server: Server) -> None:
    """Return once the server does nothing any more: it has warmed up."""
    until = time.monotonic() + READY
    while time.monotonic() < until:
        before = _busy(server)
        time.sleep(5)
        if _busy(server) - before < 0.5:
            return


def _busy(server: Server) -> float:
    """Seconds of processor time that it has taken."""
    parts = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


async def practise(server: Server) -> None:
    """One visitor does everything once, so that what is read only once counts as held before."""
    record, config = Record(), httpx.get(f"{server.base}/config", timeout=60).json()
    visitor = Visitor(server.base, 0, record, config)
    await visitor.arrive()
    for title in (*_visitors.TABS, "Compare"):
        await visitor.turned(title)
    for work in (visitor.browse, visitor.drag, visitor.upload, visitor.choose_another):
        await work()
    await visitor.run(patience=READY)
    await visitor.close()


async def watch(server: Server, record: Record, peaks: list[Held]) -> None:
    """Note every second whether a run is under way, and what the server holds."""
    while True:
        try:
            record.running = (await _visitors.health(server.base))["runs"]["running"] > 0
        except (httpx.HTTPError, ValueError, KeyError) as error:
            record.wrong(f"/healthz: {type(error).__name__}")
        peaks.append(await asyncio.to_thread(server.held))
        await asyncio.sleep(1.0)


async def load(
    server: Server, visitors: int, pages: int, seconds: float, pause: float, chromium: str
) -> dict[str, Any]:
    """All of them at once; what they found."""
    record, peaks = Record(), [server.held()]
    config = httpx.get(f"{server.base}/config", timeout=60).json()
    until = time.monotonic() + seconds
    watching = asyncio.create_task(watch(server, record, peaks))
    seats = [_visitors.visit(server.base, number + 1, record, config, until, pause) for number in range(visitors)]
    if pages:
        async with _visitors.browser(chromium, FLAGS) as chrome:
            give_way(set(family(os.getpid())) - {os.getpid(), *family(server.process.pid)})
            windows = [_visitors.use(chrome, server.base, number, record, until, pause) for number in range(pages)]
            await asyncio.gather(*seats, *windows)
    else:
        await asyncio.gather(*seats)
    watching.cancel()
    return {**found(record), "most": {name: max(getattr(one, name) for one in peaks) for name in asdict(peaks[0])}}


def give_way(processes: Iterable[int]) -> None:
    """Let these processes, and those that they start from now on, have only the time that others leave."""
    for process in processes:
        with suppress(FileNotFoundError, ProcessLookupError):
            for thread in Path(f"/proc/{process}/task").iterdir():
                os.setpriority(os.PRIO_PROCESS, int(thread.name), LAST)


async def soak(server: Server, runs: int) -> dict[str, Any]:
    """So many runs, each cancelled: in the line, after its first step, or by closing the page."""
    record, left = Record(), iter(range(runs))
    config = httpx.get(f"{server.base}/config", timeout=60).json()
    numbers = iter(range(1, 1 << 20))

    async def one_after_the_other() -> None:
        visitor = None
        for number in left:
            if visitor is None:
                visitor = Visitor(server.base, next(numbers), record, config)
                await visitor.arrive()
            try:
                await _cancelled(visitor, random.Random(number))
            except (Left, Refused, TimeoutError, httpx.HTTPError) as error:
                if not isinstance(error, Left):
                    record.wrong(type(error).__name__)
                await visitor.close()
                visitor = None
        if visitor:
            await visitor.close()

    began = time.monotonic()
    await asyncio.gather(*[one_after_the_other() for _ in range(SOAKERS)])
    return {**found(record), "asked": runs, "seconds": round(time.monotonic() - began, 1)}


async def _cancelled(visitor: Visitor, choose: random.Random) -> None:
    way = choose.choices(["step", "line", "leave"], [6, 3, 1])[0]
    visitor.record.counts[way] += 1
    if way == "leave":
        await visitor.begin_and_leave()
    elif way == "line":
        await visitor.run(patience=choose.uniform(0.0, 0.3))
    elif not await visitor.run(until=b"Step ", patience=_visitors.SLOW):
        visitor.record.wrong("a run did not begin")


def found(record: Record) -> dict[str, Any]:
    """The record in figures."""
    return {
        "errors": sum(record.errors.values()),
        "what_went_wrong": dict(record.errors.most_common(20)),
        "counts": dict(record.counts),
        "light_while_running": quantiles(record.light[True]),
        "light_otherwise": quantiles(record.light[False]),
        "by_kind": {kind: quantiles(values) for kind, values in sorted(record.kinds.items())},
    }


def quantiles(values: Sequence[float]) -> dict[str, float | int | None]:
    """How many there are, and the median, 95% and the most of them, in seconds."""
    if not values:
        return {"n": 0, "p50": None, "p95": None, "most": None}
    p50, p95, most = (round(float(value), 4) for value in np.quantile(values, [0.5, 0.95, 1.0]))
    return {"n": len(values), "p50": p50, "p95": p95, "most": most}


def measure(server: Server, work: Any, rest: float) -> dict[str, Any]:
    """The figures of some work, and what the server holds before it and after a rest."""
    before, lines = server.held(), len(server.complaints())
    figures = asyncio.run(work())
    at_once = server.held()
    time.sleep(rest)
    after, said = server.held(), server.complaints()[lines:]
    figures["errors"] += len(said)
    figures |= {"log": said[:20], "before": asdict(before), "at_once": asdict(at_once), "after": asdict(after)}
    return figures | {"grown": after.since(before)}


def show(name: str, figures: dict[str, Any]) -> None:
    """A table of what was found."""
    light, grown = figures["light_while_running"], figures["grown"]
    rows = [
        ("errors", str(figures["errors"]), str(AIMS["errors"])),
        ("light views while runs are under way", str(light["n"]), ""),
        ("  median, s", f"{light['p50'] or 0:.2f}", ""),
        ("  95%, s", f"{light['p95'] or 0:.2f}", str(AIMS["light_p95_seconds"])),
        ("more memory, MiB", f"{grown['memory_mib']:.0f}", str(AIMS["memory_growth_mib"])),
        ("more threads", f"{grown['threads']:.0f}", str(AIMS["threads"])),
        ("more open files", f"{grown['open_files']:.0f}", str(AIMS["open_files"])),
        ("more temporary files", f"{grown['temporary_files']:.0f}", str(AIMS["temporary"])),
        *((f"  {what}", str(count), "") for what, count in sorted(figures["counts"].items())),
    ]
    _record.show(name, ("", "found", "aim"), rows)
    for sentence, count in figures["what_went_wrong"].items():
        _record.console.print(f"{count} x {sentence}", markup=False)
    for line in figures["log"]:
        _record.console.print(f"log: {line}", markup=False)


def main(
    visitors: Annotated[int, typer.Option(help="People who use the app by HTTP.")] = 50,
    pages: Annotated[int, typer.Option(help="Real pages, besides.")] = 3,
    seconds: Annotated[float, typer.Option(help="How long they do; 0 leaves this out.")] = 300.0,
    pause: Annotated[float, typer.Option(help="Seconds between two actions of a person.")] = 5.0,
    rest: Annotated[float, typer.Option(help="Seconds until what is left behind is counted.")] = 600.0,
    soak_runs: Annotated[int, typer.Option("--soak", help="Runs that are started and cancelled after that.")] = 0,
    chromium: Annotated[str, typer.Option(help="The browser.")] = "/usr/bin/chromium",
    out: Annotated[Path, typer.Option(help="The JSON file.")] = _record.RESULTS / "load.json",
) -> None:
    """Many visitors at once; many runs started and cancelled."""
    if pages and not os.access(chromium, os.X_OK):
        raise typer.BadParameter(f"there is no browser at {chromium}; --pages 0 needs none.", param_hint="--chromium")
    if not Path("/proc/self/fd").is_dir():
        raise typer.BadParameter("what a process holds can only be told on Linux.")
    config = {"visitors": visitors, "pages": pages, "seconds": seconds, "pause": pause, "rest": rest, "soak": soak_runs}
    record = {"benchmark": "load", "config": config | {"aims": AIMS}, **_record.surroundings(("gradio", "playwright"))}
    with served() as server:
        asyncio.run(practise(server))
        settle(server)
        time.sleep(min(rest, GIVES_BACK))
        if seconds:
            work = functools.partial(load, server, visitors, pages, seconds, pause, chromium)
            record["load"] = measure(server, work, rest)
            show(f"{visitors} visitors and {pages} pages for {seconds:.0f} s", record["load"])
        if soak_runs:
            record["soak"] = measure(server, functools.partial(soak, server, soak_runs), rest)
            show(f"{soak_runs:,} runs started and cancelled", record["soak"])
    _record.write(out, record)
    _record.console.print(f"written to {out}")


if __name__ == "__main__":
    typer.run(main)
