"""`data fetch`."""

from importlib import import_module
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
        count = len(data.split(split))
        if data.drawn and not (path := import_module(f"core.datasets.{name}").DRAWN.path(split)).is_file():
            raise OSError(f"The pictures are drawn, and {path} cannot be written: let PLAINSIGHT_CACHE name a folder.")
        say(f"{name} {split}: {count:,} images")
