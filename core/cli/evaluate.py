"""`evaluate`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from core.attacks.targets import Target, objective
from core.cli.console import out, say
from core.cli.model_options import Victim, names_a_model
from core.cli.options import AsJson, HeldOut, KeyOption, TargetOption, UnitOption, largest, read_delta
from core.cli.output import print_json, rates


@names_a_model
def evaluate(
    victim: Victim,
    delta: Annotated[
        Path | None,
        typer.Option(
            help="A perturbation: delta.safetensors of attack --save, perturbations.safetensors of a model folder "
            "(with --key), or a .npy, .pt or .safetensors file of another tool. Default: none."
        ),
    ] = None,
    key: KeyOption = None,
    target: TargetOption = None,
    unit: UnitOption = None,
    held_out: HeldOut = None,
    as_json: AsJson = False,
) -> None:
    """Measure a model on held-out images, clean or perturbed.

    With a target it also tells how often the model sees that.
    """
    if key is not None and delta is None:
        raise ValueError(f"--key {key} names a perturbation in the file of --delta; give --delta too.")
    aim = None if target is None else Target.named(target, victim.data)
    evaluator = victim.evaluator(held_out, objective(aim, victim.data))
    perturbation = None if delta is None else read_delta(delta, evaluator.split, unit, key)
    report = evaluator(perturbation)
    if as_json:
        about: dict[str, Any] = {"target": aim and aim.to_json()}
        about |= {} if perturbation is None else {"delta": str(delta), "key": key, "largest": largest(perturbation)}
        print_json(victim.about | about | {"report": report.to_json()})
    else:
        under = "clean" if delta is None else f"under {key + ' of ' if key else ''}{delta}"
        say(f"{victim.title} on {victim.data.name}, {under}")
        out.print(rates(report))
