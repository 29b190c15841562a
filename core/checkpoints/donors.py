"""The other models of the same data, and what broke them: perturbations to be tried on a model they were not made for.

C channels, H W height and width.
"""

from pathlib import Path

from torch import Tensor

from core.checkpoints import perturbations, store
from core.checkpoints.perturbations import BREAKING
from core.checkpoints.store import Checkpoint


def breaking_deltas(root: Path) -> dict[Path, Tensor]:
    """What broke the models below `root` (1,C,H,W), by their folders."""
    found = {model.folder: perturbations.load(model.folder) for model in store.find(root)}
    return {folder: deltas[BREAKING] for folder, deltas in found.items() if BREAKING in deltas}


def donor_deltas(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """What broke the other models of the same data (1,C,H,W), by their names; see `other_models`."""
    found = {name: perturbations.load(other.folder) for name, other in other_models(checkpoint).items()}
    return {name: deltas[BREAKING] for name, deltas in found.items() if BREAKING in deltas}


def other_models(checkpoint: Checkpoint) -> dict[str, Checkpoint]:
    """The other models of the same data, by their names: those beside this one, of the shipped ones all.

    Models of other architectures are named with their path from the root, like `wide/cifar10/standard`.
    """
    folder, root = checkpoint.folder.resolve(), store.default_root().resolve()
    root = root if folder.is_relative_to(root) else folder.parent
    others = {other.folder.resolve(): other for other in store.find(root) if other.data == checkpoint.data}
    return {
        str(place.relative_to(folder.parent if place.parent == folder.parent else root)): other
        for place, other in others.items()
        if place != folder
    }
