"""What the commands have in common: their options, and how they print."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from torch import Tensor

from core.checkpoints import perturbations
from core.checkpoints.perturbations import Unit
from core.cli.console import err
from core.datasets import Split
from core.evaluation.report import RATES, AnyRate, Report
from core.files import to_text
from core.numbers import from_255


def in_255(most: int = 255, whole: bool = False) -> Callable[..., Any]:
    """The check of an option in n/255; `whole` where only such numbers fit."""

    def check(param: typer.CallbackParam, value: Any) -> Any:
        for one in value if isinstance(value, list | tuple) else (value,):
            if one is not None:
                from_255(one, param.opts[0], most, whole)
        return value

    return check


Device = Annotated[str, typer.Option(help="auto takes a GPU if there is one; else cpu, cuda, mps.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Everything random follows from it.")]
Folder = Annotated[Path, typer.Argument(help="A model folder, for example checkpoints/signs/standard.")]
UnitOption = Annotated[
    Unit | None,
    typer.Option(
        "--unit", help="Of a perturbation of another tool: 255 (values are n/255) or 1; default: what is certain."
    ),
]
Root = Annotated[Path, typer.Option(help="Where model folders lie (checkpoints for those that ship).")]


def percent(rate: AnyRate) -> str:
    """A rate for people, like `81.3%`."""
    return f"{rate.value:.1%}" if rate.n else "nothing to count"


def rates(report: Report) -> Table:
    """The rates of a report as a table, each with its 95% interval and n."""
    table = Table("", "rate", "95% interval", "n", box=None)
    for name in RATES:
        rate = getattr(report, name)
        if rate is not None:
            told = {"accuracy": "right", "fooling": "fooled"}.get(name, name)
            table.add_row(told, percent(rate), interval(rate), f"{rate.n:,}")
    return table


def interval(rate: AnyRate) -> str:
    """The 95% interval of a rate for people; empty where nothing was counted."""
    low, high = rate.interval
    return f"{low:.1%} to {high:.1%}" if rate.n else ""


def read_delta(path: Path, images: Split, unit: Unit | None) -> Tensor:
    """The perturbation of a file for these images; says on the way how it was read."""
    delta = perturbations.read_delta(path, images.images.shape[1:], unit)
    err.print(f"{path}: the largest value was read as {largest(delta):g}/255", soft_wrap=True, highlight=False)
    return delta


def largest(delta: Tensor) -> float:
    """The size of a perturbation in n/255."""
    return round(255 * delta.abs().max().item(), 4)


def progress_bar(text: str) -> Progress:
    """A bar on standard error that ends with `text`, a format of rich."""
    what, figures = (TextColumn(form, markup=False) for form in ("{task.description}", text))
    columns = (what, BarColumn(), MofNCompleteColumn(), figures, TimeElapsedColumn(), TextColumn("left"))
    return Progress(*columns, TimeRemainingColumn(), console=err)


def log(line: str) -> None:
    """A line where no bar can be drawn, as in the log of a run in the background; nothing on a terminal."""
    if not err.is_terminal:
        err.print(line, soft_wrap=True, highlight=False)


def print_json(content: Any) -> None:
    """Strict JSON on standard output, for other programs."""
    print(to_text(content))


def available(name: str) -> str:
    """The device of that name, `auto` being the GPU where there is one. Raises ValueError where it is not there."""
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        if torch.empty(1, device=name).is_meta:
            raise RuntimeError("nothing is computed there")
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"The device {name!r} is not available here; use auto, or cpu.") from error
    return name
