"""The canvas of a street scene: a camera, the light of the day, and a picture with a label for every pixel.

Lengths are in metres: X to the right, Y up, Z forward from the camera, which stands at X = 0 and looks along Z.
Pictures are painted at twice their size and scaled down at the end. H W height and width of the finished picture.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

HEIGHT, WIDTH, SCALE = 192, 256, 2
TALL, WIDE = HEIGHT * SCALE, WIDTH * SCALE
NEAR = 1.1
"""Nothing nearer than this is painted, in metres."""

SKY, BUILDING, POLE, ROAD, PAVEMENT, TREE, SIGN, FENCE, CAR, PEDESTRIAN, BICYCLIST = range(11)
VOID = 255

Colour = tuple[float, float, float]
Point = tuple[float, float]
Place = tuple[float, float, float]
Generator = np.random.Generator

PAINTS: tuple[Colour, ...] = (
    (0.84, 0.85, 0.86), (0.62, 0.64, 0.66), (0.10, 0.11, 0.12), (0.30, 0.32, 0.35), (0.58, 0.08, 0.08),
    (0.10, 0.20, 0.48), (0.16, 0.34, 0.24), (0.74, 0.60, 0.20), (0.40, 0.52, 0.66),
    (0.92, 0.92, 0.90), (0.44, 0.40, 0.34),
)  # fmt: skip
RUBBER: Colour = (0.07, 0.07, 0.08)


def noise(generator: Generator, rows: int, columns: int, cells: float, octaves: int = 4) -> np.ndarray:
    """Smooth random noise, (rows, columns) from 0 to 1; `cells` along the longer side in the coarsest octave."""
    total = np.zeros((rows, columns), np.float32)
    for octave in range(octaves):
        step = max(rows, columns) / (cells * 2**octave)
        shape = (int(rows / step) + 2, int(columns / step) + 2)
        grid = Image.fromarray(generator.random(shape, dtype=np.float32))
        total += np.asarray(grid.resize((columns, rows), Image.Resampling.BICUBIC)) * 0.55**octave
    return (total - total.min()) / max(float(total.max() - total.min()), 1e-6)


@lru_cache(maxsize=1)
def grains() -> np.ndarray:
    """A bank of noise that materials are sampled from: (12, 256, 256) from 0 to 1, coarse ones first."""
    generator = np.random.default_rng(1865)
    return np.stack([noise(generator, 256, 256, 4 + 3 * number, 5) for number in range(12)])


def grain(generator: Generator, number: int, side: int) -> np.ndarray:
    """A random crop (side, side) of one entry of the bank, side at most 128; faster than new noise."""
    y, x = generator.integers(0, 128, 2)
    return grains()[number, y : y + side, x : x + side]


def dim(colour: Colour, gain: float) -> Colour:
    return colour[0] * gain, colour[1] * gain, colour[2] * gain


def as_bytes(colour: Iterable[float], gain: float = 1.0) -> tuple[int, int, int]:
    """A colour for Pillow: 0 to 1 becomes 0 to 255, values outside are clipped."""
    red, green, blue = (int(255 * min(max(channel * gain, 0.0), 1.0)) for channel in colour)
    return red, green, blue


@dataclass(frozen=True)
class Light:
    """A time of day: its probability, colours in 0 to 1, brightness of sky and sun, and visibility in metres."""

    name: str
    probability: float
    zenith: Colour
    horizon: Colour
    tint: Colour
    ambient: float
    sun: float
    sight: float


LIGHTS = (
    Light("clear", 0.30, (0.28, 0.48, 0.80), (0.72, 0.83, 0.93), (1.00, 0.98, 0.94), 0.58, 0.62, 320),
    Light("overcast", 0.26, (0.66, 0.70, 0.74), (0.83, 0.85, 0.87), (0.92, 0.96, 1.00), 0.86, 0.08, 200),
    Light("bright haze", 0.14, (0.80, 0.86, 0.92), (0.97, 0.97, 0.96), (1.04, 1.02, 0.98), 0.80, 0.22, 130),
    Light("low sun", 0.16, (0.40, 0.50, 0.72), (0.98, 0.78, 0.52), (1.12, 0.90, 0.66), 0.48, 0.62, 170),
    Light("dusk", 0.08, (0.16, 0.20, 0.38), (0.62, 0.46, 0.46), (0.62, 0.60, 0.80), 0.52, 0.06, 150),
    Light("rain", 0.06, (0.48, 0.52, 0.57), (0.64, 0.67, 0.70), (0.78, 0.82, 0.88), 0.80, 0.0, 90),
)


@dataclass(frozen=True)
class Camera:
    """A pinhole: focal length and horizon in painted pixels, height in metres, and how much the street bends."""

    focal: float
    horizon: float
    height: float
    centre: float
    bend: float

    def __call__(self, place: Place) -> Point:
        x, y, z = place
        z = max(z, 0.3)
        return self.centre + self.focal * (x + self.bend * z * z) / z, self.horizon + self.focal * (self.height - y) / z

    def scale(self, z: float) -> float:
        """Painted pixels in a metre at distance z."""
        return self.focal / z


class Canvas:
    """A picture (TALL, WIDE) and the labels of its pixels, painted from far to near."""

    def __init__(self, camera: Camera, light: Light, sun: Place, picture: np.ndarray, labels: np.ndarray) -> None:
        self.camera, self.light, self.sun = camera, light, sun
        self.picture = Image.fromarray((picture.clip(0, 1) * 255).astype(np.uint8))
        self.labels = Image.fromarray(labels.astype(np.uint8))
        self._refresh()

    def _refresh(self) -> None:
        self.paint, self.mark = ImageDraw.Draw(self.picture), ImageDraw.Draw(self.labels)

    def hazed(self, colour: Sequence[float], z: float) -> tuple[int, int, int]:
        """A surface colour in the light of the day, seen through z metres of air: three bytes."""
        air = 1 - float(np.exp(-z / self.light.sight))
        tint, horizon = self.light.tint, self.light.horizon
        return as_bytes((c * t) * (1 - air) + h * air for c, t, h in zip(colour, tint, horizon, strict=True))

    def lit(self, normal: Place) -> float:
        """The brightness of a surface that faces along `normal` (length 1)."""
        facing = sum(a * b for a, b in zip(normal, self.sun, strict=True))
        return self.light.ambient * (0.86 + 0.14 * normal[1]) + self.light.sun * max(facing, 0.0)

    def polygon(self, points: Sequence[Point], colour: Colour, z: float, label: int | None, shade: float = 1.0) -> None:
        """A flat polygon in painted pixels; with label None the labels stay."""
        self.paint.polygon(points, fill=self.hazed([channel * shade for channel in colour], z))
        if label is not None:
            self.mark.polygon(points, fill=label)

    def ellipse(self, centre: Point, radii: Point, colour: Colour, z: float, label: int | None) -> None:
        box = (centre[0] - radii[0], centre[1] - radii[1], centre[0] + radii[0], centre[1] + radii[1])
        self.paint.ellipse(box, fill=self.hazed(colour, z))
        if label is not None:
            self.mark.ellipse(box, fill=label)

    def limb(self, points: Sequence[Point], width: float, colour: Colour, z: float, label: int | None) -> None:
        """A line with round joints, at least one painted pixel wide."""
        thick = max(1, round(width))
        fill = self.hazed(colour, z)
        for draw, ink in ((self.paint, fill), (self.mark, label)):
            if ink is None:
                continue
            draw.line(points, fill=ink, width=thick, joint="curve")
            for x, y in points if thick > 2 else ():
                half = width / 2 - 0.3
                draw.ellipse((x - half, y - half, x + half, y + half), fill=ink)

    def wall(self, texture: Image.Image, corners: Sequence[Place], shade: float, label: int) -> None:
        """A flat picture (RGB or RGBA) put into perspective by its corners, clockwise from the top left.

        Where it is transparent, nothing changes.
        """
        points = [self.camera(corner) for corner in corners]
        z = sum(corner[2] for corner in corners) / 4
        found = _warped(texture, points)
        if found is None:
            return
        image, mask, box = found
        pixels = np.asarray(image, np.float32)[..., :3] / 255 * shade * np.asarray(self.light.tint, np.float32)
        air = 1 - np.exp(-z / self.light.sight)
        pixels = pixels * (1 - air) + np.asarray(self.light.horizon, np.float32) * air
        self.picture.paste(Image.fromarray((pixels.clip(0, 1) * 255).astype(np.uint8)), box[:2], mask)
        self.labels.paste(label, box, mask.point(lambda value: 255 * (value > 127)))
        self._refresh()

    def sprite(self, pixels: np.ndarray, mask: np.ndarray, left: float, top: float, z: float, label: int) -> None:
        """Pixels (h,w,3) and mask (h,w), both 0 to 1, pasted upright at a point in painted pixels."""
        lit = pixels * np.asarray(self.light.tint, np.float32)
        air = 1 - np.exp(-z / self.light.sight)
        lit = lit * (1 - air) + np.asarray(self.light.horizon, np.float32) * air
        at = (round(left), round(top))
        cover = Image.fromarray((mask.clip(0, 1) * 255).astype(np.uint8))
        self.picture.paste(Image.fromarray((lit.clip(0, 1) * 255).astype(np.uint8)), at, cover)
        self.labels.paste(label, (*at, at[0] + mask.shape[1], at[1] + mask.shape[0]), cover.point(_half))
        self._refresh()

    def darken(self, points: Sequence[Point], strength: float, soft: float = 0.0) -> None:
        """A shadow: darken the inside of a polygon; labels stay."""
        xs, ys = [point[0] for point in points], [point[1] for point in points]
        rim = int(3 * soft) + 1
        left, top = max(0, int(min(xs)) - rim), max(0, int(min(ys)) - rim)
        right, bottom = min(WIDE, int(max(xs)) + rim + 1), min(TALL, int(max(ys)) + rim + 1)
        if right <= left or bottom <= top:
            return
        mask = Image.new("L", (right - left, bottom - top))
        ImageDraw.Draw(mask).polygon([(x - left, y - top) for x, y in points], fill=255)
        if soft:
            reduced = (max(1, round(mask.width / soft)), max(1, round(mask.height / soft)))
            mask = mask.resize(reduced, Image.Resampling.BOX).resize(mask.size, Image.Resampling.BICUBIC)
        part = np.asarray(self.picture.crop((left, top, right, bottom)), np.float32)
        part *= 1 - strength * np.asarray(mask, np.float32)[..., None] / 255 * np.array([1.0, 0.97, 0.9], np.float32)
        self.picture.paste(Image.fromarray(part.astype(np.uint8)), (left, top))
        self._refresh()


def _half(value: int) -> int:
    return 255 * (value > 127)


def _warped(
    texture: Image.Image, points: Sequence[Point]
) -> tuple[Image.Image, Image.Image, tuple[int, int, int, int]] | None:
    """The texture seen through a projective map onto four points: picture, mask and box in painted pixels."""
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    left, top = max(0, int(np.floor(min(xs)))), max(0, int(np.floor(min(ys))))
    right, bottom = min(WIDE, int(np.ceil(max(xs)))), min(TALL, int(np.ceil(max(ys))))
    if right - left < 1 or bottom - top < 1 or abs(_area(points)) < 2:
        return None
    width, height = texture.size
    corners = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
    rows, values = [], []
    for (x, y), (u, v) in zip(points, corners, strict=True):
        x, y = x - left, y - top
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    try:
        solved = np.linalg.solve(np.array(rows, np.float64), np.array(values, np.float64)).tolist()
    except np.linalg.LinAlgError:
        return None
    size = (right - left, bottom - top)
    image = texture.convert("RGB").transform(size, Image.Transform.PERSPECTIVE, solved, Image.Resampling.BILINEAR)
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).polygon([(x - left, y - top) for x, y in points], fill=255)
    if texture.mode == "RGBA":
        alpha = texture.getchannel("A").transform(size, Image.Transform.PERSPECTIVE, solved, Image.Resampling.BILINEAR)
        mask = Image.fromarray(np.minimum(np.asarray(mask), np.asarray(alpha)))
    return image, mask, (left, top, right, bottom)


def _area(points: Sequence[Point]) -> float:
    """Twice the signed area of a polygon."""
    following = (*points[1:], points[0])
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(points, following, strict=True))
