"""Options that several commands share, and how their values are read."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from torch import Tensor

from core.checkpoints import perturbations
from core.checkpoints.perturbations import Unit
from core.cli.console import tell
from core.datasets import Split
from core.numbers import units_of_255
from core.threat import Budget

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]
BatchSize = Annotated[
    int | None, typer.Option(help="Images in a mini-batch of S-PGD. Default: 64 (8 for segmentation).")
]
CraftingImages = Annotated[
    int | None,
    typer.Option(
        "--images", help="Training images that perturbations are crafted on. Default: 2048 (360 for segmentation)."
    ),
]
Device = Annotated[str, typer.Option(help="cpu, cuda or mps; auto takes a GPU if there is one.")]
Folder = Annotated[Path, typer.Argument(help="A model folder, for example checkpoints/signs/standard.")]
HeldOut = Annotated[int | None, typer.Option(help="Number of held-out images to measure on. Default: all.")]
ModelsRoot = Annotated[
    Path | None, typer.Option(help="Folder that holds the model folders. Default: the shipped models.")
]
Root = Annotated[Path, typer.Option(help="Folder that new model folders are written to.")]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of everything random.")]
Steps = Annotated[int | None, typer.Option(help="Steps of each attack. Default: 200 (150 for segmentation).")]
TargetOption = Annotated[
    str | None,
    typer.Option(
        help="Target class by name or number; for segmentation also scene-5 or remove-car. Default: any error."
    ),
]
KeyOption = Annotated[
    str | None,
    typer.Option(
        "--key",
        help="The perturbation to take where the file of --delta holds several: spgd-e8 or spgd-e16-t3 in the "
        "perturbations.safetensors of a model folder.",
    ),
]
UnitOption = Annotated[
    Unit | None,
    typer.Option(
        "--unit", help="Unit of a perturbation from another tool: 255 (values in n/255) or 1 (values in [0, 1])."
    ),
]


def in_255(most: int = 255, whole: bool = False) -> Callable[..., Any]:
    """The check of an option in n/255, up to `most`; `whole` allows whole numbers only."""

    def check(param: typer.CallbackParam, value: Any) -> Any:
        for number in value if isinstance(value, list | tuple) else (value,):
            if number is not None:
                units_of_255(number, param.opts[0], most=most, whole=whole)
        return value

    return check


def read_delta(path: Path, images: Split, unit: Unit | None, key: str | None = None) -> Tensor:
    """Read the perturbation (named `key`) in a file for these images, and print which size was read."""
    delta = perturbations.read_delta(path, images.images.shape[1:], unit, key)
    tell(f"{path}: the largest value was read as {largest(delta):g}/255")
    return delta


def largest(delta: Tensor) -> float:
    """The size of a perturbation in n/255."""
    return round(Budget(delta.abs().max().item()).epsilon_255, 4)
