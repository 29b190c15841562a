"""What would be held or done for nothing: records of pages and events, components made anew, threads, free memory."""

import ctypes
import functools
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from copy import copy
from datetime import datetime
from typing import Any

import gradio as gr
from fastapi import Depends
from fastapi.routing import APIRoute
from gradio import state_holder
from gradio.blocks import Block, postprocess_update_dict
from gradio.state_holder import SessionState
from gradio.utils import delete_none, is_prop_update

M_ARENA_MAX, ARENAS = -8, 2
"""The C library takes memory for threads from so many pools (its own choice is 8 a processor, each of which keeps what
was free between)."""
EVERY = 60.0
"""Seconds between two times that free memory is given back."""


class Choices(SessionState):
    """What Gradio keeps of one page: its state, and how its components were changed.

    Gradio also keeps whatever each component shows, 1.6 MB a page, for links that `app.guard.doors` has closed.
    """

    def __init__(self, blocks: gr.Blocks) -> None:
        self.blocks_config = copy(blocks.default_config)
        self.config_values: dict[int, Any] = {}
        self.state_data: dict[int, Any] = {}
        self._state_ttl: dict[int, Any] = {}
        self.is_closed = False
        self.STATE_TTL_WHEN_CLOSED = 3600

    def __setitem__(self, key: int, value: Any) -> None:
        block = self.blocks_config.blocks.get(key)
        if isinstance(block, gr.State):
            self._state_ttl[key] = block.time_to_live, datetime.now()
            self.state_data[key] = value
        else:
            self.blocks_config.blocks[key] = value

    def _update_config(self, key: int) -> None:
        """Keep nothing."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """Keep nothing."""


def lighten(page: gr.Blocks) -> None:
    """Keep Gradio from holding what every component of every page shows, from making components anew for each event,
    and from statistics of all events.

    The statistics, which only Gradio's own monitoring shows, are made anew after each event: a table of up to 10,000.
    """
    vars(state_holder)["SessionState"] = Choices
    queue: Any = page._queue
    queue.ANALYTICS_MAX_EVENTS = 1
    queue.compute_analytics_summary = lambda records: {"functions": {}}
    vars(page)["postprocess_data"] = functools.partial(_only_changed, page.postprocess_data)


def check_at_once(app: Any) -> None:
    """Have Gradio's `app` check at each request who has logged in without a thread: it only looks into a table."""
    config = next(route for route in app.routes if isinstance(route, APIRoute) and route.path == "/config")
    check: Any = next(one for one in config.dependant.dependencies if one.dependencies)

    async def checked(user: str | None = Depends(check.dependencies[0].call)) -> None:
        check.call(user)

    app.dependency_overrides[check.call] = checked


async def _only_changed(
    answered: Callable[..., Awaitable[list[Any]]], event: Any, updates: Any, state: SessionState | None
) -> list[Any]:
    """What Gradio sends for an event, without what it does for nothing.

    It makes a component anew for each update, of those too that an event leaves alone, and a thread has to take up each
    text although that does nothing to it, which takes longest while a run computes.
    """
    if not (isinstance(updates, dict) and updates and all(isinstance(each, Block) for each in updates)):
        return await answered(event, updates, state)
    few = copy(event)
    few.outputs = [each for each in event.outputs if each in updates and not _light(each, updates[each])]
    if state is None or not updates.keys() <= set(event.outputs):  # what is no output of the event: Gradio says so
        return await answered(event, updates, state)
    others = {each: updates[each] for each in few.outputs}
    changed = iter(await answered(few, others, state) if others else ())
    return [
        _left_alone(each)
        if each not in updates
        else next(changed)
        if each in others
        else _sent(event, each, updates[each], state)
        for each in event.outputs
    ]


def _light(component: Any, value: Any) -> bool:
    """Whether a value, or an update of what a component looks like, can be sent without a thread and without files."""
    if component.stateful or getattr(component, "data_model", None):
        return False
    return is_prop_update(value) or (isinstance(component, gr.HTML) and isinstance(value, str))


def _sent(event: Any, component: Any, value: Any, state: SessionState) -> Any:
    """What Gradio sends for a light value; of an update the state has the component that it leads to."""
    if not is_prop_update(value):
        return component.postprocess(value) if event.postprocess else value
    update = delete_none(dict(value), skip_value=True)
    changes = {name: given for name, given in update.items() if name not in ("value", "__type__")}
    arguments = state.get(component._id, component).constructor_args | changes
    arguments.pop("value", None)
    state[component._id] = made = _made(type(component), Arguments(arguments, render=False))
    return postprocess_update_dict(made, update, event.postprocess)


class Arguments(dict[str, Any]):
    """What a component is made with; equal ones are found again."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(repr(self))


def _make(kind: Callable[..., Any], arguments: Arguments) -> Any:
    return kind(**arguments)


_made: Any = functools.lru_cache(maxsize=1000)(_make)
"""A component, which pages share: Gradio does not change it once it is made."""


def _left_alone(component: Any) -> dict[str, str] | None:
    return None if component.stateful else {"__type__": "update"}


def give_back() -> None:
    """Give free memory back to the machine now and then, for ever; the C library keeps most of it otherwise."""
    with suppress(OSError, AttributeError):  # there is no glibc here
        trim = ctypes.CDLL("libc.so.6").malloc_trim
        while True:
            time.sleep(EVERY)
            trim(0)


def begin() -> None:
    """Have few pools of memory, and give it back in a thread of its own."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").mallopt(M_ARENA_MAX, ARENAS)
    threading.Thread(target=give_back, name="memory", daemon=True).start()
