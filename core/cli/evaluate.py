"""`evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from core.cli.console import out, say
from core.cli.model_options import Victim, names_a_model
from core.cli.options import AsJson, HeldOut, UnitOption, largest, read_delta
from core.cli.output import print_json, rates


@names_a_model
def evaluate(
    victim: Victim,
    delta: Annotated[
        Path | None,
        typer.Option(
            help="A perturbation: delta.safetensors of attack --save, or a .npy, .pt or .safetensors file of another "
            "tool. Default: none."
        ),
    ] = None,
    unit: UnitOption = None,
    held_out: HeldOut = None,
    as_json: AsJson = False,
) -> None:
    """Measure a model on held-out images, clean or perturbed."""
    evaluator = victim.evaluator(held_out)
    perturbation = None if delta is None else read_delta(delta, evaluator.split, unit)
    report = evaluator(perturbation)
    if as_json:
        about = {} if perturbation is None else {"delta": str(delta), "largest": largest(perturbation)}
        print_json(victim.about | about | {"report": report.to_json()})
    else:
        say(f"{victim.title} on {victim.data.name}, {'clean' if delta is None else f'under {delta}'}")
        out.print(rates(report))
