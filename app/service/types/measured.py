"""What was measured on one model, and what several tabs show of it."""

from dataclasses import dataclass
from typing import Literal

from core.evaluation.perceptibility import Jod
from core.evaluation.report import AnyRate, Rate

Method = Literal["Wilson", "bootstrap over scenes"]
Letter = Literal["A", "B", ""]
"""The side that a model is on; empty for what is on none."""


@dataclass(frozen=True)
class Fraction:
    """A measured fraction in [0, 1] with its 95% interval, the method of the interval, and the number n of images."""

    value: float
    low: float
    high: float
    n: int
    method: Method = "Wilson"

    @classmethod
    def of(cls, rate: AnyRate) -> "Fraction":
        """A measured rate of the engine as the page shows it."""
        method: Method = "Wilson" if isinstance(rate, Rate) else "bootstrap over scenes"
        return cls(rate.value, *rate.interval, rate.n, method)


@dataclass(frozen=True)
class Control:
    """Accuracy under random noise of strength `epsilon` (units of 1/255), and how visible that is where measured."""

    epsilon: int
    accuracy: Fraction
    jod: Jod | None = None


@dataclass(frozen=True)
class Curve:
    """Fractions against epsilon (units of 1/255): the attack, random noise as the control, and where the model breaks.

    `borrowed` names the attack whose points these are, where the chosen one has too few of its own.
    """

    points: tuple[tuple[int, float], ...]
    control: tuple[tuple[int, float], ...]
    breaks: float | None
    reaches: int
    level: float = 0.75
    targeted: bool = False
    borrowed: str = ""


@dataclass(frozen=True)
class Forming:
    """The progress of an attack: the fooled fraction of each crafting mini-batch, raw and smoothed."""

    state: Literal["forming", "measuring", "stopped"]
    step: int
    total: int
    raw: tuple[float, ...]
    smooth: tuple[float, ...]
    measured: float = 0.0


@dataclass(frozen=True)
class Visibility:
    """How visible the pattern is on n held-out images; `missing` says why that cannot be measured.

    `jod` is None where it was not measured; `install` names the command that installs what it needs, if that is absent.
    `viewing` tells under which conditions a JOD holds.
    """

    ssim: float = 0.0
    colour_difference: float = 0.0
    n: int = 0
    missing: str = ""
    jod: Jod | None = None
    viewing: str = ""
    install: str = ""


@dataclass(frozen=True)
class File:
    """A download: a label, a file name, and the content as an address."""

    label: str
    name: str
    url: str


@dataclass(frozen=True)
class Claim:
    """The words around a measured fraction.

    "The model `verb` 76% `unit`." "76% `words`." "To make the model `goal`", in which {} is a share. `axis` names the
    curve, `fooled` the fraction while a pattern forms.
    """

    verb: str
    unit: str
    words: str
    goal: str
    axis: str
    fooled: str


@dataclass(frozen=True)
class NoHelp:
    """That training does not help against a target: in words for a sentence, and the numbers at each strength."""

    words: str
    numbers: str


@dataclass(frozen=True)
class Card:
    """Everything about the model on one side.

    `explained` says how the model was trained, with its exact name.

    `share` is on what fraction the attack has to succeed at equal effect, and `enough` whether it does at `epsilon`;
    None at equal strength.
    `measured` is what `claim` says, `unprovoked` how much of a target is seen without any pattern, `overlap` the clean
    mean IoU of models of scenes, `made` with how many steps, on how many images, from which seed and whether live;
    `search` says where those steps are of a search what it was. `no_help` is there where the attack on this trained
    model succeeds at least as often as on the standard model beside it, at every stored strength.
    """

    letter: Literal["A", "B"]
    title: str
    explained: str
    noun: str
    epsilon: int
    share: float | None
    enough: bool | None
    amplify: int
    target: str | None
    claim: Claim
    clean: Fraction | None
    overlap: Fraction | None
    pattern: str | None
    measured: Fraction | None
    control: Control | None
    unprovoked: Fraction | None
    no_help: NoHelp | None
    curve: Curve
    visibility: Visibility | None
    forming: Forming | None
    origin: str
    hardware: str
    search: str
    made: dict[str, int | bool]
    files: tuple[File, ...]
    command: str


@dataclass(frozen=True)
class Subject:
    """The subject of the headline."""

    attack: str
    control: bool
    epsilon: int
    n: int | None
    images: int
    things: str


def letters(name: str, a: str, b: str) -> str:
    """The sides that a model is on, of which A and B hold the models named: `A`, `B`, `AB` or an empty string."""
    return "".join(letter for letter, other in (("A", a), ("B", b)) if other == name)
