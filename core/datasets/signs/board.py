"""One sign of the data set `signs` in front of the camera: its pose, its post, and its face in perspective.

Legend: S side of the canvas (144).
"""

from collections.abc import Sequence
from math import cos, radians, sin

import numpy as np
from PIL import Image, ImageDraw

from core.datasets.signs.camera import CANVAS
from core.datasets.signs.faces import FACES, face
from core.datasets.signs.pen import FACE
from core.datasets.signs.textures import Generator, drawn
from core.datasets.signs.weathering import weathered

_STYLE_SHARES = (0.5, 0.33, 0.17)
_STRIPES = 10  # of a post, each with a tone of its own


def posed(generator: Generator, *, far: bool) -> np.ndarray:
    """A 3 x 3 matrix from the sign's plane (-1 to 1) to canvas pixels: a pinhole camera in front of a tilted board."""
    radius = generator.uniform(21, 32) if far else generator.uniform(36, 68)
    turn = radians(min(max(generator.normal(0, 4), -12), 12))
    yaw = radians(min(max(generator.normal(0, 25), -56), 56))
    pitch = radians(min(max(generator.normal(0, 9), -24), 24))
    roll = np.array([[cos(turn), -sin(turn), 0], [sin(turn), cos(turn), 0], [0, 0, 1]])
    swing = np.array([[cos(yaw), 0, sin(yaw)], [0, 1, 0], [-sin(yaw), 0, cos(yaw)]])
    nod = np.array([[1, 0, 0], [0, cos(pitch), -sin(pitch)], [0, sin(pitch), cos(pitch)]])
    tilt = nod @ swing @ roll
    distance = generator.uniform(2.6, 6)
    room = min(max(CANVAS / 2 - radius, 0) * 0.9 + 3, 30)
    x, y = CANVAS / 2 + generator.uniform(-room, room, 2)
    focal = radius * distance
    lens = np.array([[focal, 0, x], [0, focal, y], [0, 0, 1]])
    return lens @ np.column_stack([tilt[:, 0], tilt[:, 1], [0, 0, distance]])


def _places(pose: np.ndarray, points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Canvas pixels of points of the sign's plane."""
    seen = np.matmul(pose, [((x,), (y,), (1.0,)) for x, y in points])  # one product a point, which rounds alike
    return [(across / depth, down / depth) for (across,), (down,), (depth,) in seen.tolist()]


def _tube(generator: Generator, draw: ImageDraw.ImageDraw, pose: np.ndarray, x: float, width: float) -> None:
    """A post of galvanised steel, paint or wood: brighter towards one side, with bands that hold the sign."""
    grey, top = generator.uniform(70, 175), (-0.7, -0.7, -0.7, -1.3, -3.0)[generator.integers(5)]
    warm, side = (0, 0, 0, 18)[generator.integers(4)], (-1, 1)[generator.integers(2)]
    edges = [x + width * (2 * edge / _STRIPES - 1) for step in range(_STRIPES) for edge in (step, step + 1.1)]
    upper = _places(pose, [(edge, top) for edge in edges])
    lower = _places(pose, [(edge, 3.2) for edge in edges])
    for step in range(_STRIPES):
        tone = grey * (0.5 + 0.55 * sin(0.4 + (step if side > 0 else 9 - step) * 0.29)) + generator.normal(0, 3)
        corners = [*upper[2 * step : 2 * step + 2], *lower[2 * step : 2 * step + 2][::-1]]
        draw.polygon(corners, fill=(int(tone + warm), int(tone + warm / 3), int(tone + 3 - warm), 255))
    for y in (0.55, 1.0, 1.9)[: int(generator.integers(0, 4))]:
        left, right = x - width * 1.15, x + width * 1.15
        band = [(left, y), (right, y), (right, y + 0.05), (left, y + 0.05)]
        draw.polygon(_places(pose, band), fill=(int(grey * 0.6),) * 3 + (255,))


def _plate(generator: Generator, draw: ImageDraw.ImageDraw, pose: np.ndarray) -> None:
    """A second plate below the sign with a line of writing."""
    top, half, high = generator.uniform(1.04, 1.15), generator.uniform(0.5, 0.85), generator.uniform(0.3, 0.6)
    corners = _places(pose, ((-half, top), (half, top), (half, top + high), (-half, top + high)))
    pale = int(generator.integers(190, 236))
    draw.polygon(corners, fill=(pale, pale, pale - 8, 255), outline=(40, 40, 40, 255))
    wide = 0.16 * high
    for x in np.arange(-half * 0.75, half * 0.7, 3.2 * wide):
        for _ in range(3):
            ends = [(x + generator.uniform(0, 2) * wide, top + high * generator.uniform(0.25, 0.75)) for _ in range(2)]
            width = max(1, round(abs(pose[0, 0] / pose[2, 2]) * wide * 0.5))
            draw.line(_places(pose, ends), fill=(36, 36, 38, 255), width=width)


def post(generator: Generator, pose: np.ndarray) -> Image.Image:
    """The post of the sign, sometimes two, sometimes with a plate below the sign, RGBA (S,S)."""
    layer = Image.new("RGBA", (CANVAS, CANVAS), (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    kind = generator.random()
    width = generator.uniform(0.15, 0.26) if kind < 0.12 else generator.uniform(0.05, 0.10)
    for x in (-0.5, 0.5) if kind > 0.92 else (0.0,):
        _tube(generator, draw, pose, x, width)
    if generator.random() < 0.22:
        _plate(generator, draw, pose)
    return layer


def board(generator: Generator, label: int, pose: np.ndarray) -> tuple[Image.Image, int, int]:
    """The sign's face as the camera sees it, RGBA, and where its left and upper borders lie on the canvas."""
    style = drawn(generator, _STYLE_SHARES)
    sign = weathered(generator, face(tuple(FACES)[label], style))
    size = FACE
    if pose[0, 0] / pose[2, 2] < 32:  # a small sign: average its pixels first
        sign, size = sign.reduce(2), FACE // 2
    corners = np.array(_places(pose, ((-1, -1), (-1, 1), (1, -1), (1, 1))))
    left, top = np.clip(corners.min(0).astype(int) - 4, 0, CANVAS - 8)
    right, bottom = np.clip(corners.max(0).astype(int) + 5, 8, CANVAS)
    origin = np.array([[1, 0, left], [0, 1, top], [0, 0, 1]])
    to_face = np.array([[size / 2, 0, size / 2], [0, size / 2, size / 2], [0, 0, 1]]) @ np.linalg.inv(pose) @ origin
    numbers = (to_face / to_face[2, 2]).ravel()[:8].tolist()
    box = (int(right - left), int(bottom - top))
    return sign.transform(box, Image.Transform.PERSPECTIVE, numbers, Image.Resampling.BILINEAR), int(left), int(top)
