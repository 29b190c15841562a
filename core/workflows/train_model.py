"""One run of the grid: a recipe becomes a model folder. Finished runs are not run again, killed ones resume."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from core import datasets
from core.checkpoints import store
from core.checkpoints.store import Checkpoint, ModelFolder
from core.datasets import Dataset, Split
from core.distributed import is_main_process, wait
from core.models.compatibility import check, numbered, some
from core.models.normalised import Normalised
from core.models.registry import create
from core.runtime import Precision
from core.training.loop import Progress, train
from core.training.recipe import Recipe
from core.training.resume import ResumeFile

RESUME = "resume.safetensors"
"""What a model folder holds while its training is not over."""


def run(
    recipe: Recipe,
    root: Path,
    name: str | None = None,
    *,
    device: str = "auto",
    precision: Precision | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
    graph: bool | None = None,
    compiled: bool = False,
) -> Checkpoint:
    """Train what `recipe` says into the folder `root/<data set>/<name>` and return its description.

    `device`, `precision`, `graph` and `compiled` are as for `core.training.loop.train`.

    A folder whose config holds the same recipe is returned as it is, if its weights are there. Raises ValueError where
    the folder holds another recipe, FileNotFoundError where the data is absent, Diverged on a loss that is not finite,
    OSError where the folder cannot be written; a model that is trained by then is kept elsewhere.
    """
    folder = store.folder_of(root, recipe.data, recipe.name if name is None else name)
    if (folder / store.CONFIG).is_file() and (finished := _finished(folder, recipe)).has_weights:
        return finished
    data = datasets.get(recipe.data)
    split = data.split("train", recipe.images)
    model, started_from = _initial(recipe, data, split)
    check(model, data, recipe.architecture)
    folder.mkdir(parents=True, exist_ok=True)  # where that is not allowed it is told before anything is trained
    resume = folder / RESUME
    history = train(
        model,
        split,
        recipe,
        resume=resume,
        mirror=data.mirror,
        device=device,
        precision=precision,
        report=report,
        started_from=started_from,
        graph=graph,
        compiled=compiled,
    )
    if is_main_process():
        state = ResumeFile(resume, {})
        config = _config(recipe, data, images=len(split), history=history, started_from=started_from)
        _save(folder, model, config | {"versions": {"hardware": state.hardware}})
        state.remove()
    wait()
    return store.read(folder)


def _save(folder: Path, model: Normalised, config: dict[str, Any]) -> None:
    """Save the model; where its folder cannot be written any more, in a temporary one, which the OSError names."""
    try:
        store.save(folder, model, config)
    except OSError as error:
        kept = Path(tempfile.mkdtemp(prefix="plainsight-kept-")) / folder.name
        store.save(kept, model, config)
        raise OSError(
            f"{folder} cannot be written ({error.strerror}); the trained model is kept in {kept}: move it there."
        ) from error


def each_epoch(recipe: Recipe, tell: Callable[[int, str], None]) -> Callable[[Progress], None]:
    """A `report` for `run` that tells the number of every epoch that is over, and its loss in words."""
    last = 0

    def report(progress: Progress) -> None:
        nonlocal last
        over = progress.done * recipe.epochs // progress.total
        if over > last:
            last = over
            tell(over, f"loss {progress.loss:.3f}")

    return report


def _config(
    recipe: Recipe, data: Dataset, *, images: int, history: list[dict[str, float]], started_from: str | None
) -> dict[str, Any]:
    """What `config.json` says of a trained model, beside its weights' digest and the versions."""
    return {
        "architecture": recipe.architecture,
        "data": recipe.data,
        "classes": list(data.classes),
        "task": data.task,
        "size": list(data.size),
        "source": data.source,
        "training_images": images,
        "recipe": asdict(recipe),
        "start_sha256": None if started_from == "imagenet" else started_from,
        "history": history,
        "seconds": round(sum(epoch["seconds"] for epoch in history), 1),
        "finished": time.strftime("%Y-%m-%d"),
    }


def _initial(recipe: Recipe, data: Dataset, split: Split) -> tuple[Normalised, str | None]:
    """The model that training starts from, and what its weights are: `imagenet`, the sha256 of a folder's, or None."""
    pretrained = recipe.start if recipe.start == "imagenet" else None
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        model = create(recipe.architecture, len(data.classes), *split.statistics(), weights=pretrained)
    if pretrained or not recipe.start:
        return model, pretrained
    start = ModelFolder(Path(recipe.start))
    return _started(start, recipe, data), start.checkpoint.sha256


def _finished(folder: Path, recipe: Recipe) -> Checkpoint:
    checkpoint = store.read(folder)
    if not recipe.matches(checkpoint.recipe):
        raise ValueError(
            f"{folder} holds a model of another recipe; give --name (of a sweep: --suffix), or move that folder away."
        )
    return checkpoint


def _started(start: ModelFolder, recipe: Recipe, data: Dataset) -> Normalised:
    """The weights to start from, thawed. Raises ValueError if their architecture or classes differ."""
    folder, found = start.path, start.checkpoint
    if found.architecture != recipe.architecture:
        raise ValueError(
            f"{folder} is a {found.architecture} for {len(found.classes)} classes; the recipe asks for "
            f"{recipe.architecture} on the {len(data.classes)} classes of {recipe.data}."
        )
    if numbered(data, found.classes, str(folder)).classes != data.classes:
        raise ValueError(f"{folder} numbers the classes of {recipe.data} in another order: {some(found.classes)}.")
    return start.model.train().requires_grad_(True)
