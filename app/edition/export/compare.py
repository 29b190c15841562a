"""What the Compare tab of the static edition shows: both sides apart, and for each pair what is told of both.

The markup is the app's own, with words in the place of what differs from image to image (`@picture@`, `@after@`);
`static/edition/compare.js` puts that in.
"""

import base64
from collections.abc import Iterator
from dataclasses import replace
from html import escape
from itertools import product
from pathlib import Path
from typing import Any

from app import figures, service
from app.edition.export.store import Strings, slug, write
from app.markup import common, compare, replay
from app.markup.compare import KINDS
from app.service import Aim, Answer, Card, CompareSession, File, HeldOut, Large, Shot, StoredPattern, Strip, StripImage
from app.session import SIDES, WRONG

SHOWN = {"both": (True, True), "neither": (False, False), "a": (True, False), "b": (False, True)}
"""Which of the models read an image right without a pattern."""

NONE = "This pattern has fooled its model on none of the {} images that this edition holds."


class Slot(int):
    """A number that is not known yet: in a text it is `@number@`."""

    def __format__(self, spec: str) -> str:
        return "@number@"


def export(folder: Path) -> dict[str, Any]:
    """Write the files of all groups whose images may be shown; returns what the page has to know of each group."""
    return {group: _group(folder, group) for group in service.exported_groups(CompareSession, "classification")}


def _group(folder: Path, group: str) -> dict[str, Any]:
    held, first = service.held_out(group), service.first(CompareSession, group)
    place, menu = f"compare/{slug(group)}", service.menu(first)
    for start in range(0, len(held.images), service.PER_SHEET):
        sheet = slice(start, start + service.PER_SHEET)
        write(folder, f"{place}/images-{start // service.PER_SHEET}", held.images[sheet])
    names = [name for _, name in menu.models]
    aims = {name: service.aims(group, name) for name in names}
    cards = Cards()
    for name in names:
        for aim in aims[name]:
            write(folder, f"{place}/{slug(name)}/{slug(aim_key(aim))}", _side(first, name, aim, held, cards))
    for a, b in product(names, names):
        session = replace(first, a=a, b=b)
        both = [aim for aim in aims[a] if aim in aims[b]]
        write(folder, f"{place}/{slug(a)}/with-{slug(b)}", _pair(folder, place, session, both, cards))
    write(folder, f"{place}/group", _templates(first, held, names))
    everything = dict.fromkeys(aim_key(aim) for found in aims.values() for aim in found)
    return {
        "models": menu.models,
        "attacks": menu.attacks,
        "targets": menu.targets,
        "aims": {name: [aim_key(aim) for aim in found] for name, found in aims.items()},
        "known": list(everything),
        "first": service.parameters(first.query()),
    }


def aim_key(aim: Aim) -> str:
    """An attack and what it wants, as the files name it: `spgd` or `spgd 3`."""
    attack, target = aim
    return attack if target is None else f"{attack} {target.to_json()}"


def _templates(first: CompareSession, held: HeldOut, names: list[str]) -> dict[str, Any]:
    """What does not depend on models: classes, markup around images, and the numbers of the sheets."""
    return {
        "classes": [escape(name) for name in held.classes],
        "labels": held.labels,
        "size": held.size,
        "coarse": held.coarse,
        "reads": {name: service.reads(first.data, name) for name in names},
        "original": {name: compare.original(_large(held, *right)) for name, right in SHOWN.items()},
        "cells": {shown or "clean": _cells(shown) for shown in (None, *SIDES)},
        "none": f'<p class="missing">{NONE.format(len(held.images))}</p>',
        "places": {
            f"{which} {first + 1} {count}": _place(held, first, count, which)
            for which in ("all", "fooled")
            for first in range(0, len(held.images), service.PER_SHEET)
            for count in range(1, service.PER_SHEET + 1)
        },
        "legend": compare.legend(False),
        "perSheet": service.PER_SHEET,
    }


def _large(held: HeldOut, a: bool, b: bool) -> Large:
    def shot(right: bool) -> Shot:
        return Shot(None, Answer("", None, right, None))

    return Large(Slot(), held.total, "@truth@", "@picture@", held.coarse, shot(a), shot(b))


def _answer(kind: str) -> Answer:
    """What a model says to an image: with a pattern right, fooled, or wrong anyway; and so without one."""
    right, after = {"right": (True, True), "fooled": (True, False), "anyway": (False, False)}[kind]
    return Answer("@before@", "@after@", right, after)


def _cells(shown: str | None) -> dict[str, str]:
    """A cell of the strip for each kind of answer; without a pattern for each kind of both models."""
    if shown:
        kinds = {kind: (_answer(kind), _answer(kind)) for kind in KINDS}
    else:
        kinds = {name: (Answer("@a@", None, a, None), Answer("@b@", None, b, None)) for name, (a, b) in SHOWN.items()}
    return {
        kind: compare.cell(StripImage("@picture@", Slot(), "@truth@", a, b), shown, False)
        for kind, (a, b) in kinds.items()
    }


def _place(held: HeldOut, first: int, count: int, which: str) -> str:
    total = held.total if which == "all" else 0  # of how many is not known: an edition holds some of the images
    cell = StripImage("", 0, "", _answer("right"), _answer("right"))
    return compare.position(Strip((cell,) * count, first + 1, total, shown="a"), which == "fooled")


def _side(first: CompareSession, name: str, aim: Aim, held: HeldOut, cards: "Cards") -> dict[str, Any]:
    """One model under one aim: at each stored strength the pattern, what is read, and the large image's markup."""
    session = replace(first, a=name, b=name, attack=aim[0], target=aim[1], equal="strength")
    return {
        str(pattern.epsilon): _strength(cards.of(replace(session, epsilon=pattern.epsilon), "a"), pattern, held)
        for pattern in service.patterns(first.data, name, aim)
    }


def _strength(card: Card, pattern: StoredPattern, held: HeldOut) -> dict[str, Any]:
    image = _large(held, True, True)
    return {
        "units": pattern.units,
        "reads": pattern.reads,
        "amplify": card.amplify,
        "stage": {kind: compare.stage(card, image, Shot("@picture@", _answer(kind))) for kind in KINDS},
        "header": _header(card.files[1]),
    }


def _header(file: File) -> str:
    """The header of a safetensors file; what follows it are the values of the pattern."""
    content = _content(file)
    return content[8 : 8 + int.from_bytes(content[:8], "little")].decode()


def _pair(folder: Path, place: str, first: CompareSession, aims: list[Aim], cards: "Cards") -> Any:
    """What is told of two models: for each aim at equal effect, and at each strength that is stored of both."""
    strings, views = Strings(), {}
    for aim in aims:
        session = replace(first, attack=aim[0], target=aim[1])
        found = {name: _view(one, strings, cards) for name, one in _sessions(session)}
        for name, one in _sessions(session):
            if service.replayable(one) and (stored := service.replay(one)):
                key = f"{place}/{slug(first.a)}/replay-{slug(first.b)}"
                write(folder, key, replay.player(stored, close=True))
                found[name]["replay"] = key
        views[aim_key(aim)] = found
    return {"strings": strings.all(), "views": views}


def _sessions(session: CompareSession) -> Iterator[tuple[str, CompareSession]]:
    """The views of one aim by name: `effect 50`, `strength 8`."""
    for wrong in WRONG:
        yield f"effect {wrong}", replace(session, equal="effect", wrong=wrong)
    for epsilon in service.strengths(session):
        yield f"strength {epsilon}", replace(session, equal="strength", epsilon=epsilon)


class Cards:
    """The cards of single models, each made once: a pair puts two of them side by side."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], Card] = {}

    def of(self, session: CompareSession, side: str) -> Card:
        """The card of one side, as on side A, without what depends on the other side."""
        name = getattr(session, side)
        one = replace(session, a=name, b=name)
        key = (name, one.attack, one.target, one.equal, one.wrong if one.equal == "effect" else one.epsilon)
        if key not in self._known:
            self._known[key] = service.card(one, "a", service.outcomes(one)["a"])
        return self._known[key]

    def pair(self, session: CompareSession) -> tuple[Card, Card]:
        a, b = self.of(session, "a"), self.of(session, "b")
        return service.beside(session, a, replace(b, letter="B"))


def _view(session: CompareSession, strings: Strings, known: Cards) -> dict[str, Any]:
    cards, found = known.pair(session), service.outcomes(session)
    numbers = service.numbers(session, *cards)
    a, b = (_told(card) for card in cards)
    texts = {
        "headline": common.headline(service.subject(session, found), a, b),
        "visible": compare.visible(a, b),
        "patterns": compare.patterns(a, b, service.wanted(session)),
        "figure": figures.both(a, b),
        "breaks": compare.breaks(a, b),
        "footer": common.footer(a, b, replace(numbers, url="#numbers")),
    }
    return {
        "strengths": [card.epsilon for card in cards],
        "parts": {name: strings.put(text) for name, text in texts.items()},
        "numbers": strings.put(_content(numbers).decode()),
    }


def _told(card: Card) -> Card:
    """A card whose pictures and files the browser makes."""
    letter = card.letter.lower()
    files = tuple(replace(file, url=f"#{file.label.lower()}-{letter}") for file in card.files)
    return replace(card, pattern=card.pattern and f"@pattern-{letter}@", files=files)


def _content(file: File) -> bytes:
    """What a download holds."""
    return base64.b64decode(file.url.partition(",")[2])
