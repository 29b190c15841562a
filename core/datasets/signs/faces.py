"""The faces of the twelve traffic signs of the data set `signs`, clean and seen from the front.

Everything is polygons and strokes: no font and no image file, so the pictures do not depend on the machine. Faces use
coordinates from -1 to 1 with y downwards.
"""

from collections.abc import Callable, Sequence
from functools import cache
from math import cos, radians, sin

from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]

FACE = 128  # pixels of a finished face
OVERSAMPLING = 6  # Pillow draws polygons without antialiasing: draw large, then average
STYLES = 3

WHITE, BLACK, YELLOW = (240, 240, 234), (24, 24, 26), (246, 188, 16)
REDS: tuple[Colour, ...] = ((190, 22, 30), (206, 36, 30), (168, 22, 38))
BLUES: tuple[Colour, ...] = ((14, 76, 160), (24, 96, 184), (12, 58, 128))
FIELDS: tuple[Colour, ...] = (WHITE, (232, 230, 222), (244, 200, 52))  # the third: yellow warning signs, as in Poland


class Pen:
    """A drawing surface with x and y from -1 to 1 and no antialiasing until `finish`."""

    def __init__(self, style: int) -> None:
        self.red, self.blue, self.field = REDS[style], BLUES[style], FIELDS[style]
        self.rim = (0.0, 0.025, -0.02)[style]
        self.image = Image.new("RGBA", (FACE * OVERSAMPLING,) * 2, (0, 0, 0, 0))
        self.draw = ImageDraw.Draw(self.image)

    def _pixels(self, points: Sequence[Point]) -> list[Point]:
        half = FACE * OVERSAMPLING / 2
        return [(half * (1 + x), half * (1 + y)) for x, y in points]

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        self.draw.polygon(self._pixels(points), fill=(*colour, 255))

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        self.polygon(arc(x, y, radius, radius, 0, 360), colour)

    def stroke(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """A line with round joints and ends."""
        self.draw.line(self._pixels(points), fill=(*colour, 255), width=round(width * FACE * OVERSAMPLING / 2))
        for x, y in points:
            self.disc(x, y, width / 2, colour)

    def rounded(self, points: Sequence[Point], radius: float, colour: Colour) -> None:
        """A polygon grown by `radius`, which rounds its corners."""
        self.polygon(points, colour)
        self.stroke([*points, points[0]], 2 * radius, colour)

    def arrow_head(self, tip: Point, direction: float, size: float, colour: Colour) -> None:
        angle = radians(direction)
        along, across = (cos(angle), sin(angle)), (-sin(angle), cos(angle))
        corners = [(-size, 0.75 * size), (-size, -0.75 * size)]
        back = [(tip[0] + a * along[0] + b * across[0], tip[1] + a * along[1] + b * across[1]) for a, b in corners]
        self.polygon([tip, *back], colour)

    def finish(self) -> Image.Image:
        return self.image.reduce(OVERSAMPLING)


def arc(x: float, y: float, rx: float, ry: float, start: float, end: float) -> list[Point]:
    """Points on an ellipse; degrees, 0 = right, 90 = down."""
    steps = max(4, round(abs(end - start) / 6))
    angles = [radians(start + (end - start) * step / steps) for step in range(steps + 1)]
    return [(x + rx * cos(angle), y + ry * sin(angle)) for angle in angles]


def regular(corners: int, radius: float, turn: float) -> list[Point]:
    return arc_at([turn + 360 * corner / corners for corner in range(corners)], radius)


def arc_at(degrees: Sequence[float], radius: float) -> list[Point]:
    return [(radius * cos(radians(d)), radius * sin(radians(d))) for d in degrees]


# Strokes of each character in a box 0.6 wide and 1 high, y downwards.
GLYPHS: dict[str, list[list[Point]]] = {
    "0": [[*arc(0.3, 0.3, 0.3, 0.3, 180, 360), *arc(0.3, 0.7, 0.3, 0.3, 0, 180), (0.0, 0.3)]],
    "3": [[*arc(0.28, 0.25, 0.27, 0.25, 195, 450), *arc(0.28, 0.74, 0.31, 0.26, 270, 530)]],
    "8": [arc(0.3, 0.25, 0.26, 0.25, 0, 360), arc(0.3, 0.74, 0.31, 0.26, 0, 360)],
    "S": [[*arc(0.3, 0.26, 0.28, 0.26, -25, -270), *arc(0.3, 0.76, 0.3, 0.25, -90, 155)]],
    "T": [[(0.0, 0.0), (0.6, 0.0)], [(0.3, 0.0), (0.3, 1.0)]],
    "O": [[*arc(0.3, 0.3, 0.3, 0.3, 180, 360), *arc(0.3, 0.7, 0.3, 0.3, 0, 180), (0.0, 0.3)]],
    "P": [[(0.02, 1.0), (0.02, 0.0), *arc(0.3, 0.28, 0.29, 0.28, -90, 90), (0.02, 0.56)]],
}


def write(pen: Pen, text: str, height: float, width: float, gap: float, thick: float, colour: Colour) -> None:
    """Centre `text` on the face; `width` of one character, `gap` between strokes of neighbours."""
    left = -(len(text) * width + (len(text) - 1) * gap) / 2
    for number, character in enumerate(text):
        x0 = left + number * (width + gap)
        for line in GLYPHS[character]:
            pen.stroke([(x0 + x / 0.6 * width, (y - 0.5) * height) for x, y in line], thick, colour)


def stop(pen: Pen) -> None:
    pen.polygon(regular(8, 0.99, 22.5), WHITE)
    pen.polygon(regular(8, 0.92, 22.5), pen.red)
    write(pen, "STOP", 0.56, 0.25, 0.15, 0.115, WHITE)


def give_way(pen: Pen) -> None:
    down = [(-0.86, -0.66), (0.86, -0.66), (0.0, 0.80)]
    pen.rounded(down, 0.11, WHITE)
    pen.rounded(down, 0.07, pen.red)
    inner = 0.60 - pen.rim
    pen.rounded([(x * inner, (y + 0.17) * inner - 0.17) for x, y in down], 0.03, pen.field)


def no_entry(pen: Pen) -> None:
    pen.disc(0, 0, 0.97, WHITE)
    pen.disc(0, 0, 0.92, pen.red)
    pen.rounded([(-0.66, -0.13), (0.66, -0.13), (0.66, 0.13), (-0.66, 0.13)], 0.03, WHITE)


def priority_road(pen: Pen) -> None:
    pen.rounded(regular(4, 0.90, 0), 0.07, BLACK)
    pen.rounded(regular(4, 0.88, 0), 0.06, WHITE)
    pen.rounded(regular(4, 0.57 + pen.rim, 0), 0.04, BLACK)
    pen.rounded(regular(4, 0.56 + pen.rim, 0), 0.03, YELLOW)


def _speed(pen: Pen, text: str) -> None:
    pen.disc(0, 0, 0.97, WHITE)
    pen.disc(0, 0, 0.94, pen.red)
    pen.disc(0, 0, 0.73 - pen.rim, pen.field)
    write(pen, text, 0.68, 0.36, 0.24, 0.155, BLACK)


def speed_30(pen: Pen) -> None:
    _speed(pen, "30")


def speed_80(pen: Pen) -> None:
    _speed(pen, "80")


def person(pen: Pen, x: float, y: float, size: float, lean: float) -> None:
    """A person who walks to the left, `size` high, centred at (x, y)."""

    def at(*points: Point) -> list[Point]:
        return [(x + size * (px + lean * (0.5 - py)), y + size * (py - 0.5)) for px, py in points]

    thick = 0.13 * size
    pen.disc(*at((-0.03, 0.1))[0], 0.105 * size, BLACK)
    pen.rounded(at((-0.07, 0.28), (0.09, 0.28), (0.08, 0.58), (-0.06, 0.58)), 0.045 * size, BLACK)
    pen.stroke(at((-0.02, 0.57), (-0.13, 0.77), (-0.24, 0.97)), thick, BLACK)
    pen.stroke(at((0.04, 0.57), (0.12, 0.77), (0.26, 0.95)), thick, BLACK)
    pen.stroke(at((-0.06, 0.29), (-0.22, 0.42), (-0.32, 0.52)), 0.75 * thick, BLACK)
    pen.stroke(at((0.08, 0.29), (0.20, 0.42), (0.26, 0.56)), 0.75 * thick, BLACK)


def crossing(pen: Pen) -> None:
    pen.rounded([(-0.84, -0.84), (0.84, -0.84), (0.84, 0.84), (-0.84, 0.84)], 0.10, WHITE)
    pen.rounded([(-0.84, -0.84), (0.84, -0.84), (0.84, 0.84), (-0.84, 0.84)], 0.06, pen.blue)
    pen.rounded([(-0.72, 0.60), (0.0, -0.68), (0.72, 0.60)], 0.03, WHITE)
    person(pen, 0.0, 0.02, 0.86, 0.0)
    for left in (-0.52, -0.26, 0.0, 0.26):
        pen.polygon([(left + 0.04, 0.47), (left + 0.18, 0.47), (left + 0.22, 0.59), (left + 0.04, 0.59)], BLACK)


def _warning(pen: Pen) -> None:
    up = [(-0.88, 0.68), (0.0, -0.82), (0.88, 0.68)]
    pen.rounded(up, 0.10, WHITE)
    pen.rounded(up, 0.07, pen.red)
    inner = 0.74 - pen.rim
    pen.rounded([(x * inner, (y - 0.24) * inner + 0.24) for x, y in up], 0.03, pen.field)


def children(pen: Pen) -> None:
    _warning(pen)
    person(pen, -0.22, 0.24, 0.68, 0.12)
    person(pen, 0.21, 0.17, 0.82, 0.12)


def road_works(pen: Pen) -> None:
    _warning(pen)
    pen.disc(0.05, -0.18, 0.095, BLACK)
    pen.rounded([(0.04, -0.03), (0.15, -0.05), (0.25, 0.20), (0.13, 0.24)], 0.045, BLACK)
    pen.stroke([(0.17, 0.22), (0.08, 0.36), (0.10, 0.56)], 0.105, BLACK)
    pen.stroke([(0.22, 0.22), (0.32, 0.38), (0.36, 0.56)], 0.105, BLACK)
    pen.stroke([(0.08, 0.0), (-0.02, 0.16), (-0.12, 0.20)], 0.085, BLACK)
    pen.stroke([(0.16, 0.10), (-0.34, 0.40)], 0.055, BLACK)
    pen.polygon([(-0.66, 0.60), (-0.48, 0.34), (-0.34, 0.26), (-0.22, 0.40), (-0.08, 0.60)], BLACK)


def _blue_disc(pen: Pen) -> None:
    pen.disc(0, 0, 0.97, WHITE)
    pen.disc(0, 0, 0.92, pen.blue)


def keep_right(pen: Pen) -> None:
    _blue_disc(pen)
    pen.polygon([(-0.53, -0.35), (-0.35, -0.53), (0.25, 0.07), (0.07, 0.25)], WHITE)
    pen.polygon([(0.56, 0.56), (-0.18, 0.50), (0.0, 0.32), (0.32, 0.0), (0.50, -0.18)], WHITE)


def turn_left(pen: Pen) -> None:
    _blue_disc(pen)
    bend = arc(0.08, 0.12, 0.26, 0.26, 0, -90)
    pen.stroke([(0.34, 0.56), *bend, (-0.30, -0.14)], 0.26, WHITE)
    pen.polygon([(-0.72, -0.14), (-0.26, -0.54), (-0.26, 0.26)], WHITE)


def roundabout(pen: Pen) -> None:
    _blue_disc(pen)
    for start in (90, 210, 330):
        pen.stroke(arc(0, 0, 0.50, 0.50, start - 12, start - 62), 0.19, WHITE)
        tip = arc_at([start - 112], 0.50)[0]
        pen.arrow_head(tip, start - 112 - 90 + 22, 0.38, WHITE)


FACES: dict[str, Callable[[Pen], None]] = {
    "stop": stop,
    "yield": give_way,
    "no entry": no_entry,
    "priority road": priority_road,
    "speed limit 30": speed_30,
    "speed limit 80": speed_80,
    "pedestrian crossing": crossing,
    "children": children,
    "keep right": keep_right,
    "turn left": turn_left,
    "roundabout": roundabout,
    "road works": road_works,
}


@cache
def face(name: str, style: int) -> Image.Image:
    """The clean sign as an RGBA picture of FACE x FACE pixels; `style` below STYLES picks paint and proportions."""
    pen = Pen(style)
    FACES[name](pen)
    return pen.finish()
