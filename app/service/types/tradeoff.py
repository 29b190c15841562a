"""The Trade-off page."""

from dataclasses import dataclass
from typing import Literal

from app.service.types.measured import (
    Fraction,
    letters,
)
from core.reports.tradeoff import STANDARD


@dataclass(frozen=True)
class Mark:
    """One model of the Trade-off tab: its settings, clean accuracy, and minimum breaking epsilon in n/255.

    `breaks` is None where nothing up to `reaches` did; `low` and `high` are between which epsilons it may lie
    (`high` None: no measured point says). `kind` is the group of models that share a Pareto front, and `training` its
    words on the page (`choice` in a picker); so is `plain` of the exact `title`, and `explained` says how it was
    trained.
    """

    name: str
    title: str
    plain: str
    explained: str
    kind: str
    training: str
    choice: str
    heap: int
    sigma: float
    epsilon: float
    clean: Fraction
    breaks: float | None
    low: float
    high: float | None
    reaches: float
    level: float

    @property
    def standard(self) -> bool:
        """Whether it is the standard model, or one that differs in nothing but the seed."""
        return self.kind == STANDARD

    @property
    def reached(self) -> float:
        """The epsilon at which the model is drawn: the one that breaks it, or the largest that was tried."""
        return self.reaches if self.breaks is None else self.breaks

    @property
    def span(self) -> str:
        """The epsilons between which the model may break, as text like `13 to 14`."""
        return f"{self.low:g} to {f'over {self.reaches:g}' if self.high is None else f'{self.high:g}'}"


@dataclass(frozen=True)
class ParetoFront:
    """The Pareto front of one kind of model, with the standard model: (clean accuracy, epsilon) of each."""

    kind: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class RiskLevel:
    """Accuracy and mean loss at one of the risk levels, from no pattern to one pattern for each image."""

    title: str
    accuracy: Fraction
    loss: float


@dataclass(frozen=True)
class Risks:
    """The risks of one model at one epsilon in n/255, from the weakest to the strongest attacker."""

    epsilon: float
    levels: tuple[RiskLevel, ...]


@dataclass(frozen=True)
class TradeoffCard:
    """One chosen model: its mark, its accuracy at each epsilon, the pattern that breaks it, and its risks.

    Without `has_weights` nothing more can be computed on it.
    """

    letter: Literal["A", "B"]
    mark: Mark
    curve: tuple[tuple[float, Fraction], ...]
    pattern: str | None
    risks: Risks | None
    origin: str
    has_weights: bool


@dataclass(frozen=True)
class Settings:
    """The choices of the controls: the kinds of model, and the values that the sliders of one side step through."""

    kinds: tuple[str, ...]
    sigmas: tuple[float, ...]
    epsilons: tuple[float, ...]


@dataclass(frozen=True)
class Tradeoff:
    """The whole Trade-off page for one session; `finding` compares the Pareto fronts of both models in one sentence."""

    things: str
    marks: tuple[Mark, ...]
    fronts: tuple[ParetoFront, ...]
    a: TradeoffCard
    b: TradeoffCard
    settings: Settings
    finding: str

    def letters(self, mark: Mark) -> str:
        """`A`, `B`, `AB` if the model is on both sides, or an empty string."""
        return letters(mark.name, self.a.mark.name, self.b.mark.name)
