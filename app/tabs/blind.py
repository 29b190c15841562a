"""Can you see it? A blind test in the browser: from which strength on a person sees the patterns of two models."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import service
from app.components import blind_test, html, picker
from app.markup import blind
from app.service import BlindSession
from app.tabs import events
from app.tabs.base import TabView, Updates, common

TITLE = "Can you see it?"
ORDER = 60
SESSION = BlindSession


def warm_up(session: BlindSession) -> None:
    """Make the first view once."""
    service.blind_test(session)


def ready() -> bool:
    """Whether there are models with stored patterns."""
    return service.ready(SESSION)


def build(runs: service.RunRegistry) -> "View":
    """Lay the tab out, then wire it."""
    with gr.Row(elem_classes=["compare", "blind-tab"]):
        with gr.Column(elem_classes=["aside"], min_width=0):
            controls: dict[str, Any] = {
                "data": picker("Images"),
                "a": picker("A ● Model", elem_classes=["side-a"]),
                "b": picker("B ▲ Model", elem_classes=["side-b"]),
            }
            onward = gr.Button("Open in Compare", variant="primary", elem_classes=["seen-onward"])
            method = html(elem_classes=["seen-conditions"])
            parts = {"status": html(elem_classes=["status"]), **common(SESSION, runs)}
        with gr.Column(elem_classes=["main"], min_width=0):
            stage = blind_test(elem_classes=["headline"])
            footer = html(elem_classes=["footer"])
    shown: dict[str, Any] = {"stage": stage, "method": method, "footer": footer}
    view = View(**parts, controls=controls, to_compare=onward, **shown)
    for name, control in controls.items():
        events.listen([control.input], view, _chosen(view, name), control, trigger_mode="always_last")
    events.listen([stage.select], view, _reseeded(view), pressed=True)
    return view


@dataclass(frozen=True)
class View(TabView[BlindSession]):
    """The tab's own components, and from a session to what each of them shows."""

    to_compare: gr.Button
    stage: gr.HTML
    method: gr.HTML
    footer: gr.HTML

    @property
    def onward(self) -> tuple[gr.Button, str]:
        return self.to_compare, "compare"

    def at_rest(self, session: BlindSession) -> Updates:
        page = service.blind_test(session)
        able = page.a.has_weights and page.b.has_weights
        return {
            self.to_compare: gr.update(value="Open in Compare" if able else "Weights not shipped", interactive=able),
            self.stage: blind.material(page),
            self.method: blind.method(page),
            self.footer: blind.footer(page),
        }

    def menus(self, session: BlindSession, changed: str) -> Updates:
        menu = service.menu(session)
        updates: dict[str, dict[str, Any]] = {
            "data": {"choices": menu.data, "value": session.data},
            "a": {"choices": menu.models, "value": session.a},
            "b": {"choices": menu.models, "value": session.b},
        }
        return {self.controls[name]: gr.update(**values) for name, values in updates.items()}


def _chosen(view: View, name: str) -> Callable[[BlindSession, Any], Updates]:
    def chosen(session: BlindSession, value: Any) -> Updates:
        return view.shown(service.changed(session, name, value))

    return chosen


def _reseeded(view: View) -> Callable[[BlindSession, Any], Updates]:
    """Another series was begun in the browser: the address holds it, and what is shown stays."""

    def reseeded(session: BlindSession, value: Any) -> Updates:
        after = service.looked(session, "seed", value)
        return {view.session: after, view.address: after.query()}

    return reseeded
