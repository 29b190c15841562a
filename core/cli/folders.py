"""Measure model folders, list them, and write the pages about them."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from core.checkpoints import results, store
from core.cli.console import out
from core.cli.options import AsJson, Device, Folder, Seed, available, in_255, log, percent, print_json, progress_bar
from core.reports import results_page
from core.workflows import precompute
from core.workflows.assess import assess as assess_folder
from core.workflows.protocol import AttackSuite


def precompute_command(
    folder: Folder,
    steps: Annotated[int | None, typer.Option(help="Steps of every attack; default 200, for scenes 150.")] = None,
    images: Annotated[int | None, typer.Option(help="Training images to craft on; default 2048, 360 scenes.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images in a step; default 64, 8 scenes.")] = None,
    epsilon: Annotated[
        list[float] | None,
        typer.Option(callback=in_255(127, whole=True), help="Only this strength in n/255; can be given several times."),
    ] = None,
    targets: Annotated[
        int | None, typer.Option(help="Aim at the first so many classes, or at so many scenes; default up to 3.")
    ] = None,
    assess: Annotated[
        bool | None,
        typer.Option(help="Also measure robustness and risk ladder; default: unless --epsilon is given."),
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Fill results.json and perturbations.safetensors of a model folder: what the app shows without computing."""
    data, only = store.read(folder).dataset(), tuple(int(n) for n in epsilon or ())
    sizes = {"steps": steps, "crafting_images": images, "batch_size": batch_size}
    suite = AttackSuite.standard(data, targets, seed=seed, only=only, **sizes)
    with progress_bar("{task.fields[last]}") as bar:
        task = bar.add_task("measuring", total=None, last="")

        def report(measurement: results.Measurement, done: int, total: int) -> None:
            last = f"{measurement.key}: {percent(measurement.report.accuracy)} right"
            bar.update(task, completed=done, total=total, last=last)
            log(f"{done}/{total} {last}, {measurement.seconds:.0f} s of crafting")

        precompute.precompute(folder, suite, available(device), report)
    if assess or (assess is None and not only):
        assess_folder(folder, available(device), lambda line: out.print(line, highlight=False))


def models_command(
    root: Annotated[Path | None, typer.Option(help="Where model folders lie; default: the shipped ones.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the model folders, with their clean accuracy and their accuracy under S-PGD at 8 and 16/255."""
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
        cells = ["", "", ""]
        if measured:
            reports = [measured.clean, *(m and m.report for m in (measured.find("spgd", e) for e in (8, 16)))]
            cells = [percent(report.accuracy) if report else "" for report in reports]
        title = checkpoint.short + ("" if checkpoint.has_weights else " (no weights)")
        table.add_row(checkpoint.group, checkpoint.name, title, *cells)
    out.print(table if found else f"There are no model folders under {root}.")


def results_command(
    root: Annotated[Path | None, typer.Option(help="Where model folders lie; default: the shipped ones.")] = None,
    docs: Annotated[Path, typer.Option(help="Folder that the pages are written to.")] = Path("docs"),
) -> None:
    """Write docs/results.md and docs/training.md from the JSON of the model folders; nothing is trained."""
    for page in results_page.write(root or store.default_root(), docs):
        out.print(f"wrote {page}")
