"""The trade-off: what clean accuracy is paid for universal robustness, and the models that the sliders step through.

Everything is read from stored results. Epsilons are in units of 1/255.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.service import catalogue, names
from app.service.fields import shortened
from app.service.types import Fraction, Mark, ParetoFront, RiskLevel, Risks, Settings, Tradeoff, TradeoffCard
from app.session import SIDES, Session, choice
from core import rendering
from core.checkpoints import perturbations
from core.checkpoints.results import Results
from core.checkpoints.store import Checkpoint
from core.reports import pareto
from core.reports.tradeoff import STANDARD, MeasuredModel, advantage, as_published, first_seeds, tradeoff_points


@dataclass(frozen=True)
class TradeoffSession(Session):
    """The Trade-off tab's choices: `side` is the model that the sliders move. It attacks nothing."""

    tab = "tradeoff"
    addressed = ("data", "a", "b")

    side: str = choice("b", SIDES, look=True, kept=True)

    @classmethod
    def shows(cls, model: Checkpoint) -> bool:
        """Whether its universal robustness was measured; records without weights are shown too."""
        found = catalogue.results(model)
        return bool(found and found.robustness)


def tradeoff(session: TradeoffSession) -> Tradeoff:
    """Everything on the page. Raises NoModels, or FileError where a model folder is damaged."""
    data, own = session.data, _own(session.data)
    marks = _all_marks(data)
    fronts = catalogue.derived(data, "fronts", lambda: _fronts(own))
    a, b = _traded(session, "a", marks), _traded(session, "b", marks)
    moved = a.mark if session.side == "a" else b.mark
    settings = Settings(
        tuple(dict.fromkeys(mark.kind for mark in marks)),
        _steps(marks, moved, "sigma"),
        _steps(marks, moved, "epsilon"),
    )
    things = "pixels" if catalogue.scenic(catalogue.checkpoint(session, "a")) else "images"
    kinds = ("finding", a.mark.kind, b.mark.kind)  # all that it depends on besides
    finding = catalogue.derived(data, kinds, lambda: _finding(own, marks, a.mark, b.mark))
    return Tradeoff(things, marks, fronts, a, b, settings, finding)


def _steps(marks: Sequence[Mark], now: Mark, name: str) -> tuple[float, ...]:
    """The values of `sigma` or `epsilon` that a slider steps through: those of one kind of model, and the standard one.

    From the standard model it leads to models of any kind.
    """
    fits = (mark for mark in marks if STANDARD in (now.kind, mark.kind) or mark.kind == now.kind)
    return tuple(sorted({getattr(mark, name) for mark in fits}))


def stepped(session: TradeoffSession, name: str, step: int) -> tuple[TradeoffSession, str]:
    """The session after the slider of `sigma` or `epsilon` went to one of its steps, counted from 0; see `snapped`.

    Raises ValueError where the slider has no such step.
    """
    marks = _all_marks(session.data)
    now = _mark(marks, getattr(session, session.side))
    steps = _steps(marks, now, name)
    if isinstance(step, bool) or step not in range(len(steps)):
        raise ValueError(f"{name} has steps from 0 to {len(steps) - 1}, and {shortened(step)} was given.")
    value = steps[int(step)]
    return (session, "") if value == getattr(now, name) else snapped(session, name, value)


def snapped(session: TradeoffSession, name: str, value: str | float) -> tuple[TradeoffSession, str]:
    """The session with the model that comes nearest after one setting was moved, and a sentence where none fits.

    `name` is `kind`, `sigma` or `epsilon`; the other settings stay as near as they can. sigma or epsilon 0 is the
    standard model. Raises ValueError for a kind that there is not.
    """
    marks = _all_marks(session.data)
    kinds = list(dict.fromkeys(mark.kind for mark in marks))
    if name == "kind" and value not in kinds:
        raise ValueError(f"kind is one of {', '.join(kinds)}, and {shortened(value)} was given.")
    now = _mark(marks, getattr(session, session.side))
    plain = [mark for mark in marks if mark.kind == STANDARD]
    if value in (STANDARD, 0) and plain:
        return _placed(session, plain[0]), ""
    trained = [mark for mark in marks if mark.kind != STANDARD]
    if not trained:
        return session, "There is no adversarially trained or shared-trained model of this data set yet."
    wanted: dict[str, str | float] = {"kind": now.kind, "sigma": now.sigma, "epsilon": now.epsilon, name: value}
    if now.kind == STANDARD and name != "kind":
        del wanted["kind"]

    def distance(mark: Mark) -> tuple[float, ...]:
        others = [key for key in ("kind", "epsilon", "sigma") if key != name and key in wanted]
        return tuple(_distance(mark, key, wanted[key]) for key in (name, *others))

    best = min(trained, key=distance)
    asked = {name: value} if now.kind == STANDARD else wanted  # nobody asked for its sigma and epsilon of 0
    missed = any(_distance(best, key, value) for key, value in asked.items())
    sentence = f"No model is {_words(asked, marks)}; the nearest is {best.plain}." if missed else ""
    return _placed(session, best), sentence


def chosen(session: TradeoffSession, name: str) -> TradeoffSession:
    """The session with the named model on the side that the sliders move. Raises ValueError for an unknown one."""
    return _placed(session, _mark(_all_marks(session.data), name))


def _placed(session: TradeoffSession, mark: Mark) -> TradeoffSession:
    return replace(session, a=mark.name) if session.side == "a" else replace(session, b=mark.name)


def _distance(mark: Mark, key: str, value: str | float) -> float:
    found = getattr(mark, key)
    return float(found != value) if isinstance(value, str) else round(abs(found - value), 6)


def _words(wanted: dict[str, str | float], marks: Sequence[Mark]) -> str:
    if "kind" in wanted:
        wanted = wanted | {"kind": next(mark.training for mark in marks if mark.kind == wanted["kind"])}
    forms = {"kind": "{}", "epsilon": "ε {:g}/255", "sigma": "σ {:g}"}
    return ", ".join(form.format(wanted[key]) for key, form in forms.items() if key in wanted)


def _own(data: str) -> list[MeasuredModel]:
    """Every model of a data set whose robustness was measured, the standard one first, with its results."""
    models = [model for model in catalogue.fitting(TradeoffSession) if model.group == data]
    if not models:
        raise catalogue.NoModels(f"No robustness was measured for {data}; run: plainsight precompute MODEL_FOLDER")
    return [(model, _measured(model)) for model in models]


def _all_marks(data: str) -> tuple[Mark, ...]:
    return catalogue.derived(data, "marks", lambda: _marks(_own(data)))


def _marks(own: Sequence[MeasuredModel]) -> tuple[Mark, ...]:
    return tuple(_marked(model, results) for model, results in own)


def _mark(marks: tuple[Mark, ...], name: str) -> Mark:
    found = [mark for mark in marks if mark.name == name]
    if not found:
        known = ", ".join(mark.name for mark in marks)
        raise ValueError(f"The robustness of a model {name!r} was not measured; known are {known}.")
    return found[0]


def _marked(model: Checkpoint, results: Results) -> Mark:
    found = results.robustness
    assert found is not None
    low, high = results.breaks_between()
    recipe, trained = model.recipe, bool(model.heap)
    return Mark(
        name=model.name,
        title=model.title,
        plain=catalogue.title(model),
        explained=names.explained(model),
        kind=model.kind,
        training=names.training(model.heap, model.schedule),
        choice=names.training_choice(model.heap, model.schedule),
        heap=model.heap,
        sigma=round(recipe.get("sigma", 0.0), 4) if trained else 0.0,
        epsilon=round(recipe.get("epsilon", 0.0), 2) if trained else 0.0,
        clean=Fraction.of(results.clean.accuracy),
        breaks=None if found.epsilon is None else found.breaking_epsilon,
        low=low,
        high=high,
        reaches=found.breaking_epsilon if found.epsilon is None else results.still_right()[-1][0],
        level=found.level,
    )


def _measured(model: Checkpoint) -> Results:
    results = catalogue.results(model)
    assert results is not None, "only measured models are offered"
    return results


def _fronts(own: Sequence[MeasuredModel]) -> tuple[ParetoFront, ...]:
    """A Pareto front for each kind of training, of one seed. The standard model, trained with epsilon 0, is in each."""
    kinds = dict.fromkeys(model.kind for model, _ in own if model.heap)
    fronts = {kind: pareto.pareto_front(tradeoff_points(first_seeds(own), kind, STANDARD)) for kind in kinds}
    return tuple(
        ParetoFront(kind, tuple((point.clean, point.robustness) for point in front)) for kind, front in fronts.items()
    )


def _finding(own: Sequence[MeasuredModel], marks: Sequence[Mark], a: Mark, b: Mark) -> str:
    """How the models of both heaps compare at equal clean accuracy, in the figures of the results page."""
    if STANDARD in (a.kind, b.kind) or a.kind == b.kind:
        return "Choose models of two kinds of training to compare their Pareto fronts at equal clean accuracy."
    if any(mark.breaks is None for mark in marks if mark.kind in (a.kind, b.kind)):
        return "The Pareto fronts cannot be compared in numbers: nothing that was tried breaks one of the models."
    found = advantage(own, a.kind, b.kind)
    nouns = {model.kind: names.training_noun(model.heap, model.schedule) for model, _ in own}
    one, other = nouns[a.kind], nouns[b.kind]
    if found is None:
        return f"Models of {one} and {other} that could be compared at equal clean accuracy are missing."
    brackets = f" Brackets: 95%, over {found.uncertainty.removeprefix('held-out ')}." if found.uncertainty else ""
    weaker = advantage(as_published(own), a.kind, b.kind)
    beside = f" Under the attack as published: {weaker.text}." if weaker else ""
    return (
        f"At equal accuracy ({found.accuracy_text}) {other} takes {found.text} times the ε of {one}.{beside}{brackets}"
    )


def _traded(session: TradeoffSession, side: str, marks: tuple[Mark, ...]) -> TradeoffCard:
    model = catalogue.checkpoint(session, side)
    results, mark = _measured(model), _mark(marks, model.name)
    found = results.robustness
    assert found is not None
    pattern = catalogue.delta(model, perturbations.BREAKING)
    absent = "" if model.has_weights else " (record only: numbers, no model)"
    crafted = f"{found.steps:,} steps of S-PGD in all, on {found.crafted_on:,} training images"
    return TradeoffCard(
        letter="A" if side == "a" else "B",
        mark=mark,
        curve=tuple((epsilon, Fraction.of(rate)) for epsilon, rate in results.still_right()),
        pattern=None if pattern is None else rendering.data_url(rendering.perturbation(pattern, 1)),
        risks=_risks(results),
        has_weights=model.has_weights,
        origin=f"{model.architecture}, weights {model.sha256[:6]}{absent} · seed {found.seed} · {crafted}"
        f"{_published(results)} · n = {found.curve[0].report.accuracy.n:,} held out",
    )


def _published(results: Results) -> str:
    """What the attack as published takes, in words; empty where that is not known."""
    found = results.published
    if found is None:
        return ""
    over = "over " if found.epsilon is None else ""
    return f" (as published it takes {over}{found.breaking_epsilon:g}/255)"


def _risks(results: Results) -> Risks | None:
    found = results.risks
    if found is None:
        return None
    risks = (RiskLevel(level.title, Fraction.of(level.accuracy), level.loss) for level in found.levels)
    return Risks(found.epsilon, tuple(risks))
