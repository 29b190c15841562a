"""What every tab has: pickers, a status line, and from a session to what they show; `RunView` is one that attacks."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Any, Generic, TypeVar

import gradio as gr

from app import service
from app.components import address, html, picker, segments
from app.session import EPSILONS, IMAGES, SEEDS, STEPS, WRONG, Session

EQUAL_WORDS = [("Equal effect", "effect"), ("Equal strength", "strength")]
WRONG_WORDS = [(f"{percent}% wrong", percent) for percent in WRONG]
NO_TARGET = "none"
"""The target picker's value for no target: a dropdown cannot hold None."""
Updates = dict[Any, Any]
Chosen = TypeVar("Chosen", bound=Session)


@dataclass(frozen=True)
class TabView(ABC, Generic[Chosen]):
    """Every component of a tab that an event changes: pickers, a status line, and what the tab itself adds."""

    session: gr.State
    controls: dict[str, Any]
    status: gr.HTML
    notice: gr.HTML
    address: gr.HTML
    where: gr.Textbox
    """Nothing that is shown: as an input of an event, the query of the page's address (`app.tabs.events.listen`)."""
    runs: service.RunRegistry
    """The live runs of the app."""

    @abstractmethod
    def at_rest(self, session: Chosen) -> Updates:
        """All that the tab shows of a session besides controls and status line."""

    @abstractmethod
    def menus(self, session: Chosen, changed: str) -> Updates:
        """What the controls offer and hold; the one named `changed`, just used by the person, keeps its own value."""

    def idle(self, session: Chosen) -> str:
        """What the status line says when there is nothing else to say."""
        return ""

    @property
    def onward(self) -> tuple[gr.Button, str] | None:
        """A button that leads to another tab with the same choices, and the name of that tab; None without one."""
        return None

    @property
    def outputs(self) -> list[Any]:
        return list(_components(value for value in vars(self).values() if value is not self.runs))

    def shown(self, session: Chosen, sentence: str = "", changed: str = "") -> Updates:
        """Everything, for a session at rest. The control that the person has just used keeps its own value."""
        return {
            **self.at_rest(session),
            **self.menus(session, changed),
            self.session: session,
            self.status: sentence_line(sentence or self.idle(session)),
            self.notice: notice_line(service.notice()),
            self.address: session.query(),
        }

    def failed(self, sentence: str) -> Updates:
        """The tab cannot be shown, and why."""
        return {self.status: sentence_line(sentence, bad=True), self.notice: notice_line(service.notice())}


@dataclass(frozen=True)
class RunView(TabView[Chosen]):
    """A tab that runs attacks, with Run and Stop; it adds its own components, and `app.tabs.events` wires it."""

    run: gr.Button
    stop: gr.Button

    @property
    def at_strengths(self) -> "AtStrengths | None":
        """What follows the strength slider in the browser; None where only the server answers."""
        return None

    @abstractmethod
    def redrawn(self, session: Chosen) -> Updates:
        """The same result looked at in another way; whatever runs goes on."""

    @abstractmethod
    def forming(self, session: Chosen, found: service.Outcomes, slowly: bool) -> Updates:
        """A run under way, and what it has found; with `slowly` also what need not move several times a second."""

    def idle(self, session: Chosen) -> str:
        return service.status(session, self.runs)

    def buttons(self, running: bool) -> Updates:
        """Run and Stop, of which one can be pressed."""
        return {self.run: gr.update(interactive=not running), self.stop: gr.update(interactive=running)}

    def shown(self, session: Chosen, sentence: str = "", changed: str = "") -> Updates:
        return {**super().shown(session, sentence, changed), **self.buttons(running=False)}

    def failed(self, sentence: str) -> Updates:
        return {**super().failed(sentence), self.run: gr.update(interactive=False)}

    def menus(self, session: Chosen, changed: str) -> Updates:
        updates = offers(session)
        free = session.equal == "strength"
        label = f"Strength ε = {session.epsilon}/255"
        updates["epsilon"] = {"label": label, "value": session.epsilon, "visible": free}
        updates["wrong"] |= {"visible": not free}
        updates |= {name: {"value": getattr(session, name)} for name in ("steps", "images", "seed")}
        updates.get(changed, {}).pop("value", None)
        return {self.controls[name]: gr.update(**values) for name, values in updates.items()}


@dataclass(frozen=True)
class AtStrengths:
    """Parts of a tab that follow the strength slider at once: `show` gives their values for a session."""

    views: gr.HTML
    """`app.components.strength_views`, which holds these values for every stored strength."""
    parts: list[gr.HTML]
    show: Callable[[Any], list[Any]]


def offers(session: Session) -> dict[str, dict[str, Any]]:
    """What the pickers that tabs share offer and hold: data set, models, attack, target, and what is equal."""
    menu = service.menu(session)
    targets = [(label, NO_TARGET if value is None else value) for label, value in menu.targets]
    target = NO_TARGET if session.target is None else session.target.to_json()
    offered = {"data": menu.data, "a": menu.models, "b": menu.models, "attack": menu.attacks}
    found: dict[str, dict[str, Any]]
    found = {name: {"choices": choices, "value": getattr(session, name)} for name, choices in offered.items()}
    found["target"] = {"choices": targets, "value": target, "interactive": menu.targetable}
    return found | {name: {"value": getattr(session, name)} for name in ("equal", "wrong")}


def _components(values: Any) -> Iterator[Any]:
    """All components among these values, those inside dictionaries and dataclasses too."""
    for value in values:
        if isinstance(value, dict):
            yield from _components(value.values())
        elif hasattr(value, "__dataclass_fields__"):
            yield from _components(vars(value).values())
        else:
            yield value


def common(kind: type[Session], runs: service.RunRegistry) -> dict[str, Any]:
    """What each tab has besides its controls and its status line; the fields of a `TabView`."""
    return {
        "session": gr.State(kind()),
        "notice": html(elem_classes=["notice"]),
        "address": address(),
        "where": gr.Textbox(visible=False),
        "runs": runs,
    }


def aside(kind: type[Session], runs: service.RunRegistry) -> dict[str, Any]:
    """The column of pickers with Run and Stop below; the fields of a `RunView`, the session among them."""
    controls: dict[str, Any] = {
        "data": picker("Images"),
        "a": picker("A ● Model", elem_classes=["side-a"]),
        "b": picker("B ▲ Model", elem_classes=["side-b"]),
        **aims(),
    }
    found = deck(kind)
    status = html(elem_classes=["status"])
    controls |= {**found.pop("controls"), **settings()}
    return {**common(kind, runs), "controls": controls, "status": status, **found}


def aims() -> dict[str, Any]:
    """The pickers of the attack and of what it wants."""
    return {"attack": picker("Attack"), "target": picker("Target")}


def deck(kind: type[Session], replay: bool = False) -> dict[str, Any]:
    """How strong the attacks are, with Run and Stop; a phone keeps it in view. Fields of a `RunView`.

    With `replay` also a button that plays a stored run.
    """
    with gr.Row(elem_classes=["deck"]):
        controls = strengths()
        with gr.Row(elem_classes=["runbar"]):
            run = gr.Button("Watch it form", variant="primary", elem_id=f"{kind.tab}-run", min_width=0, scale=3)
            more = {"replay": gr.Button("Replay", elem_id=f"{kind.tab}-replay", min_width=0)} if replay else {}
            stop = gr.Button("Stop", elem_id=f"{kind.tab}-stop", interactive=False, min_width=0, scale=1)
    return {"controls": controls, "run": run, "stop": stop, **more}


def strengths(dragged: bool = False) -> dict[str, Any]:
    """What is equal for both models, and how strong the patterns are; if `dragged`, the slider is always there."""
    return {
        "equal": segments(EQUAL_WORDS, "effect", "What is equal for both models", elem_classes=["segments"]),
        "wrong": segments(WRONG_WORDS, 50, "How often the attack succeeds", elem_classes=["segments"]),
        "epsilon": gr.Slider(
            EPSILONS[0],
            EPSILONS[-1],
            step=2,
            label="Strength ε",
            buttons=[],
            elem_classes=["strength"],
            visible=dragged,  # else not until a session is at equal strength: the bar would wrap meanwhile
        ),
    }


def settings() -> dict[str, Any]:
    """What a run takes, folded in."""
    with gr.Accordion("More settings", open=False, elem_classes=["more"]):
        return {
            "steps": gr.Dropdown(list(STEPS), label="Steps", filterable=False),
            "images": gr.Dropdown(list(IMAGES), label="Images the attacker trains on", filterable=False),
            "seed": gr.Number(0, label="Seed", precision=0, minimum=SEEDS[0], maximum=SEEDS[-1]),
        }


def sentence_line(sentence: str, bad: bool = False, aloud: bool = True) -> str:
    """The status line, which screen readers read out; not `aloud` where it changes several times a second."""
    kind, live = "bad" if bad else "", "polite" if aloud else "off"
    return f'<p class="note {kind}" role="status" aria-live="{live}">{escape(sentence)}</p>'


def notice_line(sentence: str) -> str:
    """What is amiss with the app as a whole; nothing where all is well."""
    return f'<p class="note" role="note">{escape(sentence)}</p>' if sentence else ""
