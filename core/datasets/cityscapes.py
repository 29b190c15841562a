"""Cityscapes (Cordts et al. 2016), 19 classes: `cityscapes`, or `cityscapes:HEIGHTxWIDTH`.

It needs a login at cityscapes-dataset.com; put `leftImg8bit` and `gtFine` under `$PLAINSIGHT_DATA/cityscapes`.
The official validation cities serve as `test`, since the labels of the test cities are not public.
"""

from pathlib import Path

import numpy as np
from torchvision.datasets import Cityscapes

from core.attacks.objectives import IGNORE
from core.datasets import Dataset, Split, data_root
from core.datasets._label_maps import parsed_size, read

NAME = "cityscapes"
SIZE = (256, 512)
_KNOWN = sorted((found for found in Cityscapes.classes if 0 <= found.train_id < 19), key=lambda found: found.train_id)
CLASSES = tuple(found.name for found in _KNOWN)
PALETTE = tuple(found.color for found in _KNOWN)
_NUMBERS = np.full(256, IGNORE, np.uint8)
_NUMBERS[[found.id for found in _KNOWN]] = [found.train_id for found in _KNOWN]


def dataset(argument: str | None) -> Dataset:
    """The data set at its working size; `missing` says how to get it where it is absent."""
    root, size = data_root() / NAME, parsed_size(argument or "", SIZE)
    here = (root / "leftImg8bit").is_dir() and (root / "gtFine").is_dir()

    def load(split: str, limit: int | None = None) -> Split:
        found = Cityscapes(str(root), split={"test": "val"}.get(split, split), mode="fine", target_type="semantic")
        pairs = [(Path(image), Path(labels[0])) for image, labels in zip(found.images, found.targets, strict=True)]
        return read(pairs, size, limit, lambda labels, path: _NUMBERS[labels], len(CLASSES))

    missing = (
        f"Cityscapes is not under {root}; it needs a login: get leftImg8bit_trainvaltest.zip and "
        "gtFine_trainvaltest.zip from cityscapes-dataset.com and unpack both there."
    )
    return Dataset(
        NAME,
        "Cityscapes",
        "segmentation",
        CLASSES,
        size,
        "Cityscapes, fine labels, 19 classes",
        load,
        mirror=True,
        palette=PALETTE,
        missing=None if here else missing,
    )
