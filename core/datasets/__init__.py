"""Data sets by name. Each file of this package is one data set: it defines `NAME` and `dataset(argument)`.

N images, C channels, H W height and width.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Literal

import platformdirs
import torch
from torch import Tensor

from core.datasets.labels import IGNORE
from core.registry import discover, pick

LEAST_DEVIATION = 8 / 255
"""With it, a perturbation of 8/255 changes no normalised channel by more than 1, even if the channel is constant."""


@dataclass(frozen=True)
class Split:
    """Images uint8 (N,C,H,W) and labels int64 (N) or uint8 (N,H,W), in an order of which any prefix is a fair sample.

    Pixels labelled 255 have no class and are not counted.
    """

    images: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        """Raises ValueError if shapes or data types do not fit, since results would be wrong without any other sign."""
        images, labels = self.images, self.labels
        shapes = f"images {tuple(images.shape)} of {images.dtype} and labels {tuple(labels.shape)} of {labels.dtype}"
        if images.ndim != 4 or images.dtype != torch.uint8:
            raise ValueError(f"Images are uint8 (N,C,H,W) from 0 to 255, and {shapes} were given.")
        integral = not (labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool)
        if not integral or labels.shape not in (images.shape[:1], (len(images), *images.shape[2:])):
            raise ValueError(f"Labels are whole numbers (N), or (N,H,W) for scenes, and {shapes} were given.")

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, index: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Images as floats in [0, 1], and labels int64."""
        return self.images[index].float() / 255, self.labels[index].long()

    def first(self, n: int) -> "Split":
        """The first n images. Raises ValueError if there are fewer."""
        if not 1 <= n <= len(self):
            raise ValueError(f"This split has {len(self)} images, so 1 to {len(self)} can be taken, not {n}.")
        return Split(self.images[:n], self.labels[:n])

    def to(self, device: torch.device | str) -> "Split":
        return Split(self.images.to(device), self.labels.to(device))

    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation of each channel in units of [0, 1], over at most 10,000 of the images.

        No deviation is below LEAST_DEVIATION, so that constant channels can be normalised as well.
        """
        pixels = self.images[:10_000].float() / 255
        single = pixels[:, 0].numel() == 1  # the sample estimate of one value is undefined
        deviation = pixels.std((0, 2, 3), correction=0 if single else 1).clamp(min=LEAST_DEVIATION)
        return tuple(pixels.mean((0, 2, 3)).tolist()), tuple(deviation.tolist())


@dataclass(frozen=True)
class Dataset:
    """A data set, described before any image is read; `load(split, limit)` reads `train` or `test`."""

    name: str
    title: str
    task: Literal["classification", "segmentation"]
    classes: tuple[str, ...]
    size: tuple[int, int]
    source: str
    load: Callable[..., Split]
    mirror: bool = False
    """Whether images keep their class when they are mirrored; training then mirrors half of them."""
    splits: tuple[str, ...] = ("train", "test")
    palette: tuple[tuple[int, int, int], ...] = ()
    """For segmentation: the colour of each class, red, green and blue from 0 to 255."""
    drawn: bool = False
    """Whether this package draws the images, so that they may be shown anywhere."""
    counts: dict[str, int] = field(default_factory=dict)
    """The number of images of each split, if it is known without reading them."""
    missing: str | None = None
    """One sentence that says how to get the images, if they are not on this machine; else None."""

    def split(self, name: str, limit: int | None = None) -> Split:
        """The split `name` (`train`, `test` or another of `splits`), or its first `limit` images.

        Raises ValueError for an unknown split or a limit below 1, FileNotFoundError if the data is absent.
        """
        if name not in self.splits:
            raise ValueError(f"{self.name} has the splits {' and '.join(self.splits)}, and {name!r} was asked for.")
        if limit is not None and limit < 1:
            raise ValueError(f"At least 1 image must be taken, and {limit} was given.")
        if self.missing:
            raise FileNotFoundError(self.missing)
        found = self.load(name, limit)
        self._check(found)
        return found

    def _check(self, split: Split) -> None:
        """Raises ValueError if a split does not match the description of the data set."""
        if split.images.shape[2:] != self.size or (split.labels.ndim == 3) != (self.task == "segmentation"):
            shapes = f"images {tuple(split.images.shape)} with labels {tuple(split.labels.shape)}"
            raise ValueError(f"{self.name} is for {self.task} at the size {self.size}, and {shapes} were loaded.")
        labels, count = split.labels, len(self.classes)
        odd = (labels < 0) | (labels >= count)
        if self.task == "segmentation":
            odd &= labels != IGNORE
        if odd.any():
            raise ValueError(
                f"{self.name} has {count} classes, numbers 0 to {count - 1}, and the label {labels[odd][0]} was loaded."
            )

    def index(self, class_name: str) -> int:
        """The number of a class that is given by name or by number.

        Names take precedence; if all class names are numbers, only names are accepted. Raises ValueError that lists
        the names.
        """
        if class_name in self.classes:
            return self.classes.index(class_name)
        numbered = all(name.isdecimal() for name in self.classes)
        if class_name.isdecimal() and int(class_name) < len(self.classes) and not numbered:
            return int(class_name)
        raise ValueError(f"{self.name} has the classes {', '.join(self.classes)}, and {class_name!r} was given.")


@cache
def registry() -> dict[str, Callable[[str | None], Dataset]]:
    """The function that opens each kind of data set, by name."""
    return discover(__name__, "dataset")


def get(name: str) -> Dataset:
    """A data set by name; text after a colon or an @ is its argument (`folder:/path/to/images`, `gtsrb@48`).

    Raises ValueError that lists the known data sets.
    """
    kind = _kind(name)
    found = pick(registry(), kind, "data set")(name[len(kind) + 1 :] or None)
    return replace(found, name=name)


def fetcher(name: str) -> Callable[[], Path] | None:
    """The function that downloads a data set and returns its folder; None if nothing needs to be downloaded."""
    pick(registry(), _kind(name), "data set")
    return discover(__name__, "fetch").get(_kind(name))


def _kind(name: str) -> str:
    return re.split("[:@]", name, maxsplit=1)[0]


def usages() -> dict[str, tuple[str, str]]:
    """The data sets that need a path: how each is named, and what the path must hold."""
    return discover(__name__, "USAGE")


def data_root() -> Path:
    """The folder of the data sets: `$PLAINSIGHT_DATA`, or `data` in the user's cache folder."""
    given = os.environ.get("PLAINSIGHT_DATA")
    return Path(given).expanduser() if given else platformdirs.user_cache_path("plainsight") / "data"


def cache_root() -> Path:
    """The folder of files that can be made again: `$PLAINSIGHT_CACHE`, or the user's cache folder."""
    given = os.environ.get("PLAINSIGHT_CACHE")
    return Path(given).expanduser() if given else platformdirs.user_cache_path("plainsight")
