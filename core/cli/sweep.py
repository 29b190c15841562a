"""`sweep`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from core import datasets
from core.cli.console import log, out, progress_bar
from core.cli.options import AsJson, Device, Root, in_255
from core.cli.output import print_json
from core.cli.training_options import (
    Architecture,
    BatchSize,
    DataName,
    Epochs,
    InnerSteps,
    LearningRate,
    NormOfUpdate,
    Persist,
    Shrink,
    StepSize,
    StepSpread,
    TrainingImages,
    architecture,
)
from core.runtime import available
from core.training.recipe import Recipe
from core.workflows.grid import grid, run_named
from core.workflows.sweep import News, Outcome
from core.workflows.sweep import sweep as train_and_measure


def sweep(
    data: DataName = "signs",
    arch: Architecture = None,
    heap: Annotated[list[int] | None, typer.Option(help="Heap size; repeatable. Default: 1, 8 and 64.")] = None,
    sigma: Annotated[
        list[float] | None,
        typer.Option(help="Weight of the adversarial loss, 0 to 1; repeatable. Default: 0.3, 0.5, 0.7 and 0.9."),
    ] = None,
    epsilon: Annotated[
        list[float] | None,
        typer.Option(
            callback=in_255(),
            help="Size of the training perturbations in n/255; repeatable. Default: 2, 4, 8, 16 and 24.",
        ),
    ] = None,
    seed: Annotated[list[int] | None, typer.Option(help="Seed; repeatable. Default: 0.")] = None,
    run: Annotated[
        list[str] | None, typer.Option(help="Train only the run of this name, like s64-e16-w0.5-r1; repeatable.")
    ] = None,
    steps: InnerSteps = 4,
    step_size: StepSize = 0.5,
    persist: Persist = False,
    shrink: Shrink = 0.0,
    step_spread: StepSpread = 0.0,
    norm: NormOfUpdate = None,
    epochs: Epochs = 30,
    batch_size: BatchSize = 128,
    learning_rate: LearningRate = 0.2,
    images: TrainingImages = None,
    start: Annotated[
        str | None, typer.Option(help="Model folder whose weights every run starts from. Default: random weights.")
    ] = None,
    suffix: Annotated[
        str, typer.Option(help="Text added to the folder names, to keep runs of another recipe apart.")
    ] = "",
    root: Root = Path("runs"),
    measure: Annotated[
        bool, typer.Option(help="Also measure robustness, risks and accuracy under a few perturbations.")
    ] = True,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes on this machine. Default: as many as fit.")
    ] = None,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask scheduler, to use several machines.")] = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Train and measure a grid of models, on one machine or a cluster.

    The grid is the product of heaps, sigmas, epsilons and seeds, or the runs that --run names.
    Completed runs are skipped. Rerun the command to resume a sweep or to retry failed runs.

    For a cluster, start `dask scheduler` and `dask worker ADDRESS` (or use dask-jobqueue, dask-kubernetes or
    SSHCluster) with this package installed and the root folder shared, and give --scheduler ADDRESS.
    """
    if not scheduler:  # the machines of a cluster have devices and data of their own
        device = device if device == "auto" else available(device)
        if missing := datasets.get(data).missing:
            raise FileNotFoundError(missing)
    if run and (heap or sigma or epsilon or seed):
        raise ValueError("--run replaces --heap, --sigma, --epsilon and --seed; give one or the other.")
    base = Recipe(
        data=data,
        architecture=architecture(arch, start),
        sigma=0.5,
        heap=1,
        epsilon=8.0,
        steps=steps,
        step_size=step_size,
        persist=persist,
        shrink=shrink,
        step_spread=step_spread,
        norm=norm,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        images=images,
        start=start,
    )
    runs = [run_named(base, name) for name in run or ()] or grid(
        base,
        heaps=heap or [1, 8, 64],
        sigmas=sigma or [0.3, 0.5, 0.7, 0.9],
        epsilons=epsilon or [2.0, 4.0, 8.0, 16.0, 24.0],
        seeds=seed or [0],
    )
    options = {"measure": measure, "scheduler": scheduler, "workers": workers, "device": device, "suffix": suffix}
    outcomes = _run(runs, root, epochs, **options)
    if as_json:
        rounded = [{**vars(one), "folder": str(one.folder), "seconds": round(one.seconds, 1)} for one in outcomes]
        print_json(rounded)
    else:
        out.print(_table(outcomes))
    if failed := [outcome for outcome in outcomes if outcome.error]:
        raise ValueError(f"{len(failed)} of {len(outcomes)} runs failed; rerun the command to try them again.")


def _run(runs: Sequence[Recipe], root: Path, epochs: int, **options: Any) -> list[Outcome]:
    """Train and measure with a progress bar; each of the runs has so many epochs."""
    total = epochs * len(runs)
    with progress_bar("{task.fields[last]}") as bar:
        task = bar.add_task("epochs of all runs", total=total, last="")
        done: dict[str, int] = {}

        def report(news: News | Outcome) -> None:
            done[news.run] = epochs if isinstance(news, Outcome) else news.epoch
            bar.update(task, completed=sum(done.values()), last=f"{news.run} {_state(news)}")
            log(f"{sum(done.values())}/{total} {news.run}: {_state(news)}")

        return train_and_measure(runs, root, report=report, **options)


def _table(outcomes: Sequence[Outcome]) -> Table:
    table = Table("run", "", "seconds", box=None)
    for outcome in outcomes:
        table.add_row(outcome.run, _state(outcome), f"{outcome.seconds:.0f}" if outcome.seconds else "")
    return table


def _state(news: News | Outcome) -> str:
    if isinstance(news, News):
        return f"epoch {news.epoch}, {news.says}" if news.epoch else news.says
    return news.error or ("was complete" if news.skipped else "complete")
