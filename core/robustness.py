"""Universal robustness: the smallest epsilon at which one perturbation breaks a model (Mummadi et al. 2019, section 5).

N images, C channels, H W height and width. Epsilon is in [0, 1] here, and in units of 1/255 in JSON.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from core.attacks.base import device_of
from core.attacks.objectives import Objective, Untargeted
from core.attacks.universal import SPGD
from core.datasets import Split
from core.evaluation import Report, evaluate, predict
from core.threat import Budget

UNIT = 1 / 255


@dataclass(frozen=True)
class Point:
    """One epsilon of a search: what the strongest perturbation found for it does, and how many tries and steps it took.

    `steps` counts every try at this epsilon, also those that were not the strongest.
    """

    epsilon: float
    report: Report
    tries: int = 0
    steps: int = 0

    @property
    def success(self) -> float:
        """How far the attacker has got, from 0 to 1: what shows its target, without one what is misclassified."""
        return success(self.report)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% interval of `success`."""
        if self.report.success is not None:
            return self.report.success.interval
        low, high = self.report.accuracy.interval
        return 1 - high, 1 - low

    def to_json(self) -> dict[str, Any]:
        counts = {"epsilon": round(self.epsilon / UNIT, 4), "tries": self.tries, "steps": self.steps}
        return counts | {"report": self.report.to_json()}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Point":
        report = Report.from_json(content["report"])
        return cls(content["epsilon"] * UNIT, report, content["tries"], content["steps"])


@dataclass(frozen=True)
class Robustness:
    """The smallest epsilon found at which success reaches `level`, and every point that was measured on the way.

    `epsilon` is None where nothing up to the last point of `curve` broke the model, and 0 where it is broken without
    any perturbation. `delta` (1,C,H,W) is the perturbation at that epsilon, or the one at the last point; None where
    it was read from a file.
    """

    level: float
    tolerance: float
    epsilon: float | None
    curve: tuple[Point, ...]
    crafted_on: int
    seed: int
    delta: Tensor | None = field(default=None, compare=False, repr=False)

    @property
    def steps(self) -> int:
        """The steps of all attacks together: the cost of the search."""
        return sum(point.steps for point in self.curve)

    @property
    def interval(self) -> tuple[float, float | None]:
        """Between which epsilons the model may break, for all that the number of held-out images tells.

        From the first measured point whose 95% interval reaches the level to the first whose whole interval does
        (None: no measured point does). It says nothing about other seeds, or about attacks that were not tried.
        """
        low = next((point.epsilon for point in self.curve if point.interval[1] >= self.level), None)
        high = next((point.epsilon for point in self.curve if point.interval[0] >= self.level), None)
        return (self.curve[-1].epsilon if low is None else low), high

    def to_json(self) -> dict[str, Any]:
        return {
            "level": self.level,
            "tolerance": round(self.tolerance / UNIT, 4),
            "epsilon": None if self.epsilon is None else round(self.epsilon / UNIT, 4),
            "crafted_on": self.crafted_on,
            "seed": self.seed,
            "curve": [point.to_json() for point in self.curve],
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Robustness":
        epsilon = None if content["epsilon"] is None else content["epsilon"] * UNIT
        curve = tuple(Point.from_json(point) for point in content["curve"])
        tolerance = content["tolerance"] * UNIT
        return cls(content["level"], tolerance, epsilon, curve, content["crafted_on"], content["seed"])


def success(report: Report) -> float:
    """How far a perturbation has got, from 0 to 1: what shows its target, without one what is misclassified."""
    return 1 - report.accuracy.value if report.success is None else report.success.value


@dataclass(frozen=True)
class Search:
    """`Search()(model, crafting, held_out)` finds the universal robustness of a model.

    It brackets the breaking epsilon from `first` with growing strides, then halves the bracket until it is
    `tolerance` wide. The first epsilon is attacked `restarts` times from random starts with `steps` steps each, every
    other one from the strongest perturbation of the nearest epsilon, rescaled to the new ball, with `warm_steps`
    steps. A perturbation is admissible at every larger epsilon, so success cannot fall as epsilon grows: where it
    seems to, the attack got stuck, and tries once more from a random start. The strongest perturbation found counts,
    be it that of a smaller epsilon.

    Success is what `objective` aims at: with a target its success rate, else the share misclassified (for scenes of
    pixels), on held-out images that no perturbation was crafted on. The strongest is chosen by that too, among few.
    Mind that of K equally frequent classes one is right even where everything looks like it: 75% needs K above 4.

    Raises ValueError for a level, strides or epsilons out of range.
    """

    level: float = 0.75
    objective: Objective = field(default_factory=Untargeted)
    first: float = 16 * UNIT
    highest: float = 64 * UNIT
    tolerance: float = 0.25 * UNIT
    restarts: int = 2
    steps: int = 100
    warm_steps: int = 40
    batch_size: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.level <= 1:
            raise ValueError(f"The level is a share above 0 and up to 1, and {self.level} was given.")
        if not 0 < self.tolerance <= self.first <= self.highest <= 1:
            given = ", ".join(f"{value / UNIT:.4g}/255" for value in (self.tolerance, self.first, self.highest))
            raise ValueError(
                f"Tolerance, first and highest epsilon must rise from above 0 to 255/255 at most, not {given}."
            )
        for name, count in (("restarts", self.restarts), ("steps", self.steps), ("warm_steps", self.warm_steps)):
            if count < 1:
                raise ValueError(f"{name} must be at least 1, and {count} was given.")

    def __call__(
        self,
        model: nn.Module,
        crafting: Split,
        held_out: Split,
        classes: int | None = None,
        starts: Sequence[Tensor] = (),
        report: Callable[[Point], None] = lambda point: None,
    ) -> Robustness:
        """The robustness of `model`; `report` hears of every point as soon as it is measured.

        `starts` are perturbations (1,C,H,W) that may work too, for example those that broke other models: rescaled to
        the first epsilon they compete with what was crafted there. `classes` is K, for scenes.
        """
        trials = _Trials(self, model, crafting, held_out, classes, report)
        top = int(self.highest / self.tolerance + 1e-9)
        low, high = trials.bracket(round(self.first / self.tolerance), top, starts)
        while high is not None and high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if trials.broken(middle) else (middle, high)
        curve = _rising([point for _, (point, _) in sorted(trials.known.items())])
        last = max(trials.known) if high is None else high
        epsilon = None if high is None else trials.known[high][0].epsilon
        delta = trials.known[last][1]
        return Robustness(self.level, self.tolerance, epsilon, curve, len(crafting), self.seed, delta)


def _rising(curve: Iterable[Point]) -> tuple[Point, ...]:
    """The points in order of epsilon, each with the strongest perturbation of all smaller epsilons and its own."""
    risen: list[Point] = []
    for point in curve:
        inherits = risen and point.success < risen[-1].success
        risen.append(replace(point, report=risen[-1].report) if inherits else point)
    return tuple(risen)


class _Trials:
    """The attacks of one search; epsilons are whole multiples of its tolerance."""

    def __init__(
        self,
        search: Search,
        model: nn.Module,
        crafting: Split,
        held_out: Split,
        classes: int | None,
        report: Callable[[Point], None],
    ) -> None:
        self.search, self.model, self.crafting, self.held_out = search, model, crafting, held_out
        self.classes, self.report = classes, report
        self.clean = predict(model, held_out)
        self.seed = search.seed
        nothing = torch.zeros(1, *crafting.images.shape[1:], device=device_of(model))
        unattacked = Point(0.0, self._measured(nothing))
        self.known: dict[int, tuple[Point, Tensor]] = {0: (unattacked, nothing)}
        report(unattacked)

    def bracket(self, first: int, top: int, starts: Iterable[Tensor]) -> tuple[int, int | None]:
        """The largest epsilon known to hold and the smallest known to break, None if even `top` holds."""
        if self.known[0][0].success >= self.search.level:
            return 0, 0
        stride = max(1, first // 4)
        if self._reaches(self._cold(first, starts)):
            high, low = first, max(0, first - stride)
            while low and self.broken(low):
                stride *= 2
                high, low = low, max(0, low - stride)
            return low, high
        low = first
        while low < top:
            high = min(top, low + stride)
            if self.broken(high):
                return low, high
            low, stride = high, 2 * stride
        return low, None

    def broken(self, epsilon: int) -> bool:
        """Whether an attack from the nearest known perturbation succeeds at this epsilon."""
        nearest = min((known for known in self.known if known), key=lambda known: abs(known - epsilon))
        smaller = max(known for known in self.known if known < epsilon)
        budget = self._budget(epsilon)
        tries = [self._attack(budget, self.search.warm_steps, self.known[nearest][1] * (epsilon / nearest))]
        steps = self.search.warm_steps
        if success(tries[0][0]) < self.known[smaller][0].success:
            tries.append(self._attack(budget, self.search.steps))
            steps += self.search.steps
        inherited = self.known[smaller][0].report, self.known[smaller][1]
        return self._reaches(self._keep(epsilon, [*tries, inherited], len(tries), steps))

    def _cold(self, epsilon: int, starts: Iterable[Tensor]) -> Point:
        """The first epsilon: random starts, and given perturbations, the best of which is worked on like the rest."""
        budget, search = self._budget(epsilon), self.search
        tries = [self._attack(budget, search.steps) for _ in range(search.restarts)]
        steps = search.restarts * search.steps
        given = [self._rescaled(start, budget) for start in starts]
        if given:
            best = max(((self._measured(delta), delta) for delta in given), key=lambda found: success(found[0]))
            tries += [best, self._attack(budget, search.warm_steps, best[1])]
            steps += search.warm_steps
        return self._keep(epsilon, tries, len(tries), steps)

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

    def _rescaled(self, start: Tensor, budget: Budget) -> Tensor:
        """A perturbation of any size as one of full size; an untouched picture stays one."""
        largest = start.abs().max().clamp(min=1e-12)
        return budget.project(start.to(device_of(self.model)) * (budget.epsilon / largest))

    def _budget(self, epsilon: int) -> Budget:
        return Budget(epsilon * self.search.tolerance)

    def _reaches(self, point: Point) -> bool:
        return point.success >= self.search.level


WARM_STEP = 0.5
"""The first step of an attack from a known perturbation, in units of epsilon."""
