"""Perturbations of other strengths take the place of those that got stuck."""

import pytest
import torch
from known import towards

from core.attacks.spgd import SPGD
from core.checkpoints.results import Measurement, key
from core.evaluation.evaluator import Evaluator
from core.robustness.candidate import Candidate, Candidates
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
    evaluator = Evaluator(tiny_classifier.model, tiny_classifier.test, 4)
    return CrossEpsilonTransfer(evaluator, tiny_classifier.train, attack, judges=96)


@pytest.fixture
def candidates():
    """A perturbation that does all that can be done, and one of another strength that does nothing."""
    found = towards(0, STRONG * UNIT) * torch.linspace(1, 0.9, 12)  # no whole units at another strength
    nothing = torch.zeros_like(found)
    nothing[..., 0, 0] = STUCK * UNIT
    return candidates_of({STRONG: found, STUCK: nothing})


def candidates_of(deltas):
    """Candidates as they are stored, of deltas by their epsilons."""
    return Candidates(tuple(Candidate(epsilon, delta, key("spgd", epsilon)) for epsilon, delta in deltas.items()))


def measured(transfer, candidates):
    return [
        Measurement("spgd", candidate.epsilon, None, 40, 0, 64, transfer.evaluator(candidate.delta), 1.0)
        for candidate in sorted(candidates, key=lambda candidate: candidate.epsilon)
    ]


def test_a_strength_that_got_stuck_takes_the_perturbation_of_another(transfer, candidates):
    before, heard = measured(transfer, candidates), []
    (stuck, strong), after = transfer(before, candidates, heard.append)
    assert [success(m.report) for m in before] == pytest.approx([0, MOST], abs=0.02)
    assert success(stuck.report) == success(before[1].report)
    assert stuck.steps == before[0].steps + 4
    assert len(heard) == 1
    assert strong == before[1]
    taken = after.find(stuck.key).delta
    assert torch.equal(taken * 255, (taken * 255).round())
    assert taken.abs().max() <= STUCK * UNIT + 1e-7
    assert stuck.report == transfer.evaluator(taken)


def test_what_refining_would_lose_is_kept(transfer, candidates, monkeypatch):
    monkeypatch.setattr(SPGD, "craft", lambda attack, model, split, delta: torch.zeros_like(delta))
    (stuck, _), _ = transfer(measured(transfer, candidates), candidates)
    assert success(stuck.report) == pytest.approx(MOST, abs=0.02)


def test_what_does_more_on_the_judges_and_not_on_all_takes_no_place(transfer, candidates, monkeypatch):
    before = measured(transfer, candidates)
    monkeypatch.setattr(CrossEpsilonTransfer, "_stronger", lambda self, own, rivals: own.delta.clone())
    assert transfer(before, candidates, lambda line: pytest.fail(line)) == (before, candidates)


def test_two_larger_ones_are_looked_at(transfer, monkeypatch):
    """What does enough at 24 does less at 12 than what the next larger one has."""
    monkeypatch.setattr(SPGD, "craft", lambda attack, model, split, delta: delta)
    fewer = 1 - 2 * (torch.arange(12) == 0).float()
    sizes = candidates_of({12: towards(0, 0.0), 24: fewer * towards(0, 24 * UNIT), 40: towards(0, 40 * UNIT)})
    (first, second, _), after = transfer(measured(transfer, sizes), sizes)
    assert torch.allclose(after.find(first.key).delta, towards(0, 12 * UNIT))
    assert not torch.allclose(after.find(second.key).delta, towards(0, 24 * UNIT))
    assert success(first.report) < success(second.report)


def test_what_a_larger_one_takes_from_a_smaller_goes_on_to_the_largest(transfer, candidates):
    stuck, strong = (candidates.find(key("spgd", epsilon)).delta for epsilon in (STUCK, STRONG))
    sizes = candidates_of({30: strong * 0.75, 40: stuck, 50: stuck})
    found, _ = transfer(measured(transfer, sizes), sizes)
    assert [success(m.report) for m in found] == pytest.approx([MOST] * 3, abs=0.02)


def test_one_that_is_no_measurement_and_of_equal_size_competes_as_a_larger_one(transfer, candidates):
    stuck, strong = (candidates.find(key("spgd", epsilon)).delta for epsilon in (STUCK, STRONG))
    own = candidates_of({STUCK: stuck})
    breaking = Candidate(float(STUCK), strong * (STUCK / STRONG), "breaking")
    (found,), after = transfer(measured(transfer, own), own.updated(breaking))
    assert success(found.report) == pytest.approx(MOST, abs=0.02)
    assert after.find("breaking") is breaking


def test_a_transferred_one_takes_its_place_too(transfer, candidates, tiny_classifier):
    strong, stuck = candidates
    strong, candidates = strong.delta, Candidates((stuck,))
    before = measured(transfer, candidates)
    assert transfer(before, candidates) == (before, candidates), "the test needs one that stands alone"
    transfer.transferred = TransferredDeltas(tiny_classifier.model, tiny_classifier.train, [0.1 * strong])
    (stuck,), after = transfer(before, candidates)
    assert success(stuck.report) == pytest.approx(MOST, abs=0.02)
    assert after.find(stuck.key).delta.abs().max() == pytest.approx(STUCK * UNIT)


def test_once_all_have_competed_nothing_changes_any_more(transfer, candidates, monkeypatch):
    first, after = transfer(measured(transfer, candidates), candidates)
    monkeypatch.setattr(SPGD, "craft", lambda *rest: pytest.fail("an attack from what does no more"))
    assert transfer(first, after, lambda line: pytest.fail(line)) == (first, after)


def test_of_what_has_competed_before_only_what_is_new_does_so_again(transfer, candidates, tiny_classifier):
    before = measured(transfer, candidates)
    assert transfer(before, candidates, settled=True) == (before, candidates)
    strong = candidates.find(key("spgd", STRONG)).delta
    transfer.transferred = TransferredDeltas(tiny_classifier.model, tiny_classifier.train, [strong])
    (stuck, unchanged), _ = transfer(before, candidates, settled=True)
    assert success(stuck.report) == pytest.approx(MOST, abs=0.02)
    assert unchanged == before[1]
