"""Live runs: the queue, who still looks at them, what came of each, and how fast they were."""

import itertools
import math
import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, Literal

from app.service.cache import LRUCache
from app.session import Session

if TYPE_CHECKING:
    from app.service.outcomes import Outcome

MANY = 32
"""Runs that may wait for their turn."""
SECONDS = 600.0
"""The most that a run may take."""
KEPT = 64
"""Runs that are remembered; those that are over are forgotten first."""
GRACE = 5.0
"""Seconds that a visitor may be without a connection: between two events the page has none for a moment."""
PATIENCE = 5.0
"""Seconds that whoever ends a run waits for its last picture."""
PACES = 5
"""Runs that an estimate is made from."""
Work = Literal["step", "measuring"]


@dataclass
class Run:
    """One run: the session that asked for it, and the outcome of each side so far."""

    session: Session
    state: Literal["over", "running", "waiting"] = "waiting"
    found: "dict[str, Outcome]" = field(default_factory=dict)
    looks: dict[str, Any] = field(default_factory=dict)
    finished: bool = False
    """Whether it has got to its end."""
    drawn: Event | None = None
    """Set once no picture of the run can come any more."""
    asked: float = field(default_factory=lambda: time.monotonic())
    begun: float | None = None
    """When it was asked for, and when its turn came."""


@dataclass
class Turn:
    """The events of one visitor on one tab, of which one works at a time."""

    lock: Lock = field(default_factory=Lock)
    newest: Session | None = None


class RunRegistry:
    """All visitors and their runs, under one lock.

    Visitors are named by what Gradio calls their session hash; `""` is always there.
    """

    def __init__(self, per_address: int = MANY, seconds: float = SECONDS) -> None:
        """`per_address` is how many runs of one network may wait, `seconds` how long a run may take."""
        self.per_address, self.seconds = per_address, seconds
        self._lock = Lock()
        self._closed = False
        self._addresses: LRUCache[str] = LRUCache(4096)
        self._ready: LRUCache[float] = LRUCache(256)
        """When which result was ready."""
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._connected: Counter[str] = Counter()
        self._left: dict[str, float] = {}
        self._turns: LRUCache[Turn] = LRUCache(512)
        self._revisions = itertools.count(1)
        self._paces: LRUCache[tuple[float, ...]] = LRUCache(64)
        self._tallies: Counter[str] = Counter()
        self.executor = ThreadPoolExecutor(2, thread_name_prefix="reading")
        """Reads data sets while a run says so."""

    @contextmanager
    def connection(self, visitor: str) -> Iterator[None]:
        """While this lasts the visitor is there, and for `GRACE` seconds after."""
        with self._lock:
            self._connected[visitor] += 1
        try:
            yield
        finally:
            with self._lock:
                self._connected[visitor] -= 1
                self._connected += Counter()  # drops those at 0
                self._seen(visitor)

    def enqueue(self, session: Session) -> Session:
        """The session with a fresh run of its own, last in the line. Raises ValueError where too many wait."""
        self.stop(session)
        name = secrets.token_urlsafe(9)
        with self._lock:
            self._seen(session.visitor)
            for run in self._runs.values():
                if run.state == "waiting" and not self._present(run.session.visitor):
                    self._end(run)
            waiting = [run.session.visitor for run in self._runs.values() if run.state == "waiting"]
            if len(waiting) >= MANY:
                self._tallies["refused"] += 1
                raise ValueError(f"{MANY} runs are waiting for their turn already; try again in a minute.")
            address = self._addresses.get(session.visitor)
            own = sum(self._addresses.get(visitor) == address for visitor in waiting) if address else 0
            if own >= self.per_address:
                self._tallies["refused"] += 1
                raise ValueError(f"{own} runs from your network are waiting already; try again in a minute.")
            fresh = replace(session, run=name)
            self._runs[name] = Run(fresh)
            self._tallies["asked"] += 1
            while len(self._runs) > KEPT:
                order = {"over": 0, "running": 1, "waiting": 2}
                del self._runs[min(self._runs, key=lambda key: order[self._runs[key].state])]
        return fresh

    def came_from(self, visitor: str, address: str) -> None:
        """Note the network address of a visitor, of whose runs only some may wait at the same time."""
        self._addresses.put(visitor, address)

    def counts(self) -> dict[str, int]:
        """How many runs are under way and how many wait."""
        with self._lock:
            states = Counter(run.state for run in self._runs.values() if self._present(run.session.visitor))
        return {state: states[state] for state in ("running", "waiting")}

    def tallies(self) -> dict[str, int]:
        """How many runs were asked for, refused, started, finished and cancelled (stopped, left, cut off, failed)."""
        with self._lock:
            return {name: self._tallies[name] for name in ("asked", "refused", "started", "finished", "cancelled")}

    def close(self) -> None:
        """End all runs, for good: the app stops."""
        with self._lock:
            self._closed = True
            for run in self._runs.values():
                self._end(run)

    def before(self, session: Session) -> int:
        """How many runs are to be done before the session's own."""
        return len(self.ahead(session))

    def ahead(self, session: Session) -> list[tuple[Session, float]]:
        """The runs that are to be done before the session's own, and how many seconds each has taken so far."""
        with self._lock:
            names = itertools.takewhile(lambda name: name != session.run, self._runs)
            runs, now = [self._runs[name] for name in names], time.monotonic()
            # nobody waits for those whose visitors have left
            return [
                (run.session, now - (run.begun or now))
                for run in runs
                if run.state == "running" or (run.state == "waiting" and self._present(run.session.visitor))
            ]

    def waits(self, session: Session) -> bool:
        """Whether the session's run waits for its turn, and its visitor for that."""
        with self._lock:
            run = self._runs.get(session.run)
            return run is not None and run.state == "waiting" and self._present(run.session.visitor)

    def keep_result(self, key: Hashable) -> None:
        """Note that a result is ready, for those who wait for the same (`waited_for`)."""
        self._ready.put(key, time.monotonic())

    def waited_for(self, session: Session, key: Hashable) -> bool:
        """Whether a result has become ready since the session's run was asked for."""
        with self._lock:
            run = self._runs.get(session.run)
        return run is not None and (self._ready.get(key) or -math.inf) > run.asked

    def claim(self, session: Session) -> bool:
        """Take the session's run out of the line to run it; False where it does not wait there, or for nobody."""
        with self._lock:
            run = self._runs.get(session.run)
            if run is None or run.state != "waiting":
                return False
            if not self._present(run.session.visitor):
                self._end(run)
                return False
            run.state, run.begun = "running", time.monotonic()
            self._tallies["started"] += 1
            return True

    def finish(self, session: Session) -> None:
        """Note that the session's run has got to its end; its last picture is still to be drawn."""
        with self._lock:
            if run := self._runs.get(session.run):
                run.finished = True

    def under_way(self, session: Session) -> str:
        """The name of the same visitor's run of the same choices that waits or runs; empty without one."""
        with self._lock:
            asked = _asked(session)
            fits = (name for name, run in self._runs.items() if run.state != "over" and _asked(run.session) == asked)
            return next(fits, "")

    def ended(self, session: Session) -> bool:
        """Whether a person has stopped the session's run or has left it, or it has been forgotten."""
        with self._lock:
            run = self._runs.get(session.run)
            return bool(session.run) and (
                self._closed or run is None or run.state == "over" or not self._present(run.session.visitor)
            )

    @contextmanager
    def drawn(self, session: Session) -> Iterator[None]:
        """While this lasts, pictures of the session's run go to the page; whoever ends the run waits for it."""
        over = Event()
        with self._lock:
            if run := self._runs.get(session.run):
                run.drawn = over
        try:
            yield
        finally:
            over.set()
            with self._lock:
                if run:
                    self._end(run)

    def stop(self, session: Session) -> None:
        """End the session's run, if there is one: what is still forming stays as it is and says so.

        Returns once no picture of the run can come after, so that none is put over what the page shows next.
        """
        with self._lock:
            run = self._runs.get(session.run)
            if run is None:
                return
            self._end(run)
        if run.drawn is not None:
            run.drawn.wait(PATIENCE)
        self.cut(session)

    def cut(self, session: Session) -> None:
        """End the session's run as `stop` does, from within: nobody waits for its last picture."""
        with self._lock:
            run = self._runs.get(session.run)
            if run is None:
                return
            self._end(run)
            run.found = {
                side: found
                if found.forming is None
                else replace(found, forming=replace(found.forming, state="stopped"))
                for side, found in run.found.items()
            }

    def stop_tab(self, session: Session) -> None:
        """End all runs of the session's visitor in its tab, whatever they are of."""
        with self._lock:
            own = [run.session for run in self._runs.values() if run.state != "over"]
        for other in own:
            if (other.visitor, other.tab) == (session.visitor, session.tab):
                self.stop(other)

    def keep(self, session: Session, side: str, found: "Outcome") -> bool:
        """Remember how far a side is, and whether that was done: after the end the last step may come too late."""
        if self.ended(session):
            return False
        with self._lock:
            if run := self._runs.get(session.run):
                run.found[side] = found
            return True

    def found(self, session: Session) -> "dict[str, Outcome] | None":
        """What the session's run has found so far, by side; None where there is no such run."""
        with self._lock:
            run = self._runs.get(session.run)
            return None if run is None else dict(run.found)

    def look(self, session: Session) -> None:
        """Note how the person looks at a run that may be under way."""
        with self._lock:
            if run := self._runs.get(session.run):
                run.looks = {name: getattr(session, name) for name in session.looks()}

    def current(self, session: Session) -> Session:
        """The session of a run with the look that the person has chosen meanwhile."""
        with self._lock:
            run = self._runs.get(session.run)
            return replace(session, **run.looks) if run else session

    @contextmanager
    def turn(self, session: Session) -> Iterator[Session]:
        """While this lasts no other event of the same visitor and tab works; yields the newest session.

        Gradio reads an event's session before the event works. Where another event has changed it since, the session
        that was committed last replaces it, so that no choice is lost.
        """
        if not session.visitor:
            yield session
            return
        with self._lock:
            turn = self._turns.get_or_make((session.visitor, session.tab), Turn)
        with turn.lock:
            newest = turn.newest
            stale = session.data and newest is not None and newest.revision > session.revision
            yield newest if newest is not None and stale else session

    def commit(self, session: Session) -> Session:
        """The session with a revision greater than all before; for `turn` it is the newest of its visitor and tab."""
        with self._lock:
            fresh = replace(session, revision=next(self._revisions))
            if session.visitor:
                self._turns.get_or_make((session.visitor, session.tab), Turn).newest = fresh
        return fresh

    def keep_pace(self, session: Session, work: Work, seconds: float) -> None:
        """Remember how many seconds one side took for a step of the session's attack, or to be measured."""
        with self._lock:
            key = _paced(session, work)
            self._paces.put(key, (*(self._paces.get(key) or ()), seconds)[-PACES:])

    def pace(self, session: Session, work: Work) -> float | None:
        """Seconds of one side for a step of this attack, or to be measured; None where nothing has run here.

        The (lower) median of the last runs, so that one slow run does not set everybody's estimate.
        """
        with self._lock:
            found = sorted(self._paces.get(_paced(session, work)) or ())
        return found[(len(found) - 1) // 2] if found else None

    def _end(self, run: Run) -> None:
        if run.state != "over":
            run.state = "over"
            self._tallies["finished" if run.finished else "cancelled"] += 1

    def _seen(self, visitor: str) -> None:
        now = time.monotonic()
        self._left = {other: at for other, at in self._left.items() if now - at < GRACE} | {visitor: now}

    def _present(self, visitor: str) -> bool:
        lately = time.monotonic() - self._left.get(visitor, -GRACE) < GRACE
        return not visitor or lately or self._connected[visitor] > 0


def _paced(session: Session, work: Work) -> tuple[str, ...]:
    """What the pace of this work depends on; all patterns are measured alike."""
    return (work, session.data) if work == "measuring" else (work, session.data, session.attack)


def _asked(session: Session) -> Session:
    """The session without its run and without how one looks at it: what a run depends on."""
    usual = type(session)()
    return replace(session, run="", **{name: getattr(usual, name) for name in session.looks()})
