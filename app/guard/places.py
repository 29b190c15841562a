"""Places in Gradio's queue: light events and runs have their own, and nobody can take them all.

Gradio counts all events of all visitors against one limit, so that one client who asks for many runs shuts every page.
"""

import sys
from types import SimpleNamespace
from typing import Any

import gradio as gr
from gradio import queueing, route_utils

from app.guard.login import network
from app.guard.refusals import log, told
from app.service import RunRegistry

HEAVY, LINE = "heavy", "line"
"""The `concurrency_id` of events that run attacks, and of those that tell whoever waits for that."""
PLACES = {"run": 256, "event": 512}
"""How many of a kind may wait in all. Runs that were stopped still have a place until their turn comes; how many can go
on when it comes `RunRegistry` decides."""
EACH = {"run": 64, "event": 128}
"""How many of these may come from one address: a whole class may sit behind one."""
NAME = 64
"""Characters of a page's name, which Gradio calls its session hash and the page makes up."""


def limit(page: gr.Blocks, runs: RunRegistry) -> None:
    """Check each event before it is queued by `page`; tell `runs` where visitors come from."""
    queue: Any = page._queue
    push = queue.push
    queue.max_size = None

    async def checked(body: Any, request: Any, username: str | None) -> Any:
        if refused := _malformed(page, body):
            return False, refused, "error"
        address = network(request.client.host if request.client else "")
        if refused := _full(queue, body, address):
            return False, refused, "queue_full"
        runs.came_from(body.session_hash or "", address)
        return await push(body=body, request=request, username=username)

    queue.push = checked
    # it would print the traceback of each event that fails because its values are not what the page sends
    vars(queueing)["traceback"] = SimpleNamespace(print_exc=_log)


def _log() -> None:
    error = sys.exc_info()[1]
    if error is not None:
        log.warning("An event failed: %s", told(error))


def _malformed(page: gr.Blocks, body: Any) -> str:
    """What is wrong with an event that no page would send; empty where nothing is."""
    if body.session_hash == "" or len(body.session_hash or "") > NAME:
        return f"A session_hash has 1 to {NAME} characters."
    try:
        fn = route_utils.get_fn(page, None, body)
    except (KeyError, ValueError):
        return "There is no such event here; reload the page."
    if len(body.data) < len(fn.inputs):
        return f"This event takes {len(fn.inputs)} values, and {len(body.data)} were given; reload the page."
    return ""


def _full(queue: queueing.Queue, body: Any, address: str) -> str:
    """Why an event gets no place; empty where it gets one."""

    def kind_of(concurrency_id: str) -> str:
        return "run" if concurrency_id == HEAVY else "event"

    kind = kind_of(queue.blocks.fns[body.fn_index].concurrency_id)
    waiting = [
        event
        for each in list(queue.event_queue_per_concurrency_id.values())
        if kind_of(each.concurrency_id) == kind
        for event in each.queue
    ]
    if len(waiting) >= PLACES[kind]:
        return f"{PLACES[kind]} {kind}s are waiting already; try again in a minute."
    own = sum(network(event.request.client.host if event.request.client else "") == address for event in waiting)
    if own >= EACH[kind]:
        return f"{EACH[kind]} {kind}s from your network are waiting already; try again in a minute."
    return ""
