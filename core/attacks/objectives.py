"""What the attacker wants, as a gain for each element (image or pixel) that the attack maximises.

N images, K classes, H W height and width. Logits are (N,K) or (N,K,H,W), labels (N) or (N,H,W); the class axis is 1.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from core.datasets.labels import counted, ignore_index

LOSS_CAP = -math.log(0.2)
"""kappa of Mummadi et al. 2019: nothing is gained by pushing the true class below probability 0.2. Training uses it."""


class Objective(Protocol):
    """A function from logits and labels to gains of the labels' shape, larger where the attacker is better off.

    The labels are those that `aimed` makes of the true ones: the true ones again, or what the model shall see.
    """

    @property
    def targeted(self) -> bool: ...

    def aimed(self, labels: Tensor, predicted: Callable[[], Tensor]) -> Tensor:
        """Labels (N) or (N,H,W) that the gain refers to; `predicted` gives the model's clean predictions."""
        ...

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Untargeted:
    """Away from the labels: the cross-entropy of each element, capped before any mean (Mummadi et al. 2019, sec. 3).

    There is no cap by default: S-PGD is stronger without one against the shipped models
    (docs/explanation/attack-strength.md).
    """

    cap: float = math.inf

    def __post_init__(self) -> None:
        if not self.cap > 0:
            raise ValueError(f"The cap of a loss is above 0, and {self.cap} was given.")

    @property
    def targeted(self) -> bool:
        return False

    def aimed(self, labels: Tensor, predicted: Callable[[], Tensor]) -> Tensor:
        return labels

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        loss = cross_entropy(logits.float(), labels, ignore_index=ignore_index(labels), reduction="none")
        return loss.clamp(max=self.cap)


@dataclass(frozen=True)
class Targeted:
    """Towards what `aimed` says; an element that shows it with `confidence` already earns no more.

    Source: Metzen et al. 2017, section 4 (pixels predicted as the target with confidence above 0.75 drop out).
    """

    @property
    def targeted(self) -> bool:
        return True

    @property
    def confidence(self) -> float:
        return 0.75

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        loss = cross_entropy(logits.float(), labels, ignore_index=ignore_index(labels), reduction="none")
        return -loss.clamp(min=-math.log(self.confidence)).masked_fill(~counted(labels), 0)


@dataclass(frozen=True)
class Towards(Targeted):
    """One class everywhere."""

    target: int

    def aimed(self, labels: Tensor, predicted: Callable[[], Tensor]) -> Tensor:
        return torch.where(counted(labels), self.target, labels)

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        if not 0 <= self.target < logits.shape[1]:
            raise ValueError(f"The model has classes 0 to {logits.shape[1] - 1}, and target {self.target} was given.")
        return super().__call__(logits, labels)


@dataclass(frozen=True, eq=False)
class Scene(Targeted):
    """One label map (H,W) whatever the camera shows: the static target of Metzen et al. 2017, section 4."""

    label_map: Tensor

    def aimed(self, labels: Tensor, predicted: Callable[[], Tensor]) -> Tensor:
        if labels.shape[1:] != self.label_map.shape:
            given, fits = tuple(self.label_map.shape), tuple(labels.shape[1:])
            raise ValueError(f"The target scene is of size {given}, and the images are of size {fits}.")
        wanted = self.label_map.to(labels).expand_as(labels)
        return torch.where(counted(labels), wanted, labels)


@dataclass(frozen=True)
class Remove(Targeted):
    """The model's own clean prediction without one class, whose pixels take the nearest other class.

    The dynamic target of Metzen et al. 2017, section 4.
    """

    removed: int

    def aimed(self, labels: Tensor, predicted: Callable[[], Tensor]) -> Tensor:
        if labels.ndim != 3:
            raise ValueError("Removing a class is for models that label pixels, and this one classifies images.")
        seen = predicted().to(labels)
        wanted = torch.stack([_filled(scene, self.removed) for scene in seen])
        return torch.where(counted(labels), wanted, labels)


def _filled(scene: Tensor, removed: int) -> Tensor:
    """A label map (H,W) in which pixels of one class take the class of the nearest other pixel."""
    from scipy.ndimage import distance_transform_edt  # here, since importing scipy takes seconds

    gone = (scene == removed).cpu().numpy()
    if gone.all() or not gone.any():  # nothing to fill, or nothing to fill it with
        return scene
    nearest = distance_transform_edt(gone, return_distances=False, return_indices=True)
    return scene[tuple(torch.from_numpy(np.ascontiguousarray(axis)).long().to(scene.device) for axis in nearest)]
