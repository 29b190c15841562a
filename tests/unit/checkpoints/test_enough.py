"""What results tell of the stored perturbations: the smallest that suffices for an effect, and how it was found."""

import pytest

from core.attacks.targets import Target
from core.checkpoints.results import Measurement, Results
from core.evaluation.report import Rate, Report

STOP, STREET = Target("class", 0), Target("scene", 4)
NEVER = Rate(0, 100)


def measured(epsilon, right, target=None, seen=0, attack="spgd", anyway=0):
    rates = {"target": Rate(seen, 100), "baseline": Rate(anyway, 100)} if target else {}
    return Measurement(attack, epsilon, target, 10, 0, 64, Report(Rate(right, 100), NEVER, **rates))


RESULTS = Results(
    Report(Rate(98, 100), NEVER),
    (
        measured(16, 20),
        measured(8, 50),
        measured(4, 51),
        measured(24, 30),
        measured(16, 10, STOP, seen=49),
        measured(24, 90, STOP, seen=50),
        measured(10, 80, STREET, seen=55, anyway=48),
        measured(20, 60, STREET, seen=74, anyway=48),
        measured(2, 0, attack="deepfool"),
    ),
)


@pytest.mark.parametrize(
    ("share", "target", "epsilon"),
    [
        (0.4, None, 4),
        (0.5, None, 8),
        (0.75, None, 16),
        (0.81, None, None),
        (0.5, STOP, 24),
        (0.51, STOP, None),
        (0.5, STREET, 20),
        (0.51, STREET, None),
    ],
)
def test_the_weakest_that_succeeds_often_enough(share, target, epsilon):
    found = RESULTS.enough(share, target=target)
    assert (found and found.epsilon) == epsilon


def test_more_steps_than_one_attack_takes_are_those_of_a_search():
    def steps(count, attack="spgd", target=None):
        return Measurement(attack, 8, target, count, 0, 64, Report(Rate(50, 100), NEVER))

    kept = (steps(60, "random-signs"), steps(60, target=STOP), steps(150, "checkerboard"))
    for count, found in ((40, False), (60, False), (100, True), (150, False), (190, True)):
        results = Results(RESULTS.clean, (*kept, steps(count)))
        assert results.searched(results.measurements[-1]) is found, count
        assert not any(results.searched(measurement) for measurement in kept)
    alone = Results(RESULTS.clean, (steps(400),))
    assert not alone.searched(alone.measurements[0]), "nothing tells how many steps one attack takes"


def test_nothing_is_enough_where_nothing_is_stored():
    assert RESULTS.enough(0.0, "checkerboard") is None
