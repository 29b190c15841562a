"""The smallest epsilon that breaks a model: closed forms, what is measured on the way, and what happens at the ends."""

import json
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from known import BREAKS, CODE, GAIN, towards
from linear import Linear, grey_pictures
from torch import nn

from core.attacks.objectives import LOSS_CAP, Remove, Towards, Untargeted
from core.attacks.spgd import PUBLISHED, SPGD, VARIANTS
from core.datasets import Split
from core.evaluation.evaluator import Evaluator
from core.evaluation.report import Rate, Report, evaluate, predict
from core.robustness.candidate import Candidate, Tried
from core.robustness.result import Point, Robustness, combined
from core.robustness.search import Search, SearchRun
from core.threat import UNIT, Budget
from core.workflows.protocol import Protocol

LEVEL = 0.6  # one class of four seen everywhere is 75% wrong: few perturbations do more
QUICK = {"level": LEVEL, "steps": 20, "warm_steps": 10, "batch_size": 32, "restarts": 1}


def started(search, task, heard=lambda point: None):
    """The run of a search on a tiny model that nothing was tried on yet."""
    return SearchRun(search, Evaluator(task.model, task.test, 4), task.train, report=heard)


def run_search(search, task, *, classes=None, objective=None, **more):
    """What a search finds on a tiny model."""
    return search(Evaluator(task.model, task.test, classes, objective or Untargeted()), task.train, **more)


def seen(run, tick, delta):
    """A perturbation that was found at a tick, measured and recorded."""
    run.record(tick, [run.measure(Candidate(float(tick), delta, "test"))], tries=1, steps=1)


def told(wrong, n, delta):
    """A perturbation of which it is only said that so many of n are wrong under it."""
    return Tried(Candidate(0.0, delta, "test"), Report(Rate(n - wrong, n), Rate(0, n)))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), spread=st.floats(0.01, 0.5), level=st.sampled_from([0.5, 0.75, 0.9]))
def test_a_linear_model_breaks_at_the_quantile_of_its_margins_over_the_norm_of_its_weights(seed, spread, level):
    model, split = Linear(seed, spread), grey_pictures(seed, n=64)
    margins = model.margin(split)[0].sort().values
    exact = margins[math.ceil(level * len(margins)) - 1] / model.norm / UNIT
    found = Search(**QUICK | {"level": level}, tolerance=1, highest=90)(Evaluator(model, split), split)
    if exact >= 90:
        assert found.epsilon is None
        return
    # the search stops within one tolerance above; what is right at a margin of exactly 0 is a matter of rounding
    assert found.epsilon is not None
    assert max(exact, 0) - 0.025 <= found.epsilon <= max(exact, 0) + 1.025


def test_as_published_every_epsilon_is_attacked_anew_and_nothing_is_handed_on(tiny_classifier, monkeypatch):
    crafted, craft = [], SPGD.craft

    def spy(self, model, split, delta=None):
        crafted.append((self, delta))
        return craft(self, model, split, delta)

    monkeypatch.setattr(SPGD, "craft", spy)
    search = replace(Protocol(steps=20, batch_size=32, level=LEVEL).as_published(9.1), highest=16)
    assert (search.first, search.tolerance, search.restarts) == (9, 0.5, 1)
    found = run_search(search, tiny_classifier, objective=PUBLISHED.objective)
    assert len(crafted) == sum(point.tries for point in found.curve) == len(found.curve) - 1
    assert len({attack.seed for attack, _ in crafted}) == len(crafted)
    for attack, start in crafted:
        assert start is None
        assert attack == replace(PUBLISHED, budget=attack.budget, steps=20, seed=attack.seed, batch_size=32)
    assert found.epsilon == pytest.approx(BREAKS / UNIT, abs=2)


@pytest.fixture(scope="module", params=["classifier", "segmenter"])
def searched(request, _victims):
    """Each tiny model, what the search of these tests finds on it, and the points that it told on the way."""
    heard, task = [], _victims[request.param]
    return task, run_search(TestSearch.search, task, classes=8, report=heard.append), heard


@pytest.fixture(scope="module")
def plain(_victims):
    """What the search of these tests finds on the tiny classifier."""
    return run_search(TestSearch.search, _victims["classifier"])


class TestSearch:
    search = Search(tolerance=1, first=8, **QUICK)

    def test_the_curve_rises_and_its_delta_does_what_the_point_says(self, searched):
        victim, found, heard = searched
        assert found.epsilon is not None
        successes = [point.success for point in found.curve]
        assert successes == sorted(successes)
        last = {point.epsilon: point for point in heard}  # one that is tried again is told again
        assert [point.epsilon for point in found.curve] == sorted(last)
        at = {round(point.epsilon): point for point in found.curve}
        broken = round(found.epsilon)
        assert at[broken].success >= LEVEL > at[broken - 1].success
        assert found.delta.abs().max() <= found.epsilon * UNIT + 1e-7
        again = evaluate(victim.model, victim.test, found.delta, classes=8)
        assert again == at[broken].report
        assert found.steps == sum(point.steps for point in last.values()) > 0
        low, high = found.interval
        assert low <= found.epsilon
        assert high is None or high >= found.epsilon

    def test_it_measures_on_until_n_leaves_no_doubt_on_both_sides(self, searched):
        found = searched[1]
        low, high = found.interval
        at = {point.epsilon: point.interval for point in found.curve}
        assert low < found.epsilon <= high  # neither end is where the search happened to stop
        assert at[low][1] < LEVEL <= at[high][0]

    def test_the_lower_end_is_not_where_the_search_began(self, tiny_classifier):
        # few images leave a doubt just below the epsilon that breaks the model
        few = tiny_classifier._replace(test=tiny_classifier.test.first(64))
        near = run_search(self.search, few).epsilon - 1
        found = run_search(replace(self.search, first=near), few)
        assert 0 < found.interval[0] < near

    def test_on_the_way_down_what_is_known_already_does_not_lengthen_the_stride(self, tiny_classifier, monkeypatch):
        run = started(self.search, tiny_classifier)
        nothing, attacked = run.strongest[0].candidate.delta, []

        def keep(tick, wrong):
            run.record(tick, [told(wrong, 1000, nothing)], tries=1, steps=1)

        def attack(self, tick):
            attacked.append(tick)
            keep(tick, round(1000 * LEVEL) - 100)

        monkeypatch.setattr(SearchRun, "attack", attack)
        for tick in (61, 62, 63, 64):
            keep(tick, round(1000 * LEVEL) - 1)  # too near to the level to be sure
        assert run.step_down(64) is None
        assert attacked == [61 - 64 // 16]

    def test_an_aim_that_is_nowhere_to_be_seen_is_named(self, tiny_segmenter):
        model, _, test = tiny_segmenter
        absent = next(c for c in range(8) if not (predict(model, test) == c).any())
        with pytest.raises(ValueError, match="Nothing on the held-out images is what this attack aims at"):
            run_search(Search(**QUICK), tiny_segmenter, classes=8, objective=Remove(absent))

    def test_the_same_seed_finds_the_same(self, tiny_classifier, plain):
        again = run_search(self.search, tiny_classifier)
        assert again == plain
        assert torch.equal(again.delta, plain.delta)

    @pytest.mark.parametrize(("variants", "attacks"), [((), 3), (VARIANTS, 4)], ids=["signs", "all variants"])
    def test_it_costs_little_more_than_a_few_attacks_at_one_epsilon(self, tiny_classifier, variants, attacks):
        found = run_search(Search(LEVEL, variants=variants), tiny_classifier)
        assert found.epsilon is not None
        assert found.steps < attacks * SPGD.steps

    def test_a_target_is_reached_where_it_is_seen(self, tiny_classifier):
        found = run_search(Search(tolerance=1, **QUICK), tiny_classifier, objective=Towards(2))
        point = next(point for point in found.curve if point.epsilon == found.epsilon)
        assert point.success == point.report.target.value >= LEVEL
        assert point.interval == point.report.target.interval

    def test_a_model_that_is_wrong_anyway_is_broken_at_zero(self, tiny_classifier):
        test = tiny_classifier.test
        found = run_search(self.search, tiny_classifier._replace(test=Split(test.images, (test.labels + 1) % 4)))
        assert (found.epsilon, found.steps, len(found.curve)) == (0, 0, 1)
        assert not found.delta.any()

    def test_a_model_that_nothing_breaks_has_no_epsilon_and_a_curve_to_the_highest(self, tiny_classifier):
        class Deaf(nn.Module):
            def forward(self, images):
                return torch.eye(4)[torch.zeros(len(images), dtype=torch.long)] + 0 * images.sum((1, 2, 3))[:, None]

        same = Split(tiny_classifier.test.images, torch.zeros_like(tiny_classifier.test.labels))
        found = run_search(self.search, tiny_classifier._replace(model=Deaf(), test=same))
        assert found.epsilon is None
        assert found.curve[-1].epsilon == 64
        assert found.interval == (found.curve[-1].epsilon, None)

    def test_the_epsilon_is_that_of_the_closed_form(self, tiny_classifier, plain):
        """An image is wrong once its mean colour has moved from its own corner to the boundary of class 0."""
        model, _, test = tiny_classifier
        images, labels = test.batch(slice(None))
        apart = CODE - CODE[0]
        lead = (model(images).gather(1, labels[:, None])[:, 0] - model(images)[:, 0])[labels != 0].detach()
        each = (lead / (GAIN * apart.abs().sum(1)[labels[labels != 0]])).sort().values
        exact = each[math.ceil(LEVEL * len(test)) - 1].item() / UNIT
        assert exact - 0.5 <= plain.epsilon <= exact + 1.1

    @pytest.fixture
    def half(self, monkeypatch):
        """An attack that gets half as far as one can, whatever it starts from: a quarter of its pixels go astray."""
        astray = 1 - 2 * (torch.arange(12) % 4 == 0).float()
        monkeypatch.setattr(SPGD, "craft", lambda attack, *rest: astray * towards(0, attack.budget.epsilon))

    def test_a_perturbation_from_elsewhere_counts_where_it_is_stronger(self, tiny_classifier, half):
        alone, helped = (run_search(self.search, tiny_classifier, starts=starts) for starts in ((), [towards(0, UNIT)]))
        assert alone.epsilon == pytest.approx(2 * helped.epsilon, abs=2)
        assert torch.allclose(helped.delta, towards(0, helped.epsilon * UNIT))

    def test_it_counts_too_where_the_search_began_far_away(self, tiny_classifier, half):
        far = replace(self.search, first=1)
        useless = [torch.zeros(1, 3, 12, 12)] * 20 + [towards(0, 11 * UNIT) * (-1) ** torch.arange(12)] * 2
        alone = run_search(far, tiny_classifier, starts=useless)
        for size in (1, 11, 40):
            helped = run_search(far, tiny_classifier, starts=[*useless, towards(0, size * UNIT)])
            assert alone.epsilon == pytest.approx(2 * helped.epsilon, abs=2), size

    def test_what_leads_much_further_is_followed_in_strides(self, tiny_classifier):
        strong, heard = towards(0), []
        run = started(self.search, tiny_classifier, heard.append)
        top = 31  # of which 16 breaks the model, and 0 does not
        for tick in range(1, top):  # an attack that got stuck: nothing breaks, up to here
            seen(run, tick, 0 * strong)
        seen(run, top, 2 * strong)
        heard.clear()
        assert run.follow_down(top) == top - 1 - 2 - 4 - 8
        assert [round(point.epsilon) for point in heard[:4]] == [top - 1, top - 3, top - 7, top - 15]
        assert {point.tries for point in heard[:4]} == {3}, "what held there is counted, and beaten"

    def test_what_is_lost_in_working_on_it_counts_as_it_was(self, tiny_classifier, monkeypatch):
        run, top = started(self.search, tiny_classifier), 20
        strong = towards(0, top * UNIT)
        seen(run, top, strong)
        monkeypatch.setattr(SPGD, "craft", lambda attack, *rest: 0 * strong)
        assert run.attack(top - 1), "going down one by one"
        assert run.follow_down(top) <= top - 1

    def test_an_attack_that_got_stuck_is_made_anew_from_a_random_start(self, tiny_classifier, monkeypatch, plain):
        craft, stuck = SPGD.craft, []

        def hindered(attack, model, split, delta=None):
            if delta is None:
                return craft(attack, model, split)
            stuck.append(delta)
            return torch.zeros_like(delta)

        monkeypatch.setattr(SPGD, "craft", hindered)
        found = run_search(Search(tolerance=1, first=6, **QUICK), tiny_classifier)
        assert stuck
        assert found.epsilon == pytest.approx(plain.epsilon, abs=2)

    def test_where_it_does_less_than_a_smaller_one_it_starts_at_random_once_more(self, tiny_classifier, monkeypatch):
        run, nothing, begun = started(self.search, tiny_classifier), towards(0, 0.0), []
        run.record(5, [told(64, 128, nothing)], tries=1, steps=1)  # half are wrong, as of no other

        def craft(attack, model, split, delta=None):
            begun.append((delta is None, attack.steps, attack.seed))
            return nothing

        monkeypatch.setattr(SPGD, "craft", craft)
        assert not run.attack(6)
        assert begun == [(False, QUICK["warm_steps"], 0), (True, QUICK["steps"], 1)]
        point = run.points[6]
        assert (point.tries, point.steps) == (3, QUICK["warm_steps"] + QUICK["steps"])
        assert point.success == 0.5, "what a smaller one does a larger one does too"
        assert not run.attack(7)
        assert [seed for _, _, seed in begun] == [0, 1, 2, 3], "never the same start, and never the same order"

    def test_before_an_epsilon_holds_other_ways_to_climb_are_tried_from_the_strongest(
        self, tiny_classifier, monkeypatch
    ):
        run, tried = started(self.search, tiny_classifier), []
        seen(run, 6, towards(0, 6 * UNIT))
        assert run.points[6].success < LEVEL

        def craft(attack, model, split, delta=None):
            tried.append((attack.adam, attack.objective, attack.budget, delta))
            return attack.budget.rescale(towards(0, BREAKS)) if len(tried) == 3 else torch.zeros_like(delta)

        monkeypatch.setattr(SPGD, "craft", craft)
        assert not run.try_variants(0)
        before, known = run.points[6], run.strongest[6].candidate.delta
        run.try_variants(6)
        expected = [(False, Untargeted(LOSS_CAP)), (True, Untargeted()), (True, Untargeted(LOSS_CAP))]
        assert [(adam, objective) for adam, objective, _, _ in tried] == expected
        for _, _, budget, start in tried:
            assert budget == Budget.from_255(6)
            assert torch.equal(start, known), "weaker ones lead nowhere"
        after = run.points[6]
        assert (after.tries, after.steps) == (before.tries + 3, before.steps + 3 * QUICK["warm_steps"])
        assert after.success >= before.success

    def test_a_search_goes_on_below_what_a_variant_breaks(self, tiny_classifier, monkeypatch, plain):
        asked = []

        def breaks_once(run, tick):
            asked.append(tick)
            tried = told(128 if len(asked) == 1 else 0, 128, towards(0, 0.0))
            return run._breaks(run.record(tick, [tried, run.strongest[tick]], tries=1, steps=1))

        monkeypatch.setattr(SearchRun, "try_variants", breaks_once)
        found = run_search(self.search, tiny_classifier)
        assert plain.epsilon - 2 <= asked[0] < plain.epsilon + 1
        assert found.epsilon == asked[0]
        assert asked[1] < asked[0]

    @pytest.mark.parametrize("best", ["smaller", "larger"])
    def test_the_stronger_neighbour_leads_on(self, tiny_classifier, monkeypatch, best):
        run, began = started(self.search, tiny_classifier), []
        for tick, name in ((6, "smaller"), (10, "larger")):
            delta = towards(0, tick * UNIT) * (1 if name == best else (-1) ** torch.arange(12))
            seen(run, tick, delta)
        monkeypatch.setattr(SPGD, "craft", lambda attack, model, split, delta=None: began.append(delta) or delta)
        run.attack(8)
        assert torch.allclose(began[0], towards(0, 8 * UNIT))

    def test_it_goes_on_from_what_was_found_before_and_nothing_starts_at_random(
        self, tiny_classifier, monkeypatch, plain
    ):
        """A search that found everything 5/255 too late is made good by strong perturbations of other sizes."""
        strong = plain
        late = [replace(point, epsilon=point.epsilon + 5) for point in strong.curve[1:]]
        before = replace(strong, curve=(strong.curve[0], *late), epsilon=strong.epsilon + 5, delta=None)
        monkeypatch.setattr(SearchRun, "_attack_at_random", lambda self, tick: pytest.fail("a random start"))
        stored = {strong.epsilon + 3: strong.delta, 40: strong.delta, 8: torch.zeros(1, 3, 12, 12)}
        known = [Candidate(epsilon, delta, "stored") for epsilon, delta in stored.items()]
        after = run_search(self.search, tiny_classifier, known=known)
        assert after.epsilon <= strong.epsilon + 1
        assert after.delta.abs().max() <= after.epsilon * UNIT + 1e-7
        both = combined(before, after)
        assert both.epsilon == after.epsilon
        assert both.delta is after.delta
        assert both.steps == before.steps + after.steps
        assert [point.success for point in both.curve] == sorted(point.success for point in both.curve)
        sizes = [{round(point.epsilon) for point in found.curve} for found in (before, after, both)]
        assert sizes[2] == sizes[0] | sizes[1]
        other = combined(after, before)
        assert (other.epsilon, other.delta) == (after.epsilon, after.delta)

    def test_what_is_known_not_to_break_it_is_made_larger(self, tiny_classifier):
        found = run_search(
            self.search, tiny_classifier, known=[Candidate(1.0, torch.full((1, 3, 12, 12), UNIT), "stored")]
        )
        assert found.epsilon is not None
        assert found.epsilon > 1

    def test_two_searches_as_one_have_the_stronger_of_each_epsilon(self):
        def search(*points, epsilon, seed=0):
            curve = tuple(Point(e, Report(Rate(100 - s, 100), Rate(0, 100)), 2, 10) for e, s in points)
            return Robustness(LEVEL, 1.0, epsilon, curve, 96, seed, torch.full((1,), float(epsilon)))

        one = search((0, 10), (8, 50), (10, 55), (12, 70), epsilon=12)
        other = search((0, 10), (8, 30), (9, 65), (12, 80), epsilon=9, seed=1)
        for both in (combined(one, other), combined(other, one)):
            assert [round(100 * point.success) for point in both.curve] == [10, 50, 65, 65, 80]
            assert [point.tries for point in both.curve] == [4, 4, 2, 2, 4]
            assert (round(both.epsilon), both.delta.item()) == (9, 9)
        assert (combined(one, other).seed, combined(other, one).seed) == (0, 1)

    def test_it_survives_json(self, plain):
        found = plain
        again = Robustness.from_json(json.loads(json.dumps(found.to_json())))
        assert again.epsilon == pytest.approx(found.epsilon)
        assert [p.report for p in again.curve] == [p.report for p in found.curve]
        assert (again.level, again.steps, again.crafted_on) == (found.level, found.steps, found.crafted_on)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"level": 0}, "above 0 and up to 1, and 0 was given"),
        ({"level": 1.5}, "and 1.5 was given"),
        ({"tolerance": 0}, "0/255, 16/255, 64/255"),
        ({"first": 80}, "0.25/255, 80/255, 64/255"),
        ({"highest": 510}, "510/255"),
        ({"restarts": 0}, "restarts must be at least 1, and 0 was given"),
        ({"warm_steps": 0}, "warm_steps must be at least 1"),
    ],
)
def test_bad_input_is_named(bad, message):
    with pytest.raises(ValueError, match=message):
        Search(**bad)
