"""What a run sends to the page while it lasts, with a view and a run of the tests' own."""

import asyncio
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
import shows

from app import service
from app.service import CompareSession
from app.tabs import events


class View(SimpleNamespace):
    """A tab of three parts; what it shows of a run follows from the message of the tick."""

    def forming(self, session: CompareSession, found: str, slowly: bool) -> dict[str, Any]:
        return {"pattern": found, **({"strip": found} if slowly else {})}

    def shown(self, session: CompareSession, sentence: str) -> dict[str, Any]:
        return {"session": session, "pattern": "last", "strip": "last"}


def test_what_did_not_change_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = [("Step 1", "one"), ("Step 2", "one"), ("Step 2", "one"), ("Step 3", "two")]

    def run(session: CompareSession, runs: service.RunRegistry) -> Iterator[service.Tick]:
        yield from (service.Tick(message, outcomes) for message, outcomes in ticks)
        yield service.Tick("Done", "two", finished=True)

    monkeypatch.setattr(events, "EVERY", 0.0)
    monkeypatch.setattr(events, "SLOWLY", 0.0)
    monkeypatch.setattr(service, "run", run)
    waiting = shows.RUNS.enqueue(CompareSession(data="signs", a="standard", b="shared"))
    assert shows.RUNS.claim(waiting)
    sent = list(events._pictures(View(status="status", session="session", runs=shows.RUNS), waiting))
    assert [sorted(update) for update in sent] == [
        ["pattern", "status", "strip"],
        ["status"],
        ["pattern", "status", "strip"],
        ["pattern", "strip"],
    ]


def test_stop_before_the_first_step_brings_back_what_was_shown_before(session: CompareSession) -> None:
    stopped = events._stopped(View(runs=shows.RUNS))
    waiting = shows.RUNS.enqueue(session)
    assert stopped(waiting)["session"] == session
    running = shows.RUNS.enqueue(session)
    for side, found in service.outcomes(session).items():
        assert found is not None
        shows.RUNS.keep(running, side, found)
    assert stopped(running)["session"] == running


def test_whoever_waits_is_told_when_the_line_has_moved_and_then_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = service.RunRegistry()
    three = [runs.enqueue(CompareSession(data="signs", a="standard", b="standard", seed=seed)) for seed in range(3)]
    monkeypatch.setattr(events, "LOOK", 0.001)
    monkeypatch.setattr(service, "waiting_time", lambda session, _: 47.0 if runs.before(session) else 0.0)

    async def told() -> list[Any]:
        said = []
        async for update in events._waited(View(status="status", runs=runs))(three[2]):
            said.append(update["status"])
            if len(said) < 3:
                runs.stop(three[len(said)])  # the one before it, then its own
        assert not any(one.name.startswith("asyncio_") for one in threading.enumerate()), "these would never end"
        return said

    runs.stop(three[0])
    waiting = asyncio.wait_for(told(), 20)
    monkeypatch.setattr(events, "TOLD", 0.001)
    said = asyncio.run(waiting)
    assert said[-1] == gr.skip()
    assert 'aria-live="off">Waiting for its turn: 1 run comes first, about 45 s.' in said[0], "the time alone"
    assert 'aria-live="polite">Waiting for its turn.' in said[1], "it has moved"
    assert len(said) == 3
