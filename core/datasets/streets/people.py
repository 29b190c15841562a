"""People on foot and on bicycles: thick lines with round joints. Lengths are in metres."""

from collections.abc import Callable, Sequence
from math import cos, pi, sin

import numpy as np

from core.datasets.streets.canvas import (
    BICYCLIST,
    NEAR,
    PAINTS,
    PEDESTRIAN,
    RUBBER,
    Canvas,
    Colour,
    Generator,
    Point,
    dim,
)  # fmt: skip

CLOTHES: tuple[Colour, ...] = (
    (0.14, 0.14, 0.17), (0.20, 0.26, 0.42), (0.55, 0.14, 0.14), (0.80, 0.78, 0.74), (0.30, 0.34, 0.26),
    (0.72, 0.52, 0.20), (0.44, 0.44, 0.46), (0.24, 0.44, 0.50), (0.62, 0.34, 0.46), (0.88, 0.84, 0.22),
)  # fmt: skip
SKINS: tuple[Colour, ...] = ((0.86, 0.68, 0.56), (0.72, 0.52, 0.40), (0.46, 0.32, 0.24), (0.32, 0.22, 0.17))
HAIRS: tuple[Colour, ...] = ((0.12, 0.09, 0.07), (0.34, 0.24, 0.14), (0.55, 0.50, 0.44), (0.62, 0.48, 0.24))
Limb = Callable[[Sequence[Point], float, Colour], None]
"""Draws a line through points, given its width and its colour; lengths in metres or in heights of a person."""


def _tone(generator: Generator, palette: Sequence[Colour]) -> Colour:
    """A colour of the palette, a little lighter or darker."""
    red, green, blue = (
        float(np.clip(c * generator.uniform(0.8, 1.15), 0, 1)) for c in palette[int(generator.integers(len(palette)))]
    )
    return red, green, blue


def person(canvas: Canvas, generator: Generator, x: float, z: float, tall: float) -> None:
    """A person who walks or stands at (x, z)."""
    if z < NEAR + 0.5:
        return
    scale, (left, ground) = canvas.camera.scale(z), canvas.camera((x, 0, z))
    unit = scale * tall
    light = canvas.lit((0, 0, -1)) * 1.05
    coat, legs, skin = (dim(_tone(generator, palette), light) for palette in (CLOTHES, CLOTHES, SKINS))
    hair = dim(HAIRS[generator.integers(4)], light)
    sideways, stride = generator.random() < 0.5, generator.uniform(-1, 1)
    length = generator.uniform(0.42, 0.56)
    radius = 0.16 * unit
    canvas.darken(
        [(left + radius * 1.3 * cos(a), ground + radius * 0.4 * sin(a)) for a in np.linspace(0, 2 * pi, 10)], 0.45, 2
    )

    def p(dx: float, y: float) -> Point:
        return left + dx * unit, ground - y * unit

    def limb(points: Sequence[Point], width: float, colour: Colour) -> None:
        canvas.limb([p(*point) for point in points], width * unit, colour, z, PEDESTRIAN)

    narrow = 0.75 if sideways else 1.0
    _legs(limb, legs, sideways=sideways, stride=stride, narrow=narrow)
    arm = generator.uniform(-1, 1) * (0.12 if sideways else 0.03)
    limb([(0.09 * narrow, 0.78), (0.11 * narrow - arm * 0.5, 0.62), (0.10 * narrow - arm, 0.47)], 0.058, dim(coat, 0.8))
    body = [p(-0.105 * narrow, 0.81), p(0.105 * narrow, 0.81), p(0.085 * narrow, length), p(-0.085 * narrow, length)]
    canvas.polygon(body, coat, z, PEDESTRIAN)
    canvas.polygon([body[1], body[2], p(0.03, length), p(0.04, 0.81)], dim(coat, 0.82), z, None)
    sleeve = dim(coat, 0.92)
    limb([(-0.10 * narrow, 0.78), (-0.11 * narrow + arm * 0.5, 0.62), (-0.09 * narrow + arm, 0.47)], 0.058, sleeve)
    canvas.ellipse(p(-0.09 * narrow + arm, 0.455), (0.026 * unit, 0.03 * unit), skin, z, PEDESTRIAN)
    limb([(0, 0.8), (0, 0.87)], 0.06, skin)
    canvas.ellipse(p(0, 0.925), (0.052 * unit, 0.07 * unit), skin, z, PEDESTRIAN)
    top, high = (0.945, 0.065) if generator.random() < 0.5 else (0.97, 0.04)  # seen from behind, or from the front
    canvas.ellipse(p(-0.008, top), (0.055 * unit, high * unit), hair, z, PEDESTRIAN)
    if generator.random() < 0.35:
        bag = dim(_tone(generator, CLOTHES), light * 0.8)
        canvas.polygon([p(0.07, 0.52), p(0.19, 0.52), p(0.19, 0.38), p(0.07, 0.38)], bag, z, PEDESTRIAN)


def _legs(limb: Limb, colour: Colour, *, sideways: bool, stride: float, narrow: float) -> None:
    """Both legs and shoes of a person."""
    swing = (0.16 if sideways else 0.04) * stride
    for sign in (1, -1):
        foot = sign * (swing + (0.0 if sideways else 0.05))
        knee = foot * 0.55 + (0.03 * abs(stride) if sideways else 0)
        limb([(sign * 0.035 * narrow, 0.5), (knee, 0.27), (foot, 0.03)], 0.085, dim(colour, 0.82 if sign > 0 else 1.0))
        limb([(foot - 0.01, 0.02), (foot + (0.07 if sideways else 0.01), 0.02)], 0.045, (0.06, 0.06, 0.06))


def cyclist(canvas: Canvas, generator: Generator, x: float, z: float, sideways: bool) -> None:
    """A person on a bicycle, seen from the side or from behind; rider and bicycle are one class."""
    if z < NEAR + 1:
        return
    unit, (left, ground) = canvas.camera.scale(z), canvas.camera((x, 0, z))
    light = canvas.lit((0, 0, -1)) * 1.05
    coat, legs, skin, frame = (dim(_tone(generator, palette), light) for palette in (CLOTHES, CLOTHES, SKINS, PAINTS))
    flip = 1 if generator.random() < 0.5 else -1

    def p(dx: float, y: float) -> Point:
        return left + flip * dx * unit, ground - y * unit

    def limb(points: Sequence[Point], width: float, colour: Colour) -> None:
        canvas.limb([p(*point) for point in points], width * unit, colour, z, BICYCLIST)

    canvas.darken(
        [p(0.95 * cos(a) if sideways else 0.3 * cos(a), 0.06 * sin(a)) for a in np.linspace(0, 2 * pi, 12)], 0.4, 2
    )
    if sideways:
        for middle in (-0.52, 0.52):
            rim = [(middle + 0.34 * cos(a), 0.34 + 0.34 * sin(a)) for a in np.linspace(0, 2 * pi, 25)]
            canvas.mark.polygon([p(*point) for point in rim], fill=BICYCLIST)
            limb(rim, 0.045, RUBBER)
            limb([(middle, 0.34), (middle + 0.01, 0.35)], 0.06, (0.4, 0.4, 0.4))
        head = _from_the_side(generator, limb, coat, legs, frame)
    else:
        _legs_from_behind(limb, legs)
        canvas.polygon([p(-0.2, 1.48), p(0.2, 1.48), p(0.16, 0.88), p(-0.16, 0.88)], coat, z, BICYCLIST)
        for sign in (-1, 1):
            limb([(sign * 0.19, 1.42), (sign * 0.27, 1.2), (sign * 0.27, 1.03)], 0.1, dim(coat, 0.85))
        head = (0.0, 1.64)
    canvas.ellipse(p(*head), (0.105 * unit, 0.13 * unit), skin, z, BICYCLIST)
    helmet = dim(_tone(generator, PAINTS), light)
    canvas.ellipse(p(head[0] - 0.01, head[1] + 0.06), (0.12 * unit, 0.09 * unit), helmet, z, BICYCLIST)


def _from_the_side(generator: Generator, limb: Limb, coat: Colour, legs: Colour, frame: Colour) -> Point:
    """The frame and the rider's body; returns where the head is."""
    tubes: list[list[Point]] = [
        [(-0.52, 0.34), (-0.18, 0.86), (0.34, 0.84), (0.0, 0.32), (-0.52, 0.34)],
        [(-0.2, 0.92), (0.0, 0.32)],
        [(0.52, 0.34), (0.36, 0.98), (0.44, 1.02)],
    ]
    for tube in tubes:
        limb(tube, 0.045, frame)
    hip, shoulder, head = (-0.2, 0.98), (0.12, 1.44), (0.24, 1.66)
    turn = generator.uniform(0, 2 * pi)
    for phase, gain in ((turn + pi, 0.75), (turn, 1.0)):
        pedal = (0.0 + 0.16 * cos(phase), 0.3 + 0.16 * sin(phase))
        knee = ((hip[0] + pedal[0]) / 2 + 0.2, (hip[1] + pedal[1]) / 2 + 0.08)
        limb([hip, knee, pedal], 0.13, dim(legs, gain))
    limb([hip, shoulder], 0.27, coat)
    limb([shoulder, (0.3, 1.2), (0.44, 1.04)], 0.09, dim(coat, 0.85))
    return head


def _legs_from_behind(limb: Limb, legs: Colour) -> None:
    """The rear wheel, the handlebar and both legs."""
    limb([(0, 0.02), (0, 0.7)], 0.07, RUBBER)
    limb([(-0.3, 1.02), (0.3, 1.02)], 0.05, (0.1, 0.1, 0.1))
    for sign, low in ((-1, 0.2), (1, 0.42)):
        limb([(sign * 0.1, 0.95), (sign * 0.14, 0.6), (sign * 0.11, low)], 0.13, dim(legs, 0.9))
