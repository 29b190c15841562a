"""The camera of the data set `signs`: lens, exposure, colour filter, noise, sharpening, and the file it writes.

Legend: S side of the canvas (144), H W of a picture (96), P side of the sensor (96, or 144 and reduced afterwards).
"""

from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image

from core.datasets.signs.textures import Generator

SIDE, CANVAS = 96, 144
_GRID = 4  # blur and shifts are rounded to quarters of a canvas pixel


@lru_cache(maxsize=2048)
def _lens(size: int, sigma: int, drag: int, shift: int) -> tuple[np.ndarray, np.ndarray]:
    """How an axis is blurred (Gaussian, and motion over `drag` pixels), shifted, and resampled to `size` pixels.

    Returns which canvas pixels each pixel sees, and with what weight: (taps,size) and (taps,size,1).
    """
    centres = (np.arange(size) + 0.5) * CANVAS / size + shift / _GRID
    distance = np.arange(CANVAS) + 0.5 - centres[:, None]
    reach = CANVAS / size / 2 - 0.25 + drag / 2
    offsets = np.linspace(-reach, reach, 9 + 2 * drag)
    width = max(sigma / _GRID, 0.3)
    weights = np.exp(-0.5 * ((distance[..., None] - offsets) / width) ** 2).sum(-1)
    seen = weights > weights.max() / 250
    taps = int(seen.sum(1).max())
    first = np.minimum(seen.argmax(1), CANVAS - taps)
    index = first + np.arange(taps)[:, None]
    weights = np.take_along_axis(weights.T, index, 0)
    return index, (weights / weights.sum(0)).astype(np.float32)[..., None]


def _through(plane: np.ndarray, lens: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The rows (CANVAS,W) as a lens combines them; a matrix product would wake the threads of BLAS for little work."""
    total = np.zeros((lens[0].shape[1], plane.shape[1]), np.float32)
    for rows, weights in zip(*lens, strict=True):
        total += plane[rows] * weights
    return total


def see(
    picture: np.ndarray,
    size: int,
    sigma: float,
    *,
    drag: Sequence[float] | np.ndarray = (0, 0),
    fringe: Sequence[float] | np.ndarray = (0, 0),
) -> np.ndarray:
    """Blur (S,S,3) by `sigma` and `drag` (down, across) canvas pixels and resample it to (size,size,3).

    `fringe` (down, across) is how far red and blue are shifted apart, as at the border of a real lens.
    """
    planes = np.ascontiguousarray(picture.transpose(2, 0, 1))
    found = np.empty((size, size, 3), np.float32)
    for channel, side in ((0, 0.5), (1, 0.0), (2, -0.5)):
        down, across = (
            _lens(size, round(sigma * _GRID), round(long), round(side * apart * _GRID))
            for long, apart in zip(drag, fringe, strict=True)
        )
        found[..., channel] = _through(_through(planes[channel], down).T, across).T
    return found


def _around(plane: np.ndarray, by: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The neighbours `by` pixels left, right, above, below; mirrored at the border, which keeps the filters' order."""
    wide = np.pad(plane, [(by, by), (by, by)] + [(0, 0)] * (plane.ndim - 2), mode="reflect")
    middle, first, last = slice(by, -by), slice(None, -2 * by), slice(2 * by, None)
    return wide[middle, first], wide[middle, last], wide[first, middle], wide[last, middle]


def soft(plane: np.ndarray) -> np.ndarray:
    """Each pixel averaged with its neighbours, weights 1 2 1 along both axes."""
    for axis in (0, 1):
        wide = np.pad(plane, [(int(axis == other),) * 2 for other in range(plane.ndim)], mode="reflect")
        before, after = (wide[:-2], wide[2:]) if axis == 0 else (wide[:, :-2], wide[:, 2:])
        plane = plane * np.float32(0.5)
        plane += np.float32(0.25) * (before + after)
    return plane


@lru_cache(maxsize=2)
def _filters(side: int) -> np.ndarray:
    """Which colour each pixel of the sensor measures, (side,side,3): green and red, below them blue and green."""
    masks = np.zeros((side, side, 3), np.float32)
    masks[::2, ::2, 1] = masks[1::2, 1::2, 1] = masks[::2, 1::2, 0] = masks[1::2, ::2, 2] = 1
    return masks


def sensed(generator: Generator, picture: np.ndarray, grain: float) -> np.ndarray:
    """The colours (P,P,3) that a sensor with one filter a pixel gives: noise of light and of electronics, demosaicing.

    Green is interpolated along edges, not across them (Hamilton and Adams, US patent 5,629,734, 1997); the differences
    of red and blue to it are smooth and interpolated linearly.
    """
    masks = _filters(len(picture))
    raw = np.einsum("ijc,ijc->ij", picture, masks)
    raw += generator.standard_normal(raw.shape, np.float32) * np.sqrt(raw * np.float32(grain) + np.float32(grain / 40))
    left, right, above, below = _around(raw, 1)
    farther = _around(raw, 2)
    bend_across, bend_down = 2 * raw - farther[0] - farther[1], 2 * raw - farther[2] - farther[3]
    across = (left + right) / 2 + bend_across / 4
    down = (above + below) / 2 + bend_down / 4
    flat_across = np.abs(left - right) + np.abs(bend_across) < np.abs(above - below) + np.abs(bend_down)
    green = np.where(masks[..., 1] > 0, raw, np.where(flat_across, across, down))
    found = np.empty_like(picture)
    found[..., 1] = green
    for channel in (0, 2):
        found[..., channel] = green + 4 * soft((raw - green) * masks[..., channel])
    return found


def _toned(generator: Generator, light: np.ndarray) -> np.ndarray:
    """From light to screen values, 0 to 1: a soft shoulder instead of hard clipping, colour and contrast."""
    light = np.clip(light, 0, None)
    shown = np.sqrt(1.12 * light * (1 + light / 1.7) / (1 + light))
    vivid, contrast = generator.uniform(0.8, 1.2), generator.uniform(1.0, 1.35)
    mixing = vivid * np.eye(3) + (1 - vivid) / 3
    black = 0.42 * (1 - contrast) + generator.normal(0, 0.02)
    return shown @ (contrast * mixing).astype(np.float32) + np.float32(black)


def _filed(generator: Generator, image: Image.Image) -> Image.Image:
    """The picture as it comes back from a JPEG file."""
    file = BytesIO()
    image.save(file, "JPEG", quality=int(generator.integers(60, 93)), subsampling=int(generator.choice((0, 2))))
    return Image.open(file)


def develop(generator: Generator, canvas: np.ndarray, mishap: str) -> np.ndarray:
    """What the camera makes of the light (S,S,3) in front of it: uint8 (H,W,3)."""
    drag = np.abs(generator.normal(0, 3, 2)) * (generator.random(2) < 0.05)
    if mishap == "shaken":
        drag[generator.integers(2)] += generator.uniform(7, 13)
    focus = generator.uniform(2.4, 4.1) if mishap == "out of focus" else 0.25 + min(generator.gamma(1.2, 0.18), 1.6)
    fringe = generator.normal(0, 0.35, 2)
    side = CANVAS if generator.random() < 0.7 else SIDE  # many pictures are reduced from larger ones
    picture = see(canvas, side, float(focus), drag=drag, fringe=fringe)
    level = float(picture[6:-6, 6:-6].mean())
    exposure = (generator.uniform(0.2, 0.56) / max(level, 0.02)) ** generator.uniform(0.55, 0.95)
    exposure *= generator.uniform(0.15, 0.35) if mishap == "dark" else 1.0
    warmth, green = generator.normal(0, 0.08), generator.normal(0, 0.025)
    balance = np.exp([warmth, green, -warmth]) * exposure
    grain = generator.uniform(0.002, 0.006) if mishap == "dark" else generator.gamma(0.7, 0.0002)
    shown = _toned(generator, sensed(generator, picture * balance.astype(np.float32), float(grain)))
    if generator.random() < 0.75:
        shown = shown + (shown - soft(shown)) * np.float32(generator.uniform(0.2, 1.1))
    image = Image.fromarray((np.clip(shown, 0, 1) * 255 + 0.5).astype(np.uint8))
    if side != SIDE:
        ways = (Image.Resampling.HAMMING, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
        image = image.resize((SIDE, SIDE), ways[int(generator.integers(3))])
    return np.array(_filed(generator, image) if generator.random() < 0.2 else image)
