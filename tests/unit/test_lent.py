"""Which of the perturbations that other models lend does most to a model."""

import pytest
import torch

from core.attacks.objectives import Towards
from core.attacks.universal import SPGD
from core.breaking import UNIT, success
from core.evaluation import evaluate
from core.lent import ROUNDS, SCENE, Lent
from core.threat import Budget

BUDGET = Budget(24 * UNIT)


@pytest.fixture
def strong(tiny_classifier):
    return SPGD(BUDGET, steps=40).craft(tiny_classifier.model, tiny_classifier.train)


@pytest.fixture
def weak(strong):
    """More than go on from the first round, none of which does anything."""
    generator = torch.Generator().manual_seed(0)
    return [UNIT * torch.randn(strong.shape, generator=generator).sign() for _ in range(ROUNDS[0][1] + 2)]


def of(task, *deltas):
    return Lent(task.model, task.train, deltas)


def test_the_strongest_comes_first_at_the_size_asked_for(tiny_classifier, strong, weak):
    first, second = of(tiny_classifier, *weak, 0.3 * strong).best(BUDGET, 2)
    assert torch.allclose(first, BUDGET.rescale(strong), atol=1e-6)
    assert first.abs().max() == pytest.approx(BUDGET.epsilon)
    assert second.abs().max() == pytest.approx(BUDGET.epsilon)


def test_so_few_that_all_are_wanted_are_not_compared(tiny_classifier, strong, monkeypatch):
    monkeypatch.setattr(Lent, "strength", lambda *rest: pytest.fail("compared"))
    assert of(tiny_classifier).best(BUDGET, 1) == []
    assert len(of(tiny_classifier, strong, -strong).best(BUDGET, 2)) == 2


def test_they_are_compared_on_crafting_images(tiny_classifier, strong):
    judged = tiny_classifier.train.first(min(ROUNDS[-1][0], len(tiny_classifier.train)))
    known = success(evaluate(tiny_classifier.model, judged, strong))
    assert of(tiny_classifier).strength(strong) == pytest.approx(known, abs=0.02)  # in 16 bits


def test_better_is_only_what_does_more(tiny_classifier, strong, weak):
    lent = of(tiny_classifier, *weak, strong)
    assert lent.better(BUDGET, weak[0])
    assert not lent.better(BUDGET, BUDGET.rescale(strong))
    assert not of(tiny_classifier).better(BUDGET, weak[0])


def test_with_a_target_the_one_that_shows_it_is_the_strongest(tiny_classifier):
    towards = [SPGD(BUDGET, Towards(target), steps=40).craft(*tiny_classifier[:2]) for target in (0, 1)]
    lent = Lent(tiny_classifier.model, tiny_classifier.train, towards, Towards(1))
    assert torch.allclose(lent.best(BUDGET, 1)[0], BUDGET.rescale(towards[1]), atol=1e-6)


def test_fewer_scenes_are_looked_at_than_images(victim, monkeypatch):
    looked = []
    monkeypatch.setattr(Lent, "strength", lambda self, delta, images: looked.append(len(self._first(images))) or 0.0)
    deltas = [UNIT * torch.ones(1, *victim.train.images.shape[1:]) for _ in range(3)]
    Lent(victim.model, victim.train, deltas, classes=8).best(BUDGET, 1)
    whole = ROUNDS[-1][0] // (SCENE if victim.train.labels.ndim == 3 else 1)
    assert looked == [min(whole, len(victim.train))] * 3
