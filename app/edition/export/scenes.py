"""What the Segmentation tab of the static edition shows: the first held-out scenes under every stored pattern.

The markup is the app's own, with words in the place of pictures and label maps (`@after@`), which
`static/edition/scenes.js` draws.
"""

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from app import service
from app.edition.export import sides
from app.edition.export.store import Strings, write
from app.markup import segmentation
from app.service import Card, HeldScenes, SegmentationSession, StoredPattern
from app.session import AMPLIFICATIONS, SIDES

SHOWS = ("labels", "flips")
"""What the attacked maps show."""


def export(folder: Path) -> dict[str, Any]:
    """Write the files of all groups whose scenes may be shown; returns what the page has to know of each group."""
    return {group: _group(folder, group) for group in service.exported_groups(SegmentationSession)}


def _group(folder: Path, group: str) -> dict[str, Any]:
    held, first = service.held_scenes(group), service.first(SegmentationSession, group)
    for number, image in enumerate(held.images):
        write(folder, f"{sides.place(first)}/scene-{number}", {"image": image, "labels": held.labels[number]})
    found = sides.export(folder, first, _side, _told)
    names = [name for _, name in found["models"]]
    write(folder, f"{sides.place(first)}/group", _templates(first, held, names))
    return found


def _side(session: SegmentationSession, card: Card, pattern: StoredPattern, strings: Strings) -> dict[str, Any]:
    """One model under one pattern: what it sees, and the markup of its row on either side of the page."""
    maps, words = service.sees(session.data, session.a, pattern.outcome)
    look = service.unseen(session, "a", pattern.outcome)
    look = replace(look, picture="@picture@", before="@before@", after="@after@", told=("@clean@", "@attacked@"))
    rows, summaries = {}, {}
    for letter in ("A", "B"):
        own = sides.told(replace(card, letter=letter))
        summaries[letter.lower()] = strings.put(segmentation.summary(own, look))
        for shown, factor in product(SHOWS, AMPLIFICATIONS):
            row = segmentation.row(replace(own, amplify=factor or own.amplify), look, shown == "flips")
            rows[f"{letter.lower()} {shown} {factor}"] = strings.put(row)
    return {"sees": maps, "words": words, "rows": rows, "summary": summaries}


def _told(session: SegmentationSession, a: Card, b: Card, strings: Strings) -> dict[str, Any]:
    """What is told of both models, and the scene that tells the story."""
    found = service.outcomes(session)
    look_a, look_b = (service.unseen(session, side, found[side]) for side in SIDES)
    legend = segmentation.legend(service.legend(session), (look_a, look_b), None)
    return {"parts": {"legend": legend}, "scene": service.telling(session)}


def _templates(first: SegmentationSession, held: HeldScenes, names: list[str]) -> dict[str, Any]:
    """What does not depend on patterns: what models see in clean scenes, and for each target the scenes' markup."""
    strings, aims = Strings(), {}
    for target in (None, *(one for _, one in service.menu(first).targets if one is not None)):
        session = service.looked(replace(first, target=None), "target", target)
        leaves = service.leaves(session)
        streets = [service.street(replace(session, scene=place)) for place in leaves]
        aims["" if target is None else str(target)] = {
            "leaves": leaves,
            "streets": [strings.put(segmentation.street(_slots(street))) for street in streets],
            "places": [strings.put(segmentation.position(street)) for street in streets],
            "removed": session.target.number if session.target and session.target.kind == "remove" else None,
        }
    return {
        "size": held.size,
        "colours": held.colours,
        "sees": {name: service.sees(first.data, name) for name in names},
        "aims": aims,
        "strings": strings.all(),
    }


def _slots(street: service.Street) -> service.Street:
    return replace(street, photo="@photo@", truth="@truth@", removed=street.removed and "@removed@")
