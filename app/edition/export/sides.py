"""What tabs share that put two attacked models side by side: each model apart, and for each pair what is told of both.

`static/edition/attacked.js` puts both together.
"""

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

from app import service
from app.edition.export.store import Strings, slug, write
from app.markup import common
from app.service import Aim, Card, File, StoredPattern
from app.session import WRONG, Session

Chosen = TypeVar("Chosen", bound=Session)
Side = Callable[[Any, Card, StoredPattern, Strings], dict[str, Any]]
"""From a session with one model on both sides, its card and a pattern to what the browser has to know of that."""
Told = Callable[[Any, Card, Card, Strings], dict[str, Any]]
"""From a session and both cards to what is told of both: `parts` are those of the tab."""


def place(session: Session) -> str:
    """Where the files of a group of models lie."""
    return f"{session.tab}/{slug(session.data)}"


def export(folder: Path, first: Session, side: Side, told_of_both: Told) -> dict[str, Any]:
    """Write the files of all models and pairs of a group; returns what the page has to know of it."""
    menu, cards = service.menu(first), Cards()
    names = [name for _, name in menu.models]
    aims = {name: service.aims(first.data, name) for name in names}
    for name in names:
        one = replace(first, a=name, b=name, equal="strength")
        for aim in aims[name]:
            session = replace(one, attack=aim[0], target=aim[1])
            write(folder, f"{place(first)}/{slug(name)}/{slug(aim_key(aim))}", _side(session, aim, side, cards))
    for a, b in product(names, names):
        for aim in (aim for aim in aims[a] if aim in aims[b]):
            session, strings = replace(first, a=a, b=b, attack=aim[0], target=aim[1]), Strings()
            views = _views(session, told_of_both, strings, cards)
            name = f"{place(first)}/{slug(a)}/with-{slug(b)}/{slug(aim_key(aim))}"
            write(folder, name, {"strings": strings.all(), "views": views})
    return {
        "models": menu.models,
        "attacks": menu.attacks,
        "targets": menu.targets,
        "aims": {name: [aim_key(aim) for aim in found] for name, found in aims.items()},
        "first": service.parameters(first.query()),
    }


def _side(session: Any, aim: Aim, side: Side, cards: "Cards") -> dict[str, Any]:
    """One model under one aim: what is known at each stored strength."""
    strings, found = Strings(), {}  # random signs are the same pattern at every strength
    for pattern in service.patterns(session.data, session.a, aim):
        one = replace(session, epsilon=pattern.epsilon)
        card = cards.of(one, "a")
        known: dict[str, Any] = {"factor": pattern.factor, "units": strings.put(pattern.units)}
        known |= {"amplify": card.amplify, "header": header(card.files[1])}
        found[str(pattern.epsilon)] = known | side(one, card, pattern, strings)
    return {"strings": strings.all(), "strengths": found}


def _views(session: Session, told_of_both: Told, strings: Strings, cards: "Cards") -> dict[str, Any]:
    """What is told of two models under one aim, at equal effect and at each strength that is stored of both."""
    found = {}
    for name, one in sessions(session):
        a, b = cards.pair(one)
        numbers, outcomes = service.numbers(one, a, b), service.outcomes(one)
        shared = {
            "headline": common.headline(service.subject(one, outcomes), a, b),
            "footer": common.footer(told(a), told(b), replace(numbers, url="#numbers")),
        }
        view = told_of_both(one, told(a), told(b), strings)
        view["parts"] = {part: strings.put(text) for part, text in {**shared, **view["parts"]}.items()}
        view |= {"strengths": [a.epsilon, b.epsilon], "numbers": strings.put(content(numbers).decode())}
        found[name] = view
    return found


def aim_key(aim: Aim) -> str:
    """An attack and what it wants, as the files name it: `spgd` or `spgd 3`."""
    attack, target = aim
    return attack if target is None else f"{attack} {target.to_json()}"


def sessions(session: Chosen) -> Iterator[tuple[str, Chosen]]:
    """The views of one aim by name: `effect 50`, `strength 8`."""
    for wrong in WRONG:
        yield f"effect {wrong}", replace(session, equal="effect", wrong=wrong)
    for epsilon in service.strengths(session):
        yield f"strength {epsilon}", replace(session, equal="strength", epsilon=epsilon)


class Cards:
    """The cards of single models, each made once: a pair puts two of them side by side."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], Card] = {}

    def of(self, session: Session, side: str) -> Card:
        """The card of one side, as on side A, without what depends on the other side."""
        name = getattr(session, side)
        one = replace(session, a=name, b=name)
        key = (name, one.attack, one.target, one.equal, one.wrong if one.equal == "effect" else one.epsilon)
        if key not in self._known:
            self._known[key] = service.card(one, "a", service.outcomes(one)["a"], drawn=False)
        return self._known[key]

    def pair(self, session: Session) -> tuple[Card, Card]:
        a, b = self.of(session, "a"), self.of(session, "b")
        return service.beside(session, a, replace(b, letter="B"))


def header(file: File) -> str:
    """The header of a safetensors file; what follows it are the values of the pattern."""
    found = content(file)
    return found[8 : 8 + int.from_bytes(found[:8], "little")].decode()


def told(card: Card) -> Card:
    """A card whose pictures and files the browser makes."""
    letter = card.letter.lower()
    files = tuple(replace(file, url=f"#{file.label.lower()}-{letter}") for file in card.files)
    return replace(card, pattern=f"@pattern-{letter}@", files=files)


def content(file: File) -> bytes:
    """What a download holds."""
    return base64.b64decode(file.url.partition(",")[2])
