"""How the power of a pattern is spread over spatial frequencies: low ones are large shapes, high ones fine texture.

Frequencies are in cycles per pixel. C channels, H W height and width.
"""

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor

RING = 1 / 32
"""The width of a ring of frequencies: what pictures of 32 pixels can tell apart, the smallest that are attacked."""
RINGS = math.ceil(math.hypot(0.5, 0.5) / RING)
"""How many rings there are up to the highest frequency, that of a checkerboard."""
LONG_WAVES = 1 / 8
"""Waves of a lower frequency are longer than 8 pixels; random signs have a twentieth of their power there."""


@dataclass(frozen=True)
class RadialSpectrum:
    """What fraction of a pattern's power lies in each ring of frequencies; together they are 1.

    Number k of `fractions` is for frequencies from k times RING up to, and without, k + 1 times RING. For white noise
    they grow like the rings themselves up to half a cycle per pixel.
    """

    fractions: tuple[float, ...]

    @property
    def long_waves(self) -> float:
        """The fraction of the power at frequencies below LONG_WAVES."""
        return sum(self.fractions[: round(LONG_WAVES / RING)])


def power_spectrum(layers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The frequency (H,W) and the power (C,H,W) of every wave in layers (C,H,W).

    The mean of each layer is taken out. A Hann window hides the borders, where a layer does not go on as waves would.
    """
    height, width = layers.shape[1:]
    window = np.outer(*(np.hanning(size + 2)[1:-1] for size in (height, width)))
    means = (layers * window).sum((1, 2), keepdims=True) / window.sum()
    power = np.abs(np.fft.fft2((layers - means) * window)) ** 2
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(height), np.fft.fftfreq(width), indexing="ij"))
    return frequency, power


def radial_spectrum(delta: Tensor) -> RadialSpectrum | None:
    """The radial power spectrum of a delta (1,C,H,W), over its channels; None where it is the same everywhere."""
    layers = delta[0].double().cpu().numpy()
    if np.ptp(layers, axis=(1, 2)).max() == 0:
        return None
    frequency, power = power_spectrum(layers)
    ring = np.floor(frequency / RING + 1e-9).astype(int)  # a frequency on the border belongs to the ring above
    sums = np.bincount(ring.ravel(), power.sum(0).ravel(), minlength=RINGS)
    return RadialSpectrum(tuple((sums / sums.sum()).tolist()))
