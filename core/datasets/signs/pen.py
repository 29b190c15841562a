"""The pen that draws the faces of the data set `signs`: polygons and strokes, and letters made of strokes.

No font and no image file, so the pictures do not depend on the machine. Faces use coordinates from -1 to 1 with y
downwards.
"""

from collections.abc import Sequence
from math import cos, radians, sin

from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]

FACE = 144  # pixels of a finished face
OVERSAMPLING = 6  # Pillow draws polygons without antialiasing: draw large, then average
STYLES = 3

WHITE, BLACK, YELLOW = (240, 240, 234), (24, 24, 26), (246, 188, 16)
REDS: tuple[Colour, ...] = ((190, 22, 30), (206, 36, 30), (168, 22, 38))
BLUES: tuple[Colour, ...] = ((14, 76, 160), (24, 96, 184), (12, 58, 128))
FIELDS: tuple[Colour, ...] = (WHITE, (232, 230, 222), (244, 200, 52))  # the third: yellow warning signs, as in Poland


class Pen:
    """A drawing surface with x and y from -1 to 1 and no antialiasing until `finish`."""

    def __init__(self, style: int, size: int) -> None:
        self.red, self.blue, self.field = REDS[style], BLUES[style], FIELDS[style]
        self.rim = (0.0, 0.025, -0.02)[style]
        self.side = size * OVERSAMPLING
        self.image = Image.new("RGBA", (self.side,) * 2, (0, 0, 0, 0))
        self.draw = ImageDraw.Draw(self.image)

    def _pixels(self, points: Sequence[Point]) -> list[Point]:
        half = self.side / 2
        return [(half * (1 + x), half * (1 + y)) for x, y in points]

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        self.draw.polygon(self._pixels(points), fill=(*colour, 255))

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        self.polygon(arc(x, y, radius, radius, 0, 360), colour)

    def stroke(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """A line with round joints and ends."""
        self.draw.line(self._pixels(points), fill=(*colour, 255), width=round(width * self.side / 2))
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
    "2": [[*arc(0.3, 0.29, 0.27, 0.29, 190, 385), (0.04, 0.98), (0.6, 0.98)]],
    "3": [[*arc(0.28, 0.25, 0.27, 0.25, 195, 450), *arc(0.28, 0.74, 0.31, 0.26, 270, 530)]],
    "5": [[(0.54, 0.02), (0.1, 0.02), (0.05, 0.45), *arc(0.29, 0.68, 0.3, 0.3, 230, 500)]],
    "6": [[(0.5, 0.02), (0.12, 0.5), *arc(0.3, 0.69, 0.29, 0.3, 195, 555)]],
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
