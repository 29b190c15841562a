"""Cars, vans and buses: a few flat faces each, painted from far to near. Lengths are in metres.

Places on a body are (u, y, v): u along the length from -0.5 (rear) to 0.5, y up in metres, v across from -0.5 to 0.5.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import cos, hypot, pi, sin

import numpy as np

from core.datasets.streets.canvas import CAR, NEAR, PAINTS, RUBBER, Canvas, Colour, Generator, Place

GLASS: Colour = (0.15, 0.18, 0.21)
STEEL: Colour = (0.52, 0.53, 0.55)
SILL = 0.28
TUCK = 0.42
"""Half the width of the roof; the body's is 0.5."""


@dataclass(frozen=True)
class Body:
    """A shape seen from the side: sizes, heights of bonnet and belt, and u of the foot and top of the rear pane, and of
    the top and foot of the windscreen."""

    length: float
    width: float
    height: float
    bonnet: float
    belt: float
    panes: tuple[float, float, float, float]
    wheels: tuple[float, float] = (-0.31, 0.31)

    @property
    def back(self) -> float:
        """The height of the rear end: a boot lid is lower than the belt."""
        return self.belt if self.panes[0] < -0.45 else self.belt * 0.93

    def half(self, y: float) -> float:
        """Half the width at height y: the sides lean in above the belt."""
        fraction = (y - self.belt) / (self.height - self.belt)
        return 0.5 + (TUCK - 0.5) * min(max(fraction, 0.0), 1.0)


BODIES = {
    "hatchback": Body(3.9, 1.72, 1.48, 0.88, 0.94, (-0.48, -0.36, 0.04, 0.26)),
    "saloon": Body(4.6, 1.80, 1.43, 0.84, 0.92, (-0.36, -0.22, 0.06, 0.23)),
    "estate": Body(4.5, 1.78, 1.50, 0.86, 0.94, (-0.49, -0.43, 0.04, 0.23)),
    "off-roader": Body(4.5, 1.88, 1.76, 1.02, 1.08, (-0.48, -0.43, 0.06, 0.22)),
    "van": Body(5.2, 1.98, 2.35, 1.15, 1.22, (-0.50, -0.49, 0.24, 0.37)),
    "bus": Body(10.5, 2.50, 3.05, 1.00, 1.05, (-0.50, -0.49, 0.47, 0.49), (-0.28, 0.34)),
}

At = Callable[[float, float, float], Place]
Edge = tuple[float, float, float]
"""A line across the body: u, y and half its width as a fraction of that of the body."""


def car(canvas: Canvas, generator: Generator, x: float, z: float, turn: float, kind: str, braking: bool) -> None:
    """A vehicle with its middle at (x, z); turn 0 shows its back, pi its front, pi/2 its right side to the camera."""
    body = BODIES[kind]
    if z - (body.length if abs(cos(turn)) > 0.7 else body.width) / 2 < NEAR:
        return
    paint = PAINTS[generator.integers(len(PAINTS))]

    def at(u: float, y: float, v: float) -> Place:
        along, across = u * body.length, v * body.width
        return x + along * sin(turn) + across * cos(turn), y, z + along * cos(turn) - across * sin(turn)

    _shadow(canvas, [at(u, 0, v) for u, v in ((-0.53, -0.56), (0.53, -0.56), (0.53, 0.56), (-0.53, 0.56))], z)
    for v in (-0.5, 0.5):  # wheels first: the body hides their upper parts
        for place in body.wheels:
            canvas.polygon([canvas.camera(p) for p in _disc(at, body, place, v, 0.33)], RUBBER, z, CAR)
    for u in (-0.46, 0.46):
        canvas.polygon([canvas.camera(p) for p in _band(at, (u, 0.05, 0.46), (u, 0.4, 0.46))], RUBBER, z, CAR)
    middle = at(0, 0.7, 0)
    for points in sorted(_shell(at, body), key=lambda points: -_distance(points, canvas)):
        _face(canvas, points, paint, middle)
    for points, colour in (*_panes(at, body, kind, generator), *_trim(at, body, braking)):
        _face(canvas, points, colour, middle)


def _band(at: At, first: Edge, second: Edge) -> list[Place]:
    """A flat face between two lines across the body."""
    return [at(u, y, side * half) for (u, y, half), side in ((first, -1), (first, 1), (second, 1), (second, -1))]


def _disc(at: At, body: Body, u: float, v: float, radius: float) -> list[Place]:
    """A wheel's outline on one side."""
    turns = np.linspace(0, 2 * pi, 12, endpoint=False).tolist()
    return [at(u + radius / body.length * cos(a), 0.33 + radius * sin(a), v) for a in turns]


def _shell(at: At, body: Body) -> list[list[Place]]:
    """The painted faces."""
    foot, top, screen_top, screen = body.panes
    nose, lip = body.bonnet * 0.84, body.bonnet * 0.62
    outline = [
        (-0.5, SILL),
        (-0.5, body.back),
        (foot, body.belt),
        (screen, body.belt),
        (0.47, nose),
        (0.5, lip),
        (0.5, SILL),
    ]
    cabin = [(foot, body.belt), (top, body.height), (screen_top, body.height), (screen, body.belt)]
    sides = [[at(u, y, side * 0.5) for u, y in outline] for side in (-1, 1)]
    sides += [[at(u, y, side * body.half(y)) for u, y in cabin] for side in (-1, 1)]
    edges: list[tuple[Edge, Edge]] = [
        ((-0.5, SILL, 0.5), (-0.5, body.back, 0.5)),
        ((-0.5, body.back, 0.5), (foot, body.belt, 0.5)),
        ((foot, body.belt, 0.5), (top, body.height, TUCK)),
        ((top, body.height, TUCK), (screen_top, body.height, TUCK)),
        ((screen_top, body.height, TUCK), (screen, body.belt, 0.5)),
        ((screen, body.belt, 0.5), (0.47, nose, 0.5)),
        ((0.47, nose, 0.5), (0.5, lip, 0.5)),
        ((0.5, lip, 0.5), (0.5, SILL, 0.5)),
    ]
    return sides + [_band(at, *pair) for pair in edges]


def _panes(at: At, body: Body, kind: str, generator: Generator) -> list[tuple[list[Place], Colour]]:
    """Windows: rear, front and sides."""
    foot, top, screen_top, screen = body.panes
    rise = body.height - body.belt

    def edge(first: float, last: float, part: float, width: float) -> Edge:
        y = body.belt + rise * part
        return first + (last - first) * part, y, body.half(y) * width

    found = [(_band(at, edge(screen, screen_top, 0.08, 0.86), edge(screen, screen_top, 0.92, 0.86)), GLASS)]
    if kind != "van" or generator.random() < 0.4:
        low = 0.3 if kind in ("van", "bus") else 0.12
        found.append((_band(at, edge(foot, top, low, 0.84), edge(foot, top, 0.88, 0.84)), GLASS))
    rear = {"van": (screen_top - 0.16,) * 2, "bus": (-0.47, -0.47)}.get(kind, (foot + 0.03, top + 0.03))
    post = (rear[1] + screen_top) / 2
    for side in (-1, 1):
        for first, last in ((rear, (post - 0.01,) * 2), ((post + 0.01,) * 2, (screen - 0.02, screen_top - 0.02))):
            corners = []
            for (below, above), parts in ((first, (0.12, 0.86)), (last, (0.86, 0.12))):
                for part in parts:
                    u, y, half = edge(below, above, part, 1.004)
                    corners.append(at(u, y, side * half))
            found.append((corners, GLASS))
    return found


def _trim(at: At, body: Body, braking: bool) -> list[tuple[list[Place], Colour]]:
    """Wheels, lamps, number plates and bumpers on the faces."""
    found = [
        (_disc(at, body, place, side * 0.503, radius), colour)
        for side in (-1, 1)
        for place in body.wheels
        for radius, colour in ((0.33, RUBBER), (0.19, STEEL))
    ]
    red = (0.95, 0.12, 0.10) if braking else (0.62, 0.06, 0.06)
    rear, front = (body.belt * 0.62, body.belt * 0.9, 0.36), (body.bonnet * 0.44, body.bonnet * 0.6, 0.30)
    for u, (low, high, inner), colour in ((-0.503, rear, red), (0.503, front, (0.95, 0.95, 0.88))):
        for side in (-1, 1):
            lamp = ((low, inner), (high, inner), (high, 0.48), (low, 0.48))
            found.append(([at(u, y, side * v) for y, v in lamp], colour))
    for u, y in ((-0.504, body.belt * 0.52), (0.504, body.bonnet * 0.36)):
        found.append((_band(at, (u, 0.30, 0.49), (u, 0.42, 0.49)), (0.16, 0.16, 0.17)))
        found.append((_band(at, (u, y, 0.14), (u, y + 0.12, 0.14)), (0.86, 0.84, 0.70)))
    return found


def _distance(points: Sequence[Place], canvas: Canvas) -> float:
    n = len(points)
    x, y, z = (sum(point[axis] for point in points) / n for axis in range(3))
    return x * x + (y - canvas.camera.height) ** 2 + z * z


def _normal(points: Sequence[Place], middle: Place) -> tuple[Place, Place]:
    """The outward normal (length 1) of a flat face of a convex body around `middle`, and the face's centre."""
    n, first, second, third = len(points), *points[:3]
    centre = (sum(p[0] for p in points) / n, sum(p[1] for p in points) / n, sum(p[2] for p in points) / n)
    ax, ay, az = second[0] - first[0], second[1] - first[1], second[2] - first[2]
    bx, by, bz = third[0] - second[0], third[1] - second[1], third[2] - second[2]
    nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    outward = nx * (centre[0] - middle[0]) + ny * (centre[1] - middle[1]) + nz * (centre[2] - middle[2])
    length = max(hypot(nx, ny, nz), 1e-9) * (1 if outward >= 0 else -1)
    return (nx / length, ny / length, nz / length), centre


def _visible(canvas: Canvas, points: Sequence[Place], middle: Place) -> float | None:
    """The brightness of a face that looks towards the camera, None for one that looks away."""
    normal, centre = _normal(points, middle)
    eye = (-centre[0], canvas.camera.height - centre[1], -centre[2])
    if sum(a * b for a, b in zip(normal, eye, strict=True)) <= 0:
        return None
    return canvas.lit(normal)


def _face(canvas: Canvas, points: Sequence[Place], colour: Colour, middle: Place, label: int | None = CAR) -> None:
    shade = _visible(canvas, points, middle)
    if shade is not None:
        canvas.polygon([canvas.camera(point) for point in points], colour, middle[2], label, shade)


def _shadow(canvas: Canvas, corners: Sequence[Place], z: float, strength: float = 0.55) -> None:
    drift = 0.5 * canvas.light.sun
    moved = [(px - canvas.sun[0] * drift, 0.0, max(pz - canvas.sun[2] * drift, NEAR * 0.8)) for px, _, pz in corners]
    canvas.darken([canvas.camera(p) for p in (*corners,)], strength, max(1.5, canvas.camera.scale(z) * 0.08))
    if canvas.light.sun > 0.3:
        canvas.darken([canvas.camera(p) for p in moved], strength * 0.5, max(1.5, canvas.camera.scale(z) * 0.05))
