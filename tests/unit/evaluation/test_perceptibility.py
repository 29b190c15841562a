"""How visible a perturbation is."""

import pytest
import torch

from core.evaluation.perceptibility import measure

IMAGES = torch.rand(3, 3, 12, 12, generator=torch.Generator().manual_seed(0)) * 0.6 + 0.2
SIGNS = torch.randint(0, 2, (1, 3, 12, 12), generator=torch.Generator().manual_seed(1)).float() * 2 - 1


def test_no_perturbation_is_invisible():
    assert measure(IMAGES, torch.zeros(1, 3, 12, 12)).to_json() == {
        "ssim": 1.0,
        "psnr": 100.0,
        "colour_difference": 0.0,
        "visible": 0.0,
        "n": 3,
    }


def test_every_measure_grows_with_epsilon():
    found = [measure(IMAGES, epsilon / 255 * SIGNS) for epsilon in (1, 4, 16, 32)]
    for name, direction in {"ssim": -1, "psnr": -1, "colour_difference": 1, "visible": 1}.items():
        values = [direction * getattr(one, name) for one in found]
        assert values == sorted(values), name
        assert len(set(values)) >= 3, name
    assert found[0].visible < 0.2 < 0.9 < found[-1].visible


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
    assert found.visible == 0


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
