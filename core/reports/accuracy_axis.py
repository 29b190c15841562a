"""An axis for clean accuracies: errors on a logarithmic scale, so that marks near 100% do not overlap."""

import math

SMALLEST_ERROR = 0.001
"""The smallest fraction of errors that is told apart on the axis."""
TICK_STEPS = (20.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.25)
"""Distances between ticks in percent, the coarsest first."""
ENOUGH_TICKS = 5
"""From this number of ticks on, no finer ones are added."""
MINIMUM_DISTANCE = 0.13
"""The least distance between ticks, as a fraction of the axis, so that their labels do not touch."""


def axis_position(clean: float) -> float:
    """The position of an accuracy in [0, 1] on the axis; halving the errors moves it by one.

    >>> axis_position(0.5), axis_position(0.75)
    (1.0, 2.0)
    """
    return -math.log2(max(1 - clean, SMALLEST_ERROR))


def axis_ticks(low: float, high: float) -> list[float]:
    """Round accuracies in percent for an axis from accuracy `low` to `high`, in [0, 1], by rising accuracy.

    >>> axis_ticks(0.83, 0.986)
    [85.0, 90.0, 93.0, 95.0, 97.0, 98.0]
    """
    least, ticks = MINIMUM_DISTANCE * (axis_position(high) - axis_position(low)), list[float]()
    for step in TICK_STEPS:
        if len(ticks) >= ENOUGH_TICKS:
            break
        first, last = math.ceil(100 * low / step), math.floor(100 * high / step)
        for value in (step * number for number in range(first, last + 1)):
            if value not in ticks and all(
                abs(axis_position(value / 100) - axis_position(other / 100)) >= least for other in ticks
            ):
                ticks.append(value)
    return sorted(ticks)
