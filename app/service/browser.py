"""What the live attack in a visitor's browser works on: graphs, weights, pictures and settings of each model.

N images, H W height and width. Of scenes every pixel has a label.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.service import catalogue, names
from app.service.outcomes import batch
from core import browser_graphs
from core.attacks.objectives import Targeted
from core.attacks.spgd import SPGD
from core.checkpoints.store import WEIGHTS, Checkpoint
from core.datasets import Split
from core.threat import Budget

COUNTS = {64: (512, 1000), 128: (256, 500)}
"""Images to craft on and to measure on, by the most pixels a side: larger ones are many bytes."""
SCENES = (64, 50)
"""The same for larger ones."""


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
    """Images uint8 (N,H,W,3) and the numbers of their classes (N), or of those of all pixels (N,H,W)."""

    images: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class BrowserGroup:
    """The models of a data set that can be attacked in a browser, and the images for it.

    `left_out` says of each other model why it cannot.
    """

    name: str
    title: str
    source: str
    classes: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    batch_size: int
    size: tuple[int, int]
    models: tuple[BrowserModel, ...]
    crafting: BrowserPictures
    held_out: BrowserPictures
    left_out: dict[str, str]


def browser_group(
    group: str, models: Sequence[str] = (), *, crafting: int | None = None, held_out: int | None = None
) -> BrowserGroup:
    """All models of a group, or those named, with images of its training and held-out splits.

    Raises ValueError for a group without such models and for a number below 1, FileNotFoundError where the images are
    absent, FileError for damaged files.
    """
    own = [model for model in catalogue.all_models() if model.group == group and model.has_weights]
    chosen = [model for model in own if not models or model.name in models]
    if not chosen:
        known = ", ".join(sorted({model.group for model in catalogue.all_models()}))
        raise ValueError(f"There is no such model of {group!r} with weights; there are models of {known}.")
    data = chosen[0].dataset()
    few, many = next((counts for side, counts in COUNTS.items() if max(data.size) <= side), SCENES)
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
        data.palette,
        batch(chosen[0]),
        data.size,
        tuple(parts.values()),
        _pictures(data.split("train", few if crafting is None else crafting)),
        _pictures(data.split("test", many if held_out is None else held_out)),
        left_out,
    )


def browser_attack() -> dict[str, Any]:
    """The settings of S-PGD in the browser: its defaults, and the loss below which an image earns no more."""
    attack = SPGD(Budget(0.0))
    return {
        "step_size": attack.step_size,
        "last_step": attack.last_step,
        "least": -math.log(Targeted().confidence),
    }


def _prepared(model: Checkpoint, others: Sequence[Checkpoint], size: tuple[int, int]) -> BrowserModel:
    graphs = browser_graphs.export(catalogue.network(model), model.folder, size)
    weights = (model.folder / WEIGHTS).read_bytes()
    title = names.model_title(model, others)
    return BrowserModel(model.name, title, model.heap, model.sha256, graphs.predict, graphs.step, weights)


def _pictures(split: Split) -> BrowserPictures:
    return BrowserPictures(split.images.permute(0, 2, 3, 1).contiguous().numpy(), split.labels.numpy())
