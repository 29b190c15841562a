"""The camera of the data set `signs`: optics, exposure, colour and noise.

Legend: S side of the canvas (96), H W of a picture (32).
"""

from functools import lru_cache

import numpy as np

SIDE, CANVAS = 32, 96

Generator = np.random.Generator


@lru_cache(maxsize=512)
def _lens(size: int, sigma: int, drag: int) -> np.ndarray:
    """A (size, CANVAS) matrix that blurs (Gaussian, quarters of a pixel; motion, pixels) and resamples an axis."""
    centres = (np.arange(size) + 0.5) * CANVAS / size
    distance = np.arange(CANVAS) + 0.5 - centres[:, None]
    reach = max(CANVAS / size, 0.1) / 2 + drag / 2
    offsets = np.linspace(-reach, reach, 9 + 2 * drag)
    width = max(sigma / 4, 0.45)
    weights = np.exp(-0.5 * ((distance[..., None] - offsets) / width) ** 2).sum(-1)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def see(picture: np.ndarray, size: int, sigma: float, drag: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """Blur (S,S,3) by `sigma` and `drag` (down, across) canvas pixels and resample it to (size,size,3)."""
    down = _lens(size, round(sigma * 4), round(drag[0]))
    across = _lens(size, round(sigma * 4), round(drag[1]))
    return across @ (down @ picture.reshape(CANVAS, -1)).reshape(size, CANVAS, 3)


def develop(generator: Generator, canvas: np.ndarray, mishap: str) -> np.ndarray:
    """Lens, exposure, colour balance, noise and the camera's own sharpening: uint8 (H,W,3)."""
    drag = np.abs(generator.normal(0, 4.5, 2)) * (generator.random(2) < 0.15)
    if mishap == "shaken":
        drag[generator.integers(2)] += generator.uniform(9, 17)
    focus = generator.uniform(3.6, 5.4) if mishap == "out of focus" else min(generator.gamma(1.7, 0.55), 2.9)
    picture = see(canvas, SIDE, float(focus), (float(drag[0]), float(drag[1])))
    level = float(picture[4:-4, 4:-4].mean())
    exposure = (generator.uniform(0.17, 0.42) / max(level, 0.02)) ** generator.uniform(0.45, 0.9)
    exposure *= generator.uniform(0.12, 0.3) if mishap == "dark" else 1.0
    balance = np.exp(generator.normal(0, 0.075, 3))
    picture = np.clip(picture * exposure * balance, 0, None)
    picture = 1.12 * picture * (1 + picture / 1.7) / (1 + picture)  # a soft shoulder instead of hard clipping
    picture = np.clip(picture, 0, 1) ** (1 / 2.2)
    grey = picture.mean(2, keepdims=True)
    picture = grey + (picture - grey) * generator.uniform(0.92, 1.35)
    picture = (picture - 0.42) * generator.uniform(1.0, 1.35) + 0.42 + generator.normal(0, 0.02)
    if generator.random() < 0.4:
        soft = (np.roll(picture, 1, 0) + np.roll(picture, -1, 0) + np.roll(picture, 1, 1) + np.roll(picture, -1, 1)) / 4
        picture = picture + (picture - soft) * generator.uniform(0.1, 0.45)
    grain = generator.uniform(0.03, 0.06) if mishap == "dark" else generator.gamma(1.2, 0.007)
    picture = picture + generator.normal(0, grain, (SIDE, SIDE, 1)) + generator.normal(0, grain / 2, (SIDE, SIDE, 3))
    return np.clip(np.rint(picture * 255), 0, 255).astype(np.uint8)
