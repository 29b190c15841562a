"""`robustness`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from torch import Tensor

from core.attacks.spgd import PUBLISHED
from core.attacks.targets import Target, objective
from core.checkpoints.donors import breaking_deltas
from core.cli.console import log, out, progress_bar, say
from core.cli.model_options import Victim, names_a_model
from core.cli.options import AsJson, BatchSize, CraftingImages, HeldOut, Seed, UnitOption, in_255, read_delta
from core.cli.output import print_json
from core.datasets import Split
from core.evaluation.evaluator import Evaluator
from core.robustness.result import Point, Robustness
from core.robustness.search import Search
from core.workflows.protocol import AttackSuite, Protocol


@names_a_model
def robustness(
    victim: Victim,
    level: Annotated[
        float | None,
        typer.Option(
            help="Fraction of images that must be wrong for a model to count as broken; for segmentation, of pixels. "
            "Default: 0.75 (0.5 for segmentation)."
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            help="Instead: the class that the fraction --level (0.75) must be predicted as; for segmentation also "
            "scene-5 or remove-car."
        ),
    ] = None,
    first: Annotated[float, typer.Option(callback=in_255(), help="The epsilon that is tried first, in n/255.")] = 16.0,
    highest: Annotated[float, typer.Option(callback=in_255(), help="The largest epsilon tried, in n/255.")] = 64.0,
    tolerance: Annotated[float, typer.Option(help="Precision of the answer, in n/255.")] = 0.25,
    restarts: Annotated[int, typer.Option(help="Random starts at the first epsilon; the best one counts.")] = 2,
    steps: Annotated[int, typer.Option(help="Steps of S-PGD from a random start.")] = 100,
    warm_steps: Annotated[
        int, typer.Option(help="Steps of S-PGD from the perturbation of a neighbouring epsilon.")
    ] = 40,
    donors: Annotated[
        Path | None,
        typer.Option(
            help="Folder of model folders, like checkpoints/cifar10: perturbations that broke these models, of the "
            "same image size, are tried as well."
        ),
    ] = None,
    start: Annotated[
        list[Path] | None,
        typer.Option(help="A perturbation to try as well, in any format that evaluate --delta reads; repeatable."),
    ] = None,
    unit: UnitOption = None,
    published: Annotated[
        bool,
        typer.Option(
            "--published",
            help="Attack as the authors of S-PGD describe it: capped loss, steps of one size, random starts at every "
            "epsilon and nothing else. It may get stuck where the full search does not.",
        ),
    ] = False,
    images: CraftingImages = None,
    batch_size: BatchSize = None,
    held_out: HeldOut = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Find the smallest epsilon at which one perturbation breaks a model.

    This is the universal robustness of the model. One perturbation for all images is searched at each epsilon.
    """
    if published and (donors or start or target is not None):
        raise ValueError(
            "--published attacks without a target and from random starts alone; leave out --target, --donors, --start."
        )
    aim = None if target is None else Target.named(target, victim.data)
    suite = AttackSuite.standard(victim.data, crafting_images=images, batch_size=batch_size)
    usual = Protocol.standard(victim.data).level if aim is None else Search.level
    search = Search(
        level=usual if level is None else level,
        first=min(first, highest),
        highest=highest,
        tolerance=tolerance,
        restarts=restarts,
        steps=steps,
        warm_steps=warm_steps,
        batch_size=suite.batch_size,
        seed=seed,
        fresh=published,
        attack=PUBLISHED if published else Search.attack,
    )
    evaluator = victim.evaluator(held_out, PUBLISHED.objective if published else objective(aim, victim.data))
    crafting = victim.data.split("train", suite.crafting_images)
    starts = [read_delta(path, crafting, unit) for path in start or ()]
    starts += [] if donors is None else donated(donors, crafting)
    found = _search(search, evaluator, crafting, starts)
    if as_json:
        print_json({**victim.about, "target": aim and aim.to_json(), **found.to_json()})
    else:
        out.print(_table(found))
        say(f"{victim.title} on {victim.data.title}: {verdict(found)}")


def donated(root: Path, crafting: Split) -> list[Tensor]:
    """The deltas (1,C,H,W) that broke models under `root` and fit the images. Raises ValueError if there is none."""
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
        return f"no perturbation up to {found.breaking_epsilon:g}/255 was found that reaches {found.level:.0%}."
    return f"one perturbation of {found.breaking_epsilon:g}/255 reaches {found.level:.0%}."


def _search(search: Search, evaluator: Evaluator, crafting: Split, starts: list[Tensor]) -> Robustness:
    with progress_bar("{task.fields[last]}") as bar:
        task = bar.add_task("epsilons tried", total=None, last="")

        def report(point: Point) -> None:
            last = f"{point.epsilon:g}/255: {point.success:.1%} succeed"
            bar.update(task, advance=1, last=last)
            log(last)

        return search(evaluator, crafting, starts=starts, report=report)


def _table(found: Robustness) -> Table:
    table = Table("epsilon", "success", "95% interval", "n", "tries", "steps", box=None)
    for point in found.curve:
        low, high = point.interval
        counts = f"{point.report.accuracy.n:,}", str(point.tries), str(point.steps)
        table.add_row(f"{point.epsilon:g}/255", f"{point.success:.1%}", f"{low:.1%} to {high:.1%}", *counts)
    return table
