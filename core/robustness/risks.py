"""The four risks: expected <= universal <= heap(s) <= adversarial risk (Mummadi et al. 2019, section 3).

N images, M deltas, C channels, H W height and width. The finer the heaps, the more freely the attacker chooses.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from core.attacks.base import device_of
from core.attacks.objectives import Untargeted
from core.attacks.pgd import PGD, frozen
from core.datasets import Split
from core.datasets.labels import counted, ignore_index
from core.evaluation.report import AnyRate, compare, rate_from_json
from core.runtime import autocast
from core.threat import Budget, apply, spread


@dataclass(frozen=True)
class RiskLevel:
    """One risk: the mean cross-entropy of the labelled elements, with its 95% interval over images, and the accuracy.

    `kind` is `expected` (no delta), `universal` (one for all), `heap` or `adversarial` (each image its own);
    `heap` is how many images share a delta, 0 for the first two.
    """

    kind: str
    heap: int
    loss: float
    loss_interval: tuple[float, float]
    accuracy: AnyRate

    @property
    def title(self) -> str:
        return f"heap {self.heap}" if self.kind == "heap" else self.kind

    def to_json(self) -> dict[str, Any]:
        loss = {"value": round(self.loss, 5), "interval": [round(end, 5) for end in self.loss_interval]}
        return {"kind": self.kind, "heap": self.heap, "loss": loss, "accuracy": self.accuracy.to_json()}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "RiskLevel":
        loss, accuracy = content["loss"], rate_from_json(content["accuracy"])
        return cls(content["kind"], content["heap"], loss["value"], tuple(loss["interval"]), accuracy)


@dataclass(frozen=True)
class Risks:
    """The risks of one model at one epsilon, in units of 1/255, the coarsest first, and how the attacks were made."""

    epsilon: float
    levels: tuple[RiskLevel, ...]
    steps: int
    restarts: int
    seed: int

    def to_json(self) -> dict[str, Any]:
        made = {"epsilon": round(self.epsilon, 4), "steps": self.steps, "restarts": self.restarts}
        return made | {"seed": self.seed, "levels": [level.to_json() for level in self.levels]}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Risks":
        levels = tuple(RiskLevel.from_json(level) for level in content["levels"])
        return cls(content["epsilon"], levels, content["steps"], content["restarts"], content["seed"])


def measure_risks(
    model: nn.Module,
    held_out: Split,
    universal: Tensor,
    *,
    epsilon: float,
    sizes: Sequence[int] = (64, 8),
    steps: int = 40,
    restarts: int = 1,
    seed: int = 0,
    classes: int | None = None,
) -> Risks:
    """The risks of a model on the images of `held_out`, under deltas of size `epsilon`, in units of 1/255.

    `universal` (1,C,H,W) is a perturbation crafted on other images: the universal risk. The heaps of `sizes`, and at
    last every image by itself, are attacked by PGD from the deltas of the coarser level and from `restarts` random
    starts; for each heap the highest loss counts, the coarser level's own delta included. So risks can only rise, as
    they must: a finer heap can always use the coarser one's delta. No loss is capped. Images beyond the last whole
    heap are left out.

    Raises ValueError where heaps do not nest (each size must be a multiple of the next), a heap is not full, or
    no pixel has a class.
    """
    every_size, given = (*sizes, 1), ", ".join(map(str, sizes))
    if restarts < 0:
        raise ValueError(f"restarts must be at least 0, and {restarts} was given.")
    if min(every_size) < 1 or any(coarse <= fine or coarse % fine for coarse, fine in pairwise(every_size)):
        raise ValueError(f"Heap sizes must fall, each a multiple of the next and the last above 1; {given} were given.")
    whole = len(held_out) - len(held_out) % every_size[0]
    if not whole:
        raise ValueError(f"A heap of {every_size[0]} images cannot be filled with {len(held_out)} images.")
    held_out = held_out.first(whole)
    if not counted(held_out.labels).any():
        raise ValueError("There is nothing to count: no pixel of the held-out scenes has a class.")
    budget, device = Budget.from_255(epsilon), device_of(model)
    generator = torch.Generator(device).manual_seed(seed)
    rows: list[list[tuple[Tensor, Tensor]]] = [[] for _ in range(len(every_size) + 2)]
    for start in range(0, whole, every_size[0]):
        images, labels = (part.to(device) for part in held_out.batch(slice(start, start + every_size[0])))
        images = images.contiguous(memory_format=torch.channels_last)
        delta = budget.project(universal.to(device))
        rows[0].append(_seen(model, images, labels, torch.zeros_like(delta)))
        rows[1].append(_seen(model, images, labels, delta))
        for row, size in zip(rows[2:], every_size, strict=True):
            attack = PGD(budget, Untargeted(), steps, 2.5 / max(steps, 1), size)
            delta = spread(delta, len(images))[::size]
            for attempt in range(restarts + 1):
                with autocast(device):
                    tried = attack(model, images, labels, None if attempt else delta, generator)
                delta = _stronger(model, images, labels, delta, tried)
            row.append(_seen(model, images, labels, delta))
    names = [("expected", 0), ("universal", 0), *(("heap", size) for size in sizes), ("adversarial", 1)]
    labels = held_out.labels.cpu()
    levels = tuple(_risk_level(*name, labels, row, classes) for name, row in zip(names, rows, strict=True))
    return Risks(float(epsilon), levels, steps, restarts, seed)


def _seen(model: nn.Module, images: Tensor, labels: Tensor, delta: Tensor) -> tuple[Tensor, Tensor]:
    """The loss of each element under deltas (M,C,H,W), 0 where it has no label, and its predicted class."""
    with frozen(model), torch.inference_mode():
        logits = model(apply(images, delta)).float()
        loss = cross_entropy(logits, labels, ignore_index=ignore_index(labels), reduction="none")
        return loss.cpu(), logits.argmax(1).cpu()


def _stronger(model: nn.Module, images: Tensor, labels: Tensor, known: Tensor, tried: Tensor) -> Tensor:
    """For each heap that one of the two deltas (M,C,H,W) under which the sum of its losses is larger."""
    sums = []
    for deltas in (known, tried):
        loss, _ = _seen(model, images, labels, deltas)
        each = loss.reshape(len(loss), -1).sum(1)
        size = -(-len(images) // len(deltas))
        sums.append(torch.stack([heap.sum() for heap in each.split(size)]))
    better = (sums[1] > sums[0]).to(known.device)
    return torch.where(better[:, None, None, None], tried, known)


def _risk_level(
    kind: str, heap: int, labels: Tensor, row: list[tuple[Tensor, Tensor]], classes: int | None
) -> RiskLevel:
    losses, predicted = (torch.cat(parts) for parts in zip(*row, strict=True))
    mean, interval = _mean(losses.double(), counted(labels))
    return RiskLevel(kind, heap, mean, interval, compare(labels, predicted, predicted, classes=classes).accuracy)


def _mean(losses: Tensor, known: Tensor) -> tuple[float, tuple[float, float]]:
    """The mean of the counted losses, with a 95% interval over images (the linearised ratio of two sums)."""
    parts, wholes = losses.reshape(len(losses), -1).sum(1), known.reshape(len(known), -1).sum(1).double()
    mean = parts.sum() / wholes.sum()
    n = len(parts)
    error = ((parts - mean * wholes).square().sum() / max(n - 1, 1) / n).sqrt() / wholes.mean()
    return mean.item(), ((mean - 1.96 * error).item(), (mean + 1.96 * error).item())
