"""Class folders on disk, read as a split; shared by `cifar10`, `folder` and `gtsrb`."""

import os
import unicodedata
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from core.datasets import Split
from core.datasets._pictures import Levels, agree, fitted, is_picture, opened, pictures_in, skipped


def class_folders(root: Path) -> dict[str, Path]:
    """The class folders under `root` by name, sorted. Unicode encodings of the same name are not told apart."""
    found = [entry for entry in root.iterdir() if entry.is_dir() and not skipped(entry.name)]
    named = {unicodedata.normalize("NFC", entry.name): entry for entry in found}
    if len(named) < len(found):
        raise ValueError(f"Two class folders in {root} have the same name in two Unicode encodings; merge them.")
    return dict(sorted(named.items()))


def check(folders: Mapping[str, Path], split: str) -> None:
    """Raises ValueError that names a class without pictures; reads each folder only up to its first picture."""
    for name, folder in folders.items():
        with os.scandir(folder) as entries:
            any(is_picture(entry.name) for entry in entries) or pictures_in(folder, _what(name, split))


def first_size(folders: Mapping[str, Path]) -> tuple[int, int]:
    """Height and width of the first picture of the first class. Raises ValueError if it cannot be read."""
    name, folder = next(iter(folders.items()))
    image = opened(pictures_in(folder, _what(name, "train"))[0]).image
    return image.height, image.width


def listed(folders: Mapping[str, Path], split: str) -> list[tuple[Path, int]]:
    """(path, class number) of all pictures, sorted by class and name. Raises what `pictures_in` raises."""
    return [
        (path, label)
        for label, (name, folder) in enumerate(folders.items())
        for path in pictures_in(folder, _what(name, split))
    ]


def _what(name: str, split: str) -> str:
    return f"Class {name!r} of the {split} split"


def read(files: Sequence[tuple[Path, int]], size: tuple[int, int], limit: int | None) -> Split:
    """Read the first `limit` pictures and their classes, in a fixed shuffled order.

    Pictures of another size are scaled to cover (height, width) and cropped in the middle.
    Raises ValueError that names a file which cannot be read.
    """
    order = torch.randperm(len(files), generator=torch.Generator().manual_seed(0)).tolist()[:limit]
    chosen = [files[index] for index in order]

    def load(item: tuple[Path, int]) -> tuple[np.ndarray, Levels | None]:
        image, levels = opened(item[0])
        return np.asarray(fitted(image, size, Image.Resampling.BICUBIC)), levels

    with ThreadPoolExecutor(4) as pool:
        images, levels = zip(*pool.map(load, chosen), strict=True)
    agree(zip((path for path, _ in chosen), levels, strict=True))
    return Split(
        torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous(),
        torch.tensor([label for _, label in chosen]),
    )
