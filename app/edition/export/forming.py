"""What the Compare tab tells of an attack that runs in the visitor's browser, while it forms and once it is measured.

The markup is the app's own, with slots in the place of what a run finds; `static/edition/forming.js` fills them.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app import figures, service
from app.edition.export.store import Slot, Strings
from app.markup import common, compare
from app.markup.compare import KINDS
from app.service import Card, CompareSession, File, Forming, Fraction, Large, Shot, Visibility

ATTACK = "spgd"
"""The attack that the browser runs."""
STATES = ("forming", "measuring", "stopped", "measured")
UNSEEN = "How visible these are is not measured in the browser."


def stages(card: Card, image: Large, shot: Callable[[str], Shot], strings: Strings) -> dict[str, Any]:
    """The large image under the pattern of one model, for each state and each kind of answer (`KINDS`)."""
    found = {}
    for state in STATES:
        own = formed(card, state)
        found[state] = {kind: strings.put(compare.stage(own, image, shot(kind))) for kind in KINDS}
    return found


def told(session: CompareSession, a: Card, b: Card, strings: Strings) -> dict[str, Any]:
    """What is told of both models beside the images, by state; alike whatever is equal for both."""
    numbers, subject = replace(service.numbers(session, a, b), url="#numbers"), service.subject(session, {})
    known: dict[str, Any] = {name: Slot(f"{name}_a") for name in ("epsilon", "n", "images")}
    found = {}
    for state in ("forming", "stopped", "measured"):
        one, other = _told(session, a, state), _told(session, b, state)
        parts = {
            "headline": common.headline(replace(subject, **known), one, other),
            "visible": compare.visible(replace(one, forming=None), replace(other, forming=None)),
            "patterns": compare.patterns(one, other, service.wanted(session)),
            "footer": common.footer(one, other, numbers),
        }
        if state == "forming":
            parts["figure"] = figures.both(one, other)
        found[state] = {name: strings.put(text) for name, text in parts.items()}
    return found


def formed(card: Card, state: str, end: str = "") -> Card:
    """A card in a state of a run; what the run finds are slots whose names have this end."""

    def slot(name: str) -> Any:
        return Slot(name + end)

    found: dict[str, Any] = {"measured": Fraction(slot("value"), slot("low"), slot("high"), slot("n")), "forming": None}
    if state != "measured":
        fooled = (slot("fooled"),)
        kind: Any = state
        progress = Forming(kind, slot("step"), slot("steps"), fooled, fooled, slot("done"))
        found = {"measured": None, "forming": progress}
    found |= {"epsilon": slot("epsilon"), "amplify": slot("amplify"), "visibility": Visibility(missing=UNSEEN)}
    found |= {"share": None, "enough": None, "no_help": None, "search": "", "made": {}}
    return replace(card, **found, hardware="This browser")


def _told(session: CompareSession, card: Card, state: str) -> Card:
    """The same with its origin, its files and the command line that repeats it."""
    side = card.letter.lower()
    parts = [card.origin.partition(" · ")[0], f"seed @seed_{side}@"]
    parts.append(f"@steps_{side}@ steps on @images_{side}@ training images")
    if state == "measured":
        parts += [f"n = @n_{side}@ held out", f"live in @seconds_{side}@ s"]
    elif state == "stopped":
        parts.append(f"stopped at step @step_{side}@, not measured on held-out images")
    settings: dict[str, Any] = {name: Slot(f"{name}_{side}") for name in ("epsilon", "steps", "images", "seed")}
    return replace(
        formed(card, state, f"_{side}"),
        origin=" · ".join([*parts, "this browser"]),
        files=() if state == "forming" else tuple(_renamed(file, card) for file in card.files),
        command=service.command(replace(session, equal="strength", **settings), side),
    )


def _renamed(file: File, card: Card) -> File:
    """A file under another name than that of the stored pattern."""
    own = f"-{ATTACK}-e{card.epsilon}"
    return replace(file, name=file.name.replace(own, f"-{ATTACK}-live-e@epsilon_{card.letter.lower()}@"))
