"""What every tab that runs attacks has in common: pickers, Run and Stop, a status line; and how they are wired.

A tab subclasses `View` with its own components and three ways to fill them: at rest, redrawn, and while a run forms.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from app import service
from app.pieces import escape
from app.session import EPSILONS, IMAGES, STEPS, Session
from app.widgets import address, html, picker, turned

NO_TARGET = "none"
"""The target picker's value for no target: a dropdown cannot hold None."""
EVERY = 0.18
"""Seconds between two pictures of a run; slower pieces of the page follow every `SLOWLY` seconds."""
SLOWLY = 1.0

Updates = dict[Any, Any]


@dataclass(frozen=True)
class View:
    """Every component of a tab that an event changes."""

    session: gr.State
    controls: dict[str, Any]
    run: gr.Button
    stop: gr.Button
    status: gr.HTML
    address: gr.HTML

    def at_rest(self, session: Session) -> Updates:
        """All that the tab shows of a session besides controls and status line."""
        raise NotImplementedError

    def redrawn(self, session: Session) -> Updates:
        """The same result looked at in another way; whatever runs goes on."""
        raise NotImplementedError

    def forming(self, session: Session, slowly: bool) -> Updates:
        """A run under way; with `slowly` also what need not move several times a second."""
        raise NotImplementedError

    @property
    def outputs(self) -> list[Any]:
        return list(_components(vars(self).values()))

    def shown(self, session: Session, sentence: str = "", changed: str = "") -> Updates:
        """Everything, for a session at rest. The control that the person has just used keeps its own value."""
        return {
            **self.at_rest(session),
            **self._menus(session, changed),
            self.session: session,
            self.status: sentence_line(sentence or service.status(session)),
            self.run: gr.update(interactive=True),
            self.stop: gr.update(interactive=False),
            self.address: session.query(),
        }

    def _menus(self, session: Session, changed: str) -> Updates:
        """What the pickers offer and hold; the one named `changed` keeps its own value."""
        menu = service.menu(session)
        targets = [(label, NO_TARGET if value is None else value) for label, value in menu.targets]
        target = NO_TARGET if session.target is None else session.target
        offered = {"data": menu.data, "a": menu.models, "b": menu.models, "attack": menu.attacks}
        updates = {name: {"choices": choices, "value": getattr(session, name)} for name, choices in offered.items()}
        updates["target"] = {"choices": targets, "value": target, "interactive": menu.targetable}
        updates["epsilon"] = {"label": f"Strength ε = {session.epsilon}/255", "value": session.epsilon}
        updates |= {name: {"value": getattr(session, name)} for name in ("steps", "images", "seed")}
        updates.get(changed, {}).pop("value", None)
        return {self.controls[name]: gr.update(**values) for name, values in updates.items()}


def _components(values: Any) -> Iterator[Any]:
    """All components among these values, those inside dictionaries and dataclasses too."""
    for value in values:
        if isinstance(value, dict):
            yield from _components(value.values())
        elif hasattr(value, "__dataclass_fields__"):
            yield from _components(vars(value).values())
        else:
            yield value


def aside(tab: str) -> dict[str, Any]:
    """The column of pickers with Run and Stop below; the fields of a `View`, the session among them."""
    session = gr.State(Session(tab=tab), time_to_live=3600)
    controls: dict[str, Any] = {
        "data": picker("Images"),
        "a": picker("A ● Model", elem_classes=["side-a"]),
        "b": picker("B ▲ Model", elem_classes=["side-b"]),
        "attack": picker("Attack"),
        "target": picker("Target"),
        "epsilon": gr.Slider(
            EPSILONS[0], EPSILONS[-1], step=2, label="Strength ε", buttons=[], elem_classes=["strength"]
        ),
    }
    with gr.Row(elem_classes=["runbar"]):
        run = gr.Button("Watch it form", variant="primary", elem_id=f"{tab}-run", min_width=0, scale=3)
        stop = gr.Button("Stop", elem_id=f"{tab}-stop", interactive=False, min_width=0, scale=1)
    status = html(elem_classes=["status"])
    with gr.Accordion("More settings", open=False, elem_classes=["more"]):
        controls["steps"] = gr.Dropdown(list(STEPS), label="Steps", filterable=False)
        controls["images"] = gr.Dropdown(list(IMAGES), label="Crafting images", filterable=False)
        controls["seed"] = gr.Number(0, label="Seed", precision=0, minimum=0, maximum=9999)
    return {"session": session, "controls": controls, "run": run, "stop": stop, "status": status, "address": address()}


def wire(view: View, looks: list[tuple[str, Any]], leaves: dict[gr.Button, tuple[str, int]]) -> None:
    """Light events answer at once; the run shares one queue with every heavy event of the app.

    `looks` are fields of the session with controls that set them and change nothing but the drawing; `leaves` are
    buttons that count such a field up or down.
    """
    begun = view.run.click(_begun(view), view.session, view.outputs, trigger_mode="once", **LIGHT)
    heavy = LIGHT | {"concurrency_limit": 1, "concurrency_id": "heavy"}
    watching = begun.success(_watched(view), view.session, view.outputs, **heavy)
    view.stop.click(_stopped(view), view.session, view.outputs, cancels=[watching], **LIGHT)
    for name, control in view.controls.items():
        triggers = [control.release, control.change] if name == "epsilon" else [control.input]
        inputs = [view.session, control]
        chosen = _chosen(view, name)
        gr.on(triggers, chosen, inputs, view.outputs, trigger_mode="always_last", cancels=[watching], **LIGHT)
    for name, control in looks:
        control.input(_drawn(view, name), [view.session, control], view.outputs, **LIGHT)
    for button, (name, by) in leaves.items():
        button.click(_leafed(view, name, by), view.session, view.outputs, **LIGHT)


LIGHT: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": 8}


def open_tabs(page: gr.Blocks, switch: gr.Tabs, views: dict[str, tuple[str, View]]) -> None:
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

    page.load(first, None, [switch, *outputs], **LIGHT)
    turned().select(turned_to, sessions, [switch, *outputs], **LIGHT)


def opened(view: View, query: dict[str, str], tab: str) -> Updates:
    """The tab as an address asks for it, or its usual first view."""
    try:
        session, complaint = service.opened(query, tab)
        return view.shown(session, complaint)
    except (OSError, ValueError) as error:
        return {view.status: sentence_line(str(error), bad=True), view.run: gr.update(interactive=False)}


def sentence_line(sentence: str, bad: bool = False) -> str:
    """The status line, which screen readers read out."""
    kind = "bad" if bad else ""
    return f'<p class="note {kind}" role="status" aria-live="polite">{escape(sentence)}</p>'


def _chosen(view: View, name: str) -> Callable[[Session, Any], Updates]:
    def chosen(session: Session, value: Any) -> Updates:
        value = None if name == "target" and value == NO_TARGET else value
        if getattr(session, name) == value:
            return {view.session: session}
        return guarded(view, lambda: view.shown(service.changed(session, name, value), changed=name))

    return chosen


def _drawn(view: View, name: str) -> Callable[[Session, Any], Updates]:
    """Another way to look at the same result: whatever runs goes on."""

    def drawn(session: Session, value: Any) -> Updates:
        return guarded(view, lambda: redrawn(view, replace(session, **{name: value})))

    return drawn


def _leafed(view: View, name: str, by: int) -> Callable[[Session], Updates]:
    def leafed(session: Session) -> Updates:
        there = max(0, getattr(session, name) + by)
        return guarded(view, lambda: redrawn(view, replace(session, **{name: there})))

    return leafed


def redrawn(view: View, session: Session) -> Updates:
    """The tab looked at in another way, with its session and address."""
    service.look(session)
    return {**view.redrawn(session), view.session: session, view.address: session.query()}


def guarded(view: View, work: Callable[[], Updates]) -> Updates:
    """What a person did wrong, or what is absent, in one sentence; never a traceback."""
    try:
        return work()
    except (OSError, ValueError) as error:
        gr.Warning(str(error), title="That did not work")
        return {view.status: sentence_line(str(error), bad=True)}


def _begun(view: View) -> Callable[[Session], Updates]:
    def begun(session: Session) -> Updates:
        return {
            view.session: service.started(session),
            view.run: gr.update(interactive=False),
            view.stop: gr.update(interactive=True),
            view.status: sentence_line("Waiting for its turn."),
        }

    return begun


def _watched(view: View) -> Callable[[Session], Iterator[Updates]]:
    def watched(session: Session) -> Iterator[Updates]:
        try:
            yield from _pictures(view, session)
        except (OSError, ValueError) as error:
            gr.Warning(str(error), title="That did not work")
            yield view.shown(replace(session, run=""), str(error))
        except Exception:
            logging.getLogger(__name__).exception("A run failed.")
            yield view.shown(replace(session, run=""), "The run failed; the app's log says why.")

    return watched


def _pictures(view: View, session: Session) -> Iterator[Updates]:
    """At most one update every EVERY seconds, and always the last one."""
    drawn = slow = 0.0
    for tick in service.run(session):
        if service.ended(session):
            return
        now, session = time.perf_counter(), service.current(session)
        if tick.finished:
            yield _finished(view, session, tick.message)
            return
        if now - drawn < EVERY:
            continue
        slowly = now - slow > SLOWLY
        yield {view.status: sentence_line(tick.message), **view.forming(session, slowly)}
        drawn, slow = now, now if slowly else slow


def _finished(view: View, session: Session, sentence: str) -> Updates:
    shown = view.shown(session, sentence)
    del shown[view.session]  # what the person has chosen meanwhile stays
    return shown


def _stopped(view: View) -> Callable[[Session], Updates]:
    def stopped(session: Session) -> Updates:
        return guarded(view, lambda: view.shown(session, service.stop(session)))

    return stopped
