"""Your pictures: a visitor's own pictures under the stored patterns, by upload, paste or camera; in memory only."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import service
from app.components import crop_frame, html, overlay_slider, picker, picture_intake, pressable, tools
from app.markup import common, pictures
from app.service import PicturesSession
from app.tabs import events
from app.tabs.base import TabView, Updates, aims, offers, sentence_line, strengths
from app.tabs.base import common as whole

TITLE = "Your pictures"
ORDER = 35
SESSION = PicturesSession


def warm_up(session: PicturesSession) -> None:
    """Make the first view once."""
    service.own_pictures(session)


def build(runs: service.RunRegistry) -> "View":
    """Lay the tab out, then wire it."""
    with gr.Column(elem_classes=["duel", "yours"], min_width=0):
        headline = html(elem_classes=["headline"])
        with gr.Row(elem_classes=["controls"]):
            with gr.Row(elem_classes=["deck"]):
                controls: dict[str, Any] = strengths(dragged=True)
            controls |= aims()
            tools(elem_classes=["tools-box"])
        with gr.Row(elem_classes=["stages"]):
            with gr.Column(elem_classes=["theatre"], min_width=0):
                with gr.Row(elem_classes=["trio"]):
                    with gr.Column(elem_classes=["stage"], min_width=0):
                        controls["data"] = picker("Models of")
                        original = html(elem_classes=["shot-box", "live-clean"])
                    with gr.Column(elem_classes=["stage", "card-a"], min_width=0):
                        controls["a"] = picker("A ● Model", elem_classes=["side-a"])
                        a = html(elem_classes=["shot-box", "live-a"])
                    with gr.Column(elem_classes=["stage", "card-b"], min_width=0):
                        controls["b"] = picker("B ▲ Model", elem_classes=["side-b"])
                        b = html(elem_classes=["shot-box", "live-b"])
                invitation = pressable("data-example", elem_classes=["invitebox"])
            with gr.Column(elem_classes=["facts"], min_width=0):
                intake = picture_intake(elem_classes=["intakebox"])
                status = html(elem_classes=["status"])
                frame = crop_frame(elem_classes=["wholebox"])
                overlay_slider()
                knows = html(elem_classes=["knowsbox"])
        with gr.Row(elem_classes=["below"]):
            strip = pressable("data-picture", elem_classes=["stripbox"])
            private = pressable("data-picture", elem_classes=["leaf"])
        footer = html(elem_classes=["footer"])
    parts: dict[str, Any] = {"headline": headline, "original": original, "a": a, "b": b, "invitation": invitation}
    parts |= {"intake": intake, "frame": frame, "knows": knows, "strip": strip, "private": private, "footer": footer}
    view = View(**whole(SESSION, runs), controls=controls, status=status, **parts)
    for name, control in controls.items():
        triggers = [control.release, control.change] if name == "epsilon" else [control.input]
        events.listen(triggers, view, _moved(view, name), control, trigger_mode="always_last")
    events.listen([intake.select], view, _arrived(view), pressed=True, trigger_mode="multiple")
    events.listen([invitation.select], view, _tried(view), pressed=True)
    events.listen([frame.select], view, _cropped(view), pressed=True, trigger_mode="multiple")
    for component in (strip, private):
        events.listen([component.select], view, _chosen(view), pressed=True)
    return view


@dataclass(frozen=True)
class View(TabView[PicturesSession]):
    """The tab's own components, and from a session to what each of them shows.

    What shows a picture is set as a plain value: Gradio keeps what comes in `gr.update` for an hour.
    """

    headline: gr.HTML
    original: gr.HTML
    a: gr.HTML
    b: gr.HTML
    invitation: gr.HTML
    intake: gr.HTML
    frame: gr.HTML
    knows: gr.HTML
    strip: gr.HTML
    private: gr.HTML
    footer: gr.HTML

    def at_rest(self, session: PicturesSession) -> Updates:
        page = service.own_pictures(session)
        large = page.large
        return {
            self.headline: pictures.headline(page),
            self.original: pictures.original(page),
            self.a: pictures.stage(page, page.a, large.a if large else None),
            self.b: pictures.stage(page, page.b, large.b if large else None),
            self.invitation: pictures.invitation(page),
            self.intake: pictures.intake(page),
            self.frame: pictures.whole(page),
            self.knows: pictures.knows(page),
            self.strip: pictures.strip(page),
            self.private: pictures.private(page),
            self.footer: common.footer(page.a.card, page.b.card, page.numbers),
        }

    def menus(self, session: PicturesSession, changed: str) -> Updates:
        updates = offers(session)
        label = f"Strength {session.epsilon}/255"
        if session.equal == "effect":
            a, b = service.drawn_at(session)
            label = f"Strength ● {a}/255 ▲ {b}/255"
        updates["epsilon"] = {"label": label, "value": session.epsilon}
        updates.get(changed, {}).pop("value", None)
        return {self.controls[name]: gr.update(**values) for name, values in updates.items()}

    def idle(self, session: PicturesSession) -> str:
        return service.picture_sentences(session)


def _moved(view: View, name: str) -> Callable[[PicturesSession, Any], Updates]:
    def moved(session: PicturesSession, value: Any) -> Updates:
        after = service.changed(session, name, events.aimed(name, value))
        if getattr(session, name) == getattr(after, name):  # the slider was moved by us
            return {view.session: session}
        return view.shown(after, changed=name)

    return moved


def _arrived(view: View) -> Callable[[PicturesSession, Any], Updates]:
    """Pictures have been sent, or the page's scripts say why not: what is wrong is said, the rest is shown."""

    def arrived(session: PicturesSession, value: Any) -> Updates:
        told = value if isinstance(value, dict) else {}
        wrong = " ".join(filter(None, (service.picture_sentences(session), pictures.trouble(told))))
        shown = view.shown(session)
        return {**shown, view.status: sentence_line(wrong, bad=True)} if wrong else shown

    return arrived


def _tried(view: View) -> Callable[[PicturesSession, Any], Updates]:
    def tried(session: PicturesSession, value: Any) -> Updates:
        service.add_example(session, int(value) if str(value).isdecimal() and len(str(value)) < 9 else 0)
        return view.shown(session)

    return tried


def _cropped(view: View) -> Callable[[PicturesSession, Any], Updates]:
    def cropped(session: PicturesSession, value: Any) -> Updates:
        service.move_crop(session, int(value) if str(value).isdecimal() and len(str(value)) < 9 else -1)
        return view.shown(session)

    return cropped


def _chosen(view: View) -> Callable[[PicturesSession, Any], Updates]:
    """A picture was pressed: it is the large one. With a minus before its token it is removed; a minus removes all."""

    def chosen(session: PicturesSession, value: Any) -> Updates:
        token = str(value)
        if token.startswith("-"):
            service.remove_picture(session, token[1:])
        else:
            service.choose_picture(session, token)
        return view.shown(session)

    return chosen
