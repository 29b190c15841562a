"""Tiny untrained models on a few drawn signs and streets, with measured perturbations: enough to show everything.

As a script it serves the real app on them: `python tests/tiny.py FOLDER PORT`.
"""

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from known import SHIFT, judge_quickly

from core import datasets
from core.attacks.targets import Target
from core.checkpoints import store
from core.datasets import signs, streets
from core.models.registry import create
from core.workflows.assess import assess
from core.workflows.precompute import precompute
from core.workflows.protocol import AttackSuite, Protocol
from core.workflows.replay import record

CLASSIFIER = "resnet18/8"  # its stem makes pictures four times smaller
SEGMENTER = "smp:PSPNet/tu-lcnet_035"  # a third of the cost of the ones that ship
SPLITS = {"train": 64, "test": 36}
SUITE = AttackSuite((4, 8, 16, 32), (16,), (Target("class", 0),), (8, 16, 32), (16,), steps=2, crafting_images=32)
SCENES = {"train": 4, "test": 7}
AIMS = (Target("scene", 5), Target("remove", 8))
SCENE_SUITE = AttackSuite((10, 20), (10,), AIMS, (20,), (), steps=2, batch_size=2, crafting_images=4)
PROTOCOL = Protocol(36, 32, 16, 2, 1, 4, risk_images=36, risk_sizes=(8,), risk_steps=1)
SCENE_PROTOCOL = Protocol(7, 4, 2, 2, 1, 4, risk_epsilon=10, risk_images=4, risk_sizes=(2,), risk_steps=1)
FRAMES = 4
"""Frames of a replay, besides the random start."""
SHARED = {"sigma": 0.5, "heap": 64, "epsilon": 16}


def environment(folder: Path) -> dict[str, str]:
    """The app's surroundings: its own models and cache, and no data but the signs."""
    places = {"CHECKPOINTS": "checkpoints", "CACHE": "cache", "DATA": "data"}
    return {f"PLAINSIGHT_{name}": str(folder / place) for name, place in places.items()}


def make_signs(folder: Path) -> None:
    """A standard and a shared model for signs, and such a pair for absent CIFAR-10 images."""
    root = folder / "checkpoints"
    for seed, (name, recipe) in enumerate((("standard", {}), ("shared-s64-e16-w0.5", SHARED))):
        torch.manual_seed(seed + 1000 * SHIFT)
        model, classes = create(CLASSIFIER, len(signs.CLASSES)), list(signs.CLASSES)
        with torch.no_grad():  # sure of itself, or the capped loss would leave the attacks nothing to climb
            model.network[-1].weight.mul_(8)
        config = {"architecture": CLASSIFIER, "data": "signs", "classes": classes, "recipe": recipe}
        store.save(root / "signs" / name, model, config)
        precompute(store.ModelFolder(root / "signs" / name), SUITE)
        assess(store.ModelFolder(root / "signs" / name), PROTOCOL)
        record(store.ModelFolder(root / "signs" / name), replace(SUITE, steps=6), frames=FRAMES)
        classes = list(datasets.get("cifar10").classes)
        config = {"architecture": "resnet8/8", "data": "cifar10", "classes": classes, "recipe": recipe}
        store.save(root / "cifar10" / name, create("resnet8/8", len(classes)), config)


def make_streets(folder: Path) -> None:
    """A standard and a shared model for streets."""
    root, classes = folder / "checkpoints", list(streets.CLASSES)
    shared = SHARED | {"heap": 4, "epsilon": 10}
    for seed, (name, recipe) in enumerate((("standard", {}), ("shared-s4-e10-w0.5", shared))):
        torch.manual_seed(seed + 1000 * SHIFT)
        task = {"task": "segmentation", "size": [streets.HEIGHT, streets.WIDTH]}
        config = {"architecture": SEGMENTER, "data": "streets", "classes": classes, "recipe": recipe, **task}
        store.save(root / "streets" / name, create(SEGMENTER, len(classes)), config)
        precompute(store.ModelFolder(root / "streets" / name), SCENE_SUITE)
        assess(store.ModelFolder(root / "streets" / name), SCENE_PROTOCOL)


PARTS = {"signs": make_signs, "streets": make_streets}
"""What the app is shown with, in parts that two processes can make at the same time."""


def surround(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """These models, this cache and few pictures in this process, for as long as the patch lasts."""
    judge_quickly(patch)
    for name, value in environment(folder).items():
        patch.setenv(name, value)
    for counts, few in ((signs.COUNTS, SPLITS), (streets.COUNTS, SCENES)):
        for split, count in few.items():
            patch.setitem(counts, split, count)


def long_runs_last(patch: pytest.MonkeyPatch) -> None:
    """A run of 200 steps takes 20 s or more, so that a test can stop it on a busy machine too."""
    from app.service import work

    advance = work._Side.advance

    def slowly(side: work._Side) -> work.Advanced:
        if side.step and side.step.total == 200:
            time.sleep(0.05)
        return advance(side)

    patch.setattr(work._Side, "advance", slowly)


def main(folder: Path, port: int) -> None:
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or 1))
    patch = pytest.MonkeyPatch()
    surround(patch, folder)
    long_runs_last(patch)
    if not (folder / "checkpoints").is_dir():
        for make in PARTS.values():
            make(folder)
    from app.__main__ import main as serve

    serve(host="127.0.0.1", port=port, root_path="", auth="", inbrowser=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
