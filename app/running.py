"""How a tab that runs attacks is wired: light events, the run that streams, Stop; and which tab opens when."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import gradio as gr

from app import service
from app.session import Session
from app.view import NO_TARGET, RunView, TabView, Updates, sentence_line
from app.widgets import TURNED, turned

EVERY = 0.18
"""Seconds between two pictures of a run; slower pieces of the page follow every `SLOWLY` seconds."""
SLOWLY = 1.0

LIGHT: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": 8}


def wire(view: RunView, looks: list[tuple[str, Any]], leaves: dict[gr.Button, tuple[str, int]]) -> None:
    """Light events answer at once; the run shares one queue with every heavy event of the app.

    `looks` are fields of the session with controls that set them and change nothing but the drawing; `leaves` are
    buttons that count such a field up or down.
    """
    begun = view.run.click(_begun(view), view.session, view.outputs, trigger_mode="once", **LIGHT)
    heavy = LIGHT | {"concurrency_limit": 1, "concurrency_id": "heavy"}
    begun.success(_watched(view), view.session, view.outputs, trigger_mode="multiple", **heavy)
    # No `cancels`: a picture that is on its way when Gradio cancels a run arrives later, and stays.
    view.stop.click(_stopped(view), view.session, view.outputs, **LIGHT)
    for name, control in view.controls.items():
        triggers = [control.release, control.change] if name == "epsilon" else [control.input]
        inputs = [view.session, control]
        chosen = _chosen(view, name)
        gr.on(triggers, chosen, inputs, view.outputs, trigger_mode="always_last", **LIGHT)
    for name, control in looks:
        control.input(_drawn(view, name), [view.session, control], view.outputs, **LIGHT)
    for button, (name, by) in leaves.items():
        button.click(_leafed(view, name, by), view.session, view.outputs, **LIGHT)


def open_tabs(page: gr.Blocks, switch: gr.Tabs, views: dict[str, tuple[str, TabView]]) -> None:
    """Show the tab that the address names; the others open when a person turns to them.

    `views` holds each tab's title and view by its name.
    """
    sessions = [view.session for _, view in views.values()]
    outputs = [part for _, view in views.values() for part in view.outputs]

    def first(request: gr.Request) -> Updates:
        query = dict(request.query_params)
        named = query.get("tab", "")
        name = named if named in views else next(iter(views))
        return {switch: gr.Tabs(selected=name), **opened(views[name][1], query, name)}

    def turned_to(event: gr.SelectData, *found: Session) -> Updates:
        for (name, (title, view)), session in zip(views.items(), found, strict=True):
            if title == event.value and not session.data:
                return opened(view, {"tab": name}, name)
        return {switch: gr.skip()}

    def led(name: str) -> Callable[[Session, Session], Updates]:
        def there(session: Session, before: Session) -> Updates:
            service.stop(before)
            query = dict(parse_qsl(replace(session, tab=name).query()))
            return {switch: gr.Tabs(selected=name), **opened(views[name][1], query, name)}

        return there

    page.load(first, None, [switch, *outputs], **LIGHT)
    for _, view in views.values():
        if view.onward is not None:
            button, name = view.onward
            both = [view.session, views[name][1].session]
            led_there = button.click(led(name), both, [switch, *outputs], **LIGHT)
            led_there.then(None, js=TURNED, **LIGHT)
    turned().select(turned_to, sessions, [switch, *outputs], **LIGHT)


def opened(view: TabView, query: dict[str, str], tab: str) -> Updates:
    """The tab as an address asks for it, or its usual first view."""
    try:
        session, complaint = service.opened(query, tab)
        return view.shown(session, complaint)
    except (OSError, ValueError) as error:
        return view.failed(str(error))


def _chosen(view: RunView, name: str) -> Callable[[Session, Any], Updates]:
    def chosen(session: Session, value: Any) -> Updates:
        value = None if name == "target" and value == NO_TARGET else value
        if getattr(session, name) == value:
            return {view.session: session}
        service.stop(session)
        try:
            return view.shown(service.changed(session, name, value), changed=name)
        except (OSError, ValueError) as error:
            gr.Warning(str(error), title="That did not work")
            return _rested(view, session, str(error))  # the control goes back to what the page shows

    return chosen


def _drawn(view: RunView, name: str) -> Callable[[Session, Any], Updates]:
    """Another way to look at the same result: whatever runs goes on."""

    def drawn(session: Session, value: Any) -> Updates:
        return guarded(view, lambda: redrawn(view, replace(session, **{name: value})))

    return drawn


def _leafed(view: RunView, name: str, by: int) -> Callable[[Session], Updates]:
    def leafed(session: Session) -> Updates:
        there = max(0, getattr(session, name) + by)
        return guarded(view, lambda: redrawn(view, replace(session, **{name: there})))

    return leafed


def redrawn(view: RunView, session: Session) -> Updates:
    """The tab looked at in another way, with its session and address."""
    service.look(session)
    return {**view.redrawn(session), view.session: session, view.address: session.query()}


def guarded(view: TabView, work: Callable[[], Updates]) -> Updates:
    """What a person did wrong, or what is absent, in one sentence; never a traceback."""
    try:
        return work()
    except (OSError, ValueError) as error:
        gr.Warning(str(error), title="That did not work")
        return {view.status: sentence_line(str(error), bad=True)}


def _rested(view: RunView, session: Session, sentence: str) -> Updates:
    """The tab at rest with a complaint; only buttons and status line where even that cannot be shown."""
    try:
        return view.shown(session, sentence)
    except (OSError, ValueError):
        return {view.status: sentence_line(sentence, bad=True), **view.buttons(running=False)}


def _begun(view: RunView) -> Callable[[Session], Updates]:
    def begun(session: Session) -> Updates:
        return guarded(
            view,
            lambda: {
                view.session: service.started(session),
                view.status: sentence_line("Waiting for its turn."),
                **view.buttons(running=True),
            },
        )

    return begun


def _watched(view: RunView) -> Callable[[Session], Iterator[Updates]]:
    def watched(session: Session) -> Iterator[Updates]:
        if not service.waits(session):  # Gradio reads the session now: it may hold another run, or none
            yield {view.status: gr.skip()}
            return
        try:
            yield from _pictures(view, session)
        except (OSError, ValueError) as error:
            gr.Warning(str(error), title="That did not work")
            yield _rested(view, replace(session, run=""), str(error))
        except Exception:
            logging.getLogger(__name__).exception("A run failed.")
            yield _rested(view, replace(session, run=""), "The run failed; the app's log says why.")

    return watched


def _pictures(view: RunView, session: Session) -> Iterator[Updates]:
    """At most one update every EVERY seconds, and always the last one; none once the run has been ended."""
    drawn = slow = 0.0
    with service.drawn(session):
        for tick in service.run(session):
            if service.ended(session):
                break
            now, session = time.perf_counter(), service.current(session)
            if tick.finished:
                yield _finished(view, session, tick.message)
                return
            if now - drawn < EVERY:
                continue
            slowly = now - slow > SLOWLY
            yield {view.status: sentence_line(tick.message, aloud=False), **view.forming(session, slowly)}
            drawn, slow = now, now if slowly else slow
        yield gr.skip()  # Gradio goes on here once all earlier pictures are on their way


def _finished(view: RunView, session: Session, sentence: str) -> Updates:
    shown = view.shown(session, sentence)
    del shown[view.session]  # what the person has chosen meanwhile stays
    return shown


def _stopped(view: RunView) -> Callable[[Session], Updates]:
    def stopped(session: Session) -> Updates:
        return guarded(view, lambda: view.shown(session, service.stop(session)))

    return stopped
