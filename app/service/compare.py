"""The pages that put two models side by side: from a session to all they show. Nothing here runs an attack."""

from dataclasses import replace

from app.service import catalogue, downloads, names, pictures, segmentation
from app.service.catalogue import rate
from app.service.outcomes import Outcome, Outcomes
from app.service.pictures import CompareSession
from app.service.segmentation import SegmentationSession
from app.service.types import (
    Card,
    Claim,
    Comparison,
    Control,
    Curve,
    Fraction,
    Large,
    NoHelp,
    ScenePage,
    Strip,
    Subject,
)  # fmt: skip
from app.session import Session
from core import attacks, datasets, rendering
from core.attacks.targets import Target, title
from core.checkpoints.results import Measurement, Results
from core.checkpoints.store import Checkpoint
from core.evaluation.report import breaking_point
from core.reports.tradeoff import STANDARD
from core.workflows.protocol import Protocol

CONTROL = "random-signs"
"""What the status line says of the keyboard."""


def comparison(session: CompareSession, found: Outcomes) -> Comparison:
    """Everything on the page. Raises NoModels, or FileError where a model folder is damaged."""
    a, b = cards(session, found)
    numbers = downloads.numbers(session, a, b)
    return Comparison(
        subject(session, found), a, b, large(session, found), wanted(session), strip(session, found), numbers
    )


def scene_page(session: SegmentationSession, found: Outcomes) -> ScenePage:
    """Everything on the Segmentation tab. Raises NoModels, or FileError where a model folder is damaged."""
    a, b = cards(session, found)
    street, looks = segmentation.scene(session, found)
    numbers = downloads.numbers(session, a, b)
    return ScenePage(subject(session, found), (a, b), looks, street, numbers)


def large(session: CompareSession, found: Outcomes) -> Large:
    """The session's large image or scene."""
    scenic = catalogue.scenic(catalogue.checkpoint(session, "a"))
    return segmentation.large(session, found) if scenic else pictures.large(session, found)


def wanted(session: Session) -> str | None:
    """A picture of what the attacker wants to be seen; None where any mistake will do."""
    scenic = catalogue.scenic(catalogue.checkpoint(session, "a"))
    return segmentation.wanted(session) if scenic else pictures.wanted(session)


def strip(session: CompareSession, found: Outcomes) -> Strip:
    """The session's sheet of held-out images or scenes."""
    scenic = catalogue.scenic(catalogue.checkpoint(session, "a"))
    return segmentation.strip(session, found) if scenic else pictures.strip(session, found)


def subject(session: Session, found: Outcomes) -> Subject:
    """What the headline speaks of; n is None until one of the two patterns has been measured."""
    reports = [one.report for one in found.values() if one and one.report]
    n = rate(reports[0]).n if reports else None
    attack = attacks.get(session.attack)
    things = "scenes" if catalogue.scenic(catalogue.checkpoint(session, "a")) else "images"
    return Subject(names.attack_title(session.attack), attack.control, session.epsilon, n, session.images, things)


def cards(session: Session, found: Outcomes) -> tuple[Card, Card]:
    """Both sides of the page."""
    return card(session, "a", found["a"]), card(session, "b", found["b"])


def card(session: Session, side: str, found: Outcome | None, drawn: bool = True) -> Card:
    """One side of the page; unless `drawn`, the pictures of the pattern are empty."""
    checkpoint, enough = catalogue.checkpoint(session, side), catalogue.enough(session, side)
    session = catalogue.at(session, side)
    results = catalogue.results(checkpoint)
    report = found.report if found else None
    done = found if found and (found.finished or (found.forming and found.forming.state == "stopped")) else None
    factor = session.amplify or (rendering.full_scale(found.delta) if found else 1)
    return Card(
        letter="A" if side == "a" else "B",
        title=catalogue.title(checkpoint),
        explained=names.explained(checkpoint),
        noun=noun(session, side),
        epsilon=session.epsilon,
        share=None if enough is None else session.wrong / 100,
        enough=enough,
        amplify=factor,
        target=title(session.target, checkpoint.classes) or None,
        claim=claim(session.target, checkpoint),
        clean=Fraction.of(results.clean.accuracy) if results else None,
        overlap=Fraction.of(results.clean.overlap) if results and results.clean.overlap else None,
        pattern=(pictures.pattern(found, factor) if drawn else "") if found else None,
        measured=Fraction.of(rate(report)) if report else None,
        control=_control(results, session.epsilon) if results else None,
        unprovoked=Fraction.of(report.unprovoked) if report and report.unprovoked else None,
        no_help=None if found and found.live else _no_help(session, side),
        curve=_curve(session, results),
        visibility=pictures.visibility(session, done) if done else None,
        forming=found.forming if found else None,
        origin=_origin(checkpoint, found),
        hardware=found.hardware if found else "",
        search=_search(found),
        made=_made(found) if found else {},
        files=downloads.files(session, checkpoint, done, drawn) if done else (),
        command=downloads.command(session, checkpoint, done),
    )


def beside(session: Session, a: Card, b: Card) -> tuple[Card, Card]:
    """Cards of stored results that were made apart, with the words that depend on the model on the other side."""
    own = {"a": a, "b": b}
    found = [replace(card, noun=noun(session, side), no_help=_no_help(session, side)) for side, card in own.items()]
    return found[0], found[1]


def noun(session: Session, side: str) -> str:
    """How a sentence names the model: by its kind, or by its letter where both are of one kind."""
    nouns = {key: _kind(catalogue.checkpoint(session, key)) for key in "ab"}
    return nouns[side] if nouns["a"] != nouns["b"] else f"model {side.upper()}"


def _kind(checkpoint: Checkpoint) -> str:
    if not checkpoint.heap:
        plain = checkpoint.folder.name == "standard" and not checkpoint.converted
        return "standard model" if plain else f"model {checkpoint.name}"
    return "adversarially trained model" if checkpoint.heap == 1 else "shared-trained model"


def claim(target: Target | None, checkpoint: Checkpoint) -> Claim:
    """The words around what was measured, for a target and a kind of model."""
    named = title(target, checkpoint.classes)
    if not catalogue.scenic(checkpoint):
        fooled = "of crafting images fooled"
        if target is None:
            goal = "wrong on {} of all images"
            return Claim("is still right on", "", "still right", goal, "Fraction still right, by ε", fooled)
        goal = f"see “{named}” in {{}} of all images"
        return Claim(f"sees “{named}” in", "", f"see “{named}”", goal, f"Fraction that sees “{named}”, by ε", fooled)
    fooled = "of the crafting scenes' pixels changed"
    if target is None:
        words = "of pixels still right"
        goal = "wrong on {} of all pixels"
        return Claim("is still right on", " of pixels", words, goal, "Pixels still right, by ε", fooled)
    if target.kind == "remove":
        gone = f"{named.removeprefix('no ')} pixels"
        goal, axis = f"overlook {{}} of the {gone} it saw", f"Overlooked {gone}, by ε"
        return Claim("overlooks", f" of the {gone} it saw", f"of {gone} overlooked", goal, axis, fooled)
    goal, axis = f"show {named} on {{}} of what differs", f"Pixels of {named}, by ε"
    return Claim(f"shows {named} on", " of pixels", f"of pixels show {named}", goal, axis, fooled)


def _control(results: Results, epsilon: int) -> Control | None:
    """Random noise of equal strength, or of the next greater one that was measured."""
    enough = [m for m in results.curve(CONTROL) if m.epsilon >= epsilon]
    return Control(enough[0].epsilon, Fraction.of(enough[0].report.accuracy), enough[0].jod) if enough else None


def _no_help(session: Session, side: str) -> NoHelp | None:
    """What to say where the attack towards a target fools the trained model at least as often as the standard one."""
    own, other = (catalogue.checkpoint(session, key) for key in (side, "b" if side == "a" else "a"))
    if session.target is None or not own.heap or other.kind != STANDARD:
        return None
    trained, standard = (
        {m.epsilon: rate(m.report).value for m in found.curve(session.attack, session.target)} if found else {}
        for found in map(catalogue.results, (own, other))
    )
    both = [epsilon for epsilon in trained if epsilon in standard]
    if not both or any(trained[epsilon] < standard[epsilon] for epsilon in both):
        return None
    training = "adversarial" if own.heap == 1 else "shared"
    each = (f"{epsilon}/255: {trained[epsilon]:.1%}, standard {standard[epsilon]:.1%}" for epsilon in both)
    return NoHelp(
        f"{training} training does not help",
        f"How often the attack succeeds at {'; '.join(each)}",
    )


def _curve(session: Session, results: Results | None) -> Curve:
    """The attack's measured points; S-PGD's where the attack has fewer than two of its own."""
    if results is None:
        return Curve((), (), None, 0)
    clean = (0, results.clean.accuracy.value)
    own = results.curve(session.attack, session.target)
    targeted = session.target is not None and len(own) > 1
    points = _points(own if len(own) > 1 else results.curve())
    borrowed = attacks.get("spgd").title if len(own) < 2 and session.attack != "spgd" else ""
    level = Protocol.standard(datasets.get(catalogue.dataset(session))).level
    strongest = [(0, clean[1]), *_points(results.curve())]
    return Curve(
        points=tuple(points if targeted else [clean, *points]),
        control=() if targeted else (clean, *_points(results.curve(CONTROL))),
        breaks=_breaks(results, strongest, level),
        reaches=_reaches(results, strongest),
        level=results.robustness.level if results.robustness else level,
        targeted=targeted,
        borrowed=borrowed,
    )


def _breaks(results: Results, curve: list[tuple[int, float]], level: float) -> float | None:
    """The universal robustness in units of 1/255; where it was not measured, as the curve tells it."""
    if results.robustness:
        return None if results.robustness.epsilon is None else round(results.robustness.epsilon, 2)
    read_off = breaking_point(curve, level)
    return None if read_off is None else round(read_off, 1)


def _reaches(results: Results, curve: list[tuple[int, float]]) -> int:
    """Up to where the model was attacked, in units of 1/255."""
    searched = results.robustness.curve[-1].epsilon if results.robustness else 0
    return max(round(searched), *(epsilon for epsilon, _ in curve))


def _points(measurements: list[Measurement]) -> list[tuple[int, float]]:
    return [(m.epsilon, rate(m.report).value) for m in measurements]


def _made(found: Outcome) -> dict[str, int | bool]:
    return {"steps": found.steps, "crafted_on": found.crafted_on, "seed": found.seed, "live": found.live}


def _origin(checkpoint: Checkpoint, found: Outcome | None) -> str:
    """Where the numbers of one side come from, in one line."""
    parts = [f"{checkpoint.architecture}, weights {checkpoint.sha256[:6]}"]
    if found is None:
        return parts[0]
    parts += [f"seed {found.seed}", _crafted(found)]
    if found.report:
        parts.append(f"n = {found.report.accuracy.n:,} held out")
        made = f"live in {found.seconds:.1f} s" if found.live else "precomputed"
        parts += [] if found.searched else [made]  # a search is never live
    elif found.forming and found.forming.state == "stopped":
        parts.append(f"stopped at step {found.forming.step}, not measured on held-out images")
    return " · ".join([*parts, found.hardware.partition(",")[0].removeprefix("NVIDIA ")] if found.hardware else parts)


def _crafted(found: Outcome) -> str:
    """How the pattern was made, as far as the records tell."""
    if not found.crafted_on:
        return "no training images"
    words = f"{found.steps:,} steps on {found.crafted_on:,} training images"
    return f"found by a search of {words}" if found.searched else words


def _search(found: Outcome | None) -> str:
    """What a search was, in one sentence; empty where there was none."""
    if found is None or not found.searched:
        return ""
    tried = f" and of {found.donors} other {'model' if found.donors == 1 else 'models'}" if found.donors else ""
    return f"The search added up steps of attacks from several starts, also from patterns of other strengths{tried}."


def status_text(session: Session, found: Outcomes, seconds: float | None) -> str:
    """How long a run takes, and first what a stored pattern was made with where the session's settings are others."""
    return _unused_settings(session, found, seconds) or estimate_text(seconds)


def _unused_settings(session: Session, found: Outcomes, seconds: float | None) -> str:
    kind = attacks.get(session.attack)
    stored = [(one.steps, one.crafted_on, one.seed) for one in found.values() if one and not one.live]
    images = session.images if kind.takes("batch_size") else min(session.images, session.steps)
    own = (session.steps, images, session.seed)
    from_seed = 2 if kind.control else 0  # a control has no steps and sees no images
    if all(one[from_seed:] == own[from_seed:] for one in stored):
        return ""

    def words(settings: list[tuple[int, int, int]]) -> str:
        steps, images, seeds = (
            " and ".join(dict.fromkeys(map("{:,}".format, each))) for each in zip(*settings, strict=True)
        )
        things = "scenes" if catalogue.scenic(catalogue.checkpoint(session, "a")) else "images"
        return f"seed {seeds}" if kind.control else f"{steps} steps, {images} {things}, seed {seeds}"

    takes = "" if seconds is None else f", about {_whole(seconds)} s"
    return f"Stored: {words(stored)}. Yours: {words([own])}{takes}."


def estimate_text(seconds: float | None) -> str:
    """How long a run takes, for the status line."""
    if seconds is None:
        return "Nobody has timed a run here yet."
    return f"A run takes about {_whole(seconds)} s here."


def _whole(seconds: float) -> str:
    return f"{max(1, round(seconds)):,}"
