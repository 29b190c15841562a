"""`train`."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from core.attacks.objectives import LOSS_CAP
from core.checkpoints.store import Checkpoint
from core.cli.console import log, progress_bar, say, tell
from core.cli.options import AsJson, Device, Root, Seed, in_255
from core.cli.output import print_json
from core.cli.training_options import (
    Architecture,
    BatchSize,
    Classwise,
    DataName,
    Epochs,
    InnerSteps,
    Jacobian,
    LearningRate,
    NormOfUpdate,
    Persist,
    Shrink,
    StepSize,
    StepSpread,
    TrainingImages,
    architecture,
)
from core.distributed import is_main_process
from core.runtime import Precision, available
from core.training.loop import Progress, jump
from core.training.recipe import Recipe
from core.workflows import train_model


def train(
    data: DataName = "signs",
    arch: Architecture = None,
    sigma: Annotated[float, typer.Option(help="Weight of the adversarial loss, 0 to 1; 0 is standard training.")] = 0.0,
    heap: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Heap size (sharedness): images that share a perturbation; 1 is standard adversarial training. "
            "Default: 64.",
        ),
    ] = None,
    epsilon: Annotated[
        float | None,
        typer.Option(callback=in_255(), help="Size of the training perturbations in n/255. Default: 16."),
    ] = None,
    steps: InnerSteps = 4,
    step_size: StepSize = 0.5,
    loss_cap: Annotated[
        float, typer.Option(help="Cap (kappa) of the loss of each image in the inner attack.")
    ] = LOSS_CAP,
    persist: Persist = False,
    classwise: Classwise = False,
    shrink: Shrink = 0.0,
    step_spread: StepSpread = 0.0,
    norm: NormOfUpdate = None,
    jacobian: Jacobian = 0.0,
    epochs: Epochs = 30,
    batch_size: BatchSize = 128,
    learning_rate: LearningRate = 0.2,
    label_smoothing: Annotated[float, typer.Option(help="Label smoothing of the weight update, 0 to 1.")] = 0.0,
    images: TrainingImages = None,
    start: Annotated[
        str | None,
        typer.Option(
            help="Model folder whose weights are fine-tuned, or imagenet (for timm, and encoders of smp). "
            "Default: random weights."
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the model folder. Default: from the settings.")] = None,
    root: Root = Path("runs"),
    seed: Seed = 0,
    device: Device = "auto",
    precision: Annotated[
        Precision | None, typer.Option(help="32-true or bf16-mixed. Default: bf16-mixed where the device supports it.")
    ] = None,
    graph: Annotated[
        bool | None,
        typer.Option(help="Record a training step as a CUDA graph. Default: yes, on a GPU in one process."),
    ] = None,
    compiled: Annotated[
        bool,
        typer.Option("--compile", help="Compile the network's passes first, which takes minutes; for long trainings."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train a model: standard, adversarial or shared adversarial.

    Training is standard by default; --sigma 0.5 --heap 64 --epsilon 16 makes it shared adversarial.
    Give --start to fine-tune a trained model. Rerun the command to resume an interrupted training.

    On several GPUs or machines: torchrun --nproc-per-node 4 -m core train ... A heap may span processes.
    """
    given = {"--heap": heap is not None, "--epsilon": epsilon is not None, "--persist": persist}
    given |= {
        "--classwise": classwise,
        "--shrink": shrink > 0,
        "--step-spread": step_spread > 0,
        "--norm": norm is not None,
    }
    if not sigma and any(given.values()):
        option = next(name for name in given if given[name])
        raise ValueError(f"{option} is for adversarial training, and sigma is 0; give a weight too, like --sigma 0.5.")
    device = device if device == "auto" else available(device)
    recipe = Recipe(
        data=data,
        architecture=architecture(arch, start),
        sigma=sigma,
        heap=((batch_size if classwise else 64) if heap is None else heap) if sigma else 1,
        epsilon=(16.0 if epsilon is None else epsilon) if sigma else 0.0,
        steps=steps,
        step_size=step_size,
        loss_cap=loss_cap,
        persist=persist,
        classwise=classwise,
        shrink=shrink,
        step_spread=step_spread,
        norm=norm,
        jacobian=jacobian,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        label_smoothing=label_smoothing,
        images=images,
        start=start,
        seed=seed,
    )
    trained = _run(recipe, root, name, device=device, precision=precision, graph=graph, compiled=compiled)
    if not is_main_process():
        return
    history = trained.config["history"]
    if as_json:
        print_json({"folder": str(trained.folder), "title": trained.title, "history": history})
        return
    if jumped := jump(history):
        tell(f"Warning: {jumped}; try another --seed or a lower --learning-rate.")
    say(f"{trained.title} is in {trained.folder}. Next: plainsight evaluate {trained.folder}")


def _run(recipe: Recipe, root: Path, name: str | None, **options: Any) -> Checkpoint:
    """Train with a progress bar; of several processes only the main one reports."""
    with progress_bar("{task.fields[last]}") as bar:
        task = bar.add_task("training", total=None, last="")

        def report(progress: Progress) -> None:
            figures = f"loss {progress.loss:.3f}, {progress.images_per_second:.0f} images/s"
            epoch = f"epoch {progress.epoch}/{recipe.epochs}"
            bar.update(task, description=epoch, completed=progress.done, total=progress.total, last=figures)
            if progress.done * recipe.epochs % progress.total == 0:
                log(f"{time.strftime('%H:%M')} {epoch}: {figures}")

        reporter = report if is_main_process() else lambda progress: None
        return train_model.run(recipe, root, name, report=reporter, **options)
