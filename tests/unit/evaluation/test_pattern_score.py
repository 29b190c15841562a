"""The pattern score, with readers whose answers are known in closed form."""

import known
import pytest
import torch
from torch import nn

from core.evaluation.pattern_score import (
    ALL,
    CONTRASTS,
    NOISES,
    PatternScore,
    Reader,
    ReadingRate,
    on_grey,
    read,
    score_patterns,
)
from core.evaluation.report import Rate


class Colours(nn.Module):
    """Names the class whose colour is nearest to the mean colour; grey is class 0."""

    def forward(self, images):
        return (images - 0.5).mean((2, 3)) @ known.CODE.T + torch.tensor([1e-3, 0, 0, 0])


class Always(nn.Module):
    """Names one class, whatever it sees."""

    def __init__(self, number):
        super().__init__()
        self.number = number

    def forward(self, images):
        return torch.eye(4)[self.number].repeat(len(images), 1)


class ShortSighted(nn.Module):
    """Names the class of the mean colour where a value lies at least 0.19 from grey, else class 0."""

    def forward(self, images):
        seen = (images - 0.5).abs().amax((1, 2, 3)) >= 0.19
        return Colours()(images) * seen[:, None] + torch.tensor([1e-3, 0, 0, 0])


DRAWN = [(target, known.towards(target)) for target in range(1, 4)]
"""Perturbations towards three classes, each of which shows its class."""
HIDDEN = [(target, known.towards(target % 3 + 1)) for target in range(1, 4)]
"""Perturbations that show another class than the one that they aim at."""


def reader(model, kind="standard", name="a"):
    return Reader(name, kind, model)


def test_a_pattern_lies_on_mid_grey_at_the_contrast_whatever_its_strength():
    delta = torch.tensor([[[[-0.1, 0.05]]], [[[0.004, 0.0]]]])
    assert on_grey(delta, 0.25)[:, 0, 0].flatten().tolist() == pytest.approx([0.25, 0.625, 0.75, 0.5])
    assert on_grey(delta, 0.5).flatten().tolist() == pytest.approx([0.0, 0.75, 1.0, 0.5])
    assert on_grey(delta, 0.9).flatten().tolist() == pytest.approx([0.0, 0.95, 1.0, 0.5]), "clipped"
    assert on_grey(torch.zeros(1, 3, 2, 2), 0.5).unique().tolist() == [0.5]


def test_each_pattern_is_read_at_each_contrast():
    deltas = torch.cat([known.towards(2), known.towards(3)])
    assert read(Colours(), deltas, (0.1, 0.5)).tolist() == [[2, 2], [3, 3]]
    assert read(ShortSighted(), deltas, (0.1, 0.2, 0.5)).tolist() == [[0, 2, 2], [0, 3, 3]]


@pytest.mark.parametrize(
    ("model", "patterns", "value"),
    [
        (Colours(), DRAWN, 1.0),
        (Colours(), HIDDEN, 0.0),
        (ShortSighted(), DRAWN, 2 / 3),  # two of three contrasts are large enough
        (Always(2), DRAWN, 1 / 3),
        (Always(2), HIDDEN, 1 / 3),
    ],
    ids=["seen", "not seen", "seen at large contrasts", "one class always", "one class always, nothing to see"],
)
def test_the_score_is_the_fraction_of_readings_that_name_the_target(model, patterns, value):
    own, _ = score_patterns([reader(model)], patterns)
    assert own[ALL].value == pytest.approx(value)
    assert (own[ALL].n, own[ALL].patterns) == (len(patterns) * len(CONTRASTS), len(patterns))


def test_random_signs_show_what_readers_name_anyway():
    _, noise = score_patterns([reader(Always(2))], DRAWN)
    assert noise[ALL].value == pytest.approx(1 / 3), "one of three targets"
    _, noise = score_patterns([reader(Always(2))], [DRAWN[1]])
    assert noise[ALL].value == 1, "the only target"
    assert (noise[ALL].n, noise[ALL].patterns) == (NOISES * len(CONTRASTS), NOISES)
    _, noise = score_patterns([reader(Colours())], DRAWN)
    assert noise[ALL].value == pytest.approx(1 / 4, abs=0.1), "any colour is as likely"


def test_readers_count_by_kind_and_all_together():
    readers = [reader(Colours()), reader(Always(0), "heap 1", "b"), reader(Colours(), "heap 1", "c")]
    own, noise = score_patterns(readers, DRAWN, contrasts=(0.5,), noises=4)
    assert {kind: (rate.named, rate.n) for kind, rate in own.items()} == {
        ALL: (6, 9),
        "standard": (3, 3),
        "heap 1": (3, 6),
    }
    assert {kind: rate.n for kind, rate in noise.items()} == {ALL: 36, "standard": 12, "heap 1": 24}


def test_several_patterns_of_one_target_count_each():
    own, _ = score_patterns([reader(Colours())], [(1, known.towards(1)), (1, known.towards(2))])
    assert (own[ALL].value, own[ALL].patterns) == (0.5, 2)


def test_more_readings_of_the_same_patterns_do_not_narrow_the_interval():
    few, _ = score_patterns([reader(Colours())], DRAWN, contrasts=(0.5,))
    many, _ = score_patterns([reader(Colours())] * 20, DRAWN)
    assert few[ALL].interval == many[ALL].interval == Rate(3, 3).interval
    assert ReadingRate(30, 60, 20).interval == Rate(10, 20).interval


def test_the_same_patterns_have_the_same_score_and_readers_stay_as_they_are():
    model = known.classifier()
    model.train()
    first, again = (score_patterns([reader(model)], DRAWN) for _ in range(2))
    assert first == again
    assert model.training
    assert all(parameter.requires_grad for parameter in model.parameters())


class Pixels(nn.Module):
    def forward(self, images):
        return torch.zeros(len(images), 4, *images.shape[2:])


@pytest.mark.parametrize(
    ("readers", "patterns", "says"),
    [
        ([], DRAWN, "3 patterns and 0 readers"),
        ([reader(Colours())], [], "0 patterns and 1 readers"),
        ([reader(Colours())], [*DRAWN, (0, torch.zeros(1, 3, 8, 8))], r"one size \(1,C,H,W\) are read"),
        ([reader(Colours())], [(0, torch.zeros(2, 3, 8, 8))], r"the shapes \[\(2, 3, 8, 8\)\] were given"),
        ([reader(Pixels())], DRAWN, r"one gave \(9, 4, 12, 12\)"),
    ],
)
def test_what_does_not_fit_is_said(readers, patterns, says):
    with pytest.raises(ValueError, match=says):
        score_patterns(readers, patterns)


def test_a_score_in_words_and_in_json():
    own, noise = score_patterns([reader(Colours())], DRAWN)
    score = PatternScore(own, noise, 24, {"spgd-e24-t1": "12ab"}, {"a": "34cd"})
    assert str(score).startswith("100% of 9 readings name the target, of random signs ")
    assert PatternScore.from_json(score.to_json()) == score
    assert score.to_json()["own"][ALL] == {
        **{"named": 9, "n": 9, "patterns": 3},
        **{"value": 1.0, "interval": Rate(3, 3).interval},
    }


@pytest.mark.parametrize("counts", [(4, 3, 1), (-1, 3, 1), (1, 3, 0), (1, 3, 4), (0, 0, 0)])
def test_counts_that_cannot_be_are_refused(counts):
    with pytest.raises(ValueError, match="readings of"):
        ReadingRate(*counts)
