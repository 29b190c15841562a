"""One photograph of a traffic sign that nobody took: 32 x 32 RGB, from scenery to grain.

Each picture is composed at three times its size in linear light (so that lamps, glare and blur behave as in
a camera), then seen through a small camera: optics, exposure, noise. Over 250 lines because the steps of one
photograph read best in a row; `photograph`, at the end, lists them.

Legend: S side of the canvas (96), H W of a picture (32).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import cos, radians, sin

import numpy as np
from PIL import Image, ImageDraw

from core.datasets._signs_drawing import FACE, FACES, SCENES, STYLES, face, scenes, textures

SIDE, CANVAS = 32, 96

Generator = np.random.Generator


@dataclass(frozen=True)
class Weather:
    """Light on the scene and on the sign (linear RGB gain), and what hangs in the air."""

    share: float
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
# One photograph in six goes wrong in one of these ways: without them a small network makes no mistakes at all.
MISHAPS = ("none", "far", "shaken", "out of focus", "dark", "hidden")
MISHAP_SHARES = (0.83, 0.05, 0.035, 0.035, 0.02, 0.03)
_LINEAR = ((np.arange(256) / 255.0) ** 2.2).astype(np.float32)
_ACROSS = ((np.arange(CANVAS, dtype=np.float32) + 0.5) / CANVAS * 2 - 1)[None, :]
_DOWN = _ACROSS.T


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


def _see(picture: np.ndarray, size: int, sigma: float, drag: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """Blur (S,S,3) by `sigma` and `drag` (down, across) canvas pixels and resample it to (size,size,3)."""
    down = _lens(size, round(sigma * 4), round(drag[0]))
    across = _lens(size, round(sigma * 4), round(drag[1]))
    return across @ (down @ picture.reshape(CANVAS, -1)).reshape(size, CANVAS, 3)


def _texture(generator: Generator, fine: bool = False) -> np.ndarray:
    """A random piece of smooth noise, (S,S) from 0 to 1."""
    bank = textures()
    half = len(bank) // 2
    piece = bank[int(generator.integers(half)) + (half if fine else 0)]
    y, x = generator.integers(0, FACE - CANVAS, 2)
    piece = piece[y : y + CANVAS, x : x + CANVAS]
    return piece.T if generator.random() < 0.5 else piece


def _over(canvas: np.ndarray, layer: Image.Image, light: np.ndarray) -> np.ndarray:
    """Lay an RGBA layer, lit by `light` (3), over the canvas, in place; only where it has something."""
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
        number = number - number % 6 + 4  # at night the lamps are seen
    scene = scenes()[number]
    side = generator.uniform(60, scene.width)
    left, top = generator.uniform(0, scene.width - side, 2)
    crop = scene.resize((CANVAS, CANVAS), Image.Resampling.BILINEAR, (left, top, left + side, top + side))
    if generator.random() < 0.5:
        crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    gain = np.array(weather.scene, np.float32) * generator.uniform(0.6, 1.15)
    if number % 6 == 4 and weather.scene[0] < 0.1:
        gain = gain * 12
    return _see(_LINEAR[np.asarray(crop)] * gain, CANVAS, 0.8 + abs(generator.normal(0, 1.8)))


def _pose(generator: Generator, far: bool) -> np.ndarray:
    """A 3 x 3 matrix from the sign's plane (-1 to 1) to canvas pixels: a pinhole camera before a tilted board."""
    radius = generator.uniform(14, 21) if far else generator.uniform(25, 45)
    turn = radians(float(np.clip(generator.normal(0, 5), -14, 14)))
    yaw = radians(float(np.clip(generator.normal(0, 25), -56, 56)))
    pitch = radians(float(np.clip(generator.normal(0, 9), -24, 24)))
    roll = np.array([[cos(turn), -sin(turn), 0], [sin(turn), cos(turn), 0], [0, 0, 1]])
    swing = np.array([[cos(yaw), 0, sin(yaw)], [0, 1, 0], [-sin(yaw), 0, cos(yaw)]])
    nod = np.array([[1, 0, 0], [0, cos(pitch), -sin(pitch)], [0, sin(pitch), cos(pitch)]])
    board = nod @ swing @ roll
    distance = generator.uniform(2.6, 6)
    room = min(max(CANVAS / 2 - radius, 0) * 0.9 + 2, 20)
    x, y = CANVAS / 2 + generator.uniform(-room, room, 2)
    focal = radius * distance
    lens = np.array([[focal, 0, x], [0, focal, y], [0, 0, 1]])
    return lens @ np.column_stack([board[:, 0], board[:, 1], [0, 0, distance]])


def _place(pose: np.ndarray, x: float, y: float) -> tuple[float, float]:
    across, down, depth = pose @ (x, y, 1.0)
    return float(across / depth), float(down / depth)


def _post(generator: Generator, pose: np.ndarray) -> Image.Image:
    """What holds the sign: a post, at times with a plate below it. RGBA (S,S)."""
    layer = Image.new("RGBA", (CANVAS, CANVAS), (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    width = generator.uniform(0.05, 0.10)
    grey = generator.uniform(70, 165)
    for step in range(6):  # a tube: brighter towards one side
        left, right = (width * (2 * edge / 6 - 1) for edge in (step, step + 1))
        tone = int(grey * (0.55 + 0.5 * sin(0.4 + step * 0.45)))
        corners = [_place(pose, x, y) for x, y in ((left, -0.7), (right, -0.7), (right, 3.2), (left, 3.2))]
        draw.polygon(corners, fill=(tone, tone, tone + 4, 255))
    if generator.random() < 0.22:
        top, half = generator.uniform(1.04, 1.15), generator.uniform(0.5, 0.85)
        plate = [(-half, top), (half, top), (half, top + 0.5), (-half, top + 0.5)]
        draw.polygon([_place(pose, x, y) for x, y in plate], fill=(225, 225, 218, 255), outline=(40, 40, 40, 255))
        lines = [_place(pose, x, top + 0.25) for x in (-half * 0.6, half * 0.6)]
        draw.line(lines, fill=(40, 40, 40, 255), width=4)
    return layer


def _stick(generator: Generator, sign: Image.Image) -> Image.Image:
    """A copy of the face with stickers or a scribble on it."""
    sign = sign.copy()
    layer = Image.new("RGBA", sign.size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    for _ in range(int(generator.integers(1, 4))):
        x, y = generator.uniform(24, 104, 2)
        colour = tuple(int(value) for value in generator.integers(20, 245, 3))
        if generator.random() < 0.35:
            steps = np.array([x, y]) + generator.normal(0, 11, (7, 2)).cumsum(0)
            draw.line([(float(a), float(b)) for a, b in steps], fill=(*colour, 255), width=4, joint="curve")
            continue
        half = generator.uniform(5, 12, 2)
        turn = generator.uniform(0, 1.6)
        corners = [(a * half[0], b * half[1]) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        draw.polygon([(x + a * cos(turn) - b * sin(turn), y + a * sin(turn) + b * cos(turn)) for a, b in corners],
                     fill=(*colour, 255), outline=(235, 235, 230, 255))  # fmt: skip
    layer.putalpha(Image.fromarray(np.minimum(np.asarray(layer)[..., 3], np.asarray(sign)[..., 3])))
    sign.alpha_composite(layer)
    return sign


def _board(generator: Generator, label: int, pose: np.ndarray) -> Image.Image:
    """The sign's face as the camera sees it, RGBA (S,S)."""
    style = int(generator.choice(STYLES, p=(0.5, 0.33, 0.17)))
    sign = face(tuple(FACES)[label], style)
    if generator.random() < 0.13:
        sign = _stick(generator, sign)
    to_face = np.array([[FACE / 2, 0, FACE / 2], [0, FACE / 2, FACE / 2], [0, 0, 1]]) @ np.linalg.inv(pose)
    numbers = (to_face / to_face[2, 2]).ravel()[:8].tolist()
    return sign.transform((CANVAS, CANVAS), Image.Transform.PERSPECTIVE, numbers, Image.Resampling.BICUBIC)


def _wear(generator: Generator, paint: np.ndarray) -> np.ndarray:
    """Years outdoors: paint (S,S,3) fades towards a chalky tone, then dirt gathers."""
    if generator.random() < 0.35:
        chalk = np.array([0.62, 0.56, 0.52], np.float32) * generator.uniform(0.7, 1.1)
        share = generator.beta(1.2, 4.0) * (0.55 + 0.45 * _texture(generator))
        paint = paint + (chalk - paint) * share[..., None].astype(np.float32)
    if generator.random() < 0.4:
        soil = np.array([0.11, 0.09, 0.06], np.float32)
        share = np.clip((_texture(generator, fine=True) - generator.uniform(0.5, 0.85)) * 4, 0, 0.75)
        paint = paint + (soil - paint) * share[..., None]
    return paint


def _light(generator: Generator, weather: Weather) -> np.ndarray:
    """Light that falls on the sign, (S,S,3): tint, slope, and for sun the shadow of leaves or of an edge."""
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
    """A twig with leaves that hangs into the picture from a side, RGBA (S,S)."""
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
    """Haze between camera and sign, then drops or flakes close to the lens."""
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
    share = np.asarray(layer, np.float32)[..., None] / 255
    return canvas + (np.float32(0.85) * min(1.0, weather.scene[2]) - canvas) * share


def _develop(generator: Generator, canvas: np.ndarray, mishap: str) -> np.ndarray:
    """Lens, exposure, colour balance, noise and the camera's own sharpening: uint8 (H,W,3)."""
    drag = np.abs(generator.normal(0, 4.5, 2)) * (generator.random(2) < 0.15)
    if mishap == "shaken":
        drag[generator.integers(2)] += generator.uniform(9, 17)
    focus = generator.uniform(3.6, 5.4) if mishap == "out of focus" else min(generator.gamma(1.7, 0.55), 2.9)
    picture = _see(canvas, SIDE, float(focus), (float(drag[0]), float(drag[1])))
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


def photograph(generator: Generator, label: int) -> np.ndarray:
    """One picture of class `label`, uint8 (H,W,3); all chance comes from `generator`."""
    weather = WEATHERS[int(generator.choice(len(WEATHERS), p=[weather.share for weather in WEATHERS]))]
    mishap = MISHAPS[int(generator.choice(len(MISHAPS), p=MISHAP_SHARES))]
    canvas = _background(generator, weather)
    pose = _pose(generator, far=mishap == "far")
    light = _light(generator, weather)
    canvas = _over(canvas, _post(generator, pose), np.array(weather.scene, np.float32) * np.float32(0.7))
    pixels = np.asarray(_board(generator, label, pose))
    opacity = pixels[..., 3:] / np.float32(255)
    rim = np.roll(opacity, (1, 1 if pose[2, 0] > 0 else -1), (0, 1))  # the plate's thickness, on its far side
    canvas *= 1 - np.float32(0.75) * rim
    canvas += (_wear(generator, _LINEAR[pixels[..., :3]]) * light - canvas) * opacity
    if generator.random() < (0.3 if weather.sun else 0.12):
        canvas = _glare(generator, canvas, opacity)
    for _ in range(4 if mishap == "hidden" else int(generator.random() < 0.16)):
        canvas = _over(canvas, _branch(generator), np.array(weather.scene, np.float32) * np.float32(0.8))
    return _develop(generator, _air(generator, canvas, weather), mishap)
