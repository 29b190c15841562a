"""Cityscapes (Cordts et al. 2016), 19 classes: `cityscapes`, or `cityscapes:HEIGHTxWIDTH`.

It needs a login at cityscapes-dataset.com; put `leftImg8bit` and `gtFine` under `$PLAINSIGHT_DATA/cityscapes`.
The official validation cities serve as `test`, since the labels of the test cities are not public.
"""

from pathlib import Path

import numpy as np

from core.datasets import Dataset, Split, data_root
from core.datasets._label_maps import IMAGE_ENDING, Coding, read
from core.datasets._pictures import parsed_size, pictures_in, skipped
from core.datasets.labels import IGNORE

NAME = "cityscapes"
SIZE = (256, 512)
OFFICIAL = {
    7: ("road", (128, 64, 128)),
    8: ("sidewalk", (244, 35, 232)),
    11: ("building", (70, 70, 70)),
    12: ("wall", (102, 102, 156)),
    13: ("fence", (190, 153, 153)),
    17: ("pole", (153, 153, 153)),
    19: ("traffic light", (250, 170, 30)),
    20: ("traffic sign", (220, 220, 0)),
    21: ("vegetation", (107, 142, 35)),
    22: ("terrain", (152, 251, 152)),
    23: ("sky", (70, 130, 180)),
    24: ("person", (220, 20, 60)),
    25: ("rider", (255, 0, 0)),
    26: ("car", (0, 0, 142)),
    27: ("truck", (0, 0, 70)),
    28: ("bus", (0, 60, 100)),
    31: ("train", (0, 80, 100)),
    32: ("motorcycle", (0, 0, 230)),
    33: ("bicycle", (119, 11, 32)),
}
"""Name and colour of each class by its value in the label maps, in the order of the 19 training numbers."""
CLASSES = tuple(name for name, _ in OFFICIAL.values())
PALETTE = tuple(colour for _, colour in OFFICIAL.values())
_NUMBERS = np.arange(256)  # values that Cityscapes does not define are kept, and refused later
_NUMBERS[: max(OFFICIAL) + 1] = IGNORE
_NUMBERS[list(OFFICIAL)] = range(len(OFFICIAL))
_CODING = Coding(len(CLASSES), lambda labels: _NUMBERS[labels])


def dataset(argument: str | None) -> Dataset:
    """The data set at its working size; `missing` says how to get it."""
    root, size = data_root() / NAME, parsed_size(argument) if argument else SIZE
    here = (root / "leftImg8bit").is_dir() and (root / "gtFine").is_dir()

    def load(split: str, limit: int | None = None) -> Split:
        return read(_pairs(root, "val" if split == "test" else split), size, limit, _CODING)

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


def _pairs(root: Path, split: str) -> list[tuple[Path, Path]]:
    """(image, label map) of all cities, sorted. Raises FileNotFoundError that names what is missing."""
    images, labels = root / "leftImg8bit" / split, root / "gtFine" / split
    for folder in (images, labels):
        if not folder.is_dir():
            raise FileNotFoundError(f"Cityscapes lacks its split {split}: there is no folder {folder}.")
    cities = sorted(entry for entry in images.iterdir() if entry.is_dir() and not skipped(entry.name))
    found = [path for city in cities for path in pictures_in(city, f"The city {city.name}")]
    if not found:
        raise FileNotFoundError(f"Cityscapes lacks its split {split}: there is no city in {images}.")
    pairs = [
        (path, labels / path.parent.name / f"{path.stem.removesuffix(IMAGE_ENDING)}_gtFine_labelIds.png")
        for path in found
    ]
    absent = [path for _, path in pairs if not path.is_file()]
    if absent:
        raise FileNotFoundError(f"{len(absent)} of {len(pairs)} images lack a label map: there is no {absent[0]}.")
    return pairs
