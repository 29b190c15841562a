"""Train and measure a grid of models."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from core import datasets
from core.cli.console import out
from core.cli.options import AsJson, Device, Root, available, in_255, log, print_json, progress_bar
from core.training.recipe import Recipe
from core.workflows.grid import grid, run_named
from core.workflows.sweep import News, Outcome
from core.workflows.sweep import sweep as run_sweep


def sweep(
    data: Annotated[str, typer.Option(help="A data set by name, or folder:PATH; see: data list.")] = "signs",
    arch: Annotated[str, typer.Option(help="As for train.")] = "resnet20",
    heap: Annotated[list[int] | None, typer.Option(help="Several times; default 1, 8, 64.")] = None,
    sigma: Annotated[list[float] | None, typer.Option(help="Several times; default 0.3, 0.5, 0.7, 0.9.")] = None,
    epsilon: Annotated[
        list[float] | None, typer.Option(callback=in_255(), help="In n/255, several times; default 2, 4, 8, 16, 24.")
    ] = None,
    seed: Annotated[list[int] | None, typer.Option(help="Several times; default 0.")] = None,
    only: Annotated[
        list[str] | None, typer.Option("--cell", help="Only this one, like s64-e16-w0.5-r1; several times.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Ascent steps K of the inner attack.")] = 4,
    step_size: Annotated[float, typer.Option(help="Inner step in units of epsilon.")] = 0.5,
    carry: Annotated[bool, typer.Option(help="As for train.")] = False,
    epochs: Annotated[int, typer.Option(help="Passes over the training images.")] = 30,
    batch_size: Annotated[int, typer.Option(help="Images in a mini-batch.")] = 128,
    learning_rate: Annotated[float, typer.Option(help="Its peak; it rises and falls along lines.")] = 0.2,
    images: Annotated[int | None, typer.Option(help="Use only the first so many training images.")] = None,
    start: Annotated[str | None, typer.Option(help="Model folder whose weights every cell hardens.")] = None,
    suffix: Annotated[
        str, typer.Option(help="Added to the folders' names, for cells beside those of another recipe.")
    ] = "",
    root: Root = Path("runs"),
    measure: Annotated[bool, typer.Option(help="Also measure robustness, ladder, and a few strengths.")] = True,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes on this machine; default: as many as fit it.")
    ] = None,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask scheduler, for many machines.")] = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Train and measure the product of heaps, sigmas, epsilons and seeds, or the cells that --cell names.

    Finished cells are left as they are, and the same command goes on where a killed one was. For many machines start
    `dask scheduler` and `dask worker ADDRESS` there (or use dask-jobqueue, dask-kubernetes, SSHCluster), with this
    package installed and the root folder shared.
    """
    if not scheduler:  # whose machines have devices and data of their own
        device = device if device == "auto" else available(device)
        if missing := datasets.get(data).missing:
            raise FileNotFoundError(missing)
    base = Recipe(
        data=data,
        architecture=arch,
        sigma=0.5,
        heap=1,
        epsilon=8 / 255,
        steps=steps,
        step_size=step_size,
        persist=carry,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        images=images,
        start=start,
    )
    if only and (heap or sigma or epsilon or seed):
        raise ValueError("--cell stands for --heap, --sigma, --epsilon and --seed; give either.")
    sizes = [value / 255 for value in epsilon or (2, 4, 8, 16, 24)]
    runs = [run_named(base, name) for name in only or ()] or grid(
        base, heap or [1, 8, 64], sigma or [0.3, 0.5, 0.7, 0.9], sizes, seed or [0]
    )
    total = epochs * len(runs)
    with progress_bar("{task.fields[last]}") as bar:
        task = bar.add_task("epochs of all cells", total=total, last="")
        done: dict[str, int] = {}

        def report(news: News | Outcome) -> None:
            done[news.run] = epochs if isinstance(news, Outcome) else news.epoch
            bar.update(task, completed=sum(done.values()), last=f"{news.run} {_says(news)}")
            log(f"{sum(done.values())}/{total} {news.run}: {_says(news)}")

        outcomes = run_sweep(runs, root, measure, scheduler, workers, device, report, suffix)
    failed = [outcome for outcome in outcomes if outcome.error]
    if as_json:
        print_json([{**vars(outcome), "folder": str(outcome.folder)} for outcome in outcomes])
    else:
        table = Table("cell", "", "seconds", box=None)
        for outcome in outcomes:
            table.add_row(outcome.run, _says(outcome), f"{outcome.seconds:.0f}" if outcome.seconds else "")
        out.print(table)
    if failed:
        raise ValueError(f"{len(failed)} of {len(outcomes)} runs failed; the same command tries them again.")


def _says(news: News | Outcome) -> str:
    if isinstance(news, News):
        return f"epoch {news.epoch}, {news.says}" if news.epoch else news.says
    return news.error or ("was complete" if news.skipped else "complete")
