"""Nothing is held or made for nothing: what Gradio would send is sent, with less work."""

import asyncio
from typing import Any

import gradio as gr
import pytest
from gradio.state_holder import SessionState

from app import memory
from app.page import in_a_loop


@pytest.fixture
def page() -> gr.Blocks:
    """Three outputs of one event: a text, a button and a state."""

    def built() -> gr.Blocks:
        with gr.Blocks() as page:
            outputs = [gr.HTML("a"), gr.Button("b"), gr.State("c")]
            gr.on([page.load], lambda: {}, None, outputs)
        return page

    return in_a_loop(built)


def answers(page: gr.Blocks, updates: Any) -> tuple[list[Any], dict[int, Any]]:
    """What is sent for these updates, and what the visitor's state holds then."""
    state = SessionState(page)
    (event,) = page.fns.values()
    return asyncio.run(page.postprocess_data(event, updates, state)), state.state_data


@pytest.mark.parametrize("changed", ["a", "b", "c", "ab", "bc", "abc"])
def test_what_is_sent_is_what_gradio_sends(page: gr.Blocks, changed: str) -> None:
    (event,) = page.fns.values()

    def updates() -> dict[Any, Any]:
        values = {"a": "<b>new</b>", "b": gr.update(value="Go", interactive=False), "c": {"kept": 1}}
        return {each: values[name] for name, each in zip("abc", event.outputs, strict=True) if name in changed}

    sent, held = answers(page, updates())
    for each in sent:
        if isinstance(each, dict):
            each.pop("props", None)  # of an HTML that is left alone Gradio takes its own mark for a property
    memory.lighten(page)
    assert answers(page, updates()) == (sent, held)


def test_components_that_an_event_leaves_alone_are_not_made_anew(
    page: gr.Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.lighten(page)
    (event,) = page.fns.values()
    text, button, _ = event.outputs

    def made(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a button was made")

    monkeypatch.setattr(gr.Button, "__init__", made)
    assert answers(page, {text: "new"})[0] == ["new", {"__type__": "update"}, None]
    with pytest.raises(AssertionError, match="a button was made"):
        answers(page, {button: gr.update(interactive=False)})


def test_what_is_no_output_of_an_event_is_named_as_gradio_does(page: gr.Blocks) -> None:
    memory.lighten(page)
    with pytest.raises(ValueError, match="not specified as output"):
        answers(page, {in_a_loop(lambda: gr.HTML("other")): "x"})
    assert answers(page, ["x", gr.skip(), "y"])[0] == ["x", {"__type__": "update"}, None], "a list, as Gradio takes it"
