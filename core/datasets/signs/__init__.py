"""The built-in data set `signs`: drawn photographs of traffic signs, 96 x 96 RGB, 24 classes.

Picture i of a split depends only on the split and i; `photograph.py` shows how one is made.
"""

from functools import lru_cache

import numpy as np

from core.datasets import Dataset
from core.datasets._procedural import Drawn
from core.datasets.signs.camera import SIDE
from core.datasets.signs.faces import FACES
from core.datasets.signs.photograph import photograph

NAME = "signs"
CLASSES = tuple(FACES)
COUNTS = {"train": 10000, "test": 2000}
_SEED = 1812
_SPLITS = {"train": 0, "test": 1}


@lru_cache(maxsize=64)
def _order(split: str, block: int) -> np.ndarray:
    """The classes of a block of 24 pictures: each class once, in random order."""
    return np.random.default_rng([_SEED, _SPLITS[split], block, 1]).permutation(len(CLASSES))


def _label(split: str, index: int) -> int:
    return int(_order(split, index // len(CLASSES))[index % len(CLASSES)])


def render(split: str, index: int) -> tuple[np.ndarray, int]:
    """Picture `index` of a split: uint8 (H,W,3) and its class; every run draws the same."""
    DRAWN.check(split, index)
    generator = np.random.default_rng([_SEED, _SPLITS[split], index])
    label = _label(split, index)
    return photograph(generator, label), label


DRAWN = Drawn(NAME, 3, (SIDE, SIDE), COUNTS, render)


def dataset(argument: str | None = None) -> Dataset:
    """The data set for the registry; it has no variants, so `argument` must be empty."""
    return DRAWN.entry(argument, "Traffic signs (drawn)", CLASSES)
