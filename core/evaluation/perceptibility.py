"""How visible a perturbation is on given images, by measures from scikit-image.

N images, C channels, H W height and width.
"""

from dataclasses import asdict, dataclass

import numpy as np
from torch import Tensor

from core.threat import apply

JUST_NOTICEABLE = 2.3
"""The colour difference that half of the observers notice, in CIELAB units (Mahy et al. 1994)."""


@dataclass(frozen=True)
class Perceptibility:
    """ssim: 1 is identical. psnr: in dB. colour_difference: mean CIEDE2000. visible: fraction of pixels above 2.3."""

    ssim: float
    psnr: float
    colour_difference: float
    visible: float
    n: int

    def to_json(self) -> dict[str, float]:
        return {name: round(value, 4) for name, value in asdict(self).items()}


def measurable(images: Tensor) -> bool:
    """Whether images (N,C,H,W) have 3 channels and at least 11 pixels a side, the window of SSIM."""
    return images.shape[1] == 3 and min(images.shape[2:]) >= 11


def measure(images: Tensor, delta: Tensor) -> Perceptibility:
    """Compare images (N,3,H,W) in [0, 1] with themselves under deltas (M,3,H,W), as clipped to [0, 1].

    Raises ValueError unless the images are `measurable`.
    """
    if not measurable(images):
        raise ValueError(f"Visibility is measured on RGB images of at least 11x11 pixels, not {tuple(images.shape)}.")
    from skimage.color import deltaE_ciede2000  # here and below, since importing it takes seconds

    images, attacked = images.cpu(), apply(images, delta).cpu()
    difference = deltaE_ciede2000(_lab(images), _lab(attacked))
    return Perceptibility(
        float(np.mean([_ssim(*pair) for pair in zip(images.numpy(), attacked.numpy(), strict=True)])),
        _psnr(images.numpy(), attacked.numpy()),
        float(difference.mean()),
        float((difference > JUST_NOTICEABLE).mean()),
        len(images),
    )


def _psnr(images: np.ndarray, attacked: np.ndarray) -> float:
    """Over all images together, at most 100 dB, which is what equal images get."""
    from skimage.metrics import peak_signal_noise_ratio

    if np.array_equal(images, attacked):
        return 100.0
    return min(float(peak_signal_noise_ratio(images, attacked, data_range=1.0)), 100.0)


def _ssim(image: np.ndarray, attacked: np.ndarray) -> float:
    """The structural similarity of two images (C,H,W) with the Gaussian window of Wang et al. 2004."""
    from skimage.metrics import structural_similarity

    found = structural_similarity(
        image, attacked, data_range=1.0, channel_axis=0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    return float(found)


def _lab(images: Tensor) -> np.ndarray:
    from skimage.color import rgb2lab

    return rgb2lab(images.permute(0, 2, 3, 1).numpy().astype(np.float64))
