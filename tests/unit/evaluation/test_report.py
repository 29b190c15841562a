"""Rates with their intervals, what counts as fooled, and the breaking point of a curve."""

import math

import pytest
import torch
from torch import nn

from core.attacks.objectives import Remove, Scene, Towards
from core.datasets import Split
from core.evaluation.report import Rate, Report, breaking_point, compare, evaluate, hits, predict
from core.evaluation.segmentation import fraction


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [  # from the closed form of Wilson 1927 with z = 1.959964
        (50, 100, 0.4038, 0.5962),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (1, 3, 0.0615, 0.7923),
        (900, 1000, 0.8798, 0.9171),
        (8312, 10000, 0.8237, 0.8384),
    ],
)
def test_intervals_are_wilsons(successes, n, low, high):
    from scipy.stats import binomtest  # here, since importing it takes seconds

    z, p = 1.959964, successes / n
    middle, reach = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert [(middle + sign * reach) / (1 + z * z / n) for sign in (-1, 1)] == pytest.approx([low, high], abs=6e-5)
    assert Rate(successes, n).interval == pytest.approx((low, high), abs=1e-4)
    assert Rate(successes, n).value == p
    scipys = binomtest(successes, n).proportion_ci(method="wilson")
    assert Rate(successes, n).interval == (round(scipys.low, 4), round(scipys.high, 4))


def test_a_rate_of_nothing_is_undefined_and_its_interval_everything():
    assert math.isnan(Rate(0, 0).value)
    assert Rate(0, 0).interval == (0.0, 1.0)


@pytest.mark.parametrize("target", [None, Rate(3, 9)])
def test_reports_survive_json(target):
    report = Report(Rate(1, 2), Rate(0, 7), target)
    assert Report.from_json(report.to_json()) == report


LABELS = [0, 0, 1, 1, 2]
CLEAN = [0, 1, 1, 2, 2]
ATTACKED = [2, 1, 1, 2, 2]


class TestCompare:
    @pytest.fixture
    def predictions(self):
        return [torch.tensor(values) for values in (LABELS, CLEAN, ATTACKED)]

    def test_accuracy_is_against_the_label_and_fooling_against_the_clean_prediction(self, predictions):
        report = compare(*predictions)
        assert report.accuracy == Rate(2, 5)
        assert report.fooling == Rate(1, 5)  # the second and fourth are wrong before and after: not fooled
        assert report.target is None

    def test_the_target_rate_leaves_out_images_of_the_target_class(self, predictions):
        report = compare(*predictions, Towards(2))
        assert (report.target, report.unprovoked) == (Rate(2, 4), Rate(1, 4))
        assert report.gained == pytest.approx(1 / 3), "one more of the three that were not of the target's class"


class TestCompareScenes:
    """Three scenes of 2x4 pixels, three classes; class 2 is nowhere."""

    labels = torch.tensor([[[0, 0, 1, 1]] * 2, [[0, 0, 0, 255]] * 2, [[255] * 4] * 2])
    clean = torch.tensor([[[0, 0, 1, 0]] * 2, [[0, 0, 0, 0]] * 2, [[0] * 4] * 2])
    attacked = torch.tensor([[[1, 0, 1, 0]] * 2, [[0, 0, 0, 1]] * 2, [[1] * 4] * 2])

    def test_shares_are_over_labelled_pixels_and_n_counts_scenes(self):
        report = compare(self.labels, self.clean, self.attacked, classes=3)
        assert report.accuracy.value == pytest.approx((4 + 6) / 14, abs=1e-5)
        assert report.fooling.value == pytest.approx(2 / 14, abs=1e-5)
        assert report.accuracy.n == report.fooling.n == 2  # the scene without labels does not count
        assert report.target is None

    def test_overlap_agrees_with_torchmetrics(self):
        from torchmetrics.functional.classification import multiclass_jaccard_index

        generator = torch.Generator().manual_seed(0)
        seen, truth = (torch.randint(0, 3, (5, 8, 8), generator=generator) for _ in range(2))
        truth[:, 0] = 255
        report = compare(truth, truth, seen, classes=4)
        theirs = multiclass_jaccard_index(seen, truth, 3, average="none", ignore_index=255)
        assert report.overlaps[:3] == pytest.approx(theirs.tolist(), abs=1e-4)
        assert report.overlaps[3] is None  # a class that is nowhere does not pull the mean down
        assert report.overlap.value == pytest.approx(theirs.mean().item(), abs=1e-4)
        low, high = report.overlap.interval
        assert low < report.overlap.value < high

    def test_the_interval_is_the_95_percent_one_where_scenes_are_all_or_nothing(self):
        from scipy.stats import binomtest

        hits = torch.zeros(400, 2, 3, dtype=torch.bool)
        hits[:120] = True
        low, high = fraction(hits, torch.ones_like(hits)).interval
        known = binomtest(120, 400).proportion_ci(method="wilson")
        assert (low, high) == pytest.approx((known.low, known.high), abs=0.01)

    def test_the_interval_widens_with_fewer_scenes_and_not_with_fewer_pixels(self):
        generator = torch.Generator().manual_seed(1)
        right = torch.rand(40, 1, 1, generator=generator)
        hits = torch.rand(40, 16, 16, generator=generator) < right

        def width(some):
            found = fraction(some, torch.ones_like(some))
            return found.high - found.low

        assert width(hits[:10]) > 1.5 * width(hits)
        assert width(hits[:, ::4, ::4]) < 1.3 * width(hits)

    def test_a_scene_target_counts_all_labelled_pixels(self):
        wanted = Scene(torch.tensor([[1, 1, 1, 255]] * 2))
        report = compare(self.labels, self.clean, self.attacked, wanted, classes=3)
        assert report.target.value == pytest.approx(4 / 12, abs=1e-5)
        anyway = (self.clean == 1)[:, :, :3] & (self.labels != 255)[:, :, :3]
        assert report.unprovoked.value == pytest.approx(float(anyway.sum()) / 12, abs=1e-5)

    def test_removal_says_what_vanished_and_what_stayed(self):
        report = compare(self.labels, self.clean, self.attacked, Remove(1), classes=3)
        assert report.vanished.value == 0  # the third column still says 1
        assert report.kept.value == pytest.approx(10 / 12, abs=1e-5)
        assert report.unprovoked is None
        assert report.success
        assert report.gained == report.success.value

    def test_scenes_without_labels_count_nowhere(self):
        report = compare(torch.full_like(self.labels, 255), self.clean, self.attacked, Scene(self.labels[0]), classes=3)
        rates = [report.accuracy, report.fooling, report.target, report.overlap]
        assert [(rate.n, rate.interval) for rate in rates] == [(0, (0.0, 1.0))] * 4
        assert all(math.isnan(rate.value) for rate in rates)

    def test_reports_survive_json(self):
        import json

        report = compare(self.labels, self.clean, self.attacked, Remove(1), classes=3)
        assert Report.from_json(json.loads(json.dumps(report.to_json()))) == report


class Threshold(nn.Module):
    """Class 1 where the mean of an image exceeds a half."""

    def forward(self, images):
        brightness = images.mean((1, 2, 3))
        return torch.stack([0.5 - brightness, brightness - 0.5], 1)


def test_hits_are_image_by_image_and_a_scene_counts_its_labelled_pixels():
    assert hits(torch.tensor([0, 1, 2]), torch.tensor([0, 2, 2])) == (1.0, 0.0, 1.0)
    labels = torch.tensor([[[0, 1], [255, 255]], [[1, 1], [1, 1]], [[255, 255], [255, 255]]])
    assert hits(labels, torch.ones(3, 2, 2, dtype=torch.long)) == (0.5, 1.0, 1.0)


def test_a_whole_evaluation_by_hand():
    levels = torch.tensor([0, 100, 120, 140, 255], dtype=torch.uint8)
    split = Split(levels[:, None, None, None].expand(5, 3, 4, 4), torch.tensor([0, 0, 1, 1, 1]))
    report = evaluate(Threshold(), split, torch.full((1, 3, 4, 4), 20 / 255), Towards(1))
    assert (report.accuracy, report.fooling, report.target) == (Rate(5, 5), Rate(1, 5), Rate(0, 2))
    clean = evaluate(Threshold(), split, objective=Towards(1))
    assert (clean.accuracy, clean.fooling) == (Rate(4, 5), Rate(0, 5))
    # the caller's clean predictions are believed
    assert evaluate(Threshold(), split, clean=torch.ones(5, dtype=torch.long)).accuracy == Rate(3, 5)


@pytest.mark.parametrize("batch_size", [1, 7, 128, 500])
def test_predictions_do_not_depend_on_the_batch_size(victim, batch_size):
    whole = predict(victim.model, victim.test, batch_size=10_000)
    assert whole.shape == victim.test.labels.shape
    assert torch.equal(predict(victim.model, victim.test, batch_size=batch_size), whole)


def test_evaluation_leaves_a_model_in_training_as_it_was(victim):
    expected = predict(victim.model, victim.test)
    victim.model.train()
    before = {name: tensor.clone() for name, tensor in victim.model.state_dict().items()}
    assert torch.equal(predict(victim.model, victim.test), expected)
    assert all(torch.equal(before[name], tensor) for name, tensor in victim.model.state_dict().items())
    assert all(module.training for module in victim.model.modules())


@pytest.mark.parametrize(
    ("curve", "misclassified", "expected"),
    [
        ([], 0.75, None),
        ([(0, 0.9), (8, 0.5), (16, 0.26)], 0.75, None),
        ([(4, 0.2), (8, 0.1)], 0.75, 4),
        ([(0, 0.85), (8, 0.45), (16, 0.25)], 0.75, 16),
        ([(0, 0.9), (8, 0.5), (16, 0.1)], 0.75, 13),
        ([(16, 0.1), (0, 0.9), (8, 0.5)], 0.75, 13),  # the order does not matter
        ([(0, 0.9), (8, 0.5), (16, 0.1)], 0.5, 8),
        ([(0, 0.9), (8, 0.2), (16, 0.4), (24, 0.1)], 0.75, 8 * 0.65 / 0.7),  # the first crossing
    ],
)
def test_breaking_points(curve, misclassified, expected):
    assert breaking_point(curve, misclassified) == (expected if expected is None else pytest.approx(expected))
