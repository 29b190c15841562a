"""`data list`."""

from rich.table import Table

from core import datasets
from core.cli.console import out
from core.cli.options import AsJson
from core.cli.output import print_json


def data_list(as_json: AsJson = False) -> None:
    """List the data sets and whether their images are on this machine."""
    usages = datasets.usages()
    rows = [datasets.get(name) for name in datasets.registry() if name not in usages]
    if as_json:
        print_json([{"name": d.name, "title": d.title, "classes": d.classes, "missing": d.missing} for d in rows])
        return
    table = Table("name", "title", "classes", "images", box=None)
    for d in rows:
        table.add_row(d.name, d.title, str(len(d.classes)), d.missing or "ready")
    for name, content in usages.values():
        table.add_row(name, content)
    out.print(table)
