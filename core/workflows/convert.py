"""Weights that were trained elsewhere become a model folder, which the other commands and the app take."""

from dataclasses import dataclass
from pathlib import Path

from core import datasets
from core.checkpoints import store
from core.checkpoints.store import Checkpoint
from core.datasets import Dataset
from core.evaluation.report import Report, compare, predict
from core.models.compatibility import some
from core.models.normalised import Normalised


@dataclass(frozen=True)
class Converted:
    """The new model folder, and its report on held-out images; None where these are not on this machine.

    `fooling` of the report is how many predictions are others than those of the weights as they were given.
    """

    checkpoint: Checkpoint
    report: Report | None

    @property
    def guesses(self) -> bool:
        """Whether the model is not surely better than guessing, as one with the wrong classes or normalisation is."""
        return self.report is not None and self.report.accuracy.interval[0] <= 1 / len(self.checkpoint.classes)


def convert(
    model: Normalised,
    data: Dataset,
    architecture: str,
    root: Path,
    name: str,
    origin: dict[str, str | None],
    held_out: int | None = None,
) -> Converted:
    """Write the model folder `root/<data set>/<name>`, and measure it on `held_out` held-out images (None: on all).

    `data` numbers its classes as the model numbers its logits; `origin` is what `config.json` says of where the weights
    are from. Raises ValueError for a name that does not fit, for a folder that holds a model already, and for a model
    that knows other classes than the data has; OSError where the folder cannot be written.
    """
    folder = store.folder_of(root, data.name, name)
    if (folder / store.CONFIG).is_file():
        raise ValueError(f"{folder} holds a model already; give another name (--name), or move that folder away.")
    if more := [one for one in data.classes if one not in datasets.get(data.name).classes]:
        raise ValueError(
            f"The weights know classes that {data.name} does not have ({some(more)}), and a model folder needs images "
            "of every class; evaluate, robustness and risks take such weights as they are."
        )
    split = None if data.missing else data.split("test", held_out)
    config = {
        "architecture": architecture,
        "data": data.name,
        "classes": list(data.classes),
        "task": data.task,
        "size": list(data.size),
        "source": data.source,
        "converted": origin,
    }
    checkpoint = store.save(folder, model, config)
    if split is None:
        return Converted(checkpoint, None)
    stored = store.load(folder, next(model.parameters()).device)
    report = compare(split.labels, predict(model, split), predict(stored, split), classes=len(data.classes))
    return Converted(checkpoint, report)
