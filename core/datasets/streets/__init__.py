"""The built-in data set `streets`: drawn street scenes, 192 x 256 RGB, with a label for every pixel.

Scene i of a split depends only on the split and i; `scene.py` shows how one is made.
"""

import numpy as np

from core.datasets import Dataset
from core.datasets._procedural import Drawn
from core.datasets._scenes import CLASSES, PALETTE
from core.datasets.streets.canvas import HEIGHT, WIDTH
from core.datasets.streets.scene import street

NAME = "streets"
COUNTS = {"train": 1200, "test": 200}
_SEED = 1865
_SPLITS = {"train": 0, "test": 1}


def render(split: str, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Scene `index` of a split: uint8 (H,W,3) and labels uint8 (H,W); every run draws the same."""
    DRAWN.check(split, index)
    return street(np.random.default_rng([_SEED, _SPLITS[split], index]))


DRAWN = Drawn(NAME, 2, (HEIGHT, WIDTH), COUNTS, render, pixelwise=True, chunk=20, alone=24)


def dataset(argument: str | None = None) -> Dataset:
    """The data set for the registry; it has no variants, so `argument` must be empty."""
    return DRAWN.entry(argument, "Street scenes (drawn)", CLASSES, palette=PALETTE, mirror=True)
