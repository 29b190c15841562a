"""Anybody's images: a tree `train/<class>/*` and `test/<class>/*`, named `folder:PATH` or `folder:PATH@SIZE`."""

from pathlib import Path

from PIL import Image

from core.datasets import Dataset, Split
from core.datasets._folders import SUFFIXES, class_names, read

NAME = "folder"
USAGE = "folder:PATH", "your own: PATH/train/<class>/* and PATH/test/<class>/*; PATH@64 scales to 64x64"


def dataset(argument: str | None) -> Dataset:
    """The tree at PATH; images are brought to SIZE x SIZE pixels, or to the size of the first image found.

    Raises ValueError (no path, a size that is no number, class folders that differ) or FileNotFoundError.
    """
    if not argument:
        raise ValueError("A folder of images is named as folder:PATH, for example folder:/data/birds.")
    path, at, given = argument.rpartition("@") if "@" in argument else (argument, "", "")
    if at and not (given.isdecimal() and int(given) > 0):
        raise ValueError(f"The size after @ is a number of pixels, and {given!r} was given.")
    root = Path(path).expanduser()
    for split in ("train", "test"):
        if not (root / split).is_dir():
            raise FileNotFoundError(f"There is no folder {root / split}; expected {root}/train/<class>/* and test.")
    classes = class_names(root / "train")
    if class_names(root / "test") != classes or len(classes) < 2:
        raise ValueError(f"{root}/train and {root}/test must hold the same class folders, at least two.")
    size = (int(given), int(given)) if at else _first_size(root / "train")

    def load(split: str, limit: int | None = None) -> Split:
        return read(root / split, classes, size, limit)

    return Dataset(NAME, root.name, "classification", classes, size, f"images under {root}", load)


def _first_size(root: Path) -> tuple[int, int]:
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() in SUFFIXES:
            try:
                with Image.open(path) as image:
                    return image.height, image.width
            except OSError as error:
                raise ValueError(f"{path} cannot be read as an image.") from error
    raise ValueError(f"There are no images under {root}/<class>/.")
