"""What is known of one attack on one model: stored with the model, or crafted here a moment ago.

delta (1,C,H,W) in whole units of 1/255, as it is stored, drawn and measured.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

import torch
from torch import Tensor

from app.service import catalogue
from app.service.cache import Shelf
from app.service.facts import Forming
from app.session import LOOKS, Session
from core.checkpoints import Checkpoint
from core.evaluation import Report
from core.pattern import PatternScore
from core.results import key

PATIENCE = 5.0
"""Seconds that whoever ends a run waits for its last step."""
BATCH, SCENES = 32, 4
"""Images, or scenes, in a step of a live run: half of what stored results use, so that the pattern moves more often."""


@dataclass(frozen=True)
class Outcome:
    """A delta and what came of it; `report` is None until it has been measured."""

    delta: Tensor
    report: Report | None
    live: bool
    seconds: float
    steps: int
    seed: int
    crafted_on: int
    hardware: str
    forming: Forming | None = None
    pattern: PatternScore | None = None
    """How much of the target scene it shows, where that is stored."""

    @property
    def finished(self) -> bool:
        return self.report is not None


MANY, FORGOTTEN = 16, 1800.0
"""Runs that may wait for their turn, and the seconds after which one that nobody watches any more counts no more."""
_waiting: dict[str, float] = {}
_runs: Shelf[dict[str, Outcome]] = Shelf(64)
_finished: Shelf[Outcome] = Shelf(128)
_ended: Shelf[bool] = Shelf(256)
_drawing: Shelf[Event] = Shelf(256)


def outcome(session: Session, side: str) -> Outcome | None:
    """The person's own run if there is one, else the stored result, else one that was crafted here before."""
    run = _runs.get(session.run) if session.run else None
    if run is not None:
        return run.get(side)
    checkpoint = catalogue.checkpoint(session, side)
    return stored(session, checkpoint) or _finished.get(content_key(session, checkpoint))


def stored(session: Session, checkpoint: Checkpoint) -> Outcome | None:
    """What the model folder holds for the session's attack, epsilon and target."""
    found = catalogue.results(checkpoint)
    measurement = found.find(session.attack, session.epsilon, session.target) if found else None
    delta = catalogue.delta(checkpoint, key(session.attack, session.epsilon, session.target)) if measurement else None
    if found is None or measurement is None or delta is None:
        return None
    hardware = found.about.get("versions", {}).get("hardware", "")
    m = measurement
    return Outcome(delta, m.report, False, m.seconds, m.steps, m.seed, m.crafted_on, hardware, None, m.pattern)


def keep(session: Session, side: str, found: Outcome) -> None:
    """Remember the state of a run; finished ones also for everybody who asks for the same.

    After a stop nothing counts any more: the step that was under way then may end later.
    """
    if ended(session):
        return
    run = _runs.get(session.run) or {}
    _runs.put(session.run, {**run, side: found})
    if found.finished:
        _finished.put(content_key(session, catalogue.checkpoint(session, side)), found)


def begin(session: Session) -> None:
    """A run that has nothing to show yet, and waits for its turn. Raises ValueError where too many do."""
    now = time.monotonic()
    for run, since in list(_waiting.items()):
        if now - since > FORGOTTEN:
            _waiting.pop(run, None)
    if len(_waiting) >= MANY:
        raise ValueError(f"{MANY} runs are waiting for their turn already; try again in a minute.")
    _waiting[session.run] = now
    _runs.put(session.run, {})


def waits(session: Session) -> bool:
    """Whether the session's run waits for its turn; asking takes it out of the line."""
    return _waiting.pop(session.run, None) is not None


@contextmanager
def drawn(session: Session) -> Iterator[None]:
    """While this lasts, pictures of the session's run go to the page; whoever ends the run waits for it."""
    over = _drawing.put(session.run, Event())
    try:
        yield
    finally:
        over.set()


def stopped(session: Session) -> None:
    """End a run, if there is one: what is still forming stays as it is and says so.

    Returns once no picture of the run can come after, so that none is put over what the page shows next.
    """
    if not session.run:
        return
    _waiting.pop(session.run, None)
    _ended.put(session.run, True)
    if over := _drawing.get(session.run):
        over.wait(PATIENCE)
    run = {
        side: found if found.forming is None else replace(found, forming=replace(found.forming, state="stopped"))
        for side, found in (_runs.get(session.run) or {}).items()
    }
    _runs.put(session.run, run)


def ended(session: Session) -> bool:
    """Whether a person has stopped the session's run."""
    return bool(session.run) and _ended.get(session.run) is not None


def content_key(session: Session, checkpoint: Checkpoint) -> tuple[object, ...]:
    """All that a crafted delta depends on."""
    s = session
    return checkpoint.sha256, s.attack, s.epsilon, s.target, s.steps, s.images, s.seed


def batch(checkpoint: Checkpoint) -> int:
    """Images or scenes in a step of a live run against this model."""
    return SCENES if catalogue.scenic(checkpoint) else BATCH


def hardware() -> str:
    """What the app's models run on, in words: the processor, also where there is a GPU."""
    return f"CPU, {torch.get_num_threads()} threads"


_looks: Shelf[dict[str, Any]] = Shelf(64)


def look(session: Session) -> None:
    """Note how the person looks at a run that may be under way."""
    if session.run:
        _looks.put(session.run, {name: getattr(session, name) for name in LOOKS[session.tab]})


def current(session: Session) -> Session:
    """The session of a run with the look that the person has chosen meanwhile."""
    found = _looks.get(session.run)
    return replace(session, **found) if found else session
