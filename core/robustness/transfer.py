"""Transferred perturbations of other models: which of them does most to this one.

What one training run makes hard to find another may leave in the open, and perturbations transfer between models
(Moosavi-Dezfooli et al. 2017, section 4). So no model counts as robust only because the attack on it got stuck.

M deltas, C channels, H W height and width.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from torch import Tensor, nn

from core.attacks.base import device_of
from core.attacks.objectives import Objective, Untargeted
from core.datasets import Split
from core.evaluation.report import evaluate, predict
from core.robustness.result import success
from core.runtime import autocast
from core.threat import Budget

ROUNDS = ((64, 8), (512, 1))
"""On how many crafting images perturbations are compared, and how many at least go on: what is measured has no part."""
SCENE = 8
"""A scene counts for so many of these images: it has thousands of pixels that are right or wrong."""

MARGIN = 0.01
"""By what share of the crafting images a perturbation must lead, so that chance alone does not start an attack."""


@dataclass(frozen=True)
class TransferredDeltas:
    """Perturbations (1,C,H,W) of any size, to be tried on `model`; `classes` is K, for scenes."""

    model: nn.Module
    crafting: Split
    deltas: Sequence[Tensor]
    objective: Objective = field(default_factory=Untargeted)
    classes: int | None = None

    def best(self, budget: Budget, count: int) -> list[Tensor]:
        """The strongest `count` of them inside this ball, rescaled to its size; the strongest first."""
        left = [budget.rescale(delta.to(device_of(self.model))) for delta in self.deltas]
        for images, most in ROUNDS:
            if len(left) > max(most, count):
                ranked = sorted(left, key=lambda delta: self.strength(delta, images), reverse=True)
                left = ranked[: max(most, count)]
        return left

    def better(self, budget: Budget, known: Tensor) -> bool:
        """Whether one of them does more inside this ball than `known` does, by more than `MARGIN`."""
        return any(self.strength(delta) > self.strength(known) + MARGIN for delta in self.best(budget, 1))

    def strength(self, delta: Tensor, images: int = ROUNDS[-1][0]) -> float:
        """How far a delta gets on the first crafting images, from 0 to 1."""
        judges = self._first(images)
        with autocast(device_of(self.model)):
            found = evaluate(self.model, judges, delta, self.objective, self._clean[: len(judges)], self.classes)
        return success(found)

    @cached_property
    def _clean(self) -> Tensor:
        return predict(self.model, self._first(ROUNDS[-1][0]))

    def _first(self, images: int) -> Split:
        scenes = self.crafting.labels.ndim == 3
        return self.crafting.first(min(images // SCENE if scenes else images, len(self.crafting)))
