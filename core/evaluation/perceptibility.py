"""How visible a perturbation is on given images, by ColorVideoVDP and by measures from scikit-image.

N images, M deltas, C channels, H W height and width.
"""

import importlib.util
import logging
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import mean, stdev
from threading import Lock
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from core.datasets import Split
from core.threat import apply

DISPLAY = "standard_fhd"
"""The display of ColorVideoVDP that pictures are judged on."""
DRAWN = 384
"""The length in display pixels of the shorter side of a picture that is judged, as the page draws it."""
VIEWING = f"{DISPLAY}, shorter side {DRAWN} px"
"""Under which conditions a JOD holds; stored with every one."""
VIEWING_IN_WORDS = (
    f"24-inch Full HD display of 200 cd/m² in an office, seen from 0.6 m; pictures drawn {DRAWN} pixels high or wide"
)
JUDGED = 16
"""The number of held-out images that a stored JOD is measured on."""
UNSEEN, NOTICED = 10.0, 9.0
"""The JOD of equal pictures, and the one at which 75% of observers prefer the original."""
WORDS = ((8.5, "hard to see"), (6.5, "visible"), (-math.inf, "in plain sight"))
"""The words for a JOD, each with the smallest that it holds for.

With the original beside it, 84% of observers prefer that at 8.5, and 99% at 6.5.
"""
INSTALL_JOD = "make env-jod"
"""The command that installs ColorVideoVDP."""


@dataclass(frozen=True)
class Jod:
    """The quality of attacked images in just-objectionable differences, by ColorVideoVDP (Mantiuk et al. 2024).

    10 is no visible difference; at one JOD less, 75% of observers prefer the original. `value` is the mean over `n`
    images, `low` and `high` are its 95% interval (Student's t), `viewing` tells under which conditions it holds.
    """

    value: float
    low: float
    high: float
    n: int
    viewing: str = VIEWING

    def __post_init__(self) -> None:
        if not (all(map(math.isfinite, (self.low, self.value, self.high))) and self.low <= self.value <= self.high):
            raise ValueError(f"a JOD of {self.value} in [{self.low}, {self.high}]")

    @classmethod
    def of(cls, values: Sequence[float]) -> "Jod":
        """The mean of at least two values, with its interval."""
        from scipy.stats import t

        half = float(t.ppf(0.975, len(values) - 1)) * stdev(values) / math.sqrt(len(values))
        return cls(mean(values), mean(values) - half, mean(values) + half, len(values))

    @property
    def in_words(self) -> str:
        """How visible that is: `hard to see`, `visible` or `in plain sight` (see WORDS)."""
        return next(words for least, words in WORDS if self.value >= least)

    def __str__(self) -> str:
        return f"{self.value:.1f} [{self.low:.1f}, {self.high:.1f}]"

    def to_json(self) -> dict[str, Any]:
        rounded = {name: round(value, 3) for name, value in (("low", self.low), ("high", self.high))}
        return {"value": round(self.value, 3), **rounded, "n": self.n, "viewing": self.viewing}


@dataclass(frozen=True)
class Perceptibility:
    """ssim: 1 is identical. psnr: in dB. colour_difference: mean CIEDE2000. jod: None where it was not measured."""

    ssim: float
    psnr: float
    colour_difference: float
    n: int
    jod: Jod | None = None

    def to_json(self) -> dict[str, Any]:
        rounded = {name: round(getattr(self, name), 4) for name in ("ssim", "psnr", "colour_difference")}
        return {**rounded, "n": self.n, **({"jod": self.jod.to_json()} if self.jod else {})}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Perceptibility":
        """Read what `to_json` wrote. Earlier files also hold a fraction of noticeable pixels, which is left out."""
        jod = Jod(**content["jod"]) if content.get("jod") else None
        return cls(**{name: value for name, value in content.items() if name != "visible"} | {"jod": jod})


def jod_available() -> bool:
    """Whether ColorVideoVDP is installed."""
    return importlib.util.find_spec("pycvvdp") is not None


def spaced(split: Split, n: int) -> Tensor:
    """At most n images (n,C,H,W) of a split, evenly spaced, since neighbours may be frames of one film."""
    places = torch.linspace(0, len(split) - 1, min(n, len(split))).round().long()
    return split.batch(places)[0]


def judgeable(images: Tensor) -> bool:
    """Whether images (N,C,H,W) have 3 channels and are at least two, as an interval needs them."""
    return images.ndim == 4 and images.shape[1] == 3 and len(images) > 1


def judge(images: Tensor, delta: Tensor) -> Jod:
    """The JOD of images (N,3,H,W) in [0, 1] under deltas (M,3,H,W), as clipped to [0, 1].

    Raises ModuleNotFoundError where ColorVideoVDP is not installed, ValueError unless the images are `judgeable`.
    """
    if not judgeable(images):
        raise ValueError(f"JOD is measured on two or more RGB images (N,3,H,W), not {tuple(images.shape)}.")
    return Jod.of([*judgements(images, delta)])


def judgements(images: Tensor, delta: Tensor) -> Iterator[float]:
    """The JOD of each image in turn. It is enlarged as browsers do it (bilinear) and judged on the CPU, in 0.3 s."""
    images, predict = images.cpu(), _predictor()
    for original, attacked in zip(images, apply(images, delta.cpu()), strict=True):
        yield predict(_drawn(attacked), _drawn(original))


def _drawn(image: Tensor) -> np.ndarray:
    """An image (3,H,W) in [0, 1] as a browser draws it, (H',W',3): its shorter side becomes DRAWN pixels."""
    factor = DRAWN / min(image.shape[1:])
    size = [round(factor * side) for side in image.shape[1:]]
    drawn = interpolate(image[None], size=size, mode="bilinear", antialias=True)[0]
    return drawn.clamp(0, 1).permute(1, 2, 0).contiguous().numpy()


@cache
def _predictor() -> Callable[[np.ndarray, np.ndarray], float]:
    """What gives the JOD of an attacked picture (H,W,3) beside its original."""
    if not jod_available():
        raise ModuleNotFoundError(f"JOD needs ColorVideoVDP, which is not installed; run: {INSTALL_JOD}")
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # it imports that, which misses a GPU aloud
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has escapes that Python warns of where it is compiled
        import pycvvdp

        metric = pycvvdp.cvvdp(display_name=DISPLAY, device=torch.device("cpu"), heatmap="none")
    lock = Lock()  # it keeps the picture's size in itself

    def predict(attacked: np.ndarray, original: np.ndarray) -> float:
        # forked, since torchvision's blur takes a number from PyTorch's generator even where its width is fixed
        with lock, torch.no_grad(), torch.random.fork_rng(devices=[]):
            return float(metric.predict(attacked, original, dim_order="HWC")[0])

    return predict


def measurable(images: Tensor) -> bool:
    """Whether images (N,C,H,W) have 3 channels and at least 11 pixels a side, the window of SSIM."""
    return images.shape[1] == 3 and min(images.shape[2:]) >= 11


def measure(images: Tensor, delta: Tensor) -> Perceptibility:
    """Compare images (N,3,H,W) in [0, 1] with themselves under deltas (M,3,H,W), as clipped to [0, 1].

    Raises ValueError unless the images are `measurable`.
    """
    ssim, colour_difference = similarity(images, delta)
    psnr = _psnr(images.cpu().numpy(), apply(images, delta).cpu().numpy())
    return Perceptibility(ssim, psnr, colour_difference, len(images))


def similarity(images: Tensor, delta: Tensor) -> tuple[float, float]:
    """The mean SSIM and the mean CIEDE2000 of the same; without PSNR, whose import takes two seconds more.

    Raises ValueError unless the images are `measurable`.
    """
    if not measurable(images):
        raise ValueError(f"Visibility is measured on RGB images of at least 11x11 pixels, not {tuple(images.shape)}.")
    from skimage.color import deltaE_ciede2000  # here and below, since importing it takes seconds

    images, attacked = images.cpu(), apply(images, delta).cpu()
    difference = deltaE_ciede2000(_lab(images), _lab(attacked))
    ssim = np.mean([_ssim(*pair) for pair in zip(images.numpy(), attacked.numpy(), strict=True)])
    return float(ssim), float(difference.mean())


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
