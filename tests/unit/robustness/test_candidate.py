"""Candidates: one perturbation a source, in the order in which the sources came."""

import torch

from core.robustness.candidate import Candidate, Candidates
from core.threat import UNIT


def candidate(source, epsilon=8):
    return Candidate(epsilon, torch.full((1, 3, 2, 2), epsilon * UNIT), source)


def test_a_new_one_takes_the_place_of_the_one_from_its_source():
    first, second, better, last = candidate("a"), candidate("b"), candidate("a"), candidate("c")
    known = Candidates((first, second))
    assert [*known.updated(better, last)] == [better, second, last]
    assert [*known] == [first, second], "the others are left as they are"
    assert [*known.updated()] == [*known]


def test_one_is_found_by_its_source():
    known = Candidates((candidate("a"), candidate("b", 12)))
    assert known.find("b").epsilon == 12
    assert known.find("c") is None
    assert Candidates().find("a") is None


def test_a_candidate_of_another_size_keeps_its_source():
    found = candidate("a").rescaled(12)
    assert (found.epsilon, found.source) == (12, "a")
    assert torch.allclose(found.delta, candidate("a", 12).delta)
