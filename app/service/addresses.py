"""From the address of the page to a session; what does not fit is named and left at its usual value."""

from collections.abc import Collection, Mapping
from dataclasses import fields, replace

from app.service import catalogue
from app.session import AMPLIFICATIONS, EPSILONS, IMAGES, SHOWS, SIDES, STEPS, VIEWS, Session
from core import attacks

FAR = 10_000
"""No sheet and no scene lies beyond; from where there is nothing one comes back to the last."""


def opened(query: Mapping[str, str], tab: str = "compare") -> tuple[Session, str]:
    """The session that an address asks for, and one sentence on what in it was not understood (else empty).

    An address that speaks of another tab asks for nothing here.
    """
    session, words = understood(query, tab)
    return session, f"The address gives {words} a value unknown here; the usual one is shown instead." if words else ""


def understood(query: Mapping[str, str], tab: str = "compare") -> tuple[Session, str]:
    """The session that a query asks for, and the names of what in it fits nothing, like `model A and epsilon`."""
    if query.get("tab", "compare") != tab:
        return catalogue.first(tab=tab), ""
    data = query.get("data", "")
    known = {model.group for model in catalogue.fitting(tab)}
    session, odd = catalogue.first(data if data in known else None, tab), [] if data in known or not data else ["data"]
    for field in fields(Session):
        given = query.get(field.name)
        if given is None or field.name in ("tab", "data", "run"):
            continue
        value = _parsed(session, field.name, given)
        if value is None:
            odd.append(field.name)
        else:
            session = replace(session, **{field.name: value})  # type: ignore[arg-type]
    if "target" not in query and query.get("data"):  # an address that names no target means none
        session = replace(session, target=None)
    if session.target is not None and not attacks.get(session.attack).targetable:
        session, odd = replace(session, target=None), [*odd, "target"]
    words = {"a": "model A", "b": "model B", "data": "the data set"}
    return session, " and ".join(words.get(name, name) for name in odd)


def _parsed(session: Session, name: str, given: str) -> int | str | None:
    """The value of one query parameter, or None where it fits nothing."""
    offered = catalogue.menu(session)
    words: dict[str, Collection[str]] = {
        "view": VIEWS,
        "show": SHOWS,
        "side": SIDES,
        "attack": [value for _, value in offered.attacks],
    }
    words |= {side: [value for _, value in offered.models] for side in "ab"}
    if name in words:
        return given if given in words[name] else None
    if name == "target":
        fits: catalogue.Choices = [
            pair for label, value in offered.targets[1:] for pair in ((label, value), (str(value), value))
        ]
        return next((value for label, value in fits if label == given), None)
    if not (given.isascii() and given.isdecimal() and len(given) < 9):
        return None
    allowed: dict[str, Collection[int]] = {
        "epsilon": EPSILONS,
        "steps": STEPS,
        "images": IMAGES,
        "amplify": AMPLIFICATIONS,
        "seed": range(10_000),
        "sheet": range(FAR),
        "scene": range(FAR),
        "only": range(len(catalogue.checkpoint(session, "a").classes)),
    }
    return int(given) if int(given) in allowed[name] else None
