"""Compare: two models side by side, one pattern each, the same held-out images; and the patterns while they form."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import figures, service
from app.components import html, plotly_figure, segments
from app.markup import common, compare
from app.service import CompareSession
from app.session import AMPLIFICATIONS
from app.tabs import events
from app.tabs.base import RunView, Updates, aside

TITLE = "Compare"
ORDER = 10
SESSION = CompareSession


def warm_up(session: CompareSession) -> None:
    """Make the first view once."""
    service.comparison(session, service.outcomes(session))


def prepare(session: CompareSession) -> None:
    """Read what leafing and a run need."""
    service.prepare(session)


def build(runs: service.RunRegistry) -> "View":
    """Lay the tab out, then wire it."""
    with gr.Row(elem_classes=["compare"]):
        with gr.Column(elem_classes=["aside"], min_width=0):
            common = aside(SESSION, runs)
        with gr.Column(elem_classes=["main"], min_width=0):
            headline = html(elem_classes=["headline"])
            with gr.Row(elem_classes=["pair"]):
                a, b = card("a"), card("b")
            with gr.Row(elem_classes=["stripbar"]):
                place = html(elem_classes=["place"])
                choices = [("Clean", "clean"), ("A ● added", "a"), ("B ▲ added", "b")]
                added = segments(choices, "a", "Which pattern is added to the images", elem_classes=["segments"])
                earlier = gr.Button("Earlier images", elem_classes=["small", "back"], elem_id="earlier", min_width=0)
                later = gr.Button("Later images", elem_classes=["small", "on"], elem_id="later", min_width=0)
            strip = html(elem_classes=["stripbox"])
            footer = html(elem_classes=["footer"])
    parts: dict[str, Any] = {"headline": headline, "a": a, "b": b, "place": place, "strip": strip, "footer": footer}
    view = View(**common, **parts, added=added, earlier=earlier, later=later)
    looks = [("added", added), ("amplify", a.amplify), ("amplify", b.amplify)]
    events.wire(view, looks, {earlier: ("sheet", -1), later: ("sheet", 1)})
    return view


@dataclass(frozen=True)
class CardView:
    """The components of one card."""

    head: gr.HTML
    pattern: gr.HTML
    amplify: gr.Radio
    number: gr.HTML
    figure: gr.HTML
    note: gr.HTML
    seen: gr.HTML

    def show(self, card: service.Card) -> Updates:
        """All of the card but its title."""
        return {
            self.pattern: compare.pattern(card),
            self.number: compare.number(card),
            self.figure: figures.accuracy(card),
            self.note: compare.note(card),
            self.seen: compare.visibility(card),
        }


def card(side: str) -> CardView:
    """One model's card, still empty."""
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


@dataclass(frozen=True)
class View(RunView[CompareSession]):
    """The tab's own components, and from a session to what each of them shows."""

    headline: gr.HTML
    a: CardView
    b: CardView
    added: gr.Radio
    earlier: gr.Button
    later: gr.Button
    place: gr.HTML
    strip: gr.HTML
    footer: gr.HTML

    def at_rest(self, session: CompareSession) -> Updates:
        found = service.comparison(session, service.outcomes(session, self.runs))
        return {
            self.headline: common.headline(found.subject, found.a, found.b),
            self.a.head: common.head(found.a),
            self.b.head: common.head(found.b),
            **self.a.show(found.a),
            **self.b.show(found.b),
            **self._stripped(session, found.strip),
            self.footer: common.footer(found.a, found.b, found.numbers),
            **self._looks(session),
        }

    def redrawn(self, session: CompareSession) -> Updates:
        found = service.outcomes(session, self.runs)
        a, b = service.cards(session, found)
        patterns = {self.a.pattern: compare.pattern(a), self.b.pattern: compare.pattern(b)}
        return {**patterns, **self._stripped(session, service.strip(session, found)), **self._looks(session)}

    def forming(self, session: CompareSession, found: service.Outcomes, slowly: bool) -> Updates:
        a, b = service.cards(session, found)
        updates = {**self.a.show(a), **self.b.show(b)}
        if slowly:
            updates |= self._stripped(session, service.strip(session, found))
            updates[self.headline] = common.headline(service.subject(session, found), a, b)
            updates[self.footer] = common.footer(a, b, service.numbers(session, a, b))
        return updates

    def _looks(self, session: CompareSession) -> Updates:
        return {self.a.amplify: session.amplify, self.b.amplify: session.amplify, self.added: session.added}

    def _stripped(self, session: CompareSession, found: service.Strip) -> Updates:
        """The strip of images and the buttons that leaf through them."""
        last = found.first + len(found.cells) > found.total
        return {
            self.strip: compare.strip(found),
            self.place: compare.position(found),
            self.earlier: gr.update(interactive=session.sheet > 0),
            self.later: gr.update(interactive=not last),
        }
