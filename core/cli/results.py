"""`results`."""

from pathlib import Path
from typing import Annotated

import typer

from core.checkpoints import store
from core.cli.console import say
from core.cli.options import ModelsRoot
from core.reports import results_page


def results(
    root: ModelsRoot = None,
    docs: Annotated[Path, typer.Option(help="Documentation folder; the files go to results/ in it.")] = Path("docs"),
) -> None:
    """Write the results pages from the numbers in the model folders.

    Figures and CSV files are written beside them. Nothing is trained or measured.
    """
    for page in results_page.write(root or store.default_root(), docs):
        say(f"wrote {page}")
