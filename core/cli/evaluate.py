"""`evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from core.cli.console import out
from core.cli.model_options import Architecture, Classes, Data, Folder, Mean, Std, Weights, WeightsKey, load_victim
from core.cli.options import AsJson, Device, HeldOut, UnitOption, available, largest, read_delta
from core.cli.output import print_json, rates
from core.evaluation.report import evaluate as measure


def evaluate(
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
            help="A perturbation: delta.safetensors of attack --save, or a .npy, .pt or .safetensors file of another "
            "tool. Default: none."
        ),
    ] = None,
    unit: UnitOption = None,
    held_out: HeldOut = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure a model on held-out images, clean or perturbed."""
    victim = load_victim(
        folder=folder,
        architecture=architecture,
        weights=weights,
        data=data,
        mean=mean,
        std=std,
        device=available(device),
        key=weights_key,
        classes=classes,
    )
    held_out_split = victim.data.split("test", held_out)
    perturbation = None if delta is None else read_delta(delta, held_out_split, unit)
    report = measure(victim.model, held_out_split, perturbation, classes=victim.classes)
    if as_json:
        about = {} if perturbation is None else {"delta": str(delta), "largest": largest(perturbation)}
        print_json(victim.about | about | {"report": report.to_json()})
    else:
        out.print(f"{victim.title} on {victim.data.name}, {'clean' if delta is None else f'under {delta}'}")
        out.print(rates(report))
