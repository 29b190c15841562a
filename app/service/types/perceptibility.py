"""The Perceptibility page."""

from dataclasses import dataclass
from typing import Literal

from app.service.types.measured import (
    Fraction,
    Letter,
    letters,
)
from core.evaluation.perceptibility import Jod
from core.evaluation.spectrum import RadialSpectrum
from core.reports.visibility import NeededVisibility


@dataclass(frozen=True)
class PerceptibilityPoint:
    """One stored perturbation: its epsilon in n/255, how visible it is, and the accuracy under it."""

    epsilon: float
    jod: Jod
    accuracy: Fraction


@dataclass(frozen=True)
class PerceptibilityModel:
    """One model of the Perceptibility tab: its accuracy under patterns that can be seen more and more.

    `attack` and `noise` are what was measured under S-PGD and under random signs, by epsilon. `needed` is how visible a
    pattern must be to make it wrong on the page's share; None where that is not stored.
    """

    name: str
    title: str
    short: str
    kind: str
    clean: Fraction
    attack: tuple[PerceptibilityPoint, ...]
    noise: tuple[PerceptibilityPoint, ...]
    needed: NeededVisibility | None


@dataclass(frozen=True)
class BreakingPattern:
    """The stored pattern of epsilon n/255 that breaks a model, or comes nearest to it, with its spectrum.

    `picture` is the pattern on grey at true strength. Without a `spectrum` it is the same everywhere.
    """

    picture: str
    epsilon: float
    breaks: bool
    spectrum: RadialSpectrum | None


@dataclass(frozen=True)
class PerceptibilityCard:
    """One chosen model: `noun` is how a sentence names it. Without `has_weights` nothing can be computed on it."""

    letter: Literal["A", "B"]
    model: PerceptibilityModel
    noun: str
    pattern: BreakingPattern | None
    origin: str
    has_weights: bool


@dataclass(frozen=True)
class Recognition:
    """How well a target is recognised in patterns: those of one model (`letter`), or random signs (no letter).

    Of pictures `value` is the fraction of readings that name the target, with its 95% interval. Of scenes it is the
    fraction of other scenes that the pattern resembles less than its target: the median of several attacks, and from
    the worst to the best. `told` and `between` are the same in words, `n` says of what.
    """

    letter: Letter
    title: str
    value: float
    low: float
    high: float
    told: str
    between: str
    n: str


@dataclass(frozen=True)
class Perceptibility:
    """The whole Perceptibility page for one session.

    `share` is on what fraction of the images (of scenes: pixels) the models shall be wrong. `noise` is the spectrum of
    random signs. `unread` says which of `recognition` is missing, and `unmeasured` for which models it is not known how
    visible the pattern must be; both are empty where nothing is missing. `measure` is the command that measures that.
    """

    things: str
    scenic: bool
    share: float
    models: tuple[PerceptibilityModel, ...]
    a: PerceptibilityCard
    b: PerceptibilityCard
    every: bool
    noise: RadialSpectrum
    recognition: tuple[Recognition, ...]
    unread: str
    unmeasured: str
    measure: str

    def letters(self, model: PerceptibilityModel) -> str:
        """`A`, `B`, `AB` if the model is on both sides, or an empty string."""
        return letters(model.name, self.a.model.name, self.b.model.name)
