"""The interval that held-out images leave around a lead: paired, narrower with more of them, absent without them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.checkpoints.results import Results
from core.checkpoints.store import Checkpoint
from core.evaluation.report import Rate, Report
from core.reports.bootstrap import ratio_interval
from core.reports.pareto import TradeoffPoint, pareto_front, robustness_ratios
from core.robustness.result import Point, Robustness

N = 2000
HEAPS = ("heap 1", "heap 64")
RANDOM = np.random.default_rng(3)


def model(heap, hits, breaks, name=""):
    """A model that is right on these of N images and breaks at exactly so many 255ths (curve measured on millions)."""
    recipe = {"sigma": 0.5, "heap": heap, "epsilon": 8}
    n = 10**7
    curve = ((0.0, 0.9), (breaks - 0.01, 0.26), (breaks, 0.24))
    points = tuple(Point(e, Report(Rate(round(right * n), n), Rate(0, n)), 1, 40) for e, right in curve)
    found = Robustness(0.75, 0.01, breaks, points, 2048, 0)
    clean = Report(Rate(int(sum(hits)), len(hits)), Rate(0, len(hits)))
    checkpoint = Checkpoint(Path(f"shared-s{heap}{name}"), "resnet20", "signs", ("a", "b"), "0" * 64, recipe)
    return checkpoint, Results(clean, robustness=found, hits=tuple(hits))


def right(share, n=N):
    return (RANDOM.random(n) < share).astype(float)


def grid(harder, n=N):
    """A front of heap 1 that falls steeply, and one model of heap 64 beside it; `harder` makes the misses coincide."""
    base = RANDOM.permutation(n) / n
    places = (0.97, 0.93, 0.95)
    each = [(base < place).astype(float) if harder else right(place, n) for place in places]
    return [model(1, each[0], 10), model(1, each[1], 30, "-b"), model(64, each[2], 25)]


def width(found):
    return found[1] - found[0]


def test_images_that_are_hard_for_all_leave_a_narrower_interval():
    paired, unpaired = ratio_interval(grid(True), *HEAPS), ratio_interval(grid(False), *HEAPS)
    assert paired[0] < 25 / 20 < paired[1]
    assert width(paired) < 0.8 * width(unpaired)


def test_it_is_what_resampling_the_images_themselves_gives():
    """The bootstrap as it stands in the books: the same images drawn for all models, with replacement."""
    own = grid(True)
    drawn = []
    for weights in RANDOM.multinomial(N, np.full(N, 1 / N), 1000):
        clean = [weights @ np.array(results.hits) / N for _, results in own]
        a, b, c = (TradeoffPoint(str(k), clean[k], (10, 30, 25)[k]) for k in range(3))
        drawn.append(np.mean(robustness_ratios(pareto_front([a, b]), pareto_front([c]), 5)))
    assert ratio_interval(own, *HEAPS) == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])), abs=0.02)


def test_models_that_others_beat_change_nothing():
    """Their share of right answers is that of a better model's images less some, so that they never come before it."""
    own = grid(True)
    worse = [np.array(own[place][1].hits) * right(0.9) for place in (0, 1, 2)]
    beaten = [model(1, worse[0], 9, "-c"), model(1, worse[1], 29, "-d"), model(64, worse[2], 24, "-e")]
    assert ratio_interval([*beaten, *own], *HEAPS) == pytest.approx(ratio_interval(own, *HEAPS), abs=0.02)


def test_four_times_the_images_leave_half_of_it():
    assert width(ratio_interval(grid(True, 4 * N), *HEAPS)) == pytest.approx(
        width(ratio_interval(grid(True), *HEAPS)) / 2, rel=0.2
    )


def test_where_models_stand_alone_only_their_brackets_count():
    hits = right(0.9)
    one, other = model(1, hits, 10), model(64, hits, 20)
    assert ratio_interval([one, other], *HEAPS) == pytest.approx((2.0, 2.0), abs=0.01)
    wide = Robustness(0.75, 1.0, 20.0, one[1].robustness.curve[:1] + other[1].robustness.curve[1:], 2048, 0)
    points = (replace(wide.curve[0], epsilon=16.0), replace(wide.curve[2], epsilon=20.0))
    points += (replace(wide.curve[2], epsilon=26.0),)
    low, high = ratio_interval([one, (other[0], replace(other[1], robustness=replace(wide, curve=points)))], *HEAPS)
    assert (low, high) == pytest.approx((1.6, 2.0), abs=0.04)  # from 16 on it may break, at 20 it surely has


def test_another_schedule_under_the_same_name_is_another_configuration():
    """A second seed of one schedule, whose name is that of a model of the other: each is compared with its own kind."""
    one, other = grid(True)[0], grid(True)[2]
    same = seeded((replace(other[0], folder=Path(f"{one[0].name}-r1")), other[1]), 1)
    assert same[0].name_without_seed == one[0].name
    assert ratio_interval([one, same], *HEAPS) == pytest.approx(ratio_interval([one, other], *HEAPS), abs=0.05)


def test_the_spread_between_trainings_is_added_with_the_tails_of_so_few():
    """Of two cells that stand alone: Student's interval of the difference of two means, of logarithms."""
    hits, heights = right(0.9), {1: (10, 12, 11), 64: (20, 25, 22)}
    own = [
        seeded(model(heap, hits, breaks, f"-r{seed}"), seed)
        for heap, each in heights.items()
        for seed, breaks in enumerate(each)
    ]
    logs = [np.log(each) for each in heights.values()]
    spread = np.sqrt(sum(((each - each.mean()) ** 2).sum() for each in logs) / 4)
    reach = 2.776 * spread * np.sqrt(2 / 3)
    middle = np.log(np.mean(heights[64]) / np.mean(heights[1]))
    assert np.log(ratio_interval(own, *HEAPS)) == pytest.approx((middle - reach, middle + reach), abs=0.04)
    once = [own[0], *own[3:]]  # heap 1 by itself: two degrees of freedom, and one model to stand for its cell
    spread = np.sqrt(((logs[1] - logs[1].mean()) ** 2).sum() / 2)
    reach = 4.303 * spread * np.sqrt(1 + 1 / 3)
    middle = np.log(np.mean(heights[64]) / 10)
    assert np.log(ratio_interval(once, *HEAPS)) == pytest.approx((middle - reach, middle + reach), abs=0.12)


def seeded(entry, seed):
    checkpoint, results = entry
    return replace(checkpoint, recipe=checkpoint.recipe | {"seed": seed}), results


def test_without_the_same_images_nothing_is_said():
    one, other = grid(True)[1:]
    assert ratio_interval([one, other], *HEAPS)
    assert ratio_interval([one, (other[0], replace(other[1], hits=()))], *HEAPS) is None
    assert ratio_interval([one, (other[0], replace(other[1], hits=other[1].hits[1:]))], *HEAPS) is None
    assert ratio_interval([], *HEAPS) is None
