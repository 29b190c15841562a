"""Backgrounds of the data set `signs`, and the noise for dirt and shadow on the signs.

Six kinds of scenery, ten pictures of each, made of rectangles, discs and smooth noise: no image file.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from core.datasets.signs.faces import FACE

SCENE = 144  # pixels of a finished scene
SCENES = 60
_SEED = 20190812


def noise(generator: np.random.Generator, size: int, cells: int, octaves: int) -> np.ndarray:
    """Smooth random noise, (size, size) from 0 to 1; `cells` across in the coarsest octave."""
    total = np.zeros((size, size), np.float32)
    for octave in range(octaves):
        grid = generator.random((cells * 2**octave + 1,) * 2, dtype=np.float32)
        total += np.asarray(Image.fromarray(grid).resize((size, size), Image.Resampling.BICUBIC)) * 0.55**octave
    return (total - total.min()) / (total.max() - total.min())


@lru_cache(maxsize=1)
def textures() -> np.ndarray:
    """A bank of noise for dirt and shadow: (24, FACE, FACE) from 0 to 1, coarse ones first."""
    generator = np.random.default_rng([_SEED, 1])
    return np.stack([noise(generator, FACE, 3 + number // 2, 4) for number in range(24)])


def _mix(first: np.ndarray, second: np.ndarray | Sequence[float], fraction: np.ndarray) -> np.ndarray:
    return first + (np.asarray(second, np.float32) - first) * fraction[..., None]


def _sky(generator: np.random.Generator) -> np.ndarray:
    tops = ((70, 120, 190), (110, 150, 200), (150, 165, 180), (196, 200, 204), (96, 128, 168))
    top = np.array(tops[generator.integers(5)], np.float32)
    down = np.linspace(0, 1, SCENE, dtype=np.float32)[:, None, None]
    sky = np.broadcast_to(top + (np.array([222, 226, 226], np.float32) - top) * down, (SCENE, SCENE, 3))
    clouds = np.clip((noise(generator, SCENE, 3, 5) - generator.uniform(0.35, 0.7)) * 3, 0, 1)
    return _mix(sky, (238, 238, 236), clouds)


def _leaves(generator: np.random.Generator) -> np.ndarray:
    palettes = (((22, 34, 14), (120, 146, 58)), ((14, 26, 16), (74, 108, 56)), ((46, 34, 16), (176, 124, 48)),
                ((36, 34, 30), (130, 122, 108)), ((30, 44, 18), (160, 172, 84)))  # fmt: skip
    dark, light = np.array(palettes[generator.integers(5)], np.float32)
    clumps = 0.6 * noise(generator, SCENE, 5, 3) + 0.4 * noise(generator, SCENE, 18, 2)
    tree = dark + (light - dark) * np.clip(clumps * 1.7 - 0.4, 0, 1)[..., None]
    gaps = np.clip((noise(generator, SCENE, 9, 3) - 0.74) * 9, 0, 1) * generator.integers(2)
    return _mix(tree, (214, 224, 228), gaps)


def _skyline(generator: np.random.Generator, level: float, roughness: float) -> np.ndarray:
    """How far each pixel lies below a ragged horizon: (SCENE, SCENE) from 0 to 1."""
    line = level + roughness * (noise(generator, SCENE, 4, 5)[0] - 0.5)
    rows = np.linspace(0, 1, SCENE, dtype=np.float32)[:, None]
    return np.clip((rows - line) * 30, 0, 1)


def _ground(generator: np.random.Generator) -> np.ndarray:
    colours = ((92, 92, 94), (112, 110, 106), (96, 110, 58), (128, 122, 88), (226, 228, 232))
    grain = noise(generator, SCENE, 20, 3)[..., None] * 40 - 20
    return np.array(colours[generator.integers(5)], np.float32) + grain


def _houses(generator: np.random.Generator, background: np.ndarray) -> np.ndarray:
    """Fronts with rows of windows, drawn as rectangles."""
    image = Image.fromarray(np.clip(background, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    walls = ((178, 160, 138), (196, 186, 168), (142, 84, 66), (120, 116, 112), (206, 196, 150), (160, 120, 96))
    left = -int(generator.integers(30))
    while left < SCENE:
        width, roof = int(generator.integers(34, 80)), int(generator.integers(4, 70))
        wall = np.array(walls[generator.integers(6)]) + generator.integers(-14, 14)
        draw.rectangle((left, roof, left + width, SCENE), fill=tuple(int(v) for v in wall))
        draw.rectangle((left, roof - 4, left + width, roof + 2), fill=tuple(int(v) for v in wall * 0.55))
        across, down = int(generator.integers(10, 18)), int(generator.integers(14, 24))
        glass = (60, 70, 82) if generator.random() < 0.7 else (150, 168, 184)
        for x in range(left + 5, left + width - across // 2, across):
            for y in range(roof + 8, SCENE, down):
                draw.rectangle((x, y, x + across // 2, y + down // 2), fill=glass, outline=(212, 208, 200))
        left += width + int(generator.integers(0, 24))
    return np.asarray(image, np.float32) + noise(generator, SCENE, 24, 3)[..., None] * 24 - 12


def _lights(generator: np.random.Generator, background: np.ndarray) -> np.ndarray:
    """Lamps out of focus: translucent discs."""
    picture = background * 0.45
    rows, columns = np.mgrid[0:SCENE, 0:SCENE]
    colours = ((255, 214, 140), (255, 120, 80), (255, 246, 220), (150, 200, 255), (120, 220, 150))
    for _ in range(int(generator.integers(12, 26))):
        x, y, radius = generator.uniform(0, SCENE), generator.uniform(0, SCENE), generator.uniform(3, 12)
        disc = np.clip(radius - np.hypot(columns - x, rows - y), 0, 1) * generator.uniform(0.2, 0.75)
        picture = _mix(picture, colours[generator.integers(5)], disc.astype(np.float32))
    return picture


def _scene(number: int) -> np.ndarray:
    generator = np.random.default_rng([_SEED, 2, number])
    kind = ("sky", "trees", "street", "verge", "lights", "edge")[number % 6]
    picture = _sky(generator)
    if kind in ("trees", "lights"):
        picture = _leaves(generator)
    if kind == "edge":  # the crown of a tree against the sky
        picture = _mix(picture, _leaves(generator), _skyline(generator, generator.uniform(0.2, 0.6), 0.9))
    if kind == "street":
        picture = _houses(generator, picture)
    if kind == "verge":
        picture = _mix(picture, _leaves(generator), _skyline(generator, generator.uniform(0.3, 0.5), 0.35))
    if kind in ("street", "verge"):
        picture = _mix(picture, _ground(generator), _skyline(generator, generator.uniform(0.7, 0.85), 0.03))
    return _lights(generator, picture) if kind == "lights" else picture


@lru_cache(maxsize=1)
def scenes() -> tuple[Image.Image, ...]:
    """The bank of backgrounds: RGB pictures of SCENE x SCENE pixels."""
    pictures = [np.clip(_scene(number), 0, 255).astype(np.uint8) for number in range(SCENES)]
    return tuple(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(0.6)) for picture in pictures)
