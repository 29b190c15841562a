"""Perceptibility: how visible a pattern must be to make a model wrong, for two models and all others of a data set."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import figures, service
from app.components import html, model_list, picker, plotly_figure, segments
from app.markup import perceptibility
from app.service import PerceptibilitySession
from app.tabs import events
from app.tabs.base import TabView, Updates, common

TITLE = "Perceptibility"
ORDER = 15
SESSION = PerceptibilitySession


def warm_up(session: PerceptibilitySession) -> None:
    """Make the first view once."""
    service.perceptibility(session)


def ready() -> bool:
    """Whether there are models of whose patterns the visibility was measured."""
    return service.ready(SESSION)


def build(runs: service.RunRegistry) -> "View":
    """Lay the tab out, then wire it."""
    with gr.Row(elem_classes=["compare"]):
        with gr.Column(elem_classes=["aside"], min_width=0):
            controls: dict[str, Any] = {
                "data": picker("Images"),
                "a": picker("A ● Model", elem_classes=["side-a"]),
                "b": picker("B ▲ Model", elem_classes=["side-b"]),
            }
            html('<p class="note">A press on a model in a figure chooses</p>')
            controls["side"] = segments(
                [("Model A ●", "a"), ("Model B ▲", "b")],
                "b",
                "Which model a press in the figures or the table chooses",
                elem_classes=["segments", "seen-side"],
            )
            onward = gr.Button("Open in Compare", variant="primary", elem_classes=["seen-onward"])
            conditions = html(elem_classes=["seen-conditions"])
            parts = {"status": html(elem_classes=["status"]), **common(SESSION, runs)}
        with gr.Column(elem_classes=["main"], min_width=0):
            headline = html(elem_classes=["headline"])
            with gr.Row(elem_classes=["trade", "seen"]):
                with gr.Column(elem_classes=["seen-figures"], min_width=0):
                    with gr.Row(elem_classes=["seen-bar"]):
                        html("<h2>Accuracy against visibility</h2>")
                        controls["shown"] = segments(
                            [("A and B", "pair"), ("All models", "all")],
                            "all",
                            "Which models the first figure shows",
                            elem_classes=["segments"],
                        )
                    curves = plotly_figure(height=222, elem_classes=["seen-curves"])
                    title = html(elem_classes=["seen-title"])
                    needed = plotly_figure(height=212, elem_classes=["seen-needed"])
                    with gr.Accordion("As a table", open=False, elem_classes=["more", "modelbox"]):
                        models = model_list()
                        points = html(elem_classes=["seen-points"])
                with gr.Column(elem_classes=["seen-notes"], min_width=0):
                    html("<h2>What the patterns are made of</h2>")
                    patterns = html()
                    spectrum = plotly_figure(height=172, elem_classes=["seen-spectrum"])
                    told = html(elem_classes=["seen-told"])
                    recognition = html(elem_classes=["seen-recognition"])
            footer = html(elem_classes=["footer"])
    drawn: dict[str, Any] = {
        "curves": curves,
        "title": title,
        "needed": needed,
        "conditions": conditions,
        "points": points,
    }
    drawn |= {"patterns": patterns, "spectrum": spectrum, "told": told, "recognition": recognition}
    view = View(**parts, controls=controls, to_compare=onward, headline=headline, **drawn, models=models, footer=footer)
    for name, control in controls.items():
        events.listen([control.input], view, _moved(view, name), control, trigger_mode="always_last")
    for one in (curves, needed, models):
        events.listen([one.select], view, _pressed(view), pressed=True)
    return view


@dataclass(frozen=True)
class View(TabView[PerceptibilitySession]):
    """The tab's own components, and from a session to what each of them shows."""

    to_compare: gr.Button
    headline: gr.HTML
    curves: gr.HTML
    title: gr.HTML
    needed: gr.HTML
    conditions: gr.HTML
    points: gr.HTML
    patterns: gr.HTML
    spectrum: gr.HTML
    told: gr.HTML
    recognition: gr.HTML
    models: gr.HTML
    footer: gr.HTML

    @property
    def onward(self) -> tuple[gr.Button, str]:
        return self.to_compare, "compare"

    def at_rest(self, session: PerceptibilitySession) -> Updates:
        page = service.perceptibility(session)
        able = page.a.has_weights and page.b.has_weights
        return {
            self.to_compare: gr.update(value="Open in Compare" if able else "Weights not shipped", interactive=able),
            self.headline: perceptibility.headline(page),
            self.curves: figures.accuracy_by_visibility(page),
            self.title: perceptibility.needed_title(page),
            self.needed: figures.needed_visibility(page),
            self.conditions: perceptibility.conditions(page),
            self.points: perceptibility.points(page),
            self.patterns: perceptibility.patterns(page),
            self.spectrum: figures.spectrum(page),
            self.told: perceptibility.spectrum(page),
            self.recognition: perceptibility.recognition(page),
            self.models: perceptibility.models(page),
            self.footer: perceptibility.footer(page),
        }

    def menus(self, session: PerceptibilitySession, changed: str) -> Updates:
        menu = service.menu(session)
        updates: dict[str, dict[str, Any]] = {
            "data": {"choices": menu.data, "value": session.data},
            "a": {"choices": menu.models, "value": session.a},
            "b": {"choices": menu.models, "value": session.b},
            "side": {"value": session.side},
            "shown": {"value": session.shown},
        }
        return {self.controls[name]: gr.update(**values) for name, values in updates.items()}


def _moved(view: View, name: str) -> Callable[[PerceptibilitySession, Any], Updates]:
    """A control was used: another data set, another model, or another way to look."""
    choose = service.looked if name in SESSION.looks() else service.changed

    def moved(session: PerceptibilitySession, value: Any) -> Updates:
        return view.shown(choose(session, name, value))

    return moved


def _pressed(view: View) -> Callable[[PerceptibilitySession, Any], Updates]:
    def pressed(session: PerceptibilitySession, value: Any) -> Updates:
        return view.shown(service.changed(session, session.side, str(value)))

    return pressed
