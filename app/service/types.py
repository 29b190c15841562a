"""Plain values that the page shows: numbers, sentences, addresses of pictures. No tensors, no Gradio."""

from dataclasses import dataclass
from typing import Literal

from core.evaluation.perceptibility import Jod
from core.evaluation.report import AnyRate, Rate
from core.evaluation.spectrum import RadialSpectrum
from core.reports.visibility import NeededVisibility

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

    `coarse` images are drawn with their pixels to be seen. Without images `missing` says why.
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


@dataclass(frozen=True)
class Subject:
    """The subject of the headline."""

    attack: str
    control: bool
    epsilon: int
    n: int | None
    images: int
    things: str


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
        return "".join(side.letter for side in (self.a, self.b) if side.mark.name == mark.name)


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
        return "".join(side.letter for side in (self.a, self.b) if side.model.name == model.name)
