"""The line of runs: how long one waits, who may wait, what is computed once, and what a run may take."""

from dataclasses import replace

import pytest
import torch

from app import service
from app.service import live
from app.service.outcomes import keep
from app.service.runs import RunRegistry
from app.session import Session
from benchmarks._visitors import FULL

SMALL = {"steps": 10, "images": 64, "epsilon": 14}


def test_those_who_wait_are_told_how_many_come_first_and_about_how_long(session: Session) -> None:
    registry, unknown = RunRegistry(), RunRegistry()
    for runs in (registry, unknown):
        one, two, three = (runs.enqueue(replace(session, steps=10, seed=seed, attack="spgd")) for seed in range(3))
        if runs is registry:
            runs.keep_pace(one, "step", 0.5)
            runs.keep_pace(one, "measuring", 2.0)
        assert (runs.before(one), runs.before(three)) == (0, 2)
        assert service.waiting_time(one, runs) == 0
    each = 2 * (0.5 * 10 + 2.0)
    assert service.waiting_time(two, registry) is not None
    assert service.waiting_time(registry.enqueue(replace(session, steps=10, seed=9)), registry) == pytest.approx(
        3 * each, abs=0.1
    )
    registry.seconds = 5.0  # no run takes longer
    assert service.waiting_time(registry.enqueue(replace(session, seed=8)), registry) == pytest.approx(20, abs=0.1)


def test_one_network_cannot_fill_the_line(session: Session) -> None:
    registry = RunRegistry(per_address=2)
    crowd = [replace(session, visitor=f"visitor {number}", seed=number) for number in range(4)]
    for number, visitor in enumerate(crowd):
        registry.came_from(visitor.visitor, "192.0.2.7" if number < 3 else "192.0.2.8")
    for visitor in crowd[:2]:
        registry.enqueue(visitor)
    with pytest.raises(
        ValueError, match=r"^2 runs from your network are waiting already; try again in a minute"
    ) as full:
        registry.enqueue(crowd[2])
    assert FULL.search(str(full.value)), "benchmarks/load.py takes it for no error"
    assert registry.enqueue(crowd[3]).run
    assert registry.counts() == {"running": 0, "waiting": 3}
    registry.close()
    assert registry.counts() == {"running": 0, "waiting": 0}


def test_what_two_people_ask_for_at_once_is_computed_once(session: Session) -> None:
    registry = RunRegistry()
    one, two = (registry.enqueue(replace(session, visitor=name, **SMALL)) for name in ("", ""))
    for side, found in service.outcomes(session).items():  # as if they were what the run of one has found
        keep(registry, one, side, found)
    second = list(service.run(two, registry))
    assert [tick.finished for tick in second] == [True]
    assert "Somebody else" in second[0].message
    for side, found in service.outcomes(two, registry).items():
        assert found is not None
        assert torch.equal(found.delta, service.outcomes(one, registry)[side].delta)
        assert found.report is not None
    again = service.run(registry.enqueue(replace(session, **SMALL)), registry)
    assert not next(again).finished, "who asks for it later watches it form"


def test_a_run_ends_when_its_time_is_over_and_keeps_what_there_is(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = RunRegistry(seconds=30.0)
    running = registry.enqueue(replace(session, steps=200, images=64, epsilon=22))
    now = 0.0
    monkeypatch.setattr(live.time, "monotonic", lambda: now)
    ticks = []
    for tick in service.run(running, registry):
        ticks.append(tick)
        now = 31.0 if tick.message.startswith("Step 3 ") else now
    assert tick.finished
    assert tick.message.startswith("Stopped at step ")
    assert tick.message.endswith(" A run may take up to 30 s here.")
    for found in service.outcomes(running, registry).values():
        assert found is not None
        assert found.forming is not None
        assert found.forming.state == "stopped"
    assert registry.counts()["running"] == 0


def test_what_became_of_runs_is_counted(session: Session) -> None:
    registry = RunRegistry(per_address=3)
    done, stopped, left = (registry.enqueue(replace(session, visitor=name, **SMALL)) for name in ("", "ada", "bob"))
    with registry.drawn(done):
        for side, found in service.outcomes(session).items():
            keep(registry, left, side, found)
        assert [tick.finished for tick in service.run(done, registry)] == [True]
    registry.stop(stopped)
    assert not registry.waits(stopped)
    assert registry.waits(left)
    assert registry.tallies() == {"asked": 3, "refused": 0, "started": 1, "finished": 1, "cancelled": 1}
    registry._left.clear()  # as if the last had closed the page
    assert not registry.waits(left)
    assert not registry.claim(left)
    for number in range(4):
        registry.came_from(f"{number}", "192.0.2.7")
        if number < 3:
            registry.enqueue(replace(session, visitor=f"{number}"))
    with pytest.raises(ValueError, match="from your network"):
        registry.enqueue(replace(session, visitor="3"))
    assert registry.tallies() == {"asked": 6, "refused": 1, "started": 1, "finished": 1, "cancelled": 2}
