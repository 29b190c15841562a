"""What the Compare tab of the static edition shows: both sides apart, and for each pair what is told of both.

The markup is the app's own, with words in the place of what differs from image to image (`@picture@`, `@after@`);
`static/edition/compare.js` puts that in.
"""

from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

from app import figures, service
from app.edition.export import forming, own, sides
from app.edition.export.store import Slot, Strings, slug, write
from app.markup import compare, replay
from app.markup.compare import KINDS
from app.service import (
    Answer,
    Card,
    CompareSession,
    HeldOut,
    Large,
    OwnPage,
    PicturesSession,
    Shot,
    StoredPattern,
    Strip,
    StripImage,
)
from app.session import IMAGES, SIDES, WRONG

SHOWN = {"both": (True, True), "neither": (False, False), "a": (True, False), "b": (False, True)}
"""Which of the models read an image right without a pattern."""

NONE = "This pattern has fooled its model on none of the {} images that this edition holds."


NUMBER: Any = Slot("number")
"""The number of an image that is not known yet."""


def groups() -> list[str]:
    """The groups of classifiers whose images may be shown."""
    return service.exported_groups(CompareSession, "classification")


def export(folder: Path, live: dict[str, Any]) -> dict[str, Any]:
    """Write the files of all groups; returns what the page has to know of each.

    `live` is the manifest of attacks in the browser (`app.edition.live`), empty where there are none.
    """
    return {group: _group(folder, group, live.get("groups", {}).get(group)) for group in groups()}


def _group(folder: Path, group: str, live: dict[str, Any] | None) -> dict[str, Any]:
    held, first = service.held_out(group), service.first(CompareSession, group)
    where, image = sides.place(first), _large(held, True, True)
    yours = service.own_pictures(service.first(PicturesSession, group)) if live else None
    for start in range(0, len(held.images), service.PER_SHEET):
        sheet = slice(start, start + service.PER_SHEET)
        write(folder, f"{where}/images-{start // service.PER_SHEET}", held.images[sheet])

    def side(session: CompareSession, card: Card, pattern: StoredPattern, strings: Strings) -> dict[str, Any]:
        stages = {kind: compare.stage(card, image, _shot(kind)) for kind in KINDS}
        return {
            "reads": service.reads(group, session.a, pattern.outcome),
            "stage": {kind: strings.put(stage) for kind, stage in stages.items()},
            **(_in_the_browser(yours, card, image, strings, session.attack) if yours else {}),
        }

    def told(session: CompareSession, a: Card, b: Card, strings: Strings) -> dict[str, Any]:
        found = _replay(folder, session) | {"parts": _parts(session, a, b)}
        found |= {"own": own.headlines(yours, a, b, strings)} if yours else {}
        first_view = session.equal == "effect" and session.wrong == WRONG[0]
        if yours and session.attack == forming.ATTACK and first_view:  # alike for the others
            ends = forming.formed(a, "measured", "_a"), forming.formed(b, "measured", "_b")
            found["forming"] = forming.told(session, a, b, strings)
            found["formed"] = own.headlines(yours, *ends, strings)
        return found

    found = sides.export(folder, first, side, told)
    write(folder, f"{where}/group", _templates(first, held, [name for _, name in found["models"]]))
    if live:  # no more images to craft on than the edition holds
        found["first"]["images"] = str(
            max((count for count in IMAGES if count <= live["crafting"]["n"]), default=IMAGES[0])
        )
    return found


def _shot(kind: str) -> Shot:
    return Shot("@picture@", _answer(kind))


def _in_the_browser(yours: OwnPage, card: Card, image: Large, strings: Strings, attack: str) -> dict[str, Any]:
    """What the browser does with a pattern, and where it forms others with those too."""
    found = {"own": own.stages(yours, card, strings)}
    if attack == forming.ATTACK:
        found["forming"] = forming.stages(card, image, _shot, strings)
        ends = {state: forming.formed(card, state) for state in ("stopped", "measured")}
        found["formed"] = {state: own.stages(yours, one, strings) for state, one in ends.items()}
    return found


def _parts(session: CompareSession, a: Card, b: Card) -> dict[str, str]:
    """What is told of both models beside the images."""
    return {
        "visible": compare.visible(a, b),
        "patterns": compare.patterns(a, b, service.wanted(session)),
        "figure": figures.both(a, b),
        "breaks": compare.breaks(a, b),
    }


def _replay(folder: Path, session: CompareSession) -> dict[str, Any]:
    """How the patterns of two models form, where that is stored: one file for both orders, which share the frames."""
    if session.a == session.b or not service.replayable(session):
        return {}
    first, second = sorted((session.a, session.b))
    key = f"{sides.place(session)}/replay-{slug(first)}-{slug(second)}"
    if session.a == first:
        strings, found = Strings(), {}
        for one in (session, replace(session, a=second, b=first)):
            stored = service.replay(one)
            assert stored is not None
            found[one.a] = strings.put(replay.player(stored, close=True))
        write(folder, key, {"strings": strings.all(), "first": found})
    return {"replay": key}


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

    return Large(NUMBER, held.total, "@truth@", "@picture@", held.coarse, shot(a), shot(b))


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
        kind: compare.cell(StripImage("@picture@", NUMBER, "@truth@", a, b), shown, False)
        for kind, (a, b) in kinds.items()
    }


def _place(held: HeldOut, first: int, count: int, which: str) -> str:
    total = held.total if which == "all" else 0  # of how many is not known: an edition holds some of the images
    cell = StripImage("", 0, "", _answer("right"), _answer("right"))
    return compare.position(Strip((cell,) * count, first + 1, total, shown="a"), which == "fooled")
