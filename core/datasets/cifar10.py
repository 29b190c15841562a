"""CIFAR-10 (Krizhevsky 2009): torchvision's files, or a folder of class folders, under `$PLAINSIGHT_DATA/cifar10`."""

from pathlib import Path

import torch

from core.datasets import Dataset, Split, data_root
from core.datasets._image_folder import listed, read
from core.datasets._pictures import is_picture

NAME = "cifar10"
ARCHIVE = "cifar-10-batches-py"  # as torchvision calls it
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def dataset(argument: str | None) -> Dataset:
    """The data set; `missing` names the command that downloads it."""
    if argument:
        raise ValueError(f"cifar10 takes no argument, and {argument!r} was given; set PLAINSIGHT_DATA to move it.")
    root = data_root() / NAME
    folders, archive = _has_folders(root), (root / ARCHIVE).is_dir()
    kept = "as re-encoded there" if folders and _lossy(root) else "lossless"
    source = f"{'class folders' if folders else 'torchvision'}, {kept}"
    missing = f"CIFAR-10 is not under {root}; get it with: plainsight data fetch cifar10"
    return Dataset(
        NAME,
        "CIFAR-10",
        "classification",
        CLASSES,
        (32, 32),
        f"CIFAR-10 ({source})",
        load,
        mirror=True,
        missing=None if folders or archive else missing,
    )


def load(split: str, limit: int | None = None) -> Split:
    """Images (N,3,32,32) of `train` (50,000) or `test` (10,000) in a fixed shuffled order."""
    root = data_root() / NAME
    if _has_folders(root):
        return read(listed({name: root / split / name for name in CLASSES}, split), (32, 32), limit)
    from torchvision.datasets import CIFAR10  # here, since importing it takes seconds

    try:
        found = CIFAR10(str(root), train=split == "train")
    except RuntimeError as error:
        raise ValueError(f"The CIFAR-10 files under {root} are damaged; fetch them again: {error}") from error
    order = torch.randperm(len(found.data), generator=torch.Generator().manual_seed(0))[:limit]
    images = torch.from_numpy(found.data).permute(0, 3, 1, 2).contiguous()
    return Split(images[order], torch.tensor(found.targets)[order])


def fetch() -> Path:
    """Download through torchvision (170 MB, with progress and checksum); returns the folder."""
    from torchvision.datasets import CIFAR10

    root = data_root() / NAME
    CIFAR10(str(root), download=True)
    return root


def _has_folders(root: Path) -> bool:
    return all((root / split / name).is_dir() for split in ("train", "test") for name in CLASSES)


def _lossy(root: Path) -> bool:
    """Whether the first picture is a JPEG file, which has lost the fine detail that perturbations live on."""
    first = next((entry for entry in (root / "test" / CLASSES[0]).iterdir() if is_picture(entry.name)), None)
    return first is not None and first.suffix.lower() in (".jfif", ".jpeg", ".jpg")
