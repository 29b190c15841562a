"""A campaign: a queue of trainings that fills a given time, the runs that decide most first.

Every run trains in a process of its own, several at a time, so that they share one GPU. What the time cuts off goes on
after its last whole epoch when the campaign is started again. Measuring is left to later: it needs no GPU.
"""

import contextlib
import multiprocessing
import os
import sys
import tarfile
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch

from core import datasets, files
from core.checkpoints import store
from core.files import FileError
from core.training.recipe import Recipe
from core.workflows import train_model
from core.workflows.sweep import threads

LOGS = "logs"
"""The folder of the logs of all runs, below the campaign's root."""
PAUSE = 0.2
"""Seconds between two looks at the running processes."""
PART = 15 * 2**20
"""The most bytes of model folders in one packed file."""
SETTINGS: dict[str, Any] = {field.name: field.type for field in fields(Recipe)} | {"folder": str, "cpu": bool}
"""What a table of the queue may hold, and of which type."""


@dataclass(frozen=True)
class Run:
    """One training: its folder below the campaign's root, like `cifar10/standard`, and its recipe.

    `start` is the folder of another run, whose weights it starts from. `cpu` says that it is small enough for a
    processor.
    """

    folder: str
    recipe: Recipe
    start: str | None = None
    cpu: bool = False

    def rooted(self, root: Path) -> Recipe:
        """The recipe, with the path of the weights that it starts from."""
        return replace(self.recipe, start=str(root / self.start)) if self.start else self.recipe

    def done(self, root: Path) -> bool:
        """Whether the folder holds this very recipe with its weights."""
        if not (root / self.folder / store.CONFIG).is_file():
            return False
        checkpoint = store.read(root / self.folder)
        return checkpoint.has_weights and self.rooted(root).matches(checkpoint.recipe)


def read(path: Path) -> list[Run]:
    """The queue of a TOML file: an array `run` of tables, each with `folder` and fields of `Recipe`.

    The table `usual` holds fields that all runs share. `folder` ends with the data set and the name; what is before
    that, as in `wide/cifar10/standard`, keeps another architecture apart. `start` names the folder of an earlier run.
    Raises FileError that names the file and the run.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FileError(f"{path} is no queue of runs: {error}.") from error
    usual, runs = content.get("usual", {}), content.get("run", [])
    if not isinstance(usual, dict) or not isinstance(runs, list) or not runs:
        raise FileError(f"{path} is no queue of runs: it needs tables [[run]], and at most one table [usual].")
    found: list[Run] = []
    for number, table in enumerate(runs, 1):
        if not isinstance(table, dict):
            raise FileError(f"{path}, run {number} is no table.")
        try:
            found.append(_run({**usual, **table}, [run.folder for run in found]))
        except ValueError as error:
            raise FileError(f"{path}, run {number}: {error}") from error
    return found


def _run(table: dict[str, Any], before: Sequence[str]) -> Run:
    if odd := sorted(set(table) - set(SETTINGS)):
        raise ValueError(f"there is no setting {odd[0]!r}; there are {', '.join(sorted(SETTINGS))}.")
    for key, value in table.items():
        if not files.fits(value, SETTINGS[key]):
            raise ValueError(f"{key} cannot be {value!r}.")
    folder, start, cpu = table.get("folder", ""), table.get("start"), table.get("cpu", False)
    above, _, name = folder.rpartition("/")
    if not name or not above or above.split("/")[-1] != table.get("data", "").partition(":")[0]:
        raise ValueError(f"the folder ends with the data set and a name, like cifar10/standard, and is {folder!r}.")
    if folder in before:
        raise ValueError(f"{folder} is there more than once.")
    if start and start not in before:
        raise ValueError(f"it starts from {start}, which is no earlier run.")
    settings = {key: value for key, value in table.items() if key not in ("folder", "start", "cpu")}
    return Run(folder, Recipe(**settings), start, cpu)


@dataclass
class _Going:
    """A run that trains in another process."""

    run: Run
    process: BaseProcess
    began: float


def campaign(
    runs: Sequence[Run],
    root: Path,
    *,
    seconds: float,
    workers: int,
    device: str = "auto",
    report: Callable[[str], None] = lambda line: None,
    begin: Callable[[Run, Path, str, int], BaseProcess] | None = None,
) -> list[Run]:
    """Train the runs into `root` for at most so many seconds, `workers` at a time; returns those that are done.

    On a processor only runs that are small enough are trained. A run whose start is not done waits for it; one that
    fails is told with its log and left. `begin` starts the process of a run. Raises ValueError where a folder of a run
    was trained on other images than those that are here.
    """
    for run in runs:
        _check_images(run, root)
    begin = begin or _begin
    until, failed, going = time.monotonic() + seconds, set[str](), list[_Going]()
    wanted = [run for run in runs if run.cpu or device != "cpu"]
    while True:
        for one in [one for one in going if not one.process.is_alive()]:
            going.remove(one)
            took = f"{time.monotonic() - one.began:.0f} s"
            if one.process.exitcode == 0 and one.run.done(root):
                report(f"{one.run.folder}: done after {took}")
            else:
                failed.add(one.run.folder)
                report(f"{one.run.folder}: failed after {took}; see {_log(one.run, root)}")
        if time.monotonic() >= until:
            break
        busy = {one.run.folder for one in going} | failed
        ready = [run for run in wanted if run.folder not in busy and not run.done(root) and _started(run, runs, root)]
        for run in ready[: workers - len(going)]:
            going.append(_Going(run, begin(run, root, device, workers), time.monotonic()))
            report(f"{run.folder}: begun")
        if not going:
            break
        time.sleep(PAUSE)
    for one in going:
        one.process.terminate()
        report(f"{one.run.folder}: cut off; it goes on next time")
    for one in going:
        one.process.join()
    return [run for run in runs if run.done(root)]


def _check_images(run: Run, root: Path) -> None:
    """A recipe does not say whether its images were lossless; what was trained on others must not be built on."""
    if run.done(root):
        trained, here = store.read(root / run.folder).config.get("source"), datasets.get(run.recipe.data).source
        if trained != here:
            raise ValueError(
                f"{root / run.folder} was trained on {trained}, and here is {here}; move that folder away, or give "
                "another --root."
            )


def _started(run: Run, runs: Sequence[Run], root: Path) -> bool:
    return all(other.done(root) for other in runs if other.folder == run.start)


def _log(run: Run, root: Path) -> Path:
    return root / LOGS / f"{run.folder.replace('/', '-')}.log"


def _begin(run: Run, root: Path, device: str, workers: int) -> BaseProcess:
    _log(run, root).parent.mkdir(parents=True, exist_ok=True)
    process = multiprocessing.get_context("spawn").Process(target=_train, args=(run, root, device, threads(workers)))
    process.start()
    return process


def _train(run: Run, root: Path, device: str, count: int) -> None:
    """Train one run in this process; what it says goes into its log."""
    torch.set_num_threads(count)
    base = root.joinpath(*run.folder.split("/")[:-2])
    with _log(run, root).open("a", encoding="utf-8") as log, contextlib.redirect_stdout(log):
        os.dup2(log.fileno(), sys.stderr.fileno())
        of = run.recipe.epochs
        trained = train_model.each_epoch(
            run.recipe, lambda over, says: print(f"epoch {over} of {of}: {says}", flush=True)
        )
        train_model.run(run.rooted(root), base, run.folder.rpartition("/")[2], device=device, report=trained)


def pack(runs: Sequence[Run], root: Path, out: Path) -> list[Path]:
    """Put the folders of these runs into tar files of at most `PART` bytes of content, unless one alone has more.

    They unpack in the campaign's root: `tar -xf campaign-1.tar -C checkpoints`. Returns their paths.
    """
    out.mkdir(parents=True, exist_ok=True)
    parts: list[list[Path]] = []
    room = 0
    for run in runs:
        folder = root / run.folder
        kept = sorted(path for path in folder.iterdir() if path.is_file() and path.name != train_model.RESUME)
        size = sum(path.stat().st_size for path in kept)
        if size > room:
            parts.append([])
            room = PART
        parts[-1] += kept
        room -= size
    packed = []
    for number, kept in enumerate(parts, 1):
        packed.append(out / f"campaign-{number}.tar")
        with tarfile.open(packed[-1], "w") as archive:
            for path in kept:
                archive.add(path, path.relative_to(root).as_posix())
    return packed
