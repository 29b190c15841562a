"""The wear of a sign of the data set `signs`: sheet, fading, dirt, rust, scratches, stickers, bolts.

The sign is changed as seen from the front, before `board.py` turns it. F side of a face (144).
"""

from math import cos, sin

import numpy as np
from PIL import Image, ImageDraw

from core.datasets.signs.camera import screen
from core.datasets.signs.pen import FACE
from core.datasets.signs.textures import COARSE, FINE, SHEETS, SIZE, STREAKS, Generator, coarse, fine, sheets, streaks

_CHALK = np.array([0.60, 0.56, 0.52], np.float32)
_SOIL = np.array([0.10, 0.085, 0.06], np.float32)
_RUST = np.array([0.20, 0.075, 0.03], np.float32)
_MOSS = np.array([0.07, 0.10, 0.035], np.float32)


def linear(pixels: np.ndarray) -> np.ndarray:
    """Light of uint8 (H,W,3), 0 to 1, as (3,H,W); the encoding is a square root, close to that of screens."""
    light = np.multiply(pixels.transpose(2, 0, 1), np.float32(1 / 255), order="C")
    light *= light
    return light


def _pick(generator: Generator, bank: np.ndarray, count: int) -> np.ndarray:
    """A crop of one of `count` textures (N,SIZE,SIZE), mirrored by chance, (F,F)."""
    x = int(generator.integers(SIZE - FACE))
    found = bank[int(generator.integers(count)), :FACE, x : x + FACE]
    return found[:, ::-1] if generator.random() < 0.5 else found


def _towards(paint: np.ndarray, colour: np.ndarray, fraction: np.ndarray) -> None:
    """Change paint (3,H,W) in place towards a colour, by a fraction (H,W)."""
    for plane, tone in zip(paint, colour, strict=True):
        plane += (tone - plane) * fraction


def _letters(generator: Generator, draw: ImageDraw.ImageDraw, x: float, y: float, size: float, tone: int) -> None:
    """A line of writing too small to read."""
    for number in range(int(generator.integers(3, 7))):
        left = x + number * size * 0.7
        for _ in range(3):
            ends = generator.uniform(0, size * 0.5, 4)
            draw.line((left + ends[0], y + 2 * ends[1], left + ends[2], y + 2 * ends[3]), fill=(tone,) * 3, width=2)


def _stickers(generator: Generator, image: Image.Image) -> None:
    """Stickers with print on them, or a scribble, drawn onto the face in place."""
    draw = ImageDraw.Draw(image)
    for _ in range(int(generator.integers(1, 4))):
        x, y = generator.uniform(0.2 * FACE, 0.8 * FACE, 2)
        colour = tuple(int(value) for value in generator.integers(15, 245, 3))
        if generator.random() < 0.35:
            steps = np.array([x, y]) + generator.normal(0, 10, (12, 2)).cumsum(0)
            width = int(generator.integers(2, 6))
            draw.line([(float(a), float(b)) for a, b in steps], fill=colour, width=width, joint="curve")
            continue
        half = generator.uniform(5, 14, 2)
        turn = generator.uniform(0, 1.6)
        corners = [(a * half[0], b * half[1]) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        draw.polygon([(x + a * cos(turn) - b * sin(turn), y + a * sin(turn) + b * cos(turn)) for a, b in corners],
                     fill=colour, outline=(226, 226, 220), width=int(generator.integers(0, 3)))  # fmt: skip
        _letters(generator, draw, x - 0.6 * half[0], y - 0.4 * half[1], half[1] * 0.6, int(generator.integers(0, 240)))


def _scratches(generator: Generator, image: Image.Image) -> None:
    draw = ImageDraw.Draw(image)
    for _ in range(int(generator.integers(1, 9))):
        x, y = generator.uniform(0, FACE, 2)
        angle, length = generator.uniform(0, 6.28), generator.gamma(2, 10)
        tone = int(generator.choice((70, 150, 215)))
        draw.line((x, y, x + length * cos(angle), y + length * sin(angle)), fill=(tone, tone, tone - 6), width=1)


def _bolts(generator: Generator, image: Image.Image) -> list[tuple[int, int]]:
    """Heads of bolts with a light and a dark side, drawn onto the face in place; returns where they are (x, y)."""
    draw = ImageDraw.Draw(image)
    x, apart, size = FACE // 2, int(FACE * generator.uniform(0.16, 0.28)), generator.uniform(1.7, 2.9)
    places = [(x, FACE // 2 - apart), (x, FACE // 2 + apart)]
    for across, down in places:
        for shift, tone in ((1.0, 40), (-0.5, 225), (0.2, 150)):
            draw.ellipse((across - size + shift, down - size + shift, across + size + shift, down + size + shift),
                         fill=(tone, tone, tone))  # fmt: skip
    return places


def _dirt(generator: Generator, paint: np.ndarray) -> None:
    """Dust, streaks below the upper edge, moss at the lower edge, on paint (3,F,F) in place."""
    down = np.linspace(0, 1, FACE, dtype=np.float32)[:, None]
    if generator.random() < 0.5:
        dust = np.clip((_pick(generator, fine(), FINE) - generator.uniform(0.45, 0.8)) * 3, 0, 0.8)
        _towards(paint, _SOIL, dust * np.float32(generator.uniform(0.3, 1)))
    if generator.random() < 0.45:
        start = generator.uniform(-0.2, 0.4)
        fall = np.clip(1.1 - np.abs(down - start) * generator.uniform(0.8, 2), 0, 1) * (down > start)
        _towards(paint, _SOIL, _pick(generator, streaks(), STREAKS) * fall * np.float32(generator.uniform(0.4, 1)))
    if generator.random() < 0.12:
        moss = np.clip(_pick(generator, fine(), FINE) + (down - 1.15) * generator.uniform(1, 2), 0, 0.9)
        _towards(paint, _MOSS, moss)


def _rust(generator: Generator, paint: np.ndarray, places: list[tuple[int, int]]) -> None:
    """Rust below the bolts, whose `places` are (x, y), and where the sheet has come off, on paint (3,F,F) in place."""
    texture = _pick(generator, streaks(), STREAKS)
    for x, y in places:
        half, long = int(generator.integers(2, 6)), int(generator.integers(10, 32))
        box = np.s_[y : y + long, x - half : x + half]
        fall = np.linspace(0.9, 0, long, dtype=np.float32)[:, None] * np.hanning(2 * half + 2)[1:-1].astype(np.float32)
        _towards(paint[:, *box], _RUST, np.clip(fall * (0.3 + texture[box]), 0, 0.9))
    if generator.random() < 0.4:
        chips = np.clip((_pick(generator, fine(), FINE) - generator.uniform(0.8, 0.95)) * 30, 0, 1)
        _towards(paint, _RUST + np.float32(generator.uniform(0, 0.3)), chips)


def weathered(generator: Generator, sign: Image.Image) -> Image.Image:
    """The clean face (RGBA, F x F) with wear; its outline stays."""
    image = sign.convert("RGB")
    age = generator.random()
    if generator.random() < 0.2:
        _stickers(generator, image)
    if generator.random() < 0.5 * age + 0.1:
        _scratches(generator, image)
    places = _bolts(generator, image) if generator.random() < 0.4 else []
    paint = linear(np.asarray(image))
    if age > 0.5:
        fraction = generator.beta(1.2, 4.0) * (0.55 + 0.45 * _pick(generator, coarse(), COARSE))
        _towards(paint, _CHALK * np.float32(generator.uniform(0.7, 1.1)), fraction.astype(np.float32))
    if age > 0.2:
        _dirt(generator, paint)
    if age > 0.6:
        _rust(generator, paint, places)
    sheet = _pick(generator, sheets(), SHEETS) * np.float32(generator.uniform(0.005, 0.04))
    sheet += (_pick(generator, fine(), FINE) - np.float32(0.5)) * np.float32(generator.uniform(0.05, 0.25))
    paint *= 1 + sheet
    return Image.merge("RGBA", (*screen(np.sqrt(np.maximum(paint, 0, out=paint), out=paint)), sign.getchannel("A")))
