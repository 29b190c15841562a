"""Where the commands print: results on standard output, progress and messages on standard error."""

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

PLAIN: dict[str, Any] = {"markup": False, "emoji": False}
"""Names of files and classes are printed unchanged: `[x]` is not read as a style, nor `:car:` as an emoji."""
out, err = Console(**PLAIN), Console(stderr=True, **PLAIN)


def say(line: str) -> None:
    """Print a result in words on standard output, unwrapped: a path that is copied from it must stay whole."""
    out.print(line, soft_wrap=True, highlight=False)


def tell(line: str) -> None:
    """Print a message on standard error, unwrapped, whether or not it is a terminal."""
    err.print(line, soft_wrap=True, highlight=False)


def log(line: str) -> None:
    """Print a line where no progress bar is drawn, as in the log of a background run; nothing on a terminal."""
    if not err.is_terminal:
        tell(line)


def progress_bar(text: str) -> Progress:
    """A progress bar on standard error that ends with `text`, a rich format string."""
    what, figures = (TextColumn(form, markup=False) for form in ("{task.description}", text))
    columns = (what, BarColumn(), MofNCompleteColumn(), figures, TimeElapsedColumn(), TextColumn("left"))
    return Progress(*columns, TimeRemainingColumn(), console=err)
