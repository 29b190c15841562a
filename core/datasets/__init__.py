"""Data sets by name. One file here is one data set; it defines `NAME` and `dataset(argument)`.

N images, C channels, H W height and width.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Literal

import platformdirs
import torch
from torch import Tensor

from core.registry import discover, pick


@dataclass(frozen=True)
class Split:
    """Images uint8 (N,C,H,W) and labels int64 (N) or uint8 (N,H,W), in an order of which every prefix is a fair sample.

    A pixel labelled 255 has no class and counts nowhere.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, index: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Images as floats in [0, 1], and labels int64."""
        return self.images[index].float() / 255, self.labels[index].long()

    def first(self, n: int) -> "Split":
        """The first n images; ValueError unless there are as many."""
        if not 1 <= n <= len(self):
            raise ValueError(f"This split has {len(self)} images, so 1 to {len(self)} can be taken, not {n}.")
        return Split(self.images[:n], self.labels[:n])

    def to(self, device: torch.device | str) -> "Split":
        return Split(self.images.to(device), self.labels.to(device))

    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation of each channel over (at most 10,000 of) the images, in units of [0, 1]."""
        pixels = self.images[:10_000].float() / 255
        return tuple(pixels.mean((0, 2, 3)).tolist()), tuple(pixels.std((0, 2, 3)).tolist())


@dataclass(frozen=True)
class Dataset:
    """What is known of a data set before an image is read; `load(split, limit)` reads `train` or `test`."""

    name: str
    title: str
    task: Literal["classification", "segmentation"]
    classes: tuple[str, ...]
    size: tuple[int, int]
    source: str
    load: Callable[..., Split]
    mirror: bool = False
    """Whether an image keeps its class when it is mirrored (training then mirrors half of them)."""
    splits: tuple[str, ...] = ("train", "test")
    palette: tuple[tuple[int, int, int], ...] = ()
    """Segmentation: one colour for each class, red, green and blue from 0 to 255."""
    drawn: bool = False
    """Whether a program of ours draws it, so that its pictures may be shown anywhere."""
    counts: dict[str, int] = field(default_factory=dict)
    """How many images each split has, where that is known before one is read."""
    missing: str | None = None
    """Where the images are absent: one sentence that says how to get them."""

    def split(self, name: str, limit: int | None = None) -> Split:
        """`train`, `test` or what else `splits` names, or its first `limit` images.

        Raises FileNotFoundError where the data is absent.
        """
        if name not in self.splits:
            raise ValueError(f"{self.name} has the splits {' and '.join(self.splits)}, and {name!r} was asked for.")
        if limit is not None and limit < 1:
            raise ValueError(f"At least 1 image must be taken, and {limit} was given.")
        if self.missing:
            raise FileNotFoundError(self.missing)
        return self.load(name, limit)

    def index(self, class_name: str) -> int:
        """The number of a class given by name or number."""
        if class_name in self.classes:
            return self.classes.index(class_name)
        if class_name.isdecimal() and int(class_name) < len(self.classes):
            return int(class_name)
        raise ValueError(f"{self.name} has the classes {', '.join(self.classes)}, and {class_name!r} was given.")


@cache
def registry() -> dict[str, Callable[[str | None], Dataset]]:
    """The function that opens each kind of data set, by name."""
    return discover(__name__, "dataset")


def get(name: str) -> Dataset:
    """A data set by name; what stands after a colon goes to it (`folder:/path/to/images`).

    Raises ValueError that names the known data sets.
    """
    kind, _, argument = name.partition(":")
    found = pick(registry(), kind, "data set")(argument or None)
    return replace(found, name=name)


def fetcher(name: str) -> Callable[[], Path] | None:
    """The function that downloads a data set and returns its folder; None where nothing needs downloading."""
    pick(registry(), name.partition(":")[0], "data set")
    return discover(__name__, "fetch").get(name)


def usages() -> dict[str, tuple[str, str]]:
    """The data sets that need a path: how each is named, and what must lie there."""
    return discover(__name__, "USAGE")


def data_root() -> Path:
    """Where data sets lie: `$PLAINSIGHT_DATA`, else a folder `data` in the person's cache folder."""
    given = os.environ.get("PLAINSIGHT_DATA")
    return Path(given).expanduser() if given else platformdirs.user_cache_path("plainsight") / "data"


def cache_root() -> Path:
    """Where what can be made again is kept: `$PLAINSIGHT_CACHE`, else the person's cache folder."""
    given = os.environ.get("PLAINSIGHT_CACHE")
    return Path(given).expanduser() if given else platformdirs.user_cache_path("plainsight")
