"""Where accuracies stand on an axis of errors, and which of them are named there."""

from itertools import pairwise
from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.reports.accuracy_axis import MINIMUM_DISTANCE, axis_position, axis_ticks


@given(st.floats(0, 1), st.floats(0, 1))
def test_more_accuracy_is_never_further_left(one, other):
    low, high = sorted((one, other))
    assert axis_position(low) <= axis_position(high)


@pytest.mark.parametrize(
    ("clean", "halvings"),
    [
        (0, 0),
        (0.5, 1),
        (0.75, 2),
        (0.875, 3),
        (0.998, log2(500)),
        (0.999, log2(1000)),
        (0.9995, log2(1000)),
        (1, log2(1000)),
    ],
)
def test_each_halving_of_the_errors_is_one_further_until_they_are_too_few_to_tell(clean, halvings):
    assert axis_position(clean) == pytest.approx(halvings)


@given(st.floats(0, 0.998), st.floats(0.0001, 1))
def test_ticks_are_round_rise_lie_inside_and_leave_room_for_their_labels(low, share):
    high = low + share * (1 - low)
    found = axis_ticks(low, high)
    assert found == sorted(set(found))
    assert all(100 * low - 1e-9 <= value <= 100 * high + 1e-9 for value in found)
    assert all(value * 4 == round(value * 4) for value in found)
    least = MINIMUM_DISTANCE * (axis_position(high) - axis_position(low))
    assert all(axis_position(b / 100) - axis_position(a / 100) >= least - 1e-9 for a, b in pairwise(found))


@pytest.mark.parametrize("span", [(0.786, 0.844), (0.84, 0.901), (0.907, 0.924), (0.838, 0.986)])
def test_what_ships_gets_enough_of_them(span):
    assert 4 <= len(axis_ticks(*span)) <= 8
