"""`risks`."""

from typing import Annotated

import typer
from rich.table import Table

from core.attacks.spgd import SPGD
from core.cli.console import out, say
from core.cli.model_options import Victim, names_a_model
from core.cli.options import AsJson, CraftingImages, Seed, in_255
from core.cli.output import interval, percent, print_json
from core.robustness.risks import Risks, measure_risks
from core.threat import Budget
from core.workflows.protocol import AttackSuite


@names_a_model
def risks(
    victim: Victim,
    epsilon: Annotated[float, typer.Option(callback=in_255(), help="Size of the perturbations in n/255.")] = 8.0,
    heap: Annotated[
        list[int] | None,
        typer.Option(
            help="Images that share a perturbation; repeat it for several heap sizes, largest first. Default: 64 and 8."
        ),
    ] = None,
    steps: Annotated[int, typer.Option(help="Steps of PGD on each heap, from each start.")] = 40,
    restarts: Annotated[
        int, typer.Option(min=0, help="Random starts, besides the perturbation of the next larger heap.")
    ] = 1,
    universal_steps: Annotated[
        int | None,
        typer.Option(help="Steps of S-PGD for the universal risk. Default: 200 (150 for segmentation)."),
    ] = None,
    images: CraftingImages = None,
    held_out: Annotated[int, typer.Option(help="Number of held-out images that all risks are measured on.")] = 512,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Measure the expected, universal, heap and adversarial risks of a model.

    All four are measured on the same held-out images.
    """
    suite = AttackSuite.standard(victim.data, crafting_images=images, steps=universal_steps)
    attack = SPGD(Budget.from_255(epsilon), steps=suite.steps, seed=seed, batch_size=suite.batch_size)
    universal = attack.craft(victim.model, victim.data.split("train", suite.crafting_images))
    measured = measure_risks(
        victim.evaluator(held_out),
        universal,
        epsilon=epsilon,
        sizes=heap or (64, 8),
        steps=steps,
        restarts=restarts,
        seed=seed,
    )
    if as_json:
        print_json({**victim.about, **measured.to_json()})
    else:
        out.print(_table(measured))
        say(f"{victim.title} on {victim.data.title}, perturbations of {epsilon:g}/255")


def _table(risks: Risks) -> Table:
    table = Table("risk", "mean loss", "95% interval", "accuracy", "95% interval", "n", box=None)
    for level in risks.levels:
        losses = f"{level.loss:.3f}", "{:.3f} to {:.3f}".format(*level.loss_interval)
        table.add_row(level.title, *losses, percent(level.accuracy), interval(level.accuracy), f"{level.accuracy.n:,}")
    return table
