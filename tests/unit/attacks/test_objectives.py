"""What an element earns: capped each by itself, nothing for what is ignored; for images and for pixels."""

import math

import pytest
import torch
from torch import nn

from core.attacks.objectives import LOSS_CAP, Remove, Scene, Towards, Untargeted
from core.attacks.spgd import SPGD
from core.datasets import Split
from core.datasets.labels import IGNORE
from core.evaluation.evaluator import Evaluator
from core.evaluation.report import Rate, compare, hits, predict
from core.robustness.risks import measure_risks
from core.threat import Budget
from core.training.recipe import Recipe
from core.training.step import update_loss


def logits_with(*probabilities, pixels=False):
    """Logits (N,3), or (1,3,1,N), in which class 0 has these probabilities and the others share the rest."""
    p = torch.tensor(probabilities)
    logits = torch.stack([p, (1 - p) / 2, (1 - p) / 2], 1).log()
    return (logits.T.reshape(1, 3, 1, -1) if pixels else logits).clone().requires_grad_()


def as_labels(*values, pixels=False):
    labels = torch.tensor(values)
    return labels.reshape(1, 1, -1) if pixels else labels


def earned(objective, logits, labels):
    """Gains, and for each element whether any of its logits has a gradient, both (N)."""
    gain = objective(logits, objective.aimed(labels, lambda: labels))
    assert gain.shape == labels.shape
    (gradient,) = torch.autograd.grad(gain.mean(), logits)
    elements = gradient.reshape(3, -1) if gradient.ndim == 4 else gradient.T
    return gain.detach().flatten(), (elements.abs().sum(0) > 1e-7).tolist()


@pytest.mark.parametrize("pixels", [False, True], ids=["images", "pixels"])
class TestBothShapes:
    def test_the_cap_is_on_each_element_and_not_on_the_mean(self, pixels):
        # Were the mean capped, the hopeless third element would take all gradients away, or keep its own.
        logits, labels = logits_with(0.9, 0.25, 0.001, pixels=pixels), as_labels(0, 0, 0, pixels=pixels)
        gain, moved = earned(Untargeted(LOSS_CAP), logits, labels)
        assert gain.tolist() == pytest.approx([-math.log(0.9), -math.log(0.25), -math.log(0.2)], rel=1e-5)
        assert moved == [True, True, False]

    @pytest.mark.parametrize(("probability", "moves"), [(0.19, False), (0.21, True)])
    def test_below_probability_a_fifth_nothing_more_is_gained(self, pixels, probability, moves):
        _, moved = earned(Untargeted(LOSS_CAP), logits_with(probability, pixels=pixels), as_labels(0, pixels=pixels))
        assert moved == [moves]

    @pytest.mark.parametrize(("probability", "moves"), [(0.1, True), (0.74, True), (0.76, False), (0.99, False)])
    def test_towards_stops_earning_at_its_confidence(self, pixels, probability, moves):
        gain, moved = earned(Towards(0), logits_with(probability, pixels=pixels), as_labels(2, pixels=pixels))
        assert gain.item() == pytest.approx(math.log(min(probability, 0.75)), rel=1e-4)
        assert moved == [moves]

    @pytest.mark.parametrize("target", [-1, 3])
    def test_a_target_the_model_does_not_have_is_named(self, pixels, target):
        with pytest.raises(ValueError, match=rf"classes 0 to 2, and target {target} was given"):
            Towards(target)(logits_with(0.5, pixels=pixels), as_labels(0, pixels=pixels))


@pytest.mark.parametrize("objective", [Untargeted(), Towards(0)], ids=["untargeted", "towards"])
def test_a_pixel_without_a_class_earns_nothing(objective):
    gain, moved = earned(objective, logits_with(0.5, 0.5, pixels=True), as_labels(0, IGNORE, pixels=True))
    assert gain[0] != 0
    assert gain[1] == 0
    assert moved == [True, False]


class TestManyClasses:
    """Of 257 classes number 255 is one like the others; images of it count and earn like those of any other."""

    labels = torch.tensor([254, 255, 256])

    @pytest.fixture
    def model(self):
        return Ramp()

    @pytest.mark.parametrize(("objective", "aimed"), [(Untargeted(), [254, 255, 256]), (Towards(3), [3, 3, 3])])
    def test_gains_are_the_cross_entropies_of_all(self, objective, aimed):
        logits = torch.randn(3, 257, generator=torch.Generator().manual_seed(0))
        found = objective.aimed(self.labels, lambda: self.labels)
        assert found.tolist() == aimed
        loss = torch.stack([-one.log_softmax(0)[label] for one, label in zip(logits, aimed, strict=True)])
        expected = loss if not objective.targeted else -loss
        assert torch.allclose(objective(logits, found), expected, atol=1e-5)
        assert len(set(objective(logits, found).tolist())) == 3

    def test_training_learns_them(self, model):
        images = torch.full((3, 3, 2, 2), 0.5)
        loss = update_loss(model, images, self.labels, None, Recipe("signs"))
        expected = -model(images).log_softmax(1)[range(3), self.labels].mean()
        assert loss.item() == pytest.approx(expected.item(), rel=1e-5)

    def test_an_attack_on_them_alone_moves_and_tells_whom_it_fools(self, model):
        split = Split(torch.full((4, 3, 2, 2), 250, dtype=torch.uint8), torch.full((4,), 255))
        assert predict(model, split).tolist() == [255] * 4
        *_, last = SPGD(Budget(127 / 255), steps=5, batch_size=4).stream(model, split, torch.zeros(1, 3, 2, 2))
        assert (last.delta < 0).all()
        assert last.fooling_rate == 1.0

    def test_the_risks_are_those_of_all_images(self, model):
        split = Split(torch.full((3, 3, 2, 2), 250, dtype=torch.uint8), self.labels)
        expected = measure_risks(
            Evaluator(model, split), torch.zeros(1, 3, 2, 2), epsilon=1, sizes=(3,), steps=1
        ).levels[0]
        logits = model(split.batch(slice(None))[0])
        assert expected.loss == pytest.approx(-logits.log_softmax(1)[range(3), self.labels].mean().item(), rel=1e-5)
        assert expected.accuracy == Rate(1, 3)

    def test_all_count_in_a_report(self):
        clean, attacked = torch.tensor([255, 255, 256]), torch.tensor([254, 0, 256])
        report = compare(self.labels, clean, attacked, Towards(255))
        assert (report.accuracy, report.fooling) == (Rate(2, 3), Rate(2, 3))
        assert (report.target, report.baseline) == (Rate(0, 2), Rate(1, 2))
        assert hits(self.labels, attacked) == (1.0, 0.0, 1.0)
        assert hits(self.labels, clean) == (0.0, 1.0, 1.0)


class Ramp(nn.Module):
    """257 logits for images (N,C,H,W): that of class 255 is ten times the mean of the image, the others fall to 0."""

    def forward(self, images):
        logits = torch.linspace(1, 0, 257).expand(len(images), 257).clone()
        logits[:, 255] = 10 * images.mean((1, 2, 3)) - 6
        return logits


def test_the_cap_is_that_of_the_paper_and_can_be_chosen():
    assert pytest.approx(-math.log(0.2)) == LOSS_CAP == Recipe("signs").loss_cap
    assert Untargeted().cap == math.inf
    gain, _ = earned(Untargeted(cap=0.1), logits_with(0.5), as_labels(0))
    assert gain.item() == pytest.approx(0.1)


def test_all_but_untargeted_have_a_target():
    scene = torch.zeros(2, 2, dtype=torch.long)
    assert [aim.targeted for aim in (Untargeted(), Towards(2), Scene(scene), Remove(1))] == [False, True, True, True]


def test_a_scene_is_wanted_everywhere_but_where_labels_or_scene_have_none():
    scene = torch.tensor([[1, 2], [IGNORE, 0]])
    labels = torch.tensor([[[0, 0], [0, 0]], [[0, IGNORE], [0, 0]]])
    wanted = Scene(scene).aimed(labels, lambda: pytest.fail("a static target needs no predictions"))
    assert wanted.tolist() == [[[1, 2], [IGNORE, 0]], [[1, IGNORE], [IGNORE, 0]]]
    with pytest.raises(ValueError, match=r"target scene is of size \(2, 2\), and the images are of size \(3, 2\)"):
        Scene(scene).aimed(torch.zeros(1, 3, 2), lambda: None)


def test_a_removed_class_takes_the_nearest_other_class():
    seen = torch.tensor([[[0, 3, 3, 3, 1], [0, 3, 2, 2, 2]], [[3, 3, 3, 3, 3]] * 2, [[0, 1, 2, 0, 1]] * 2])
    labels = torch.zeros_like(seen)
    labels[0, 1, 4] = IGNORE
    wanted = Remove(3).aimed(labels, lambda: seen)
    first = wanted[0].tolist()
    assert first[0][:2] == [0, 0]
    assert first[0][3:] in ([1, 1], [2, 1])
    assert first[1] == [0, first[1][1], 2, 2, IGNORE]
    assert first[1][1] in (0, 2)
    assert torch.equal(wanted[1:], seen[1:])  # nothing to fill it with, nothing to fill
    assert seen[0, 0, 1] == 3  # the predictions themselves are untouched


def test_removing_a_class_is_for_pixels():
    with pytest.raises(ValueError, match="for models that label pixels"):
        Remove(1).aimed(torch.zeros(3, dtype=torch.long), lambda: None)


def test_half_precision_logits_are_lifted_before_the_loss():
    gain = Untargeted()(logits_with(0.5).detach().bfloat16(), as_labels(0))
    assert gain.dtype == torch.float32
