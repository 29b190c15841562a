"""One drawn street: sky, road, buildings and people, as a small camera sees them.

`street`, at the end, lists the steps. Lengths are in metres, H W are the finished picture's (192, 256).
"""

from collections.abc import Callable
from functools import partial
from math import cos, pi, sin

import numpy as np
from PIL import Image

from core.datasets.streets import cars, houses, people, stuff
from core.datasets.streets.canvas import (
    HEIGHT,
    LIGHTS,
    NEAR,
    SCALE,
    SKY,
    TALL,
    WIDE,
    WIDTH,
    Camera,
    Canvas,
    Generator,
    Place,
)  # fmt: skip
from core.datasets.streets.ground import FAR, SIDES, Plan, add_ground, add_skyline, laid_out, sky


def _fronts(canvas: Canvas, generator: Generator, plan: Plan) -> None:
    """Both sides of the street, from far to near."""
    if plan.end < FAR:
        houses.street_end(canvas, generator, plan.end + 12, -70, 70)
    for side, kind in zip((-1, 1), plan.kinds, strict=True):
        edge, near = plan.edge(side), generator.uniform(-6, 1)
        lots: list[tuple[float, float, str]] = []
        while near < plan.end:
            here = kind if generator.random() < 0.88 else SIDES[generator.integers(len(SIDES))][0]
            low, high = {"terrace": (5, 9), "house": (8, 13), "block": (12, 26), "office": (18, 34), "park": (10, 30)}[
                here
            ]
            far = near + generator.uniform(low, high)
            lots.append((near, min(far, plan.end + 8), here))
            gap = {"house": 0.9, "block": 0.35, "office": 0.4, "terrace": 0.06, "park": 0.0}[here]
            near = far + (generator.uniform(2, 7) if generator.random() < gap else 0)
        for near, far, here in reversed(lots):
            _lot(canvas, generator, side, edge, near, far, here)


def _lot(canvas: Canvas, generator: Generator, side: int, edge: float, near: float, far: float, kind: str) -> None:
    """One lot on one side: a building, or a park with trees behind a fence or hedge."""
    if kind == "park":
        for z in sorted(generator.uniform(max(near, 2), max(far, 3), int((far - near) / 3.5)), reverse=True):
            stuff.tree(canvas, generator, side * (edge + generator.uniform(1.5, 9)), float(z), generator.uniform(6, 13))
        if generator.random() < 0.55:
            stuff.fence(canvas, generator, side, edge, near, far)
        else:
            stuff.hedge(canvas, generator, side, edge, near, far, generator.uniform(0.9, 2.2))
        return
    low, high = {"terrace": (6.5, 11.5), "house": (5, 7), "block": (11, 22), "office": (14, 34)}[kind]
    back = generator.uniform(2.5, 5) if kind == "house" else 0.0
    height = generator.uniform(low, high)
    houses.building(canvas, generator, side=side, edge=edge + back, near=near, far=far, height=height, kind=kind)
    if back:
        if generator.random() < 0.4:
            z = float(generator.uniform(max(near, 3), max(far, 4)))
            stuff.tree(canvas, generator, side * (edge + 1.2), z, generator.uniform(3.5, 7))
        enclose = generator.random()
        if enclose < 0.55:
            stuff.fence(canvas, generator, side, edge, near, far)
        else:
            stuff.hedge(canvas, generator, side, edge, near, far, generator.uniform(0.8, 1.6))


Add = Callable[[float, Callable[[], None]], None]
"""Takes the distance of a thing and the function that draws it."""


def _inhabitants(canvas: Canvas, generator: Generator, plan: Plan) -> None:
    """Everything that stands or moves between the fronts, from far to near."""
    later: list[tuple[float, Callable[[], None]]] = []

    def add(z: float, draw: Callable[[], None]) -> None:
        if NEAR < z < plan.end:
            later.append((z, draw))

    busy, green = generator.beta(1.6, 2.0), generator.random() < 0.5
    lamps, step = generator.uniform(3, 18), generator.uniform(16, 30)
    for side in (-1, 1):
        _trees_and_posts(canvas, generator, plan, add, side=side, green=green, lamps=lamps, step=step)
        _on_pavement(canvas, generator, plan, add, side=side, busy=busy)
        _parked(canvas, generator, plan, add, side=side)
    _traffic(canvas, generator, plan, add, busy=busy)
    _on_road(canvas, generator, plan, add, busy=busy)
    for _, draw in sorted(later, key=lambda item: -item[0]):
        draw()


def _trees_and_posts(
    canvas: Canvas, generator: Generator, plan: Plan, add: Add, *, side: int, green: bool, lamps: float, step: float
) -> None:
    """Street trees, lamp posts and road signs along one kerb."""
    kerb = plan.kerb(side)
    if green or generator.random() < 0.25:
        z, spacing, tall = generator.uniform(4, 14), generator.uniform(7, 15), generator.uniform(5, 10)
        while z < plan.end:
            height, place = tall * generator.uniform(0.85, 1.15), kerb + side * min(0.9, plan.pavement(side) / 3)
            add(z, partial(stuff.tree, canvas, generator, place, z, height))
            z += spacing * generator.uniform(0.8, 1.3)
    if generator.random() < 0.75:
        for number in range(6):
            z = lamps + number * step + (step / 2 if side > 0 else 0)
            add(z, partial(stuff.lamp_post, canvas, generator, kerb + side * 0.5, z, side))
    for _ in range(int(generator.poisson(1.3))):
        z = generator.uniform(4, 40)
        add(z, partial(stuff.road_sign, canvas, generator, kerb + side * 0.4, z))


def _on_pavement(canvas: Canvas, generator: Generator, plan: Plan, add: Add, *, side: int, busy: float) -> None:
    """Street furniture and people on one pavement."""
    kerb, pavement = plan.kerb(side), plan.pavement(side)
    for _ in range(int(generator.poisson(0.8))):
        z = generator.uniform(4, 30)
        add(z, partial(stuff.furniture, canvas, generator, kerb + side * pavement * 0.6, z))
    for _ in range(int(generator.poisson(1 + 5 * busy))):
        z = 3.5 + 36 * float(generator.random()) ** 1.4
        x, tall = kerb + side * generator.uniform(0.3, max(pavement - 0.3, 0.5)), generator.uniform(1.5, 1.9)
        add(z, partial(people.person, canvas, generator, x, z, tall))


def _parked(canvas: Canvas, generator: Generator, plan: Plan, add: Add, *, side: int) -> None:
    """Cars parked along one kerb."""
    if generator.random() >= 0.55:
        return
    z, density = generator.uniform(2, 12), generator.uniform(0.35, 0.95)
    while z < min(plan.end, 80):
        kind = _body(generator)
        z += cars.BODIES[kind].length / 2 + 0.4
        if generator.random() < density and plan.width > 5.2:
            turn = (0.0 if side == plan.drives else pi) + generator.normal(0, 0.02)
            x = plan.kerb(side) - side * (cars.BODIES[kind].width / 2 + 0.12)
            add(z, partial(cars.car, canvas, generator, x, z, turn, kind, False))
        z += cars.BODIES[kind].length / 2 + generator.uniform(0.3, 1.4)


def _traffic(canvas: Canvas, generator: Generator, plan: Plan, add: Add, *, busy: float) -> None:
    """Moving cars: the back of those in our lane, the front of those that come towards us."""
    for way in (-1, 1):
        z = generator.uniform(5, 30)
        while z < min(plan.end, 120) and generator.random() < 0.35 + 0.5 * busy:
            kind = _body(generator)
            lane = plan.middle + way * plan.width * 0.23
            turn, braking = (0.0, generator.random() < 0.3) if way == plan.drives else (pi, False)
            add(z, partial(cars.car, canvas, generator, lane, z, turn, kind, braking))
            z += generator.uniform(9, 34)
    if generator.random() < 0.14:  # one that turns or crosses
        z, x, kind = generator.uniform(8, 26), plan.middle + generator.normal(0, 1.5), _body(generator)
        turn = float(generator.choice([pi / 2, -pi / 2])) + generator.normal(0, 0.3)
        add(z, partial(cars.car, canvas, generator, x, z, turn, kind, False))


def _on_road(canvas: Canvas, generator: Generator, plan: Plan, add: Add, *, busy: float) -> None:
    """A railing at the kerb, cyclists, people on the road, and traffic lights."""

    def stroller(x: float, z: float) -> None:
        people.person(canvas, generator, x, z, generator.uniform(1.45, 1.9))

    if generator.random() < 0.22:
        side, near = (-1 if generator.random() < 0.5 else 1), generator.uniform(3, 14)
        far = near + generator.uniform(4, 14)
        add(near, partial(stuff.fence, canvas, generator, side, side * plan.kerb(side) + 0.3, near, far))
    for _ in range(int(generator.poisson(0.9))):
        far, sideways = 4.5 + 26 * float(generator.random()) ** 1.5, generator.random() < 0.4
        x = plan.middle + generator.uniform(-0.4, 0.4) * plan.width
        add(far, partial(people.cyclist, canvas, generator, x, far, sideways))
    for _ in range(int(generator.poisson(0.5 + 1.2 * busy))):
        z, x = 5 + 24 * float(generator.random()), generator.uniform(plan.left, plan.right)
        add(z, partial(stroller, x, z))
    if generator.random() < 0.25:
        z = generator.uniform(6, 22)
        for side in (-1, 1):
            add(z, partial(stuff.traffic_light, canvas, generator, plan.kerb(side) + side * 0.4, z))


def _body(generator: Generator) -> str:
    kinds = tuple(cars.BODIES)
    return kinds[int(generator.choice(len(kinds), p=[0.34, 0.22, 0.16, 0.14, 0.11, 0.03]))]


def _developed(generator: Generator, canvas: Canvas) -> np.ndarray:
    """The picture of a small camera: optics, exposure, colour, grain; uint8 (H,W,3)."""
    small = canvas.picture.resize((WIDTH, HEIGHT), Image.Resampling.BOX)
    pixels = np.asarray(small, np.float32) / 255
    down, across = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j].astype(np.float32)
    pixels = pixels * (1 - generator.uniform(0, 0.16) * (down**2 + across**2))[..., None]
    wanted = {"dusk": 0.30, "rain": 0.38}.get(canvas.light.name, 0.45) * generator.uniform(0.85, 1.15)
    gain = np.clip(wanted / pixels.mean(), 0.8, 1.9) * (1 + generator.normal(0, 0.025, 3))
    pixels = np.clip(pixels * gain.astype(np.float32), 0, 1) ** generator.uniform(0.85, 1.15)
    sigma = generator.uniform(0.004, 0.016)
    coarse = generator.normal(0, 1, (HEIGHT, WIDTH, 1)).astype(np.float32)
    fine = generator.normal(0, 1, (HEIGHT, WIDTH, 3)).astype(np.float32)
    return ((pixels + sigma * (0.8 * coarse + 0.5 * fine)).clip(0, 1) * 255 + 0.5).astype(np.uint8)


def street(generator: Generator) -> tuple[np.ndarray, np.ndarray]:
    """One scene: picture uint8 (H,W,3) and labels uint8 (H,W), 255 for things without a class."""
    light = LIGHTS[int(generator.choice(len(LIGHTS), p=[light.probability for light in LIGHTS]))]
    camera = Camera(
        focal=float(generator.uniform(300, 430)),
        horizon=TALL * float(generator.uniform(0.36, 0.5)),
        height=float(generator.uniform(1.25, 2.1)),
        centre=WIDE * float(generator.uniform(0.42, 0.58)),
        bend=float(generator.normal(0, 0.0016)) if generator.random() < 0.5 else 0.0,
    )
    azimuth, rise = (
        generator.uniform(0, 2 * pi),
        generator.uniform(0.15, 0.35) if light.name == "low sun" else generator.uniform(0.5, 1.0),
    )
    sun: Place = (float(cos(azimuth) * cos(rise)), float(sin(rise)), float(sin(azimuth) * cos(rise)))
    plan = laid_out(generator)
    picture, labels = sky(generator, light, camera.horizon), np.full((TALL, WIDE), SKY, np.uint8)
    add_skyline(generator, picture, labels, camera, light)
    add_ground(generator, picture, labels, camera, light, plan, sun)
    canvas = Canvas(camera, light, sun, picture, labels)
    _fronts(canvas, generator, plan)
    _inhabitants(canvas, generator, plan)
    return _developed(generator, canvas), np.asarray(canvas.labels)[SCALE // 2 :: SCALE, SCALE // 2 :: SCALE].copy()
