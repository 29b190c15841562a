"""How well a model labels the pixels of scenes, clean and attacked; every figure with n scenes and an interval.

N scenes, K classes, H W height and width. Pixels of one scene are not independent, so intervals come from resampling
whole scenes.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.datasets.labels import IGNORE

RESAMPLES = 1000


@dataclass(frozen=True)
class SceneRate:
    """A figure over all labelled pixels of `n` scenes, with the ends of its 95% bootstrap interval over scenes."""

    value: float
    low: float
    high: float
    n: int

    @property
    def interval(self) -> tuple[float, float]:
        return self.low, self.high

    def to_json(self) -> dict[str, Any]:
        return {"value": self.value if self.n else None, "interval": [self.low, self.high], "n": self.n}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "SceneRate":
        low, high = content["interval"]
        if not (content["n"] == 0 or 0 <= content["value"] <= 1):
            raise ValueError(f"{content['value']} of {content['n']} scenes")
        return cls(content["value"] if content["n"] else float("nan"), low, high, content["n"])


def fraction(hits: Tensor, counted: Tensor) -> SceneRate:
    """The fraction of counted pixels (N,H,W) that are hits, over the scenes that have counted pixels at all."""
    parts, wholes = ((hits & counted).flatten(1).sum(1), counted.flatten(1).sum(1))
    kept = wholes > 0
    parts, wholes = parts[kept], wholes[kept]
    n = len(wholes)
    if n == 0:
        return SceneRate(float("nan"), 0.0, 1.0, 0)
    weights = _resampled(n)
    drawn = (weights @ parts.double().numpy()) / (weights @ wholes.double().numpy())
    return _rate(float(parts.sum() / wholes.sum()), drawn, n)


def overlap(predictions: Tensor, labels: Tensor, classes: int) -> tuple[SceneRate, tuple[float | None, ...]]:
    """The mean intersection over union of predictions (N,H,W), and of each class (None: it is nowhere)."""
    from torchmetrics.functional.classification import multiclass_confusion_matrix  # slow to import

    scenes = [
        multiclass_confusion_matrix(seen.long(), truth.long(), classes, ignore_index=IGNORE)
        for seen, truth in zip(predictions, labels, strict=True)
        if (truth != IGNORE).any()
    ]
    if not scenes:
        return SceneRate(float("nan"), 0.0, 1.0, 0), (None,) * classes
    confusion = torch.stack(scenes).double().numpy()
    n = len(confusion)
    drawn = _unions((_resampled(n) @ confusion.reshape(n, -1)).reshape(-1, classes, classes))
    whole = _unions(confusion.sum(0)[None])[0]
    each = tuple(None if np.isnan(value) else round(float(value), 5) for value in whole)
    return _rate(float(np.nanmean(whole)), np.nanmean(drawn, axis=1), n), each


def _unions(confusion: np.ndarray) -> np.ndarray:
    """Intersection over union (B,K) from confusion matrices (B,K,K); NaN for a class that is nowhere."""
    meet = np.diagonal(confusion, axis1=1, axis2=2)
    union = confusion.sum(1) + confusion.sum(2) - meet
    return np.divide(meet, union, out=np.full_like(meet, np.nan), where=union > 0)


@lru_cache(maxsize=2)  # every figure of an assessment is of the same scenes
def _resampled(n: int) -> np.ndarray:
    """How often each of n scenes is drawn, (RESAMPLES, n), read-only; the same for every figure."""
    drawn = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), RESAMPLES).astype(np.float64)
    drawn.flags.writeable = False
    return drawn


def _rate(value: float, drawn: np.ndarray, n: int) -> SceneRate:
    low, high = np.percentile(drawn, [2.5, 97.5])
    return SceneRate(round(value, 5), round(float(low), 4), round(float(high), 4), n)
