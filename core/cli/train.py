"""Train a model folder."""

import time
from pathlib import Path
from typing import Annotated

import typer

from core.attacks.objectives import LOSS_CAP
from core.cli.console import err, out
from core.cli.options import AsJson, Device, Root, Seed, available, in_255, log, print_json, progress_bar
from core.distributed import is_main_process
from core.runtime import Precision
from core.training.loop import Progress, jump
from core.training.recipe import Recipe
from core.workflows import train_model


def train(
    data: Annotated[str, typer.Option(help="A data set by name, or folder:PATH; see: data list.")] = "signs",
    arch: Annotated[
        str, typer.Option(help="resnet20 (8 to 110), resnet20/64 (the paper's width), smp:PSPNet/resnet18, timm:NAME.")
    ] = "resnet20",
    sigma: Annotated[float, typer.Option(help="Weight of the attacked loss; 0 is standard training.")] = 0.0,
    heap: Annotated[
        int | None,
        typer.Option(min=1, help="Sharedness s: images that share a delta; 1 is standard adversarial. Default 64."),
    ] = None,
    epsilon: Annotated[
        float | None, typer.Option(callback=in_255(), help="Size of the training deltas in n/255. Default 16.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Ascent steps K of the inner attack.")] = 4,
    step_size: Annotated[float, typer.Option(help="Inner step in units of epsilon.")] = 0.5,
    loss_cap: Annotated[float, typer.Option(help="kappa: cap of each loss inside the attack.")] = LOSS_CAP,
    carry: Annotated[bool, typer.Option(help="Start from the last mini-batch's deltas; fewer steps may do.")] = False,
    epochs: Annotated[int, typer.Option(help="Passes over the training images.")] = 30,
    batch_size: Annotated[int, typer.Option(help="Images in a mini-batch.")] = 128,
    learning_rate: Annotated[float, typer.Option(help="Its peak; it rises and falls along lines.")] = 0.2,
    label_smoothing: Annotated[float, typer.Option(help="In the weight update only.")] = 0.0,
    images: Annotated[int | None, typer.Option(help="Use only the first so many training images.")] = None,
    start: Annotated[
        str | None, typer.Option(help="Model folder whose weights are hardened, or imagenet (timm, smp encoders).")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Folder name; default follows from the settings.")] = None,
    root: Root = Path("runs"),
    seed: Seed = 0,
    device: Device = "auto",
    precision: Annotated[
        Precision | None, typer.Option(help="32-true or bf16-mixed; default: what the device does well.")
    ] = None,
    graph: Annotated[
        bool | None,
        typer.Option(help="Record the work of a mini-batch as a CUDA graph; default: yes, on a GPU in one process."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train a model: standard (--sigma 0) or shared adversarial (--sigma 0.5 --heap 64 --epsilon 16).

    A killed run goes on where it was when the same command is given again. Harden a trained model with --start.
    On several GPUs or machines: torchrun --nproc-per-node 4 -m core train ...; a heap may span them.
    """
    given = {"--heap": heap is not None, "--epsilon": epsilon is not None, "--carry": carry}
    if not sigma and any(given.values()):
        option = next(name for name in given if given[name])
        raise ValueError(f"{option} is for adversarial training, and sigma is 0; give a weight too, like --sigma 0.5.")
    device = device if device == "auto" else available(device)
    recipe = Recipe(
        data=data,
        architecture=arch,
        sigma=sigma,
        heap=(64 if heap is None else heap) if sigma else 1,
        epsilon=(16.0 if epsilon is None else epsilon) / 255 if sigma else 0.0,
        steps=steps,
        step_size=step_size,
        loss_cap=loss_cap,
        persist=carry,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        label_smoothing=label_smoothing,
        images=images,
        start=start,
        seed=seed,
    )
    with progress_bar("{task.fields[last]}") as bar:
        task = bar.add_task("training", total=None, last="")

        def report(progress: Progress) -> None:
            figures = f"loss {progress.loss:.3f}, {progress.images_per_second:.0f} images/s"
            epoch = f"epoch {progress.epoch}/{epochs}"
            bar.update(task, description=epoch, completed=progress.done, total=progress.total, last=figures)
            if progress.done * epochs % progress.total == 0:
                log(f"{time.strftime('%H:%M')} {epoch}: {figures}")

        told = report if is_main_process() else lambda progress: None
        made = train_model.run(recipe, root, name, device, precision, told, graph)
    if not is_main_process():
        return
    if as_json:
        print_json({"folder": str(made.folder), "title": made.title, "history": made.config["history"]})
        return
    if lost := jump(made.config["history"]):
        err.print(f"Mind that {lost}; another --seed or a lower --learning-rate may do better.", highlight=False)
    out.print(f"{made.title} is in {made.folder}. Next: python -m core evaluate {made.folder}")
