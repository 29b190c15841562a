"""One sign of the data set `signs` in front of the camera: its pose, its post, and its face in perspective.

Legend: S side of the canvas (96).
"""

from math import cos, radians, sin

import numpy as np
from PIL import Image, ImageDraw

from core.datasets.signs.camera import CANVAS, Generator
from core.datasets.signs.faces import FACE, FACES, STYLES, face


def posed(generator: Generator, far: bool) -> np.ndarray:
    """A 3 x 3 matrix from the sign's plane (-1 to 1) to canvas pixels: a pinhole camera in front of a tilted board."""
    radius = generator.uniform(14, 21) if far else generator.uniform(25, 45)
    turn = radians(float(np.clip(generator.normal(0, 5), -14, 14)))
    yaw = radians(float(np.clip(generator.normal(0, 25), -56, 56)))
    pitch = radians(float(np.clip(generator.normal(0, 9), -24, 24)))
    roll = np.array([[cos(turn), -sin(turn), 0], [sin(turn), cos(turn), 0], [0, 0, 1]])
    swing = np.array([[cos(yaw), 0, sin(yaw)], [0, 1, 0], [-sin(yaw), 0, cos(yaw)]])
    nod = np.array([[1, 0, 0], [0, cos(pitch), -sin(pitch)], [0, sin(pitch), cos(pitch)]])
    tilt = nod @ swing @ roll
    distance = generator.uniform(2.6, 6)
    room = min(max(CANVAS / 2 - radius, 0) * 0.9 + 2, 20)
    x, y = CANVAS / 2 + generator.uniform(-room, room, 2)
    focal = radius * distance
    lens = np.array([[focal, 0, x], [0, focal, y], [0, 0, 1]])
    return lens @ np.column_stack([tilt[:, 0], tilt[:, 1], [0, 0, distance]])


def _place(pose: np.ndarray, x: float, y: float) -> tuple[float, float]:
    across, down, depth = pose @ (x, y, 1.0)
    return float(across / depth), float(down / depth)


def post(generator: Generator, pose: np.ndarray) -> Image.Image:
    """The post of the sign, sometimes with a plate below it, RGBA (S,S)."""
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


def board(generator: Generator, label: int, pose: np.ndarray) -> Image.Image:
    """The sign's face as the camera sees it, RGBA (S,S)."""
    style = int(generator.choice(STYLES, p=(0.5, 0.33, 0.17)))
    sign = face(tuple(FACES)[label], style)
    if generator.random() < 0.13:
        sign = _stick(generator, sign)
    to_face = np.array([[FACE / 2, 0, FACE / 2], [0, FACE / 2, FACE / 2], [0, 0, 1]]) @ np.linalg.inv(pose)
    numbers = (to_face / to_face[2, 2]).ravel()[:8].tolist()
    return sign.transform((CANVAS, CANVAS), Image.Transform.PERSPECTIVE, numbers, Image.Resampling.BICUBIC)
