"""`certify`."""

from typing import Annotated

import typer
from rich.table import Table

from core.attacks.spgd import SPGD
from core.cli.console import log, out, say
from core.cli.model_options import Victim, names_a_model
from core.cli.options import AsJson, CraftingImages, Seed, Steps, in_255
from core.cli.output import percent, print_json
from core.robustness import certificate
from core.robustness.certificate import Certificate
from core.threat import Budget
from core.workflows.protocol import AttackSuite

MOST = 127
"""The largest epsilon in n/255 that certificates are for."""


@names_a_model
def certify(
    victim: Victim,
    epsilon: Annotated[
        list[float] | None,
        typer.Option(callback=in_255(MOST), help="Size of the perturbations in n/255; repeatable. Default: 1."),
    ] = None,
    held_out: Annotated[int, typer.Option(min=1, help="Number of held-out images.")] = 200,
    heap: Annotated[
        int, typer.Option(min=1, help="Images of a group that one perturbation has to turn wrong at once.")
    ] = 20,
    seconds: Annotated[
        float, typer.Option(help="Seconds that the search for the worst perturbation of a group may take.")
    ] = 60.0,
    images: CraftingImages = None,
    steps: Steps = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Prove how many images stay right under any perturbation that all of them share.

    For chains of linear layers and ReLUs (--arch convnet). The proven floor stands beside the accuracy that an attack
    leaves, which no proof can exceed.
    """
    suite = AttackSuite.standard(victim.data, crafting_images=images, steps=steps)
    crafting, found = victim.data.split("train", suite.crafting_images), []
    for size in epsilon or [1.0]:
        attack = SPGD(Budget.from_255(size), steps=suite.steps, seed=seed, batch_size=suite.batch_size)
        evaluator = victim.evaluator(held_out)
        found.append(certificate.certify(evaluator, crafting, attack, heap=heap, seconds=seconds, report=log))
    if as_json:
        print_json({**victim.about, "certificates": [one.to_json() for one in found]})
    else:
        out.print(_table(found))
        say(f"{victim.title} on {victim.data.title}, groups of {heap} images")


def _table(found: list[Certificate]) -> Table:
    columns = ("epsilon", "right", "attacked", "certified", "95% interval", "certified, each by itself", "n")
    table = Table(*columns, box=None)
    for one in found:
        low, high = (f"{100 * end:.1f}" for end in one.interval)
        rates = [percent(rate) if rate else "" for rate in (one.clean, one.attacked)]
        floor = [f"{100 * one.floor:.1f}%", f"{low} to {high}", percent(one.each), f"{one.clean.n:,}"]
        table.add_row(f"{one.epsilon:g}/255", *rates, *floor)
    return table
