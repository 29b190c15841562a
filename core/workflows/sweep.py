"""Many trainings at once: the product of heap, sigma, epsilon and seed as independent runs, through Dask.

A run is one recipe and one model folder. Runs may be started again at any time: a finished one is left as it is, a
killed one goes on after its last whole epoch. At the end what broke one run is tried on all that were measured before
it, so that none counts as robust only because it came first.
"""

import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from core import datasets
from core.checkpoints import store
from core.checkpoints.store import ModelFolder
from core.files import FileError
from core.training.recipe import Recipe
from core.workflows import train_model
from core.workflows.assess import assess, untried
from core.workflows.precompute import precompute
from core.workflows.protocol import AttackSuite

TOPIC = "plainsight"
GPU_SHARE = 8 * 2**30
"""Bytes of a GPU's memory for each process that shares it."""
ENVIRONMENT = "distributed.nanny.pre-spawn-environ"


@dataclass(frozen=True)
class Job:
    """One run and where it goes; `measure` adds perturbations, universal robustness and the risks.

    `threads` is what the process that runs it shall use; None leaves that to the machine it runs on. `suffix` comes
    after the recipe's name, before the seed.
    """

    recipe: Recipe
    root: Path
    measure: bool = True
    device: str = "auto"
    threads: int | None = None
    suffix: str = ""

    @property
    def name(self) -> str:
        kind = replace(self.recipe, seed=0).name
        return f"{kind}{self.suffix}{self.recipe.name.removeprefix(kind)}"

    @property
    def folder(self) -> Path:
        return store.folder_of(self.root, self.recipe.data, self.name)

    @property
    def done(self) -> bool:
        """Whether the folder holds this very recipe, and what was to be measured of it."""
        if not (self.folder / store.CONFIG).is_file():
            return False
        if not self.recipe.matches(store.read(self.folder).recipe):
            return False
        results = ModelFolder(self.folder).results if self.measure else None
        return not self.measure or bool(results and results.robustness and results.risks)

    @property
    def lacks_others(self) -> bool:
        """Whether what broke other runs is still to be tried on this one, and its weights are there for that."""
        return self.measure and store.read(self.folder).has_weights and untried(ModelFolder(self.folder))


@dataclass(frozen=True)
class News:
    """What a run tells on the way: the number of an epoch that is over (0: it began), or what is being measured."""

    run: str
    epoch: int
    says: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a run ended: `error` is None where its folder is complete; `skipped` if it was so beforehand."""

    run: str
    folder: Path
    error: str | None = None
    skipped: bool = False
    seconds: float = 0.0


def sweep(
    runs: Sequence[Recipe],
    root: Path,
    *,
    measure: bool = True,
    scheduler: str | None = None,
    workers: int | None = None,
    device: str = "auto",
    report: Callable[[News | Outcome], None] = lambda news: None,
    suffix: str = "",
) -> list[Outcome]:
    """Carry out every run that is not complete; returns how each ended, in the order of `runs`.

    `suffix` is added to the name of every run's folder, so that another schedule can stand beside the first.
    `scheduler` is the address of a running Dask scheduler, whose workers must have this package and see `root` and the
    data under the same paths; without one, `workers` processes on this machine. A run that fails is reported and the
    rest goes on; one whose process dies is given to another process. Raises ValueError for runs of equal names, a
    suffix that is no part of a folder's name, and where Dask is not installed.
    """
    if not re.fullmatch(r"[\w.-]*", suffix):
        raise ValueError(f"The suffix {suffix!r} does not fit; give letters, digits, dots, - and _, like -15epochs.")
    count = workers or processes(device)
    each = None if scheduler else threads(count)
    jobs = [Job(recipe, root.absolute(), measure, device, each, suffix) for recipe in runs]
    names = [job.name for job in jobs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"Each run needs a folder of its own, and {', '.join(twice)} is there more than once.")
    ended = {job.folder: Outcome(job.name, job.folder, skipped=True) for job in jobs if job.done}
    for outcome in ended.values():
        report(outcome)
    open_jobs = [job for job in jobs if job.folder not in ended]
    if open_jobs:
        with _client(scheduler, min(count, len(open_jobs))) as client:
            for outcome in _run(client, train_and_measure, open_jobs, report=report):
                ended[outcome.folder] = outcome
            late = [job for job in jobs if not ended[job.folder].error and job.lacks_others]
            for outcome in _run(client, try_others, late, report=report):
                before = ended[outcome.folder]
                ended[outcome.folder] = replace(before, error=outcome.error, seconds=before.seconds + outcome.seconds)
    return [ended[job.folder] for job in jobs]


def processes(device: str = "auto") -> int:
    """How many processes fit this machine: one for two processors, and no more than share a GPU's memory well."""
    fits = max(1, (os.cpu_count() or 1) // 2)
    if device != "cpu" and torch.cuda.is_available():
        fits = min(fits, max(1, torch.cuda.get_device_properties(0).total_memory // GPU_SHARE))
    return fits


def threads(count: int) -> int:
    """How many threads each of `count` processes shall use: as many as this one may, but together one a processor."""
    return max(1, min(torch.get_num_threads(), (os.cpu_count() or 1) // count))


def train_and_measure(job: Job) -> float:
    """Train and measure one run in this process; returns the seconds it took."""
    _pin(job)
    name, started = job.name, time.perf_counter()
    trained = train_model.each_epoch(job.recipe, partial(_tell, name))
    _tell(name, 0, "training")
    made = train_model.run(job.recipe, job.root, name, device=job.device, report=trained)
    if job.measure:
        _tell(name, job.recipe.epochs, "measuring")
        folder = ModelFolder(made.folder, _device(job))
        precompute(folder, AttackSuite.brief(datasets.get(job.recipe.data)))
        _assess(job, folder)
    return time.perf_counter() - started


def try_others(job: Job) -> float:
    """Try on a measured run what broke the runs that were measured after it; returns the seconds it took."""
    _pin(job)
    started = time.perf_counter()
    _tell(job.name, job.recipe.epochs, "trying what broke other runs")
    _assess(job, ModelFolder(job.folder, _device(job)))
    return time.perf_counter() - started


def _pin(job: Job) -> None:
    if job.threads:
        torch.set_num_threads(job.threads)


def _device(job: Job) -> str:
    return ("cuda" if torch.cuda.is_available() else "cpu") if job.device == "auto" else job.device


def _assess(job: Job, folder: ModelFolder) -> None:
    assess(folder, report=lambda line: _tell(job.name, job.recipe.epochs, line))


def _run(
    client: Any, work: Callable[[Job], float], jobs: Sequence[Job], *, report: Callable[[News | Outcome], None]
) -> Iterator[Outcome]:
    """The outcome of each job, as it ends; `report` gets these and what the jobs tell meanwhile."""
    from distributed import as_completed

    client.subscribe_topic(TOPIC, lambda event: report(News(*(event[1][name] for name in ("run", "epoch", "says")))))
    keys = {f"{work.__name__}-{job.folder}": job for job in jobs}
    futures = {client.submit(work, job, key=key, pure=False): job for key, job in keys.items()}
    for future in as_completed(futures):
        job = futures[future]
        if future.status == "finished":
            outcome = Outcome(job.name, job.folder, seconds=future.result())
        else:
            failure = future.exception() if future.status == "error" else None
            error = f"{type(failure).__name__}: {failure}" if failure else f"the cluster left it {future.status}"
            outcome = Outcome(job.name, job.folder, error)
        report(outcome)
        yield outcome


def _tell(run: str, epoch: int, says: str) -> None:
    from distributed import get_worker

    get_worker().log_event(TOPIC, {"run": run, "epoch": epoch, "says": says})


@contextmanager
def _client(scheduler: str | None, workers: int) -> Iterator[Any]:
    """A client of that scheduler, or of processes on this machine that end with it."""
    try:
        from dask import config
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise ValueError("A sweep needs Dask; install it with: pip install 'plainsight[cluster]'") from error
    if scheduler:
        try:
            client = Client(scheduler, timeout=5)
        except (OSError, ValueError) as error:
            raise FileError(f"No Dask scheduler answers at {scheduler}: {error}.") from error
        with client:
            yield client
        return
    # one task a process at a time: torch's own threads do the rest; any free port, since two sweeps may run at once
    options = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "silence_logs": logging.ERROR}
    # Dask has its processes hand every freed tensor back to the system at once, which costs more than half of the speed
    environment = {name: value for name, value in config.get(ENVIRONMENT).items() if name != "MALLOC_TRIM_THRESHOLD_"}
    with (
        config.set({ENVIRONMENT: environment}),
        LocalCluster(n_workers=workers, processes=True, **options) as cluster,
        Client(cluster) as client,
    ):
        yield client
