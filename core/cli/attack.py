"""`attack`."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from torch import Tensor

from core import attacks, files
from core.attacks.base import UniversalAttack
from core.attacks.targets import Target, objective
from core.checkpoints import perturbations
from core.cli.console import out, progress_bar, say, tell
from core.cli.model_options import Victim, names_a_model
from core.cli.options import AsJson, BatchSize, CraftingImages, HeldOut, Seed, TargetOption, in_255
from core.cli.output import print_json, rates
from core.datasets import Split
from core.evaluation.perceptibility import (
    INSTALL_JOD,
    JUDGED,
    Perceptibility,
    jod_available,
    judge,
    judgeable,
    measurable,
    measure,
    spaced,
)
from core.rendering import perturbation, png
from core.threat import Budget
from core.workflows.precompute import seen
from core.workflows.protocol import AttackSuite

VISIBLE_ON = 200
"""The number of held-out images that visibility is measured on."""


@names_a_model
def attack(
    victim: Victim,
    name: Annotated[
        str, typer.Option("--attack", help="The attack: spgd, deepfool, random-signs or checkerboard.")
    ] = "spgd",
    epsilon: Annotated[
        float,
        typer.Option(callback=in_255(127, whole=True), help="Size of the perturbation in n/255, a whole number."),
    ] = 10,
    target: TargetOption = None,
    steps: Annotated[
        int | None,
        typer.Option(help="Steps of S-PGD, or images visited by DeepFool. Default: 200 (150 for segmentation)."),
    ] = None,
    images: CraftingImages = None,
    batch_size: BatchSize = None,
    held_out: HeldOut = None,
    save: Annotated[
        Path | None,
        typer.Option(
            help="Folder to write: report.json, and the perturbation as delta.safetensors (int8 in n/255, 1CHW), "
            "delta.npy (float32 in [-1, 1], CHW) and delta.png (128 + n)."
        ),
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Craft one perturbation for all images and measure it on held-out images.

    The perturbation is crafted on images of the training split.
    """
    aim = None if target is None else Target.named(target, victim.data)
    goal = objective(aim, victim.data)
    kind = attacks.get(name)
    if batch_size is not None and not kind.takes("batch_size"):
        raise ValueError(f"{kind.title} does not take mini-batches; leave out --batch-size.")
    suite = AttackSuite.standard(victim.data, steps=steps, crafting_images=images, batch_size=batch_size)
    sized = {"batch_size": suite.batch_size} if kind.takes("batch_size") else {}
    chosen = kind(Budget.from_255(epsilon), goal, steps=suite.steps, seed=seed, **sized)
    crafting, evaluator = victim.data.split("train", suite.crafting_images), victim.evaluator(held_out, goal)
    if save:
        save.mkdir(parents=True, exist_ok=True)  # fails before anything is crafted if it is not allowed
    delta = perturbations.as_stored(_craft(chosen, victim, crafting))
    content: dict[str, Any] = {
        **victim.about,
        "attack": name,
        "epsilon": epsilon,
        "target": aim and aim.to_json(),
        "steps": suite.steps,
        "seed": seed,
        "crafted_on": seen(name, suite, len(crafting)),
    }
    kept = _kept(save, delta, content) if save else None  # so that the perturbation stays if measuring fails
    report = evaluator(delta)
    shown, _ = evaluator.split.first(min(VISIBLE_ON, len(evaluator.split))).batch(slice(None))
    visibility = measure(shown, delta) if measurable(shown) else None
    if visibility and jod_available() and judgeable(viewed := spaced(evaluator.split, JUDGED)):
        visibility = replace(visibility, jod=judge(viewed, delta))
    content |= {"report": report.to_json(), "perceptibility": visibility and visibility.to_json()}
    kept = _kept(kept, delta, content) if kept else None
    if as_json:
        print_json(content)
        return _saved(save, kept)
    say(f"{chosen.title} at {epsilon:g}/255 against {victim.title} on {victim.data.title}")
    out.print(rates(report))
    out.print(_visibility(visibility, shown))
    _saved(save, kept)


def _craft(attack: UniversalAttack, victim: Victim, crafting: Split) -> Tensor:
    """The delta (1,C,H,W) of an attack, with a progress bar."""
    with progress_bar("gain {task.fields[gain]:.3f}") as bar:
        task = bar.add_task(attack.title, total=attack.steps, gain=float("nan"))
        for step in attack.stream(victim.model, crafting, track=False):
            bar.update(task, completed=step.iteration, total=step.total, gain=step.gain)
    return step.delta


def _visibility(visibility: Perceptibility | None, images: Tensor) -> str:
    if visibility is None:
        height, width = images.shape[2:]
        return f"Visibility cannot be measured on images of {height}x{width}: SSIM needs 11 pixels a side."
    return f"SSIM {visibility.ssim:.3f}, mean colour difference {visibility.colour_difference:.1f}, " + (
        f"JOD {visibility.jod} (10: no visible difference)" if visibility.jod else f"JOD: run {INSTALL_JOD}"
    )


def _kept(folder: Path, delta: Tensor, content: dict[str, Any]) -> Path | None:
    """Where the files were written: the folder, a temporary one where its disk is full, or None."""
    try:
        _save(folder, delta, content)
        return folder
    except OSError as error:
        try:
            other = Path(tempfile.mkdtemp(prefix="plainsight-kept-"))
            _save(other, delta, content)
        except OSError:
            other = None
        where = f"everything is kept in {other}" if other else "nor can anything else; the numbers are only printed"
        tell(f"{folder} cannot be written ({error.strerror}), {where}.")
        return other


def _saved(asked: Path | None, kept: Path | None) -> None:
    """Raises typer.Exit with status 1 where something was to be saved and is not where it was asked for."""
    if asked != kept:
        raise typer.Exit(1)


def _save(folder: Path, delta: Tensor, content: dict[str, Any]) -> None:
    about = {"report": files.to_text(content, indent=None)}
    files.write_bytes(folder / "delta.safetensors", perturbations.delta_file(delta, about))
    files.write_bytes(folder / "delta.npy", perturbations.float_file(delta))
    (folder / "delta.png").write_bytes(png(perturbation(delta)))
    files.write_json(folder / "report.json", content)
