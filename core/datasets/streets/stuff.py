"""Things beside a road: trees, hedges, fences, lamps, lights, signs, bins. Lengths are in metres."""

from math import cos, pi, sin

import numpy as np
from PIL import Image, ImageDraw

from core.datasets.signs.faces import FACES, face
from core.datasets.signs.pen import STYLES
from core.datasets.streets.canvas import (
    FENCE,
    NEAR,
    POLE,
    SIGN,
    TREE,
    VOID,
    Canvas,
    Colour,
    Generator,
    Point,
    as_bytes,
    dim,
    grain,
)  # fmt: skip

# The scenes show the first 12 signs of the data set `signs`, drawn 128 pixels wide; other numbers change the scenes.
_SIGNS, _FACE = tuple(FACES)[:12], 128


def tree(canvas: Canvas, generator: Generator, x: float, z: float, tall: float) -> None:
    """A street tree: a trunk, boughs, and a crown of leaves with gaps; some are bare."""
    if z < NEAR + 1:
        return
    unit, (left, ground) = canvas.camera.scale(z), canvas.camera((x, 0, z))
    bark = dim(
        ((0.30, 0.24, 0.18), (0.22, 0.20, 0.17), (0.42, 0.38, 0.32))[generator.integers(3)], canvas.lit((0, 0, -1))
    )
    trunk, thick = tall * generator.uniform(0.28, 0.4), max(0.05, tall * generator.uniform(0.025, 0.04))
    canvas.darken(
        [(left + unit * 0.7 * cos(a), ground + unit * 0.12 * sin(a)) for a in np.linspace(0, 2 * pi, 12)], 0.35, 3
    )
    lean = generator.normal(0, 0.03) * tall * unit
    fork = (left + lean, ground - trunk * unit)
    base = [(left - thick * unit, ground), (left + thick * unit, ground)]
    canvas.polygon(
        [*base, (fork[0] + thick * 0.7 * unit, fork[1]), (fork[0] - thick * 0.7 * unit, fork[1])], bark, z, TREE
    )
    bare = generator.random() < 0.16
    _boughs(canvas, generator, fork, tall * unit * 0.3, -pi / 2, thick * 1.3 * unit, bark, z, 5 if bare else 2)
    if not bare:
        _crown(canvas, generator, (fork[0] + lean, ground - tall * unit * 0.68), tall * unit, z)


def _boughs(
    canvas: Canvas,
    generator: Generator,
    start: Point,
    length: float,
    angle: float,
    width: float,
    colour: Colour,
    z: float,
    depth: int,
) -> None:
    """Two or three boughs from one point, each of which forks again, `depth` levels deep."""
    if depth == 0 or length < 1:
        return
    for _ in range(3 if depth > 2 else 2):
        way = angle + generator.normal(0, 0.45)
        reach = length * generator.uniform(0.65, 1.0)
        end = (start[0] + reach * cos(way), start[1] + reach * sin(way))
        canvas.limb([start, end], max(width * 0.7, 1), colour, z, TREE)
        _boughs(canvas, generator, end, reach * 0.72, way, width * 0.6, colour, z, depth - 1)


def _crown(canvas: Canvas, generator: Generator, middle: Point, tall: float, z: float) -> None:
    """Leaves: a few overlapping balls with an edge of noise, light above and dark below."""
    half_width, half_height = tall * generator.uniform(0.22, 0.36), tall * generator.uniform(0.28, 0.36)
    columns, rows = int(min(2 * half_width, 700)), int(min(2 * half_height, 700))
    if columns < 3 or rows < 3:
        return
    side = int(np.clip(max(columns, rows), 16, 96))
    down, across = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j].astype(np.float32)
    field = np.full((side, side), -1.0, np.float32)
    height = np.zeros((side, side), np.float32)
    for _ in range(int(generator.integers(5, 9))):
        bx, by = generator.uniform(-0.5, 0.5), generator.uniform(-0.55, 0.45)
        size = generator.uniform(0.34, 0.58)
        ball = 1 - np.sqrt((across - bx) ** 2 + (down - by) ** 2) / size
        height = np.where(ball > field, by - (down - by) * 1.0, height)
        field = np.maximum(field, ball)
    frayed = field + 0.5 * (grain(generator, 7, side) - 0.55)
    mask = np.clip(frayed * 9, 0, 1)
    greens = (((0.10, 0.16, 0.06), (0.42, 0.54, 0.22)), ((0.07, 0.14, 0.07), (0.30, 0.46, 0.22)),
              ((0.16, 0.16, 0.05), (0.56, 0.56, 0.22)), ((0.22, 0.13, 0.04), (0.72, 0.46, 0.16)))  # fmt: skip
    dark, bright = (
        np.array(tone, np.float32)
        for tone in greens[
            min(int(generator.integers(8)), 3) if generator.random() < 0.35 else int(generator.integers(2))
        ]
    )
    clumps = 0.5 * grain(generator, 8, side) + 0.5 * grain(generator, 11, side)
    lightness = np.clip(0.42 - 0.34 * down + 0.16 * height + 0.9 * (clumps - 0.5) + 0.22 * canvas.sun[0] * across, 0, 1)
    pixels = (dark + (bright - dark) * lightness[..., None]) * (canvas.light.ambient + 0.7 * canvas.light.sun)
    _stretch(canvas, pixels, mask, (columns, rows), (middle[0] - columns / 2, middle[1] - rows / 2), z)


def _stretch(canvas: Canvas, pixels: np.ndarray, mask: np.ndarray, size: tuple[int, int], at: Point, z: float) -> None:
    """Scale a square sprite to its size and paste it as a tree."""
    scaled = np.dstack([
        np.asarray(Image.fromarray(layer).resize(size, Image.Resampling.BILINEAR))
        for layer in (*np.moveaxis(pixels.astype(np.float32), 2, 0), mask.astype(np.float32))
    ])  # fmt: skip
    canvas.sprite(scaled[..., :3], scaled[..., 3], *at, z, TREE)


def hedge(canvas: Canvas, generator: Generator, side: int, edge: float, near: float, far: float, height: float) -> None:
    """A clipped hedge along the pavement (class tree)."""
    near = max(near, NEAR)
    if far <= near + 0.3:
        return
    tone = np.array(((0.22, 0.34, 0.14), (0.28, 0.38, 0.18), (0.16, 0.28, 0.14))[generator.integers(3)], np.float32)
    leaves = grain(generator, 9, 128)[:48, :, None]
    pixels = tone * (0.5 + 1.0 * leaves)
    rim = grain(generator, 8, 128)[0] * 9
    alpha = (np.arange(48)[:, None] > rim).astype(np.uint8) * 255
    image = Image.fromarray(np.dstack([(pixels.clip(0, 1) * 255).astype(np.uint8), alpha]), "RGBA")
    x = side * edge
    left, right = (near, far) if side < 0 else (far, near)
    corners = [(x, height, left), (x, height, right), (x, 0, right), (x, 0, left)]
    canvas.wall(image, corners, canvas.lit((-side, 0, 0)), TREE)


def fence(canvas: Canvas, generator: Generator, side: int, edge: float, near: float, far: float) -> None:
    """Railings, boards or a low wall with railings, all with one label."""
    near = max(near, NEAR)
    if far <= near + 0.3:
        return
    height, kind = generator.uniform(0.9, 1.5), int(generator.integers(3))
    length = far - near
    density = float(np.clip(canvas.camera.scale(near) * 0.7, 4, 22))
    columns, rows = max(4, round(length * density)), max(6, round(height * density))
    dark = ((0.10, 0.12, 0.12), (0.40, 0.30, 0.20), (0.55, 0.56, 0.56))[kind]
    image = Image.new("RGBA", (columns, rows), (*as_bytes(dark, 1.4), 90 if kind == 0 else 255))
    draw = ImageDraw.Draw(image)
    step = max(2, round(density * (0.16 if kind == 0 else 0.24)))
    bar = (*as_bytes(dark, 1.0 if kind == 0 else 0.75), 255)
    for at in range(0, columns, step):
        draw.rectangle((at, 0, at + max(0, step // 3 - 1), rows), fill=bar)
    draw.rectangle((0, rows * 0.06, columns, rows * 0.13), fill=(*as_bytes(dark), 255))
    draw.rectangle((0, rows * 0.84, columns, rows * 0.92), fill=(*as_bytes(dark), 255))
    x = side * edge
    left, right = (near, far) if side < 0 else (far, near)
    corners = [(x, height, left), (x, height, right), (x, 0, right), (x, 0, left)]
    canvas.wall(image, corners, canvas.lit((-side, 0, 0)), FENCE)
    points = [canvas.camera(corner) for corner in corners]
    canvas.mark.polygon(points, fill=FENCE)


def lamp_post(canvas: Canvas, generator: Generator, x: float, z: float, side: int) -> None:
    """A street lamp whose arm reaches over the road."""
    if z < NEAR + 1:
        return
    unit, tall, reach = canvas.camera.scale(z), generator.uniform(5, 8), generator.uniform(0.6, 1.8)
    steel = dim(
        ((0.34, 0.36, 0.36), (0.20, 0.22, 0.22), (0.52, 0.53, 0.52))[generator.integers(3)], canvas.lit((0, 0, -1))
    )
    foot, top = canvas.camera((x, 0, z)), canvas.camera((x, tall, z))
    arm = canvas.camera((x - side * reach, tall + 0.35, z))
    canvas.limb([foot, canvas.camera((x, 1.2, z))], 0.2 * unit, steel, z, POLE)
    canvas.limb([foot, top, arm], max(0.12 * unit, 1.6), steel, z, POLE)
    glow = (1.0, 0.9, 0.6) if canvas.light.name == "dusk" else (0.75, 0.75, 0.72)
    canvas.ellipse(arm, (0.3 * unit, 0.1 * unit), glow, z, POLE)


def traffic_light(canvas: Canvas, generator: Generator, x: float, z: float) -> None:
    """A pole with three lamps; the box counts as a sign."""
    if z < NEAR + 1:
        return
    unit, light = canvas.camera.scale(z), canvas.lit((0, 0, -1))
    canvas.limb(
        [canvas.camera((x, 0, z)), canvas.camera((x, 2.4, z))],
        max(0.12 * unit, 1.6),
        dim((0.3, 0.3, 0.3), light),
        z,
        POLE,
    )
    px, py = canvas.camera((x, 2.8, z))
    box = [(px + sx * 0.2 * unit, py + sy * 0.5 * unit) for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    canvas.polygon(box, dim((0.07, 0.08, 0.08), light), z, SIGN)
    on = int(generator.integers(3))
    for place, colour in enumerate(((0.95, 0.12, 0.08), (0.98, 0.68, 0.10), (0.20, 0.90, 0.40))):
        shown = colour if place == on else dim(colour, 0.25)
        canvas.ellipse((px, py + (place - 1) * 0.31 * unit), (0.11 * unit, 0.11 * unit), shown, z, SIGN)


def road_sign(canvas: Canvas, generator: Generator, x: float, z: float) -> None:
    """A traffic sign on its post."""
    if z < NEAR + 1:
        return
    unit, tall, half = canvas.camera.scale(z), generator.uniform(2.1, 2.9), generator.uniform(0.3, 0.42)
    steel = dim((0.5, 0.51, 0.52), canvas.lit((0, 0, -1)))
    canvas.limb([canvas.camera((x, 0, z)), canvas.camera((x, tall + half, z))], max(0.08 * unit, 1.6), steel, z, POLE)
    board = face(_SIGNS[generator.integers(len(_SIGNS))], int(generator.integers(STYLES)), _FACE)
    size = max(3, round(2 * half * unit))
    pixels = np.asarray(board.resize((size, size)), np.float32) / 255
    px, py = canvas.camera((x, tall, z))
    shade = canvas.lit((0, 0, -1)) * 1.05
    canvas.sprite(pixels[..., :3] * shade, pixels[..., 3], px - size / 2, py - size / 2, z, SIGN)


def furniture(canvas: Canvas, generator: Generator, x: float, z: float) -> None:
    """A bin, a post box or a bench: things without a class of their own (void)."""
    if z < NEAR + 1:
        return
    wide, tall = generator.uniform(0.4, 1.3), generator.uniform(0.6, 1.2)
    colour = ((0.16, 0.30, 0.20), (0.62, 0.12, 0.10), (0.30, 0.30, 0.32), (0.42, 0.32, 0.22))[generator.integers(4)]
    left, right = x - wide / 2, x + wide / 2
    corners = [canvas.camera(p) for p in ((left, 0, z), (left, tall, z), (right, tall, z), (right, 0, z))]
    canvas.polygon(corners, colour, z, VOID, canvas.lit((0, 0, -1)))
    top = [
        canvas.camera(p) for p in ((left, tall, z), (right, tall, z), (right, tall * 0.86, z), (left, tall * 0.86, z))
    ]
    canvas.polygon(top, dim(colour, 1.35), z, VOID, canvas.lit((0, 0, -1)))
