"""One drawn photograph of a traffic sign: 32 x 32 RGB, from scenery to grain.

Each picture is composed at three times its size in linear light, so that lamps, glare and blur behave as in a
camera; then optics, exposure and noise of a small camera are applied. `photograph`, at the end, lists the steps.

Legend: S side of the canvas (96), H W of a picture (32).
"""

from dataclasses import dataclass
from math import cos, sin

import numpy as np
from PIL import Image, ImageDraw

from core.datasets.signs.board import board, posed, post
from core.datasets.signs.camera import CANVAS, Generator, develop, see
from core.datasets.signs.faces import FACE
from core.datasets.signs.scenery import SCENES, scenes, textures


@dataclass(frozen=True)
class Weather:
    """Light on the scene and on the sign (linear RGB gain), haze, and rain or snow."""

    probability: float
    scene: tuple[float, float, float]
    sign: tuple[float, float, float]
    haze: float = 0.05
    rain: bool = False
    snow: bool = False
    sun: bool = False


WEATHERS = (
    Weather(0.26, (1.0, 1.0, 1.0), (1.0, 1.0, 1.0), sun=True),
    Weather(0.18, (0.80, 0.84, 0.90), (0.66, 0.70, 0.76), haze=0.14),  # overcast
    Weather(0.12, (1.05, 0.82, 0.55), (1.05, 0.78, 0.48), sun=True),  # low sun
    Weather(0.09, (1.5, 1.5, 1.5), (0.34, 0.38, 0.44), haze=0.12),  # against the light
    Weather(0.10, (0.20, 0.24, 0.36), (0.30, 0.32, 0.40)),  # dusk
    Weather(0.08, (0.05, 0.05, 0.06), (0.85, 0.78, 0.62)),  # night, head lamps on the sign
    Weather(0.06, (0.75, 0.77, 0.80), (0.65, 0.67, 0.70), haze=0.5),  # fog
    Weather(0.06, (0.50, 0.55, 0.60), (0.48, 0.52, 0.56), haze=0.3, rain=True),
    Weather(0.05, (0.80, 0.84, 0.92), (0.60, 0.64, 0.70), haze=0.3, snow=True),
)
# One photograph in six has one of these flaws; without them even a small network makes no mistakes.
MISHAPS = ("none", "far", "shaken", "out of focus", "dark", "hidden")
MISHAP_PROBABILITIES = (0.83, 0.05, 0.035, 0.035, 0.02, 0.03)
_LINEAR = ((np.arange(256) / 255.0) ** 2.2).astype(np.float32)
_ACROSS = ((np.arange(CANVAS, dtype=np.float32) + 0.5) / CANVAS * 2 - 1)[None, :]
_DOWN = _ACROSS.T


def _texture(generator: Generator, fine: bool = False) -> np.ndarray:
    """A random crop of smooth noise, (S,S) from 0 to 1."""
    bank = textures()
    half = len(bank) // 2
    piece = bank[int(generator.integers(half)) + (half if fine else 0)]
    y, x = generator.integers(0, FACE - CANVAS, 2)
    piece = piece[y : y + CANVAS, x : x + CANVAS]
    return piece.T if generator.random() < 0.5 else piece


def _over(canvas: np.ndarray, layer: Image.Image, light: np.ndarray) -> np.ndarray:
    """Blend an RGBA layer, lit by `light` (3), over the canvas in place, within its bounding box."""
    box = layer.getbbox()
    if box is None:
        return canvas
    pixels = np.asarray(layer.crop(box))
    below = canvas[box[1] : box[3], box[0] : box[2]]
    below += (_LINEAR[pixels[..., :3]] * light - below) * (pixels[..., 3:] / np.float32(255))
    return canvas


def _background(generator: Generator, weather: Weather) -> np.ndarray:
    """A crop of a scene, out of focus: (S,S,3) in linear light."""
    number = int(generator.integers(SCENES))
    if weather.scene[0] < 0.1 and generator.random() < 0.6:
        number = number - number % 6 + 4  # lamps are visible at night
    scene = scenes()[number]
    side = generator.uniform(60, scene.width)
    left, top = generator.uniform(0, scene.width - side, 2)
    crop = scene.resize((CANVAS, CANVAS), Image.Resampling.BILINEAR, (left, top, left + side, top + side))
    if generator.random() < 0.5:
        crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    gain = np.array(weather.scene, np.float32) * generator.uniform(0.6, 1.15)
    if number % 6 == 4 and weather.scene[0] < 0.1:
        gain = gain * 12
    return see(_LINEAR[np.asarray(crop)] * gain, CANVAS, 0.8 + abs(generator.normal(0, 1.8)))


def _wear(generator: Generator, paint: np.ndarray) -> np.ndarray:
    """Weathering: paint (S,S,3) fades towards a chalky tone and gathers dirt."""
    if generator.random() < 0.35:
        chalk = np.array([0.62, 0.56, 0.52], np.float32) * generator.uniform(0.7, 1.1)
        fraction = generator.beta(1.2, 4.0) * (0.55 + 0.45 * _texture(generator))
        paint = paint + (chalk - paint) * fraction[..., None].astype(np.float32)
    if generator.random() < 0.4:
        soil = np.array([0.11, 0.09, 0.06], np.float32)
        fraction = np.clip((_texture(generator, fine=True) - generator.uniform(0.5, 0.85)) * 4, 0, 0.75)
        paint = paint + (soil - paint) * fraction[..., None]
    return paint


def _light(generator: Generator, weather: Weather) -> np.ndarray:
    """Light on the sign, (S,S,3): tint, slope, and in sunshine the shadow of leaves or of an edge."""
    angle = generator.uniform(0, 6.28)
    slope = (cos(angle) * _ACROSS + sin(angle) * _DOWN) * generator.uniform(0, 0.4)
    shade = 1 + slope
    if generator.random() < (0.5 if weather.sun else 0.1):
        if generator.random() < 0.55:
            covered = np.clip((_texture(generator) - generator.uniform(0.4, 0.65)) * 9, 0, 1)
        else:
            edge = cos(angle) * _DOWN - sin(angle) * _ACROSS - generator.uniform(-0.5, 0.5)
            covered = np.clip(edge * generator.uniform(3, 20) + 0.5, 0, 1)
        shade = shade * (1 - covered * generator.uniform(0.4, 0.78))
    tint = np.array(weather.sign, np.float32) * generator.uniform(0.7, 1.15)
    return (shade[..., None] * tint).astype(np.float32)


def _glare(generator: Generator, canvas: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """A reflection of the sun or of a lamp on the sheet."""
    x, y = generator.uniform(-0.7, 0.7, 2)
    spread, squeeze = generator.uniform(0.2, 0.5), generator.uniform(0.4, 1)
    blob = np.exp(-((_ACROSS - x) ** 2 + ((_DOWN - y) / squeeze) ** 2) / (2 * spread**2))
    colour = np.array([1.0, 0.95, 0.84]) * generator.uniform(0.15, 0.75)
    return canvas + (blob[..., None] * colour * (0.15 + 0.85 * opacity)).astype(np.float32)


def _branch(generator: Generator) -> Image.Image:
    """A twig with leaves that reaches into the picture from one side, RGBA (S,S)."""
    layer = Image.new("RGBA", (CANVAS, CANVAS), (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    greens = ((40, 66, 24), (66, 96, 34), (92, 122, 48), (30, 48, 22))
    x, y = generator.uniform(-4, CANVAS + 4), generator.choice([-4.0, -4.0, CANVAS + 4.0])
    if generator.random() < 0.5:
        x, y = y, x
    heading = float(np.arctan2(CANVAS / 2 - y, CANVAS / 2 - x) + generator.normal(0, 0.6))
    for _ in range(int(generator.integers(5, 11))):
        heading += generator.normal(0, 0.22)
        nx, ny = x + 5 * cos(heading), y + 5 * sin(heading)
        draw.line((x, y, nx, ny), fill=(60, 46, 32, 255), width=2)
        for side in (-1, 1):
            angle, size = heading + side * generator.uniform(0.4, 1.3), generator.uniform(7, 13)
            tip = (nx + size * cos(angle), ny + size * sin(angle))
            middle = ((nx + tip[0]) / 2, (ny + tip[1]) / 2)
            bulge = (-0.28 * size * sin(angle), 0.28 * size * cos(angle))
            leaf = [(nx, ny), (middle[0] + bulge[0], middle[1] + bulge[1]), tip,
                    (middle[0] - bulge[0], middle[1] - bulge[1])]  # fmt: skip
            draw.polygon(leaf, fill=(*greens[int(generator.integers(4))], 255))
        x, y = nx, ny
    return layer


def _air(generator: Generator, canvas: np.ndarray, weather: Weather) -> np.ndarray:
    """Haze between camera and sign, and drops or flakes close to the lens."""
    haze = generator.uniform(0.3, 1) * weather.haze
    veil = np.array([0.62, 0.66, 0.70], np.float32) * min(1.0, weather.scene[1])
    canvas = canvas + (veil - canvas) * np.float32(haze)
    if not (weather.rain or weather.snow):
        return canvas
    layer = Image.new("L", (CANVAS, CANVAS))
    draw = ImageDraw.Draw(layer)
    slant = generator.normal(0, 2)
    for _ in range(int(generator.integers(14, 40))):
        x, y = generator.uniform(0, CANVAS, 2)
        radius, tone = generator.uniform(0.9, 2.6), int(generator.integers(90, 235))
        if weather.snow:
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=tone)
        else:
            draw.line((x, y, x + slant, y + 9 * radius), fill=tone // 2, width=1)
    opacity = np.asarray(layer, np.float32)[..., None] / 255
    return canvas + (np.float32(0.85) * min(1.0, weather.scene[2]) - canvas) * opacity


def photograph(generator: Generator, label: int) -> np.ndarray:
    """One picture of class `label`, uint8 (H,W,3); all randomness comes from `generator`."""
    weather = WEATHERS[int(generator.choice(len(WEATHERS), p=[weather.probability for weather in WEATHERS]))]
    mishap = MISHAPS[int(generator.choice(len(MISHAPS), p=MISHAP_PROBABILITIES))]
    canvas = _background(generator, weather)
    pose = posed(generator, far=mishap == "far")
    light = _light(generator, weather)
    canvas = _over(canvas, post(generator, pose), np.array(weather.scene, np.float32) * np.float32(0.7))
    pixels = np.asarray(board(generator, label, pose))
    opacity = pixels[..., 3:] / np.float32(255)
    rim = np.roll(opacity, (1, 1 if pose[2, 0] > 0 else -1), (0, 1))  # the thickness of the plate, on its far side
    canvas *= 1 - np.float32(0.75) * rim
    canvas += (_wear(generator, _LINEAR[pixels[..., :3]]) * light - canvas) * opacity
    if generator.random() < (0.3 if weather.sun else 0.12):
        canvas = _glare(generator, canvas, opacity)
    for _ in range(4 if mishap == "hidden" else int(generator.random() < 0.16)):
        canvas = _over(canvas, _branch(generator), np.array(weather.scene, np.float32) * np.float32(0.8))
    return develop(generator, _air(generator, canvas, weather), mishap)
