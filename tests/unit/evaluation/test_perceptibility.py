"""How visible a perturbation is."""

import json

import pytest
import torch

from core.datasets import Split
from core.evaluation import perceptibility
from core.evaluation.perceptibility import DRAWN, Jod, Perceptibility, judge, measure, spaced

IMAGES = torch.rand(3, 3, 12, 12, generator=torch.Generator().manual_seed(0)) * 0.6 + 0.2
SIGNS = torch.randint(0, 2, (1, 3, 12, 12), generator=torch.Generator().manual_seed(1)).float() * 2 - 1


def test_no_perturbation_is_invisible():
    assert measure(IMAGES, torch.zeros(1, 3, 12, 12)).to_json() == {
        "ssim": 1.0,
        "psnr": 100.0,
        "colour_difference": 0.0,
        "n": 3,
    }


def test_every_measure_grows_with_epsilon():
    found = [measure(IMAGES, epsilon / 255 * SIGNS) for epsilon in (1, 4, 16, 32)]
    for name, direction in {"ssim": -1, "psnr": -1, "colour_difference": 1}.items():
        values = [direction * getattr(one, name) for one in found]
        assert values == sorted(values), name
        assert len(set(values)) >= 3, name


def test_psnr_is_the_closed_form():
    assert measure(IMAGES, 0.1 * SIGNS).psnr == pytest.approx(20, abs=1e-3)


def test_the_images_are_measured_as_clipped():
    white = torch.ones(1, 3, 12, 12)
    assert measure(white, 0.2 * white).colour_difference == 0


def test_a_step_of_grey_has_the_textbook_colour_difference():
    # CIEDE2000 of L* 50 and 51, by hand: 1 / (1 + 0.015 * 0.25 / sqrt(20.25)) and so on, nearly 1.
    grey = [((lightness + 16) / 116) ** 3 for lightness in (50, 51)]
    first, second = (1.055 * y ** (1 / 2.4) - 0.055 for y in grey)
    images = torch.full((1, 3, 12, 12), first)
    found = measure(images, torch.full((1, 3, 12, 12), second - first))
    assert found.colour_difference == pytest.approx(0.999, abs=0.01)


@pytest.mark.parametrize("shape", [(2, 1, 12, 12), (2, 3, 10, 12), (2, 3, 12, 8)])
def test_what_cannot_be_measured_is_refused(shape):
    with pytest.raises(ValueError, match=r"RGB images of at least 11x11 pixels, not \(2, "):
        measure(torch.zeros(shape), torch.zeros(1, *shape[1:]))


def test_ssim_agrees_with_torchmetrics():
    from torchmetrics.functional.image import structural_similarity_index_measure

    larger = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    for epsilon in (4, 16):
        delta = (
            epsilon / 255 * (torch.randint(0, 2, (1, 3, 32, 32), generator=torch.Generator().manual_seed(3)) * 2.0 - 1)
        )
        theirs = structural_similarity_index_measure((larger + delta).clamp(0, 1), larger, data_range=1.0)
        assert measure(larger, delta).ssim == pytest.approx(float(theirs), abs=0.01)


class TestJod:
    """Marked `jod`: ColorVideoVDP itself. Elsewhere a quick measure stands for it (conftest.py)."""

    @pytest.mark.jod
    def test_it_is_10_without_a_perturbation_and_falls_with_epsilon(self):
        smooth = torch.nn.functional.interpolate(IMAGES[:2], scale_factor=4, mode="bilinear")
        found = [judge(smooth, epsilon / 255 * SIGNS.repeat(1, 1, 4, 4)).value for epsilon in (0, 2, 8, 32)]
        assert found[0] == pytest.approx(10)
        assert found == sorted(found, reverse=True)
        assert found[0] > found[1] > 8 > found[3]

    @pytest.mark.jod
    def test_it_leaves_pytorch_as_it_was(self):
        def state():
            return torch.get_num_threads(), torch.is_grad_enabled(), torch.get_default_dtype(), torch.initial_seed()

        torch.manual_seed(5)
        before, drawn = state(), torch.get_rng_state()
        judge(IMAGES[:2], SIGNS / 255)
        assert state() == before
        assert torch.equal(torch.get_rng_state(), drawn)

    @pytest.mark.jod
    @pytest.mark.parametrize(
        ("shape", "drawn"),
        [((32, 32), (384, 384)), ((96, 96), (384, 384)), ((192, 256), (384, 512)), ((500, 400), (480, 384))],
    )
    def test_the_shorter_side_is_drawn_at_one_length(self, shape, drawn, monkeypatch):
        seen = []
        monkeypatch.setattr(perceptibility, "_predictor", lambda: lambda *pair: seen.extend(pair) or 9.0)
        judge(torch.rand(2, 3, *shape), torch.full((1, 3, *shape), 8 / 255))
        assert {picture.shape for picture in seen} == {(*drawn, 3)}
        assert min(drawn) == DRAWN
        assert all(picture.min() >= 0 and picture.max() <= 1 for picture in seen)

    def test_the_interval_is_that_of_students_t(self, monkeypatch):
        values = iter([9.0, 8.0, 7.0])
        monkeypatch.setattr(perceptibility, "_predictor", lambda: lambda *pair: next(values))
        found = judge(IMAGES, SIGNS / 255)
        half = 4.302653 * 1 / 3**0.5  # the 97.5% quantile of Student's t with 2 degrees of freedom
        assert (found.low, found.value, found.high) == pytest.approx((8 - half, 8, 8 + half), rel=1e-5)
        assert found.n == 3

    @pytest.mark.parametrize("shape", [(2, 1, 12, 12), (1, 3, 12, 12), (3, 12, 12)])
    def test_what_cannot_be_judged_is_refused(self, shape):
        with pytest.raises(ValueError, match=r"JOD is measured on two or more RGB images"):
            judge(torch.zeros(shape), torch.zeros(1, *shape[1:]))

    @pytest.mark.jod
    def test_without_the_library_the_command_that_brings_it_is_named(self, monkeypatch):
        monkeypatch.setattr(perceptibility, "jod_available", lambda: False)
        monkeypatch.setattr(perceptibility, "_predictor", perceptibility._predictor.__wrapped__)
        with pytest.raises(ModuleNotFoundError, match="not installed; run: make env-jod"):
            judge(IMAGES, SIGNS / 255)

    def test_pictures_are_spaced_over_the_split(self):
        split = Split(torch.arange(100, dtype=torch.uint8).reshape(100, 1, 1, 1), torch.zeros(100, dtype=torch.long))
        assert (255 * spaced(split, 4)).round().flatten().tolist() == [0, 33, 66, 99]
        assert len(spaced(split.first(3), 4)) == 3

    def test_in_words(self):
        words = {value: Jod(value, value - 0.1, value, 16).in_words for value in (9.9, 8.5, 8.49, 6.5, 6.49, -2.0)}
        assert [*words.values()] == ["hard to see"] * 2 + ["visible"] * 2 + ["in plain sight"] * 2

    def test_it_survives_json(self):
        seen = Perceptibility(0.9, 30.0, 2.5, 200, Jod(8.25, 8.0, 8.5, 16))
        content = json.loads(json.dumps(seen.to_json()))
        assert Perceptibility.from_json(content) == seen
        assert Perceptibility.from_json({**content, "visible": 0.9}) == seen, "as earlier files have it"
        assert str(seen.jod) == "8.2 [8.0, 8.5]"

    @pytest.mark.parametrize("low", [9.0, float("nan")])
    def test_an_interval_without_its_value_is_refused(self, low):
        with pytest.raises(ValueError, match="a JOD of 8"):
            Jod(8.0, low, 10.0, 16)
