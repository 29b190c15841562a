"""Fronts of the trade-off: clean accuracy against universal robustness, and how far apart two fronts are.

Clean accuracy is in [0, 1], robustness an epsilon in [0, 1] (see `core.robustness.search`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Spot:
    """Where one model stands: larger is better in both."""

    name: str
    clean: float
    robustness: float


def front(spots: Iterable[Spot]) -> list[Spot]:
    """The spots that no other one beats in one thing and equals in the other, by falling clean accuracy.

    >>> [spot.name for spot in front([Spot("a", 0.9, 4), Spot("b", 0.8, 9), Spot("c", 0.8, 5), Spot("d", 0.7, 8)])]
    ['a', 'b']
    """
    best: list[Spot] = []
    for spot in sorted(spots, key=lambda spot: (-spot.clean, -spot.robustness)):
        if not best or spot.robustness > best[-1].robustness:
            best.append(spot)
    return best


def at(spots: Sequence[Spot], clean: float) -> float | None:
    """The robustness that a front offers where at least `clean` is asked, along lines; None where it reaches less.

    A front goes on level below its last spot: whoever asks for less accuracy can have that model too.

    >>> front = [Spot("a", 0.9, 4), Spot("b", 0.7, 8)]
    >>> at(front, 0.8), at(front, 0.6), at(front, 0.95)
    (6.0, 8, None)
    """
    if not spots or clean > spots[0].clean:
        return None
    for better, worse in pairwise(spots):
        if worse.clean <= clean:
            share = (better.clean - clean) / (better.clean - worse.clean)
            return round(better.robustness + share * (worse.robustness - better.robustness), 9)
    return spots[-1].robustness


def shared_span(one: Sequence[Spot], other: Sequence[Spot]) -> tuple[float, float] | None:
    """From which clean accuracy to which two fronts can be compared; None where one is empty.

    Where the spots of one lie all beside those of the other that is one accuracy: the largest that both reach.
    """
    if not one or not other:
        return None
    low, high = max(one[-1].clean, other[-1].clean), min(one[0].clean, other[0].clean)
    return min(low, high), high


def ratios(one: Sequence[Spot], other: Sequence[Spot], steps: int = 20) -> list[float]:
    """How many times as robust the other front is, at `steps` + 1 clean accuracies from end to end that both reach.

    Accuracies where the first front is broken without any perturbation are left out: nothing is a multiple of that.

    >>> ratios([Spot("a", 0.9, 4), Spot("b", 0.7, 8)], [Spot("c", 0.8, 9), Spot("d", 0.7, 10)], steps=1)
    [1.25, 1.5]
    """
    span = shared_span(one, other)
    if span is None:
        return []
    places = {span[0] + (span[1] - span[0]) * step / steps for step in range(steps + 1)}
    heights = [(at(one, clean), at(other, clean)) for clean in sorted(places)]
    return [second / first for first, second in heights if first and second is not None]


def bound(one: Sequence[Spot], other: Sequence[Spot]) -> str:
    """What a ratio of the other front to the first is where they lie side by side: `at least`, or `at most`.

    Then the front of higher clean accuracy goes on level, and would rise if it had weaker models too. Empty where both
    have models around one accuracy.

    >>> bound([Spot("a", 0.8, 4)], [Spot("b", 0.9, 4)])
    'at least'
    >>> bound([Spot("a", 0.9, 4), Spot("b", 0.7, 8)], [Spot("c", 0.8, 9)])
    ''
    """
    if not one or not other:
        return ""
    if other[-1].clean > one[0].clean:
        return "at least"
    return "at most" if one[-1].clean > other[0].clean else ""


def hypervolume(spots: Sequence[Spot]) -> float:
    """The area that a front dominates, from (0, 0): accuracy times robustness, in the units of both.

    >>> round(hypervolume([Spot("a", 0.9, 4), Spot("b", 0.7, 8)]), 6)
    6.4
    """
    area = before = 0.0
    for spot in spots:
        area += spot.clean * (spot.robustness - before)
        before = spot.robustness
    return area
