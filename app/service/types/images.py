"""The Compare page: the large image, the strip, and what both models say."""

from dataclasses import dataclass

from app.service.types.measured import (
    Card,
    File,
    Subject,
)


@dataclass(frozen=True)
class Answer:
    """The predictions of one model for one image, without and with the pattern."""

    before: str
    after: str | None
    right_before: bool
    right_after: bool | None


@dataclass(frozen=True)
class StripImage:
    """One held-out image of the strip."""

    picture: str
    number: int
    truth: str
    a: Answer
    b: Answer


@dataclass(frozen=True)
class Labelled:
    """The prediction of one model for a scene: the fraction right before and after, and its label map as a picture."""

    right_before: float
    right_after: float | None
    labels: str = ""


@dataclass(frozen=True)
class StripScene:
    """One held-out scene of the strip."""

    picture: str
    number: int
    a: Labelled
    b: Labelled


@dataclass(frozen=True)
class Strip:
    """Some held-out images; if there are none, `missing` says why in one sentence.

    `total` is 0 where it is not known how many there are, and `shown` the side whose pattern is added to them.
    """

    cells: tuple[StripImage | StripScene, ...]
    first: int
    total: int
    missing: str = ""
    shown: str | None = None


@dataclass(frozen=True)
class Shot:
    """The large image under the pattern of one model (None without one), and what the model says to it."""

    picture: str | None
    said: Answer | Labelled


@dataclass(frozen=True)
class Large:
    """The large image, clean and under both patterns; of scenes also its true classes as a picture.

    `coarse` images are drawn with their pixels to be seen. Without images `missing` says why, and `alone` has pictures
    of the patterns of A and B on grey, at true strength; `labels` of a scene are empty then.
    """

    number: int
    total: int
    truth: str
    picture: str
    coarse: bool
    a: Shot | None
    b: Shot | None
    labels: str | None = None
    missing: str = ""
    alone: tuple[str | None, str | None] = (None, None)


@dataclass(frozen=True)
class Comparison:
    """The whole Compare page for one session; `wanted` is a picture of what the attacker wants to be seen."""

    subject: Subject
    a: Card
    b: Card
    large: Large
    wanted: str | None
    strip: Strip
    numbers: File
