"""Which of the transferred perturbations does most to a model."""

import pytest
import torch
from known import chance, classified, towards

from core.attacks.objectives import Towards
from core.datasets import Split
from core.robustness.transfer import MARGIN, ROUNDS, SCENE, TransferredDeltas
from core.threat import UNIT, Budget

BUDGET = Budget.from_255(24)


@pytest.fixture
def strong():
    """What makes every class look like class 0."""
    return towards(0, BUDGET.epsilon)


@pytest.fixture
def weak(strong):
    """More than go on from the first round, none of which does anything."""
    generator = chance(0)
    return [UNIT * torch.randn(strong.shape, generator=generator).sign() for _ in range(ROUNDS[0][1] + 2)]


def of(task, *deltas):
    return TransferredDeltas(task.model, task.train, deltas)


def test_the_strongest_comes_first_at_the_size_asked_for(tiny_classifier, strong, weak):
    first, second = of(tiny_classifier, *weak, 0.3 * strong).best(BUDGET, 2)
    assert torch.allclose(first, BUDGET.rescale(strong), atol=1e-6)
    assert first.abs().max() == pytest.approx(BUDGET.epsilon)
    assert second.abs().max() == pytest.approx(BUDGET.epsilon)


def test_so_few_that_all_are_wanted_are_not_compared(tiny_classifier, strong, monkeypatch):
    monkeypatch.setattr(TransferredDeltas, "strength", lambda *rest: pytest.fail("compared"))
    assert of(tiny_classifier).best(BUDGET, 1) == []
    assert len(of(tiny_classifier, strong, -strong).best(BUDGET, 2)) == 2


@pytest.mark.parametrize(("images", "rest"), [(512, 0), (64, 1)])
def test_they_are_compared_on_the_first_crafting_images(tiny_classifier, strong, images, rest):
    """Of class 1 are the first images, and of the class that the perturbation shows those beyond."""
    split = classified(2400, seed=4)
    ones, zeros = (split.images[split.labels == kind] for kind in (1, 0))
    labels = torch.ones(600, dtype=torch.long).index_fill_(0, torch.arange(images, 600), 0)
    transferred = TransferredDeltas(
        tiny_classifier.model, Split(torch.cat([ones[:images], zeros[: 600 - images]]), labels), []
    )
    assert transferred.strength(strong, images) == 1
    assert transferred.strength(strong) == images / 512
    assert transferred.strength(-strong, images) == 0


def test_better_is_only_what_does_more(tiny_classifier, strong, weak):
    transferred = of(tiny_classifier, *weak, strong)
    assert transferred.better(BUDGET, weak[0])
    assert not transferred.better(BUDGET, BUDGET.rescale(strong))
    assert not of(tiny_classifier).better(BUDGET, weak[0])


@pytest.mark.parametrize(("lead", "better"), [(-0.1, False), (MARGIN / 2, False), (2 * MARGIN, True)])
def test_a_lead_that_chance_could_give_is_none(tiny_classifier, strong, monkeypatch, lead, better):
    monkeypatch.setattr(
        TransferredDeltas, "strength", lambda self, delta, *rest: 0.5 + (0 if delta is strong else lead)
    )
    assert of(tiny_classifier, -strong).better(BUDGET, strong) == better


def test_with_a_target_the_one_that_shows_it_is_the_strongest(tiny_classifier):
    aimed = [towards(target, BUDGET.epsilon) for target in (0, 1, 2)]
    transferred = TransferredDeltas(tiny_classifier.model, tiny_classifier.train, aimed, Towards(1))
    assert torch.allclose(transferred.best(BUDGET, 1)[0], aimed[1], atol=1e-6)


def test_fewer_scenes_are_looked_at_than_images(victim, monkeypatch):
    looked = []
    monkeypatch.setattr(
        TransferredDeltas, "strength", lambda self, delta, images: looked.append(len(self._first(images))) or 0.0
    )
    deltas = [UNIT * torch.ones(1, *victim.train.images.shape[1:]) for _ in range(3)]
    TransferredDeltas(victim.model, victim.train, deltas, classes=8).best(BUDGET, 1)
    whole = ROUNDS[-1][0] // (SCENE if victim.train.labels.ndim == 3 else 1)
    assert looked == [min(whole, len(victim.train))] * 3
