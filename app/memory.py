"""What would be held or made for nothing: records of pages and events, components that did not change, free memory."""

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
from gradio import state_holder
from gradio.blocks import Block
from gradio.state_holder import SessionState

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
    """Keep Gradio from holding what every component of every page shows, from making components anew that an event
    leaves alone, and from statistics of all events.

    The statistics, which only Gradio's own monitoring shows, are made anew after each event: a table of up to 10,000.
    """
    vars(state_holder)["SessionState"] = Choices
    queue: Any = page._queue
    queue.ANALYTICS_MAX_EVENTS = 1
    queue.compute_analytics_summary = lambda records: {"functions": {}}
    vars(page)["postprocess_data"] = functools.partial(_only_changed, page.postprocess_data)


async def _only_changed(
    answered: Callable[..., Awaitable[list[Any]]], event: Any, updates: Any, state: SessionState | None
) -> list[Any]:
    """What Gradio sends for an event, without making those of its components anew that it leaves alone."""
    if not (isinstance(updates, dict) and updates and all(isinstance(each, Block) for each in updates)):
        return await answered(event, updates, state)
    few = copy(event)
    few.outputs = [each for each in event.outputs if each in updates]
    if len(few.outputs) < len(updates):  # what is no output of the event: Gradio says so
        return await answered(event, updates, state)
    changed = iter(await answered(few, updates, state))
    return [next(changed) if each in updates else _left_alone(each) for each in event.outputs]


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
