"""`precompute`."""

from typing import Annotated

import typer

from core.checkpoints.results import Measurement
from core.checkpoints.store import ModelFolder
from core.cli.console import log, progress_bar, say
from core.cli.options import BatchSize, CraftingImages, Device, Folder, Seed, Steps, in_255
from core.cli.output import percent
from core.runtime import available
from core.workflows.assess import assess as assess_folder
from core.workflows.precompute import precompute as measure
from core.workflows.protocol import AttackSuite


def precompute(
    folder: Folder,
    steps: Steps = None,
    images: CraftingImages = None,
    batch_size: BatchSize = None,
    epsilon: Annotated[
        list[float] | None,
        typer.Option(
            callback=in_255(127, whole=True),
            help="Measure this epsilon only, in n/255; repeatable. Default: all of the attack suite.",
        ),
    ] = None,
    targets: Annotated[
        int | None,
        typer.Option(
            help="Number of target classes; for segmentation, of target scenes. Default: 3, or as many as exist."
        ),
    ] = None,
    assess: Annotated[
        bool | None,
        typer.Option(help="Also measure robustness and risks. Default: yes, unless --epsilon is given."),
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Measure a model folder and store the results that the app shows.

    The numbers are written to results.json, the perturbations to perturbations.safetensors.
    What is already stored is not measured again.
    """
    model = ModelFolder(folder, available(device))
    data, only = model.checkpoint.dataset(), tuple(int(n) for n in epsilon or ())
    sizes = {"steps": steps, "crafting_images": images, "batch_size": batch_size}
    suite = AttackSuite.standard(data, targets, seed=seed, only=only, **sizes)
    with progress_bar("{task.fields[last]}") as bar:
        task = bar.add_task("measuring", total=None, last="")

        def report(measurement: Measurement, done: int, total: int) -> None:
            last = f"{measurement.key}: accuracy {percent(measurement.report.accuracy)}"
            bar.update(task, completed=done, total=total, last=last)
            log(f"{done}/{total} {last}, crafted in {measurement.seconds:.0f} s")

        measure(model, suite, report)
    if assess or (assess is None and not only):
        assess_folder(model, report=say)
