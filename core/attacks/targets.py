"""The names of an attacker's aims: none, a class number, `scene-5` (held-out scene 5), `remove-8` (class 8).

Scenes count from 1, as the page shows them; classes from 0.
"""

from collections.abc import Sequence

from core.attacks.objectives import Objective, Remove, Scene, Towards, Untargeted
from core.datasets import Dataset

Target = int | str | None


def objective(target: Target, data: Dataset) -> Objective:
    """The objective of that name. Raises ValueError for one that does not fit the data set."""
    if target is None:
        return Untargeted()
    if isinstance(target, int):
        return Towards(target)
    kind, number = _parts(target, data)
    if kind == "remove":
        return Remove(number)
    return Scene(data.split("test", number).first(number).labels[-1])


def parse(text: str, data: Dataset) -> Target:
    """What a person wrote: a class by name or number; for scenes also `scene-5` and `remove-car`.

    Raises ValueError that names what fits.
    """
    kind, dash, rest = text.partition("-")
    if data.task == "segmentation" and dash and kind in ("scene", "remove"):
        name = f"remove-{data.index(rest)}" if kind == "remove" else text
        _parts(name, data)
        return name
    return data.index(text)


def scene_number(target: Target) -> int | None:
    """The number (from 1) of the held-out scene that is to be shown; None for any other aim."""
    kind, _, number = target.partition("-") if isinstance(target, str) else ("", "", "")
    return int(number) if kind == "scene" else None


def title(target: Target, classes: Sequence[str]) -> str:
    """For people: `scene 5`, `no car`, or a class; empty for no target."""
    if target is None:
        return ""
    if isinstance(target, int):
        return classes[target]
    kind, _, number = target.partition("-")
    return f"no {classes[int(number)]}" if kind == "remove" else f"scene {number}"


def _parts(target: str, data: Dataset) -> tuple[str, int]:
    kind, _, number = target.partition("-")
    fits = data.task == "segmentation" and kind in ("scene", "remove") and number.isdecimal()
    low, high = (0, len(data.classes) - 1) if kind == "remove" else (1, 1_000_000)
    if not fits or not low <= int(number) <= high:
        raise ValueError(
            f"A target is a class of {data.name}, for scenes also scene-NUMBER or remove-CLASS, not {target!r}."
        )
    return kind, int(number)
