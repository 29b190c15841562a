"""The drawn data sets have the fine detail of photographs: their power spectra fall off alike.

Fragile models read fine detail, so a drawn data set without it would make every model look robust.
"""

import numpy as np
import pytest

from core.datasets import signs, streets
from core.evaluation.spectrum import power_spectrum

# Measured with `spectrum`, mean over pictures: slope, and fraction of the power above half the Nyquist frequency.
CAMVID_CROPS = (-2.76, 0.054)  # 96 x 96 crops, one of each of the 367 training images of CamVid as read at 192 x 256
CAMVID = (-2.76, 0.026)  # every third training image of CamVid as read at 192 x 256 (file: 480 x 360, JPEG quality 92)
CIFAR10 = (-3.22, 0.100)  # the first 2,000 test images of CIFAR-10, lossless, 32 x 32


def spectrum(picture):
    """The log-log slope of the radially averaged power spectrum of the grey picture, and the fraction of its power
    above half the Nyquist frequency."""
    grey = picture @ np.array([0.299, 0.587, 0.114])
    frequency, (power,) = power_spectrum(grey[None])
    side = min(grey.shape)
    ring = np.rint(frequency * side).astype(int).ravel()
    radial = np.bincount(ring, power.ravel()) / np.bincount(ring)
    rings = np.arange(2, side // 2 + 1)
    slope = np.polyfit(np.log(rings / side), np.log(radial[rings] + 1e-9), 1)[0]
    return slope, power[frequency > 0.25].sum() / power[frequency > 0].sum()


@pytest.fixture(scope="module")
def of_signs():
    """Slope and fraction of 96 signs, (96,2)."""
    return np.array([spectrum(signs.render("test", index)[0]) for index in range(96)])


def test_white_noise_is_flat_and_brown_noise_falls_with_two():
    generator = np.random.default_rng(0)
    white = generator.normal(0, 10, (96, 96))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(96), np.fft.fftfreq(96)))
    brown = np.fft.ifft2(np.fft.fft2(white) / np.maximum(frequency, 1 / 96)).real
    assert spectrum(np.repeat(white[..., None], 3, 2))[0] == pytest.approx(0, abs=0.15)
    assert spectrum(np.repeat(brown[..., None], 3, 2))[0] == pytest.approx(-2, abs=0.15)


def test_signs_fall_off_like_photographs(of_signs):
    assert of_signs[:, 0].mean() == pytest.approx(CAMVID_CROPS[0], abs=0.25)


def test_signs_have_the_fine_detail_of_photographs(of_signs):
    assert CAMVID_CROPS[1] < of_signs[:, 1].mean() < CIFAR10[1]


def test_few_signs_are_blurred(of_signs):
    """One of the crops of CamVid in ten has less than 0.015 of its power above half the Nyquist frequency."""
    assert (of_signs[:, 1] < 0.015).mean() < 0.15


def test_streets_do_not_fall_off_earlier_than_photographs():
    found = np.array([spectrum(streets.render("test", index)[0]) for index in range(6)])
    assert found[:, 0].mean() > CAMVID[0] - 0.25
    assert found[:, 1].mean() > CAMVID[1]
