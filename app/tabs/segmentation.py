"""Segmentation: one pattern for every street scene, what both models see, and how much of the target it shows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import service
from app.components import html, overlay_slider, pressable, segments
from app.markup import common, segmentation
from app.service import SegmentationSession
from app.tabs import events
from app.tabs.base import RunView, Updates, aside

TITLE = "Segmentation"
ORDER = 20
SESSION = SegmentationSession


def warm_up(session: SegmentationSession) -> None:
    """Make the first view once."""
    service.scene_page(session, service.outcomes(session))


def prepare(session: SegmentationSession) -> None:
    """Read what leafing and a run need."""
    service.prepare(session)


def ready() -> bool:
    """Whether there are models of scenes."""
    return service.ready(SESSION)


def build(runs: service.RunRegistry) -> "View":
    """Lay the tab out, then wire it."""
    with gr.Row(elem_classes=["compare"]):
        with gr.Column(elem_classes=["aside"], min_width=0):
            common = aside(SESSION, runs)
        with gr.Column(elem_classes=["main"], min_width=0):
            headline = html(elem_classes=["headline"])
            with gr.Row(elem_classes=["scene"]):
                street = html(elem_classes=["streetbox"])
                with gr.Column(elem_classes=["legend-column"], min_width=0):
                    with gr.Row(elem_classes=["stripbar"]):
                        place = html(elem_classes=["place"])
                        earlier = gr.Button(
                            "Earlier scene", elem_classes=["small", "back"], elem_id="scene-earlier", min_width=0
                        )
                        later = gr.Button(
                            "Later scene", elem_classes=["small", "on"], elem_id="scene-later", min_width=0
                        )
                    legend = pressable("data-class", elem_classes=["legendbox"])
                    with gr.Row(elem_classes=["stripbar", "view-options"]):
                        choices = [("Classes", "labels"), ("Flipped pixels", "flips")]
                        show = segments(choices, "labels", "What the attacked maps show", elem_classes=["segments"])
                        strengths = [("Amplified", 0), ("As added", 1)]
                        amplify = segments(
                            strengths, 0, "How strongly the patterns are drawn", elem_classes=["segments"]
                        )
                        overlay_slider()
            summary_a, row_a = _row("a")
            summary_b, row_b = _row("b")
            footer = html(elem_classes=["footer"])
    rows = {"summary_a": summary_a, "row_a": row_a, "summary_b": summary_b, "row_b": row_b}
    parts: dict[str, Any] = {
        "headline": headline,
        "street": street,
        "place": place,
        "legend": legend,
        "footer": footer,
        **rows,
    }
    view = View(**common, **parts, earlier=earlier, later=later, show=show, amplify=amplify)
    looks = [("show", show), ("amplify", amplify)]
    events.wire(view, looks, {})
    for button, by in ((earlier, -1), (later, 1)):
        events.listen([button.click], view, _leafed(view, by))
    events.listen([legend.select], view, _isolated(view), pressed=True)
    return view


def _row(side: str) -> tuple[gr.HTML, gr.HTML]:
    with gr.Column(elem_classes=["scene-model", f"card-{side}"], min_width=0), gr.Row():
        return html(elem_classes=["model-summary"]), html(elem_classes=["model-maps"])


@dataclass(frozen=True)
class View(RunView[SegmentationSession]):
    """The tab's own components, and from a session to what each of them shows."""

    headline: gr.HTML
    street: gr.HTML
    place: gr.HTML
    earlier: gr.Button
    later: gr.Button
    legend: gr.HTML
    show: gr.Radio
    amplify: gr.Radio
    summary_a: gr.HTML
    row_a: gr.HTML
    summary_b: gr.HTML
    row_b: gr.HTML
    footer: gr.HTML

    def at_rest(self, session: SegmentationSession) -> Updates:
        found = service.scene_page(session, service.outcomes(session, self.runs))
        a, b = found.cards
        return {
            self.headline: common.headline(found.subject, a, b),
            self.footer: common.footer(a, b, found.numbers),
            **self._scene(session, found.cards, found.street, found.looks),
        }

    def redrawn(self, session: SegmentationSession) -> Updates:
        found = service.outcomes(session, self.runs)
        return self._scene(session, service.cards(session, found), *service.scene(session, found))

    def forming(self, session: SegmentationSession, found: service.Outcomes, slowly: bool) -> Updates:
        a, b = cards = service.cards(session, found)
        looks = service.looks(session, found)
        updates = self._rows(session, cards, looks)
        if slowly:
            updates[self.headline] = common.headline(service.subject(session, found), a, b)
            updates[self.footer] = common.footer(a, b, service.numbers(session, a, b))
            updates[self.legend] = segmentation.legend(service.legend(session), looks, session.only)
        return updates

    def _rows(
        self,
        session: SegmentationSession,
        cards: tuple[service.Card, service.Card],
        looks: tuple[service.Look, service.Look],
    ) -> Updates:
        flips = session.show == "flips"
        (a, b), (look_a, look_b) = cards, looks
        return {
            self.summary_a: segmentation.summary(a, look_a),
            self.row_a: segmentation.row(a, look_a, flips),
            self.summary_b: segmentation.summary(b, look_b),
            self.row_b: segmentation.row(b, look_b, flips),
        }

    def _scene(
        self,
        session: SegmentationSession,
        cards: tuple[service.Card, service.Card],
        street: service.Street,
        looks: tuple[service.Look, service.Look],
    ) -> Updates:
        return {
            **self._rows(session, cards, looks),
            self.street: segmentation.street(street),
            self.place: segmentation.position(street),
            self.legend: segmentation.legend(service.legend(session), looks, session.only),
            self.earlier: gr.update(interactive=street.place > 1),
            self.later: gr.update(interactive=street.place < street.total),
            self.show: session.show,
            self.amplify: session.amplify,
        }


def _leafed(view: View, by: int) -> Callable[[SegmentationSession], Updates]:
    """The earlier or the later scene, of those that the target leaves to look at."""

    def leafed(session: SegmentationSession) -> Updates:
        return events.redrawn(view, service.leafed(session, by))

    return leafed


def _isolated(view: View) -> Callable[[SegmentationSession, Any], Updates]:
    """A class of the legend was pressed: only it is shown, or all are again."""

    def isolated(session: SegmentationSession, value: Any) -> Updates:
        pressed = int(value) if str(value).isdecimal() and len(str(value)) < 9 else value
        only = None if session.only == pressed else pressed
        return events.redrawn(view, service.looked(session, "only", only))

    return isolated
