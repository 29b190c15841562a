"""One street that does not exist: sky, road, what lines it, who is on it; then a small camera's picture of it.

`street`, at the end, lists the steps. Lengths are in metres, H W are the finished picture's (192, 256).
"""

from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np
from PIL import Image

from core.datasets import _streets_cars as cars
from core.datasets import _streets_houses as houses
from core.datasets import _streets_people as people
from core.datasets import _streets_stuff as stuff
from core.datasets._streets_canvas import (
    BUILDING,
    HEIGHT,
    LIGHTS,
    NEAR,
    PAVEMENT,
    ROAD,
    SCALE,
    SKY,
    TALL,
    TREE,
    WIDE,
    WIDTH,
    Camera,
    Canvas,
    Colour,
    Generator,
    Light,
    Place,
    grains,
    noise,
)  # fmt: skip

FAR = 160.0


@dataclass(frozen=True)
class Plan:
    """How the street is laid out: x of the kerbs and outer edges, and which side the traffic keeps to."""

    left: float
    right: float
    pavement_left: float
    pavement_right: float
    drives: int
    end: float
    kinds: tuple[str, str]

    def kerb(self, side: int) -> float:
        return self.left if side < 0 else self.right

    def edge(self, side: int) -> float:
        """The distance from x = 0 at which the fronts stand."""
        return -self.left + self.pavement_left if side < 0 else self.right + self.pavement_right


SIDES = (("terrace", 0.34), ("block", 0.22), ("house", 0.16), ("park", 0.16), ("office", 0.12))


def _plan(generator: Generator) -> Plan:
    lanes = float(generator.choice([2.8, 3.3, 3.8, 5.5, 6.6], p=[0.15, 0.3, 0.25, 0.2, 0.1]))
    drives = -1 if generator.random() < 0.5 else 1
    offset = drives * lanes * generator.uniform(0.1, 0.6)
    if generator.random() < 0.12:  # from the pavement or the kerb
        offset = drives * lanes * generator.uniform(0.9, 1.2)
    kinds = tuple(generator.choice([k for k, _ in SIDES], size=2, p=[p for _, p in SIDES]).tolist())
    end = float(generator.uniform(45, 95)) if generator.random() < 0.35 else FAR
    pavement = generator.uniform(1.8, 4.2, 2)
    return Plan(-lanes - offset, lanes - offset, float(pavement[0]), float(pavement[1]), drives, end, kinds)


def _sky(generator: Generator, light: Light, horizon: float) -> np.ndarray:
    """A gradient with clouds, (TALL,WIDE,3) from 0 to 1."""
    down = np.clip(np.arange(TALL, dtype=np.float32) / max(horizon, 1), 0, 1)[:, None, None]
    zenith, low = (np.array(colour, np.float32) for colour in (light.zenith, light.horizon))
    sky = np.broadcast_to(zenith + (low - zenith) * down**1.3, (TALL, WIDE, 3)).copy()
    cover = {"clear": (0.62, 0.9), "low sun": (0.55, 0.8), "dusk": (0.5, 0.75)}.get(light.name, (0.3, 0.6))
    clouds = noise(generator, TALL, WIDE, 3.5, 5)
    shares = np.clip((clouds - generator.uniform(*cover)) * 3.2, 0, 1)[..., None]
    white = np.minimum(low * 1.12 + 0.06, 1.0)
    shade = 0.82 + 0.18 * noise(generator, TALL, WIDE, 6, 3)[..., None]
    return sky + (white * shade - sky) * shares * 0.85


def _skyline(generator: Generator, picture: np.ndarray, labels: np.ndarray, camera: Camera, light: Light) -> None:
    """Far houses and trees in the haze, in place."""
    for label, count in ((BUILDING, int(generator.integers(2, 9))), (TREE, int(generator.integers(1, 5)))):
        for _ in range(count):
            middle, half = generator.uniform(0, WIDE), generator.uniform(8, 60)
            tall = generator.uniform(4, 26) if label == BUILDING else generator.uniform(4, 18)
            left, right = max(0, int(middle - half)), min(WIDE, int(middle + half))
            if right <= left:
                continue
            top = np.full(right - left, camera.horizon - tall)
            if label == TREE:
                arch = np.linspace(-1, 1, right - left)
                top = top + tall * arch**2 + 5 * noise(generator, 1, right - left, 5, 3)[0]
            tone = (0.46, 0.44, 0.44) if label == BUILDING else (0.24, 0.32, 0.22)
            air = generator.uniform(0.45, 0.75)
            colour = np.array(tone) * np.array(light.tint) * (1 - air) + np.array(light.horizon) * air
            rows = np.arange(TALL)[:, None]
            mask = (rows >= top[None, :]) & (rows <= camera.horizon + 2)
            picture[:, left:right][mask] = colour
            labels[:, left:right][mask] = label


def _ground(
    generator: Generator, picture: np.ndarray, labels: np.ndarray, camera: Camera, light: Light, plan: Plan, sun: Place
) -> None:
    """Road with markings, kerbs and paved sides, in place; textures lie in the world, so they foreshorten."""
    first = int(camera.horizon) + 1
    rows, columns = np.mgrid[first:TALL, 0:WIDE].astype(np.float32)
    z = camera.focal * camera.height / np.maximum(rows - camera.horizon, 0.35)
    x = (columns - camera.centre) * z / camera.focal - camera.bend * z * z
    on_road = (x > plan.left) & (x < plan.right)

    def sampled(number: int, size: float) -> np.ndarray:
        """Noise of the bank laid on the ground, one tile of `size` metres; it fades where it would flicker."""
        tile = grains()[number]
        u, v = (x * (256 / size)).astype(np.int32) & 255, (z * (256 / size)).astype(np.int32) & 255
        fade = np.clip(1.4 - z / (size * 9), 0, 1)
        return (tile[v, u] - 0.5) * fade

    asphalt = np.array(
        ((0.36, 0.36, 0.37), (0.30, 0.30, 0.31), (0.43, 0.42, 0.41), (0.40, 0.38, 0.36))[generator.integers(4)],
        np.float32,
    )
    slabs = np.array(
        ((0.60, 0.58, 0.55), (0.66, 0.64, 0.60), (0.54, 0.50, 0.46), (0.58, 0.46, 0.40))[generator.integers(4)],
        np.float32,
    )
    grain = 0.5 * sampled(10, 2.5) + 0.5 * sampled(2, 14) + 0.3 * sampled(0, 37)
    road = asphalt * (1 + 0.7 * grain)[..., None]
    width = plan.right - plan.left
    worn = np.exp(-(((np.abs((x - plan.left) / width * 4 % 2 - 1)) - 0.5) ** 2) / 0.03)
    road = road * (1 - 0.07 * worn)[..., None]
    if generator.random() < 0.5:  # patches of other asphalt
        patch = (sampled(1, 23) > generator.uniform(0.12, 0.25))[..., None]
        road = np.where(patch, road * generator.uniform(0.75, 1.2), road)
    pavement = slabs * (1 + 0.4 * sampled(6, 3) + 0.4 * sampled(1, 11))[..., None]
    tile = generator.uniform(0.5, 1.1)
    lines = ((x % tile < 0.05) | (z % tile < 0.07)) & (z < 14)
    pavement = np.where(lines[..., None], pavement * 0.8, pavement)
    paint = _markings(generator, x, z, plan) & on_road
    wear = (0.86 + 0.5 * sampled(9, 4))[..., None]
    road = np.where(paint[..., None], np.array([0.86, 0.86, 0.82], np.float32) * wear, road)
    if generator.random() < 0.25 and not plan.kinds.count("park"):
        yellow = (np.abs(np.abs(x - (plan.left + plan.right) / 2) - width / 2 + 0.45) < 0.08) & on_road
        road = np.where(yellow[..., None], np.array([0.82, 0.66, 0.16], np.float32) * wear, road)
    kerb = ((x > plan.left - 0.22) & (x <= plan.left)) | ((x >= plan.right) & (x < plan.right + 0.22))
    ground = np.where(on_road[..., None], road, pavement)
    ground = np.where(kerb[..., None], np.array([0.68, 0.67, 0.64], np.float32), ground)
    gutter = ((x > plan.left) & (x < plan.left + 0.25)) | ((x < plan.right) & (x > plan.right - 0.25))
    ground = np.where(gutter[..., None], ground * 0.82, ground)
    shade = np.full(x.shape, light.ambient + light.sun * max(sun[1], 0), np.float32)
    if light.sun > 0.3:  # the shadow of the fronts on the sunny side
        tall = generator.uniform(4, 12) + 3 * sampled(0, 60)
        side = 1 if sun[0] > 0 else -1
        reach = plan.edge(side) - tall * abs(sun[0]) / max(sun[1], 0.25)
        dark = x * side > reach
        dapple = plan.kinds[0 if side < 0 else 1] == "park"
        soft = np.clip((sampled(4, 5) + 0.3) * 3, 0, 1) if dapple else 1.0
        shade = np.where(dark, shade - light.sun * max(sun[1], 0) * 0.9 * soft, shade)
    ground = ground * shade[..., None] * np.array(light.tint, np.float32)
    if light.name == "rain":  # the wet road mirrors the sky
        mirror = np.clip(0.25 + 0.5 * sampled(1, 9), 0, 0.6)[..., None] * on_road[..., None]
        ground = ground * 0.8 + (np.array(light.horizon, np.float32) - ground * 0.8) * mirror
    air = (1 - np.exp(-z / light.sight))[..., None]
    picture[first:] = ground * (1 - air) + np.array(light.horizon, np.float32) * air
    labels[first:] = np.where(on_road, ROAD, PAVEMENT)


def _markings(generator: Generator, x: np.ndarray, z: np.ndarray, plan: Plan) -> np.ndarray:
    """Where there is white paint on the road."""
    middle, width = (plan.left + plan.right) / 2, plan.right - plan.left
    phase, period = generator.uniform(0, 9), generator.uniform(5, 10)
    near = z < 75
    paint = np.zeros(x.shape, bool)
    style = int(generator.integers(4))
    if style < 2:
        dash = ((z + phase) % period < period * generator.uniform(0.35, 0.65)) | (
            style == 1 and generator.random() < 0.3
        )
        paint |= (np.abs(x - middle) < 0.09) & dash & near
    elif style == 2:
        paint |= (np.abs(np.abs(x - middle) - 0.16) < 0.06) & near
    if width > 9:
        for lane in (-width / 4, width / 4):
            paint |= (np.abs(x - middle - lane) < 0.08) & ((z + phase) % period < period * 0.5) & near
    if generator.random() < 0.4:
        paint |= (np.abs(np.abs(x - middle) - width / 2 + generator.uniform(0.35, 2.1)) < 0.07) & near
    if generator.random() < 0.32:  # a crossing
        at, deep = generator.uniform(5, 24), generator.uniform(2.4, 3.6)
        paint |= (z > at) & (z < at + deep) & ((x - plan.left) % 1.1 < 0.55)
        paint |= (z > at - 1.6) & (z < at - 1.2) & (x * plan.drives > middle * plan.drives)
    return paint


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
    """One piece of one side: a building, or a park with its trees behind a fence or hedge."""
    if kind == "park":
        for z in sorted(generator.uniform(max(near, 2), max(far, 3), int((far - near) / 3.5)), reverse=True):
            stuff.tree(canvas, generator, side * (edge + generator.uniform(1.5, 9)), float(z), generator.uniform(6, 13))
        if generator.random() < 0.55:
            houses.fence(canvas, generator, side, edge, near, far)
        else:
            houses.hedge(canvas, generator, side, edge, near, far, generator.uniform(0.9, 2.2))
        return
    low, high = {"terrace": (6.5, 11.5), "house": (5, 7), "block": (11, 22), "office": (14, 34)}[kind]
    back = generator.uniform(2.5, 5) if kind == "house" else 0.0
    houses.building(canvas, generator, side, edge + back, near, far, generator.uniform(low, high), kind)
    if back:
        if generator.random() < 0.4:
            z = float(generator.uniform(max(near, 3), max(far, 4)))
            stuff.tree(canvas, generator, side * (edge + 1.2), z, generator.uniform(3.5, 7))
        enclose = generator.random()
        if enclose < 0.55:
            houses.fence(canvas, generator, side, edge, near, far)
        else:
            houses.hedge(canvas, generator, side, edge, near, far, generator.uniform(0.8, 1.6))


def _inhabitants(canvas: Canvas, generator: Generator, plan: Plan) -> None:
    """Everything that stands or moves between the fronts, from far to near."""
    later: list[tuple[float, object]] = []

    def add(z: float, draw: object) -> None:
        if NEAR < z < plan.end:
            later.append((z, draw))

    middle = (plan.left + plan.right) / 2
    busy, green = generator.beta(1.6, 2.0), generator.random() < 0.5
    lamps, step = generator.uniform(3, 18), generator.uniform(16, 30)
    for side in (-1, 1):
        kerb, walk = plan.kerb(side), plan.pavement_left if side < 0 else plan.pavement_right
        if green or generator.random() < 0.25:
            z, spacing, tall = generator.uniform(4, 14), generator.uniform(7, 15), generator.uniform(5, 10)
            while z < plan.end:
                size, place = tall * generator.uniform(0.85, 1.15), kerb + side * min(0.9, walk / 3)
                add(z, lambda z=z, x=place, size=size: stuff.tree(canvas, generator, x, z, size))
                z += spacing * generator.uniform(0.8, 1.3)
        if generator.random() < 0.75:
            for number in range(6):
                z = lamps + number * step + (step / 2 if side > 0 else 0)
                add(z, lambda z=z, x=kerb + side * 0.5, side=side: stuff.lamp_post(canvas, generator, x, z, side))
        for _ in range(int(generator.poisson(1.3))):
            z = generator.uniform(4, 40)
            add(z, lambda z=z, x=kerb + side * 0.4: stuff.road_sign(canvas, generator, x, z))
        for _ in range(int(generator.poisson(0.8))):
            z = generator.uniform(4, 30)
            add(z, lambda z=z, x=kerb + side * walk * 0.6: stuff.furniture(canvas, generator, x, z))
        for _ in range(int(generator.poisson(1 + 5 * busy))):
            z = 3.5 + 36 * float(generator.random()) ** 1.4
            x, tall = kerb + side * generator.uniform(0.3, max(walk - 0.3, 0.5)), generator.uniform(1.5, 1.9)
            add(z, lambda z=z, x=x, tall=tall: people.person(canvas, generator, x, z, tall))
        if generator.random() < 0.55:  # parked along the kerb
            z, share = generator.uniform(2, 12), generator.uniform(0.35, 0.95)
            while z < min(plan.end, 80):
                kind = _body(generator)
                z += cars.BODIES[kind].length / 2 + 0.4
                if generator.random() < share and plan.right - plan.left > 5.2:
                    turn = (0.0 if side == plan.drives else pi) + generator.normal(0, 0.02)
                    x = kerb - side * (cars.BODIES[kind].width / 2 + 0.12)
                    add(z, lambda z=z, x=x, turn=turn, kind=kind: cars.car(canvas, generator, x, z, turn, kind, False))
                z += cars.BODIES[kind].length / 2 + generator.uniform(0.3, 1.4)
    for way in (-1, 1):  # traffic: ours shows its back, the other its front
        z = generator.uniform(5, 30)
        while z < min(plan.end, 120) and generator.random() < 0.35 + 0.5 * busy:
            kind = _body(generator)
            lane = middle + way * (plan.right - plan.left) * 0.23
            turn, braking = (0.0, generator.random() < 0.3) if way == plan.drives else (pi, False)
            add(
                z,
                lambda z=z, x=lane, turn=turn, kind=kind, b=braking: cars.car(canvas, generator, x, z, turn, kind, b),
            )
            z += generator.uniform(9, 34)
    if generator.random() < 0.14:  # one that turns or crosses
        z, kind, turn = (
            generator.uniform(8, 26),
            _body(generator),
            float(generator.choice([pi / 2, -pi / 2])) + generator.normal(0, 0.3),
        )
        add(z, lambda: cars.car(canvas, generator, middle + generator.normal(0, 1.5), z, turn, kind, False))
    if generator.random() < 0.22:  # a railing along the kerb
        side, near = (-1 if generator.random() < 0.5 else 1), generator.uniform(3, 14)
        far = near + generator.uniform(4, 14)
        add(near, lambda: houses.fence(canvas, generator, side, side * plan.kerb(side) + 0.3, near, far))
    for _ in range(int(generator.poisson(0.9))):
        far, sideways = 4.5 + 26 * float(generator.random()) ** 1.5, generator.random() < 0.4
        x = middle + generator.uniform(-0.4, 0.4) * (plan.right - plan.left)
        add(far, lambda z=far, x=x, s=sideways: people.cyclist(canvas, generator, x, z, s))
    for _ in range(int(generator.poisson(0.5 + 1.2 * busy))):  # people on the road
        z, x = 5 + 24 * float(generator.random()), generator.uniform(plan.left, plan.right)
        add(z, lambda z=z, x=x: people.person(canvas, generator, x, z, generator.uniform(1.45, 1.9)))
    if generator.random() < 0.25:
        z = generator.uniform(6, 22)
        for side in (-1, 1):
            add(z, lambda side=side: stuff.traffic_light(canvas, generator, plan.kerb(side) + side * 0.4, z))
    for _, draw in sorted(later, key=lambda item: -item[0]):
        draw()  # type: ignore[operator]


def _body(generator: Generator) -> str:
    kinds = tuple(cars.BODIES)
    return kinds[int(generator.choice(len(kinds), p=[0.34, 0.22, 0.16, 0.14, 0.11, 0.03]))]


def _developed(generator: Generator, canvas: Canvas) -> np.ndarray:
    """What a small camera makes of it: optics, exposure, colour, grain; uint8 (H,W,3)."""
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
    """One scene: picture uint8 (H,W,3) and labels uint8 (H,W), 255 where a thing has no class."""
    light = LIGHTS[int(generator.choice(len(LIGHTS), p=[light.share for light in LIGHTS]))]
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
    plan = _plan(generator)
    picture, labels = _sky(generator, light, camera.horizon), np.full((TALL, WIDE), SKY, np.uint8)
    _skyline(generator, picture, labels, camera, light)
    _ground(generator, picture, labels, camera, light, plan, sun)
    canvas = Canvas(camera, light, sun, picture, labels)
    _fronts(canvas, generator, plan)
    _inhabitants(canvas, generator, plan)
    return _developed(generator, canvas), np.asarray(canvas.labels)[SCALE // 2 :: SCALE, SCALE // 2 :: SCALE].copy()


__all__ = ["Colour", "street"]
