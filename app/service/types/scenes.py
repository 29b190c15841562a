"""The Segmentation page: a scene, and what both models see in it."""

from dataclasses import dataclass

from app.service.types.measured import (
    Card,
    File,
    Subject,
)


@dataclass(frozen=True)
class Pattern:
    """How much the perturbation resembles the target scene, compared with all other held-out scenes.

    `more_than` is how many of them it resembles less, like `199 of 199`; `standard` is the same for the standard
    model's perturbation, None for that model itself and where it is not stored. See `core.evaluation.resemblance`.
    """

    more_than: str
    standard: str | None
    fraction: float
    others: float


@dataclass(frozen=True)
class Look:
    """One model on a scene: the attacked picture, its predictions before and after, and the numbers of each class."""

    picture: str | None
    before: str
    after: str | None
    told: tuple[str, str]
    pattern: Pattern | None
    overlaps: tuple[tuple[float | None, float | None], ...]


@dataclass(frozen=True)
class Legend:
    """One class: its number, name, and colour as `#rrggbb`."""

    number: int
    name: str
    colour: str


@dataclass(frozen=True)
class Street:
    """One held-out scene with its true classes and what the attacker wants; `missing` says why there is none.

    It is the `number`-th held-out scene, and the `place`-th of the `total` that one leafs through, which `named` tells
    from others, like `with pedestrians` (empty for all scenes). `wants` is what the attacker wants in words, `wanted`
    the label map that is to be seen, and `removed` marks the pixels of the class that is to be overlooked.
    """

    number: int
    place: int
    total: int
    named: str = ""
    photo: str = ""
    truth: str = ""
    wants: str = ""
    wanted: str | None = None
    removed: str | None = None
    missing: str = ""


@dataclass(frozen=True)
class ScenePage:
    """The whole Segmentation page for one session."""

    subject: Subject
    cards: tuple[Card, Card]
    looks: tuple[Look, Look]
    street: Street
    numbers: File
