"""The attacks of one search for universal robustness: what was tried at each epsilon, and from where.

N images, C channels, H W height and width. Epsilons are whole multiples of the search's tolerance here.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from core.attacks.base import device_of
from core.attacks.spgd import SPGD, WARM_STEP
from core.datasets import Split
from core.evaluation.report import Report, evaluate, predict
from core.robustness.result import Point, success
from core.robustness.transfer import TransferredDeltas
from core.threat import Budget

if TYPE_CHECKING:
    from core.robustness.search import Search

GIVEN = 2
"""How many of the given perturbations are tried at one epsilon, and worked on."""


class Trials:
    """The attacks of one search; epsilons are whole multiples of its tolerance."""

    def __init__(
        self,
        search: "Search",
        model: nn.Module,
        crafting: Split,
        held_out: Split,
        classes: int | None,
        starts: Sequence[Tensor],
        report: Callable[[Point], None],
    ) -> None:
        self.search, self.model, self.crafting, self.held_out = search, model, crafting, held_out
        self.classes, self.report = classes, report
        self.transferred = TransferredDeltas(model, crafting, starts, search.objective, classes)
        self.clean = predict(model, held_out)
        self.seed = search.seed
        nothing = torch.zeros(1, *crafting.images.shape[1:], device=device_of(model))
        unattacked = Point(0.0, self._measured(nothing))
        if math.isnan(unattacked.success):
            raise ValueError("Nothing on the held-out images is what this attack aims at, so it has no success rate.")
        self.known: dict[int, tuple[Point, Tensor]] = {0: (unattacked, nothing)}
        report(unattacked)

    def bracket(self, first: int, top: int) -> tuple[int, int | None]:
        """The largest epsilon known to hold and the smallest known to break, None if even `top` holds."""
        if self.known[0][0].success >= self.search.level:
            return 0, 0
        stride = max(1, first // 4)
        if self._reaches(self._cold(first)):
            high, low = first, max(0, first - stride)
            while low and self.broken(low):
                stride *= 2
                high, low = low, max(0, low - stride)
            return low, high
        return self._upward(first, stride, top)

    def recalled(self, known: Mapping[float, Tensor], top: int) -> tuple[int, int | None]:
        """The same bracket from perturbations that were found earlier, each at the epsilon that it belongs to."""
        for size, delta in sorted(known.items()):
            epsilon = round(size / self.search.tolerance)
            one = self._budget(epsilon).rescale(delta.to(device_of(self.model)))
            before = [(point.report, other) for at, (point, other) in self.known.items() if at == epsilon]
            self._keep(epsilon, [(self._measured(one), one), *before], 1, 0)
        broken = min((epsilon for epsilon, (point, _) in self.known.items() if self._reaches(point)), default=None)
        if broken is None:
            last = max(self.known)
            return self._upward(last, max(1, last // 16), top)
        return (self.holds_below(broken), broken) if broken else (0, 0)

    def _upward(self, low: int, stride: int, top: int) -> tuple[int, int | None]:
        while low < top:
            high = min(top, low + stride)
            if self.broken(high):
                return low, high
            low, stride = high, 2 * stride
        return low, None

    def step_down(self, epsilon: int) -> int | None:
        """Measure smaller epsilons until one surely holds; returns one that breaks after all, None if none does."""
        stride = max(1, epsilon // 16)
        while epsilon > 0 and self.known[epsilon][0].interval[1] >= self.search.level:
            known = self.holds_below(epsilon)
            epsilon = max(known, epsilon - stride)
            if epsilon > known:
                if self.broken(epsilon):
                    return epsilon
                stride *= 2
        return None

    def step_up(self, epsilon: int, top: int) -> None:
        """Measure larger epsilons until one is surely broken."""
        stride = max(1, epsilon // 16)
        while epsilon < top and all(point.interval[0] < self.search.level for point, _ in self.known.values()):
            epsilon = min(top, epsilon + stride)
            self.broken(epsilon)
            stride *= 2

    def starts_break(self, epsilon: int) -> bool:
        """Whether the given perturbations lead further, to where this epsilon breaks the model after all."""
        point, delta = self.known[epsilon]
        tries = self._given(epsilon) if epsilon else []
        if not tries:
            return False
        steps = point.steps + len(tries) // 2 * self.search.warm_steps
        return self._reaches(self._keep(epsilon, [*tries, (point.report, delta)], point.tries + len(tries), steps))

    def fall(self, epsilon: int) -> int:
        """The smallest epsilon, in growing strides, that what broke this one breaks; what held there is tried anew."""
        stride = 1
        while (below := epsilon - stride) > 0:
            budget = self._budget(below)
            tries = self._onward(budget, budget.rescale(self.known[epsilon][1]))
            counts = len(tries), self.search.warm_steps
            if below in self.known:
                point, delta = self.known[below]
                tries.append((point.report, delta))
                counts = point.tries + counts[0], point.steps + counts[1]
            if not self._reaches(self._keep(below, tries, *counts)):
                break
            epsilon, stride = below, 2 * stride
        return epsilon

    def holds_below(self, epsilon: int) -> int:
        """The largest known epsilon below this one that does not break the model."""
        return max(known for known, (point, _) in self.known.items() if known < epsilon and not self._reaches(point))

    def broken(self, epsilon: int) -> bool:
        """Whether the stronger one of the neighbouring perturbations, as it is or worked on, breaks the model here."""
        smaller = max(known for known in self.known if known < epsilon)
        larger = min((known for known in self.known if known >= epsilon), default=smaller)
        budget = self._budget(epsilon)
        neighbours = [budget.rescale(self.known[known][1]) for known in {smaller, larger} if known]
        start = neighbours[0] if len(neighbours) == 1 else max(neighbours, key=self.transferred.strength)
        tries, steps = self._onward(budget, start), self.search.warm_steps
        if max(success(report) for report, _ in tries) < self.known[smaller][0].success:
            tries.append(self._attack(budget, self.search.steps))
            steps += self.search.steps
        inherited = self.known[smaller][0].report, self.known[smaller][1]
        return self._reaches(self._keep(epsilon, [*tries, inherited], len(tries), steps))

    def _cold(self, epsilon: int) -> Point:
        """The first epsilon: random starts, and given perturbations."""
        budget, search = self._budget(epsilon), self.search
        tries = [self._attack(budget, search.steps) for _ in range(search.restarts)]
        steps = search.restarts * search.steps
        if given := self._given(epsilon):
            tries, steps = [*tries, *given], steps + len(given) // 2 * search.warm_steps
        return self._keep(epsilon, tries, len(tries), steps)

    def _given(self, epsilon: int) -> list[tuple[Report, Tensor]]:
        """The strongest of the given perturbations as they are, and worked on like the rest."""
        budget = self._budget(epsilon)
        return [found for delta in self.transferred.best(budget, GIVEN) for found in self._onward(budget, delta)]

    def _onward(self, budget: Budget, delta: Tensor) -> list[tuple[Report, Tensor]]:
        """A perturbation of this size as it is, since working on it can lose what it had, and worked on."""
        return [(self._measured(delta), delta), self._attack(budget, self.search.warm_steps, delta)]

    def _keep(self, epsilon: int, found: Sequence[tuple[Report, Tensor]], tries: int, steps: int) -> Point:
        best, delta = max(found, key=lambda one: success(one[0]))
        point = Point(epsilon * self.search.tolerance, best, tries, steps)
        self.known[epsilon] = point, delta
        self.report(point)
        return point

    def _attack(self, budget: Budget, steps: int, start: Tensor | None = None) -> tuple[Report, Tensor]:
        attack = SPGD(budget, self.search.objective, steps, self.seed, self.search.batch_size)
        if start is not None:
            attack = replace(attack, step_size=WARM_STEP)
        self.seed += 1  # another order of images, another random start
        delta = attack.craft(self.model, self.crafting, start)
        return self._measured(delta), delta

    def _measured(self, delta: Tensor) -> Report:
        return evaluate(self.model, self.held_out, delta, self.search.objective, self.clean, self.classes)

    def _budget(self, epsilon: int) -> Budget:
        return Budget(epsilon * self.search.tolerance)

    def _reaches(self, point: Point) -> bool:
        return point.success >= self.search.level
