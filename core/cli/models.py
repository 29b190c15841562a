"""`models`."""

from rich.table import Column, Table

from core.checkpoints import results, store
from core.cli.console import out, say
from core.cli.options import AsJson, ModelsRoot
from core.cli.output import percent, print_json


def models(root: ModelsRoot = None, as_json: AsJson = False) -> None:
    """List model folders and their accuracy.

    The columns are the clean accuracy and the accuracy under S-PGD of 8/255 and 16/255.
    """
    root = root or store.default_root()
    found = [(checkpoint, results.Results.load(checkpoint.folder)) for checkpoint in store.find(root)]
    if as_json:
        print_json(
            [{"folder": str(c.folder), "title": c.title, "recipe": c.recipe, "sha256": c.sha256} for c, _ in found]
        )
        return
    table = Table(
        Column("data", overflow="fold"), Column("name", no_wrap=True), "model", "clean", "8/255", "16/255", box=None
    )
    for checkpoint, measured in found:
        accuracies = ["", "", ""]
        if measured:
            reports = [measured.clean, *(m and m.report for m in (measured.find("spgd", e) for e in (8, 16)))]
            accuracies = [percent(report.accuracy) if report else "" for report in reports]
        title = checkpoint.short + ("" if checkpoint.has_weights else " (no weights)")
        table.add_row(checkpoint.group, checkpoint.name, title, *accuracies)
    if found:
        out.print(table)
    else:
        say(f"There are no model folders under {root}.")
