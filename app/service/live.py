"""A run: both attacks advance in turn, one step at a time, then both deltas are measured. The caller may stop anywhere.

Every piece of work is short, so that a page that draws each tick moves several times a second and stops at once. What
is computed comes from `app.service.work`; here it is kept for the visitor and told.
"""

import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from app.service import background, catalogue, devices, pictures, work
from app.service.cache import caches
from app.service.outcomes import Outcome, Outcomes, batch, content_key, keep, outcomes
from app.service.runs import RunRegistry
from app.service.types import Forming
from app.service.work import Advanced, Order, Predicted
from app.session import SIDES, Session
from core import attacks, datasets
from core.attacks.base import UniversalAttack
from core.attacks.targets import objective
from core.datasets import Split
from core.evaluation import perceptibility
from core.evaluation.perceptibility import Jod
from core.evaluation.report import compare
from core.threat import Budget

SMOOTHING = 0.85
JUDGED = 8
"""Held-out images that the JOD of a live run is measured on, 0.3 s each; stored ones have 16."""


@dataclass(frozen=True)
class Tick:
    """Where a run stands, in a few words, and what it has found of each side; `finished` on the last one."""

    message: str
    outcomes: Outcomes
    finished: bool = False


@dataclass
class _Side:
    """What is known of one attack under way."""

    side: str
    clean_key: str
    crafted_on: int
    seconds: float = 0.0
    step: Advanced | None = None
    raw: list[float] = field(default_factory=list)
    smooth: list[float] = field(default_factory=list)

    def advance(self, step: Advanced) -> None:
        """Take in a step."""
        self.step = step
        self.seconds += step.seconds
        if (rate := step.fooling_rate) is not None:
            self.raw.append(rate)
            self.smooth.append(SMOOTHING * self.smooth[-1] + (1 - SMOOTHING) * rate if self.smooth else rate)


def run(session: Session, runs: RunRegistry) -> Iterator[Tick]:
    """Craft and measure both sides; each tick tells how far they are.

    A run that takes longer than `runs.seconds` ends where it is. What somebody else has had computed while this run
    waited is not computed again. Raises FileNotFoundError where the images are absent, ValueError where the choice
    does not fit.
    """
    runs.claim(session)
    if shared := _shared(session, runs):
        for side, found in shared.items():
            keep(runs, session, side, found)
        runs.finish(session)
        yield Tick("Somebody else has just had the same computed: here it is.", outcomes(session, runs), finished=True)
        return
    began = time.monotonic()
    for tick in _run(session, runs):
        if time.monotonic() - began > runs.seconds and not tick.finished:
            sentence = f"{_stopped(session, runs)} A run may take up to {runs.seconds:,.0f} s here."
            runs.cut(session)
            yield Tick(sentence, outcomes(session, runs), finished=True)
            return
        if tick.finished:
            runs.finish(session)
        yield tick


def _shared(session: Session, runs: RunRegistry) -> dict[str, Outcome]:
    """The results of both sides, if both became ready while the session's run waited; else nothing."""
    keys = {side: content_key(catalogue.at(session, side), catalogue.checkpoint(session, side)) for side in SIDES}
    if not all(runs.waited_for(session, each) for each in keys.values()):
        return {}
    found = {side: caches.crafted.get(each) for side, each in keys.items()}
    return {side: each for side, each in found.items() if each} if all(found.values()) else {}


def _run(session: Session, runs: RunRegistry) -> Iterator[Tick]:
    data = catalogue.dataset(session)
    if absent := pictures.missing(data):
        raise FileNotFoundError(absent)
    live = _Live(session, runs)
    crafting = yield from live.waited(lambda: pictures.split(data, "train", session.images), "the crafting images")
    held_out = yield from live.waited(lambda: pictures.split(data, "test"), "the held-out images")
    models = [catalogue.checkpoint(session, side) for side in SIDES]
    sides = [_Side(side, of.sha256, len(crafting)) for side, of in zip(SIDES, models, strict=True)]
    clean = {of.sha256: caches.clean_predictions.get((of.sha256, len(held_out))) for of in models}
    known = {key: found for key, found in clean.items() if found is not None}
    tried = tuple(attack(catalogue.at(session, side)) for side in SIDES)
    order = Order(data, session.images, tuple(models), tried, tuple(known), work.seconds(models, tried))
    with closing(work.computed(order)) as found:
        yield from live.crafted(sides, found)
        began = time.perf_counter()
        for side in sides:
            yield from live.measured(side, held_out, found, known)
    runs.keep_pace(session, "measuring", (time.perf_counter() - began) / len(sides))
    total = sum(side.seconds for side in sides)
    done = f"Done in {total:.0f} s: crafted and measured on {len(held_out):,} held-out images."
    yield live.tick(" ".join(filter(None, (done, devices.machine.notice()))), finished=True)


def attack(session: Session) -> UniversalAttack:
    """The attack as chosen. Raises ValueError where it cannot aim at a class."""
    aim = objective(session.target, datasets.get(catalogue.dataset(session)))
    kind = attacks.get(session.attack)
    options = {"steps": session.steps, "seed": session.seed}
    if kind.takes("batch_size"):
        options["batch_size"] = batch(catalogue.checkpoint(session, "a"))
    return kind(Budget.from_255(session.epsilon), aim, **options)


@dataclass(frozen=True)
class _Live:
    """One run: what it finds is kept in the registry, and told by its ticks."""

    session: Session
    runs: RunRegistry

    def tick(self, message: str, finished: bool = False) -> Tick:
        return Tick(message, outcomes(self.session, self.runs), finished)

    def keep(self, side: _Side, found: Outcome) -> None:
        keep(self.runs, self.session, side.side, found)

    def waited(self, work: Callable[[], Split], what: str) -> Generator[Tick, None, Split]:
        """Do slow reading in another thread and tick while it lasts (the thread finishes even if the caller stops)."""
        began = time.perf_counter()
        future: Future[Split] = self.runs.executor.submit(work)
        while not future.done():
            yield self.tick(f"Getting {what}: {time.perf_counter() - began:.0f} s (only the first time).")
            time.sleep(0.15)
        return future.result()

    def crafted(self, sides: list[_Side], found: Iterator[Advanced | Predicted]) -> Iterator[Tick]:
        """A tick after every step of either side; control patterns take one step and no time."""
        total = 1 if attacks.get(self.session.attack).control else self.session.steps
        for iteration in range(1, total + 1):
            for side in sides:
                step = next(found)
                assert isinstance(step, Advanced)
                side.advance(step)
                self.keep(side, self._forming(side, total))
                spent = sum(each.seconds for each in sides)
                pace = spent / (2 * iteration - (side is sides[0]))
                left = pace * (2 * (total - iteration) + (side is sides[0]))
                left += 2 * measuring_time(self.session, self.runs, pace)
                yield self.tick(f"Step {iteration} of {total}, about {left:.0f} s left.")
        self.runs.keep_pace(self.session, "step", sum(side.seconds for side in sides) / (2 * total))

    def _forming(self, side: _Side, total: int) -> Outcome:
        """What is known of a side while its pattern forms."""
        assert side.step is not None
        return Outcome(
            torch.from_numpy(side.step.delta),
            report=None,
            live=True,
            seconds=side.seconds,
            steps=side.step.total,
            seed=self.session.seed,
            crafted_on=0 if attacks.get(self.session.attack).control else side.crafted_on,
            hardware=side.step.hardware,
            forming=Forming("forming", side.step.iteration, total, tuple(side.raw), tuple(side.smooth)),
        )

    def measured(
        self, side: _Side, held_out: Split, answers: Iterator[Advanced | Predicted], known: dict[str, Tensor]
    ) -> Iterator[Tick]:
        """Predictions on all held-out images, clean (once per model) and attacked, piece by piece.

        `known` are the clean ones, by the model's weights.
        """
        assert side.step is not None
        found, started, letter = self._forming(side, side.step.total), time.perf_counter(), side.side.upper()
        predictions = {"clean": known[side.clean_key]} if side.clean_key in known else {}
        for name in ("clean", "attacked"):
            if name in predictions:
                continue
            parts: list[Tensor] = []
            while (done := sum(map(len, parts))) < len(held_out):
                part = next(answers)
                assert isinstance(part, Predicted)
                parts.append(torch.from_numpy(part.classes))
                done += len(part.classes)
                self.keep(side, _measuring(found, done / len(held_out) if name == "attacked" else 0.0))
                yield self.tick(f"Measuring {letter} on held-out images, {name}: {done:,} of {len(held_out):,}.")
            predictions[name] = torch.cat(parts)
        known[side.clean_key] = caches.clean_predictions.put((side.clean_key, len(held_out)), predictions["clean"])
        data = datasets.get(catalogue.dataset(self.session))
        aim, classes = objective(self.session.target, data), len(data.classes)
        report = compare(held_out.labels, predictions["clean"], predictions["attacked"], aim, classes)
        side.seconds += time.perf_counter() - started
        measured = replace(found, report=report, forming=None, seconds=side.seconds)
        self.keep(side, measured)  # before it is judged, so that a stop loses nothing
        jod = yield from self._judged(letter, held_out, found.delta)
        self.keep(side, replace(measured, jod=jod))
        yield self.tick(f"{letter} is measured.")

    def _judged(self, letter: str, held_out: Split, delta: Tensor) -> Generator[Tick, None, Jod | None]:
        """How visible the pattern is, one image a tick; None where that cannot be measured."""
        images = perceptibility.spaced(held_out, JUDGED)
        if not (perceptibility.jod_available() and perceptibility.judgeable(images)):
            return None
        values: list[float] = []
        with closing(_judgements(images, delta)) as judged:
            for value in judged:
                values.append(value)
                yield self.tick(f"Measuring how visible {letter} is: {len(values)} of {len(images)}.")
        return Jod.of(values)


@background.computed
def _judgements(images: Tensor, delta: Tensor) -> Generator[float, None, None]:
    yield from perceptibility.judgements(images, delta)


def _measuring(found: Outcome, fraction: float) -> Outcome:
    """The outcome while so much of it is measured."""
    assert found.forming is not None
    return replace(found, forming=replace(found.forming, state="measuring", measured=fraction))


def stop(session: Session, runs: RunRegistry) -> str:
    """End a run; what there is stays. Returns the sentence for the status line."""
    runs.stop(session)
    return _stopped(session, runs)


def _stopped(session: Session, runs: RunRegistry) -> str:
    sides = [found for found in outcomes(session, runs).values() if found]
    steps = [found.forming.step for found in sides if found.forming is not None]
    if not steps:
        return "It was done already." if sides else "Stopped before the first step."
    which = "the patterns stay," if len(steps) == len(sides) else "both patterns stay, B's"
    return f"Stopped at step {max(steps)}: {which} not measured on held-out images."


def estimate(session: Session, runs: RunRegistry) -> float | None:
    """Seconds of a run: as the last ones here took, else judged by the stored results; None if unknown."""
    control = attacks.get(session.attack).control
    pace = 0.0 if control else runs.pace(session, "step")
    if pace is None:
        results = catalogue.results(catalogue.checkpoint(session, "a"))
        if results and _kind(results.about.get("versions", {}).get("hardware", "CPU")) != _kind(devices.hardware()):
            return None  # the pace of another kind of machine says nothing of this one
        measured = [
            m.seconds / m.steps for m in (results.measurements if results else ()) if m.attack == session.attack
        ]
        if not measured:
            return None
        pace = sorted(measured)[len(measured) // 2] * (0.5 if session.attack == "spgd" else 1)
    return 2 * (pace * session.steps + measuring_time(session, runs, pace))


def _kind(hardware: str) -> str:
    return hardware.partition(",")[0]


def waiting_time(session: Session, runs: RunRegistry) -> float | None:
    """Seconds until the turn of a session's run comes; None where a run before it takes nobody knows how long."""
    left = [(estimate(other, runs), spent) for other, spent in runs.ahead(session)]
    known = [min(runs.seconds, takes) - spent for takes, spent in left if takes is not None]
    return sum(max(0.0, rest) for rest in known) if len(known) == len(left) else None


def measuring_time(session: Session, runs: RunRegistry, pace: float) -> float:
    """Seconds that one side takes to be measured: as the last runs here did, else judged by the `pace` of a step.

    A step has a forward and a backward pass, about three times the cost of a prediction; each held-out image has two
    predictions, clean and attacked.
    """
    known = runs.pace(session, "measuring")
    if known is not None:
        return known
    checkpoint = catalogue.checkpoint(session, "a")
    results = catalogue.results(checkpoint)
    held_out = results.clean.accuracy.n if results else 0
    return 2 * held_out * pace / (3 * batch(checkpoint))
