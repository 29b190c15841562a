"""Your own images: a tree `train/<class>/*` and `test/<class>/*`, named `folder:PATH` or `folder:PATH@SIZE`."""

from core.datasets import Dataset, Split
from core.datasets._image_folder import check, class_folders, first_size, listed, read
from core.datasets._pictures import parsed_side, split_size

NAME = "folder"
USAGE = "folder:PATH", "your own: PATH/train/<class>/* and PATH/test/<class>/*; PATH@64 scales to 64x64"


def dataset(argument: str | None) -> Dataset:
    """The tree at PATH; images are scaled to SIZE x SIZE pixels, or to the size of the first training image.

    Raises ValueError for a missing path, an invalid size, and class folders that differ or lack pictures;
    FileNotFoundError for a missing folder.
    """
    if not argument:
        raise ValueError("A folder of images is named as folder:PATH, for example folder:/data/birds.")
    root, given = split_size(argument)
    asked = None if given is None else parsed_side(given)
    for split in ("train", "test"):
        if not (root / split).is_dir():
            raise FileNotFoundError(f"There is no folder {root / split}; expected {root}/train/<class>/* and test.")
    folders = {split: class_folders(root / split) for split in ("train", "test")}
    classes = tuple(folders["train"])
    for split, other in (("train", "test"), ("test", "train")):
        for name in folders[split]:
            if name not in folders[other]:
                raise ValueError(f"Class {name!r} of {split} is missing in {other}: {root / other} has no such folder.")
    if len(classes) < 2:
        raise ValueError(f"{root}/train has {len(classes)} class folders, and at least two are needed.")
    for split, found in folders.items():
        check(found, split)
    size = asked or first_size(folders["train"])

    def load(split: str, limit: int | None = None) -> Split:
        return read(listed(folders[split], split), size, limit)

    return Dataset(NAME, root.name, "classification", classes, size, f"images under {root}", load)
