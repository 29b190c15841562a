"""What the tab of one's own pictures shows: the patterns of Compare on pictures that only the browser sees.

The markup is the app's own, with slots in the place of pictures and answers; `static/edition/yours.js` fills them.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from app import service
from app.edition.export.store import Slot, Strings, slug, write
from app.markup import pictures
from app.service import Card, Guess, OwnAnswer, OwnCell, OwnLarge, OwnPage, OwnShot, OwnSide, PicturesSession, Whole
from app.service.pictures_of_yours import TOP
from app.service.received import KEPT, KINDS, MOST

PRIVATE = "Pictures stay in this page: nothing sends or stores them, and they are gone when you close it."
FIT = "JPEG, PNG, WebP, GIF, BMP and AVIF pictures of up to 20 MB"
"""The kinds that browsers read."""
SAID = ("same", "changed")
"""Whether a pattern changes what a model says."""


def taken() -> dict[str, Any]:
    """What the scripts know of files: how they begin, what is wrong with them, and how much is kept."""
    return {
        "kinds": [(begin.decode("latin-1"), words) for begin, words in KINDS],
        "fit": FIT,
        "most": MOST,
        "kept": KEPT,
        "largest": service.LARGEST_FILE,
        "pictures": service.PICTURES,
        "top": TOP,
        "troubles": pictures.TROUBLES | {"unreachable": "The models could not be run in this browser."},
    }


def export(folder: Path, shown: dict[str, Any], live: dict[str, Any]) -> dict[str, Any]:
    """Write the files of all groups; `shown` is what the page knows of Compare, whose patterns these are."""
    found = {}
    for group in (group for group in shown if group in live["groups"]):
        first = service.first(PicturesSession, group)
        write(folder, f"pictures/{slug(group)}", _templates(service.own_pictures(first), live["groups"][group]))
        found[group] = shown[group] | {"first": service.parameters(first.query())}
    return found


def stages(page: OwnPage, card: Card, strings: Strings) -> dict[str, Any]:
    """A picture under the pattern of one model: before there is one, and with what that says to it."""
    side = OwnSide(card, card.epsilon, 0)
    shots = {kind: OwnShot("@picture@", _answer(kind)) for kind in SAID}
    own = replace(page, turn=_slot("turn"))
    return {kind: strings.put(pictures.stage(own, side, shot)) for kind, shot in ({"empty": None} | shots).items()}


def headlines(page: OwnPage, a: Card, b: Card, strings: Strings) -> dict[str, Any]:
    """The headline for one picture, by whether each pattern changes what its model says, and for several."""
    cell, found = _cell("same", "same"), {}
    for one in (0, 1):
        for other in (0, 1):
            sides: dict[str, Any] = {"a": OwnSide(a, a.epsilon, one), "b": OwnSide(b, b.epsilon, other)}
            found[f"{one}{other}"] = strings.put(pictures.headline(replace(page, cells=(cell,), **sides)))
    both: dict[str, Any] = {
        "a": OwnSide(a, a.epsilon, _slot("changed_a")),
        "b": OwnSide(b, b.epsilon, _slot("changed_b")),
    }
    many = pictures.headline(replace(page, cells=(cell, cell), **both))
    return found | {"many": strings.put(many.replace("of your 2 pictures", "of your @n@ pictures"))}


def _templates(page: OwnPage, live: dict[str, Any]) -> dict[str, Any]:
    """What depends on no pattern."""
    page = replace(page, turn=_slot("turn"), intake=replace(page.intake, key=""))
    examples = [replace(example, picture=f"@example{example.number}@") for example in page.examples]
    some = replace(page, cells=(_cell("same", "same"),))
    return {
        "size": live["size"],
        "headline": pictures.headline(page),
        "invitation": pictures.invitation(replace(page, examples=tuple(examples)), PRIVATE),
        "examples": {example.number: example.title for example in page.examples},
        "intake": pictures.intake(page),
        "knows": pictures.knows(page),
        "private": pictures.private(some, PRIVATE),
        "original": {"empty": pictures.original(page), "large": pictures.original(_large(page, "across"))},
        "whole": {kind: pictures.whole(_large(page, kind)) for kind in ("across", "down", "fixed")},
        "said": {kind: pictures.said(OwnShot(None, _answer(kind))) for kind in SAID},
        "cells": {f"{a} {b}": pictures.cell(_cell(a, b), False) for a in SAID for b in SAID},
    }


def _slot(name: str) -> Any:
    return Slot(name)


def _answer(kind: str, end: str = "") -> OwnAnswer:
    """An answer to a picture; slots are like `@clean0@` and, in percent, `@sure_attacked2@`."""
    guesses = {
        when: tuple(Guess(f"@{when}{place}{end}@", _slot(f"sure_{when}{place}{end}")) for place in range(TOP))
        for when in ("clean", "attacked")
    }
    if kind == "same":  # the name alone decides
        first = replace(guesses["attacked"][0], name=guesses["clean"][0].name)
        guesses["attacked"] = (first, *guesses["attacked"][1:])
    return OwnAnswer(guesses["clean"], guesses["attacked"])


def _cell(a: str, b: str) -> OwnCell:
    return OwnCell("@token@", "@name@", "@thumb@", _answer(a, "_a"), _answer(b, "_b"))


def _large(page: OwnPage, kind: str) -> OwnPage:
    """The page with a picture, whose longer side lies across or down, or of which models see all."""
    span = 1.0 if kind == "fixed" else _slot("span")
    size = _slot("width"), _slot("height")
    whole = Whole("@token@", "@name@", "@whole@", *size, span, kind == "across", _slot("at"))
    shot = OwnShot("@picture@", _answer("same"))
    return replace(page, large=OwnLarge(whole, "@picture@", shot, shot))
