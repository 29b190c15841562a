"""What the commands have in common: their options, and how they print."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from core.evaluation import RATES, Report

out, err = Console(), Console(stderr=True)

Device = Annotated[str, typer.Option(help="auto takes a GPU if there is one; else cpu, cuda, mps.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]
Seed = Annotated[int, typer.Option(help="Everything random follows from it.")]
Folder = Annotated[Path, typer.Argument(help="A model folder, for example checkpoints/signs/standard.")]
Root = Annotated[Path, typer.Option(help="Where model folders lie (checkpoints for those that ship).")]


def rates(report: Report) -> Table:
    table = Table("", "rate", "95% interval", "n", box=None)
    for name in RATES:
        rate = getattr(report, name)
        if rate is not None:
            low, high = rate.interval
            table.add_row(
                {"accuracy": "right", "fooling": "fooled"}.get(name, name),
                f"{rate.value:.1%}",
                f"{low:.1%} to {high:.1%}",
                f"{rate.n:,}",
            )
    return table


def progress_bar(text: str) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(text))
    return Progress(*columns, TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), console=err)


def log(line: str) -> None:
    """A line where no bar can be drawn, as in the log of a run in the background; nothing on a terminal."""
    if not err.is_terminal:
        err.print(line, soft_wrap=True, highlight=False)


def print_json(content: Any) -> None:
    print(json.dumps(content, indent=1, ensure_ascii=False, default=str))


def available(name: str) -> str:
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"The device {name!r} is not available here; use auto, or cpu.") from error
    return name
