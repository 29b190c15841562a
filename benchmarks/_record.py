"""What every benchmark shares: pinning threads, saying on what it ran, printing a table, writing the JSON file."""

import os
import platform
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from core.files import write_json

HERE = Path(__file__).parent
RESULTS = HERE / "results"
console = Console()


def pin(threads: int) -> int:
    """Hold this process to `threads` of the processors it may use, one thread on each; returns how many there are."""
    if hasattr(os, "sched_setaffinity"):
        mine = sorted(os.sched_getaffinity(0))[:threads]
        os.sched_setaffinity(0, mine)
        threads = len(mine)
    torch.set_num_threads(threads)
    return threads


def surroundings(packages: Iterable[str] = ()) -> dict[str, Any]:
    """Date, commit, hardware, load and versions: what a measured time depends on."""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M:%S%z"),
        "commit": commit(),
        "hardware": hardware(),
        "versions": versions(("torch", "numpy", *packages)),
    }


def commit() -> dict[str, Any]:
    """The commit of this folder, and whether files that git knows were changed since; None outside a repository."""
    name = _git("rev-parse", "HEAD")
    return {"name": name, "changed": None if name is None else bool(_git("diff", "--name-only", "HEAD"))}


def hardware() -> dict[str, Any]:
    """The processor, how many of it this process uses, the graphics card, and how busy the machine is."""
    return {
        "processor": _processor(),
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "system": platform.platform(),
        "load_average": [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None,
    }


def versions(packages: Iterable[str]) -> dict[str, str | None]:
    """Versions of Python and of packages; None for those that are not installed."""
    return {"python": platform.python_version()} | {name: _version(name) for name in packages}


def seconds(work: Callable[[], object], times: int, device: torch.device) -> tuple[float, float]:
    """How long `times` calls take: on the clock, and in computing time of this process."""
    _wait(device)
    started, cpu = time.perf_counter(), time.process_time()
    for _ in range(times):
        work()
    _wait(device)
    return time.perf_counter() - started, time.process_time() - cpu


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def write(path: Path, content: dict[str, Any]) -> None:
    """One JSON file; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, content)


def show(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table whose first column is text and whose others are figures."""
    table = Table(title=title, title_justify="left", box=None)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=HERE, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    """The processor's name where Linux tells it, with the vector instructions PyTorch uses."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text().splitlines() if described.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name}, {torch.backends.cpu.get_cpu_capability()}"
