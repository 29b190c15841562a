"""The radial power spectrum, on patterns whose spectrum is known."""

import numpy as np
import pytest
import torch

from core.evaluation.spectrum import LONG_WAVES, RING, RINGS, power_spectrum, radial_spectrum


def waves(frequency, size=(64, 96)):
    """A delta (1,3,H,W) of waves of this frequency across the picture."""
    across = torch.arange(size[1], dtype=torch.float64)
    return (torch.cos(2 * torch.pi * frequency * across) * torch.ones(1, 3, size[0], 1)).float() * 8 / 255


@pytest.mark.parametrize("frequency", [4.5 * RING, 8.5 * RING, 12.5 * RING])
@pytest.mark.parametrize("turned", [False, True])
def test_waves_lie_in_the_ring_of_their_frequency_whichever_way_they_run(frequency, turned):
    delta = waves(frequency)
    found = radial_spectrum(delta.transpose(2, 3) if turned else delta)
    assert len(found.fractions) == RINGS
    assert sum(found.fractions) == pytest.approx(1)
    assert found.fractions[int(frequency / RING)] > 0.95
    assert found.long_waves == pytest.approx(float(frequency < LONG_WAVES), abs=0.05)


def test_large_shapes_are_long_waves_and_a_checkerboard_is_the_finest_texture():
    assert radial_spectrum(waves(1 / 32)).long_waves > 0.95
    board = (torch.arange(64)[:, None] + torch.arange(96)) % 2 * 2.0 - 1
    assert sum(radial_spectrum(board.expand(1, 3, 64, 96)).fractions[-2:]) > 0.95


def test_random_signs_are_white():
    generator = torch.Generator().manual_seed(0)
    found = radial_spectrum(torch.randint(0, 2, (1, 3, 192, 256), generator=generator) * 2.0 - 1)
    # a ring below half a cycle per pixel holds the part pi (r2 ** 2 - r1 ** 2) of all frequencies
    for ring, fraction in enumerate(found.fractions[: round(0.5 / RING)]):
        assert fraction == pytest.approx(np.pi * RING**2 * (2 * ring + 1), abs=0.004)
    assert found.long_waves == pytest.approx(np.pi * LONG_WAVES**2, abs=0.005)


def test_neither_strength_nor_a_uniform_colour_matters_and_what_is_the_same_everywhere_has_no_spectrum():
    delta = waves(6 * RING) + waves(1 / 48)
    shifted = 3 * delta + torch.tensor([0.2, 0.0, -0.1]).reshape(1, 3, 1, 1)
    assert radial_spectrum(shifted).fractions == pytest.approx(radial_spectrum(delta).fractions, abs=1e-5)
    assert radial_spectrum(torch.full((1, 3, 32, 32), 0.1)) is None


def test_all_channels_count():
    delta = waves(4.5 * RING)
    delta[:, 1:] = waves(12.5 * RING)[:, 1:]
    found = radial_spectrum(delta).fractions
    assert (found[4], found[12]) == (pytest.approx(1 / 3, abs=0.03), pytest.approx(2 / 3, abs=0.03))


def test_a_spectrum_has_a_place_for_every_wave():
    frequency, power = power_spectrum(np.random.default_rng(0).normal(size=(2, 5, 8)))
    assert (frequency.shape, power.shape) == ((5, 8), (2, 5, 8))
    assert (frequency[0, 0], frequency.max()) == (0, pytest.approx(np.hypot(0.4, 0.5)))
