"""What is known of one attack on one model: stored with the model, or crafted here a moment ago.

delta (1,C,H,W) in whole units of 1/255, as it is stored, drawn and measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from app.service import catalogue
from app.service.cache import caches
from app.service.runs import RunRegistry
from app.service.types import Forming
from app.session import SIDES, Session
from core.checkpoints.results import key
from core.checkpoints.store import Checkpoint
from core.evaluation.perceptibility import Jod
from core.evaluation.report import Report
from core.evaluation.resemblance import Resemblance
from core.threat import quantise

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
    pattern: Resemblance | None = None
    """How much of the target scene it shows, where that is stored."""
    jod: Jod | None = None
    """How visible it is, where that was measured."""
    searched: bool = False
    """Whether it is the end of a search of several attacks, whose steps are counted together."""
    donors: int = 0
    """How many other models' patterns that search has tried."""

    @property
    def finished(self) -> bool:
        return self.report is not None

    @cached_property
    def mark(self) -> bytes:
        """What tells its delta from another."""
        return fingerprint(self.delta)


def fingerprint(delta: Tensor) -> bytes:
    """What tells one stored delta from another."""
    return quantise(delta).to(torch.int8).numpy().tobytes()


Outcomes = Mapping[str, Outcome | None]
"""What is known of the sides `a` and `b`."""


def outcomes(session: Session, runs: RunRegistry | None = None) -> Outcomes:
    """For each side: the person's own run if there is one, else the stored result, else one crafted here before."""
    own = runs.found(session) if runs else None
    return {side: _known(session, side) if own is None else own.get(side) for side in SIDES}


def _known(session: Session, side: str) -> Outcome | None:
    checkpoint, own = catalogue.checkpoint(session, side), catalogue.at(session, side)
    return stored(own, checkpoint) or caches.crafted.get(content_key(own, checkpoint))


def stored(session: Session, checkpoint: Checkpoint) -> Outcome | None:
    """What the model folder holds for the session's attack, epsilon and target."""
    found = catalogue.results(checkpoint)
    measurement = found.find(session.attack, session.epsilon, session.target) if found else None
    delta = catalogue.delta(checkpoint, key(session.attack, session.epsilon, session.target)) if measurement else None
    if found is None or measurement is None or delta is None:
        return None
    hardware = found.about.get("versions", {}).get("hardware", "")
    m, searched = measurement, found.searched(measurement)
    return Outcome(
        delta,
        m.report,
        live=False,
        seconds=m.seconds,
        steps=m.steps,
        seed=m.seed,
        crafted_on=m.crafted_on,
        hardware=hardware,
        pattern=m.pattern,
        jod=m.jod,
        searched=searched,
        donors=len(found.assessment.donors or {}) if searched else 0,
    )


def precomputed(session: Session) -> Outcomes:
    """What the model folders hold for each side: the same before, during and after a run."""
    return {side: stored(catalogue.at(session, side), catalogue.checkpoint(session, side)) for side in SIDES}


def keep(runs: RunRegistry, session: Session, side: str, found: Outcome) -> None:
    """Remember the state of a run; finished ones also for everybody who asks for the same."""
    if runs.keep(session, side, found) and found.finished:
        made = content_key(catalogue.at(session, side), catalogue.checkpoint(session, side))
        caches.crafted.put(made, found)
        runs.keep_result(made)


def content_key(session: Session, checkpoint: Checkpoint) -> tuple[object, ...]:
    """All that a crafted delta depends on."""
    s = session
    return checkpoint.sha256, s.attack, s.epsilon, s.target, s.steps, s.images, s.seed


def batch(checkpoint: Checkpoint) -> int:
    """Images or scenes in a step of a live run against this model."""
    return SCENES if catalogue.scenic(checkpoint) else BATCH
