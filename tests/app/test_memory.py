"""Nothing is held or made for nothing: what Gradio would send is sent, with less work."""

import asyncio
import json
from copy import deepcopy
from typing import Any

import gradio as gr
import pytest
from anyio import to_thread
from fastapi.dependencies import utils
from fastapi.testclient import TestClient
from gradio.routes import App

from app import memory
from app.page import in_a_loop


@pytest.fixture
def page() -> gr.Blocks:
    """One event with outputs of each kind that the app has: a text, a button, a state, a menu and a slider."""

    def built() -> gr.Blocks:
        with gr.Blocks() as page:
            outputs = [gr.HTML("a"), gr.Button("b"), gr.State("c"), gr.Dropdown(["x"], label="d"), gr.Slider(0, 9)]
            gr.on([page.load], lambda: {}, None, outputs)
        return page

    memory._made.cache_clear()
    return in_a_loop(built)


def answers(page: gr.Blocks, updates: Any) -> tuple[list[Any], dict[int, Any], dict[int, Any]]:
    """What is sent for these updates, and what the visitor's state and components are then."""
    state = memory.Choices(page)
    (event,) = page.fns.values()
    sent = json.loads(json.dumps(asyncio.run(page.postprocess_data(event, updates, state))))
    looks = {each._id: dict(state[each._id].constructor_args) for each in event.outputs if not each.stateful}
    for arguments in looks.values():
        arguments.pop("value", None)
        arguments.pop("render", None)
    return sent, state.state_data, looks


VALUES = {
    "a": "<b>new</b>",
    "b": gr.update(value="Go", interactive=False),
    "c": {"kept": 1},
    "d": gr.update(choices=[("One", 1), ("Two", 2)], value=2, label="Menu"),
    "e": gr.update(value=3, label="ε = 3/255", visible=None),
    "A": gr.update(value="other", visible=False),
    "B": gr.skip(),
    "D": "x",
    "E": 4,
}


@pytest.mark.parametrize("changed", ["a", "b", "c", "d", "e", "ab", "bc", "abc", "abcde", "Ad", "B", "bD", "aE", "A"])
def test_what_is_sent_is_what_gradio_sends(page: gr.Blocks, changed: str) -> None:
    (event,) = page.fns.values()

    def updates() -> dict[Any, Any]:
        parts = dict(zip("abcde", event.outputs, strict=True))
        return {parts[name.lower()]: deepcopy(VALUES[name]) for name in changed}

    sent, held, looks = answers(page, updates())
    for each in sent:
        if isinstance(each, dict) and set(each) == {"__type__", "props"}:
            del each["props"]  # of an HTML that is left alone Gradio takes its own mark for a property
    memory.lighten(page)
    for _ in range(2):  # a second page gets what was made for the first
        assert answers(page, updates()) == (sent, held, looks)


def test_a_component_is_made_once_for_all_pages(page: gr.Blocks, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.lighten(page)
    (event,) = page.fns.values()
    text, button, *_ = event.outputs
    made: list[Any] = []
    begin = gr.Button.__init__
    monkeypatch.setattr(gr.Button, "__init__", lambda self, **given: made.append(given) or begin(self, **given))
    assert answers(page, {text: "new"})[0][:2] == ["new", {"__type__": "update"}]
    assert not made, "it is left alone"
    for interactive in (False, True, False, True):
        answers(page, {button: gr.update(interactive=interactive)})
    assert [given["interactive"] for given in made] == [False, True]


def test_texts_and_looks_take_no_thread(page: gr.Blocks, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.lighten(page)
    (event,) = page.fns.values()
    text, button, state, menu, slider = event.outputs
    monkeypatch.setattr(to_thread, "run_sync", lambda *given, **named: pytest.fail("a thread was asked"))
    answers(page, {text: "a", button: gr.update(value="b"), state: 1, menu: gr.update(choices=["y"], value="y")})
    with pytest.raises(pytest.fail.Exception, match="a thread was asked"):
        answers(page, {slider: 4})


def test_what_is_no_output_of_an_event_is_named_as_gradio_does(page: gr.Blocks) -> None:
    memory.lighten(page)
    with pytest.raises(ValueError, match="not specified as output"):
        answers(page, {in_a_loop(lambda: gr.HTML("other")): "x"})
    told = answers(page, ["x", gr.skip(), "y", gr.skip(), gr.skip()])[0]
    assert told == ["x", {"__type__": "update"}, None, {"__type__": "update"}, {"__type__": "update"}], "as a list"


def test_who_has_logged_in_is_checked_without_a_thread(page: gr.Blocks, monkeypatch: pytest.MonkeyPatch) -> None:
    app = in_a_loop(lambda: App.create_app(page))
    memory.check_at_once(app)
    monkeypatch.setattr(utils, "run_in_threadpool", lambda *given, **named: pytest.fail("a thread was asked"))
    client = TestClient(app)
    assert client.get("/config").status_code == 200
    app.auth, page.auth_message = {"name": "right"}, None
    app.tokens["one"] = "name"
    assert client.get("/config").status_code == 401
    client.cookies.set(f"access-token-unsecure-{app.cookie_id}", "one")
    assert client.get("/config").status_code == 200
