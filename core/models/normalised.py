"""A network behind its own normalisation: every model takes images (N,C,H,W) in [0, 1].

N images, C channels, H W height and width.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Normalised(nn.Module):
    """A network behind its own normalisation, so that attacks and people deal in [0, 1] only.

    Raises ValueError for a mean or std that is not in units of [0, 1].
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        within_units("mean", mean)
        within_units("std", std)
        self.network = network
        self.register_buffer("mean", torch.tensor(mean).reshape(-1, 1, 1))
        self.register_buffer("std", torch.tensor(std).reshape(-1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        return self.network((images - self.mean) / self.std)


def within_units(name: str, values: Sequence[float]) -> None:
    """Raises ValueError where no images in [0, 1] are normalised by these values of `mean` or `std`, one a channel."""
    if all(0 <= value <= 1.0001 and (value or name == "mean") for value in values):  # sums of float32 reach beyond 1
        return
    given, smaller = (", ".join(f"{value / unit:.4g}" for value in values) for unit in (1, 255))
    bytes_meant = max(values) > 1 and all(0 <= value <= 255 for value in values)
    hint = f"; images are in [0, 1], so divide by 255: {smaller}" if bytes_meant else ""
    fits = "from 0 to 1" if name == "mean" else "above 0 and up to 1"
    raise ValueError(f"{name} takes numbers {fits}, one a channel, and {given} were given{hint}.")
