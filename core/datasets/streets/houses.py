"""The buildings of a street: façades with windows, doors and shops, roofs and end walls.

Pictures of a façade are flat, with `density` pixels per metre, and then put into perspective. Lengths are in metres.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from core.datasets.streets.canvas import BUILDING, NEAR, Canvas, Colour, Generator, as_bytes, grains

BRICKS: tuple[Colour, ...] = ((0.52, 0.30, 0.24), (0.60, 0.40, 0.30), (0.44, 0.28, 0.24), (0.66, 0.52, 0.40))
PLASTER: tuple[Colour, ...] = (
    (0.86, 0.82, 0.74), (0.80, 0.72, 0.58), (0.72, 0.74, 0.74), (0.78, 0.62, 0.54), (0.66, 0.72, 0.68),
    (0.90, 0.88, 0.84), (0.74, 0.66, 0.48), (0.62, 0.60, 0.58),
)  # fmt: skip
CONCRETE: tuple[Colour, ...] = ((0.58, 0.58, 0.56), (0.66, 0.64, 0.60), (0.48, 0.50, 0.52))
SHOPS: tuple[Colour, ...] = (
    (0.66, 0.12, 0.12), (0.10, 0.28, 0.52), (0.10, 0.40, 0.26), (0.12, 0.12, 0.14), (0.86, 0.70, 0.16),
    (0.90, 0.88, 0.84), (0.44, 0.16, 0.36), (0.84, 0.42, 0.12),
)  # fmt: skip
ROOFS: tuple[Colour, ...] = ((0.34, 0.22, 0.20), (0.26, 0.26, 0.28), (0.46, 0.26, 0.20), (0.36, 0.36, 0.36))

Box = Callable[[float, float, float, float, tuple[int, int, int]], None]
"""Paints a rectangle of a façade, given its left, foot, right and top in metres, and its colour."""


@dataclass(frozen=True)
class Style:
    """How one building looks; drawn once per building."""

    wall: Colour
    trim: Colour
    glass: Colour
    floor: float
    bay: float
    window: float
    kind: str
    brick: bool
    shop: bool


def style(generator: Generator, kind: str) -> Style:
    """A style of one kind: terrace, house, block or office."""
    brick = kind in ("terrace", "house") and generator.random() < 0.55
    if kind == "office":
        wall = CONCRETE[generator.integers(len(CONCRETE))]
    else:
        palette = BRICKS if brick else PLASTER
        wall = palette[generator.integers(len(palette))]
    wall = _varied(generator, wall, 0.06)
    trim = (0.88, 0.87, 0.84) if generator.random() < 0.7 else (0.24, 0.22, 0.22)
    glass = _varied(generator, (0.20, 0.25, 0.30), 0.06)
    bay = {"terrace": 2.2, "house": 2.8, "block": 2.6, "office": 1.9}[kind] * float(generator.uniform(0.85, 1.25))
    floor = {"office": 3.4}.get(kind, 3.0) * float(generator.uniform(0.95, 1.12))
    shop = kind != "house" and generator.random() < (0.55 if kind == "terrace" else 0.4)
    return Style(wall, trim, glass, floor, bay, float(generator.uniform(0.42, 0.6)), kind, brick, shop)


def _varied(generator: Generator, colour: Colour, by: float) -> Colour:
    red, green, blue = (float(np.clip(channel + generator.normal(0, by), 0.04, 0.96)) for channel in colour)
    return red, green, blue


def facade(generator: Generator, look: Style, width: float, height: float, density: float, glow: float) -> Image.Image:
    """A front of `width` x `height`; `glow` is the fraction of windows that are lit from inside."""
    columns, rows = max(4, round(width * density)), max(4, round(height * density))
    image = Image.new("RGB", (columns, rows), as_bytes(look.wall))
    draw = ImageDraw.Draw(image)
    if look.brick and density > 7:
        for y in range(0, rows, max(2, round(density * 0.25))):
            draw.line((0, y, columns, y), fill=as_bytes(look.wall, 0.9))
    floors = max(1, round((height - 0.4) / look.floor))
    storey = (height - 0.4) / floors
    bays = max(1, round(width / look.bay))
    bay = width / bays

    def box(x0: float, y0: float, x1: float, y1: float, colour: tuple[int, int, int]) -> None:
        left, right = x0 * density, max(x1 * density - 1, x0 * density)
        top, bottom = rows - y1 * density, max(rows - y0 * density - 1, rows - y1 * density)
        draw.rectangle((left, top, right, bottom), fill=colour)

    for floor in range(floors):
        base = floor * storey
        if floor == 0 and look.shop:
            _shop(generator, look, box, width, storey, glow)
            continue
        if look.kind == "office" and floor:
            box(0, base + 0.25 * storey, width, base + 0.9 * storey, as_bytes(look.glass, 1.1))
        for place in range(bays):
            middle = (place + 0.5) * bay
            if floor == 0 and place == bays // 2:
                _door(generator, look, box, middle, storey)
                continue
            _window(generator, look, box, middle, base, storey, bay, glow)
    if look.kind in ("terrace", "block") and generator.random() < 0.6:
        box(0, height - 0.45, width, height, as_bytes(look.trim, 0.9))
    for floor in range(1, floors):
        if look.kind == "block" or (look.kind == "terrace" and floor == 1):
            box(0, floor * storey - 0.08, width, floor * storey + 0.08, as_bytes(look.trim, 0.85))
    return _weathered(generator, image)


def _window(
    generator: Generator, look: Style, box: Box, middle: float, base: float, storey: float, bay: float, glow: float
) -> None:
    """One window with its frame, sill and reflections."""
    half, low, high = bay * look.window / 2, base + 0.3 * storey, base + 0.84 * storey
    box(middle - half - 0.09, low - 0.1, middle + half + 0.09, high + 0.09, as_bytes(look.trim))
    pane = (0.98, 0.82, 0.46) if generator.random() < glow else look.glass
    box(middle - half, low, middle + half, high, as_bytes(pane, float(generator.uniform(0.7, 1.5))))
    if generator.random() < 0.45:  # the sky in the upper part
        box(middle - half, low + 0.5 * (high - low), middle + half, high, as_bytes((0.52, 0.60, 0.68)))
    if generator.random() < 0.4:  # a curtain or blind
        box(middle - half, low, middle - half * generator.uniform(0.2, 0.8), high, as_bytes((0.78, 0.76, 0.72)))
    box(middle - 0.03, low, middle + 0.03, high, as_bytes(look.trim))
    if look.kind == "block" and base > 1 and generator.random() < 0.4:
        box(middle - half - 0.2, base + 0.05, middle + half + 0.2, base + 0.34 * storey, as_bytes(look.trim, 0.7))


def _door(generator: Generator, look: Style, box: Box, middle: float, storey: float) -> None:
    colour = SHOPS[generator.integers(len(SHOPS))]
    box(middle - 0.7, 0, middle + 0.7, 0.82 * storey, as_bytes(look.trim))
    box(middle - 0.5, 0, middle + 0.5, 0.72 * storey, as_bytes(colour, 0.8))


def _shop(generator: Generator, look: Style, box: Box, width: float, storey: float, glow: float) -> None:
    """A shop front: panes, a door, a board with letters, sometimes an awning."""
    colour = SHOPS[generator.integers(len(SHOPS))]
    box(0, 0, width, storey, as_bytes(colour, 0.7))
    panes = max(1, round(width / 2.6))
    step = width / panes
    lit = glow > 0.2 or generator.random() < 0.35
    for place in range(panes):
        low = 0.05 if place == panes // 2 else 0.5
        pane = (0.92, 0.84, 0.62) if lit else look.glass
        shown = as_bytes(pane, generator.uniform(0.7, 1.1))
        box(place * step + 0.15, low, (place + 1) * step - 0.15, 0.74 * storey, shown)
        for _ in range(4):  # goods in the window
            x, tall = place * step + generator.uniform(0.25, max(step - 0.5, 0.3)), generator.uniform(0.2, 0.9)
            tone = SHOPS[generator.integers(len(SHOPS))]
            box(x, low, x + generator.uniform(0.15, 0.45), low + tall, as_bytes(tone, 0.8))
    box(0.1, 0.8 * storey, width - 0.1, 0.99 * storey, as_bytes(colour))
    ink = (0.95, 0.94, 0.9) if sum(colour) < 1.6 else (0.1, 0.1, 0.1)
    at = width * generator.uniform(0.12, 0.3)
    while at < width * 0.75:
        wide = generator.uniform(0.12, 0.3)
        box(at, 0.85 * storey, at + wide, 0.94 * storey, as_bytes(ink))
        at += wide + 0.09
    if generator.random() < 0.35:
        stripe, awning = 0.0, SHOPS[generator.integers(len(SHOPS))]
        while stripe < width:
            tone = awning if int(stripe / 0.4) % 2 else (0.92, 0.9, 0.86)
            box(stripe, 0.66 * storey, stripe + 0.4, 0.84 * storey, as_bytes(tone))
            stripe += 0.4


def _weathered(generator: Generator, image: Image.Image) -> Image.Image:
    """Dirt and damp: multiply by coarse and fine noise, and darken slightly towards the ground."""
    pixels = np.asarray(image, np.float32)
    rows, columns = pixels.shape[:2]
    coarse, fine = (_piece(generator, rows, columns, low) for low in (0, 8))
    down = np.linspace(1.05, 0.86, rows, dtype=np.float32)[:, None]
    gain = down * (0.84 + 0.24 * coarse) * (0.92 + 0.16 * fine)
    return Image.fromarray((pixels * gain[..., None]).clip(0, 255).astype(np.uint8))


def _piece(generator: Generator, rows: int, columns: int, low: int) -> np.ndarray:
    """A crop of the noise bank, scaled to (rows, columns)."""
    grain = grains()[low + int(generator.integers(4))]
    y, x = generator.integers(0, 128, 2)
    part = Image.fromarray(grain[y : y + 128, x : x + 128])
    return np.asarray(part.resize((columns, rows), Image.Resampling.BILINEAR))


@dataclass(frozen=True)
class _Building:
    """A building of `side` along the street from z = near to far; its front stands at x and it is `depth` deep."""

    look: Style
    side: int
    x: float
    near: float
    far: float
    height: float
    depth: float

    @property
    def ridge(self) -> float:
        """The height of a pitched roof."""
        return self.height + self.depth * 0.35

    @property
    def under_ridge(self) -> float:
        """x of the ridge."""
        return self.x + self.side * self.depth / 2


def building(
    canvas: Canvas,
    generator: Generator,
    *,
    side: int,
    edge: float,
    near: float,
    far: float,
    height: float,
    kind: str,
) -> None:
    """A building along the street from z = near to far; its front stands at x = side * edge and looks at the street."""
    look = style(generator, kind)
    glow = {"dusk": 0.45, "rain": 0.2, "low sun": 0.1}.get(canvas.light.name, 0.03)
    near = max(near, NEAR)
    if far <= near + 0.5:
        return
    density = float(np.clip(canvas.camera.scale(near) * 0.8, 1.5, 13))
    house = _Building(look, side, side * edge, near, far, height, generator.uniform(7, 12))
    pitched = kind == "house" or (kind == "terrace" and generator.random() < 0.6)
    if near > 2:
        blank = generator.random() >= 0.3
        end = _blank(generator, look) if blank else facade(generator, look, house.depth, height, density, glow)
        _end_wall(canvas, house, end, pitched=pitched)
    if pitched:
        _roof(canvas, generator, house)
    _front(canvas, house, facade(generator, look, far - near, height, density, glow))


def _end_wall(canvas: Canvas, house: _Building, picture: Image.Image, *, pitched: bool) -> None:
    """The wall that looks back along the street, with a gable under a pitched roof."""
    x, z, height, outer = house.x, house.near, house.height, house.x + house.side * house.depth
    bright = canvas.lit((0, 0, -1))
    canvas.wall(picture, [(x, height, z), (outer, height, z), (outer, 0, z), (x, 0, z)], bright, BUILDING)
    if pitched:
        gable = [canvas.camera(p) for p in ((x, height, z), (outer, height, z), (house.under_ridge, house.ridge, z))]
        canvas.polygon(gable, house.look.wall, z, BUILDING, bright)


def _roof(canvas: Canvas, generator: Generator, house: _Building) -> None:
    """The half of a pitched roof that faces the street, and up to two chimneys."""
    side, near, far, ridge = house.side, house.near, house.far, house.ridge
    colour = ROOFS[generator.integers(len(ROOFS))]
    eaves = [(house.x - side * 0.3, house.height - 0.3, z) for z in (near, far)]
    top = [(house.under_ridge, ridge, z) for z in (far, near)]
    bright = canvas.lit((-side * 0.57, 0.82, 0))
    canvas.polygon([canvas.camera(p) for p in (*eaves, *top)], colour, (near + far) / 2, BUILDING, bright)
    for _ in range(int(generator.integers(0, 3))):
        z = generator.uniform(near, far)
        corners = ((ridge - 0.4, 0), (ridge + 1.2, 0), (ridge + 1.2, 0.9), (ridge - 0.4, 0.9))
        chimney = [canvas.camera((house.under_ridge, y, z + dz)) for y, dz in corners]
        canvas.polygon(chimney, (0.46, 0.30, 0.26), z, BUILDING, canvas.lit((-side, 0, 0)))


def _front(canvas: Canvas, house: _Building, picture: Image.Image) -> None:
    """The front; a long one is drawn in pieces, so that haze and bend follow the distance."""
    x, near, height, long = house.x, house.near, house.height, house.far - house.near
    pieces = max(1, min(6, round(long / 9)))
    for piece in reversed(range(pieces)):
        z0, z1 = (near + long * number / pieces for number in (piece, piece + 1))
        left, right = (z0, z1) if house.side < 0 else (z1, z0)
        corners = [(x, height, left), (x, height, right), (x, 0, right), (x, 0, left)]
        first, last = (piece, piece + 1) if house.side < 0 else (pieces - piece - 1, pieces - piece)
        columns = round(first * picture.width / pieces), max(round(last * picture.width / pieces), 1)
        part = picture.crop((columns[0], 0, columns[1], picture.height))
        canvas.wall(part, corners, canvas.lit((-house.side, 0, 0)), BUILDING)


def _blank(generator: Generator, look: Style) -> Image.Image:
    return _weathered(generator, Image.new("RGB", (48, 48), as_bytes(look.wall, 0.95)))


def street_end(canvas: Canvas, generator: Generator, z: float, left: float, right: float) -> None:
    """A front that looks back along the street and closes it."""
    x = left
    while x < right:
        width, height = generator.uniform(7, 15), generator.uniform(7, 17)
        look = style(generator, ("terrace", "block", "house")[generator.integers(3)])
        density = float(np.clip(canvas.camera.scale(z), 1.5, 12))
        corners = [(x, height, z), (x + width, height, z), (x + width, 0, z), (x, 0, z)]
        canvas.wall(facade(generator, look, width, height, density, 0.05), corners, canvas.lit((0, 0, -1)), BUILDING)
        x += width
