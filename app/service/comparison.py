"""The Compare page: from one session to everything that it shows. Nothing here runs an attack."""

from app.service import catalogue, pictures, takehome
from app.service.facts import Card, Comparison, Control, Curve, Share, Subject
from app.service.outcomes import Outcome, hardware, outcome
from app.session import Session
from core import attacks, rendering
from core.checkpoints import Checkpoint
from core.evaluation import AnyRate, Report, breaking_point
from core.results import Measurement, Results

CONTROL = "random-signs"


def comparison(session: Session) -> Comparison:
    """Everything on the page. Raises NoModels, or FileError where a model folder is damaged."""
    a, b = card(session, "a"), card(session, "b")
    return Comparison(subject(session), a, b, pictures.strip(session), takehome.numbers(session, a, b))


def subject(session: Session) -> Subject:
    """What the headline speaks of; n is None until one of the two patterns has been measured."""
    reports = [found.report for side in "ab" if (found := outcome(session, side)) and found.report]
    rate = _rate(reports[0]) if reports else None
    attack = attacks.get(session.attack)
    data = catalogue.data_title(session.data)
    return Subject(attack.title, attack.control, data, session.epsilon, rate.n if rate else None, session.images)


def card(session: Session, side: str) -> Card:
    """One side of the page."""
    checkpoint = catalogue.checkpoint(session, side)
    found, results = outcome(session, side), catalogue.results(checkpoint)
    target = None if session.target is None else checkpoint.classes[session.target]
    report = found.report if found else None
    done = found if found and (found.finished or (found.forming and found.forming.state == "stopped")) else None
    return Card(
        letter="A" if side == "a" else "B",
        title=checkpoint.title,
        noun=_noun(session, side),
        epsilon=session.epsilon,
        amplify=session.amplify,
        target=target,
        clean=_share(results.clean.accuracy) if results else None,
        pattern=rendering.data_url(rendering.perturbation(found.delta, session.amplify)) if found else None,
        measured=_share(_rate(report)) if report else None,
        control=_control(results, session.epsilon) if results else None,
        curve=_curve(session, results),
        visibility=pictures.visibility(session, done.delta) if done else None,
        forming=found.forming if found else None,
        origin=_origin(checkpoint, found),
        hardware=found.hardware if found else "",
        files=takehome.files(session, checkpoint, done) if done else (),
        command=takehome.command(session, checkpoint, done),
    )


def _noun(session: Session, side: str) -> str:
    """How a sentence names the model: by its kind, or by its letter where both are of one kind."""
    nouns = {key: _kind(catalogue.checkpoint(session, key)) for key in "ab"}
    return nouns[side] if nouns["a"] != nouns["b"] else f"model {side.upper()}"


def _kind(checkpoint: Checkpoint) -> str:
    if not checkpoint.recipe.get("sigma"):
        return "standard model" if checkpoint.name == "standard" else f"model {checkpoint.name}"
    return "adversarially trained model" if checkpoint.recipe.get("heap") == 1 else "shared-trained model"


def _rate(report: Report) -> AnyRate:
    return report.target or report.accuracy


def _share(rate: AnyRate) -> Share:
    return Share(rate.value, *rate.interval, rate.n)


def _control(results: Results, epsilon: int) -> Control | None:
    """Random signs of equal strength, or of the next greater one that was measured."""
    enough = [m for m in results.curve(CONTROL) if m.epsilon >= epsilon]
    return Control(enough[0].epsilon, _share(enough[0].report.accuracy)) if enough else None


def _curve(session: Session, results: Results | None) -> Curve:
    """The attack's measured points; S-PGD's where the attack has fewer than two of its own."""
    if results is None:
        return Curve((), (), None, 0)
    clean = (0, results.clean.accuracy.value)
    own = results.curve(session.attack, session.target)
    targeted = session.target is not None and len(own) > 1
    points = _points(own if len(own) > 1 else results.curve())
    strongest = [(0, clean[1]), *_points(results.curve())]
    return Curve(
        points=tuple(points if targeted else [clean, *points]),
        control=() if targeted else (clean, *_points(results.curve(CONTROL))),
        breaks=breaking_point(strongest),
        reaches=max((epsilon for epsilon, _ in strongest), default=0),
        targeted=targeted,
    )


def _points(measurements: list[Measurement]) -> list[tuple[int, float]]:
    return [(m.epsilon, _rate(m.report).value) for m in measurements]


def _origin(checkpoint: Checkpoint, found: Outcome | None) -> str:
    """Where the numbers of one side come from, in one line."""
    parts = [f"weights {checkpoint.sha256[:6]}"]
    if found is None:
        return parts[0]
    parts += [f"seed {found.seed}", f"{found.steps:,} steps"]
    parts += [f"crafted on {found.crafted_on:,} training images"] if found.crafted_on else []
    if found.report:
        parts.append(f"measured on n = {found.report.accuracy.n:,}")
        parts.append(f"live in {found.seconds:.1f} s" if found.live else "precomputed")
    elif found.forming and found.forming.state == "stopped":
        parts.append(f"stopped at step {found.forming.step}, not measured on held-out images")
    return " · ".join([*parts, found.hardware.partition(",")[0]] if found.hardware else parts)


def estimate_text(seconds: float | None) -> str:
    """How long a run takes, for the status line."""
    if seconds is None:
        return "Space runs and stops."
    return f"About {max(1, round(seconds)):,} s. Space runs and stops."


def device() -> str:
    """Where the models run, for the header."""
    return "CPU" if hardware().startswith("CPU") else hardware()
