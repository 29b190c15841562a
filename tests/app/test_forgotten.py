"""Gradio keeps the sessions of 200 pages: what it forgets, the address of the page brings back, on every tab."""

from collections.abc import Collection
from dataclasses import fields, replace
from types import ModuleType
from typing import Any

import pytest

from app import service
from app.page import discovered
from app.session import HIDDEN, Session


def others(session: Session) -> list[tuple[str, Any]]:
    """Each field that a person can change on this tab, with a value that it does not have."""
    own = {each.name for each in fields(session)} - {each.name for each in fields(Session)}
    found: list[tuple[str, Any]] = []
    for each in fields(session):
        fits = each.metadata.get("fits")
        if each.name in HIDDEN or each.name not in {*session.addressed, *own} or not isinstance(fits, Collection):
            continue
        found.append((each.name, next(value for value in fits if value != getattr(session, each.name))))
    return found


@pytest.mark.parametrize("tab", discovered(), ids=lambda tab: tab.__name__.rpartition(".")[2])
def test_a_forgotten_session_comes_back_from_the_address(tab: ModuleType) -> None:
    kind, runs = tab.SESSION, service.RunRegistry()
    opened = service.first(kind)
    assert opened.data
    choices = others(opened)
    assert choices or kind.tab == "blind"
    for name, value in choices:
        session = replace(opened, **{name: value})
        recalled = service.recalled(kind(), f"?{session.query()}", runs, "me")
        assert getattr(recalled, name) == value, name
        assert replace(recalled, visitor="") == session, name


def test_more_pages_than_are_kept_do_not_mix_up_runs() -> None:
    runs = service.RunRegistry()
    opened = service.first(service.CompareSession)
    running = runs.enqueue(replace(opened, visitor="me"))
    for number in range(1000):
        runs.came_from(f"visitor {number}", "192.0.2.7")
        runs.commit(replace(opened, visitor=f"visitor {number}"))
    found = service.recalled(service.CompareSession(), f"?{opened.query()}", runs, "me")
    assert found.run == running.run
    assert service.recalled(service.CompareSession(), f"?{opened.query()}", runs, "visitor 3").run == ""
