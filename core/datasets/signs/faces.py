"""The faces of the 24 European traffic signs of the data set `signs`, clean and seen from the front.

Coordinates are from -1 to 1 with y downwards.
"""

from collections.abc import Callable
from functools import cache, partial

from PIL import Image

from core.datasets.signs.pen import BLACK, FACE, WHITE, YELLOW, Colour, Pen, Point, arc, arc_at, regular, write


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


def _prohibition(pen: Pen) -> None:
    pen.disc(0, 0, 0.97, WHITE)
    pen.disc(0, 0, 0.94, pen.red)
    pen.disc(0, 0, 0.73 - pen.rim, pen.field)


def speed(text: str, pen: Pen) -> None:
    _prohibition(pen)
    write(pen, text, 0.68, 0.36, 0.24, 0.155, BLACK)


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


def _car(pen: Pen, x: float, y: float, size: float, colour: Colour) -> None:
    """A car from behind, `size` wide, its wheels at (x, y)."""

    def at(*points: Point) -> list[Point]:
        return [(x + size * px, y + size * py) for px, py in points]

    pen.rounded(at((-0.44, -0.40), (0.44, -0.40), (0.44, -0.16), (-0.44, -0.16)), 0.06 * size, colour)
    pen.rounded(at((-0.25, -0.74), (0.25, -0.74), (0.34, -0.42), (-0.34, -0.42)), 0.06 * size, colour)
    pen.polygon(at((-0.22, -0.70), (0.22, -0.70), (0.28, -0.48), (-0.28, -0.48)), pen.field)
    for side in (-1, 1):
        pen.rounded(at((side * 0.30, -0.14), (side * 0.42, -0.14), (side * 0.42, -0.02), (side * 0.30, -0.02)),
                    0.03 * size, colour)  # fmt: skip
        pen.disc(*at((side * 0.34, -0.29))[0], 0.06 * size, pen.field)


def no_overtaking(pen: Pen) -> None:
    _prohibition(pen)
    _car(pen, -0.34, 0.31, 0.62, pen.red)
    _car(pen, 0.34, 0.31, 0.62, BLACK)


def _no_waiting(pen: Pen, turns: tuple[int, ...]) -> None:
    pen.disc(0, 0, 0.97, WHITE)
    pen.disc(0, 0, 0.94, pen.red)
    pen.disc(0, 0, 0.74 - pen.rim, pen.blue)
    for turn in turns:
        pen.stroke(arc_at([turn, turn + 180], 0.76), 0.17, pen.red)


def end_of_limits(pen: Pen) -> None:
    pen.disc(0, 0, 0.97, BLACK)
    pen.disc(0, 0, 0.93, pen.field)
    for step in range(-2, 3):
        shift = step * 0.13
        reach = (0.86**2 - shift**2) ** 0.5
        along, across = reach * 0.7071, shift * 0.7071
        pen.stroke([(across - along, across + along), (across + along, across - along)], 0.055, BLACK)


def danger(pen: Pen) -> None:
    _warning(pen)
    pen.rounded([(-0.085, -0.26), (0.085, -0.26), (0.035, 0.22), (-0.035, 0.22)], 0.035, BLACK)
    pen.disc(0, 0.43, 0.105, BLACK)


def traffic_lights(pen: Pen) -> None:
    _warning(pen)
    pen.rounded([(-0.13, -0.20), (0.13, -0.20), (0.13, 0.50), (-0.13, 0.50)], 0.05, BLACK)
    for y, colour in ((-0.10, pen.red), (0.15, YELLOW), (0.40, (20, 140, 84))):
        pen.disc(0, y, 0.105, colour)


def slippery_road(pen: Pen) -> None:
    _warning(pen)
    _car(pen, 0.04, 0.26, 0.54, BLACK)
    for x in (-0.24, 0.16):
        wave = [(x + 0.09 * (1 if step % 2 else -1) * (step not in (0, 4)), 0.28 + 0.075 * step) for step in range(5)]
        pen.stroke(wave, 0.06, BLACK)


def priority_crossing(pen: Pen) -> None:
    _warning(pen)
    pen.polygon([(-0.085, -0.10), (0.085, -0.10), (0.085, 0.56), (-0.085, 0.56)], BLACK)
    pen.polygon([(0.0, -0.36), (0.19, -0.08), (-0.19, -0.08)], BLACK)
    pen.polygon([(-0.34, 0.17), (0.34, 0.17), (0.34, 0.26), (-0.34, 0.26)], BLACK)


def straight_ahead(pen: Pen) -> None:
    _blue_disc(pen)
    pen.polygon([(-0.14, -0.14), (0.14, -0.14), (0.14, 0.66), (-0.14, 0.66)], WHITE)
    pen.polygon([(0.0, -0.72), (0.42, -0.12), (-0.42, -0.12)], WHITE)


def bicycle_path(pen: Pen) -> None:
    _blue_disc(pen)
    back, front, crank, saddle, bar = (-0.40, 0.20), (0.40, 0.20), (-0.06, 0.20), (-0.17, -0.22), (0.25, -0.20)
    for x, y in (back, front):
        pen.stroke(arc(x, y, 0.255, 0.255, 0, 360), 0.075, WHITE)
    for line in ((back, crank, bar, saddle, back), (saddle, crank), (front, (0.22, -0.32), (0.33, -0.38))):
        pen.stroke(line, 0.07, WHITE)
    pen.stroke([(-0.28, -0.27), (-0.08, -0.27)], 0.09, WHITE)


FACES: dict[str, Callable[[Pen], None]] = {
    "stop": stop,
    "yield": give_way,
    "no entry": no_entry,
    "priority road": priority_road,
    "speed limit 30": partial(speed, "30"),
    "speed limit 80": partial(speed, "80"),
    "pedestrian crossing": crossing,
    "children": children,
    "keep right": keep_right,
    "turn left": turn_left,
    "roundabout": roundabout,
    "road works": road_works,
    "speed limit 50": partial(speed, "50"),
    "speed limit 60": partial(speed, "60"),
    "no overtaking": no_overtaking,
    "no stopping": partial(_no_waiting, turns=(45, 135)),
    "no parking": partial(_no_waiting, turns=(45,)),
    "end of limits": end_of_limits,
    "danger": danger,
    "traffic lights": traffic_lights,
    "slippery road": slippery_road,
    "priority crossing": priority_crossing,
    "straight ahead": straight_ahead,
    "bicycle path": bicycle_path,
}


@cache
def face(name: str, style: int, size: int = FACE) -> Image.Image:
    """The clean sign as an RGBA picture, `size` pixels wide; `style` below STYLES picks paint and proportions."""
    pen = Pen(style, size)
    FACES[name](pen)
    return pen.finish()
