"""How visible a perturbation is on given images, by measures from torchmetrics and scikit-image.

N images, C channels, H W height and width.
"""

from dataclasses import asdict, dataclass

import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab
from torch import Tensor

from core.threat import apply

JUST_NOTICEABLE = 2.3
"""The colour difference that half of the observers notice, in CIELAB units (Mahy et al. 1994)."""


@dataclass(frozen=True)
class Perceptibility:
    """ssim: 1 is identical. psnr: in dB. colour_difference: mean CIEDE2000. visible: share of pixels above 2.3."""

    ssim: float
    psnr: float
    colour_difference: float
    visible: float
    n: int

    def to_json(self) -> dict[str, float]:
        return {name: round(value, 4) for name, value in asdict(self).items()}


def measure(images: Tensor, delta: Tensor) -> Perceptibility:
    """Compare images (N,3,H,W) in [0, 1] with themselves under deltas (M,3,H,W), as clipped to [0, 1].

    Raises ValueError unless the images have 3 channels and at least 11 pixels a side (the window of SSIM).
    """
    if images.shape[1] != 3 or min(images.shape[2:]) < 11:
        raise ValueError(f"Visibility is measured on RGB images of at least 11x11 pixels, not {tuple(images.shape)}.")
    # here, since importing torchmetrics takes seconds, which a page that only shows numbers need not wait for
    from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

    images, attacked = images.cpu(), apply(images, delta).cpu()
    difference = deltaE_ciede2000(_lab(images), _lab(attacked))
    ssim = structural_similarity_index_measure(attacked, images, data_range=1.0)
    psnr = peak_signal_noise_ratio(attacked, images, data_range=1.0)
    assert not isinstance(ssim, tuple)
    return Perceptibility(
        float(ssim),
        min(float(psnr), 100.0),
        float(difference.mean()),
        float((difference > JUST_NOTICEABLE).mean()),
        len(images),
    )


def _lab(images: Tensor) -> np.ndarray:
    return rgb2lab(images.permute(0, 2, 3, 1).numpy().astype(np.float64))
