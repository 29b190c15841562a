"""What there is to choose from: data sets, models, attacks, targets; and the first view.

Choices are (label, value) pairs, as a dropdown shows them. Epsilons are in units of 1/255.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from app.service.cache import Shelf
from app.session import AMPLIFICATIONS, EPSILONS, IMAGES, STEPS, VIEWS, Session
from core import attacks, checkpoints, datasets
from core.checkpoints import Checkpoint
from core.models import Normalised
from core.results import Results

Choices = list[tuple[str, Any]]

_checkpoints: Shelf[list[Checkpoint]] = Shelf(2)
_models: Shelf[Normalised] = Shelf(12)
_results: Shelf[Results] = Shelf(48)
_deltas: Shelf[dict[str, Tensor]] = Shelf(48)


class NoModels(ValueError):
    """There is nothing to show; the message says which command changes that."""


@dataclass(frozen=True)
class Menu:
    """What each picker offers for one session."""

    data: Choices
    models: Choices
    attacks: Choices
    targets: Choices
    targetable: bool


def menu(session: Session) -> Menu:
    """The choices that fit the session's data set and attack."""
    models = [model for model in all_models() if model.data == session.data]
    names = dict.fromkeys(model.data for model in all_models())
    classes = models[0].classes if models else ()
    attack = attacks.get(session.attack)
    return Menu(
        [(data_title(name), name) for name in names],
        [(model.title, model.name) for model in models],
        [(f"{found.title} (control)" if found.control else found.title, name) for name, found in registry().items()],
        [("none (any mistake)", None), *((name, index) for index, name in enumerate(classes))],
        attack.targetable,
    )


def first(data: str | None = None) -> Session:
    """The view that tells the story: standard against a hardened model, at the epsilon where they differ most.

    Raises NoModels.
    """
    found = all_models()
    if not found:
        raise NoModels(
            f"There are no trained models under {checkpoints.default_root()}; "
            "train two with: python -m core train --root checkpoints, then the same with --sigma 0.5"
        )
    names = list(dict.fromkeys(model.data for model in found))
    data = data or ("signs" if "signs" in names else names[0])
    models = [model for model in found if model.data == data]
    heaps = [model for model in models if model.recipe.get("heap", 1) > 1]
    chosen = Session(data=data, a=models[0].name, b=(heaps or models)[-1].name)
    return replace(chosen, epsilon=_telling_epsilon(chosen))


def _telling_epsilon(session: Session) -> int:
    """The measured epsilon at which A and B are furthest apart under the untargeted S-PGD attack; 16 where none is."""
    before, after = (
        {m.epsilon: m.report.accuracy.value for m in (found.curve() if found else [])}
        for found in (results(checkpoint(session, side)) for side in "ab")
    )
    gaps = {epsilon: after[epsilon] - before[epsilon] for epsilon in before if epsilon in after}
    return max(gaps, key=gaps.__getitem__) if gaps else Session.epsilon


def opened(query: Mapping[str, str]) -> tuple[Session, str]:
    """The session that an address asks for, and one sentence on what in it was not understood (else empty)."""
    data = query.get("data", "")
    known = {model.data for model in all_models()}
    session, odd = first(data if data in known else None), [] if data in known or not data else ["data"]
    for field in fields(Session):
        given = query.get(field.name)
        if given is None or field.name in ("data", "run"):
            continue
        value = _parsed(session, field.name, given)
        if value is None:
            odd.append(field.name)
        else:
            session = with_choice(session, field.name, value)
    if session.target is not None and not attacks.get(session.attack).targetable:
        session, odd = replace(session, target=None), [*odd, "target"]
    words = " and ".join({"a": "model A", "b": "model B", "data": "the data set"}.get(name, name) for name in odd)
    return session, f"The address gives {words} a value unknown here; the usual one is shown instead." if odd else ""


def _parsed(session: Session, name: str, given: str) -> int | str | None:
    """The value of one query parameter, or None where it fits nothing."""
    if name in ("a", "b"):
        return given if given in [value for _, value in menu(session).models] else None
    if name == "attack":
        return given if given in registry() else None
    if name == "view":
        return given if given in VIEWS else None
    if name == "target" and given in (labels := [label for label, _ in menu(session).targets[1:]]):
        return labels.index(given)
    if not (given.isascii() and given.isdecimal() and len(given) < 9):
        return None
    classes = len(menu(session).targets) - 1
    allowed: dict[str, Collection[int]] = {
        "epsilon": EPSILONS,
        "steps": STEPS,
        "images": IMAGES,
        "amplify": AMPLIFICATIONS,
        "seed": range(10_000),
        "target": range(classes),
        "sheet": range(SHEETS),
    }
    return int(given) if int(given) in allowed[name] else None


SHEETS = 20
"""How far one can leaf through the held-out images, nine at a time."""


def changed(session: Session, name: str, value: Any) -> Session:
    """The session after one choice; what no longer fits falls back."""
    if name == "data" and value != session.data:
        return first(value)
    if name == "seed":
        value = min(max(int(value or 0), 0), 9_999)
    after = with_choice(session, name, value)
    if not attacks.get(after.attack).targetable:
        after = replace(after, target=None)
    keeps_run = name in ("amplify", "view", "sheet")
    return after if keeps_run else replace(after, run="")


def with_choice(session: Session, name: str, value: Any) -> Session:
    """The session with one field changed, and nothing else considered."""
    return replace(session, **{name: value})


def registry() -> dict[str, Any]:
    """Every attack by name."""
    return dict(attacks.registry())


def all_models() -> list[Checkpoint]:
    """Every readable model; looked for again when the folder of a data set changes."""
    root = checkpoints.default_root()
    folders = [root, *(path for path in root.glob("*") if path.is_dir())] if root.is_dir() else []
    key = (root, *((path, path.stat().st_mtime_ns) for path in folders))
    return _checkpoints.get_or_make(key, lambda: checkpoints.find(root))


def checkpoint(session: Session, side: str) -> Checkpoint:
    """The model that stands on side `a` or `b`."""
    name = session.a if side == "a" else session.b
    found = [model for model in all_models() if (model.data, model.name) == (session.data, name)]
    if not found:
        raise NoModels(f"There is no model {name!r} for {session.data!r} any more; choose another one.")
    return found[0]


def model(of: Checkpoint) -> Normalised:
    """The network, kept in memory. Raises FileError where its files are damaged."""
    return _models.get_or_make(of.sha256, lambda: checkpoints.load(of.folder))


def results(of: Checkpoint) -> Results | None:
    """What was measured on these weights; None where nothing was."""
    path = of.folder / checkpoints.RESULTS
    if not path.is_file():
        return None
    found = _results.get_or_make(_stamp(path), lambda: Results.load(of.folder) or _nothing())
    return found if found.about.get("sha256", of.sha256) == of.sha256 else None


def _nothing() -> Results:
    raise FileNotFoundError("The results went away while they were read.")


def delta(of: Checkpoint, key: str) -> Tensor | None:
    """A stored delta (1,C,H,W)."""
    path = of.folder / checkpoints.PERTURBATIONS
    if not path.is_file():
        return None
    return _deltas.get_or_make(_stamp(path), lambda: checkpoints.load_perturbations(of.folder)).get(key)


def _stamp(path: Path) -> tuple[Path, int]:
    return path, path.stat().st_mtime_ns


def data_title(name: str) -> str:
    """A data set's name for people."""
    try:
        return datasets.get(name).title
    except ValueError:
        return name
