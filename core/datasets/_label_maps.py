"""Pictures with a label map each, on disk, to a split: what `camvid`, `cityscapes` and `pairs` share.

N images, C channels, H W height and width.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from core.attacks.objectives import IGNORE
from core.datasets import Split
from core.datasets._folders import SUFFIXES, fitted, opened

Decode = Callable[[np.ndarray], np.ndarray]


def matched(images: Path, labels: Path) -> list[tuple[Path, Path]]:
    """(image, label map) by equal name, whatever the image's suffix, sorted by name.

    Raises FileNotFoundError for an absent folder, ValueError for a folder without images or an image without labels.
    """
    for folder in (images, labels):
        if not folder.is_dir():
            raise FileNotFoundError(f"There is no folder {folder}.")
    maps = {path.stem: path for path in labels.iterdir() if path.suffix.lower() in SUFFIXES}
    found = sorted(path for path in images.iterdir() if path.suffix.lower() in SUFFIXES)
    if not found:
        raise ValueError(f"There are no images in {images} (looked for {', '.join(sorted(SUFFIXES))}).")
    bare = [path for path in found if path.stem not in maps]
    if bare:
        raise ValueError(
            f"{len(bare)} of {len(found)} images lack a label map: there is no {labels / bare[0].stem}.png."
        )
    return [(path, maps[path.stem]) for path in found]


def read(
    pairs: Sequence[tuple[Path, Path]], size: tuple[int, int], limit: int | None, decode: Decode, classes: int
) -> Split:
    """Images and label maps scaled to (height, width), in an order drawn once, the first `limit` of them.

    Both cover the size and are cropped in the middle; label maps are scaled without mixing labels. `decode` turns the
    bytes of a label map into class numbers, 255 where a pixel has no class. Raises ValueError that names the file.
    """
    order = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(0)).tolist()[:limit]

    def one(pair: tuple[Path, Path]) -> tuple[np.ndarray, np.ndarray]:
        image, labels = opened(pair[0]).convert("RGB"), opened(pair[1])
        if image.size != labels.size:
            (w, h), (across, down) = image.size, labels.size
            raise ValueError(f"{pair[0]} is {w}x{h} pixels and its label map {pair[1].name} {across}x{down}.")
        numbers = decode(np.asarray(labels))
        if numbers.ndim != 2 or ((numbers >= classes) & (numbers != IGNORE)).any():
            odd = "no single band" if numbers.ndim != 2 else f"the value {numbers[numbers != IGNORE].max()}"
            raise ValueError(
                f"{pair[1]} has {odd}; a label map holds class numbers 0 to {classes - 1}, or 255 for none."
            )
        picture = fitted(image, size, Image.Resampling.BILINEAR)
        return np.asarray(picture), np.asarray(fitted(Image.fromarray(numbers), size, Image.Resampling.NEAREST))

    with ThreadPoolExecutor(4) as pool:
        images, labels = zip(*pool.map(one, [pairs[place] for place in order]), strict=True)
    return Split(
        torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(np.stack(labels))
    )


def parsed_size(given: str, default: tuple[int, int]) -> tuple[int, int]:
    """`HEIGHTxWIDTH` as two numbers of pixels. Raises ValueError."""
    if not given:
        return default
    height, x, width = given.partition("x")
    if not (x and height.isdecimal() and width.isdecimal() and int(height) > 0 and int(width) > 0):
        raise ValueError(f"The working size is HEIGHTxWIDTH in pixels, like 192x256, and {given!r} was given.")
    return int(height), int(width)
