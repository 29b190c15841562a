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


@pytest.mark.parametrize(
    ("shown", "visible"),
    [(None, [True, True, True, False]), ([[False, True, False, True]], [False, True, False, False])],
)
def test_a_layer_is_clear_where_nothing_is_shown(shown, visible):
    pixels = reopened(rendering.layer(LABELS, PALETTE, None if shown is None else torch.tensor(shown)))
    assert (pixels[0, :, 3] == 255).tolist() == visible
    assert set(np.unique(pixels[..., 3]).tolist()) == {0, 255}
    assert pixels[0, :3, :3].tolist() == [*map(list, PALETTE)]
