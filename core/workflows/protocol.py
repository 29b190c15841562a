"""The evaluation protocol and the attack suite: on how many images, how hard and with what every model is measured.

They are the same for all models of a data set, so that the models compare.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from core.attacks.spgd import PUBLISHED
from core.attacks.targets import Target
from core.checkpoints.results import key
from core.datasets import Dataset
from core.robustness.search import Search

SCENES = (2, 4, 6)
"""The held-out scenes, from 1, that others are made to look like."""

PUBLISHED_TOLERANCE = 0.5
"""How finely the attack as published is searched, in n/255."""


@dataclass(frozen=True)
class Protocol:
    """On how many images, and how hard, every model of a data set is tried; the same for all, so that they compare."""

    held_out: int = 2000
    crafting_images: int = 2048
    batch_size: int = 64
    steps: int = Search.steps
    warm_steps: int = Search.warm_steps
    tolerance: float = Search.tolerance
    risk_epsilon: int = 8
    risk_images: int = 512
    risk_sizes: tuple[int, ...] = (64, 8)
    risk_steps: int = 20
    level: float = Search.level
    restarts: int = Search.restarts

    def search(self, first: int) -> Search:
        """The search of this protocol from an epsilon in units of 1/255."""
        return Search(
            first=max(first, self.tolerance),
            level=self.level,
            tolerance=self.tolerance,
            restarts=self.restarts,
            steps=self.steps,
            warm_steps=self.warm_steps,
            batch_size=self.batch_size,
        )

    def as_published(self, first: float) -> Search:
        """The search with S-PGD as its authors describe it: a random start at every epsilon, no transfers.

        It is to be made with the objective of `core.attacks.spgd.PUBLISHED`. Its tolerance is coarser, since every
        epsilon takes a whole attack.
        """
        coarse = max(self.tolerance, PUBLISHED_TOLERANCE)
        first = max(coarse, round(first / coarse) * coarse)
        return replace(
            self.search(0), first=first, tolerance=coarse, restarts=1, fresh=True, attack=PUBLISHED, variants=()
        )

    @classmethod
    def standard(cls, data: Dataset) -> "Protocol":
        """The usual protocol; scenes count as broken where half of the pixels are wrong.

        One class may cover a quarter of all pixels, and is right there wherever everything looks like it: so 75% is out
        of reach of any perturbation on some data (streets end at 74%), and would call the weakest model unbroken.
        """
        if data.task == "classification":
            return cls()
        return cls(crafting_images=360, batch_size=8, risk_images=64, level=0.5, restarts=1)


class Setting(NamedTuple):
    """What one stored delta is made by: the name of an attack, epsilon in n/255, and a target or None."""

    attack: str
    epsilon: int
    target: Target | None = None

    @property
    def key(self) -> str:
        """The name that the delta is stored under."""
        return key(self.attack, self.epsilon, self.target)


@dataclass(frozen=True)
class AttackSuite:
    """Which deltas to make, the control beside every one; epsilons in n/255.

    `only` leaves out all other epsilons.
    """

    epsilons: tuple[int, ...] = tuple(range(2, 33, 2))
    target_epsilons: tuple[int, ...] = (8, 16, 24)
    targets: tuple[Target, ...] = tuple(Target("class", number) for number in range(3))
    checkerboard_epsilons: tuple[int, ...] = (8, 16, 24, 32)
    deepfool_epsilons: tuple[int, ...] = (8, 16)
    steps: int = 200
    batch_size: int = 64
    crafting_images: int = 2048
    seed: int = 0
    only: tuple[int, ...] = ()

    @classmethod
    def standard(cls, data: Dataset, targets: int | None = None, **more: Any) -> "AttackSuite":
        """What is measured of a data set's models; `targets` classes to aim at, or scenes to show (None: up to 3).

        `more` are fields of the suite; None leaves what is usual. Raises ValueError where there are fewer targets.
        """
        more = {name: value for name, value in more.items() if value is not None}
        most = len(data.classes) if data.task == "classification" else len(SCENES)
        if targets is not None and not 0 <= targets <= most:
            raise ValueError(f"{data.name} has 0 to {most} targets to aim at, and {targets} were given.")
        targets = min(3, most) if targets is None else targets
        if data.task == "classification":
            return cls(**{"targets": tuple(Target("class", number) for number in range(targets)), **more})
        removed = [
            Target("remove", data.classes.index(name))
            for name in ("pedestrian", "car", "person")
            if name in data.classes
        ]
        scenes = [Target("scene", number) for number in SCENES[:targets]]
        usual: dict[str, Any] = {
            "epsilons": (*range(2, 21, 2), 28),
            "target_epsilons": (4, 10, 20, 28),
            "targets": (*scenes, *removed),
            "checkerboard_epsilons": (10, 20),
            "deepfool_epsilons": (),
            "steps": 150,
            "batch_size": 8,
            "crafting_images": 360,
        }
        return cls(**usual | more)

    @classmethod
    def brief(cls, data: Dataset) -> "AttackSuite":
        """What is measured of every run of a grid: no targets, and few strengths.

        The largest is there for the smaller ones too: an attack gets stuck there less often (see
        `core.workflows.cross_epsilon`).
        """
        epsilons = (8, 16, 32) if data.task == "classification" else (8, 10, 20)
        return replace(
            cls.standard(data), epsilons=epsilons, targets=(), checkerboard_epsilons=epsilons, deepfool_epsilons=()
        )

    def settings(self) -> Iterator[Setting]:
        """The setting of every delta."""
        yield from (setting for setting in self._all() if not self.only or setting.epsilon in self.only)

    def _all(self) -> Iterator[Setting]:
        yield from (Setting("spgd", epsilon) for epsilon in self.epsilons)
        yield from (Setting("random-signs", epsilon) for epsilon in self.epsilons)
        yield from (Setting("checkerboard", epsilon) for epsilon in self.checkerboard_epsilons)
        yield from (Setting("spgd", epsilon, target) for target in self.targets for epsilon in self.target_epsilons)
        yield from (Setting("deepfool", epsilon) for epsilon in self.deepfool_epsilons)
