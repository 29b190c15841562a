"""Pareto fronts of clean accuracy and universal robustness, and how far apart two of them are.

Clean accuracy is in [0, 1]. Robustness is the minimum breaking epsilon in n/255 (see `core.robustness.search`).
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
    """The robustness of a front at clean accuracy `clean`, interpolated linearly; None above its most accurate point.

    Below its last point a front continues at the same height, because that model can be used at less accuracy too.

    >>> front = [TradeoffPoint("a", 0.9, 4), TradeoffPoint("b", 0.7, 8)]
    >>> robustness_at(front, 0.8), robustness_at(front, 0.6), robustness_at(front, 0.95)
    (6.0, 8, None)
    """
    if not points or clean > points[0].clean:
        return None
    for better, worse in pairwise(points):
        if worse.clean <= clean:
            fraction = (better.clean - clean) / (better.clean - worse.clean)
            return round(better.robustness + fraction * (worse.robustness - better.robustness), 9)
    return points[-1].robustness


def common_range(first: Sequence[TradeoffPoint], second: Sequence[TradeoffPoint]) -> tuple[float, float] | None:
    """The range of clean accuracies at which two fronts can be compared; None if one is empty.

    If all points of one front are more accurate than those of the other, the range is one accuracy: the largest that
    both reach.
    """
    if not first or not second:
        return None
    low, high = max(first[-1].clean, second[-1].clean), min(first[0].clean, second[0].clean)
    return min(low, high), high


def robustness_ratios(first: Sequence[TradeoffPoint], second: Sequence[TradeoffPoint], steps: int = 20) -> list[float]:
    """How many times as robust the second front is, at `steps` + 1 equally spaced clean accuracies that both reach.

    Accuracies at which the first front is broken without a perturbation are left out.

    >>> first = [TradeoffPoint("a", 0.9, 4), TradeoffPoint("b", 0.7, 8)]
    >>> robustness_ratios(first, [TradeoffPoint("c", 0.8, 9), TradeoffPoint("d", 0.7, 10)], steps=1)
    [1.25, 1.5]
    """
    span = common_range(first, second)
    if span is None:
        return []
    accuracies = {span[0] + (span[1] - span[0]) * step / steps for step in range(steps + 1)}
    heights = [(robustness_at(first, clean), robustness_at(second, clean)) for clean in sorted(accuracies)]
    return [second / first for first, second in heights if first and second is not None]


def ratio_bound(first: Sequence[TradeoffPoint], second: Sequence[TradeoffPoint]) -> str:
    """Whether the ratio of the second front to the first is a bound, `at least` or `at most`; empty if it is none.

    It is a bound if all points of one front are more accurate than those of the other. The more accurate front
    continues at the same height, and would rise if it had less accurate models.

    >>> ratio_bound([TradeoffPoint("a", 0.8, 4)], [TradeoffPoint("b", 0.9, 4)])
    'at least'
    >>> ratio_bound([TradeoffPoint("a", 0.9, 4), TradeoffPoint("b", 0.7, 8)], [TradeoffPoint("c", 0.8, 9)])
    ''
    """
    if not first or not second:
        return ""
    if second[-1].clean > first[0].clean:
        return "at least"
    return "at most" if first[-1].clean > second[0].clean else ""


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
