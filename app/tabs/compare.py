"""Compare: two models side by side, one pattern each, the same held-out images; and the patterns while they form."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from app import pieces, service, views
from app.session import AMPLIFICATIONS, EPSILONS, IMAGES, STEPS, Session
from app.views import CardView, Updates, View
from app.widgets import address, html, picker, plotly_figure, segments

TITLE = "Compare"
ORDER = 10

EVERY = 0.18
"""Seconds between two pictures of a run; the strip of images follows more slowly."""
STRIP_EVERY = 1.0


def build(page: gr.Blocks, session: gr.State) -> None:
    """Lay the tab out, then wire it."""
    with gr.Row(elem_classes=["compare"]):
        with gr.Column(elem_classes=["aside"], min_width=0):
            controls, run, stop, status = _aside()
        with gr.Column(elem_classes=["main"], min_width=0):
            headline = html(elem_classes=["headline"])
            with gr.Row(elem_classes=["pair"]):
                a, b = _card("a"), _card("b")
            with gr.Row(elem_classes=["stripbar"]):
                place = html(elem_classes=["place"])
                choices = [("Clean", "clean"), ("A ● added", "a"), ("B ▲ added", "b")]
                view = segments(choices, "a", "Which pattern is added to the images", elem_classes=["segments"])
                earlier = gr.Button("‹", elem_classes=["small"], elem_id="earlier", min_width=0)
                later = gr.Button("›", elem_classes=["small"], elem_id="later", min_width=0)
            strip = html(elem_classes=["stripbox"])
            footer = html(elem_classes=["footer"])
    parts = (headline, a, b, view, earlier, later, place, strip, footer, address())
    _wire(page, View(session, controls, run, stop, status, *parts))


def _aside() -> tuple[dict[str, Any], gr.Button, gr.Button, gr.HTML]:
    controls: dict[str, Any] = {
        "data": picker("Images"),
        "a": picker("A ● Model", elem_classes=["side-a"]),
        "b": picker("B ▲ Model", elem_classes=["side-b"]),
        "attack": picker("Attack"),
        "target": picker("Target class"),
        "epsilon": gr.Slider(
            EPSILONS[0], EPSILONS[-1], step=2, label="Strength ε", buttons=[], elem_classes=["strength"]
        ),
    }
    with gr.Row(elem_classes=["runbar"]):
        run = gr.Button("Watch it form", variant="primary", elem_id="run", min_width=0, scale=3)
        stop = gr.Button("Stop", elem_id="stop", interactive=False, min_width=0, scale=1)
    status = html(elem_classes=["status"])
    with gr.Accordion("More settings", open=False, elem_classes=["more"]):
        controls["steps"] = gr.Dropdown(list(STEPS), label="Steps", filterable=False)
        controls["images"] = gr.Dropdown(list(IMAGES), label="Crafting images", filterable=False)
        controls["seed"] = gr.Number(0, label="Seed", precision=0, minimum=0, maximum=9999)
    return controls, run, stop, status


def _card(side: str) -> CardView:
    with gr.Column(elem_classes=["card", f"card-{side}"], min_width=0):
        head = html(elem_classes=["head"])
        with gr.Row(elem_classes=["body"]):
            with gr.Column(elem_classes=["left"], min_width=0):
                pattern = html()
                choices = [(f"×{factor}", factor) for factor in AMPLIFICATIONS]
                amplify = segments(
                    choices, 20, f"How strongly pattern {side.upper()} is drawn", elem_classes=["segments"]
                )
            with gr.Column(elem_classes=["right"], min_width=0):
                number = html()
                figure = plotly_figure(height=96)
                note = html()
        seen = html()
    return CardView(head, pattern, amplify, number, figure, note, seen)


def _wire(page: gr.Blocks, view: View) -> None:
    """Light events answer at once; the run shares one queue with every heavy event of the app."""
    light: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": 8}
    page.load(_opened(view), None, view.outputs, **light)
    begun = view.run.click(_begun(view), view.session, view.outputs, trigger_mode="once", **light)
    heavy = light | {"concurrency_limit": 1, "concurrency_id": "heavy"}
    watching = begun.success(_watched(view), view.session, view.outputs, **heavy)
    view.stop.click(_stopped(view), view.session, view.outputs, cancels=[watching], **light)
    for name, control in view.controls.items():
        triggers = [control.release, control.change] if name == "epsilon" else [control.input]
        chosen = _chosen(view, name)
        inputs = [view.session, control]
        gr.on(triggers, chosen, inputs, view.outputs, trigger_mode="always_last", cancels=[watching], **light)
    for control in (view.a.amplify, view.b.amplify):
        control.input(_drawn(view, "amplify"), [view.session, control], view.outputs, **light)
    view.view.input(_drawn(view, "view"), [view.session, view.view], view.outputs, **light)
    for button, by in ((view.earlier, -1), (view.later, 1)):
        button.click(_leafed(view, by), view.session, view.outputs, **light)


def _opened(view: View) -> Callable[[gr.Request], Updates]:
    def opened(request: gr.Request) -> Updates:
        try:
            session, complaint = service.opened(dict(request.query_params))
            return views.shown(view, session, complaint)
        except (OSError, ValueError) as error:
            return {view.status: views.sentence_line(str(error), bad=True), view.run: gr.update(interactive=False)}

    return opened


def _chosen(view: View, name: str) -> Callable[[Session, Any], Updates]:
    def chosen(session: Session, value: Any) -> Updates:
        value = None if name == "target" and value == views.NO_TARGET else value
        if getattr(session, name) == value:
            return {view.session: session}
        return _guarded(view, lambda: views.shown(view, service.changed(session, name, value), changed=name))

    return chosen


def _drawn(view: View, name: str) -> Callable[[Session, Any], Updates]:
    """Another way to look at the same result: whatever runs goes on."""

    def drawn(session: Session, value: Any) -> Updates:
        return _guarded(view, lambda: views.redrawn(view, replace(session, **{name: value})))

    return drawn


def _leafed(view: View, by: int) -> Callable[[Session], Updates]:
    def leafed(session: Session) -> Updates:
        return _guarded(view, lambda: views.redrawn(view, replace(session, sheet=max(0, session.sheet + by))))

    return leafed


def _guarded(view: View, work: Callable[[], Updates]) -> Updates:
    """What a person did wrong, or what is absent, in one sentence; never a traceback."""
    try:
        return work()
    except (OSError, ValueError) as error:
        gr.Warning(str(error), title="That did not work")
        return {view.status: views.sentence_line(str(error), bad=True)}


def _begun(view: View) -> Callable[[Session], Updates]:
    def begun(session: Session) -> Updates:
        return {
            view.session: service.started(session),
            view.run: gr.update(interactive=False),
            view.stop: gr.update(interactive=True),
            view.status: views.sentence_line("Waiting for its turn."),
        }

    return begun


def _watched(view: View) -> Callable[[Session], Iterator[Updates]]:
    def watched(session: Session) -> Iterator[Updates]:
        try:
            yield from _pictures(view, session)
        except (OSError, ValueError) as error:
            gr.Warning(str(error), title="That did not work")
            yield views.shown(view, replace(session, run=""), str(error))
        except Exception:
            logging.getLogger(__name__).exception("A run failed.")
            yield views.shown(view, replace(session, run=""), "The run failed; the app's log says why.")

    return watched


def _pictures(view: View, session: Session) -> Iterator[Updates]:
    """At most one update every EVERY seconds, and always the last one."""
    drawn = stripped = 0.0
    for tick in service.run(session):
        now, session = time.perf_counter(), service.current(session)
        if tick.finished:
            yield _finished(view, session, tick.message)
            return
        if now - drawn < EVERY:
            continue
        updates: Updates = {view.status: views.sentence_line(tick.message)}
        a, b = (service.card(session, side) for side in "ab")
        updates |= {**view.a.show(a), **view.b.show(b)}
        if now - stripped > STRIP_EVERY:
            updates |= views.stripped(view, session, service.strip(session))
            updates[view.headline] = pieces.headline(service.subject(session), a, b)
            stripped = now
        drawn = now
        yield updates


def _finished(view: View, session: Session, sentence: str) -> Updates:
    shown = views.shown(view, session, sentence)
    del shown[view.session]  # what the person has chosen meanwhile stays
    return shown


def _stopped(view: View) -> Callable[[Session], Updates]:
    def stopped(session: Session) -> Updates:
        return _guarded(view, lambda: views.shown(view, session, service.stop(session)))

    return stopped
