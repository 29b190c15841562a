"""Which model a command is about: a model folder, or anybody's weights of a named architecture."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from core import datasets
from core.checkpoints import store
from core.cli.console import err
from core.datasets import Dataset
from core.files import sha256
from core.models import external
from core.models.architectures import Normalised, check, numbered, some

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
WeightsKey = Annotated[
    str | None,
    typer.Option(help="With --weights: which of several sets in the file, like model_ema; default: the EMA."),
]
Classes = Annotated[
    Path | None,
    typer.Option(
        help="Class names of --data in the order of the model's logits: one a line, or JSON as of torchvision."
    ),
]
Data = Annotated[
    str | None, typer.Option(help="A data set by name, or folder:PATH@SIZE; default: what the model was trained on.")
]


@dataclass(frozen=True)
class Victim:
    """A model to be attacked, and the data for it, its classes numbered as the model's; `sha256` is of its weights."""

    model: Normalised
    data: Dataset
    name: str
    title: str
    sha256: str
    key: str | None = None
    """Which of the sets of weights in a file was taken; None where there is one only."""

    @property
    def classes(self) -> int:
        return len(self.data.classes)

    @property
    def about(self) -> dict[str, str | None]:
        """What a report says of it."""
        return {"model": self.name, "data": self.data.name, "sha256": self.sha256, "weights_key": self.key}


def victim(
    folder: Path | None,
    architecture: str | None,
    weights: Path | None,
    data: str | None,
    mean: str | None,
    std: str | None,
    device: str,
    key: str | None = None,
    classes: Path | None = None,
) -> Victim:
    """The model that the options name. Raises ValueError that says what is missing, or what does not fit.

    What may be meant otherwise is told on stderr: other classes' order, one of several sets of weights.
    """
    if (folder is None) == (weights is None):
        raise ValueError("Name one model: a folder, or --arch, --weights and --data of one that was trained elsewhere.")
    if folder is not None:
        given = {"--arch": architecture, "--mean": mean, "--std": std, "--weights-key": key}
        if extra := [name for name, value in given.items() if value is not None]:
            raise ValueError(f"{extra[0]} belongs to --weights; the folder {folder} says for itself what it holds.")
        checkpoint = store.read(folder)
        base = datasets.get(data or checkpoint.data)
        names = external.read_classes(classes) if classes else checkpoint.classes
        found = numbered(base, names, str(classes or folder), more=bool(classes))
        if found is not base and not classes:
            _tell(f"{base.name} has its classes in another order than {folder}; they are numbered as the model's.")
        model = store.load(folder, device)
        check(model, found, checkpoint.architecture)
        return Victim(model, found, checkpoint.name, checkpoint.title, checkpoint.sha256)
    assert weights is not None
    if architecture is None or data is None:
        raise ValueError(f"{weights} needs --arch (the architecture) and --data (what it classifies).")
    found = datasets.get(data)
    if classes:
        found = numbered(found, external.read_classes(classes), str(classes), more=True)
    elif list(found.classes) == sorted(found.classes) != (natural := sorted(found.classes, key=_natural)):
        _tell(
            f"The classes of {data} count in the order {some(found.classes)}; if the weights were trained in the order "
            f"{some(natural)}, as timm sorts folders, give the names in that order (--classes FILE)."
        )
    state = external.read_state(weights, key)
    if state.others and not key:
        _tell(
            f"{weights} holds {some((state.key, *state.others))}; {state.key} was taken (--weights-key takes another)."
        )
    model = external.load(architecture, state, len(found.classes), _numbers(mean), _numbers(std), device)
    check(model, found, architecture)
    title = f"{architecture} from {weights.name}"
    return Victim(model, found, weights.stem, title, sha256(weights), state.key or None)


def _tell(line: str) -> None:
    err.print(line, soft_wrap=True, highlight=False, markup=False)


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts names as timm sorts class folders: numbers in them by size, and without regard to case."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name.lower())]


def _numbers(text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        return tuple(float(word) for word in text.replace(",", " ").split())
    except ValueError as error:
        raise ValueError(f"A number for each channel is needed, like 0.485,0.456,0.406, not {text!r}.") from error
