"""The smallest perturbation that breaks a model, and its four risks."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from torch import Tensor

from core.attacks.spgd import SPGD
from core.attacks.targets import objective, parse
from core.checkpoints.donors import breaking_deltas
from core.cli.console import out
from core.cli.model_options import Architecture, Classes, Data, Folder, Mean, Std, Weights, WeightsKey, victim
from core.cli.options import (
    AsJson,
    Device,
    Seed,
    UnitOption,
    available,
    in_255,
    interval,
    log,
    percent,
    print_json,
    progress_bar,
    read_delta,
)
from core.datasets import Split
from core.robustness.result import UNIT, Point, Robustness
from core.robustness.risks import measure_risks
from core.robustness.search import Search
from core.threat import Budget
from core.workflows.protocol import AttackSuite, Protocol


def robustness(
    folder: Folder = None,
    architecture: Architecture = None,
    weights: Weights = None,
    data: Data = None,
    mean: Mean = None,
    std: Std = None,
    weights_key: WeightsKey = None,
    classes: Classes = None,
    level: Annotated[
        float | None,
        typer.Option(help="Share that must be wrong; default 0.75 of the images, of scenes 0.5 of the pixels."),
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Instead: the share (0.75) that must show this class, or scene-5, remove-car.")
    ] = None,
    first: Annotated[float, typer.Option(callback=in_255(), help="Where the search begins, in n/255.")] = 16.0,
    highest: Annotated[float, typer.Option(callback=in_255(), help="Where it gives up, in n/255.")] = 64.0,
    tolerance: Annotated[float, typer.Option(help="How exact the answer is, in n/255.")] = 0.25,
    restarts: Annotated[int, typer.Option(help="Random starts at the first epsilon; the best counts.")] = 2,
    steps: Annotated[int, typer.Option(help="Steps of S-PGD from a random start.")] = 100,
    warm_steps: Annotated[int, typer.Option(help="Steps from the perturbation of a neighbouring epsilon.")] = 40,
    lent: Annotated[
        Path | None,
        typer.Option(
            help="Model folders, like checkpoints/cifar10: what broke those of this picture size is tried too."
        ),
    ] = None,
    start: Annotated[
        list[Path] | None,
        typer.Option(help="A perturbation that may work too, read like evaluate --delta; several times."),
    ] = None,
    unit: UnitOption = None,
    images: Annotated[int | None, typer.Option(help="Training images to craft on; default 2048, 360 scenes.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images in a step; default 64, 8 scenes.")] = None,
    held_out: Annotated[int | None, typer.Option(help="Held-out images to measure on; default: all.")] = None,
    seed: Seed = 0,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Find the smallest epsilon at which one perturbation for all images breaks a model: its universal robustness."""
    chosen = victim(folder, architecture, weights, data, mean, std, available(device), weights_key, classes)
    aim = None if target is None else parse(target, chosen.data)
    suite = AttackSuite.standard(chosen.data, crafting_images=images, batch_size=batch_size)
    usual = Protocol.standard(chosen.data).level if aim is None else Search.level
    search = Search(
        level=usual if level is None else level,
        objective=objective(aim, chosen.data),
        first=min(first, highest) * UNIT,
        highest=highest * UNIT,
        tolerance=tolerance * UNIT,
        restarts=restarts,
        steps=steps,
        warm_steps=warm_steps,
        batch_size=suite.batch_size,
        seed=seed,
    )
    crafting, unseen = chosen.data.split("train", suite.crafting_images), chosen.data.split("test", held_out)
    starts = [read_delta(path, crafting, unit) for path in start or ()] + (
        [] if lent is None else _lent(lent, crafting)
    )
    with progress_bar("{task.fields[last]}") as bar:
        task = bar.add_task("epsilons tried", total=None, last="")

        def report(point: Point) -> None:
            last = f"{point.epsilon / UNIT:g}/255: {point.success:.1%} succeed"
            bar.update(task, advance=1, last=last)
            log(last)

        found = search(chosen.model, crafting, unseen, chosen.classes, starts, report)
    if as_json:
        print_json({**chosen.about, "target": aim, **found.to_json()})
        return
    table = Table("epsilon", "success", "95% interval", "n", "tries", "steps", box=None)
    for point in found.curve:
        low, high = point.interval
        counts = f"{point.report.accuracy.n:,}", str(point.tries), str(point.steps)
        table.add_row(f"{point.epsilon / UNIT:g}/255", f"{point.success:.1%}", f"{low:.1%} to {high:.1%}", *counts)
    out.print(table)
    out.print(f"{chosen.title} on {chosen.data.title}: {verdict(found)}")


def _lent(root: Path, crafting: Split) -> list[Tensor]:
    """What broke the models below `root` and has the size of these pictures. Raises ValueError where there is none."""
    shape = tuple(crafting.images.shape[1:])
    fitting = [delta for delta in breaking_deltas(root).values() if tuple(delta.shape[1:]) == shape]
    if not fitting:
        size = " x ".join(map(str, shape))
        raise ValueError(
            f"{root} holds no perturbation of {size} that broke a model; name a folder of measured models."
        )
    return fitting


def verdict(found: Robustness) -> str:
    """The universal robustness in words."""
    if found.epsilon is None:
        return f"no perturbation up to {found.breaking_epsilon:g}/255 was found that gets to {found.level:.0%}."
    return f"one perturbation of {found.breaking_epsilon:g}/255 gets to {found.level:.0%}."


def ladder(
    folder: Folder = None,
    architecture: Architecture = None,
    weights: Weights = None,
    data: Data = None,
    mean: Mean = None,
    std: Std = None,
    weights_key: WeightsKey = None,
    classes: Classes = None,
    epsilon: Annotated[float, typer.Option(callback=in_255(), help="Size of the perturbations in n/255.")] = 8.0,
    heap: Annotated[
        list[int] | None, typer.Option(help="Images that share a perturbation; several times, falling. Default 64, 8.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Steps of PGD on each heap, from each start.")] = 40,
    restarts: Annotated[int, typer.Option(min=0, help="Random starts beside the coarser heap's perturbation.")] = 1,
    universal_steps: Annotated[int | None, typer.Option(help="Steps of S-PGD; default 200, for scenes 150.")] = None,
    images: Annotated[int | None, typer.Option(help="Training images to craft on; default 2048, 360 scenes.")] = None,
    held_out: Annotated[int, typer.Option(help="Held-out images that all risks are measured on.")] = 512,
    seed: Seed = 0,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure four risks on the same images: expected, universal, of heaps, adversarial (each image by itself)."""
    chosen = victim(folder, architecture, weights, data, mean, std, available(device), weights_key, classes)
    suite = AttackSuite.standard(chosen.data, crafting_images=images, steps=universal_steps)
    attack = SPGD(Budget(epsilon * UNIT), steps=suite.steps, seed=seed, batch_size=suite.batch_size)
    universal = attack.craft(chosen.model, chosen.data.split("train", suite.crafting_images))
    unseen = chosen.data.split("test", held_out)
    found = measure_risks(
        chosen.model, unseen, universal, epsilon * UNIT, heap or (64, 8), steps, restarts, seed, chosen.classes
    )
    if as_json:
        print_json({**chosen.about, **found.to_json()})
        return
    table = Table("risk", "mean loss", "95% interval", "right", "95% interval", "n", box=None)
    for level in found.levels:
        losses = f"{level.loss:.3f}", "{:.3f} to {:.3f}".format(*level.loss_interval)
        table.add_row(level.title, *losses, percent(level.accuracy), interval(level.accuracy), f"{level.accuracy.n:,}")
    out.print(table)
    out.print(f"{chosen.title} on {chosen.data.title}, perturbations of {epsilon:g}/255")
