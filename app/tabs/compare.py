"""Compare: one large image, clean and under the pattern of each of two models; and the patterns while they form."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from app import figures, service
from app.components import html, picker, player, plotly_figure, pressable, segments, strength_views, tools
from app.markup import common, compare, replay
from app.service import CompareSession
from app.tabs import events
from app.tabs.base import AtStrengths, RunView, Updates, aims, deck, settings
from app.tabs.base import common as whole

TITLE = "Compare"
ORDER = 10
SESSION = CompareSession


def warm_up(session: CompareSession) -> None:
    """Make the first view once."""
    service.comparison(session, service.outcomes(session))


def prepare(session: CompareSession) -> None:
    """Read what leafing and a run need, and make the views of all stored strengths: the slider answers at once."""
    service.prepare(session)
    for epsilon in service.strengths(session):
        warm_up(replace(session, equal="strength", epsilon=epsilon))


def build(runs: service.RunRegistry) -> "View":
    """Lay the tab out, then wire it."""
    with gr.Column(elem_classes=["duel"], min_width=0):
        headline = html(elem_classes=["headline"])
        with gr.Row(elem_classes=["controls"]):
            found = deck(SESSION, replay=True)
            replays = found.pop("replay")
            controls: dict[str, Any] = {**found.pop("controls"), **aims()}
            tools(elem_classes=["tools-box"])
        with gr.Row(elem_classes=["stages"]):
            with gr.Row(elem_classes=["trio"]):
                with gr.Column(elem_classes=["stage"], min_width=0):
                    controls["data"] = picker("Images")
                    original = html(elem_classes=["shot-box"])
                with gr.Column(elem_classes=["stage", "card-a"], min_width=0):
                    controls["a"] = picker("A ● Model", elem_classes=["side-a"])
                    a = html(elem_classes=["shot-box"])
                with gr.Column(elem_classes=["stage", "card-b"], min_width=0):
                    controls["b"] = picker("B ▲ Model", elem_classes=["side-b"])
                    b = html(elem_classes=["shot-box"])
                played = player("compare-replay", elem_classes=["played"])
            with gr.Column(elem_classes=["facts"], min_width=0):
                status = html(elem_classes=["status"])
                visible = html(elem_classes=["visible"])
                patterns = html(elem_classes=["patterns"])
                figure = plotly_figure(height=80)
                breaks = html(elem_classes=["breaks"])
                controls |= settings()
        with gr.Row(elem_classes=["below"]):
            strip = pressable("data-number", elem_classes=["stripbox"])
            with gr.Column(elem_classes=["leaf"], min_width=0):
                with gr.Row(elem_classes=["stripbar"]):
                    place = html(elem_classes=["place"])
                    earlier = gr.Button(
                        "Earlier images", elem_classes=["small", "back"], elem_id="earlier", min_width=0
                    )
                    later = gr.Button("Later images", elem_classes=["small", "on"], elem_id="later", min_width=0)
                choices = [("Clean", "clean"), ("A ● added", "a"), ("B ▲ added", "b")]
                added = segments(choices, "a", "Which pattern is added to the images", elem_classes=["segments"])
                kinds = [("All images", "all"), ("Only fooled ones", "fooled")]
                which = segments(kinds, "all", "Which images the strip shows", elem_classes=["segments"])
                legend = html(elem_classes=["legend"])
        footer = html(elem_classes=["footer"])
    parts: dict[str, Any] = {"headline": headline, "original": original, "a": a, "b": b, "visible": visible}
    parts |= {"patterns": patterns, "figure": figure, "breaks": breaks, "place": place, "legend": legend}
    parts |= {"replays": replays, "played": played}
    parts |= {"strip": strip, "footer": footer, "which": which, "added": added, "earlier": earlier, "later": later}
    parts |= {"strengths": strength_views()}
    view = View(**whole(SESSION, runs), **found, controls=controls, status=status, **parts)
    events.wire(view, [("added", added), ("which", which)], {earlier: ("sheet", -1), later: ("sheet", 1)})
    events.listen([strip.select], view, _enlarged(view), pressed=True)
    events.listen([replays.click], view, _replayed(view))
    return view


@dataclass(frozen=True)
class View(RunView[CompareSession]):
    """The tab's own components, and from a session to what each of them shows."""

    headline: gr.HTML
    original: gr.HTML
    a: gr.HTML
    b: gr.HTML
    visible: gr.HTML
    patterns: gr.HTML
    figure: gr.HTML
    breaks: gr.HTML
    which: gr.Radio
    added: gr.Radio
    earlier: gr.Button
    later: gr.Button
    place: gr.HTML
    legend: gr.HTML
    strip: gr.HTML
    footer: gr.HTML
    strengths: gr.HTML
    replays: gr.Button
    """Plays how the patterns form, where that is stored."""
    played: gr.HTML

    @property
    def at_strengths(self) -> AtStrengths:
        parts = [self.headline, self.a, self.b, self.visible, self.patterns, self.figure]

        def show(session: CompareSession) -> list[Any]:
            found = service.outcomes(session, self.runs)
            a, b = service.cards(session, found)
            image = service.large(session, found)
            updates = {
                self.headline: common.headline(service.subject(session, found), a, b),
                **self._enlarged(image, a, b),
                **self._cards(a, b, service.wanted(session)),
            }
            return [updates[part] for part in parts]

        return AtStrengths(self.strengths, parts, show)

    def at_rest(self, session: CompareSession) -> Updates:
        found = service.comparison(session, service.outcomes(session, self.runs))
        return {
            self.headline: common.headline(found.subject, found.a, found.b),
            **self._cards(found.a, found.b, found.wanted),
            **self._enlarged(found.large, found.a, found.b),
            **self._stripped(session, found.strip, found.large),
            self.footer: common.footer(found.a, found.b, found.numbers),
            self.replays: gr.update(visible=service.replayable(session)),
            self.played: "",
        }

    def redrawn(self, session: CompareSession) -> Updates:
        found = service.outcomes(session, self.runs)
        image = service.large(session, found)
        strip = self._stripped(session, service.strip(session, found), image)
        return {**self._enlarged(image, *service.cards(session, found)), **strip, self.played: ""}

    def forming(self, session: CompareSession, found: service.Outcomes, slowly: bool) -> Updates:
        a, b = service.cards(session, found)
        image = service.large(session, found)
        updates = {**self._cards(a, b, service.wanted(session)), **self._enlarged(image, a, b)}
        if slowly:
            updates |= self._stripped(session, service.strip(session, found), image)
            updates[self.headline] = common.headline(service.subject(session, found), a, b)
            updates[self.footer] = common.footer(a, b, service.numbers(session, a, b))
        return updates

    def _cards(self, a: service.Card, b: service.Card, wanted: str | None) -> Updates:
        """What is told of both models beside the images."""
        return {
            self.visible: compare.visible(a, b),
            self.patterns: compare.patterns(a, b, wanted),
            self.figure: figures.both(a, b),
            self.breaks: compare.breaks(a, b),
        }

    def _enlarged(self, image: service.Large, a: service.Card, b: service.Card) -> Updates:
        """The large image in its three states."""
        return {
            self.original: compare.original(image),
            self.a: compare.stage(a, image, image.a),
            self.b: compare.stage(b, image, image.b),
        }

    def _stripped(self, session: CompareSession, found: service.Strip, image: service.Large) -> Updates:
        """The strip of images and the buttons that leaf through them."""
        last = found.first + len(found.cells) > found.total
        return {
            self.strip: compare.strip(found, image.number),
            self.place: compare.position(found, session.which == "fooled"),
            self.earlier: gr.update(interactive=session.sheet > 0),
            self.later: gr.update(interactive=bool(found.cells) and (not found.total or not last)),
            self.added: session.added,
            self.which: gr.update(value=session.which, visible=not image.labels),
            self.legend: compare.legend(bool(image.labels)),
        }


def _enlarged(view: View) -> Callable[[CompareSession, Any], Updates]:
    """An image of the strip was pressed: it is the large one."""

    def enlarged(session: CompareSession, value: Any) -> Updates:
        number = int(value) - 1 if str(value).isdecimal() and len(str(value)) < 9 else value
        return events.redrawn(view, service.looked(session, "large", number))

    return enlarged


def _replayed(view: View) -> Callable[[CompareSession], Updates]:
    """The frames are sent once; playing them asks the server for nothing."""

    def replayed(session: CompareSession) -> Updates:
        found = service.replay(session)
        return {view.played: replay.player(found, close=True) if found else ""}

    return replayed
