"""`convert`."""

from pathlib import Path
from typing import Annotated

import typer

from core.cli.console import say, tell
from core.cli.model_options import Architecture, Classes, Data, Mean, Std, Weights, WeightsKey, load_victim
from core.cli.options import Device, HeldOut, Root
from core.cli.output import interval, percent
from core.runtime import available
from core.workflows.convert import convert as into_folder


def convert(
    weights: Weights = None,
    architecture: Architecture = None,
    data: Data = None,
    mean: Mean = None,
    std: Std = None,
    weights_key: WeightsKey = None,
    classes: Classes = None,
    name: Annotated[str | None, typer.Option(help="Name of the model folder. Default: that of the file.")] = None,
    root: Root = Path("runs"),
    held_out: HeldOut = None,
    device: Device = "auto",
) -> None:
    """Make a model folder of weights that were trained elsewhere.

    Other commands and the app (--models) take the folder like one that train has made. The weights are stored as fp16,
    and measured on held-out images before and after.
    """
    if weights is None:
        raise ValueError("Name the weights of one model: --weights, --arch and --data.")
    victim = load_victim(
        folder=None,
        architecture=architecture,
        weights=weights,
        data=data,
        mean=mean,
        std=std,
        device=available(device),
        weights_key=weights_key,
        classes=classes,
    )
    origin = {"file": weights.name, "sha256": victim.sha256, "weights_key": victim.key}
    given = weights.stem if name is None else name
    made = into_folder(victim.model, victim.data, str(architecture), root, given, origin, held_out=held_out)
    say(str(made.checkpoint.folder))
    if made.report is None:
        tell(f"Not measured: {victim.data.missing}")
        return
    right, changed = made.report.accuracy, made.report.fooling
    measured = f"{percent(right)} right ({interval(right)}; n = {right.n:,})"
    say(f"{measured}; fp16 changed {percent(changed)} of the predictions")
    if made.guesses:
        tell(
            "That is no better than guessing: the order of the classes (--classes) or the normalisation (--mean, "
            "--std) may be another."
        )
