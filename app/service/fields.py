"""What each field of a session may hold: the one check of all that comes from pickers, addresses and HTTP."""

from collections.abc import Callable, Collection
from typing import Any

from app.service import catalogue
from app.session import AMPLIFICATIONS, EPSILONS, IMAGES, SEEDS, SHOWS, SIDES, STEPS, VIEWS, Session
from core.attacks.targets import Target

FAR = range(10_000)
"""No sheet and no scene lies beyond; from where there is nothing one comes back to the last."""
SHOWN = 40
"""Characters of a refused value that are repeated."""

NAMES = {"a": "model A", "b": "model B", "data": "the data set"}

_FITS: dict[str, Callable[[Session], Collection[Any]]] = {
    "data": lambda session: [value for _, value in catalogue.menu(session).data],
    "a": lambda session: [value for _, value in catalogue.menu(session).models],
    "b": lambda session: [value for _, value in catalogue.menu(session).models],
    "attack": lambda session: [value for _, value in catalogue.menu(session).attacks],
    "target": lambda session: [value for _, value in catalogue.menu(session).targets],
    "only": lambda session: [None, *range(len(catalogue.checkpoint(session, "a").classes))],
    "epsilon": lambda _: EPSILONS,
    "steps": lambda _: STEPS,
    "images": lambda _: IMAGES,
    "seed": lambda _: SEEDS,
    "amplify": lambda _: AMPLIFICATIONS,
    "view": lambda _: VIEWS,
    "show": lambda _: SHOWS,
    "side": lambda _: SIDES,
    "sheet": lambda _: FAR,
    "scene": lambda _: FAR,
}


def checked(session: Session, name: str, value: Any) -> Any:
    """The value as the session's field `name` holds it. Raises ValueError that says what was given and what fits."""
    fits = _FITS[name](session)
    plain = value is None or (isinstance(value, int | float | str) and not isinstance(value, bool))
    if not plain or value not in fits:
        unit = " in units of 1/255" if name == "epsilon" else ""
        raise ValueError(f"{NAMES.get(name, name)} is {_words(fits)}{unit}, and {shortened(value)} was given.")
    value = int(value) if isinstance(value, float) else value
    return Target.parse(value) if name == "target" else value


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
