"""Class folders on disk to a split: what `cifar10` and `folder` share; and how an image is opened and fitted."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from core.datasets import Split

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".tif", ".tiff"}


def class_names(root: Path) -> tuple[str, ...]:
    """The names of the class folders under `root`, sorted."""
    return tuple(sorted(entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith(".")))


def read(root: Path, classes: tuple[str, ...], size: tuple[int, int], limit: int | None) -> Split:
    """All images of `root/<class>/*`, in an order drawn once from the sorted names, the first `limit` of them.

    Images of another size are scaled so that they cover (height, width) and cropped in the middle.
    Raises ValueError that names a file which is no image, or a folder without any.
    """
    files = [
        (path, label)
        for label, name in enumerate(classes)
        for path in sorted((root / name).glob("*"))
        if path.suffix.lower() in SUFFIXES
    ]
    if not files:
        raise ValueError(f"There are no images under {root}/<class>/ (looked for {', '.join(sorted(SUFFIXES))}).")
    order = torch.randperm(len(files), generator=torch.Generator().manual_seed(0)).tolist()[:limit]
    chosen = [files[place] for place in order]

    def one(item: tuple[Path, int]) -> np.ndarray:
        return np.asarray(fitted(opened(item[0]).convert("RGB"), size, Image.Resampling.BICUBIC))

    with ThreadPoolExecutor(4) as pool:
        images = np.stack(list(pool.map(one, chosen)))
    return Split(
        torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(), torch.tensor([label for _, label in chosen])
    )


def opened(path: Path) -> Image.Image:
    """The image in a file, all of it read. Raises ValueError that names a file which is no image."""
    try:
        image = Image.open(path)
        image.load()
    except OSError as error:
        raise ValueError(f"{path} cannot be read as an image.") from error
    return image


def fitted(image: Image.Image, size: tuple[int, int], method: Image.Resampling) -> Image.Image:
    """The image scaled until it covers (height, width) and cropped in the middle; as it is where it fits already."""
    height, width = size
    if (image.height, image.width) == size:
        return image
    scale = max(height / image.height, width / image.width)
    image = image.resize((max(width, round(image.width * scale)), max(height, round(image.height * scale))), method)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))
