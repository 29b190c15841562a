"""Labels that count, and those of pixels without a class. N images, H W height and width."""

from torch import Tensor

IGNORE = 255
"""The label of pixels that have no class: they earn nothing and count nowhere. Of images it is a class like others."""


def ignore_index(labels: Tensor) -> int:
    """The label without a class: IGNORE in label maps (N,H,W); for the labels of images (N) a number that none has."""
    return IGNORE if labels.ndim == 3 else -1


def counted(labels: Tensor) -> Tensor:
    """Which elements have a class, of the shape of labels (N) or (N,H,W)."""
    return labels != ignore_index(labels)
