"""Walls, house fronts, roads and streets for the backgrounds of the data set `signs`.

All pictures are float32 (SCENE,SCENE,3) from 0 to 255, as a screen shows them.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from core.datasets.signs.plants import SCENE, mix
from core.datasets.signs.textures import Generator, noise

Corner = tuple[float, float]

WALLS = ((190, 172, 150), (206, 198, 182), (216, 206, 172), (150, 148, 146), (196, 150, 116), (226, 222, 212),
         (176, 184, 178))  # fmt: skip
BRICKS = ((142, 78, 60), (164, 104, 78), (120, 70, 58), (176, 140, 108), (110, 92, 84))
CARS = ((40, 44, 52), (168, 172, 178), (120, 20, 26), (28, 48, 92), (220, 222, 222), (84, 90, 92), (26, 26, 28))


def pixels(image: Image.Image) -> np.ndarray:
    """A picture as floats from 0 to 255."""
    return np.asarray(image, np.float32)


def picture(array: np.ndarray) -> Image.Image:
    """Floats as a picture; values outside 0 to 255 are clipped."""
    return Image.fromarray(np.clip(array, 0, 255).astype(np.uint8))


def grain(generator: Generator, strength: float, cells: int = 48) -> np.ndarray:
    """Roughness of stone or plaster, (SCENE,SCENE,1) around 0, with single pixels."""
    rough = noise(generator, SCENE, cells, 3, 0.9) - 0.5
    speckle = generator.standard_normal((SCENE, SCENE), np.float32) * 0.18
    return ((rough + speckle) * strength)[..., None]


def wall(generator: Generator) -> np.ndarray:
    """Bricks, plaster or concrete slabs, with damp stains."""
    rows, columns = np.mgrid[0:SCENE, 0:SCENE]
    stains = noise(generator, SCENE, 4, 5, 0.6)[..., None]
    kind = generator.random()
    if kind < 0.4:
        high = int(generator.integers(4, 8))
        wide = int(high * generator.uniform(2.4, 3.4))
        row = rows // high
        across = columns + (row % 2) * (wide // 2)
        tones = generator.normal(1, 0.13, (SCENE // high + 1, SCENE // wide + 2))
        colour = np.array(BRICKS[generator.integers(5)], np.float32) * tones[row, across // wide][..., None]
        joint = ((rows % high == 0) | (across % wide == 0)).astype(np.float32)
        surface = mix(colour, (178, 170, 158), joint * generator.uniform(0.5, 1))
    else:
        surface = np.broadcast_to(np.array(WALLS[generator.integers(7)], np.float32), (SCENE, SCENE, 3))
    if kind > 0.8:
        pitch = int(generator.integers(38, 84))
        surface = surface * (1 - 0.4 * ((rows % pitch < 2) | (columns % (2 * pitch) < 2)))[..., None]
    return surface * (0.82 + 0.3 * stains) + grain(generator, generator.uniform(18, 44))


def _window(generator: Generator, draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], frame: int) -> None:
    """Frame, glass that reflects sky above and darkness below, bars, a curtain, and the sill with its shadow."""
    left, top, right, bottom = box
    draw.rectangle((left - 2, top - 2, right + 2, bottom + 1), fill=(frame // 2,) * 3)
    draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), fill=(frame, frame, frame - 6))
    bright, fall = generator.uniform(30, 150), generator.uniform(0.2, 0.9)
    for y in range(top, bottom):
        tone = bright * (1 - fall * (y - top) / (bottom - top)) + generator.uniform(-5, 5)
        draw.line((left, y, right, y), fill=(int(tone * 0.86) + 6, int(tone * 0.94) + 8, int(tone) + 12))
    if generator.random() < 0.4:
        depth = int((bottom - top) * generator.uniform(0.2, 0.9))
        draw.rectangle((left, top, left + (right - left) // 3, top + depth), fill=(176, 170, 160))
        draw.rectangle((right - (right - left) // 3, top, right, top + depth), fill=(168, 162, 150))
    middle = (left + right) // 2
    draw.line((middle, top, middle, bottom), fill=(frame, frame, frame), width=1 + (right - left > 26))
    draw.line((left, top + (bottom - top) // 3, right, top + (bottom - top) // 3), fill=(frame, frame, frame))
    draw.line((left, top, right, top), fill=(24, 24, 26))
    draw.rectangle((left - 4, bottom + 2, right + 4, bottom + 4), fill=(196, 192, 184))
    draw.rectangle((left - 3, bottom + 5, right + 3, bottom + 6), fill=(70, 64, 60))


def front(generator: Generator, roof: int) -> np.ndarray:
    """A house front seen from the front: wall, windows, gutter and, above row `roof`, tiles."""
    surface = wall(generator)
    rows, columns = np.mgrid[0:SCENE, 0:SCENE]
    if roof > 0:
        tile = 0.75 + 0.25 * ((rows % 6) / 6) * (0.8 + 0.2 * ((columns + 4 * (rows // 6 % 2)) % 8 > 0))
        slate = np.array(((120, 66, 50), (84, 84, 90), (96, 74, 62))[generator.integers(3)], np.float32)
        tiles = slate * tile[..., None] + grain(generator, 40)
        surface = np.where((rows < roof)[..., None], tiles, surface)
    image = picture(surface)
    draw = ImageDraw.Draw(image)
    if roof > 0:
        draw.rectangle((0, roof - 2, SCENE, roof + 3), fill=(206, 204, 198))
        draw.rectangle((0, roof + 4, SCENE, roof + 8), fill=(52, 48, 46))
    pitch, storey = int(generator.integers(44, 75)), int(generator.integers(66, 96))
    wide, high = int(pitch * generator.uniform(0.4, 0.62)), int(storey * generator.uniform(0.42, 0.6))
    frame = int(generator.choice((232, 226, 120, 70)))
    for top in range(roof + int(generator.integers(16, 27)), SCENE, storey):
        for left in range(int(generator.integers(6, 18)), SCENE - wide // 2, pitch):
            _window(generator, draw, (left, top, left + wide, top + high), frame)
    return pixels(image)


def warped(image: Image.Image, corners: Sequence[Corner]) -> tuple[np.ndarray, np.ndarray]:
    """The picture stretched onto four corners (left top, right top, right bottom, left bottom): colours and cover."""
    far = SCENE - 1
    rows = []
    for (x, y), (u, v) in zip(corners, ((0, 0), (far, 0), (far, far), (0, far)), strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    numbers = np.linalg.solve(np.array(rows, float), np.array([0, 0, far, 0, far, far, 0, far], float))
    layer = image.convert("RGBA").transform(
        (SCENE, SCENE), Image.Transform.PERSPECTIVE, numbers.tolist(), Image.Resampling.BICUBIC
    )
    found = pixels(layer)
    return found[..., :3], found[..., 3] / 255


def road(generator: Generator, behind: np.ndarray, horizon: float, beside: np.ndarray | None = None) -> np.ndarray:
    """A road that runs to the horizon: tar and stones, tyre tracks, lines; `beside` replaces the ground next to it."""
    level, vanish = int(horizon * SCENE), generator.uniform(0.2, 0.8) * SCENE
    down = np.arange(1, SCENE - level + 1, dtype=np.float32)[:, None]
    far = 225 / down  # metres ahead of a camera 1.25 metres above the road
    across = (np.arange(SCENE, dtype=np.float32) - vanish) * far / 225 + generator.uniform(-2, 2)
    stones = noise(generator, SCENE, 96, 3, 0.9) - 0.5
    patches = noise(generator, SCENE, 8, 4, 0.6)
    places = (far * 60).astype(int) % SCENE, (across * 60).astype(int) % SCENE
    rough = stones[places] * np.minimum(1, 3 / far) + 0.25 * generator.standard_normal(across.shape, np.float32)
    tar = generator.uniform(72, 128) * (0.86 + 0.28 * patches[(far * 9).astype(int) % SCENE, places[1] // 6])
    tracks = sum(np.exp(-(((np.abs(across) - at) / 0.35) ** 2)) for at in (1.0, 2.5))
    tar = tar * (1 - 0.13 * tracks) + rough * 34
    wide = generator.uniform(3.2, 5)
    paint = (np.abs(across) < 0.07) & (far % 6 < 3) | (np.abs(np.abs(across) - wide + 0.3) < 0.07)
    worn = np.clip(stones[places] * 2 + 0.75, 0, 1) * paint * generator.uniform(0.5, 1)
    surface = (tar + (generator.uniform(176, 226) - tar) * worn)[..., None] * np.array([1, 0.99, 0.965], np.float32)
    scene = np.array(behind)
    ground = scene[level:] if beside is None else beside[places]
    scene[level:] = np.where((np.abs(across) < wide)[..., None], surface, ground)
    kerb = (np.abs(np.abs(across) - wide - 0.1) < 0.1) & (beside is not None)
    scene[level:][kerb] = 168 + rough[kerb][:, None] * 40
    return scene


def parked_car(generator: Generator, behind: np.ndarray, x: float, y: float, high: float) -> np.ndarray:
    """A car seen from behind or from the front, its wheels at (x, y), and its shadow on the road."""
    image = picture(behind)
    draw = ImageDraw.Draw(image)
    wide = high * 1.15
    body = np.array(CARS[generator.integers(len(CARS))]) * generator.uniform(0.8, 1.1)

    def box(left: float, top: float, right: float, bottom: float, tone: float, radius: float = 0.08) -> None:
        edges = (x + left * wide, y - top * high, x + right * wide, y - bottom * high)
        draw.rounded_rectangle(edges, radius * high, fill=tuple(int(v) for v in np.clip(body * tone, 0, 255)))

    draw.ellipse((x - wide * 0.6, y - high * 0.07, x + wide * 0.6, y + high * 0.1), fill=(26, 26, 28))
    box(-0.44, 0.25, 0.44, 0.0, 0.15, 0.04)
    box(-0.5, 0.62, 0.5, 0.1, 0.9)
    box(-0.4, 1.0, 0.4, 0.5, 1.0, 0.16)
    edges = (x - 0.34 * wide, y - 0.93 * high, x + 0.34 * wide, y - 0.62 * high)
    draw.rounded_rectangle(edges, high * 0.07, fill=(46, 54, 62))
    draw.line((x - 0.3 * wide, y - 0.9 * high, x + 0.1 * wide, y - 0.68 * high), fill=(120, 132, 142), width=2)
    box(-0.5, 0.3, 0.5, 0.2, 0.55, 0.03)
    lamp = ((190, 30, 26), (236, 236, 226))[int(generator.integers(2))]
    for side in (-0.47, 0.36):
        draw.rectangle((x + side * wide, y - 0.52 * high, x + (side + 0.11) * wide, y - 0.4 * high), fill=lamp)
    plate = (x - 0.13 * wide, y - 0.36 * high, x + 0.13 * wide, y - 0.28 * high)
    draw.rectangle(plate, fill=(222, 220, 200))
    return pixels(image)


def street(generator: Generator, behind: np.ndarray) -> np.ndarray:
    """A street between two rows of houses, with parked cars."""
    horizon, vanish = generator.uniform(0.45, 0.7), 0.5 * SCENE
    level = horizon * SCENE
    scene = road(generator, behind, horizon, beside=wall(generator) * 0.3 + 86)
    light = generator.uniform(0.45, 1.0, 2)  # one side of a street lies in the shade
    fronts = [front(generator, int(generator.integers(0, 45))) for _ in range(2)]
    for side, edge in ((0, -0.1), (1, 1.1)):
        for number, (far, near) in enumerate(((0.1, 0.4), (0.38, 1.0))):
            height = generator.uniform(0.9, 1.5)
            house = picture(fronts[(number + side) % 2] * light[side])
            ends = [(vanish + (edge * SCENE - vanish) * part) for part in (far, near)]
            tops = [level - level * height * part * 1.1 for part in (far, near)]
            feet = [level + (SCENE - level) * 0.5 * part for part in (far, near)]
            corners = [(ends[0], tops[0]), (ends[1], tops[1]), (ends[1], feet[1]), (ends[0], feet[0])]
            if side:
                house = house.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            scene = mix(scene, *warped(house, corners))
    for part in sorted(generator.uniform(0.08, 0.24, int(generator.integers(0, 6)))):
        x = vanish + (SCENE * generator.choice((0.12, 0.88)) - vanish) * part
        scene = parked_car(generator, scene, x, level + (SCENE - level) * 0.6 * part, 112 * part)
    return scene
