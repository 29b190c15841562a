"""Which labels are counted, and the label of pixels without a class. N images, H W height and width."""

from torch import Tensor

IGNORE = 255
"""The label of pixels without a class, which are never counted. Among labels of images it is an ordinary class."""


def ignore_index(labels: Tensor) -> int:
    """The label without a class: IGNORE in label maps (N,H,W); for labels of images (N), one that no image has."""
    return IGNORE if labels.ndim == 3 else -1


def counted(labels: Tensor) -> Tensor:
    """Which labels (N) or (N,H,W) are those of a class, as booleans of the same shape."""
    return labels != ignore_index(labels)
