"""Your own labelled scenes: `pairs:PATH` or `pairs:PATH@HEIGHTxWIDTH`.

PATH holds `classes.json`, and `images` and `labels` under both `train` and `test`, matched by name. A label map is a
picture whose values are class numbers, or colours of the palette. `classes.json` is like
`{"classes": ["sky", "road"], "palette": [[0, 0, 255], [90, 90, 90]], "ignore": [2]}`; only `classes` is needed. See
docs/reference/data.md.
"""

import colorsys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from core.datasets import Dataset, Split
from core.datasets._label_maps import Coding, Colour, matched, read, unlabelled
from core.datasets._pictures import opened, parsed_size, split_size
from core.datasets.labels import IGNORE
from core.files import read_json

NAME = "pairs"
USAGE = "pairs:PATH", "your own: PATH/classes.json, PATH/train/images/*, PATH/train/labels/* and the same under test"


@dataclass(frozen=True)
class _About:
    """The content of a `classes.json`."""

    classes: tuple[str, ...]
    palette: tuple[Colour, ...]
    coding: Coding


def dataset(argument: str | None) -> Dataset:
    """The folder's data set. Raises ValueError or FileNotFoundError that say what is missing or does not fit."""
    if not argument:
        raise ValueError("A folder of labelled scenes is named as pairs:PATH, for example pairs:/data/harbour.")
    root, given = split_size(argument)
    asked = None if given is None else parsed_size(given)
    if not (root / "classes.json").is_file():
        raise FileNotFoundError(f'There is no {root / "classes.json"}; it is like {{"classes": ["sky", "road"]}}.')
    about = _read_classes(root / "classes.json")
    files = {split: matched(root / split / "images", root / split / "labels") for split in ("train", "test")}
    size = asked or opened(files["train"][0][0]).image.size[::-1]

    def load(split: str, limit: int | None = None) -> Split:
        found = read(files[split], size, limit, about.coding)
        unseen = [about.classes[number] for number in unlabelled(found, files[split], about.coding)]
        if unseen:
            names, highest = ", ".join(unseen), len(about.classes) - 1
            raise ValueError(
                f"No pixel of the {split} split of {root} is labelled {names}: label maps hold class numbers from 0 to "
                f"{highest}, and {IGNORE} means void. Save each class by its number; if {IGNORE} is meant to count "
                "nowhere, list it in `ignore` of classes.json."
            )
        return found

    source = f"images and label maps under {root}"
    return Dataset(
        *(NAME, root.name, "segmentation", about.classes, size, source, load), mirror=True, palette=about.palette
    )


def _read_classes(path: Path) -> _About:
    """Names, colours and ignored values of a `classes.json`. Raises ValueError that names the file."""
    about = read_json(path)
    classes, palette, void = about.get("classes"), about.get("palette"), about.get("ignore", [])
    if not (isinstance(classes, list) and 2 <= len(classes) <= 255 and all(isinstance(name, str) for name in classes)):
        raise ValueError(f"{path}: `classes` is a list of 2 to 255 names.")
    if len(set(classes)) < len(classes):
        raise ValueError(f"{path}: `classes` names {max(classes, key=classes.count)!r} twice.")
    if palette is not None and not (
        isinstance(palette, list) and len(palette) == len(classes) and all(map(_is_colour, palette))
    ):
        raise ValueError(
            f"{path}: `palette` gives each of the {len(classes)} classes [red, green, blue] from 0 to 255."
        )
    if not (isinstance(void, list) and all(_is_number(value) or _is_colour(value) for value in void)):
        raise ValueError(f"{path}: `ignore` is a list of label values, or of colours [red, green, blue].")
    coding = _coding(len(classes), palette, void)
    return _About(tuple(classes), tuple(map(tuple, palette or _rainbow(len(classes)))), coding)


def _coding(classes: int, palette: list[list[int]] | None, void: list[Any]) -> Coding:
    values = [value for value in void if _is_number(value)]

    def decode(labels: np.ndarray) -> np.ndarray:
        return np.where(np.isin(labels, values), IGNORE, labels)

    colours: dict[Colour, int] = {}
    if palette:
        listed = [*enumerate(palette), *((IGNORE, value) for value in void if _is_colour(value))]
        colours = {(red, green, blue): number for number, (red, green, blue) in listed}
        if len(colours) < len(listed):  # colours that repeat can be shown, but do not identify a class
            colours = {}
    hint = "; `ignore` in classes.json lists other values for none"
    return Coding(classes, decode, colours, hint, declared=IGNORE in values)


def _rainbow(classes: int) -> list[list[int]]:
    hues = [place / classes for place in range(classes)]
    return [[int(255 * c) for c in colorsys.hls_to_rgb(h, 0.35 + 0.3 * (i % 2), 0.7)] for i, h in enumerate(hues)]


def _is_number(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**32


def _is_colour(value: Any) -> TypeGuard[list[int]]:
    return isinstance(value, list) and len(value) == 3 and all(_is_number(v) and 0 <= v <= 255 for v in value)
