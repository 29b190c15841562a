"""Textures of the data set `signs`: smooth noise, the sheet of a sign, streaks of dirt, and mats of leaves and grass.

All are made of random numbers and polygons, once per process: no image file.
"""

from bisect import bisect
from functools import cache
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw

Generator = np.random.Generator

SIZE = 192  # pixels of a texture
MAT = 384  # pixels of a mat of leaves
COARSE, FINE, STREAKS, SHEETS = 12, 12, 8, 6  # textures of each kind
_SEED = 20190812


def noise(generator: Generator, size: int, cells: int, octaves: int, gain: float = 0.55) -> np.ndarray:
    """Smooth noise, (size, size) from 0 to 1; `cells` across in the coarsest octave, the next ones `gain` weaker."""
    total = np.zeros((size, size), np.float32)
    for octave in range(octaves):
        grid = generator.random((min(cells * 2**octave + 1, size),) * 2, dtype=np.float32)
        total += np.asarray(Image.fromarray(grid).resize((size, size), Image.Resampling.BICUBIC)) * gain**octave
    return (total - total.min()) / (total.max() - total.min())


def moved(texture: np.ndarray, down: int, across: int) -> np.ndarray:
    """The texture moved by whole pixels; its border is repeated where nothing came from."""
    rows, columns = (
        np.clip(np.arange(size) - by, 0, size - 1) for size, by in zip(texture.shape[:2], (down, across), strict=True)
    )
    return texture[rows][:, columns]


@cache
def _beyond(size: int, by: int, mode: Literal["edge", "reflect"]) -> np.ndarray:
    """Which places of an axis continue it by `by` places at both ends."""
    return np.pad(np.arange(size), by, mode)


def bordered(plane: np.ndarray, by: int, mode: Literal["edge", "reflect"]) -> np.ndarray:
    """The same as `np.pad(plane, by, mode)` of (H,W), several times faster for small planes."""
    high, wide = plane.shape
    columns = _beyond(wide, by, mode) + by
    found = np.empty((high + 2 * by, wide + 2 * by), plane.dtype)
    found[:, by:-by] = plane.take(_beyond(high, by, mode), 0)
    found[:, :by], found[:, -by:] = found[:, columns[:by]], found[:, columns[-by:]]
    return found


@cache
def _limits(shares: tuple[float, ...]) -> list[float]:
    total = np.cumsum(shares)
    return (total / total[-1]).tolist()


def drawn(generator: Generator, shares: tuple[float, ...]) -> int:
    """The same as `generator.choice(len(shares), p=shares)`, ten times faster."""
    return bisect(_limits(shares), generator.random())


def profile(generator: Generator, size: int, cells: int, octaves: int) -> np.ndarray:
    """A smooth random line, (size) around 0; `cells` along it in the coarsest octave."""
    at = np.linspace(0, 1, size)
    total = np.zeros(size)
    for octave in range(octaves):
        knots = generator.uniform(-0.5, 0.5, cells * 2**octave + 1)
        total += np.interp(at, np.linspace(0, 1, len(knots)), knots) * 0.55**octave
    return total.astype(np.float32)


@cache
def coarse() -> np.ndarray:
    """Noise for fading and shadow, (COARSE,SIZE,SIZE) from 0 to 1."""
    generator = np.random.default_rng([_SEED, 1])
    return np.stack([noise(generator, SIZE, 3 + number // 3, 6) for number in range(COARSE)])


@cache
def fine() -> np.ndarray:
    """Noise for dirt and grain, (FINE,SIZE,SIZE) from 0 to 1, with detail down to the pixel."""
    generator = np.random.default_rng([_SEED, 2])
    return np.stack([noise(generator, SIZE, 8 + 2 * number, 4, 0.8) for number in range(FINE)])


@cache
def streaks() -> np.ndarray:
    """Dirt that rain has washed down from the upper edge, (STREAKS,SIZE,SIZE) from 0 to 1."""
    generator = np.random.default_rng([_SEED, 3])
    found = []
    for _ in range(STREAKS):
        columns = generator.random((7, SIZE * 3 // 5), dtype=np.float32) ** 3
        long = np.asarray(Image.fromarray(columns).resize((SIZE, SIZE), Image.Resampling.BICUBIC))
        found.append(np.clip(long * (0.4 + 0.6 * noise(generator, SIZE, 6, 5, 0.8)), 0, 1))
    return np.stack(found)


@cache
def sheets() -> np.ndarray:
    """Reflective sheeting seen close: honeycomb, prisms or plain grain, (SHEETS,SIZE,SIZE) around 0."""
    generator = np.random.default_rng([_SEED, 4])
    rows, columns = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    found = []
    for number in range(SHEETS):
        pitch = 2 * np.pi / generator.uniform(3.4, 6)
        if number % 3 == 0:  # three waves at 60 degrees have hexagonal ridges
            angles = np.arange(3) * np.pi / 3 + generator.uniform(0, 1)
            cells = sum(np.cos(pitch * (columns * np.cos(a) + rows * np.sin(a))) for a in angles) / 3
        elif number % 3 == 1:
            cells = np.sign(np.sin(pitch * (columns + rows)) * np.sin(pitch * (columns - rows))) * 0.6
        else:
            cells = np.zeros_like(rows)
        found.append(0.6 * cells + generator.normal(0, 0.8, rows.shape))
    return np.stack(found).astype(np.float32)


@cache
def mat(kind: int) -> tuple[np.ndarray, np.ndarray]:
    """Leaves (0, 1) or grass (2), one upon the other: lightness and hue of each pixel, (MAT,MAT) from 0 to 1."""
    generator = np.random.default_rng([_SEED, 5, kind])
    count = (7500, 17000, 12000)[kind]
    length = generator.lognormal((1.7, 1.2, 2.1)[kind], 0.35, count)
    width = length * generator.uniform(*((0.25, 0.45), (0.25, 0.5), (0.05, 0.09))[kind], count)
    angle = generator.normal(-1.57, 0.3, count) if kind == 2 else generator.uniform(0, 6.283, count)
    along = np.stack([np.cos(angle), np.sin(angle)], 1) * length[:, None]
    across = np.stack([-np.sin(angle), np.cos(angle)], 1) * np.maximum(width, 0.5)[:, None]
    middle = generator.uniform(0, MAT, (count, 2))
    if kind == 2:
        middle = middle[np.argsort(middle[:, 1])]  # nearer blades, lower in the picture, hide those behind
    outline = ((-1, 0), (-0.3, 0.8), (0.4, 0.7), (1, 0), (0.4, -0.7), (-0.3, -0.8))
    corners = np.stack([middle + a * along + b * across for a, b in outline], 1).reshape(count, 12).tolist()
    depth = np.linspace(0, 1, count) if kind != 2 else generator.uniform(0.2, 1, count)
    facing = 0.75 + 0.25 * np.cos(angle * 2 + 0.7)  # leaves that face the sky are lighter
    light = (30 + 225 * depth**1.3 * facing * generator.uniform(0.55, 1, count)).astype(int).tolist()
    hue = generator.integers(0, 256, count).tolist()
    lightness, hues = Image.new("L", (MAT, MAT), 30), Image.new("L", (MAT, MAT), 128)
    draw, tint = ImageDraw.Draw(lightness), ImageDraw.Draw(hues)
    for outline_points, value, shade in zip(corners, light, hue, strict=True):
        draw.polygon(outline_points, fill=value)
        tint.polygon(outline_points, fill=shade)
    return np.asarray(lightness, np.float32) / 255, np.asarray(hues, np.float32) / 255
