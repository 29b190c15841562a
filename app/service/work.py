"""What a run computes, apart from visitors and pages: on a ZeroGPU Space this happens in another process.

N images, C channels, H W height and width. What it yields is NumPy, which processes can hand to each other.
"""

import math
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from app.service import catalogue, devices, pictures
from core import datasets
from core.attacks.base import Step, UniversalAttack
from core.checkpoints import perturbations
from core.checkpoints.store import Checkpoint
from core.datasets import Split
from core.threat import apply

PART = 0.15
"""Seconds that one part of measuring aims at."""
START = 8
"""Seconds that a process with a lent GPU takes before its first step."""
STEP = {"classification": 0.03, "segmentation": 0.06}
"""Seconds of a step of one side on such a GPU, generously, since what takes longer is cut off.

The stored results of scenes took 0.014 to 0.031 s on an H200.
"""
HELD_OUT = {"classification": 0.002, "segmentation": 0.02}
"""The same for the predictions on one held-out image, clean and attacked."""
LONGEST = 120
"""The most seconds that a GPU is asked for: a visitor without an account has no more in a day."""


@dataclass(frozen=True)
class Order:
    """A run: both models and attacks, and how many images of the data set to craft on.

    `known` are the weights (sha256) whose clean predictions are not asked for, `seconds` what a lent GPU may take.
    """

    data: str
    images: int
    models: tuple[Checkpoint, ...]
    attacks: tuple[UniversalAttack, ...]
    known: tuple[str, ...] = ()
    seconds: int = LONGEST


@dataclass(frozen=True)
class Advanced:
    """A step of one side: `delta` (1,C,H,W) as it is stored, and the fraction fooled, None where that is not told."""

    iteration: int
    total: int
    delta: NDArray[np.float32]
    fooling_rate: float | None
    seconds: float
    hardware: str


@dataclass(frozen=True)
class Predicted:
    """Predicted classes (N), or a byte for each pixel (N,H,W), of the next held-out images."""

    classes: NDArray[np.generic]


@dataclass
class _Side:
    """One attack under way."""

    of: Checkpoint
    model: nn.Module
    steps: Iterator[Step]
    step: Step | None = field(default=None)

    def advance(self) -> Advanced:
        """The next step; the last one again where the attack has ended early."""
        started = time.perf_counter()
        step = next(self.steps, None)
        self.step = step or self.step
        assert self.step is not None
        delta = perturbations.as_stored(self.step.delta)
        spent = time.perf_counter() - started
        rate, hardware = self.step.fooling_rate, devices.hardware(self.of.sha256)
        return Advanced(self.step.iteration, self.step.total, delta.numpy(), rate, spent, hardware)


def seconds(models: Sequence[Checkpoint], attacks: Sequence[UniversalAttack]) -> int:
    """How long a lent GPU is asked for: as scenes or images, steps and held-out images need."""
    data = datasets.get(models[0].data)
    steps = sum(1 if attack.control else attack.steps for attack in attacks)
    held_out = len(models) * data.counts.get("test", 0)
    return min(LONGEST, math.ceil(START + steps * STEP[data.task] + held_out * HELD_OUT[data.task]))


@devices.on_gpu(duration=lambda order: order.seconds)
def computed(order: Order) -> Generator[Advanced | Predicted, None, None]:
    """The steps of both sides in turn, then the predictions of one side after the other.

    Clean ones come first, once for each model.
    """
    crafting = pictures.split(order.data, "train", order.images)
    sides = [_opened(of, attack, crafting) for of, attack in zip(order.models, order.attacks, strict=True)]
    for _ in range(1 if order.attacks[0].control else order.attacks[0].steps):
        for side in sides:
            yield side.advance()
    held_out, told = pictures.split(order.data, "test"), set(order.known)
    for side in sides:
        assert side.step is not None
        if side.of.sha256 not in told:
            told.add(side.of.sha256)
            yield from predicted(side.model, held_out, None)
        yield from predicted(side.model, held_out, perturbations.as_stored(side.step.delta))


def _opened(of: Checkpoint, attack: UniversalAttack, crafting: Split) -> _Side:
    model = catalogue.model(of)
    return _Side(of, model, attack.stream(model, crafting))


def predicted(model: nn.Module, split: Split, delta: Tensor | None) -> Iterator[Predicted]:
    """Predictions on the images of a split, under a delta if there is one, in parts of about `PART` seconds."""
    height, width = split.images.shape[-2:]
    start, size = 0, max(1, 51_200 // (height * width))
    least = max(1, size // 2)
    while start < len(split):
        began = time.perf_counter()
        images, _ = split.batch(slice(start, start + size))
        with torch.inference_mode():
            classes = model(images if delta is None else apply(images, delta)).argmax(1)
        yield Predicted((classes.byte() if classes.ndim == 3 else classes).numpy())
        start += size
        size = int(min(max(size * PART / max(time.perf_counter() - began, 1e-3), least), 500))
