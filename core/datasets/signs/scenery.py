"""Backgrounds of the data set `signs`: eleven kinds of scenery, made of shapes and noise, no image file.

`scene(number)` draws one the first time it is asked for; `KINDS` says what belongs to which number.
"""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from core.datasets.signs.plants import (
    SCENE,
    bare_tree,
    below,
    distant_trees,
    foliage,
    grass,
    mix,
    sky,
    trees,
)
from core.datasets.signs.textures import Generator
from core.datasets.signs.town import front, grain, picture, pixels, road, street, wall, warped

SCENES = 55
_SEED = 20190812


def _sky(generator: Generator) -> np.ndarray:
    """Sky with overhead lines and a lamp post."""
    image = picture(sky(generator))
    draw = ImageDraw.Draw(image)
    rows = np.arange(0, SCENE + 16, 16)
    for _ in range(int(generator.integers(1, 5))):
        start, end, sag = *generator.uniform(0, SCENE * 0.7, 2), generator.uniform(3, 30)
        heights = start + (end - start) * rows / SCENE + sag * np.sin(np.pi * rows / SCENE)
        draw.line([(float(a), float(b)) for a, b in zip(rows, heights, strict=True)], fill=(52, 52, 56), width=2)
    if generator.random() < 0.6:
        x, top = generator.uniform(0, SCENE), generator.uniform(15, 150)
        reach = generator.choice((-1, 1)) * generator.uniform(22, 52)
        draw.line((x, SCENE, x, top), fill=(92, 94, 98), width=5)
        draw.line((x, top, x + reach, top - 9), fill=(92, 94, 98), width=4)
        draw.line((x + reach * 0.8, top - 9, x + reach * 1.3, top - 10), fill=(150, 152, 156), width=7)
    return pixels(image)


def _verge(generator: Generator, scene: np.ndarray, level: float) -> np.ndarray:
    """Grass from a ragged line down to the lower edge."""
    return mix(scene, grass(generator), np.clip(below(generator, level, 0.05, 8) * 60, 0, 1))


def _street(generator: Generator) -> np.ndarray:
    """A street under the sky."""
    return street(generator, sky(generator))


def _lights(generator: Generator) -> np.ndarray:
    """A town at night: leaves or a street in the dark, and lamps, some of them out of focus."""
    scene = (foliage(generator) if generator.random() < 0.4 else street(generator, sky(generator) * 0.2)) * 0.35
    rows, columns = np.mgrid[0:SCENE, 0:SCENE].astype(np.float32)
    colours = ((255, 206, 130), (255, 88, 60), (255, 240, 210), (226, 234, 255), (255, 190, 104))
    blur = generator.uniform(0, 3.5) ** 2
    for _ in range(int(generator.integers(8, 22))):
        x, y, radius = generator.uniform(0, SCENE), generator.uniform(0, SCENE * 0.8), generator.uniform(1.5, 4) + blur
        reach = int(radius + 3)
        box = np.s_[max(int(y) - reach, 0) : int(y) + reach, max(int(x) - reach, 0) : int(x) + reach]
        disc = np.clip(radius - np.hypot(columns[box] - x, rows[box] - y), 0, 1) * generator.uniform(0.15, 0.7)
        scene[box] = mix(scene[box], colours[generator.integers(5)], disc)
    return scene


def _house(generator: Generator) -> np.ndarray:
    """One house front, mostly from an angle, with sky or trees above and a pavement below."""
    behind = sky(generator) if generator.random() < 0.6 else trees(generator, sky(generator), 0.1)
    plain = front(generator, int(generator.integers(0, 82)))
    if generator.random() < 0.3:
        return plain
    tilt, rise = generator.uniform(0.05, 0.4), generator.uniform(-0.15, 0.25)
    corners = [(-20.0, rise * SCENE), (SCENE + 20.0, (rise + tilt) * SCENE), (SCENE + 20.0, SCENE * (1.05 - tilt)),
               (-20.0, SCENE * 1.1)]  # fmt: skip
    scene = mix(behind, wall(generator) * 0.4 + 60, np.clip(below(generator, 0.75, 0, 4) * 60, 0, 1))
    return mix(scene, *warped(picture(plain), corners))


def _country(generator: Generator) -> np.ndarray:
    """A road across fields to a wood at the horizon."""
    horizon = float(generator.uniform(0.4, 0.7))
    scene = distant_trees(generator, sky(generator), horizon - generator.uniform(0.04, 0.14))
    scene = _verge(generator, scene, horizon)
    return road(generator, scene, horizon)


def _wood(generator: Generator) -> np.ndarray:
    """Trunks in front of leaves."""
    scene = foliage(generator) * generator.uniform(0.4, 0.9)
    columns = np.arange(SCENE, dtype=np.float32)
    for _ in range(int(generator.integers(2, 7))):
        x, half = generator.uniform(0, SCENE), generator.uniform(4, 20)
        round_ = np.clip(1 - ((columns - x) / half) ** 2, 0, 1)
        bark = np.array([104, 90, 74], np.float32) * generator.uniform(0.5, 1.1) + grain(generator, 90, 24)
        cover = np.broadcast_to(np.clip(round_ * 6, 0, 1), (SCENE, SCENE))
        scene = mix(scene, bark * (0.35 + 0.65 * round_)[None, :, None], cover)
    return _verge(generator, scene, generator.uniform(0.75, 0.95))


def _crowns(generator: Generator) -> np.ndarray:
    """Trees against the sky."""
    return trees(generator, sky(generator), generator.uniform(0.15, 0.6))


def _hedge(generator: Generator) -> np.ndarray:
    """Bushes in front of trees, and grass."""
    scene = trees(generator, _crowns(generator), generator.uniform(0.25, 0.55))
    return _verge(generator, scene, generator.uniform(0.6, 0.9))


def _winter(generator: Generator) -> np.ndarray:
    """Bare trees in front of a distant wood."""
    scene = distant_trees(generator, sky(generator), generator.uniform(0.6, 0.8))
    return bare_tree(generator, scene)


def _yard(generator: Generator) -> np.ndarray:
    """A wall close by, with the edge of a shadow on it."""
    edge = np.clip(below(generator, generator.uniform(0.1, 0.9), generator.uniform(0, 0.8), 3) * 30, 0, 1)
    return wall(generator) * (1 - generator.uniform(0, 0.6) * edge)[..., None]


KINDS = (
    _sky,
    _crowns,
    foliage,
    _hedge,
    _street,
    _house,
    _winter,
    _country,
    _lights,
    _wood,
    _yard,
)
NIGHT = 8
"""The number of the kind with lamps in the dark: scene `number` is of kind `number % len(KINDS)`."""


@lru_cache(maxsize=SCENES)
def scene(number: int) -> Image.Image:
    """Background `number` below SCENES: an RGB picture of SCENE x SCENE pixels."""
    generator = np.random.default_rng([_SEED, 9, number])
    return picture(KINDS[number % len(KINDS)](generator))
