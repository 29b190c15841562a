"""Options of the commands that train."""

from pathlib import Path
from typing import Annotated

import typer

from core.checkpoints import store
from core.training.recipe import Norm

Architecture = Annotated[
    str | None,
    typer.Option(
        "--arch",
        help="Architecture: resnet20 (depths 8 to 110), resnet20/64 (with 64 channels, as in the paper), "
        "smp:PSPNet/resnet18 or timm:NAME. Default: that of --start, else resnet20.",
    ),
]
BatchSize = Annotated[int, typer.Option(help="Images in a mini-batch.")]
DataName = Annotated[str, typer.Option(help="A data set by name (see data list), or folder:PATH.")]
Epochs = Annotated[int, typer.Option(help="Passes over the training images.")]
InnerSteps = Annotated[int, typer.Option(help="Ascent steps K of the inner attack.")]
LearningRate = Annotated[float, typer.Option(help="Peak learning rate; it rises and falls linearly.")]
Persist = Annotated[
    bool,
    typer.Option(
        help="Persistent perturbations: start from those of the last mini-batch, so that fewer steps suffice."
    ),
]
Classwise = Annotated[
    bool,
    typer.Option(help="One perturbation for each class, shared by all its images of a mini-batch."),
]
Shrink = Annotated[
    float,
    typer.Option(
        help="The weights learn from perturbations multiplied by a factor drawn from 1 - SHRINK to 1 for each heap."
    ),
]
StepSpread = Annotated[
    float, typer.Option(help="The step size is drawn for each heap, up to this many octaves smaller or larger.")
]
Jacobian = Annotated[
    float,
    typer.Option(help="Weight of Jacobian regularisation: the logits are to change little with any pixel."),
]
NormOfUpdate = Annotated[
    Norm | None,
    typer.Option(
        "--norm",
        help="Batch norms of the weight update: separate statistics for attacked and clean images, or frozen ones. "
        "Default: joint statistics.",
    ),
]
StepSize = Annotated[float, typer.Option(help="Size of an ascent step, as a multiple of epsilon.")]
TrainingImages = Annotated[int | None, typer.Option(help="Use only the first N training images. Default: all.")]


def architecture(given: str | None, start: str | None) -> str:
    """The architecture that is given, else that of the model folder that training starts from, else resnet20."""
    if given is None and start and (Path(start) / store.CONFIG).is_file():
        return store.read(Path(start)).architecture
    return given or "resnet20"
