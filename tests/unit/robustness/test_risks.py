"""The four risks in order, against closed forms and on tiny models of both kinds."""

import json

import pytest
import torch
from linear import Linear, grey_pictures
from torch.nn.functional import softplus

from core.attacks.spgd import SPGD
from core.datasets import Split
from core.evaluation.evaluator import Evaluator
from core.evaluation.report import evaluate
from core.robustness.risks import Risks, measure_risks
from core.threat import UNIT, Budget

EPSILON = 6


@pytest.fixture(scope="module")
def crafted(_victims):
    """A universal perturbation of each tiny model."""
    attack = SPGD(Budget.from_255(EPSILON), steps=20, batch_size=32)
    return {kind: attack.craft(known.model, known.train) for kind, known in _victims.items()}


@pytest.fixture
def universal(request, victim, crafted):
    return crafted[request.node.callspec.params["victim"]].clone()


def held_out(victim):
    return Evaluator(victim.model, victim.test, 8)


def test_the_risks_come_out_in_order_and_end_where_they_are_known(victim, universal):
    risks = measure_risks(held_out(victim), universal, epsilon=EPSILON, sizes=(32, 8), steps=10)
    assert [(level.kind, level.heap) for level in risks.levels] == [
        ("expected", 0),
        ("universal", 0),
        ("heap", 32),
        ("heap", 8),
        ("adversarial", 1),
    ]
    losses = [level.loss for level in risks.levels]
    assert losses == sorted(losses)
    assert losses[-1] > losses[0]
    clean, attacked = (evaluate(victim.model, victim.test, delta, classes=8) for delta in (None, universal))
    assert risks.levels[0].accuracy == clean.accuracy
    assert risks.levels[1].accuracy == attacked.accuracy
    for level in risks.levels:
        assert level.loss_interval[0] < level.loss < level.loss_interval[1]


def test_a_finer_heap_may_use_the_coarser_ones_delta(victim, universal):
    """With attacks that do nothing useful, each level still has what the coarser one found."""
    risks = measure_risks(held_out(victim), universal, epsilon=EPSILON, sizes=(32, 8), steps=1, restarts=0)
    losses = [level.loss for level in risks.levels[1:]]
    assert losses == sorted(losses)


class TestLinear:
    """Where all labels are equal, one delta is best for every image, and all attacked risks are one."""

    @pytest.mark.parametrize("mixed", [False, True])
    def test_the_adversarial_risk_has_a_closed_form(self, mixed):
        labels = torch.arange(64) % 2 if mixed else torch.zeros(64, dtype=torch.long)
        model, split = Linear(3), grey_pictures(4, 64, labels)
        universal = SPGD(Budget.from_255(EPSILON), steps=20).craft(model, split)
        risks = measure_risks(Evaluator(model, split), universal, epsilon=EPSILON, sizes=(16, 4), steps=10)
        margins, _ = model.margin(split)
        exact = [softplus(-margins + moved).mean().item() for moved in (0.0, EPSILON * UNIT * model.norm)]
        losses = [level.loss for level in risks.levels]
        assert (losses[0], losses[-1]) == pytest.approx(exact, rel=1e-3)
        assert risks.levels[-1].accuracy.successes == int((margins > EPSILON * UNIT * model.norm).sum())
        if mixed:
            assert losses[1] < losses[-1] - 0.01
        else:
            assert losses[1:] == pytest.approx([losses[-1]] * 4, rel=1e-3)

    def test_the_interval_is_that_of_the_mean_of_the_losses(self):
        model, split = Linear(3), grey_pictures(4, 64)
        level = measure_risks(
            Evaluator(model, split), torch.zeros(1, 3, 4, 4), epsilon=EPSILON, sizes=(64,), steps=1
        ).levels[0]
        losses = softplus(-model.margin(split)[0].double())
        half = 1.96 * losses.std().item() / 8
        assert level.loss_interval == pytest.approx(
            (losses.mean().item() - half, losses.mean().item() + half), rel=1e-4
        )


def test_images_beyond_the_last_whole_heap_are_left_out(tiny_classifier):
    model, _, test = tiny_classifier
    odd = Split(test.images[:77], test.labels[:77])
    risks = measure_risks(Evaluator(model, odd), torch.zeros(1, 3, 12, 12), epsilon=EPSILON, sizes=(32, 8), steps=1)
    assert {level.accuracy.n for level in risks.levels} == {64}


def test_the_model_is_left_as_it_was_and_the_seed_decides(tiny_classifier):
    model, _, test = tiny_classifier
    model.train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    one, two, other = (
        measure_risks(
            Evaluator(model, test), torch.zeros(1, 3, 12, 12), epsilon=EPSILON, sizes=(32,), steps=3, seed=seed
        )
        for seed in (0, 0, 1)
    )
    assert one == two != other
    assert model.training
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_risks_survive_json(victim, universal):
    risks = measure_risks(held_out(victim), universal, epsilon=EPSILON, sizes=(32,), steps=2)
    again = Risks.from_json(json.loads(json.dumps(risks.to_json())))
    assert again.to_json() == risks.to_json()
    assert [level.accuracy for level in again.levels] == [level.accuracy for level in risks.levels]


def test_scenes_without_a_labelled_pixel_have_no_risk(tiny_segmenter):
    model, _, test = tiny_segmenter
    void = Split(test.images[:32], torch.full_like(test.labels[:32], 255))
    with pytest.raises(ValueError, match="nothing to count: no pixel of the held-out scenes has a class"):
        measure_risks(Evaluator(model, void, 8), torch.zeros(1, 3, 12, 12), epsilon=EPSILON, sizes=(32,), steps=1)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((8, 64), "8, 64 were given"),
        ((64, 10), "each a multiple of the next"),
        ((8, 1), "the last above 1"),
        ((512,), "A heap of 512 images cannot be filled with 128 images"),
    ],
)
def test_heaps_that_do_not_nest_are_named(tiny_classifier, sizes, message):
    model, _, test = tiny_classifier
    with pytest.raises(ValueError, match=message):
        measure_risks(Evaluator(model, test), torch.zeros(1, 3, 12, 12), epsilon=EPSILON, sizes=sizes)
