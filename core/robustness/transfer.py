"""Transferred perturbations: which of those that broke other models does most to this one.

Random starts can get stuck, and perturbations transfer between models (Moosavi-Dezfooli et al. 2017, section 4). So
the perturbations of other models are tried as well before a model counts as robust.

M deltas, C channels, H W height and width.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from torch import Tensor, nn

from core.attacks.base import device_of
from core.attacks.objectives import Objective, Untargeted
from core.datasets import Split
from core.evaluation.evaluator import Evaluator
from core.robustness.result import success
from core.runtime import autocast
from core.threat import Budget

ROUNDS = ((64, 8), (512, 1))
"""How many crafting images perturbations are compared on, and how many at least are kept. Held-out images take no part,
since the result is measured on them."""
SCENE = 8
"""A scene counts as so many of these images: it has thousands of pixels that are right or wrong."""
MARGIN = 0.01
"""The fraction of the crafting images by which a perturbation must lead, so that chance alone starts no attack."""


@dataclass(frozen=True)
class TransferredDeltas:
    """Perturbations (1,C,H,W) of any size, to be tried on `model`; `classes` is K, for scenes."""

    model: nn.Module
    crafting: Split
    deltas: Sequence[Tensor]
    objective: Objective = field(default_factory=Untargeted)
    classes: int | None = None

    def best(self, budget: Budget, count: int) -> list[Tensor]:
        """The strongest `count` of them, rescaled to this ball; the strongest first if there are more than `count`."""
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
        with autocast(device_of(self.model)):
            found = self._evaluator.first(len(self._first(images)))(delta)
        return success(found)

    @cached_property
    def _evaluator(self) -> Evaluator:
        return Evaluator(self.model, self._first(ROUNDS[-1][0]), self.classes, self.objective)

    def _first(self, images: int) -> Split:
        scenes = self.crafting.labels.ndim == 3
        return self.crafting.first(min(images // SCENE if scenes else images, len(self.crafting)))
