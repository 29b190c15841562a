"""The tab that docs/how-to/add-a-tab.md shows is whole in its one file: fields, address, first view and warm-up."""

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from urllib.parse import parse_qsl

import pytest

import app.page
from app import service, tabs
from app.service.runs import RunRegistry
from app.tabs import events

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "add-a-tab.md"


@pytest.fixture
def tab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The file, in a folder that the page looks for tabs in as well."""
    code = re.search(r"```python\n(.*?)```", HOW_TO.read_text("utf-8"), re.DOTALL)
    assert code
    (tmp_path / "models.py").write_text(code[1], "utf-8")
    monkeypatch.setattr(tabs, "__path__", [*tabs.__path__, str(tmp_path)])
    yield importlib.import_module("app.tabs.models")
    del sys.modules["app.tabs.models"], tabs.models


def test_a_tab_of_one_file_opens_by_its_address_and_keeps_its_own_choice(tab: ModuleType) -> None:
    assert tab in app.page.discovered()
    view = None
    build = tab.build

    def built(runs: RunRegistry) -> object:
        nonlocal view
        view = build(runs)
        return view

    tab.build = built
    app.page.build(RunRegistry())
    query = {"tab": "models", "data": "cifar10", "first": "clean"}
    shown = events.opened(view, query)
    session = shown[view.session]
    assert (type(session), session.data, session.first) == (tab.SESSION, "cifar10", "clean")
    assert dict(parse_qsl(shown[view.address])) == query
    assert shown[view.table].count("<tr>") == 3
    assert service.changed(session, "data", "signs").query() == "tab=models&data=signs&first=name"


def test_its_field_is_checked_and_stands_in_no_other_tab(tab: ModuleType) -> None:
    session, complaint = service.opened({"tab": "models", "first": "worst"}, tab.SESSION)
    assert (session.first, complaint[:28]) == ("name", "The address gives first a va")
    with pytest.raises(ValueError, match="first is one of name, clean, and 'worst' was given"):
        service.looked(session, "first", "worst")
    assert "first" not in service.opened({"first": "clean"}, service.CompareSession)[0].query()


def test_it_is_warmed_up_like_the_others(tab: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    warmed, prepared = [], []
    monkeypatch.setattr(tab, "warm_up", warmed.append)
    monkeypatch.setattr(tab, "prepare", prepared.append, raising=False)
    app.page.warm_up()
    assert warmed == prepared == [service.first(tab.SESSION)]
