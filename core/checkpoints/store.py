"""Model folders: `config.json`, `model.safetensors`, `results.json`, `perturbations.safetensors`. Never pickle.

The names are those of the Hugging Face Hub, so that a folder can be pushed and pulled as it is. A folder may lack its
weights, to save room: then it is the record of a training run and of what was measured.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core import datasets
from core.checkpoints import groups, perturbations
from core.checkpoints.groups import ELSEWHERE, SETTINGS
from core.checkpoints.results import Results
from core.datasets import Dataset
from core.files import FileError, fits, read_json, read_tensors, sha256, write_json, write_tensors
from core.models.compatibility import numbered
from core.models.normalised import Normalised, within_units
from core.models.registry import create
from core.models.state import assign
from core.numbers import units_of_255
from core.runtime import versions

FORMAT = 1
CONFIG, WEIGHTS = "config.json", "model.safetensors"
KINDS: dict[str, Any] = {
    "architecture": str,
    "data": str,
    "classes": list[str],
    "sha256": str,
    "recipe": dict,
    "task": str,
    "size": list[int],
    "source": str,
    "history": list[dict[str, float]],
    "start_sha256": str | None,
    "versions": dict[str, str],
    "converted": dict[str, str | None],
}
"""The types of what a config holds; not all of it must be there."""
APART = "|"
"""Stands between data set and architecture in the name of a group."""


@dataclass(frozen=True)
class Checkpoint:
    """What is known of a trained model before its weights are read."""

    folder: Path
    architecture: str
    data: str
    classes: tuple[str, ...]
    sha256: str
    recipe: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    variant: str = ""
    """The architecture, where it is not the usual one of the data set (see `find`)."""
    schedule: str = ""
    """The training schedule, like `15 epochs`, if it differs from that of most of the group (`find`).

    Of a model that is not adversarially trained: what makes it another than a standard one, like `trained elsewhere`.
    """
    place: str = ""
    """Where it lies, like `runs`, if it was found beside the models of the root (`find`)."""

    @property
    def group(self) -> str:
        """Which models this one compares with: `cifar10`, or like `cifar10|resnet20/64` for an unusual architecture."""
        return f"{self.data}{APART}{self.variant}" if self.variant else self.data

    @property
    def group_title(self) -> str:
        """The group for people: the data set's title, and the architecture where it is an unusual one."""
        try:
            title = datasets.get(self.data).title
        except (ValueError, OSError):
            title = self.data
        return f"{title}, {self.variant}" if self.variant else title

    @property
    def name(self) -> str:
        """The name of the folder, and where it lies if that is told: `standard`, or like `standard@runs`."""
        return f"{self.folder.name}@{self.place}" if self.place else self.folder.name

    @property
    def name_without_seed(self) -> str:
        """What models share that differ in nothing but the seed: the name without it."""
        return self.folder.name.removesuffix(f"-r{self.recipe.get('seed', 0)}")

    def dataset(self, name: str | None = None) -> Dataset:
        """The data that the model was trained on, or another; its classes are numbered as the model's logits are.

        Raises ValueError that shows the difference where it has other classes, or FileNotFoundError.
        """
        return numbered(datasets.get(name or self.data), self.classes, str(self.folder))

    @property
    def heap(self) -> int:
        """How many images shared a delta in training; 0 for a standard model."""
        return int(self.recipe.get("heap", 1)) if self.recipe.get("sigma") else 0

    @property
    def converted(self) -> bool:
        """Whether the weights were trained elsewhere (`plainsight convert`)."""
        return "converted" in self.config

    @property
    def has_weights(self) -> bool:
        return (self.folder / WEIGHTS).is_file()

    @property
    def title(self) -> str:
        """For people: `Standard`, or like `Shared, heap 64, ε 16/255, σ 0.5`; seeds other than 0 come last."""
        return f"{'Adversarial' if self.heap == 1 else 'Shared'}, {self.short}" if self._settings else self.short

    @property
    def short(self) -> str:
        """The title where its heap says enough: `Standard`, or like `heap 64, ε 16/255, σ 0.5`.

        A model without adversarial training that has a name of its own keeps that.
        """
        seed = f", seed {seed}" if (seed := self.recipe.get("seed")) else ""
        place = f" ({self.place})" if self.place else ""
        if not self._settings:
            damped = self.recipe.get("jacobian")
            usual = f"standard-jacobian{damped:.4g}" if damped else "standard"
            words = f"Standard, Jacobian regularisation {damped:.4g}" if damped else "Standard"
            plain = self.name_without_seed == usual and not self.converted
            return f"{words}{seed}{place}" if plain else f"{self.folder.name}{place}"
        sigma, epsilon = self._settings
        more = ", class-wise deltas" if self.recipe.get("classwise") and "class-wise" not in self.schedule else ""
        more += ", persistent deltas" if self.recipe.get("persist") and "persistent" not in self.schedule else ""
        return f"{self.kind}, ε {epsilon:.4g}/255, σ {sigma:.4g}{more}{seed}{place}"

    @property
    def kind(self) -> str:
        """Which models share a front: `standard`, or like `heap 64`, or `heap 64, 15 epochs`."""
        return kind(self.heap, self.schedule)

    @property
    def _settings(self) -> tuple[float, float] | None:
        """sigma and epsilon of an adversarially trained model."""
        sigma, epsilon = self.recipe.get("sigma"), self.recipe.get("epsilon")
        return (sigma, epsilon) if sigma and epsilon is not None else None


def kind(heap: int, schedule: str = "") -> str:
    """The name of a front: models whose recipes differ in nothing but sigma, epsilon and seed (heap 0: standard).

    >>> kind(64), kind(1, "15 epochs")
    ('heap 64', 'heap 1, 15 epochs')
    >>> kind(0), kind(0, ELSEWHERE)
    ('standard', 'trained elsewhere')
    """
    return ", ".join(filter(None, (f"heap {heap}", schedule))) if heap else schedule or "standard"


class ModelFolder:
    """A model folder: what it holds is read once, when it is first asked for, handed on, and saved with `save`.

    `device` is where the model goes. Reading raises FileError for what is damaged. Two processes must not work on one
    folder at the same time: what the other one writes is not seen.
    """

    def __init__(self, path: Path, device: str | torch.device = "cpu") -> None:
        self.path, self.device = path, device

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """The description of the model."""
        return read(self.path)

    @cached_property
    def model(self) -> Normalised:
        """The network, in evaluation mode and with frozen weights; see `load`."""
        return _network(self.checkpoint, self.device)

    @cached_property
    def results(self) -> Results | None:
        """What was measured on these weights; None where nothing was, or only on other weights."""
        found = Results.load(self.path)
        return found if found and found.about.get("sha256") == self.checkpoint.sha256 else None

    @cached_property
    def deltas(self) -> Mapping[str, Tensor]:
        """The stored perturbations (1,C,H,W) by name, on the CPU and in whole units of 1/255."""
        return perturbations.load(self.path)

    def save(self, results: Results, deltas: Mapping[str, Tensor] | None = None) -> None:
        """Write results, and with them `deltas` in place of all stored ones, which are rounded towards zero.

        The deltas come first: where a kill comes in between, one that no measurement speaks of is made again, and no
        measurement is without the delta that it speaks of. Raises ValueError for a delta beyond 127/255.
        """
        if deltas is not None:
            perturbations.save(self.path, deltas)
            self.deltas = {name: perturbations.as_stored(delta) for name, delta in deltas.items()}
        results.save(self.path)
        self.results = results


def default_root() -> Path:
    """Where the shipped models lie: `$PLAINSIGHT_CHECKPOINTS`, else `checkpoints` beside the packages."""
    given = os.environ.get("PLAINSIGHT_CHECKPOINTS")
    return Path(given).expanduser() if given else Path(__file__).parent.parent.parent / "checkpoints"


def folder_of(root: Path, data: str, name: str) -> Path:
    """Where the model `name` of a data set lies below `root`. Raises ValueError where that is no name of a folder."""
    if not re.fullmatch(r"\w[\w.+-]*", name):
        raise ValueError(f"A model folder's name is made of letters, digits, dots, - and _, and {name!r} was given.")
    return root / data.partition(":")[0] / name


def save(folder: Path, model: Normalised, config: Mapping[str, Any]) -> Checkpoint:
    """Write weights (floats as fp16) and `config.json` with their sha256; each file appears whole or not at all.

    Tensors with numbers beyond the range of fp16 keep their precision. `config` needs `architecture`, `data` and
    `classes`; the format number and versions are added, except those given.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: _compact(tensor).detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    # one entry only: safetensors writes several in random order, and equal weights would have unequal digests
    write_tensors(folder / WEIGHTS, tensors, {"model": f"{config['architecture']} on {config['data']}"})
    whole = {"format": FORMAT, **config, "sha256": sha256(folder / WEIGHTS)}
    whole["versions"] = versions() | config.get("versions", {})
    write_json(folder / CONFIG, whole)
    return read(folder)


def _compact(tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point():
        return tensor
    half = tensor.half()
    return half if half.isfinite().all() else tensor


def read(folder: Path) -> Checkpoint:
    """The description of the model in `folder`, without its weights. Raises FileError."""
    path = folder / CONFIG
    if not path.exists():
        raise FileError(f"{path} is missing; a model folder holds {CONFIG} and {WEIGHTS}.")
    config = read_json(path)
    missing = [key for key in ("format", "architecture", "data", "classes", "sha256") if key not in config]
    if missing:
        raise FileError(f"{path} is no model description of PlainSight: it lacks {', '.join(missing)}.")
    if config["format"] != FORMAT:
        raise FileError(f"{path} has format {config['format']}, and this version reads format {FORMAT}.")
    for key, kind in KINDS.items():
        if key in config and not fits(config[key], kind):
            wanted, given = kind.__name__ if isinstance(kind, type) else kind, type(config[key]).__name__
            raise FileError(f"{path}: {key} must be of type {wanted}, and it is of type {given} or holds other types.")
    if not config["classes"] or not all(config["classes"]) or len({*config["classes"]}) < len(config["classes"]):
        raise FileError(f"{path}: classes must be names, each of them once.")
    recipe = config.get("recipe", {})
    for key in SETTINGS:
        if not fits(recipe.get(key, 0), float):
            raise FileError(f"{path}: {key} of the recipe must be a number, and it is {recipe[key]!r}.")
    try:
        units_of_255(recipe.get("epsilon", 0))
    except ValueError as error:
        raise FileError(f"{path}: {error}") from error
    return Checkpoint(
        folder,
        config["architecture"],
        config["data"],
        tuple(config["classes"]),
        config["sha256"],
        recipe,
        config,
    )


def load(folder: Path, device: str | torch.device = "cpu") -> Normalised:
    """The model of a folder, in evaluation mode and with frozen weights.

    Raises FileError when the weights are not those that the config names, or do not fit its architecture.
    """
    return _network(read(folder), device)


def _network(checkpoint: Checkpoint, device: str | torch.device) -> Normalised:
    path = checkpoint.folder / WEIGHTS
    if not path.is_file():
        raise FileError(
            f"{path} is missing; the command in docs/results/training.csv that trained the model makes it again."
        )
    actual = sha256(path)
    if actual != checkpoint.sha256:
        raise FileError(
            f"{path} has sha256 {actual[:12]} and {CONFIG} names {checkpoint.sha256[:12]}: the file was changed."
        )
    try:
        model = create(checkpoint.architecture, len(checkpoint.classes))
    except ValueError as error:
        raise FileError(f"{checkpoint.folder / CONFIG}: {error}") from error
    assign(model, read_tensors(path), path)
    try:
        within_units("mean", model.mean.flatten().tolist())
        within_units("std", model.std.flatten().tolist())
    except ValueError as error:
        raise FileError(f"{path}: {error}") from error
    return model.eval().requires_grad_(False).to(device)


def find(
    root: Path, on_error: Callable[[Path, FileError], object] = lambda *_: None, others: Sequence[Path] = ()
) -> list[Checkpoint]:
    """All readable model folders at any depth under `root`: by group, then by heap, schedule and settings.

    `on_error` is called with each folder that cannot be read, and the error. `others` are further roots, or model
    folders; what is found there has a `place`, which tells it from a model of the same name.

    The usual architecture of a data set is the one that most of its models with weights have; models of others are
    groups of their own. Adversarially trained models of a group whose recipe differs from that of most in more than
    heap, sigma, epsilon and seed have a `schedule`, and do not share a front with the others.
    """
    found: dict[Path, Checkpoint] = {}
    for at in (root, *others):
        for path in at.rglob(CONFIG):
            if path.parent.name.startswith(".") or path.parent.resolve() in found:  # half written, or known
                continue
            if checkpoint := _readable(path.parent, on_error):
                place = "" if at is root else _place(checkpoint, at.resolve(), others)
                found[path.parent.resolve()] = replace(checkpoint, place=place)
    return _grouped(list(found.values()))


def _place(checkpoint: Checkpoint, root: Path, others: Sequence[Path]) -> str:
    """What a further root is called: the name of its folder, with those above it where another has the same name.

    A model folder is called after the one that it lies in, as `train` writes it: `runs` for `runs/signs/standard`.
    """
    if checkpoint.folder.resolve() == root:
        above = root.parent.parent if root.parent.name == checkpoint.data else root.parent
        return above.name or root.name
    same = [other.resolve() for other in others if other.resolve() != root]
    for parts in range(1, len(root.parts)):
        tail = root.parts[-parts:]
        if all(other.parts[-parts:] != tail for other in same):
            return "/".join(tail)
    return root.as_posix()


def _grouped(found: list[Checkpoint]) -> list[Checkpoint]:
    """The models with their variants and schedules, in the order of `find`."""
    usual = {data: _usual([c for c in found if c.data == data]) for data in {c.data for c in found}}
    found = [c if c.architecture == usual[c.data] else replace(c, variant=c.architecture) for c in found]
    found = [one for group in {c.group for c in found} for one in _scheduled([c for c in found if c.group == group])]

    def order(c: Checkpoint) -> tuple[Any, ...]:
        return c.data, c.variant, c.heap, c.schedule, *(c.recipe.get(name, 0) for name in SETTINGS), c.place, c.name

    return sorted(found, key=order)


def _usual(own: Sequence[Checkpoint]) -> str:
    names = [c.architecture for c in own if c.has_weights] or [c.architecture for c in own]
    return max(sorted(set(names)), key=names.count)


def _scheduled(own: Sequence[Checkpoint]) -> list[Checkpoint]:
    """The models of a group with their schedules: how a training differs from that of most, or from a standard one."""
    trained = sorted((checkpoint for checkpoint in own if checkpoint.heap), key=lambda c: c.folder)
    usual = groups.usual([checkpoint.recipe for checkpoint in trained])

    def schedule(one: Checkpoint) -> str:
        if one.converted:
            return ELSEWHERE
        return groups.difference(one.recipe, usual) if one.heap else groups.unusual(one.recipe)

    return [replace(one, schedule=schedule(one)) for one in own]


def _readable(folder: Path, on_error: Callable[[Path, FileError], object]) -> Checkpoint | None:
    try:
        return read(folder)
    except FileError as error:
        on_error(folder, error)
        return None
