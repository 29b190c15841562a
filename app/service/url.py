"""From the address of the page to a session; what does not fit is named and left at its usual value."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any
from urllib.parse import parse_qsl

from app.service import catalogue
from app.service.fields import NAMES, checked, shortened
from app.service.runs import RunRegistry
from app.session import HIDDEN, USUAL, AnySession, Session
from core import attacks

UNKNOWN = "The address gives {} a value unknown here; the usual one is shown instead."
LONGEST = 2000
"""Characters of an address that are read; those that the page writes have a tenth of it."""


def opened(query: Mapping[str, str], kind: type[AnySession]) -> tuple[AnySession, str]:
    """The session that an address asks for, and one sentence on what in it was not understood (else empty).

    An address that speaks of another tab asks for nothing here.
    """
    session, words = understood(query, kind)
    return session, UNKNOWN.format(words) if words else ""


def understood(query: Mapping[str, str], kind: type[AnySession]) -> tuple[AnySession, str]:
    """The session that a query asks for, and the names of what in it fits nothing, like `model A and epsilon`."""
    if query.get("tab", USUAL) != kind.tab:
        return catalogue.first(kind), ""
    data = query.get("data", "")
    known = {model.group for model in catalogue.fitting(kind)}
    session, odd = catalogue.first(kind, data if data in known else None), [] if data in known or not data else ["data"]
    # what the tab's own address leaves out would be gone after the next reload
    left_out = {"data", *HIDDEN, *(field.name for field in fields(Session) if field.name not in kind.addressed)}
    for field in fields(kind):
        given = query.get(field.name)
        if given is None or field.name in left_out:
            continue
        try:
            session = replace(session, **{field.name: _parsed(session, field.name, given)})
        except ValueError:
            odd.append(field.name)
    if "epsilon" in query and "equal" not in query and "equal" in kind.addressed:
        session = replace(session, equal="strength")
    if "target" not in query and query.get("data"):  # an address that names no target means none
        session = replace(session, target=None)
    if session.target is not None and not attacks.get(session.attack).targetable:
        session, odd = replace(session, target=None), [*odd, "target"]
    return session, " and ".join(NAMES.get(name, name) for name in odd)


def changed(session: AnySession, name: str, value: Any) -> AnySession:
    """The session after one choice; what no longer fits falls back. Raises ValueError for what cannot be chosen."""
    value = 0 if name == "seed" and value is None else value  # an emptied field
    return catalogue.changed(session, name, checked(session, name, value))


def looked(session: AnySession, name: str, value: Any) -> AnySession:
    """The session with another way to look at the same result. Raises ValueError for what cannot be chosen."""
    return replace(session, **{name: checked(session, name, value)})


def recalled(session: AnySession, address: Any, runs: RunRegistry, visitor: str = "") -> AnySession:
    """The visitor's session; where the app has forgotten it, the one that the address of its page asks for.

    `address` is the query of the page, like `?data=signs&a=standard`. A run of the visitor that is under way is found
    again. Raises NoModels.
    """
    if session.data:
        return replace(session, visitor=visitor)
    found = replace(understood(parameters(str(address)), type(session))[0], visitor=visitor)
    return replace(found, run=runs.under_way(found))


def refreshed(session: AnySession) -> AnySession:
    """The session, with the usual models in place of those that are there no more."""
    names = {model.name for model in catalogue.all_models() if model.group == session.data}
    return session if {session.a, session.b} <= names else opened(parameters(session.query()), type(session))[0]


def parameters(address: str) -> dict[str, str]:
    """The parameters in the query of an address, like `?data=signs&a=standard`."""
    return dict(parse_qsl(address.removeprefix("?")[:LONGEST]))


def _parsed(session: Session, name: str, given: str) -> Any:
    """The value of one query parameter. Raises ValueError where it fits nothing."""
    if name == "target":
        offered = catalogue.menu(session).targets[1:]
        fits = {text: value for label, value in offered for text in (str(value), label)}
        return checked(session, name, fits.get(given, given))
    if isinstance(getattr(type(session)(), name), str):
        return checked(session, name, given)
    if not (given.isascii() and given.isdecimal() and len(given) < 9):
        raise ValueError(f"{name} is a whole number, and {shortened(given)} was given.")
    return checked(session, name, int(given))
