"""The talk, and the replay of how patterns form."""

from dataclasses import dataclass
from typing import Literal

from app.service.types.images import Large
from app.service.types.measured import Card, Fraction, Subject
from app.service.types.perceptibility import Recognition
from app.service.types.scenes import ScenePage
from app.service.types.tradeoff import Tradeoff


@dataclass(frozen=True)
class ReplaySide:
    """How the pattern against one model forms, frame by frame.

    `sprite` is a picture with all frames on grey 128, from left to right in rows of `columns`: a pixel is 128 plus the
    pattern in units of 1/255. `factor` is how far it can be amplified. `wrong` is the fraction of `n` held-out images
    that the model has wrong under each frame, after so many `steps`, and `said` what it reads in the large image, with
    `right` where that is true. `last` is the last of `wrong` with its interval.
    """

    letter: Literal["A", "B"]
    noun: str
    epsilon: int
    sprite: str
    columns: int
    factor: int
    steps: tuple[int, ...]
    wrong: tuple[float, ...]
    said: tuple[str, ...]
    right: tuple[bool, ...]
    last: Fraction
    origin: str


@dataclass(frozen=True)
class Replay:
    """How both patterns form over the large image: its picture of `width` by `height` pixels, and its true class."""

    picture: str
    width: int
    height: int
    coarse: bool
    truth: str
    a: ReplaySide
    b: ReplaySide


@dataclass(frozen=True)
class Mosaic:
    """Many held-out images under the pattern of A, and clean: tiles of `tile` pixels, in rows of `columns`.

    `fooled` are the tiles that A has wrong, `before` those that it has wrong without the pattern.
    """

    attacked: str
    clean: str
    tile: int
    columns: int
    count: int
    fooled: tuple[int, ...]
    before: tuple[int, ...]


@dataclass(frozen=True)
class Heap:
    """Training images that share one pattern of epsilon n/255: as many as in the training of model B, at most 64.

    `same` is how often B is right under the strength that A is shown at; None where that was not measured.
    """

    picture: str
    shown: int
    size: int
    trained: float
    same: Fraction | None


@dataclass(frozen=True)
class Shows:
    """The patterns towards one class, at true strength and amplified: what other models see in them.

    `recognition` is of A, B and random signs, where that was measured.
    """

    target: str
    wanted: str
    a: Card
    b: Card
    plain: tuple[str, str]
    recognition: tuple[Recognition, ...]


@dataclass(frozen=True)
class Alone:
    """Training with a pattern for each image, beside the training of B, at equal clean accuracy.

    `ratio` is how many times the epsilon of it B's training takes, with its 95% interval; `text` the same in figures.
    """

    low: float
    high: float
    text: str
    accuracy: str


@dataclass(frozen=True)
class Talk:
    """Everything that the talk tells; what was not measured, or whose images are absent, is None."""

    subject: Subject
    data: str
    a: Card
    b: Card
    large: Large
    replay: Replay | None
    mosaic: Mosaic | None
    heap: Heap | None
    shows: Shows | None
    tradeoff: Tradeoff | None
    alone: Alone | None
    scene: ScenePage | None
