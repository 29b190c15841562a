"""Perturbations of other strengths take the place of those that got stuck."""

import pytest
import torch
from known import towards

from core.attacks.spgd import SPGD
from core.checkpoints.results import Measurement
from core.evaluation.report import evaluate
from core.robustness.result import success
from core.robustness.transfer import TransferredDeltas
from core.threat import UNIT, Budget
from core.workflows.cross_epsilon import CrossEpsilonTransfer

STRONG, STUCK = 40, 30
"""Strengths at which one perturbation makes three of the four classes look like the fourth, and none does more."""
MOST = 0.75


@pytest.fixture
def transfer(tiny_classifier):
    attack = SPGD(Budget(1), steps=4, batch_size=16)
    return CrossEpsilonTransfer(tiny_classifier.model, tiny_classifier.train, tiny_classifier.test, 96, attack, 4)


@pytest.fixture
def candidates():
    """A perturbation that does all that can be done, and one of another strength that does nothing."""
    found = towards(0, STRONG * UNIT) * torch.linspace(1, 0.9, 12)  # no whole units at another strength
    nothing = torch.zeros_like(found)
    nothing[..., 0, 0] = STUCK * UNIT
    return {float(STRONG): found, float(STUCK): nothing}


def measured(transfer, candidates):
    return [
        Measurement("spgd", int(epsilon), None, 40, 0, 64, evaluate(transfer.model, transfer.held_out, delta), 1.0)
        for epsilon, delta in sorted(candidates.items())
    ]


def test_a_strength_that_got_stuck_takes_the_perturbation_of_another(transfer, candidates):
    before, heard = measured(transfer, candidates), []
    stuck, strong = transfer.measurements(before, candidates, heard.append)
    assert [success(m.report) for m in before] == pytest.approx([0, MOST], abs=0.02)
    assert success(stuck.report) == success(before[1].report)
    assert stuck.steps == before[0].steps + 4
    assert len(heard) == 1
    assert strong == before[1]
    kept = candidates[STUCK]
    assert torch.equal(kept * 255, (kept * 255).round())
    assert kept.abs().max() <= STUCK * UNIT + 1e-7
    assert stuck.report == evaluate(transfer.model, transfer.held_out, kept)


def test_what_working_on_it_would_lose_is_kept(transfer, candidates, monkeypatch):
    monkeypatch.setattr(SPGD, "craft", lambda attack, model, split, delta: torch.zeros_like(delta))
    stuck, _ = transfer.measurements(measured(transfer, candidates), candidates, print)
    assert success(stuck.report) == pytest.approx(MOST, abs=0.02)


def test_what_does_more_on_the_judges_and_not_on_all_takes_no_place(transfer, candidates, monkeypatch):
    before, kept = measured(transfer, candidates), dict(candidates)
    monkeypatch.setattr(CrossEpsilonTransfer, "_better", lambda self, known, *rest: (None, known.clone()))
    assert transfer.measurements(before, candidates, lambda line: pytest.fail(line)) == before
    assert all(candidates[size] is kept[size] for size in kept)


def test_two_larger_ones_are_looked_at(transfer, monkeypatch):
    """What does enough at 24 does less at 12 than what the next larger one has."""
    monkeypatch.setattr(SPGD, "craft", lambda attack, model, split, delta: delta)
    fewer = 1 - 2 * (torch.arange(12) == 0).float()
    sizes = {12.0: towards(0, 0.0), 24.0: fewer * towards(0, 24 * UNIT), 40.0: towards(0, 40 * UNIT)}
    first, second, _ = transfer.measurements(measured(transfer, sizes), sizes, print)
    assert torch.allclose(sizes[12.0], towards(0, 12 * UNIT))
    assert not torch.allclose(sizes[24.0], towards(0, 24 * UNIT))
    assert success(first.report) < success(second.report)


def test_what_a_larger_one_takes_from_a_smaller_goes_on_to_the_largest(transfer, candidates):
    whole, nothing = candidates[STRONG] * 0.75, candidates[STUCK]
    sizes = {30.0: whole, 40.0: nothing, 50.0: nothing}
    found = transfer.measurements(measured(transfer, sizes), sizes, print)
    assert [success(m.report) for m in found] == pytest.approx([MOST] * 3, abs=0.02)


def test_a_lent_one_takes_its_place_too(transfer, candidates, tiny_classifier):
    transferred = TransferredDeltas(tiny_classifier.model, tiny_classifier.train, [0.1 * candidates.pop(STRONG)])
    before = measured(transfer, candidates)
    assert transfer.measurements(before, dict(candidates), print) == before, "the test needs one that stands alone"
    helped = CrossEpsilonTransfer(
        transfer.model, transfer.crafting, transfer.held_out, 96, transfer.attack, 4, transferred
    )
    (stuck,) = helped.measurements(before, candidates, print)
    assert success(stuck.report) == pytest.approx(MOST, abs=0.02)
    assert candidates[STUCK].abs().max() == pytest.approx(STUCK * UNIT)


def test_once_all_have_competed_nothing_changes_any_more(transfer, candidates, monkeypatch):
    first = transfer.measurements(measured(transfer, candidates), candidates, print)
    heard = []
    monkeypatch.setattr(SPGD, "craft", lambda *rest: pytest.fail("an attack from what does no more"))
    kept = dict(candidates)
    assert transfer.measurements(first, candidates, heard.append) == first
    assert heard == []
    assert all(candidates[size] is kept[size] for size in kept)


def test_of_what_has_competed_before_only_what_is_new_does_so_again(transfer, candidates):
    before = measured(transfer, candidates)
    assert transfer.measurements(before, dict(candidates), print, settled=True) == before
    transferred = TransferredDeltas(transfer.model, transfer.crafting, [candidates[STRONG]])
    again = CrossEpsilonTransfer(
        transfer.model, transfer.crafting, transfer.held_out, 96, transfer.attack, 4, transferred
    )
    stuck, strong = again.measurements(before, candidates, print, settled=True)
    assert success(stuck.report) == pytest.approx(MOST, abs=0.02)
    assert strong == before[1]
