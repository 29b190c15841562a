"""One drawn photograph of a traffic sign: 96 x 96 RGB, from scenery to grain.

Each picture is composed at one and a half times its size in linear light, so that lamps, glare and blur behave as in a
camera; then lens, exposure and noise of a small camera are applied. `photograph`, at the end, lists the steps.

Legend: S side of the canvas (144), h w of a box on it, H W of a picture (96). Light is float32 (3,S,S), colour by
colour, which numpy computes several times faster than pixel by pixel.
"""

from dataclasses import dataclass
from math import cos, sin

import numpy as np
from PIL import Image, ImageDraw

from core.datasets.signs.board import board, posed, post
from core.datasets.signs.camera import CANVAS, develop, see
from core.datasets.signs.scenery import KINDS, NIGHT, SCENES, scene
from core.datasets.signs.textures import COARSE, SIZE, Generator, bordered, coarse, drawn, mat
from core.datasets.signs.weathering import linear


@dataclass(frozen=True)
class Weather:
    """Light on the scene and on the sign (linear RGB gain), haze, and rain or snow."""

    probability: float
    scene: tuple[float, float, float]
    sign: tuple[float, float, float]
    haze: float = 0.04
    rain: bool = False
    snow: bool = False
    sun: bool = False


WEATHERS = (
    Weather(0.36, (1.0, 1.0, 1.0), (1.0, 1.0, 1.0), sun=True),
    Weather(0.20, (0.80, 0.84, 0.90), (0.66, 0.70, 0.76), haze=0.07),  # overcast
    Weather(0.10, (1.03, 0.90, 0.74), (1.06, 0.86, 0.62), sun=True),  # low sun
    Weather(0.07, (1.5, 1.5, 1.5), (0.34, 0.38, 0.44), haze=0.1),  # against the light
    Weather(0.06, (0.20, 0.24, 0.36), (0.30, 0.32, 0.40)),  # dusk
    Weather(0.06, (0.05, 0.05, 0.06), (0.85, 0.78, 0.62)),  # night, head lamps on the sign
    Weather(0.04, (0.75, 0.77, 0.80), (0.65, 0.67, 0.70), haze=0.5),  # fog
    Weather(0.05, (0.50, 0.55, 0.60), (0.48, 0.52, 0.56), haze=0.2, rain=True),
    Weather(0.06, (0.80, 0.84, 0.92), (0.60, 0.64, 0.70), haze=0.2, snow=True),
)
_PROBABILITIES = tuple(weather.probability for weather in WEATHERS)
# One photograph in eight has one of these flaws; without them even a small network makes no mistakes.
MISHAPS = ("none", "far", "shaken", "out of focus", "dark", "hidden")
MISHAP_PROBABILITIES = (0.88, 0.05, 0.015, 0.02, 0.015, 0.02)
_ACROSS = ((np.arange(CANVAS, dtype=np.float32) + 0.5) / CANVAS * 2 - 1)[None, :]
_DOWN = _ACROSS.T


def _texture(generator: Generator) -> np.ndarray:
    """A random crop of smooth noise, (S,S) from 0 to 1."""
    y, x = generator.integers(0, SIZE - CANVAS, 2)
    piece = coarse()[int(generator.integers(COARSE)), y : y + CANVAS, x : x + CANVAS]
    return piece.T if generator.random() < 0.5 else piece


def _over(canvas: np.ndarray, layer: Image.Image, weather: Weather, gain: float) -> None:
    """Blend an RGBA layer, in the light of the scene times `gain`, over the canvas in place."""
    box = layer.getbbox()
    if box is None:
        return
    pixels = np.asarray(layer.crop(box))
    below = canvas[:, box[1] : box[3], box[0] : box[2]]
    colours = linear(pixels[..., :3])
    colours *= (np.array(weather.scene, np.float32) * np.float32(gain))[:, None, None]
    colours -= below
    colours *= pixels[..., 3] / np.float32(255)
    below += colours


def _background(generator: Generator, weather: Weather) -> np.ndarray:
    """A crop of a scene, sometimes out of focus: (3,S,S) in linear light."""
    number = int(generator.integers(SCENES))
    night = weather.scene[0] < 0.1
    if night and generator.random() < 0.6:
        number = number - number % len(KINDS) + NIGHT  # lamps are visible at night
    full = scene(number)
    side = generator.uniform(0.75 * CANVAS, 1.7 * CANVAS)
    left, top = generator.uniform(0, full.width - side, 2)
    crop = full.resize((CANVAS, CANVAS), Image.Resampling.BICUBIC, (left, top, left + side, top + side))
    if generator.random() < 0.5:
        crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    gain = np.array(weather.scene, np.float32) * np.float32(generator.uniform(0.6, 1.15))
    if night and number % len(KINDS) == NIGHT:
        gain = gain * 12
    picture = linear(np.asarray(crop))
    picture *= gain[:, None, None]
    return see(picture, CANVAS, generator.gamma(1.5, 0.9)) if generator.random() < 0.35 else picture


def _light(generator: Generator, weather: Weather, box: tuple[slice, slice]) -> np.ndarray:
    """Light on the sign, (3,h,w): tint, slope, and in sunshine the shadow of leaves or of an edge."""
    across, down = _ACROSS[:, box[1]], _DOWN[box[0]]
    angle = generator.uniform(0, 6.28)
    slope = (cos(angle) * across + sin(angle) * down) * generator.uniform(0, 0.4)
    shade = 1 + slope
    if generator.random() < (0.5 if weather.sun else 0.1):
        if generator.random() < 0.55:  # leaves, whose shadow is soft since the sun is not a point
            leaves = mat(0)[0][:CANVAS, :CANVAS][box] * 0.25 + _texture(generator)[box]
            covered = np.clip((leaves - generator.uniform(0.45, 0.75)) * 7, 0, 1)
        else:
            edge = cos(angle) * down - sin(angle) * across - generator.uniform(-0.5, 0.5)
            covered = np.clip(edge * generator.uniform(6, 60) + 0.5, 0, 1)
        shade = shade * (1 - covered * generator.uniform(0.4, 0.78))
    tint = np.array(weather.sign, np.float32) * generator.uniform(0.7, 1.15)
    return shade * tint[:, None, None]


def _glare(generator: Generator, canvas: np.ndarray, opacity: np.ndarray, box: tuple[slice, slice]) -> None:
    """A reflection of the sun or of a lamp on the sheet, whose opacity is (h,w), added to the canvas in place."""
    x, y = generator.uniform(-0.7, 0.7, 2)
    spread, squeeze = generator.uniform(0.2, 0.5), generator.uniform(0.4, 1)
    blob = np.exp(-((_ACROSS - x) ** 2 + ((_DOWN - y) / squeeze) ** 2) / (2 * spread**2))
    colour = np.array([1.0, 0.95, 0.84]) * generator.uniform(0.15, 0.75)
    seen = np.full((CANVAS, CANVAS), 0.15, np.float32)
    seen[box] = 0.15 + 0.85 * opacity
    for plane, tone in zip(canvas, colour, strict=True):
        plane += (blob * tone * seen).astype(np.float32)


def _branch(generator: Generator) -> Image.Image:
    """A twig with leaves that reaches into the picture from one side, RGBA (S,S)."""
    layer = Image.new("RGBA", (CANVAS, CANVAS), (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    greens = np.array(((40, 66, 24), (78, 108, 40), (104, 136, 56), (30, 48, 22), (128, 146, 74)))
    x, y = generator.uniform(-6, CANVAS + 6), generator.choice([-6.0, -6.0, CANVAS + 6.0])
    if generator.random() < 0.5:
        x, y = y, x
    heading = float(np.arctan2(CANVAS / 2 - y, CANVAS / 2 - x) + generator.normal(0, 0.6))
    for _ in range(int(generator.integers(4, 9))):
        heading += generator.normal(0, 0.22)
        nx, ny = x + 7 * cos(heading), y + 7 * sin(heading)
        draw.line((x, y, nx, ny), fill=(60, 46, 32, 255), width=2)
        for side in (-1, 1):
            _leaf(draw, nx, ny, heading + side * generator.uniform(0.3, 1.4), generator.uniform(7, 20),
                  greens[generator.integers(5)] * generator.uniform(0.6, 1.2))  # fmt: skip
        x, y = nx, ny
    return layer


def _leaf(draw: ImageDraw.ImageDraw, x: float, y: float, angle: float, size: float, colour: np.ndarray) -> None:
    """A leaf from its stalk at (x, y): one half lighter than the other, with a rib between them."""
    outline = ((0.2, 0.17), (0.45, 0.27), (0.75, 0.17))
    tip = (x + size * cos(angle), y + size * sin(angle))
    for side, light in ((1, 1.1), (-1, 0.82)):
        half = [
            (x + along * cos(angle) - across * sin(angle), y + along * sin(angle) + across * cos(angle))
            for along, across in ((size * a, size * side * b) for a, b in outline)
        ]
        draw.polygon([(x, y), *half, tip], fill=(*(int(v) for v in colour * light), 255))
    draw.line((x, y, *tip), fill=(*(int(v) for v in colour * 1.35), 255), width=1)


def _air(generator: Generator, canvas: np.ndarray, weather: Weather) -> None:
    """Haze between camera and sign, and drops or flakes close to the lens, on the canvas in place."""
    haze = generator.uniform(0.3, 1) * weather.haze
    veil = np.array([0.62, 0.66, 0.70], np.float32) * min(1.0, weather.scene[1])
    canvas *= np.float32(1 - haze)
    canvas += (veil * np.float32(haze))[:, None, None]
    if not (weather.rain or weather.snow):
        return
    layer = Image.new("L", (CANVAS, CANVAS))
    draw = ImageDraw.Draw(layer)
    slant = generator.normal(0, 2)
    for _ in range(int(generator.integers(14, 40))):
        x, y = generator.uniform(0, CANVAS, 2)
        radius, tone = generator.uniform(0.9, 2), int(generator.integers(90, 235))
        if weather.snow:
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=tone)
        else:
            draw.line((x, y, x + slant, y + 14 * radius), fill=tone // 2, width=1)
    canvas += (np.float32(0.85) * min(1.0, weather.scene[2]) - canvas) * (np.asarray(layer, np.float32) / 255)


def _edges(opacity: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """The thickness of a sheet, on its left (-1) or right (1) side, and its border to the light, both (h,w)."""
    wide = bordered(opacity, 2, "edge")
    lower_right, upper_left = wide[:-4, :-4], wide[4:, 4:]
    return lower_right if side > 0 else wide[:-4, 4:], lower_right - upper_left


def _mounted(
    generator: Generator, canvas: np.ndarray, label: int, pose: np.ndarray, weather: Weather
) -> tuple[np.ndarray, tuple[slice, slice]]:
    """Hang the sign in front of the canvas, in place, in its own light; returns its opacity (h,w) and its box."""
    layer, left, top = board(generator, label, pose)
    pixels = np.asarray(layer)
    box = np.s_[top : top + layer.height, left : left + layer.width]
    part, light = canvas[:, *box], _light(generator, weather, box)
    opacity = pixels[..., 3] * np.float32(1 / 255)
    thickness, edge = _edges(opacity, 1 if pose[2, 0] > 0 else -1)
    part *= 1 - np.float32(0.75) * thickness
    light *= 1 - np.float32(generator.uniform(0, 0.3)) * edge
    light *= linear(pixels[..., :3])
    light -= part
    light *= opacity
    part += light
    return opacity, box


def photograph(generator: Generator, label: int) -> np.ndarray:
    """One picture of class `label`, uint8 (H,W,3); all randomness comes from `generator`."""
    weather = WEATHERS[drawn(generator, _PROBABILITIES)]
    mishap = MISHAPS[drawn(generator, MISHAP_PROBABILITIES)]
    canvas = _background(generator, weather)
    pose = posed(generator, far=mishap == "far")
    _over(canvas, post(generator, pose), weather, 0.7)
    opacity, box = _mounted(generator, canvas, label, pose, weather)
    if generator.random() < (0.3 if weather.sun else 0.12):
        _glare(generator, canvas, opacity, box)
    for _ in range(4 if mishap == "hidden" else int(generator.random() < 0.14)):
        _over(canvas, _branch(generator), weather, 0.8)
    _air(generator, canvas, weather)
    return develop(generator, canvas, mishap)
