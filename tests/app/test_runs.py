"""The registry of live runs: who waits, who is there, and what ends a run. A clock of the tests' own."""

import threading
from dataclasses import replace

import pytest
import torch

from app.service import CompareSession, SegmentationSession
from app.service import runs as module
from app.service.outcomes import Outcome
from app.service.runs import GRACE, KEPT, MANY, RunRegistry
from app.service.types import Forming
from app.session import Session

CHOSEN = CompareSession(data="signs", a="standard", b="shared")


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(module, "time", found)
    return found


@pytest.fixture
def registry(clock: Clock) -> RunRegistry:
    return RunRegistry()


def visitor(name: str) -> Session:
    return replace(CHOSEN, visitor=name)


def forming() -> Outcome:
    return Outcome(torch.zeros(1), None, True, 0.0, 1, 0, 64, "CPU", Forming("forming", 1, 10, (), ()))


def test_a_run_is_claimed_once_and_not_after_a_stop(registry: RunRegistry) -> None:
    """Gradio reads the session when an event's turn comes: then it may name another run than when Run was pressed."""
    first = registry.enqueue(CHOSEN)
    registry.stop(first)
    second = registry.enqueue(CHOSEN)
    assert [registry.claim(one) for one in (CHOSEN, first, second, second)] == [False, False, True, False]


def test_visitors_who_leave_make_room_within_seconds(registry: RunRegistry, clock: Clock) -> None:
    for number in range(MANY):
        with registry.connection(f"gone {number}"):
            gone = registry.enqueue(visitor(f"gone {number}"))
    with pytest.raises(ValueError, match=f"{MANY} runs are waiting for their turn already"):
        registry.enqueue(visitor("new"))
    clock.now += GRACE + 0.1
    assert not registry.claim(gone)
    fresh = registry.enqueue(visitor("new"))
    assert registry.before(fresh) == 0


def test_visitors_who_stay_keep_their_places(registry: RunRegistry, clock: Clock) -> None:
    with registry.connection("one"), registry.connection("two"):
        with registry.connection("two"):
            waiting = [registry.enqueue(visitor(name)) for name in ("one", "two")]
        clock.now += 3600
        assert [registry.before(one) for one in waiting] == [0, 1]
        assert [registry.claim(one) for one in waiting] == [True, True]


def test_a_run_ends_when_its_visitor_is_gone_and_keeps_no_late_step(registry: RunRegistry, clock: Clock) -> None:
    with registry.connection("one"):
        running = registry.enqueue(visitor("one"))
        registry.claim(running)
        clock.now += 3600
        assert not registry.ended(running)
        assert registry.keep(running, "a", forming())
    clock.now += GRACE - 0.1
    assert not registry.ended(running)
    clock.now += 0.2
    assert registry.ended(running)
    assert not registry.keep(running, "b", forming())
    assert list(registry.found(running)) == ["a"]


def test_a_visitor_has_one_run_a_tab(registry: RunRegistry) -> None:
    first = registry.enqueue(CHOSEN)
    second = registry.enqueue(first)
    assert registry.ended(first)
    assert registry.before(second) == 0


def test_a_run_under_way_is_found_again_by_its_visitor_and_choices_only(registry: RunRegistry) -> None:
    running = registry.enqueue(visitor("one"))
    assert registry.under_way(replace(visitor("one"), sheet=3, amplify=1)) == running.run
    assert registry.under_way(visitor("two")) == ""
    assert registry.under_way(replace(visitor("one"), epsilon=8)) == ""
    registry.stop(running)
    assert registry.under_way(visitor("one")) == ""


def test_all_runs_of_a_visitor_in_a_tab_can_be_ended(registry: RunRegistry) -> None:
    """The tab is to show something else, and its session, which named its run, has been forgotten."""
    own = registry.enqueue(visitor("one"))
    others = [registry.enqueue(one) for one in (visitor("one").on(SegmentationSession), visitor("two"))]
    registry.stop_tab(replace(visitor("one"), epsilon=2))
    assert [registry.ended(one) for one in (own, *others)] == [True, False, False]


def test_what_is_remembered_is_bounded_and_those_who_wait_are_not_forgotten(registry: RunRegistry) -> None:
    waiting = registry.enqueue(CHOSEN)
    over = [registry.enqueue(CHOSEN) for _ in range(3)]
    for one in over:
        registry.stop(one)
    for _ in range(KEPT):
        registry.stop(registry.enqueue(CHOSEN))
    assert [registry.found(one) for one in over] == [None] * 3
    assert registry.claim(waiting)


def test_of_many_who_press_run_at_once_no_more_than_the_limit_get_a_place(registry: RunRegistry) -> None:
    got, refused, start = [], [], threading.Barrier(8)

    def press() -> None:
        start.wait()
        for _ in range(MANY // 4):
            try:
                got.append(registry.enqueue(CHOSEN))
            except ValueError:
                refused.append(1)

    threads = [threading.Thread(target=press) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(refused)) == (MANY, MANY)


def test_one_slow_run_does_not_set_the_estimate(registry: RunRegistry) -> None:
    assert registry.pace(CHOSEN, "step") is None
    for seconds in (0.1, 9.0, 0.12):
        registry.keep_pace(visitor("one"), "step", seconds)
    registry.keep_pace(CHOSEN, "measuring", 3.0)
    assert registry.pace(visitor("two"), "step") == 0.12
    other = replace(CHOSEN, attack="deepfool")
    assert (registry.pace(other, "step"), registry.pace(other, "measuring")) == (None, 3.0)
    for _ in range(module.PACES):  # the server has become slower for good
        registry.keep_pace(CHOSEN, "step", 9.0)
    assert registry.pace(CHOSEN, "step") == 9.0


def test_an_event_starts_from_the_session_that_the_one_before_has_left(registry: RunRegistry) -> None:
    """Both have read the session before either worked, as Gradio does with two clicks in a row."""
    read = registry.commit(visitor("one"))
    for field, value in (("epsilon", 8), ("amplify", 1)):
        with registry.turn(read) as newest:
            registry.commit(replace(newest, **{field: value}))
    with registry.turn(read) as newest:
        assert (newest.epsilon, newest.amplify) == (8, 1)
    opened = registry.commit(visitor("one"))  # the address was opened anew: nothing of before stays
    with registry.turn(opened) as newest:
        assert newest == read
    for other in (visitor("two"), visitor("one").on(SegmentationSession)):
        with registry.turn(other) as newest:
            assert newest is other


def test_events_of_one_visitor_and_tab_work_one_after_the_other(registry: RunRegistry) -> None:
    read = registry.commit(replace(visitor("one"), seed=0))

    def count() -> None:
        for _ in range(50):
            with registry.turn(read) as newest:
                registry.commit(replace(newest, seed=newest.seed + 1))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with registry.turn(read) as newest:
        assert newest.seed == 200
