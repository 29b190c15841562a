"""`data fetch`."""

from typing import Annotated

import typer

from core import datasets
from core.cli.console import say


def data_fetch(
    name: Annotated[
        str,
        typer.Argument(help="A data set that can be downloaded (cifar10, camvid, gtsrb) or drawn (signs, streets)."),
    ],
) -> None:
    """Download a data set, or draw and cache a built-in one."""
    fetch = datasets.fetcher(name)
    if fetch is not None:
        say(f"{name} is in {fetch()}.")
        return
    data = datasets.get(name)
    for split in ("train", "test"):
        say(f"{name} {split}: {len(data.split(split)):,} images")
