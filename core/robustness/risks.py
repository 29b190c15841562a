"""The four risks: expected <= universal <= heap(s) <= adversarial risk (Mummadi et al. 2019, section 3).

N images, M deltas, C channels, H W height and width. The finer the heaps, the more freely the attacker chooses.
"""

from collections.abc import Iterator, Sequence
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
from core.evaluation.evaluator import Evaluator
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
    evaluator: Evaluator,
    universal: Tensor,
    *,
    epsilon: float,
    sizes: Sequence[int] = (64, 8),
    steps: int = 40,
    restarts: int = 1,
    seed: int = 0,
) -> Risks:
    """The risks of the evaluator's model on its images, under deltas of size `epsilon`, in units of 1/255.

    `universal` (1,C,H,W) is a perturbation crafted on other images: the universal risk. The heaps of `sizes`, and at
    last every image by itself, are attacked by PGD from the deltas of the coarser level and from `restarts` random
    starts; for each heap the highest loss counts, the coarser level's own delta included. So risks can only rise, as
    they must: a finer heap can always use the coarser one's delta. No loss is capped. The attacks are untargeted,
    whatever the evaluator's objective. Images beyond the last whole heap are left out.

    Raises ValueError where heaps do not nest (each size must be a multiple of the next), a heap is not full, or
    no pixel has a class.
    """
    held_out = _whole_heaps(evaluator.split, sizes)
    if restarts < 0:
        raise ValueError(f"restarts must be at least 0, and {restarts} was given.")
    device = device_of(evaluator.model)
    generator = torch.Generator(device).manual_seed(seed)
    attacks = _Attacks(evaluator.model, Budget.from_255(epsilon), (*sizes, 1), steps, restarts, generator)
    names = [("expected", 0), ("universal", 0), *(("heap", size) for size in sizes), ("adversarial", 1)]
    rows: list[list[tuple[Tensor, Tensor]]] = [[] for _ in names]
    size = attacks.sizes[0]
    for start in range(0, len(held_out), size):
        images, labels = (part.to(device) for part in held_out.batch(slice(start, start + size)))
        images = images.contiguous(memory_format=torch.channels_last)
        deltas = attacks.deltas(images, labels, universal.to(device))
        for row, delta in zip(rows, deltas, strict=True):
            row.append(attacks.seen(images, labels, delta))
    labels = held_out.labels.cpu()
    levels = tuple(
        _risk_level(kind, heap, labels=labels, row=row, classes=evaluator.classes)
        for (kind, heap), row in zip(names, rows, strict=True)
    )
    return Risks(float(epsilon), levels, steps, restarts, seed)


def _whole_heaps(held_out: Split, sizes: Sequence[int]) -> Split:
    """As many of the first images as fill heaps of the largest size. Raises ValueError, as `measure_risks` does."""
    every_size, given = (*sizes, 1), ", ".join(map(str, sizes))
    if min(every_size) < 1 or any(coarse <= fine or coarse % fine for coarse, fine in pairwise(every_size)):
        raise ValueError(f"Heap sizes must fall, each a multiple of the next and the last above 1; {given} were given.")
    whole = len(held_out) - len(held_out) % every_size[0]
    if not whole:
        raise ValueError(f"A heap of {every_size[0]} images cannot be filled with {len(held_out)} images.")
    held_out = held_out.first(whole)
    if not counted(held_out.labels).any():
        raise ValueError("There is nothing to count: no pixel of the held-out scenes has a class.")
    return held_out


@dataclass(frozen=True)
class _Attacks:
    """The attacks on one heap of the largest size after the other; `sizes` fall, and the last is 1."""

    model: nn.Module
    budget: Budget
    sizes: Sequence[int]
    steps: int
    restarts: int
    generator: torch.Generator

    def deltas(self, images: Tensor, labels: Tensor, universal: Tensor) -> Iterator[Tensor]:
        """The deltas (M,C,H,W) of every risk, the coarsest first: none, the universal one, and those of each size."""
        delta = self.budget.project(universal)
        yield torch.zeros_like(delta)
        yield delta
        for size in self.sizes:
            delta = self._attacked(images, labels, spread(delta, len(images))[::size], size=size)
            yield delta

    def _attacked(self, images: Tensor, labels: Tensor, known: Tensor, *, size: int) -> Tensor:
        """For each heap of this size the strongest delta: `known`, or what PGD makes of it or of a random start."""
        attack = PGD(self.budget, Untargeted(), self.steps, 2.5 / max(self.steps, 1), size)
        for attempt in range(self.restarts + 1):
            with autocast(images.device):
                tried = attack(self.model, images, labels, None if attempt else known, self.generator)
            stronger = self._losses(images, labels, tried) > self._losses(images, labels, known)
            known = torch.where(stronger[:, None, None, None], tried, known)
        return known

    def _losses(self, images: Tensor, labels: Tensor, deltas: Tensor) -> Tensor:
        """The sum of the losses of each heap, under deltas (M,C,H,W): (M)."""
        loss, _ = self.seen(images, labels, deltas)
        each = loss.reshape(len(loss), -1).sum(1)
        size = -(-len(images) // len(deltas))
        return torch.stack([heap.sum() for heap in each.split(size)]).to(deltas.device)

    def seen(self, images: Tensor, labels: Tensor, deltas: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of each element under deltas (M,C,H,W), 0 where it has no label, and its predicted class."""
        with frozen(self.model), torch.inference_mode():
            logits = self.model(apply(images, deltas)).float()
            loss = cross_entropy(logits, labels, ignore_index=ignore_index(labels), reduction="none")
            return loss.cpu(), logits.argmax(1).cpu()


def _risk_level(
    kind: str, heap: int, *, labels: Tensor, row: list[tuple[Tensor, Tensor]], classes: int | None
) -> RiskLevel:
    """One risk, from losses and predicted classes of every batch."""
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
