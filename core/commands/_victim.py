"""Which model a command is about: a model folder, or anybody's weights of a named architecture."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from core import checkpoints, datasets, foreign
from core.datasets import Dataset
from core.files import sha256
from core.models import Normalised, check

Folder = Annotated[
    Path | None, typer.Argument(help="A model folder, for example checkpoints/signs/standard; or give --weights.")
]
Architecture = Annotated[
    str | None, typer.Option("--arch", help="Architecture of --weights: timm:resnet50, smp:Unet/resnet34, resnet20/16.")
]
Weights = Annotated[
    Path | None, typer.Option(help="Instead of a model folder: a safetensors file, or a state_dict of torch.save.")
]
Mean = Annotated[
    str | None, typer.Option(help="With --weights: what is taken from each channel, in [0,1]; default: what is known.")
]
Std = Annotated[str | None, typer.Option(help="With --weights: what each channel is divided by, like 0.2,0.2,0.2.")]
Data = Annotated[
    str | None, typer.Option(help="A data set by name, or folder:PATH@SIZE; default: what the model was trained on.")
]


@dataclass(frozen=True)
class Victim:
    """A model to be attacked, and the data for it; `sha256` is that of its weights."""

    model: Normalised
    data: Dataset
    name: str
    title: str
    sha256: str

    @property
    def classes(self) -> int:
        return len(self.data.classes)


def victim(
    folder: Path | None,
    architecture: str | None,
    weights: Path | None,
    data: str | None,
    mean: str | None,
    std: str | None,
    device: str,
) -> Victim:
    """The model that the options name. Raises ValueError that says what is missing, or what does not fit."""
    if (folder is None) == (weights is None):
        raise ValueError("Name one model: a folder, or --arch, --weights and --data of one that was trained elsewhere.")
    if folder is not None:
        given = {"--arch": architecture, "--mean": mean, "--std": std}
        if extra := [name for name, value in given.items() if value is not None]:
            raise ValueError(f"{extra[0]} belongs to --weights; the folder {folder} says for itself what it holds.")
        checkpoint = checkpoints.read(folder)
        found = datasets.get(data or checkpoint.data)
        model = checkpoints.load(folder, device)
        check(model, found, checkpoint.architecture)
        return Victim(model, found, checkpoint.name, checkpoint.title, checkpoint.sha256)
    assert weights is not None
    if architecture is None or data is None:
        raise ValueError(f"{weights} needs --arch (the architecture) and --data (what it classifies).")
    found = datasets.get(data)
    model = foreign.load(architecture, weights, len(found.classes), _numbers(mean), _numbers(std), device)
    check(model, found, architecture)
    return Victim(model, found, weights.stem, f"{architecture} from {weights.name}", sha256(weights))


def _numbers(text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        return tuple(float(word) for word in text.replace(",", " ").split())
    except ValueError as error:
        raise ValueError(f"A number for each channel is needed, like 0.485,0.456,0.406, not {text!r}.") from error
