"""How often a model is right, is fooled, or sees the target, on held-out images; every rate with n and an interval.

N images, K classes, C channels, H W height and width. A perturbation is crafted on training images and measured
on images that it never saw.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from scipy.special import ndtri
from torch import Tensor, nn

from core.attacks.base import device_of
from core.attacks.objectives import Objective, Remove, Untargeted
from core.attacks.pgd import frozen
from core.datasets import Split
from core.datasets.labels import IGNORE, counted
from core.evaluation.segmentation import SceneRate, fraction, overlap
from core.threat import apply


def wilson(fraction: float, n: int) -> tuple[float, float]:
    """The ends of the 95% interval of a fraction of n (Wilson 1927), rounded to 4 digits."""
    z, p = float(ndtri(0.975)), fraction  # scipy.stats has this too, and takes seconds to import
    middle, reach = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = ((middle + sign * reach) / (1 + z * z / n) for sign in (-1, 1))
    return round(max(low, 0.0), 4), round(min(high, 1.0), 4)


@dataclass(frozen=True)
class Rate:
    """`successes` out of `n` with the 95% Wilson interval.

    >>> Rate(50, 100).interval
    (0.4038, 0.5962)
    """

    successes: int
    n: int

    @property
    def value(self) -> float:
        return self.successes / self.n if self.n else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """The ends of the 95% interval (Wilson 1927), rounded to 4 digits; (0, 1) where n is 0."""
        return wilson(self.value, self.n) if self.n else (0.0, 1.0)

    def to_json(self) -> dict[str, Any]:
        value = round(self.value, 5) if self.n else None
        return {"successes": self.successes, "n": self.n, "value": value, "interval": self.interval}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Rate":
        if not 0 <= content["successes"] <= content["n"]:
            raise ValueError(f"{content['successes']} of {content['n']}")
        return cls(content["successes"], content["n"])


AnyRate = Rate | SceneRate


def rate_from_json(content: dict[str, Any]) -> AnyRate:
    """A rate over images or over scenes, whichever was stored."""
    return Rate.from_json(content) if "successes" in content else SceneRate.from_json(content)


@dataclass(frozen=True)
class Report:
    """What one delta does to one model.

    accuracy: predictions equal to the label. fooling: predictions that differ from the clean prediction, never from
    the label, so that clean errors do not count as fooled. target: predictions of the target class among the images
    of other classes (None for untargeted attacks). baseline: the same for the clean predictions, since streets look
    alike: much of a target scene is seen without any attack.

    Segmentation counts pixels: target is the fraction of all pixels that show what the attacker wants. It adds the mean
    intersection over union and that of each class, and, where a class was to be removed, the fraction of its pixels
    that vanished and the fraction of all others that stayed as they were.
    """

    accuracy: AnyRate
    fooling: AnyRate
    target: AnyRate | None = None
    overlap: SceneRate | None = None
    vanished: SceneRate | None = None
    kept: SceneRate | None = None
    baseline: AnyRate | None = None
    overlaps: tuple[float | None, ...] = ()

    @property
    def success(self) -> AnyRate | None:
        """How far the attacker has what it aims at: what vanished, or what shows the target; None for no aim."""
        return self.vanished or self.target

    @property
    def unprovoked(self) -> AnyRate | None:
        """What `success` is without any perturbation; None for no aim, and where a class shall vanish (it is 0)."""
        return None if self.vanished else self.baseline

    @property
    def gained(self) -> float:
        """The fraction that an attack wins over: what is wrong, or for an aim `success` of what is not so anyway."""
        if self.success is None:
            return 1 - self.accuracy.value
        anyway = self.unprovoked.value if self.unprovoked else 0.0
        return (self.success.value - anyway) / (1 - anyway) if anyway < 1 else 0.0

    def to_json(self) -> dict[str, Any]:
        rates = {name: getattr(self, name) for name in RATES}
        found: dict[str, Any] = {name: rate.to_json() for name, rate in rates.items() if rate is not None}
        return found | ({"overlaps": list(self.overlaps)} if self.overlaps else {})

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Report":
        rates: dict[str, Any] = {name: rate_from_json(content[name]) for name in RATES if name in content}
        return cls(**rates, overlaps=tuple(content.get("overlaps", ())))


RATES = ("accuracy", "fooling", "target", "overlap", "vanished", "kept", "baseline")
"""The fields of a report that are rates."""
CPU_PIXELS, GPU_PIXELS = 128 * 32**2, 500 * 32**2
"""How many pixels are looked at together. On a CPU more are slower: what a layer gives no longer fits the caches, and
its memory is taken from the system and handed back for every layer."""


def predict(model: nn.Module, split: Split, delta: Tensor | None = None, batch_size: int | None = None) -> Tensor:
    """The predicted class of every image (N) or pixel (N,H,W), clean or under deltas (1,C,H,W), on the CPU.

    Scenes come as uint8, a byte a pixel.
    """
    device, parts = device_of(model), []
    height, width = split.images.shape[-2:]
    batch_size = batch_size or max(1, (CPU_PIXELS if device.type == "cpu" else GPU_PIXELS) // (height * width))
    with frozen(model), torch.inference_mode():
        for start in range(0, len(split), batch_size):
            images, _ = split.batch(slice(start, start + batch_size))
            images = images.to(device, memory_format=torch.channels_last)
            classes = model(images if delta is None else apply(images, delta.to(device))).argmax(1)
            parts.append((classes.byte() if classes.ndim == 3 else classes).cpu())
    return torch.cat(parts)


def compare(
    labels: Tensor, clean: Tensor, attacked: Tensor, objective: Objective | None = None, classes: int | None = None
) -> Report:
    """The report on predictions (N) or (N,H,W) before and after; pixels labelled 255 count nowhere.

    `classes` is K, needed for (N,H,W) only.
    """
    objective = objective or Untargeted()
    wanted = objective.aimed(labels, lambda: clean) if objective.targeted else None
    if labels.ndim == 3:
        return _compare_scenes(labels, clean, attacked, wanted, objective, classes)
    accuracy, fooling = (Rate(int(found.sum()), len(labels)) for found in (attacked == labels, attacked != clean))
    if wanted is None:
        return Report(accuracy, fooling)
    others = labels != wanted
    target, baseline = (Rate(int((seen == wanted)[others].sum()), int(others.sum())) for seen in (attacked, clean))
    return Report(accuracy, fooling, target, baseline=baseline)


def _compare_scenes(
    labels: Tensor, clean: Tensor, attacked: Tensor, wanted: Tensor | None, objective: Objective, classes: int | None
) -> Report:
    labelled = counted(labels)
    known = classes or int(max(labels[labelled].max() if labelled.any() else 0, clean.max(), attacked.max())) + 1
    mean, each = overlap(attacked, labels, known)
    target = baseline = vanished = kept = None
    if wanted is not None:
        target, baseline = (fraction(seen == wanted, labelled & (wanted != IGNORE)) for seen in (attacked, clean))
    if isinstance(objective, Remove):
        removed = clean == objective.removed
        vanished, kept = (
            fraction(attacked != clean, labelled & removed),
            fraction(attacked == clean, labelled & ~removed),
        )
    accuracy, fooling = fraction(attacked == labels, labelled), fraction(attacked != clean, labelled)
    return Report(accuracy, fooling, target, mean, vanished, kept, baseline, each)


def evaluate(
    model: nn.Module,
    split: Split,
    delta: Tensor | None = None,
    objective: Objective | None = None,
    clean: Tensor | None = None,
    classes: int | None = None,
) -> Report:
    """Accuracy, fooling rate and target rate of a model under one delta (1,C,H,W), or clean where it is None.

    `clean` spares the clean predictions where the caller has them; `classes` is K, for scenes whose predictions and
    labels may not show every class.
    """
    before = predict(model, split) if clean is None else clean
    after = before if delta is None else predict(model, split, delta)
    return compare(split.labels.cpu(), before, after, objective, classes)


def hits(labels: Tensor, predictions: Tensor) -> tuple[float, ...]:
    """What fraction of each image is right (N): 0 or 1, of a scene the labelled pixels (1 where it has none)."""
    right, known = (part.reshape(len(labels), -1) for part in (predictions == labels, counted(labels)))
    return tuple(torch.where(known.any(1), right.sum(1) / known.sum(1), 1.0).tolist())


def breaking_point(curve: Iterable[tuple[float, float]], misclassified: float = 0.75) -> float | None:
    """The smallest epsilon at which accuracy falls to 1 - `misclassified`, between measured points along a line.

    `curve` holds (epsilon, accuracy) pairs; None where the curve never falls that far. This reads the universal
    robustness of Mummadi et al. 2019, section 5, off a curve; it is as exact as the curve is dense.
    """
    level, before = 1 - misclassified, None
    for epsilon, accuracy in sorted(curve):
        if accuracy <= level:
            if before is None:
                return epsilon
            earlier, higher = before
            return earlier + (epsilon - earlier) * (higher - level) / (higher - accuracy)
        before = epsilon, accuracy
    return None
