"""Fronts of the trade-off, what they say at equal clean accuracy, and the area they dominate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.reports.pareto import TradeoffPoint, common_range, hypervolume, pareto_front, robustness_at, robustness_ratios

spots = st.lists(st.builds(TradeoffPoint, st.just("m"), st.floats(0, 1), st.floats(0, 0.25)), min_size=1, max_size=12)


@given(spots)
def test_no_spot_of_a_front_is_beaten_and_every_other_one_is(found):
    best = pareto_front(found)
    for spot in best:
        assert not any(o.clean >= spot.clean and o.robustness > spot.robustness for o in found)
        assert not any(o.clean > spot.clean and o.robustness >= spot.robustness for o in found)
    for spot in found:
        assert any(b.clean >= spot.clean and b.robustness >= spot.robustness for b in best)
    assert [s.clean for s in best] == sorted((s.clean for s in best), reverse=True)
    assert [s.robustness for s in best] == sorted(s.robustness for s in best)


A = [TradeoffPoint("a", 0.9, 4.0), TradeoffPoint("b", 0.8, 8.0), TradeoffPoint("c", 0.6, 10.0)]


@pytest.mark.parametrize(
    ("clean", "expected"),
    [(0.95, None), (0.9, 4.0), (0.85, 6.0), (0.8, 8.0), (0.7, 9.0), (0.6, 10.0), (0.5, 10.0)],
)
def test_between_its_spots_a_front_is_a_line(clean, expected):
    assert robustness_at(A, clean) == (None if expected is None else pytest.approx(expected))


def test_one_spot_is_a_level_front():
    assert robustness_at(A[:1], 0.9) == robustness_at(A[:1], 0.5) == 4.0
    assert robustness_at(A[:1], 0.91) is None
    assert robustness_at([], 0.9) is None


def test_two_fronts_compare_where_both_reach():
    assert common_range(A, [TradeoffPoint("d", 0.85, 3), TradeoffPoint("e", 0.7, 5)]) == (0.7, 0.85)
    beside = [TradeoffPoint("d", 0.95, 3), TradeoffPoint("e", 0.92, 5)]
    assert common_range(A, beside) == (0.9, 0.9)
    assert robustness_ratios(A, beside) == [5 / 4]
    assert robustness_ratios(beside, A) == [4 / 5]
    assert common_range(A, []) is None
    assert robustness_ratios(A, [TradeoffPoint("d", 0.8, 8), TradeoffPoint("e", 0.6, 20)], steps=2) == pytest.approx(
        [2, 14 / 9, 1]
    )


@given(spots)
def test_the_hypervolume_is_the_area_below_the_staircase(found):
    steps = 400
    heights = [0.25 * (i + 0.5) / steps for i in range(steps)]
    counted = sum(max((s.clean for s in found if s.robustness > h), default=0.0) for h in heights) * 0.25 / steps
    assert hypervolume(pareto_front(found)) == pytest.approx(counted, abs=0.25 * len(found) / steps)
