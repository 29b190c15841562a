"""Trade-off: clean accuracy against universal robustness, one mark per model; sliders that step through models."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from app import figures, service
from app.components import html, model_list, picker, plotly_figure, segments
from app.markup import tradeoff
from app.service import TradeoffSession
from app.tabs import events
from app.tabs.base import TabView, Updates, common

TITLE = "Trade-off"
ORDER = 30
SESSION = TradeoffSession


def warm_up(session: TradeoffSession) -> None:
    """Make the first view once."""
    service.tradeoff(session)


def ready() -> bool:
    """Whether there are models whose robustness was measured."""
    return service.ready(SESSION)


def build(runs: service.RunRegistry) -> "View":
    """Lay the tab out, then wire it."""
    with gr.Row(elem_classes=["compare"]):
        with gr.Column(elem_classes=["aside"], min_width=0):
            controls: dict[str, Any] = {
                "data": picker("Images"),
                "side": segments(
                    [("Settings of A ●", "a"), ("of B ▲", "b")],
                    "b",
                    "Which model the settings below choose",
                    elem_id="side",
                    elem_classes=["segments"],
                ),
                "kind": picker("Kind of training"),
                "sigma": gr.Slider(0, 1, step=1, label="Weight of attacks σ", buttons=[]),
                "epsilon": gr.Slider(0, 1, step=1, label="Training ε", buttons=[]),
            }
            onward = gr.Button("Open in Compare", variant="primary", elem_id="onward")
            parts = {"status": html(elem_classes=["status"]), **common(SESSION, runs)}
        with gr.Column(elem_classes=["main"], min_width=0):
            headline = html(elem_classes=["headline"])
            with gr.Row(elem_classes=["trade"]):
                with gr.Column(elem_classes=["tradeoff-figure"], min_width=0):
                    figure = plotly_figure(height=290)
                    finding = html(elem_classes=["finding"])
                    risks = html(elem_classes=["risksbox"])
                    with gr.Accordion("All models as a list", open=False, elem_classes=["more", "modelbox"]):
                        models = model_list()
                with gr.Column(elem_classes=["cards"], min_width=0):
                    a, b = _card("a"), _card("b")
            footer = html(elem_classes=["footer"])
    plane: dict[str, Any] = {"headline": headline, "figure": figure, "finding": finding, "risks": risks}
    view = View(**parts, controls=controls, to_compare=onward, **plane, a=a, b=b, models=models, footer=footer)
    for name, control in controls.items():
        slider = name in ("sigma", "epsilon")
        triggers = [control.release, control.change] if slider else [control.input]
        events.listen(triggers, view, _moved(view, name), control, trigger_mode="always_last")
    for one in (figure, models):
        events.listen([one.select], view, _pressed(view), pressed=True)
    return view


@dataclass(frozen=True)
class CardView:
    """The components of one chosen model."""

    summary: gr.HTML
    pattern: gr.HTML
    figure: gr.HTML

    def show(self, side: service.TradeoffCard) -> Updates:
        return {
            self.summary: tradeoff.card(side),
            self.pattern: tradeoff.pattern(side),
            self.figure: figures.falling(side),
        }


def _card(side: str) -> CardView:
    with gr.Column(elem_classes=["card", f"card-{side}"], min_width=0):
        summary = html()
        with gr.Row(elem_classes=["body"]):
            with gr.Column(elem_classes=["left"], min_width=0):
                pattern = html()
            with gr.Column(elem_classes=["right"], min_width=0):
                figure = plotly_figure(height=118)
                html(value='<p class="note">Still right, % by ε/255</p>')
    return CardView(summary, pattern, figure)


@dataclass(frozen=True)
class View(TabView[TradeoffSession]):
    """The tab's own components, and from a session to what each of them shows."""

    to_compare: gr.Button
    headline: gr.HTML
    figure: gr.HTML
    finding: gr.HTML
    risks: gr.HTML
    a: CardView
    b: CardView
    models: gr.HTML
    footer: gr.HTML

    @property
    def onward(self) -> tuple[gr.Button, str]:
        return self.to_compare, "compare"

    def at_rest(self, session: TradeoffSession) -> Updates:
        page = service.tradeoff(session)
        able = page.a.has_weights and page.b.has_weights
        return {
            self.to_compare: gr.update(
                value="Open in Compare" if able else "Record only: numbers, no model", interactive=able
            ),
            self.headline: tradeoff.headline(page),
            self.figure: figures.tradeoff(page),
            self.finding: f'<p class="note">{escape(page.finding)}</p>',
            self.risks: tradeoff.risks(page.a.risks, page.b.risks),
            **self.a.show(page.a),
            **self.b.show(page.b),
            self.models: tradeoff.models(page),
            self.footer: tradeoff.footer(page),
        }

    def menus(self, session: TradeoffSession, changed: str) -> Updates:
        page = service.tradeoff(session)
        mark = (page.a if session.side == "a" else page.b).mark
        found, plain = page.settings, mark.heap == 0
        updates: dict[str, dict[str, Any]] = {
            "data": {"choices": service.menu(session).data, "value": session.data},
            "side": {"value": session.side},
            "kind": {"choices": _kinds(page), "value": mark.kind},
            "sigma": {
                **_slider(found.sigmas, mark.sigma),
                "label": "Weight σ: none" if plain else f"Weight of attacks σ = {mark.sigma:g}",
            },
            "epsilon": {
                **_slider(found.epsilons, mark.epsilon),
                "label": "Training ε: none" if plain else f"Training ε = {mark.epsilon:g}/255",
            },
        }
        return {self.controls[name]: gr.update(**values) for name, values in updates.items()}


def _kinds(page: service.Tradeoff) -> list[tuple[str, str]]:
    """The kinds of training, in the words of the page."""
    words = {mark.kind: mark.choice for mark in page.marks}
    return [(words[kind], kind) for kind in page.settings.kinds]


def _slider(steps: Sequence[float], value: float) -> dict[str, Any]:
    """A slider that steps through values, however far apart they are; it holds the number of a step."""
    return {"value": steps.index(value), "maximum": max(1, len(steps) - 1), "interactive": len(steps) > 1}


def _moved(view: View, name: str) -> Callable[[TradeoffSession, Any], Updates]:
    """A control was used: another data set, the other side, or a setting, with which comes a model."""

    def moved(session: TradeoffSession, value: Any) -> Updates:
        if name == "data":
            return view.shown(service.changed(session, "data", value))
        if name == "side":
            return view.shown(service.looked(session, "side", value))
        after, sentence = (service.snapped if name == "kind" else service.stepped)(session, name, value)
        if after == session and not sentence:  # the slider was moved by us
            return {view.session: session}
        return view.shown(after, sentence)

    return moved


def _pressed(view: View) -> Callable[[TradeoffSession, Any], Updates]:
    def pressed(session: TradeoffSession, value: Any) -> Updates:
        return view.shown(service.chosen(session, str(value)))

    return pressed
