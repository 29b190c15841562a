"""Tensors to pictures and back."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from core import rendering

UNITS = torch.arange(-127, 128).float()[:253].reshape(1, 1, 11, 23).expand(1, 3, 11, 23)
IMAGE = torch.arange(3 * 8 * 10).reshape(3, 8, 10).float() / 255


def reopened(image):
    return np.asarray(Image.open(io.BytesIO(rendering.png(image))))


def test_a_png_of_a_perturbation_loses_nothing():
    pixels = reopened(rendering.perturbation(UNITS / 255)).astype(int) - 128
    assert np.array_equal(pixels.transpose(2, 0, 1), UNITS[0].numpy())


def test_no_perturbation_is_mid_grey():
    assert np.unique(reopened(rendering.perturbation(torch.zeros(1, 3, 4, 4)))).tolist() == [128]


@pytest.mark.parametrize(("factor", "pixel"), [(1, 132), (5, 148), (20, 208), (100, 255), (-100, 0)])
def test_the_factor_amplifies_and_clips(factor, pixel):
    assert np.unique(reopened(rendering.perturbation(torch.full((3, 4, 4), 4 / 255), factor))).tolist() == [pixel]


def test_pictures_keep_pixels_channels_and_orientation():
    pixels = reopened(rendering.picture(IMAGE))
    assert pixels.shape == (8, 10, 3)
    assert np.array_equal(pixels.transpose(2, 0, 1), (IMAGE * 255).round().numpy())


def test_an_attacked_picture_is_clipped():
    pixels = reopened(rendering.attacked(IMAGE, torch.full((1, 3, 8, 10), 30 / 255)))
    assert np.array_equal(pixels.transpose(2, 0, 1), (IMAGE * 255 + 30).round().clamp(0, 255).numpy())


def test_a_data_url_is_the_png():
    image = rendering.picture(IMAGE)
    kind, _, content = rendering.data_url(image).partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(content) == rendering.png(image)


PALETTE = ((200, 10, 20), (30, 220, 40), (50, 60, 240))
LABELS = torch.tensor([[0, 1, 2, 255]])
GREY = torch.full((3, 1, 4), 100 / 255)


def test_a_label_map_has_the_colours_of_its_classes():
    assert reopened(rendering.label_map(LABELS, PALETTE)).tolist() == [[*map(list, PALETTE), [0, 0, 0]]]


@pytest.mark.parametrize("opacity", [0.0, 0.5, 1.0])
def test_an_overlay_mixes_and_leaves_pixels_without_a_class(opacity):
    pixels = reopened(rendering.overlay(GREY, LABELS, PALETTE, opacity)).astype(float)
    expected = [[100 + opacity * (channel - 100) for channel in colour] for colour in PALETTE] + [[100] * 3]
    assert pixels[0] == pytest.approx(np.array(expected), abs=0.51)


def test_an_overlay_can_show_a_single_class():
    pixels = reopened(rendering.overlay(GREY, LABELS, PALETTE, 1.0, only=1))
    assert pixels[0].tolist() == [[100] * 3, [30, 220, 40], [100] * 3, [100] * 3]


def test_flipped_pixels_show_what_they_have_become():
    pixels = reopened(rendering.flipped(GREY, LABELS, torch.tensor([[0, 2, 2, 255]]), PALETTE))
    assert pixels[0, 1].tolist() == [50, 60, 240]
    assert np.unique(pixels[0, [0, 2, 3]]).tolist() == [185]
