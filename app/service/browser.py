"""What the live attack in a visitor's browser works on: graphs, weights, pictures and settings of each model.

N images, H W height and width.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.service import catalogue, names
from core import browser_graphs
from core.attacks.objectives import Targeted
from core.attacks.spgd import SPGD
from core.checkpoints.store import WEIGHTS, Checkpoint
from core.datasets import Split
from core.threat import Budget

CRAFTING, HELD_OUT = 512, 1000
"""Images to craft on, and to measure on."""
LARGE = 64
"""Of images with more pixels a side there are half as many: they are several times as many bytes."""


@dataclass(frozen=True)
class BrowserModel:
    """One model: its titles, the graphs of `core.browser_graphs`, and the bytes of `model.safetensors`."""

    name: str
    title: str
    heap: int
    sha256: str
    predict: bytes
    step: bytes
    weights: bytes


@dataclass(frozen=True)
class BrowserPictures:
    """Images uint8 (N,H,W,3) and the numbers of their classes."""

    images: np.ndarray
    labels: list[int]


@dataclass(frozen=True)
class BrowserGroup:
    """The models of a data set that can be attacked in a browser, and the images for it.

    `left_out` says of each other model why it cannot.
    """

    name: str
    title: str
    source: str
    classes: tuple[str, ...]
    size: tuple[int, int]
    models: tuple[BrowserModel, ...]
    crafting: BrowserPictures
    held_out: BrowserPictures
    left_out: dict[str, str]


def browser_group(
    group: str, models: Sequence[str] = (), *, crafting: int | None = None, held_out: int | None = None
) -> BrowserGroup:
    """All models of a group, or those named, with images of its training and held-out splits.

    Raises ValueError for scenes, for a group without such models and for a number below 1, FileNotFoundError where the
    images are absent, FileError for damaged files.
    """
    own = [model for model in catalogue.all_models() if model.group == group and model.has_weights]
    chosen = [model for model in own if not models or model.name in models]
    if not chosen:
        known = ", ".join(sorted({model.group for model in catalogue.all_models()}))
        raise ValueError(f"There is no such model of {group!r} with weights; there are models of {known}.")
    if any(catalogue.scenic(model) for model in chosen):
        raise ValueError(f"{chosen[0].group_title} labels pixels, and the attack in the browser is for classifiers.")
    data = chosen[0].dataset()
    share = 1 if max(data.size) <= LARGE else 2
    parts: dict[str, BrowserModel] = {}
    left_out: dict[str, str] = {}
    for model in chosen:
        try:
            parts[model.name] = _prepared(model, own, data.size)
        except ValueError as error:
            left_out[model.name] = str(error)
    if not parts:
        raise ValueError(f"No model of {group} can be attacked in the browser: {next(iter(left_out.values()))}")
    return BrowserGroup(
        group,
        chosen[0].group_title,
        data.source,
        data.classes,
        data.size,
        tuple(parts.values()),
        _pictures(data.split("train", CRAFTING // share if crafting is None else crafting)),
        _pictures(data.split("test", HELD_OUT // share if held_out is None else held_out)),
        left_out,
    )


def browser_attack() -> dict[str, Any]:
    """The settings of S-PGD in the browser: its defaults, and the loss below which an image earns no more."""
    attack = SPGD(Budget(0.0))
    return {
        "step_size": attack.step_size,
        "last_step": attack.last_step,
        "batch_size": attack.batch_size,
        "least": -math.log(Targeted().confidence),
    }


def _prepared(model: Checkpoint, others: Sequence[Checkpoint], size: tuple[int, int]) -> BrowserModel:
    graphs = browser_graphs.export(catalogue.model(model), model.folder, size)
    weights = (model.folder / WEIGHTS).read_bytes()
    title = names.model_title(model, others)
    return BrowserModel(model.name, title, model.heap, model.sha256, graphs.predict, graphs.step, weights)


def _pictures(split: Split) -> BrowserPictures:
    return BrowserPictures(split.images.permute(0, 2, 3, 1).contiguous().numpy(), split.labels.tolist())
