"""Craft a perturbation against a model, and measure one."""

from pathlib import Path
from typing import Annotated, Any

import typer

from core import attacks, files
from core.attacks.targets import objective, parse
from core.checkpoints import perturbations
from core.cli.console import out
from core.cli.model_options import Architecture, Classes, Data, Folder, Mean, Std, Weights, WeightsKey, victim
from core.cli.options import (
    AsJson,
    Device,
    Seed,
    UnitOption,
    available,
    in_255,
    largest,
    print_json,
    progress_bar,
    rates,
    read_delta,
)
from core.evaluation.perceptibility import measurable, measure
from core.evaluation.report import evaluate
from core.threat import Budget
from core.workflows.precompute import seen
from core.workflows.protocol import AttackSuite


def attack(
    folder: Folder = None,
    architecture: Architecture = None,
    weights: Weights = None,
    data: Data = None,
    mean: Mean = None,
    std: Std = None,
    weights_key: WeightsKey = None,
    classes: Classes = None,
    name: Annotated[str, typer.Option("--attack", help="spgd, deepfool, random-signs or checkerboard.")] = "spgd",
    epsilon: Annotated[
        float,
        typer.Option(callback=in_255(127, whole=True), help="Size in n/255, a whole number: what a picture can carry."),
    ] = 10,
    target: Annotated[
        str | None,
        typer.Option(help="A class by name or number; for scenes also scene-5, remove-car; default: any error."),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Steps (S-PGD) or images visited (DeepFool); default 200, for scenes 150.")
    ] = None,
    images: Annotated[int | None, typer.Option(help="Training images to craft on; default 2048, 360 scenes.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images in a step of S-PGD; default 64, 8 scenes.")] = None,
    held_out: Annotated[int | None, typer.Option(help="Held-out images to measure on; default: all.")] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            help="Folder for report.json and the perturbation: delta.safetensors (int8 in n/255, 1CHW), delta.npy "
            "(float32 shares of full intensity, CHW) and delta.png (128 + n)."
        ),
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Craft one perturbation for all images of the training split, and measure it on images it never saw."""
    chosen = victim(folder, architecture, weights, data, mean, std, available(device), weights_key, classes)
    model, found = chosen.model, chosen.data
    aim = None if target is None else parse(target, found)
    wanted = objective(aim, found)
    kind = attacks.get(name)
    if batch_size is not None and "batch_size" not in kind.__dataclass_fields__:
        raise ValueError(f"{kind.title} does not take mini-batches; leave --batch-size out.")
    suite = AttackSuite.standard(found, steps=steps, crafting_images=images, batch_size=batch_size)
    sized = {"batch_size": suite.batch_size} if "batch_size" in kind.__dataclass_fields__ else {}
    made = kind(Budget(epsilon / 255), wanted, steps=suite.steps, seed=seed, **sized)
    crafting, unseen = found.split("train", suite.crafting_images), found.split("test", held_out)
    if save:
        save.mkdir(parents=True, exist_ok=True)  # where that is not allowed it is told before anything is crafted
    with progress_bar("gain {task.fields[gain]:.3f}") as bar:
        task = bar.add_task(made.title, total=suite.steps, gain=float("nan"))
        for step in made.stream(model, crafting, track=False):
            bar.update(task, completed=step.iteration, total=step.total, gain=step.gain)
    delta = perturbations.quantise(step.delta).cpu() / 255
    content: dict[str, Any] = {
        **chosen.about,
        "attack": name,
        "epsilon": epsilon,
        "target": aim,
        "steps": suite.steps,
        "seed": seed,
        "crafted_on": seen(name, suite, len(crafting)),
    }
    if save:
        _save(save, delta, content)  # what was crafted is kept, whatever measuring it ends in
    report = evaluate(model, unseen, delta, wanted, classes=chosen.classes)
    shown, _ = unseen.first(min(200, len(unseen))).batch(slice(None))
    visible = measure(shown, delta) if measurable(shown) else None
    content |= {"report": report.to_json(), "perceptibility": visible and visible.to_json()}
    if save:
        _save(save, delta, content)
    if as_json:
        print_json(content)
        return
    out.print(f"{made.title} at {epsilon:g}/255 against {chosen.title} on {found.title}")
    out.print(rates(report))
    if visible is None:
        height, width = shown.shape[2:]
        out.print(f"Visibility is not measurable on pictures of {height}x{width}: SSIM needs 11 pixels a side.")
        return
    out.print(
        f"SSIM {visible.ssim:.3f}, mean colour difference {visible.colour_difference:.1f}, "
        f"{visible.visible:.0%} of pixels above the just noticeable one"
    )


def evaluate_command(
    folder: Folder = None,
    architecture: Architecture = None,
    weights: Weights = None,
    data: Data = None,
    mean: Mean = None,
    std: Std = None,
    weights_key: WeightsKey = None,
    classes: Classes = None,
    delta: Annotated[
        Path | None,
        typer.Option(
            help="A perturbation: delta.safetensors of attack --save, or .npy, .pt, .safetensors of other tools."
        ),
    ] = None,
    unit: UnitOption = None,
    held_out: Annotated[int | None, typer.Option(help="Held-out images; default: all.")] = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure a model on held-out images, clean or under a stored perturbation."""
    chosen = victim(folder, architecture, weights, data, mean, std, available(device), weights_key, classes)
    unseen = chosen.data.split("test", held_out)
    given = None if delta is None else read_delta(delta, unseen, unit)
    report = evaluate(chosen.model, unseen, given, classes=chosen.classes)
    if as_json:
        about = {} if given is None else {"delta": str(delta), "largest": largest(given)}
        print_json(chosen.about | about | {"report": report.to_json()})
    else:
        out.print(f"{chosen.title} on {chosen.data.name}, {'clean' if given is None else f'under {delta}'}")
        out.print(rates(report))


def _save(folder: Path, delta: Any, content: dict[str, Any]) -> None:
    from core.rendering import perturbation, png

    about = {"report": files.to_text(content, indent=None)}
    files.write_bytes(folder / "delta.safetensors", perturbations.delta_file(delta, about))
    files.write_bytes(folder / "delta.npy", perturbations.float_file(delta))
    (folder / "delta.png").write_bytes(png(perturbation(delta)))
    files.write_json(folder / "report.json", content)
