"""What the Trade-off page shows, as plain values: numbers, sentences, addresses of pictures. No tensors, no Gradio."""

from dataclasses import dataclass
from typing import Literal

from app.service.types import Share


@dataclass(frozen=True)
class Mark:
    """One model in the trade-off: its settings, clean accuracy, and the epsilon (units of 1/255) that breaks it.

    `breaks` is None where nothing up to `reaches` did; `low` and `high` are between which epsilons it may lie
    (`high` None: no measured point says). `kind` is the group of models that share a front.
    """

    name: str
    title: str
    short: str
    kind: str
    heap: int
    sigma: float
    epsilon: float
    clean: Share
    breaks: float | None
    low: float
    high: float | None
    reaches: float
    level: float

    @property
    def height(self) -> float:
        """Where it is drawn: at the epsilon that breaks it, or where the search ended."""
        return self.reaches if self.breaks is None else self.breaks

    @property
    def span(self) -> str:
        """Between which epsilons it may break, in words like `13 to 14`."""
        return f"{self.low:g} to {f'over {self.reaches:g}' if self.high is None else f'{self.high:g}'}"


@dataclass(frozen=True)
class Front:
    """The models of one kind that no other of that kind, nor the standard model, beats; from left to right."""

    kind: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Risk:
    """One rung of the risk ladder: accuracy and mean loss."""

    title: str
    accuracy: Share
    loss: float


@dataclass(frozen=True)
class Ladder:
    """The risks of one model under patterns of one size (units of 1/255)."""

    epsilon: float
    risks: tuple[Risk, ...]


@dataclass(frozen=True)
class Traded:
    """One chosen model: its mark, how it falls with epsilon, the pattern that breaks it, and its risks.

    Without `has_weights` nothing more can be computed of it.
    """

    letter: Literal["A", "B"]
    mark: Mark
    curve: tuple[tuple[float, Share], ...]
    pattern: str | None
    ladder: Ladder | None
    origin: str
    has_weights: bool


@dataclass(frozen=True)
class Settings:
    """What the controls offer: the kinds of model, and the epsilons of hardened ones."""

    kinds: tuple[str, ...]
    epsilons: tuple[float, ...]


@dataclass(frozen=True)
class Tradeoff:
    """The whole Trade-off page for one session; `finding` compares the fronts of both models in one sentence."""

    things: str
    marks: tuple[Mark, ...]
    fronts: tuple[Front, ...]
    a: Traded
    b: Traded
    settings: Settings
    finding: str

    def letters(self, mark: Mark) -> str:
        """`A`, `B`, both where one model stands on both sides, or nothing."""
        return "".join(side.letter for side in (self.a, self.b) if side.mark.name == mark.name)
