"""`campaign`."""

from pathlib import Path
from typing import Annotated

import typer

from core import datasets
from core.cli.console import log, say
from core.numbers import at_least_one
from core.runtime import available
from core.workflows import campaign as work
from core.workflows.sweep import processes


def campaign(
    queue: Annotated[Path, typer.Argument(help="A TOML file with the runs, those that decide most first.")],
    seconds: Annotated[float, typer.Option(help="How long to train; what is cut off goes on next time.")] = 600,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes on this machine. Default: as many as fit.")
    ] = None,
    root: Annotated[Path, typer.Option(help="Folder that new model folders are written to.")] = Path("runs"),
    pack: Annotated[
        Path | None, typer.Option(help="Folder for tar files of all finished runs, of at most 15 MiB each.")
    ] = None,
    device: Annotated[
        str, typer.Option(help="cpu, cuda or mps; auto takes a GPU if there is one. A CPU takes small runs only.")
    ] = "auto",
) -> None:
    """Train a queue of models for a given time, several at once on one device.

    Finished runs are skipped. Rerun the command to go on.
    """
    at_least_one(seconds=seconds)
    device, runs = available(device), work.read(queue)
    for name in dict.fromkeys(run.recipe.data for run in runs):
        if missing := datasets.get(name).missing:
            raise FileNotFoundError(missing)
    done = work.campaign(runs, root, seconds=seconds, workers=workers or processes(device), device=device, report=log)
    say(f"{len(done)} of {len(runs)} runs are done.")
    if pack and done:
        say(f"Packed: {', '.join(str(path) for path in work.pack(done, root, pack))}")
