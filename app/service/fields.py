"""What each field of a session may hold: the one check of all that comes from pickers, addresses and HTTP."""

from collections.abc import Callable, Collection
from dataclasses import fields
from typing import Any

from app.service import catalogue
from app.session import Session
from core.attacks.targets import Target

SHOWN = 40
"""Characters of a refused value that are repeated."""

NAMES = {"a": "model A", "b": "model B", "data": "the data set"}

_OFFERED: dict[str, Callable[[Session], Collection[Any]]] = {
    "data": lambda session: [value for _, value in catalogue.menu(session).data],
    "a": lambda session: [value for _, value in catalogue.menu(session).models],
    "b": lambda session: [value for _, value in catalogue.menu(session).models],
    "attack": lambda session: [value for _, value in catalogue.menu(session).attacks],
    "target": lambda session: [value for _, value in catalogue.menu(session).targets],
}
"""What the pickers offer that depends on the models; other fields say themselves what fits (`app.session.choice`)."""


def checked(session: Session, name: str, value: Any) -> Any:
    """The value as the session's field `name` holds it. Raises ValueError that says what was given and what fits."""
    fits = _fits(session, name)
    plain = value is None or (isinstance(value, int | float | str) and not isinstance(value, bool))
    if not plain or value not in fits:
        unit = " in units of 1/255" if name == "epsilon" else ""
        raise ValueError(f"{NAMES.get(name, name)} is {_words(fits)}{unit}, and {shortened(value)} was given.")
    value = int(value) if isinstance(value, float) else value
    return Target.parse(value) if name == "target" else value


def _fits(session: Session, name: str) -> Collection[Any]:
    if name in _OFFERED:
        return _OFFERED[name](session)
    declared = next(each.metadata.get("fits", ()) for each in fields(session) if each.name == name)
    found: Collection[Any] = declared(session) if callable(declared) else declared
    return found


def shortened(value: Any) -> str:
    """A value from outside as a message repeats it.

    >>> shortened("x" * 100)
    "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..."
    """
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _words(fits: Collection[Any]) -> str:
    if isinstance(fits, range):
        return f"{'an even' if fits.step == 2 else 'a whole'} number from {fits[0]} to {fits[-1]}"
    names = ["none" if value is None else str(value) for value in fits]
    return f"one of {', '.join(names)}" if names else "not to be chosen here"
