"""An axis for clean accuracies: errors on a logarithmic scale, so that models near 100% do not lie on one another."""

import math

SMALLEST_ERROR = 0.001
"""The smallest share of errors that has a place of its own."""
TICK_STEPS = (20.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.25)
"""Distances between ticks in percent, coarse ones first."""
ENOUGH_TICKS = 5
"""So many ticks need no finer ones between them."""
MINIMUM_DISTANCE = 0.13
"""How far apart ticks are at least, as a share of the axis, so that their labels do not touch."""


def axis_position(clean: float) -> float:
    """Where an accuracy in [0, 1] stands: each halving of the errors is one further.

    >>> axis_position(0.5), axis_position(0.75)
    (1.0, 2.0)
    """
    return -math.log2(max(1 - clean, SMALLEST_ERROR))


def axis_ticks(low: float, high: float) -> list[float]:
    """Round accuracies in percent for an axis from accuracy `low` to `high`, in [0, 1], by rising accuracy.

    >>> axis_ticks(0.83, 0.986)
    [85.0, 90.0, 93.0, 95.0, 97.0, 98.0]
    """
    least, found = MINIMUM_DISTANCE * (axis_position(high) - axis_position(low)), list[float]()
    for step in TICK_STEPS:
        if len(found) >= ENOUGH_TICKS:
            break
        first, last = math.ceil(100 * low / step), math.floor(100 * high / step)
        for value in (step * number for number in range(first, last + 1)):
            if value not in found and all(
                abs(axis_position(value / 100) - axis_position(other / 100)) >= least for other in found
            ):
                found.append(value)
    return sorted(found)
