"""The page of a visitor's own pictures, and what both models say to them. Nothing of it knows what is true."""

from dataclasses import dataclass

from app.service.types.measured import Card, File
from app.service.types.scenes import Legend


@dataclass(frozen=True)
class Guess:
    """A class by its name, and how sure the model is of it, from 0 to 1."""

    name: str
    confidence: float


@dataclass(frozen=True)
class OwnAnswer:
    """The most likely classes of one model for a picture, clean and under its pattern (None without one)."""

    clean: tuple[Guess, ...]
    attacked: tuple[Guess, ...] | None

    @property
    def changed(self) -> float:
        """1 where the pattern has changed what the model says, else 0."""
        return float(self.attacked is not None and self.attacked[0].name != self.clean[0].name)


@dataclass(frozen=True)
class OwnMaps:
    """The label maps of one model for a picture as layers, in words, and the fraction of pixels that has changed."""

    clean: str
    attacked: str | None
    told: tuple[str, str]
    changed: float


@dataclass(frozen=True)
class OwnShot:
    """A picture under the pattern of one model (None without one), and what the model says to it."""

    picture: str | None
    said: OwnAnswer | OwnMaps


@dataclass(frozen=True)
class OwnSide:
    """One model: its card, and the stored strength at which its pattern was crafted (None where none is stored).

    The card has the strength at which the pattern is drawn, and numbers only where both are equal. `changed` is the
    sum over the pictures.
    """

    card: Card
    crafted_at: int | None
    changed: float


@dataclass(frozen=True)
class Whole:
    """A picture as it came, the part that models see, and where that lies along the longer side, in percent."""

    token: str
    name: str
    picture: str
    width: int
    height: int
    span: float
    """The length of that part along the longer side, from 0 to 1."""
    across: bool
    """Whether the part moves from left to right."""
    at: int


@dataclass(frozen=True)
class OwnLarge:
    """The large picture: what models see of it, clean and under both patterns."""

    whole: Whole
    picture: str
    a: OwnShot
    b: OwnShot


@dataclass(frozen=True)
class OwnCell:
    """One of the last pictures."""

    token: str
    name: str
    picture: str
    a: OwnAnswer | OwnMaps
    b: OwnAnswer | OwnMaps


@dataclass(frozen=True)
class Example:
    """A held-out image that one can try, its number counted from 1."""

    number: int
    title: str
    picture: str


@dataclass(frozen=True)
class Intake:
    """What the page's scripts need to send pictures: the key of the album, and the size that models see."""

    key: str
    width: int
    height: int
    largest: int
    pictures: int


@dataclass(frozen=True)
class OwnPage:
    """The whole page of own pictures; `turn` grows each time it is drawn.

    `classes` is all that the models know; `legend` has colours where they label pixels.
    """

    a: OwnSide
    b: OwnSide
    large: OwnLarge | None
    cells: tuple[OwnCell, ...]
    examples: tuple[Example, ...]
    intake: Intake
    classes: tuple[str, ...]
    legend: tuple[Legend, ...]
    coarse: bool
    turn: int
    numbers: File
