"""What an attacker wants a model to see: a class, a held-out scene, or a scene without the pixels of a class.

In files and in addresses a target is a class number, `scene-5` (held-out scene 5), `remove-8` (without class 8), or
null for no target. It is parsed once, where it comes in. Scenes count from 1, as the app shows them; classes from 0.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.attacks.objectives import Objective, Remove, Scene, Towards, Untargeted
from core.datasets import Dataset

WRITTEN = re.compile(r"(scene|remove)-([0-9]{1,6})")


@dataclass(frozen=True)
class Target:
    """A class that is to be seen everywhere, a scene that is to be seen instead, or a class that is to disappear.

    `number` is that of the class (from 0) or of the scene (from 1). Raises ValueError for numbers below.

    >>> Target.parse("scene-5")
    Target(kind='scene', number=5)
    >>> Target.parse("scene-5").to_json(), Target.parse(3).to_json()
    ('scene-5', 3)
    """

    kind: Literal["class", "scene", "remove"]
    number: int

    def __post_init__(self) -> None:
        if self.number < (self.kind == "scene"):
            raise ValueError(_refusal(str(self)))

    @classmethod
    def parse(cls, given: int | str | None) -> "Target | None":
        """The target as a file or an address has it; None for no target. Raises ValueError for anything else."""
        if given is None:
            return None
        if isinstance(given, int) and not isinstance(given, bool):
            return cls("class", given)
        return _written(given)

    @classmethod
    def named(cls, text: str, data: Dataset) -> "Target":
        """The target as a person writes it: a class by name or number; for scenes also `scene-5` and `remove-car`.

        Raises ValueError that names what fits.
        """
        kind, dash, rest = text.partition("-")
        if data.task == "segmentation" and dash and kind == "scene":
            return _written(text)
        if data.task == "segmentation" and dash and kind == "remove":
            return cls("remove", data.index(rest))
        return cls("class", data.index(text))

    def to_json(self) -> int | str:
        """The target as `parse` reads it."""
        return self.number if self.kind == "class" else f"{self.kind}-{self.number}"

    def __str__(self) -> str:
        return str(self.to_json())


def objective(target: Target | None, data: Dataset) -> Objective:
    """The objective of a target. Raises ValueError for one that does not fit the data set."""
    if target is None:
        return Untargeted()
    if target.kind == "class":
        return Towards(target.number)
    if data.task != "segmentation" or (target.kind == "remove" and target.number >= len(data.classes)):
        raise ValueError(_refusal(str(target), f" of {data.name}"))
    if target.kind == "remove":
        return Remove(target.number)
    return Scene(data.split("test", target.number).first(target.number).labels[-1])


def scene_number(target: Target | None) -> int | None:
    """The number (from 1) of the held-out scene that is to be shown; None for any other target."""
    return target.number if target is not None and target.kind == "scene" else None


def title(target: Target | None, classes: Sequence[str]) -> str:
    """For people: `scene 5`, `no car`, or a class; empty for no target."""
    if target is None:
        return ""
    if target.kind == "scene":
        return f"scene {target.number}"
    return ("no " if target.kind == "remove" else "") + classes[target.number]


def _written(text: object) -> Target:
    """The target of a text like `scene-5`."""
    found = WRITTEN.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(_refusal(text))
    return Target("scene" if found[1] == "scene" else "remove", int(found[2]))


def _refusal(given: object, of: str = "") -> str:
    return f"A target is a class{of}, for scenes also scene-NUMBER or remove-CLASS, not {given!r}."
