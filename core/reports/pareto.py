"""Pareto fronts of clean accuracy and universal robustness, and how far apart two of them are.

Clean accuracy is in [0, 1], robustness an epsilon in [0, 1] (see `core.robustness.search`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class TradeoffPoint:
    """Clean accuracy and robustness of one model; larger is better in both."""

    name: str
    clean: float
    robustness: float


def pareto_front(points: Iterable[TradeoffPoint]) -> list[TradeoffPoint]:
    """The points that no other one dominates, by falling clean accuracy.

    >>> points = [TradeoffPoint("a", 0.9, 4), TradeoffPoint("b", 0.8, 9), TradeoffPoint("c", 0.8, 5)]
    >>> [point.name for point in pareto_front([*points, TradeoffPoint("d", 0.7, 8)])]
    ['a', 'b']
    """
    best: list[TradeoffPoint] = []
    for point in sorted(points, key=lambda point: (-point.clean, -point.robustness)):
        if not best or point.robustness > best[-1].robustness:
            best.append(point)
    return best


def robustness_at(points: Sequence[TradeoffPoint], clean: float) -> float | None:
    """The robustness of a front at clean accuracy `clean`, interpolated linearly; None if it does not reach that far.

    Below its last point a front continues at the same height: that model is available at less accuracy too.

    >>> front = [TradeoffPoint("a", 0.9, 4), TradeoffPoint("b", 0.7, 8)]
    >>> robustness_at(front, 0.8), robustness_at(front, 0.6), robustness_at(front, 0.95)
    (6.0, 8, None)
    """
    if not points or clean > points[0].clean:
        return None
    for better, worse in pairwise(points):
        if worse.clean <= clean:
            share = (better.clean - clean) / (better.clean - worse.clean)
            return round(better.robustness + share * (worse.robustness - better.robustness), 9)
    return points[-1].robustness


def common_range(one: Sequence[TradeoffPoint], other: Sequence[TradeoffPoint]) -> tuple[float, float] | None:
    """The range of clean accuracies at which two fronts can be compared; None if one is empty.

    If all points of one are more accurate than those of the other, it is a single accuracy: the largest both reach.
    """
    if not one or not other:
        return None
    low, high = max(one[-1].clean, other[-1].clean), min(one[0].clean, other[0].clean)
    return min(low, high), high


def robustness_ratios(one: Sequence[TradeoffPoint], other: Sequence[TradeoffPoint], steps: int = 20) -> list[float]:
    """How many times as robust the other front is, at `steps` + 1 equally spaced clean accuracies that both reach.

    Accuracies at which the first front is broken without a perturbation are left out.

    >>> one = [TradeoffPoint("a", 0.9, 4), TradeoffPoint("b", 0.7, 8)]
    >>> robustness_ratios(one, [TradeoffPoint("c", 0.8, 9), TradeoffPoint("d", 0.7, 10)], steps=1)
    [1.25, 1.5]
    """
    span = common_range(one, other)
    if span is None:
        return []
    places = {span[0] + (span[1] - span[0]) * step / steps for step in range(steps + 1)}
    heights = [(robustness_at(one, clean), robustness_at(other, clean)) for clean in sorted(places)]
    return [second / first for first, second in heights if first and second is not None]


def ratio_bound(one: Sequence[TradeoffPoint], other: Sequence[TradeoffPoint]) -> str:
    """Whether the ratio of the other front to the first is a bound, `at least` or `at most`; empty if it is none.

    It is a bound if all points of one front are more accurate than those of the other: that front continues at the same
    height, and would rise if it had less accurate models.

    >>> ratio_bound([TradeoffPoint("a", 0.8, 4)], [TradeoffPoint("b", 0.9, 4)])
    'at least'
    >>> ratio_bound([TradeoffPoint("a", 0.9, 4), TradeoffPoint("b", 0.7, 8)], [TradeoffPoint("c", 0.8, 9)])
    ''
    """
    if not one or not other:
        return ""
    if other[-1].clean > one[0].clean:
        return "at least"
    return "at most" if one[-1].clean > other[0].clean else ""


def hypervolume(points: Sequence[TradeoffPoint]) -> float:
    """The area that a front dominates, from (0, 0): accuracy times robustness, in the units of both.

    >>> round(hypervolume([TradeoffPoint("a", 0.9, 4), TradeoffPoint("b", 0.7, 8)]), 6)
    6.4
    """
    area = before = 0.0
    for point in points:
        area += point.clean * (point.robustness - before)
        before = point.robustness
    return area
