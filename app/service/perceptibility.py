"""Perceptibility: how visible a pattern must be to make a model wrong, and what is seen in it.

Everything is read from stored results and stored patterns. Epsilons are in units of 1/255.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from app.service import catalogue
from app.service.compare import CONTROL, noun
from app.service.types import (
    BreakingPattern,
    Fraction,
    Letter,
    Perceptibility,
    PerceptibilityCard,
    PerceptibilityModel,
    PerceptibilityPoint,
    Recognition,
)
from app.session import SIDES, Session, choice
from core import datasets, rendering
from core.attacks.random_signs import RandomSigns
from core.checkpoints import perturbations
from core.checkpoints.results import Results
from core.checkpoints.store import Checkpoint
from core.evaluation.pattern_score import ALL, ReadingRate
from core.evaluation.spectrum import RadialSpectrum, radial_spectrum
from core.reports.tradeoff import MeasuredModel
from core.reports.visibility import breaking_jod, comparable_share, needed_visibility, visible_points
from core.threat import Budget

SHOWN = ("pair", "all")
MEASURE = "plainsight precompute {} --assess"
"""The command that measures the JODs of one model."""
LETTERS: tuple[Letter, Letter] = ("A", "B")
READ = "plainsight patterns"
"""The command that measures pattern scores."""


@dataclass(frozen=True)
class PerceptibilitySession(Session):
    """The Perceptibility tab's choices: `side` is the model that a press chooses, `shown` which models are drawn."""

    tab = "perceptibility"
    addressed = ("data", "a", "b")
    needs = "models of whose perturbations the visibility was measured"

    side: str = choice("b", SIDES, look=True, kept=True)
    shown: str = choice("all", SHOWN, look=True, kept=True)

    @classmethod
    def shows(cls, model: Checkpoint) -> bool:
        """Whether a JOD of it is stored; records without weights are shown too."""
        found = catalogue.results(model)
        return bool(found and (breaking_jod(found) or visible_points(found)))


def perceptibility(session: PerceptibilitySession) -> Perceptibility:
    """Everything on the page. Raises NoModels, or FileError where a model folder is damaged."""
    own = _own(session.data)
    sides = [_chosen(own, catalogue.checkpoint(session, side)) for side in SIDES]
    share = comparable_share([results for _, results in sides], [results for _, results in own])
    models = catalogue.derived(
        session.data, ("seen", share), lambda: {model.name: _seen(model, results, share) for model, results in own}
    )
    cards = [
        _card(session, side, models[model.name], model, results)
        for side, (model, results) in zip(SIDES, sides, strict=True)
    ]
    scenic = catalogue.scenic(sides[0][0])
    recognition, unread = _scenes(sides) if scenic else _scores(sides)
    what = ("unmeasured", share)
    unmeasured, measure = catalogue.derived(session.data, what, lambda: _unmeasured(session.data, share))
    return Perceptibility(
        things="pixels" if scenic else "images",
        scenic=scenic,
        share=share,
        models=tuple(models.values()),
        a=cards[0],
        b=cards[1],
        every=session.shown == "all",
        noise=_noise(sides[0][0].data),
        recognition=tuple(recognition),
        unread=unread,
        unmeasured=unmeasured,
        measure=measure,
    )


def _own(data: str) -> list[MeasuredModel]:
    """Every model of a data set of which a JOD is stored, the standard one first, with its results."""
    models = [model for model in catalogue.fitting(PerceptibilitySession) if model.group == data]
    if not models:
        command = MEASURE.format(f"checkpoints/{data}/MODEL")
        raise catalogue.NoModels(f"How visible the patterns for {data} are was not measured; run: {command}")
    return [(model, results) for model in models if (results := catalogue.results(model))]


def _chosen(own: Sequence[MeasuredModel], model: Checkpoint) -> MeasuredModel:
    found = [entry for entry in own if entry[0].name == model.name]
    if not found:
        known = ", ".join(other.name for other, _ in own)
        raise ValueError(f"No JOD is stored of the model {model.name!r}; known are {known}.")
    return found[0]


def _seen(model: Checkpoint, results: Results, share: float) -> PerceptibilityModel:
    return PerceptibilityModel(
        name=model.name,
        title=catalogue.title(model),
        short=catalogue.short(model),
        kind=model.kind,
        clean=Fraction.of(results.clean.accuracy),
        attack=_points(results, "spgd"),
        noise=_points(results, CONTROL),
        needed=needed_visibility(results, share),
    )


def _points(results: Results, attack: str) -> tuple[PerceptibilityPoint, ...]:
    points = visible_points(results, attack)
    return tuple(PerceptibilityPoint(point.epsilon, point.jod, Fraction.of(point.accuracy)) for point in points)


def _card(
    session: Session, side: str, seen: PerceptibilityModel, model: Checkpoint, results: Results
) -> PerceptibilityCard:
    absent = "" if model.has_weights else " (left out to save room)"
    n = f"accuracy on n = {results.clean.accuracy.n:,} held out"
    return PerceptibilityCard(
        letter="A" if side == "a" else "B",
        model=seen,
        noun=noun(session, side),
        pattern=_pattern(model, results),
        origin=f"{model.title}: {model.architecture}, weights {model.sha256[:6]}{absent} · {n}",
        has_weights=model.has_weights,
    )


def _pattern(model: Checkpoint, results: Results) -> BreakingPattern | None:
    delta, found = catalogue.delta(model, perturbations.BREAKING), results.robustness
    if delta is None or found is None:
        return None
    picture = rendering.data_url(rendering.perturbation(delta, 1))
    return BreakingPattern(picture, found.breaking_epsilon, found.epsilon is not None, radial_spectrum(delta))


@cache
def _noise(data: str) -> RadialSpectrum:
    """The spectrum of the random signs that are the control of every attack on this data set."""
    spectrum = radial_spectrum(RandomSigns(Budget(1)).signs((1, 3, *datasets.get(data).size)))
    assert spectrum
    return spectrum


def _scores(sides: Sequence[MeasuredModel]) -> tuple[list[Recognition], str]:
    """Pattern scores with those of random signs, and one sentence where they are missing."""
    own, noise, missing = [], [], []
    for letter, (_, results) in zip(LETTERS, sides, strict=True):
        score = results.pattern_score
        if score is None:
            missing.append(letter)
            continue
        own.append(_read(letter, "", score.own[ALL], f" of {score.epsilon}/255"))
        noise.append(_read("", "Random noise", score.noise[ALL]))
    if len(noise) == 2 and noise[0] == noise[1]:
        noise = noise[:1]
    elif len(noise) == 2:  # the readers of a model are all others
        noise = [replace(one, title=f"Random, for {letter}") for letter, one in zip(LETTERS, noise, strict=True)]
    return own + noise, f"Not stored for {' and '.join(missing)}; {READ} measures it." if missing else ""


def _read(letter: Letter, title: str, rate: ReadingRate, of: str = "") -> Recognition:
    low, high = rate.interval
    told, between = f"{100 * rate.value:.0f}%", f"{100 * low:.0f} to {100 * high:.0f}%"
    n = f"{rate.n:,} readings of {rate.patterns} pattern{'s' * (rate.patterns > 1)}{of}"
    return Recognition(letter, title, rate.value, low, high, told, between, n)


def _scenes(sides: Sequence[MeasuredModel]) -> tuple[list[Recognition], str]:
    """How many other scenes the patterns towards a scene resemble less, and one sentence where none is stored."""
    found, missing = [], []
    for letter, (_, results) in zip(LETTERS, sides, strict=True):
        scores = sorted((m.pattern for m in results.measurements if m.pattern), key=lambda score: -score.rank)
        if not scores:
            missing.append(letter)
            continue
        worst, middle, best = scores[0], scores[(len(scores) - 1) // 2], scores[-1]
        low, value, high = ((score.n - score.rank) / (score.n - 1) for score in (worst, middle, best))
        between = f"{worst.n - worst.rank} to {best.n - best.rank}"
        n = f"{len(scores)} attack{'s' * (len(scores) > 1)}"
        found.append(Recognition(letter, "", value, low, high, middle.more_than, between, n))
    return found, f"For {' and '.join(missing)} no pattern towards a scene is stored." if missing else ""


def _unmeasured(data: str, share: float) -> tuple[str, str]:
    """The models of the data set that are not in the order of visibility, and what measures them; empty if none."""
    own = [(model, catalogue.results(model)) for model in catalogue.all_models() if model.group == data]
    absent = [model for model, found in own if found is None or needed_visibility(found, share) is None]
    if not absent:
        return "", ""
    first, one = absent[0], len(absent) == 1
    group = catalogue.spelled(first.folder.parent)
    return (
        catalogue.title(first) if one else f"{len(absent)} other models",
        MEASURE.format(f"{group}/{first.folder.name if one else 'MODEL'}"),
    )
