"""A tiny trained network and what its model folder says of it; a tree of class folders with tiny pictures."""

from pathlib import Path

import torch
from known import SHIFT, chance
from PIL import Image

from core.models.normalised import Normalised
from core.models.registry import create

CONFIG = {"architecture": "resnet8/8", "data": "tiny", "classes": list("abcd"), "recipe": {}}
IMAGES = torch.rand(6, 3, 12, 12, generator=chance(0))


def network(seed: int = 0) -> Normalised:
    with torch.random.fork_rng():
        torch.manual_seed(seed + 1000 * SHIFT)
        model = create("resnet8/8", 4)
        model(IMAGES)  # running statistics of its own
        return model.eval()


def class_folders(
    root: Path, train: int, test: int, names: tuple[str, str] = ("bright", "dark"), side: int = 16
) -> Path:
    """Two classes of square pictures, bright and dark, so many of each."""
    for split, count in (("train", train), ("test", test)):
        for name, level in zip(names, (200, 60), strict=True):
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                picture = Image.new("RGB", (side, side), (level, (level + 7 * number) % 256, level))
                picture.save(root / split / name / f"{number}.png")
    return root
