"""The components of the Compare tab, and from a session to what each of them shows."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import figures, pieces, service
from app.session import Session

NO_TARGET = -1

Updates = dict[Any, Any]


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
            self.pattern: pieces.pattern(card),
            self.number: pieces.number(card),
            self.figure: figures.accuracy(card),
            self.note: pieces.note(card),
            self.seen: pieces.visibility(card),
        }


@dataclass(frozen=True)
class View:
    """Every component that an event changes."""

    session: gr.State
    controls: dict[str, Any]
    run: gr.Button
    stop: gr.Button
    status: gr.HTML
    headline: gr.HTML
    a: CardView
    b: CardView
    view: gr.Radio
    earlier: gr.Button
    later: gr.Button
    place: gr.HTML
    strip: gr.HTML
    footer: gr.HTML
    address: gr.HTML

    @property
    def outputs(self) -> list[Any]:
        cards = [part for card in (self.a, self.b) for part in vars(card).values()]
        rest = [value for name, value in vars(self).items() if name not in ("controls", "a", "b")]
        return [*self.controls.values(), *cards, *rest]


def shown(view: View, session: Session, sentence: str = "", changed: str = "") -> Updates:
    """Everything, for a session at rest. The control that the person has just used keeps its own value."""
    found = service.comparison(session)
    return {
        view.session: session,
        **menus(view, session, changed),
        view.status: sentence_line(sentence or service.status(session)),
        view.run: gr.update(interactive=True),
        view.stop: gr.update(interactive=False),
        **pictured(view, session, found),
        view.address: session.query(),
    }


def pictured(view: View, session: Session, found: service.Comparison) -> Updates:
    """Headline, cards, strip and footer."""
    return {
        view.headline: pieces.headline(found.subject, found.a, found.b),
        view.a.head: pieces.head(found.a),
        view.b.head: pieces.head(found.b),
        **view.a.show(found.a),
        **view.b.show(found.b),
        **stripped(view, session, found.strip),
        view.footer: pieces.footer(found),
    }


def stripped(view: View, session: Session, found: service.Strip) -> Updates:
    """The strip of images and the buttons that leaf through them."""
    last = found.first + len(found.cells) > found.total
    return {
        view.strip: pieces.strip(found),
        view.place: pieces.place(found),
        view.earlier: gr.update(interactive=session.sheet > 0),
        view.later: gr.update(interactive=not last),
    }


def menus(view: View, session: Session, changed: str) -> Updates:
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
    found = {view.controls[name]: gr.update(**values) for name, values in updates.items()}
    return {**found, view.a.amplify: session.amplify, view.b.amplify: session.amplify, view.view: session.view}


def sentence_line(sentence: str, bad: bool = False) -> str:
    """The status line, which screen readers read out."""
    kind = "bad" if bad else ""
    return f'<p class="note {kind}" role="status" aria-live="polite">{pieces.escape(sentence)}</p>'


def redrawn(view: View, session: Session) -> Updates:
    """Patterns and images for another amplification, view or sheet; whatever runs goes on."""
    service.look(session)
    controls = {view.a.amplify: session.amplify, view.b.amplify: session.amplify}
    a, b = (service.card(session, side) for side in "ab")
    pictures = {view.a.pattern: pieces.pattern(a), view.b.pattern: pieces.pattern(b)}
    strip = stripped(view, session, service.strip(session))
    return {view.session: session, view.address: session.query(), **controls, **pictures, **strip}
