"""What a search for universal robustness found: the epsilon that breaks a model, and the curve on the way there.

C channels, H W height and width. Epsilon is in units of 1/255.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from core.evaluation.report import Report


@dataclass(frozen=True)
class Point:
    """One epsilon of a search: the report on the strongest perturbation found for it, and the tries and steps taken.

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
        counts = {"epsilon": round(self.epsilon, 4), "tries": self.tries, "steps": self.steps}
        return counts | {"report": self.report.to_json()}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Point":
        report = Report.from_json(content["report"])
        return cls(content["epsilon"], report, content["tries"], content["steps"])


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
    def breaking_epsilon(self) -> float:
        """The minimum breaking epsilon, or the last epsilon of the search where nothing broke the model."""
        return round(self.curve[-1].epsilon if self.epsilon is None else self.epsilon, 4)

    @property
    def interval(self) -> tuple[float, float | None]:
        """Between which epsilons the model may break, for all that the number of held-out images tells.

        From the last measured point whose whole 95% interval lies below the level to the first whose whole interval
        reaches it (None: no measured point does). It says nothing about other seeds, or about attacks that were not
        tried.
        """
        low = max((point.epsilon for point in self.curve if point.interval[1] < self.level), default=0.0)
        high = next((point.epsilon for point in self.curve if point.interval[0] >= self.level), None)
        return low, high

    def to_json(self) -> dict[str, Any]:
        return {
            "level": self.level,
            "tolerance": round(self.tolerance, 4),
            "epsilon": None if self.epsilon is None else round(self.epsilon, 4),
            "crafted_on": self.crafted_on,
            "seed": self.seed,
            "curve": [point.to_json() for point in self.curve],
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Robustness":
        curve = tuple(Point.from_json(point) for point in content["curve"])
        values = {name: content[name] for name in ("level", "tolerance", "epsilon", "crafted_on", "seed")}
        return cls(curve=curve, **values)


def success(report: Report) -> float:
    """How far a perturbation has got, from 0 to 1: what shows its target, without one what is misclassified."""
    return 1 - report.accuracy.value if report.success is None else report.success.value


def rising(curve: Iterable[Point]) -> tuple[Point, ...]:
    """The points in order of epsilon, each with the strongest perturbation of all smaller epsilons and its own."""
    risen: list[Point] = []
    for point in curve:
        inherits = risen and point.success < risen[-1].success
        risen.append(replace(point, report=risen[-1].report) if inherits else point)
    return tuple(risen)


def combined(before: Robustness, after: Robustness) -> Robustness:
    """Two searches of one model as one: at every epsilon the stronger perturbation, and the smaller breaking epsilon.

    `delta` is None where it is that of the first, which was read from a file.
    """
    points: dict[float, Point] = {}
    for point in (*before.curve, *after.curve):
        epsilon = round(point.epsilon, 4)
        if epsilon in points:
            known, stronger = points[epsilon], max(points[epsilon], point, key=lambda point: point.success)
            point = replace(stronger, tries=known.tries + point.tries, steps=known.steps + point.steps)
        points[epsilon] = point
    curve = rising([points[epsilon] for epsilon in sorted(points)])
    broken = [found for found in (before, after) if found.epsilon is not None]
    first = min(broken, key=lambda found: found.epsilon or 0.0, default=after)
    return replace(after, epsilon=first.epsilon, curve=curve, seed=before.seed, delta=first.delta)
