"""Anybody's labelled scenes: `pairs:PATH` or `pairs:PATH@HEIGHTxWIDTH`.

PATH holds `classes.json`, and `images` and `labels` under both `train` and `test`, matched by name. A label map is a
picture with one band whose bytes are class numbers. `classes.json` is like
`{"classes": ["sky", "road"], "palette": [[0, 0, 255], [90, 90, 90]], "ignore": [2]}`; only `classes` is needed.
"""

import colorsys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.attacks.objectives import IGNORE
from core.datasets import Dataset, Split
from core.datasets._label_maps import matched, parsed_size, read
from core.files import read_json

NAME = "pairs"
USAGE = "pairs:PATH", "your own: PATH/classes.json, PATH/train/images/*, PATH/train/labels/* and the same under test"


def dataset(argument: str | None) -> Dataset:
    """The folder's data set. Raises ValueError or FileNotFoundError that say what is missing or does not fit."""
    if not argument:
        raise ValueError("A folder of labelled scenes is named as pairs:PATH, for example pairs:/data/harbour.")
    path, _, given = argument.rpartition("@") if "@" in argument else (argument, "", "")
    root = Path(path).expanduser()
    if not (root / "classes.json").is_file():
        raise FileNotFoundError(f'There is no {root / "classes.json"}; it is like {{"classes": ["sky", "road"]}}.')
    about = read_json(root / "classes.json")
    classes, palette, void = _read_classes(about, root / "classes.json")
    known = {split: matched(root / split / "images", root / split / "labels") for split in ("train", "test")}
    with Image.open(known["train"][0][0]) as first:
        size = parsed_size(given, (first.height, first.width))

    def decode(labels: np.ndarray) -> np.ndarray:
        return np.where(np.isin(labels, void), IGNORE, labels).astype(np.uint8)

    def load(split: str, limit: int | None = None) -> Split:
        return read(known[split], size, limit, decode, len(classes))

    source = f"images and label maps under {root}"
    return Dataset(NAME, root.name, "segmentation", classes, size, source, load, mirror=True, palette=palette)


def _read_classes(about: dict[str, Any], path: Path) -> tuple[tuple[str, ...], tuple[Any, ...], list[int]]:
    """Names, colours and ignored values of a `classes.json`. Raises ValueError that names the file."""
    classes, palette, void = about.get("classes"), about.get("palette"), about.get("ignore", [])
    if not (isinstance(classes, list) and 2 <= len(classes) <= 255 and all(isinstance(name, str) for name in classes)):
        raise ValueError(f"{path}: `classes` is a list of 2 to 255 names.")
    if palette is None:
        turns = [place / len(classes) for place in range(len(classes))]
        palette = [
            [int(255 * c) for c in colorsys.hls_to_rgb(h, 0.35 + 0.3 * (i % 2), 0.7)] for i, h in enumerate(turns)
        ]
    rgb = isinstance(palette, list) and all(
        isinstance(c, list) and len(c) == 3 and all(isinstance(v, int) and 0 <= v <= 255 for v in c) for c in palette
    )
    if not rgb or len(palette) != len(classes):
        raise ValueError(
            f"{path}: `palette` gives each of the {len(classes)} classes [red, green, blue] from 0 to 255."
        )
    if not (isinstance(void, list) and all(isinstance(value, int) and 0 <= value <= 255 for value in void)):
        raise ValueError(f"{path}: `ignore` is a list of label values from 0 to 255.")
    return tuple(classes), tuple(tuple(colour) for colour in palette), void
