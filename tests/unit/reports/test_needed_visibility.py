"""How visible a perturbation must be, on results of which that is known."""

from dataclasses import replace

import pytest

from core.attacks.targets import Target
from core.checkpoints.results import Measurement, Results
from core.evaluation.perceptibility import Jod, Perceptibility
from core.evaluation.report import Rate, Report
from core.reports.visibility import (
    STRENGTHS,
    NeededVisibility,
    breaking_jod,
    comparable_share,
    needed_visibility,
    visible_points,
)
from core.robustness.result import Point, Robustness


def report(right):
    return Report(Rate(right, 1000), Rate(0, 1000))


def jod(value, half=0.2):
    return Jod(value, value - half, value + half, 16)


def measured(right, *, jods=True, attack="spgd"):
    """Measurements at 4, 8, 12, ... /255 with so many of 1,000 right; JODs fall from 9 by a half."""
    return tuple(
        Measurement(attack, 4 * n, None, 100, 0, 2048, report(count), jod=jod(9.5 - n / 2) if jods else None)
        for n, count in enumerate(right, 1)
    )


def results(right=(), *, level=None, breaks=20.0, seen=None, clean=960, jods=True):
    visibility = Perceptibility(0.8, 30.0, 5.0, 200, seen and jod(seen))
    curve = (Point(0.0, report(clean)), Point(breaks or 32.0, report(200)))
    robustness = Robustness(level, 0.25, breaks, curve, 2048, 0) if level else None
    return Results(report(clean), measured(right, jods=jods), {}, robustness, None, visibility)


FALLING = (900, 800, 600, 400, 300)


def test_it_is_read_off_along_a_line_between_the_strengths_before_and_after():
    found = needed_visibility(results(FALLING), 0.45)
    assert (found.weakest, found.strongest, found.enough) == (12, 16, True)  # 40% and 60% wrong, JOD 8 and 7.5
    assert (found.jod.value, found.jod.low, found.jod.high, found.jod.n) == pytest.approx((7.875, 7.675, 8.075, 16))
    first = needed_visibility(results(FALLING), 0.07)  # from no perturbation on, JOD 10 and 4% wrong, to JOD 9 and 10%
    assert (first.weakest, first.strongest) == (0, 4)
    assert (first.jod.value, first.jod.low, first.jod.high) == pytest.approx((9.5, 9.4, 9.6))


def test_few_strengths_tell_nothing():
    assert STRENGTHS == 5
    assert needed_visibility(results(FALLING[:4]), 0.5) is None
    assert needed_visibility(results(FALLING, jods=False), 0.5) is None


def test_where_nothing_is_enough_it_is_more_than_the_strongest_shows():
    found = needed_visibility(results(FALLING), 0.75)
    assert found == NeededVisibility(jod(7.0), 20, 20, enough=False)


def test_a_model_that_is_wrong_by_itself_needs_no_perturbation():
    found = needed_visibility(results(FALLING, clean=300), 0.5)
    assert (found.jod.value, found.strongest, found.enough) == (10, 0, True)


def test_at_the_share_that_counts_as_broken_it_is_the_breaking_perturbation():
    broken = results(FALLING, level=0.75, breaks=21.75, seen=6.1)
    assert needed_visibility(broken, 0.75) == NeededVisibility(jod(6.1), 21.75, 21.75)
    assert needed_visibility(broken, 0.5).strongest == 16
    unbroken = results(FALLING, level=0.75, breaks=None, seen=5.1)
    assert needed_visibility(unbroken, 0.75) == NeededVisibility(jod(5.1), 32, 32, enough=False)


def test_other_viewing_conditions_do_not_count():
    known = results(FALLING, level=0.75, seen=6.1)
    elsewhere = replace(jod(6.1), viewing="a cinema")
    moved = replace(
        known,
        measurements=tuple(replace(m, jod=elsewhere) for m in known.measurements),
        visibility=replace(known.visibility, jod=elsewhere),
    )
    assert len(visible_points(known)) == 5
    assert breaking_jod(known) == jod(6.1)
    assert visible_points(moved) == []
    assert breaking_jod(moved) is None
    assert needed_visibility(moved, 0.75) is None


def test_points_are_those_of_one_attack_without_a_target_by_epsilon():
    known = results(FALLING)
    aimed = replace(known.measurements[0], target=Target("class", 0), epsilon=6)
    every = (*known.measurements[::-1], *measured((950,), attack="random-signs"), aimed)
    mixed = replace(known, measurements=every)
    assert [(point.epsilon, point.accuracy.successes) for point in visible_points(mixed)] == [
        *zip((4, 8, 12, 16, 20), FALLING, strict=True)
    ]
    assert [point.epsilon for point in visible_points(mixed, "random-signs")] == [4]


def test_models_are_compared_where_most_is_known():
    half, broken, both = results(FALLING), results(level=0.75, seen=6.1), results(FALLING, level=0.75, seen=6.1)
    assert comparable_share([half, half], [half, half, broken]) == 0.5
    assert comparable_share([broken, both], [half, half, both]) == 0.75, "the chosen ones come first"
    assert comparable_share([both, both], [both, broken]) == 0.75
    assert comparable_share([both, both], [both, both]) == 0.5
    scenes = results(level=0.5, seen=6.1)
    assert comparable_share([scenes, scenes], [scenes]) == 0.5
    assert comparable_share([results()], [results()]) == 0.5
