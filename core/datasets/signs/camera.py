"""The camera of the data set `signs`: lens, exposure, colour filter, noise, sharpening, and the file it writes.

Legend: S side of the canvas (144), H W of a picture (96), P side of the sensor (96, or 144 and reduced afterwards).
"""

from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image

from core.datasets.signs.textures import Generator, bordered

SIDE, CANVAS = 96, 144
_GRID = 4  # blur and shifts are rounded to quarters of a canvas pixel


@lru_cache(maxsize=2048)
def _lens(size: int, sigma: int, drag: int, shift: int) -> tuple[np.ndarray, np.ndarray]:
    """How an axis is blurred (Gaussian, and motion over `drag` pixels), shifted, and resampled to `size` pixels.

    Returns which canvas pixels each pixel sees, and with what weight: (taps,size) and (taps,size,1).
    """
    centres = (np.arange(size) + 0.5) * CANVAS / size + shift / _GRID
    reach = CANVAS / size / 2 - 0.25 + drag / 2
    offsets = np.linspace(-reach, reach, 9 + 2 * drag)
    width = max(sigma / _GRID, 0.3)
    near = reach + 6 * width + 2  # no weight farther away comes close to the limit below
    span = min(int(2 * near) + 1, CANVAS)
    start = np.clip((centres - near).astype(int), 0, CANVAS - span)
    distance = start[:, None] + np.arange(span) + 0.5 - centres[:, None]
    weights = np.exp(-0.5 * ((distance[..., None] - offsets) / width) ** 2).sum(-1)
    seen = weights > weights.max() / 250
    taps = int(seen.sum(1).max())
    first = np.minimum(start + seen.argmax(1), CANVAS - taps)
    index = first + np.arange(taps)[:, None]
    weights = np.take_along_axis(weights.T, index - start, 0)
    return index, (weights / weights.sum(0)).astype(np.float32)[..., None]


def _through(plane: np.ndarray, lens: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The rows (S,W) as a lens combines them; a matrix product would wake the threads of BLAS for little work."""
    rows, weights = lens
    total = plane.take(rows[0], 0) * weights[0]
    seen = np.empty_like(total)
    for row, weight in zip(rows[1:], weights[1:], strict=True):
        plane.take(row, 0, out=seen, mode="clip")  # no row is outside; with mode="raise" numpy would copy `seen` first
        seen *= weight
        total += seen
    return total


def see(
    picture: np.ndarray,
    size: int,
    sigma: float,
    *,
    drag: Sequence[float] | np.ndarray = (0, 0),
    fringe: Sequence[float] | np.ndarray = (0, 0),
) -> np.ndarray:
    """Blur (3,S,S) by `sigma` and `drag` (down, across) canvas pixels and resample it to (3,size,size).

    `fringe` (down, across) is how far red and blue are shifted apart, as at the border of a real lens.
    """
    found = np.empty((3, size, size), np.float32)
    for plane, seen, side in zip(picture, found, (0.5, 0.0, -0.5), strict=True):
        down, across = (
            _lens(size, round(sigma * _GRID), round(long), round(side * apart * _GRID))
            for long, apart in zip(drag, fringe, strict=True)
        )
        seen[:] = _through(np.ascontiguousarray(_through(plane, down).T), across).T
    return found


def soft(planes: np.ndarray) -> np.ndarray:
    """Each pixel of (3,H,W) averaged with its neighbours, weights 1 2 1 along both axes; mirrored at the border."""
    for axis in (1, 2):
        before = planes.swapaxes(1, axis)
        planes = planes * np.float32(0.5)
        after = planes.swapaxes(1, axis)
        after[:, 1:-1] += np.float32(0.25) * (before[:, :-2] + before[:, 2:])
        after[:, 0] += np.float32(0.5) * before[:, 1]
        after[:, -1] += np.float32(0.5) * before[:, -2]
    return planes


def _mosaic(picture: np.ndarray) -> np.ndarray:
    """What the pixels of the sensor measure, (P,P): green and red, below them blue and green."""
    red, green, blue = picture
    raw = green.copy()
    raw[::2, 1::2] = red[::2, 1::2]
    raw[1::2, ::2] = blue[1::2, ::2]
    return raw


def _green(raw: np.ndarray) -> np.ndarray:
    """Green at all pixels (P,P), interpolated along edges and not across them."""
    wide = bordered(raw, 2, "reflect")  # mirrored, which keeps the filters' order
    left, right, above, below = wide[2:-2, 1:-3], wide[2:-2, 3:-1], wide[1:-3, 2:-2], wide[3:-1, 2:-2]
    double = 2 * raw
    bend_across, bend_down = double - wide[2:-2, :-4] - wide[2:-2, 4:], double - wide[:-4, 2:-2] - wide[4:, 2:-2]
    flat_across = np.abs(left - right) + np.abs(bend_across) < np.abs(above - below) + np.abs(bend_down)
    across = (left + right) / 2 + bend_across / 4
    green = np.where(flat_across, across, (above + below) / 2 + bend_down / 4)
    green[::2, ::2], green[1::2, 1::2] = raw[::2, ::2], raw[1::2, 1::2]
    return green


def _doubled(values: np.ndarray, first: int, axis: int) -> np.ndarray:
    """Values at every second place of an axis, from place `first` (0 or 1), with means between them."""
    shape = [2 * size if place == axis else size for place, size in enumerate(values.shape)]
    found = np.empty(shape, np.float32)
    known, all_ = values.swapaxes(0, axis), found.swapaxes(0, axis)
    all_[first::2] = known
    between = all_[1 - first :: 2]
    inner = between[first : len(known) - 1 + first]
    np.add(known[:-1], known[1:], out=inner)
    inner *= np.float32(0.5)
    between[first - 1] = known[first - 1]  # at the border there is one neighbour
    return found


def sensed(generator: Generator, picture: np.ndarray, grain: float) -> np.ndarray:
    """The colours (3,P,P) that a sensor with one filter a pixel gives: noise of light and of electronics, demosaicing.

    Green is interpolated along edges, not across them (Hamilton and Adams, US patent 5,629,734, 1997); the differences
    of red and blue to it are smooth and interpolated linearly.
    """
    raw = _mosaic(picture)
    raw += generator.standard_normal(raw.shape, np.float32) * np.sqrt(raw * np.float32(grain) + np.float32(grain / 40))
    green = _green(raw)
    found = np.empty_like(picture)
    found[1] = green
    for channel, row, column in ((0, 0, 1), (2, 1, 0)):
        measured = np.s_[row::2, column::2]
        difference = _doubled(_doubled(raw[measured] - green[measured], row, 0), column, 1)
        np.add(green, difference, out=found[channel])
    return found


def _toned(generator: Generator, light: np.ndarray) -> np.ndarray:
    """From light (3,P,P) to screen values, 0 to 1: a shoulder instead of hard clipping, colour, contrast; in place."""
    np.maximum(light, 0, out=light)
    shown = 1.12 * light
    shown *= 1 + light / 1.7
    light += 1
    shown /= light
    np.sqrt(shown, out=shown)
    vivid, contrast = generator.uniform(0.8, 1.2), generator.uniform(1.0, 1.35)
    mixing = vivid * np.eye(3) + (1 - vivid) / 3
    black = 0.42 * (1 - contrast) + generator.normal(0, 0.02)
    mixed = (contrast * mixing).astype(np.float32).T @ shown.reshape(3, -1)
    mixed += np.float32(black)
    return mixed.reshape(shown.shape)


def screen(planes: np.ndarray) -> list[Image.Image]:
    """Screen values (C,H,W) from 0 to 1 as pictures of 8 bits, one a channel; changes `planes`."""
    np.maximum(planes, 0, out=planes)
    np.minimum(planes, 1, out=planes)
    planes *= 255
    planes += np.float32(0.5)
    return [Image.fromarray(plane) for plane in planes.astype(np.uint8)]


def _level(picture: np.ndarray) -> float:
    """The mean of (3,P,P) without its border."""
    pixels = np.stack(list(picture), -1)  # the order in which floats are added shows in the result
    return float(pixels[6:-6, 6:-6].mean())


def _filed(generator: Generator, image: Image.Image) -> Image.Image:
    """The picture as it comes back from a JPEG file."""
    file = BytesIO()
    image.save(file, "JPEG", quality=int(generator.integers(60, 93)), subsampling=int(generator.choice((0, 2))))
    return Image.open(file)


def develop(generator: Generator, canvas: np.ndarray, mishap: str) -> np.ndarray:
    """What the camera makes of the light (3,S,S) in front of it: uint8 (H,W,3)."""
    drag = np.abs(generator.normal(0, 3, 2)) * (generator.random(2) < 0.05)
    if mishap == "shaken":
        drag[generator.integers(2)] += generator.uniform(7, 13)
    focus = generator.uniform(2.4, 4.1) if mishap == "out of focus" else 0.25 + min(generator.gamma(1.2, 0.18), 1.6)
    fringe = generator.normal(0, 0.35, 2)
    side = CANVAS if generator.random() < 0.7 else SIDE  # many pictures are reduced from larger ones
    picture = see(canvas, side, float(focus), drag=drag, fringe=fringe)
    level = _level(picture)
    exposure = (generator.uniform(0.2, 0.56) / max(level, 0.02)) ** generator.uniform(0.55, 0.95)
    exposure *= generator.uniform(0.15, 0.35) if mishap == "dark" else 1.0
    warmth, green = generator.normal(0, 0.08), generator.normal(0, 0.025)
    balance = np.exp([warmth, green, -warmth]) * exposure
    grain = generator.uniform(0.002, 0.006) if mishap == "dark" else generator.gamma(0.7, 0.0002)
    picture *= balance.astype(np.float32)[:, None, None]
    shown = _toned(generator, sensed(generator, picture, float(grain)))
    if generator.random() < 0.75:
        detail = shown - soft(shown)
        detail *= np.float32(generator.uniform(0.2, 1.1))
        shown += detail
    image = Image.merge("RGB", screen(shown))
    if side != SIDE:
        ways = (Image.Resampling.HAMMING, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
        image = image.resize((SIDE, SIDE), ways[int(generator.integers(3))])
    return np.array(_filed(generator, image) if generator.random() < 0.2 else image)
