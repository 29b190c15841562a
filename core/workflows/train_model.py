"""One run of the grid: a recipe becomes a model folder. Finished runs are not run again, killed ones resume."""

import re
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch

from core import datasets
from core.checkpoints import store
from core.checkpoints.store import Checkpoint
from core.datasets import Dataset
from core.distributed import is_main_process, wait
from core.models.architectures import Normalised, check, create, numbered, some
from core.runtime import Precision
from core.training.loop import Progress, train
from core.training.recipe import Recipe
from core.training.resume import ResumeFile


def run(
    recipe: Recipe,
    root: Path,
    name: str | None = None,
    device: str = "auto",
    precision: Precision | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
    graph: bool | None = None,
) -> Checkpoint:
    """Train what `recipe` says into the folder `root/<data set>/<name>` and return its description.

    `device`, `precision` and `graph` are as for `core.training.loop.train`.

    A folder whose config holds the same recipe is returned as it is, if its weights are there. Raises ValueError where
    the folder holds another recipe, FileNotFoundError where the data is absent, Diverged on a loss that is not finite.
    """
    if name is not None and not re.fullmatch(r"\w[\w.+-]*", name):
        raise ValueError(f"A model folder's name is made of letters, digits, dots, - and _, and {name!r} was given.")
    folder = root / recipe.data.partition(":")[0] / (name or recipe.name)
    if (folder / store.CONFIG).is_file() and (finished := _finished(folder, recipe)).has_weights:
        return finished
    data = datasets.get(recipe.data)
    split = data.split("train", recipe.images)
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        pretrained = recipe.start if recipe.start == "imagenet" else None
        model = create(recipe.architecture, len(data.classes), *split.statistics(), weights=pretrained)
    started_from = pretrained
    if recipe.start and not pretrained:
        model = _started(Path(recipe.start), recipe, data)
        started_from = store.read(Path(recipe.start)).sha256  # now: the folder may change while this trains
    check(model, data, recipe.architecture)
    folder.mkdir(parents=True, exist_ok=True)  # where that is not allowed it is told before anything is trained
    resume = folder / "resume.safetensors"
    history = train(model, split, recipe, resume, data.mirror, device, precision, report, started_from, graph)
    config = {
        "architecture": recipe.architecture,
        "data": recipe.data,
        "classes": list(data.classes),
        "task": data.task,
        "size": list(data.size),
        "source": data.source,
        "training_images": len(split),
        "recipe": asdict(recipe),
        "start_sha256": None if pretrained else started_from,
        "history": history,
        "seconds": round(sum(epoch["seconds"] for epoch in history), 1),
        "finished": time.strftime("%Y-%m-%d"),
    }
    if is_main_process():
        state = ResumeFile(resume, {})
        store.save(folder, model, config | {"versions": {"hardware": state.hardware}})
        state.remove()
    wait()
    return store.read(folder)


def _finished(folder: Path, recipe: Recipe) -> Checkpoint:
    checkpoint = store.read(folder)
    if not recipe.matches(checkpoint.recipe):
        raise ValueError(
            f"{folder} holds a model of another recipe; give --name (of a sweep: --suffix), or move that folder away."
        )
    return checkpoint


def _started(folder: Path, recipe: Recipe, data: Dataset) -> Normalised:
    """The weights to harden, thawed. Raises ValueError where they belong to another architecture or other classes."""
    start = store.read(folder)
    if start.architecture != recipe.architecture:
        raise ValueError(
            f"{folder} is a {start.architecture} for {len(start.classes)} classes; the recipe asks for "
            f"{recipe.architecture} on the {len(data.classes)} classes of {recipe.data}."
        )
    if numbered(data, start.classes, str(folder)).classes != data.classes:
        raise ValueError(f"{folder} numbers the classes of {recipe.data} in another order: {some(start.classes)}.")
    return store.load(folder).train().requires_grad_(True)
