"""What broke the other models of the same data: perturbations to be tried on a model that they were not made for.

C channels, H W height and width.
"""

from pathlib import Path

from torch import Tensor

from core.checkpoints import perturbations, store
from core.checkpoints.perturbations import BREAKING
from core.checkpoints.store import Checkpoint


def breaking_deltas(root: Path, data: str | None = None) -> dict[Path, Tensor]:
    """What broke the models below `root` (1,C,H,W), by their folders; with `data` only those of that data set."""
    models = [model for model in store.find(root) if data in (None, model.data)]
    found = {model.folder: perturbations.load(model.folder) for model in models}
    return {folder: deltas[BREAKING] for folder, deltas in found.items() if BREAKING in deltas}


def donor_deltas(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """What broke the other models of the same data, by their names: those beside this one, of the shipped ones all.

    Models of other architectures are named with their path from the root, like `wide/cifar10/standard`.
    """
    folder, root = checkpoint.folder.resolve(), store.default_root().resolve()
    root = root if folder.is_relative_to(root) else folder.parent
    others = {other.resolve(): delta for other, delta in breaking_deltas(root, checkpoint.data).items()}
    return {
        str(other.relative_to(folder.parent if other.parent == folder.parent else root)): delta
        for other, delta in others.items()
        if other != folder
    }
