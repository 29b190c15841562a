"""`replay`."""

from typing import Annotated

import typer

from core.checkpoints.store import ModelFolder
from core.cli.console import log, progress_bar, say
from core.cli.options import BatchSize, CraftingImages, Device, Folder, Seed, in_255
from core.cli.output import percent
from core.evaluation.report import Rate
from core.runtime import available
from core.workflows.protocol import AttackSuite
from core.workflows.replay import FRAMES, STEPS, record


def replay(
    folder: Folder,
    epsilon: Annotated[
        float | None,
        typer.Option(
            callback=in_255(127, whole=True),
            help="Strength in n/255. Default: the smallest stored one that makes the model wrong on half.",
        ),
    ] = None,
    steps: Annotated[int, typer.Option(help="Steps of the attack.")] = STEPS,
    frames: Annotated[int, typer.Option(help="Frames besides the random start.")] = FRAMES,
    images: CraftingImages = None,
    batch_size: BatchSize = None,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Store how the perturbation of a model forms, which the app can play.

    S-PGD attacks the model from a random start. Each frame is measured on all held-out images and written to
    replay.safetensors, in place of an earlier replay.
    """
    model = ModelFolder(folder, available(device))
    sizes = {"crafting_images": images, "batch_size": batch_size}
    suite = AttackSuite.standard(model.checkpoint.dataset(), steps=steps, seed=seed, **sizes)
    with progress_bar("{task.fields[last]}") as bar:
        task = bar.add_task("recording", total=steps, last="")

        def report(step: int, accuracy: Rate) -> None:
            last = f"step {step}: accuracy {percent(accuracy)}"
            bar.update(task, completed=step, last=last)
            log(f"{step}/{steps} {last}")

        found = record(model, suite, epsilon=None if epsilon is None else int(epsilon), frames=frames, report=report)
    say(f"{len(found.steps)} frames at {found.epsilon}/255: accuracy {percent(found.accuracy[-1])} in the end.")
