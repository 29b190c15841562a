"""List and fetch data sets."""

from typing import Annotated

import typer
from rich.table import Table

from core import datasets
from core.cli.console import out
from core.cli.options import AsJson, print_json


def data_list(as_json: AsJson = False) -> None:
    """List the data sets, their classes, and whether their images are here."""
    usages = datasets.usages()
    rows = [datasets.get(name) for name in datasets.registry() if name not in usages]
    if as_json:
        print_json([{"name": d.name, "title": d.title, "classes": d.classes, "missing": d.missing} for d in rows])
        return
    table = Table("name", "what", "classes", "images", box=None)
    for d in rows:
        table.add_row(d.name, d.title, str(len(d.classes)), d.missing or "ready")
    for way, what in usages.values():
        table.add_row(way, what)
    out.print(table)


def data_fetch(
    name: Annotated[
        str, typer.Argument(help="A built-in data set, which is drawn, or one that can be downloaded: cifar10, camvid.")
    ],
) -> None:
    """Bring a data set to this machine: download it, or draw and cache the built-in one."""
    fetch = datasets.fetcher(name)
    if fetch is not None:
        out.print(f"{name} is in {fetch()}.")
        return
    data = datasets.get(name)
    for split in ("train", "test"):
        out.print(f"{name} {split}: {len(data.split(split)):,} images")
