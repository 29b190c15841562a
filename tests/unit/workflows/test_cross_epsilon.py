"""Perturbations of other strengths take the place of those that got stuck."""

import pytest
import torch
from known import towards

from core.attacks.spgd import SPGD
from core.checkpoints.results import Measurement
from core.evaluation.report import evaluate
from core.robustness.result import UNIT, success
from core.robustness.transfer import Lent
from core.threat import Budget
from core.workflows.cross_epsilon import Exchange

STRONG, STUCK = 40, 30
"""Strengths at which one perturbation makes three of the four classes look like the fourth, and none does more."""
MOST = 0.75


@pytest.fixture
def exchange(tiny_classifier):
    attack = SPGD(Budget(1), steps=4, batch_size=16)
    return Exchange(tiny_classifier.model, tiny_classifier.train, tiny_classifier.test, 96, attack, 4)


@pytest.fixture
def pool():
    """A perturbation that does all that can be done, and one of another strength that does nothing."""
    found = towards(0, STRONG * UNIT) * torch.linspace(1, 0.9, 12)  # no whole units at another strength
    nothing = torch.zeros_like(found)
    nothing[..., 0, 0] = STUCK * UNIT
    return {float(STRONG): found, float(STUCK): nothing}


def measured(exchange, pool):
    return [
        Measurement("spgd", int(epsilon), None, 40, 0, 64, evaluate(exchange.model, exchange.held_out, delta), 1.0)
        for epsilon, delta in sorted(pool.items())
    ]


def test_a_strength_that_got_stuck_takes_the_perturbation_of_another(exchange, pool):
    before, heard = measured(exchange, pool), []
    stuck, strong = exchange.measurements(before, pool, heard.append)
    assert [success(m.report) for m in before] == pytest.approx([0, MOST], abs=0.02)
    assert success(stuck.report) == success(before[1].report)
    assert stuck.steps == before[0].steps + 4
    assert len(heard) == 1
    assert strong == before[1]
    kept = pool[STUCK]
    assert torch.equal(kept * 255, (kept * 255).round())
    assert kept.abs().max() <= STUCK * UNIT + 1e-7
    assert stuck.report == evaluate(exchange.model, exchange.held_out, kept)


def test_what_working_on_it_would_lose_is_kept(exchange, pool, monkeypatch):
    monkeypatch.setattr(SPGD, "craft", lambda attack, model, split, delta: torch.zeros_like(delta))
    stuck, _ = exchange.measurements(measured(exchange, pool), pool, print)
    assert success(stuck.report) == pytest.approx(MOST, abs=0.02)


def test_what_does_more_on_the_judges_and_not_on_all_takes_no_place(exchange, pool, monkeypatch):
    before, kept = measured(exchange, pool), dict(pool)
    monkeypatch.setattr(Exchange, "_better", lambda self, known, *rest: (None, known.clone()))
    assert exchange.measurements(before, pool, lambda line: pytest.fail(line)) == before
    assert all(pool[size] is kept[size] for size in kept)


def test_two_larger_ones_are_looked_at(exchange, monkeypatch):
    """What does enough at 24 does less at 12 than what the next larger one has."""
    monkeypatch.setattr(SPGD, "craft", lambda attack, model, split, delta: delta)
    fewer = 1 - 2 * (torch.arange(12) == 0).float()
    sizes = {12.0: towards(0, 0.0), 24.0: fewer * towards(0, 24 * UNIT), 40.0: towards(0, 40 * UNIT)}
    first, second, _ = exchange.measurements(measured(exchange, sizes), sizes, print)
    assert torch.allclose(sizes[12.0], towards(0, 12 * UNIT))
    assert not torch.allclose(sizes[24.0], towards(0, 24 * UNIT))
    assert success(first.report) < success(second.report)


def test_what_a_larger_one_takes_from_a_smaller_goes_on_to_the_largest(exchange, pool):
    whole, nothing = pool[STRONG] * 0.75, pool[STUCK]
    sizes = {30.0: whole, 40.0: nothing, 50.0: nothing}
    found = exchange.measurements(measured(exchange, sizes), sizes, print)
    assert [success(m.report) for m in found] == pytest.approx([MOST] * 3, abs=0.02)


def test_a_lent_one_takes_its_place_too(exchange, pool, tiny_classifier):
    lent = Lent(tiny_classifier.model, tiny_classifier.train, [0.1 * pool.pop(STRONG)])
    before = measured(exchange, pool)
    assert exchange.measurements(before, dict(pool), print) == before, "the test needs one that stands alone"
    helped = Exchange(exchange.model, exchange.crafting, exchange.held_out, 96, exchange.attack, 4, lent)
    (stuck,) = helped.measurements(before, pool, print)
    assert success(stuck.report) == pytest.approx(MOST, abs=0.02)
    assert pool[STUCK].abs().max() == pytest.approx(STUCK * UNIT)


def test_once_all_have_competed_nothing_changes_any_more(exchange, pool, monkeypatch):
    first = exchange.measurements(measured(exchange, pool), pool, print)
    heard = []
    monkeypatch.setattr(SPGD, "craft", lambda *rest: pytest.fail("an attack from what does no more"))
    kept = dict(pool)
    assert exchange.measurements(first, pool, heard.append) == first
    assert heard == []
    assert all(pool[size] is kept[size] for size in kept)


def test_of_what_has_competed_before_only_what_is_new_does_so_again(exchange, pool):
    before = measured(exchange, pool)
    assert exchange.measurements(before, dict(pool), print, settled=True) == before
    lent = Lent(exchange.model, exchange.crafting, [pool[STRONG]])
    again = Exchange(exchange.model, exchange.crafting, exchange.held_out, 96, exchange.attack, 4, lent)
    stuck, strong = again.measurements(before, pool, print, settled=True)
    assert success(stuck.report) == pytest.approx(MOST, abs=0.02)
    assert strong == before[1]
