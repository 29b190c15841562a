"""The start of a street scene: its plan, and a picture of sky, far skyline, road and pavement.

The sky is a new picture; skyline and ground are added to it and to the labels, in place. Every pixel below the horizon
is projected back to the point (x, z) that it shows, so that textures and paint lie in the world and are foreshortened.
Lengths are in metres, pictures are (TALL,WIDE,3) from 0 to 1, labels (TALL,WIDE).
"""

from dataclasses import dataclass

import numpy as np

from core.datasets.streets.canvas import (
    BUILDING,
    PAVEMENT,
    ROAD,
    TALL,
    TREE,
    WIDE,
    Camera,
    Colour,
    Generator,
    Light,
    Place,
    grains,
    noise,
)  # fmt: skip

FAR = 160.0
"""How far an open street is built, in metres."""


@dataclass(frozen=True)
class Plan:
    """The layout of a street: x of the kerbs and outer edges, and which side the traffic keeps to."""

    left: float
    right: float
    pavement_left: float
    pavement_right: float
    drives: int
    end: float
    kinds: tuple[str, str]

    @property
    def middle(self) -> float:
        """x of the middle of the road."""
        return (self.left + self.right) / 2

    @property
    def width(self) -> float:
        """The width of the road."""
        return self.right - self.left

    def kerb(self, side: int) -> float:
        return self.left if side < 0 else self.right

    def pavement(self, side: int) -> float:
        """The width of the pavement."""
        return self.pavement_left if side < 0 else self.pavement_right

    def edge(self, side: int) -> float:
        """The distance of the fronts from x = 0."""
        return side * self.kerb(side) + self.pavement(side)


SIDES = (("terrace", 0.34), ("block", 0.22), ("house", 0.16), ("park", 0.16), ("office", 0.12))
"""What can line a side, and how probable it is."""
ASPHALTS: tuple[Colour, ...] = ((0.36, 0.36, 0.37), (0.30, 0.30, 0.31), (0.43, 0.42, 0.41), (0.40, 0.38, 0.36))
SLABS: tuple[Colour, ...] = ((0.60, 0.58, 0.55), (0.66, 0.64, 0.60), (0.54, 0.50, 0.46), (0.58, 0.46, 0.40))


def laid_out(generator: Generator) -> Plan:
    """A street of random width, kind and length, and where in it the camera stands."""
    lanes = float(generator.choice([2.8, 3.3, 3.8, 5.5, 6.6], p=[0.15, 0.3, 0.25, 0.2, 0.1]))
    drives = -1 if generator.random() < 0.5 else 1
    offset = drives * lanes * generator.uniform(0.1, 0.6)
    if generator.random() < 0.12:  # from the pavement or the kerb
        offset = drives * lanes * generator.uniform(0.9, 1.2)
    kinds = tuple(generator.choice([k for k, _ in SIDES], size=2, p=[p for _, p in SIDES]).tolist())
    end = float(generator.uniform(45, 95)) if generator.random() < 0.35 else FAR
    pavement = generator.uniform(1.8, 4.2, 2)
    return Plan(-lanes - offset, lanes - offset, float(pavement[0]), float(pavement[1]), drives, end, kinds)


def sky(generator: Generator, light: Light, horizon: float) -> np.ndarray:
    """A gradient with clouds, (TALL,WIDE,3) from 0 to 1."""
    down = np.clip(np.arange(TALL, dtype=np.float32) / max(horizon, 1), 0, 1)[:, None, None]
    zenith, low = (np.array(colour, np.float32) for colour in (light.zenith, light.horizon))
    sky = np.broadcast_to(zenith + (low - zenith) * down**1.3, (TALL, WIDE, 3)).copy()
    cover = {"clear": (0.62, 0.9), "low sun": (0.55, 0.8), "dusk": (0.5, 0.75)}.get(light.name, (0.3, 0.6))
    clouds = noise(generator, TALL, WIDE, 3.5, 5)
    opacity = np.clip((clouds - generator.uniform(*cover)) * 3.2, 0, 1)[..., None]
    white = np.minimum(low * 1.12 + 0.06, 1.0)
    shade = 0.82 + 0.18 * noise(generator, TALL, WIDE, 6, 3)[..., None]
    return sky + (white * shade - sky) * opacity * 0.85


def add_skyline(generator: Generator, picture: np.ndarray, labels: np.ndarray, camera: Camera, light: Light) -> None:
    """Add far houses and trees in the haze, in place."""
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


def add_ground(
    generator: Generator, picture: np.ndarray, labels: np.ndarray, camera: Camera, light: Light, plan: Plan, sun: Place
) -> None:
    """Add the road with markings, kerbs and pavements, in place."""
    first = int(camera.horizon) + 1
    rows, columns = np.mgrid[first:TALL, 0:WIDE].astype(np.float32)
    z = camera.focal * camera.height / np.maximum(rows - camera.horizon, 0.35)
    x = (columns - camera.centre) * z / camera.focal - camera.bend * z * z
    ground = _Ground(plan, x, z)
    asphalt, slab = (np.array(tones[generator.integers(4)], np.float32) for tones in (ASPHALTS, SLABS))
    road = _asphalt(generator, ground, asphalt)
    pavement = _slabs(generator, ground, slab)
    road = _painted(generator, ground, road)
    surface = _with_kerbs(ground, road, pavement)
    surface = surface * _brightness(generator, ground, light, sun)[..., None] * np.array(light.tint, np.float32)
    if light.name == "rain":  # the wet road mirrors the sky
        mirror = np.clip(0.25 + 0.5 * ground.sampled(1, 9), 0, 0.6)[..., None] * ground.on_road[..., None]
        surface = surface * 0.8 + (np.array(light.horizon, np.float32) - surface * 0.8) * mirror
    air = (1 - np.exp(-z / light.sight))[..., None]
    picture[first:] = surface * (1 - air) + np.array(light.horizon, np.float32) * air
    labels[first:] = np.where(ground.on_road, ROAD, PAVEMENT)


@dataclass(frozen=True)
class _Ground:
    """The point (x, z) of a street that each pixel below the horizon shows; surfaces are (rows,WIDE,3) from 0 to 1."""

    plan: Plan
    x: np.ndarray
    z: np.ndarray

    @property
    def on_road(self) -> np.ndarray:
        return (self.x > self.plan.left) & (self.x < self.plan.right)

    def sampled(self, number: int, tile: float) -> np.ndarray:
        """Noise of the bank laid on the ground, one tile of `tile` metres; it fades where it would flicker."""
        u, v = (self.x * (256 / tile)).astype(np.int32) & 255, (self.z * (256 / tile)).astype(np.int32) & 255
        fade = np.clip(1.4 - self.z / (tile * 9), 0, 1)
        return (grains()[number][v, u] - 0.5) * fade


def _asphalt(generator: Generator, ground: _Ground, colour: np.ndarray) -> np.ndarray:
    """The road without paint: grain, worn tracks, and sometimes patches of other asphalt."""
    grain = 0.5 * ground.sampled(10, 2.5) + 0.5 * ground.sampled(2, 14) + 0.3 * ground.sampled(0, 37)
    road = colour * (1 + 0.7 * grain)[..., None]
    across = (ground.x - ground.plan.left) / ground.plan.width
    worn = np.exp(-(((np.abs(across * 4 % 2 - 1)) - 0.5) ** 2) / 0.03)
    road = road * (1 - 0.07 * worn)[..., None]
    if generator.random() < 0.5:
        patch = (ground.sampled(1, 23) > generator.uniform(0.12, 0.25))[..., None]
        road = np.where(patch, road * generator.uniform(0.75, 1.2), road)
    return road


def _slabs(generator: Generator, ground: _Ground, colour: np.ndarray) -> np.ndarray:
    """The pavement, with the joints of its slabs near the camera."""
    pavement = colour * (1 + 0.4 * ground.sampled(6, 3) + 0.4 * ground.sampled(1, 11))[..., None]
    slab = generator.uniform(0.5, 1.1)
    joints = ((ground.x % slab < 0.05) | (ground.z % slab < 0.07)) & (ground.z < 14)
    return np.where(joints[..., None], pavement * 0.8, pavement)


def _painted(generator: Generator, ground: _Ground, road: np.ndarray) -> np.ndarray:
    """The road with white paint, and sometimes yellow lines at its edges."""
    plan, on_road = ground.plan, ground.on_road
    white = _markings(generator, ground.x, ground.z, plan) & on_road
    wear = (0.86 + 0.5 * ground.sampled(9, 4))[..., None]
    road = np.where(white[..., None], np.array([0.86, 0.86, 0.82], np.float32) * wear, road)
    if generator.random() < 0.25 and not plan.kinds.count("park"):
        yellow = (np.abs(np.abs(ground.x - plan.middle) - plan.width / 2 + 0.45) < 0.08) & on_road
        road = np.where(yellow[..., None], np.array([0.82, 0.66, 0.16], np.float32) * wear, road)
    return road


def _with_kerbs(ground: _Ground, road: np.ndarray, pavement: np.ndarray) -> np.ndarray:
    """Road and pavement side by side, with kerbs and gutters between them."""
    x, left, right = ground.x, ground.plan.left, ground.plan.right
    kerb = ((x > left - 0.22) & (x <= left)) | ((x >= right) & (x < right + 0.22))
    surface = np.where(ground.on_road[..., None], road, pavement)
    surface = np.where(kerb[..., None], np.array([0.68, 0.67, 0.64], np.float32), surface)
    gutter = ((x > left) & (x < left + 0.25)) | ((x < right) & (x > right - 0.25))
    return np.where(gutter[..., None], surface * 0.82, surface)


def _brightness(generator: Generator, ground: _Ground, light: Light, sun: Place) -> np.ndarray:
    """How bright the ground is (rows,WIDE), with the shadow of the fronts on the sunny side."""
    direct = light.sun * max(sun[1], 0)
    bright = np.full(ground.x.shape, light.ambient + direct, np.float32)
    if light.sun <= 0.3:
        return bright
    tall = generator.uniform(4, 12) + 3 * ground.sampled(0, 60)
    side = 1 if sun[0] > 0 else -1
    reach = ground.plan.edge(side) - tall * abs(sun[0]) / max(sun[1], 0.25)
    dapple = ground.plan.kinds[0 if side < 0 else 1] == "park"
    soft = np.clip((ground.sampled(4, 5) + 0.3) * 3, 0, 1) if dapple else 1.0
    return np.where(ground.x * side > reach, bright - direct * 0.9 * soft, bright)


def _markings(generator: Generator, x: np.ndarray, z: np.ndarray, plan: Plan) -> np.ndarray:
    """Which pixels show white paint on the road."""
    middle, width = plan.middle, plan.width
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
