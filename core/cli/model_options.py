"""Options that name the model of a command: a model folder, or weights of a named architecture."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from core import datasets
from core.attacks.objectives import Objective, Untargeted
from core.checkpoints import store
from core.cli.console import tell
from core.cli.options import Device
from core.datasets import Dataset
from core.evaluation.evaluator import Evaluator
from core.files import sha256
from core.models import external
from core.models.compatibility import check, numbered, some
from core.models.normalised import Normalised
from core.runtime import available

Folder = Annotated[
    Path | None, typer.Argument(help="A model folder, for example checkpoints/signs/standard; or give --weights.")
]
Architecture = Annotated[
    str | None,
    typer.Option(
        "--arch", help="With --weights: the architecture, like timm:resnet50, smp:Unet/resnet34 or resnet20/16."
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(help="Instead of a model folder: a safetensors file, or a state_dict saved by torch.save."),
]
Mean = Annotated[
    str | None,
    typer.Option(help="With --weights: mean of each channel in [0, 1], like 0.5,0.5,0.5. Default: as stored or usual."),
]
Std = Annotated[
    str | None,
    typer.Option(help="With --weights: standard deviation of each channel, like 0.2,0.2,0.2. Default: as for --mean."),
]
WeightsKey = Annotated[
    str | None,
    typer.Option(
        help="With --weights: the set of weights in the file to load, like model_ema. Default: the EMA if there is one."
    ),
]
Classes = Annotated[
    Path | None,
    typer.Option(
        help="Class names of --data in the order of the logits: a text file, one name per line, or torchvision's JSON."
    ),
]
Data = Annotated[
    str | None,
    typer.Option(help="A data set by name, or folder:PATH@SIZE. Default: the data that the model was trained on."),
]
OPTIONS: dict[str, Any] = {
    "folder": Folder,
    "architecture": Architecture,
    "weights": Weights,
    "data": Data,
    "mean": Mean,
    "std": Std,
    "weights_key": WeightsKey,
    "classes": Classes,
}
"""The parameters of `load_victim` that a person gives."""


@dataclass(frozen=True)
class Victim:
    """A model to attack and its data, whose classes are numbered as the model numbers them."""

    model: Normalised
    data: Dataset
    name: str
    title: str
    sha256: str
    """The digest of the weights."""
    key: str | None = None
    """The set of weights that was loaded, if the file holds several."""

    @property
    def classes(self) -> int:
        return len(self.data.classes)

    def evaluator(self, held_out: int | None, objective: Objective | None = None) -> Evaluator:
        """The model on the first `held_out` held-out images, or on all for None; untargeted without an objective."""
        return Evaluator(self.model, self.data.split("test", held_out), self.classes, objective or Untargeted())

    @property
    def about(self) -> dict[str, str | None]:
        """What a JSON report says of the model."""
        return {"model": self.name, "data": self.data.name, "sha256": self.sha256, "weights_key": self.key}


def names_a_model(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that name a model, and --device; the command gets that model as `victim`."""

    @wraps(command)
    def run(**given: Any) -> None:
        named = {name: given.pop(name) for name in OPTIONS}
        device = available(given.pop("device"))
        command(load_victim(**named, device=device), **given)

    own = list(inspect.signature(command).parameters.values())[1:]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    model = [inspect.Parameter(name, kind, default=None, annotation=option) for name, option in OPTIONS.items()]
    shown = [*model, *own, inspect.Parameter("device", kind, default="auto", annotation=Device)]
    run.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]  # what Typer reads the options from
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in shown} | {"return": None}
    return run


def load_victim(
    *,
    folder: Path | None,
    architecture: str | None,
    weights: Path | None,
    data: str | None,
    mean: str | None,
    std: str | None,
    device: str,
    weights_key: str | None = None,
    classes: Path | None = None,
) -> Victim:
    """Load the model that the options name. Raises ValueError if one is missing or does not fit.

    Guesses (the order of the classes, one of several sets of weights) are printed on standard error.
    """
    if (folder is None) == (weights is None):
        raise ValueError("Name one model: a folder, or --arch, --weights and --data of one that was trained elsewhere.")
    if folder is not None:
        given = {"--arch": architecture, "--mean": mean, "--std": std, "--weights-key": weights_key}
        if extra := [name for name, value in given.items() if value is not None]:
            raise ValueError(f"{extra[0]} belongs to --weights; {folder} is a model folder, which states its own.")
        return _from_folder(folder, data, classes, device)
    assert weights is not None
    if architecture is None or data is None:
        raise ValueError(f"{weights} needs --arch (the architecture) and --data (what it classifies).")
    dataset = _in_order_of_logits(datasets.get(data), data, classes)
    state = external.read_state(weights, weights_key)
    if state.others and not weights_key:
        tell(
            f"{weights} holds {some((state.key, *state.others))}; {state.key} was loaded (--weights-key loads another)."
        )
    model = external.load(architecture, state, len(dataset.classes), _numbers(mean), _numbers(std), device)
    check(model, dataset, architecture)
    title = f"{architecture} from {weights.name}"
    return Victim(model, dataset, weights.stem, title, sha256(weights), state.key or None)


def _from_folder(folder: Path, data: str | None, classes: Path | None, device: str) -> Victim:
    checkpoint = store.read(folder)
    dataset = datasets.get(data or checkpoint.data)
    names = external.read_classes(classes) if classes else checkpoint.classes
    renumbered = numbered(dataset, names, str(classes or folder), more=bool(classes))
    if renumbered is not dataset and not classes:
        tell(f"{dataset.name} lists its classes in another order than {folder}; the order of the model is used.")
    model = store.load(folder, device)
    check(model, renumbered, checkpoint.architecture)
    return Victim(model, renumbered, checkpoint.name, checkpoint.title, checkpoint.sha256)


def _in_order_of_logits(dataset: Dataset, name: str, classes: Path | None) -> Dataset:
    """The data set with its classes in the order of the file; without one, prints a hint if timm sorts otherwise."""
    if classes:
        return numbered(dataset, external.read_classes(classes), str(classes), more=True)
    if list(dataset.classes) == sorted(dataset.classes) != (natural := sorted(dataset.classes, key=_natural)):
        tell(
            f"The classes of {name} are in the order {some(dataset.classes)}. If the weights were trained in the order "
            f"{some(natural)}, as timm sorts folders, give the names in that order (--classes FILE)."
        )
    return dataset


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts names as timm sorts class folders: numbers in them by value, and without regard to case."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name.lower())]


def _numbers(text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        return tuple(float(word) for word in text.replace(",", " ").split())
    except ValueError as error:
        raise ValueError(f"A number for each channel is needed, like 0.485,0.456,0.406, not {text!r}.") from error
