"""How much a perturbation resembles a scene, on perturbations of which we know what they show."""

import numpy as np
import pytest
import torch

from core.datasets import streets
from core.evaluation.resemblance import Scenes

pytestmark = pytest.mark.slow  # 24 streets are drawn, which takes ten seconds and more

TARGET = 4
EPSILON = 10 / 255


@pytest.fixture(scope="module")
def maps():
    """Label maps (24,192,256) of drawn streets, which share their layout as real ones do."""
    return torch.stack([torch.from_numpy(streets.render("test", index)[1]) for index in range(24)])


@pytest.fixture(scope="module")
def scenes(maps):
    return Scenes(maps, 11)


def noise(seed):
    generator = torch.Generator().manual_seed(seed)
    return (torch.randint(0, 2, (1, 3, 192, 256), generator=generator) * 2.0 - 1) * EPSILON


def drawn(label_map, seed):
    """A colour for each class: what a perturbation that paints a scene looks like."""
    colours = torch.rand(256, 3, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return colours[label_map.long()].permute(2, 0, 1)[None] * EPSILON


def test_noise_shows_no_scene(scenes):
    """Over many noises the target's rank is anywhere, and its fraction is no larger than the others'."""
    found = [scenes.score(noise(seed), TARGET) for seed in range(30)]
    assert 6 < np.mean([score.rank for score in found]) < 19
    assert min(score.rank for score in found) <= 4
    assert max(score.rank for score in found) >= 20
    assert np.mean([score.fraction - score.others for score in found]) == pytest.approx(0, abs=0.005)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("strength", [1.0, 0.15], ids=["strong", "faint"])
def test_a_drawn_scene_is_found_among_all(scenes, maps, strength, seed):
    delta = strength * drawn(maps[TARGET], seed) + noise(seed)
    score = scenes.score(delta, TARGET)
    assert score.rank == 1
    assert score.p == pytest.approx(1 / 24)
    assert score.fraction > 1.5 * score.others
    assert score.n == 24
    assert score.more_than == "23 of 23"


def test_the_others_are_all_but_the_target(maps):
    few, delta = Scenes(maps[:3], 11), noise(5)
    fractions = [few.score(delta, number).fraction for number in range(3)]
    assert few.score(delta, 1).others == pytest.approx((fractions[0] + fractions[2]) / 2)


def test_a_stronger_pattern_scores_higher(scenes, maps):
    fractions = [scenes.score(s * drawn(maps[TARGET], 0) + noise(0), TARGET).fraction for s in (0, 0.1, 0.3, 1.0)]
    assert fractions == sorted(fractions)
    assert fractions[-1] > 0.8


def test_the_common_layout_alone_shows_no_scene_in_particular(scenes, maps):
    """Sky above, road below in every scene's mean colours: without the layout taken out, any target would score."""
    layout = torch.stack([drawn(one, 0) for one in maps]).mean(0)
    ranks = [scenes.score(layout + 0.2 * noise(seed), TARGET).rank for seed in range(20)]
    assert np.mean(ranks) > 6


def test_the_scale_of_a_perturbation_does_not_matter(scenes, maps):
    delta = drawn(maps[2], 1) + noise(5)
    assert scenes.score(delta, 2).fraction == pytest.approx(scenes.score(delta / 7, 2).fraction)


def test_nothing_at_all_scores_nothing(scenes):
    assert scenes.score(torch.zeros(1, 3, 192, 256), 0).fraction == 0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda scenes: scenes.score(torch.zeros(1, 3, 8, 8), 0),
            r"size \(192, 256\), and the perturbation of \(8, 8\)",
        ),
        (lambda scenes: scenes.score(torch.zeros(1, 3, 192, 256), 24), "scenes 0 to 23, and 24"),
        (lambda scenes: Scenes(torch.zeros(2, 8, 8), 3), r"At least 3 label maps \(N,H,W\)"),
    ],
)
def test_what_does_not_fit_is_said(scenes, call, says):
    with pytest.raises(ValueError, match=says):
        call(scenes)
