"""What the page shows, as plain values: numbers, sentences, addresses of pictures. No tensors, no Gradio."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Share:
    """A measured share in [0, 1] with its 95% Wilson interval and the number of images behind it."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Control:
    """Accuracy under random signs of strength `epsilon` (units of 1/255)."""

    epsilon: int
    accuracy: Share


@dataclass(frozen=True)
class Curve:
    """Shares against epsilon (units of 1/255): the attack, the random-sign control, and where the model breaks."""

    points: tuple[tuple[int, float], ...]
    control: tuple[tuple[int, float], ...]
    breaks: float | None
    reaches: int
    targeted: bool = False


@dataclass(frozen=True)
class Forming:
    """A pattern under way: the share of each crafting mini-batch that was fooled, as it is and smoothed."""

    state: Literal["forming", "measuring", "stopped"]
    step: int
    total: int
    raw: tuple[float, ...]
    smooth: tuple[float, ...]
    measured: float = 0.0


@dataclass(frozen=True)
class Visibility:
    """How visible the pattern is on n held-out images."""

    ssim: float
    colour_difference: float
    visible: float
    n: int


@dataclass(frozen=True)
class File:
    """Something to take home: a label, a file name, and the content as an address."""

    label: str
    name: str
    url: str


@dataclass(frozen=True)
class Card:
    """Everything about one side. `measured` is accuracy, or the target rate of a targeted attack."""

    letter: Literal["A", "B"]
    title: str
    noun: str
    epsilon: int
    amplify: int
    target: str | None
    clean: Share | None
    pattern: str | None
    measured: Share | None
    control: Control | None
    curve: Curve
    visibility: Visibility | None
    forming: Forming | None
    origin: str
    hardware: str
    files: tuple[File, ...]
    command: str


@dataclass(frozen=True)
class Answer:
    """What one model says about one image, before and after."""

    before: str
    after: str | None
    right_before: bool
    right_after: bool | None


@dataclass(frozen=True)
class Cell:
    """One held-out image of the strip."""

    picture: str
    number: int
    truth: str
    a: Answer
    b: Answer


@dataclass(frozen=True)
class Strip:
    """Some held-out images; `missing` says in one sentence why there are none."""

    cells: tuple[Cell, ...]
    first: int
    total: int
    missing: str = ""


@dataclass(frozen=True)
class Subject:
    """What the headline is about."""

    attack: str
    control: bool
    data: str
    epsilon: int
    n: int | None
    images: int


@dataclass(frozen=True)
class Comparison:
    """The whole Compare page for one session."""

    subject: Subject
    a: Card
    b: Card
    strip: Strip
    numbers: File
