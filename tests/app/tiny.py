"""Tiny untrained models on a few drawn signs, with measured perturbations: enough for the app to show everything.

As a script it serves the real app on them: `python tests/app/tiny.py FOLDER PORT`.
"""

import os
import sys
from pathlib import Path

import torch

from core import checkpoints, datasets
from core.datasets import signs
from core.models import create
from core.precompute import Plan, precompute

SPLITS = {"train": 64, "test": 36}
PLAN = Plan((4, 8, 16, 32), (16,), (0,), (8, 16, 32), (16,), steps=2, crafting_images=32)
SHARED = {"sigma": 0.5, "heap": 64, "epsilon": 16 / 255}


def environment(folder: Path) -> dict[str, str]:
    """The app's surroundings: its own models and cache, and no data but the signs."""
    places = {"CHECKPOINTS": "checkpoints", "CACHE": "cache", "DATA": "data"}
    return {f"PLAINSIGHT_{name}": str(folder / place) for name, place in places.items()}


def make(folder: Path) -> None:
    """A standard and a shared model for signs, and one pair for absent CIFAR-10 images."""
    root = folder / "checkpoints"
    for seed, (name, recipe) in enumerate((("standard", {}), ("shared-s64-e16-w0.5", SHARED))):
        torch.manual_seed(seed)
        model, classes = create("resnet20/8", len(signs.CLASSES)), list(signs.CLASSES)
        with torch.no_grad():  # sure of itself, or the capped loss would leave the attacks nothing to climb
            model.network[-1].weight.mul_(8)
        config = {"architecture": "resnet20/8", "data": "signs", "classes": classes, "recipe": recipe}
        checkpoints.save(root / "signs" / name, model, config)
        precompute(root / "signs" / name, PLAN)
        classes = list(datasets.get("cifar10").classes)
        config = {"architecture": "resnet20/8", "data": "cifar10", "classes": classes, "recipe": recipe}
        checkpoints.save(root / "cifar10" / name, create("resnet20/8", len(classes)), config)


def few() -> None:
    """Draw only a few signs, in this process."""
    signs.COUNTS.update(SPLITS)


def main(folder: Path, port: int) -> None:
    os.environ.update(environment(folder))
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or 1))
    few()
    if not (folder / "checkpoints").is_dir():
        make(folder)
    from app.__main__ import main as serve

    serve(host="127.0.0.1", port=port, root_path="", auth="", inbrowser=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
