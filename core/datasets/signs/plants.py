"""Leaves, grass, trees and sky for the backgrounds of the data set `signs`.

All pictures are float32 (SCENE,SCENE,3) from 0 to 255, as a screen shows them.
"""

from collections.abc import Sequence
from math import cos, sin

import numpy as np
from PIL import Image, ImageDraw

from core.datasets.signs.textures import MAT, Generator, mat, moved, noise, profile

SCENE = 288  # pixels of a finished scene

# Shadow, light and a second light of leaves: summer, fir, autumn, dry, spring, dark summer.
LEAVES = (((14, 22, 10), (124, 150, 66), (168, 172, 88)), ((8, 16, 12), (74, 104, 66), (96, 116, 90)),
          ((30, 20, 10), (190, 132, 50), (150, 70, 34)), ((28, 25, 20), (150, 136, 108), (122, 124, 80)),
          ((20, 32, 10), (160, 184, 84), (206, 206, 132)), ((10, 18, 8), (92, 118, 54), (120, 138, 84)))  # fmt: skip
GRASS = (((26, 36, 16), (128, 146, 74), (170, 164, 104)), ((44, 40, 26), (176, 164, 120), (140, 148, 88)),
         ((22, 34, 14), (104, 136, 58), (140, 156, 78)))  # fmt: skip
BLUES = ((64, 112, 182), (96, 142, 200), (128, 160, 194), (84, 120, 168), (150, 168, 186))


def mix(first: np.ndarray, second: np.ndarray | Sequence[float], fraction: np.ndarray) -> np.ndarray:
    """From `first` to `second` (pictures or one colour) by `fraction` (SCENE,SCENE)."""
    return first + (np.asarray(second, np.float32) - first) * fraction[..., None].astype(np.float32)


def sky(generator: Generator) -> np.ndarray:
    """Clear, with clouds, or overcast; lighter towards the horizon."""
    down = np.linspace(0, 1, SCENE, dtype=np.float32)[:, None]
    low = np.array([206, 217, 226], np.float32) + generator.normal(0, 6)
    top = np.array(BLUES[generator.integers(len(BLUES))], np.float32)
    clear = mix(np.broadcast_to(top, (SCENE, SCENE, 3)), low, np.broadcast_to(down**0.8, (SCENE, SCENE)))
    kind = generator.random()
    if kind < 0.25:
        return clear
    heaps = noise(generator, SCENE, int(generator.integers(2, 5)), 6, 0.5)
    if kind < 0.7:  # flat layers
        flat = Image.fromarray(heaps[:, : SCENE // 3])
        heaps = np.asarray(flat.resize((SCENE, SCENE), Image.Resampling.BICUBIC))
    cover = generator.uniform(0.38, 0.62) if kind < 0.65 else generator.uniform(0.0, 0.25)
    cloud = np.clip((heaps - cover) * 3.2, 0, 1)
    belly = np.clip(heaps - moved(heaps, 8, 3), -0.2, 0.2) * 150  # lit from above
    grey = generator.uniform(188, 226) if kind < 0.65 else generator.uniform(150, 212)
    lit = np.array([grey, grey + 1, grey + 4], np.float32) + (34 * (heaps - 0.5) + belly)[..., None]
    return mix(clear, lit, cloud)


def foliage(generator: Generator, kind: int | None = None, colours: int | None = None) -> np.ndarray:
    """Leaves that fill the picture: each leaf has its own tone, and clumps of leaves are lighter at the top."""
    kind = int(generator.integers(2)) if kind is None else kind
    y, x = generator.integers(0, MAT - SCENE + 1, 2)
    tone, hue = (texture[y : y + SCENE, x : x + SCENE] for texture in mat(kind))
    if generator.random() < 0.5:
        tone, hue = tone[:, ::-1], hue[:, ::-1]
    heaps = noise(generator, SCENE, int(generator.integers(4, 10)), 4, 0.5)
    slope = heaps - moved(heaps, -7, int(generator.integers(-7, 8)))
    light = np.clip(0.62 - 3.2 * slope + 0.9 * (heaps - 0.5), 0.07, 1.35)
    dark, near, other = np.array(LEAVES[generator.integers(6) if colours is None else colours], np.float32)
    paint = mix(np.broadcast_to(near, (SCENE, SCENE, 3)), other, hue * heaps)
    return dark + (paint - dark) * (np.clip(tone * 1.5, 0, 1.2) * light)[..., None]


def grass(generator: Generator) -> np.ndarray:
    """Blades of grass, with trampled and dry places."""
    tone, hue = (texture[:SCENE, MAT - SCENE :] for texture in mat(2))
    dark, near, other = np.array(GRASS[generator.integers(3)], np.float32)
    patches = noise(generator, SCENE, 5, 5, 0.6)
    paint = mix(np.broadcast_to(near, (SCENE, SCENE, 3)), other, np.clip(hue * 0.6 + patches - 0.4, 0, 1))
    return dark + (paint - dark) * (np.clip(tone * 1.9, 0.15, 1.25) * (0.6 + 0.5 * patches))[..., None]


def below(generator: Generator, level: float, roughness: float, cells: int = 4) -> np.ndarray:
    """How far each pixel lies below a ragged line, in heights of the picture."""
    line = level + roughness * profile(generator, SCENE, cells, 6)
    return np.linspace(0, 1, SCENE, dtype=np.float32)[:, None] - line


def trees(generator: Generator, behind: np.ndarray, level: float) -> np.ndarray:
    """Crowns in front of a picture, with a leafy outline and gaps where the sky shows."""
    leaves = foliage(generator)
    clumps = noise(generator, SCENE, int(generator.integers(6, 10)), 5, 0.75)
    gaps = np.clip(clumps - generator.uniform(0.62, 0.85), 0, 1)
    depth = below(generator, level, generator.uniform(0.2, 0.7), 3) * 5 + leaves.mean(2) / 300 + clumps * 1.3
    depth = depth - 1 - gaps * 6
    cover = np.clip(depth * 14, 0, 1)
    rim = np.clip(1 - depth * 1.2, 0, 1)[..., None] * 0.3  # thin leaves at the outline let light through
    return mix(behind, leaves * (1 + rim) + rim * 30, cover)


def distant_trees(generator: Generator, behind: np.ndarray, level: float) -> np.ndarray:
    """A wood far away: small leaves, pale in the air."""
    leaves = foliage(generator, 1)
    leaves = np.asarray(Image.fromarray(np.clip(leaves, 0, 255).astype(np.uint8)).reduce(2), np.float32)
    leaves = np.tile(leaves, (2, 2, 1)) * 0.8 + np.array([34, 40, 46], np.float32)
    depth = below(generator, level, 0.12, 9) * 9 + noise(generator, SCENE, 20, 4, 0.8) - 0.5
    return mix(behind, leaves, np.clip(depth * 8, 0, 1))


def _grow(
    draw: ImageDraw.ImageDraw,
    generator: Generator,
    start: tuple[float, float],
    *,
    heading: float,
    size: float,
    tone: tuple[int, int, int],
) -> None:
    """A branch and all its twigs, which bend upwards."""
    x, y = start
    for part in range(3):
        heading += generator.normal(0, 0.14) - (heading + 1.57) * 0.07
        tip = (x + size * cos(heading), y + size * sin(heading))
        draw.line((x, y, *tip), fill=tone, width=max(1, round(size * (0.2 - 0.03 * part))))
        x, y = tip
        for side in (-1, 1) if size > 3.6 else ():
            if generator.random() < 0.75:
                turn = heading + side * generator.uniform(0.3, 0.8)
                _grow(draw, generator, tip, heading=turn, size=size * generator.uniform(0.5, 0.68), tone=tone)


def bare_tree(generator: Generator, behind: np.ndarray) -> np.ndarray:
    """A tree in winter in front of a picture."""
    image = Image.fromarray(np.clip(behind, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    dark = int(generator.integers(24, 78))
    for _ in range(int(generator.integers(1, 3))):
        foot = (float(generator.uniform(0, SCENE)), SCENE * generator.uniform(0.8, 1.1))
        tone = (dark + 8, dark + 3, dark)
        _grow(draw, generator, foot, heading=-1.57, size=float(generator.uniform(38, 57)), tone=tone)
    return np.asarray(image, np.float32)
