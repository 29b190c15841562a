"""The control beside every attack: plus or minus epsilon at random."""

from typing import ClassVar

import torch
from torch import Tensor

from core.attacks.base import Pattern

NAME = "random-signs"


class RandomSigns(Pattern):
    """Every pixel and channel is moved by plus or minus epsilon, drawn from the seed."""

    title: ClassVar[str] = "Random signs"
    description: ClassVar[str] = "plus or minus epsilon at random in every pixel and channel: the control"

    def signs(self, shape: tuple[int, ...]) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed)
        return torch.randint(0, 2, shape, generator=generator).float() * 2 - 1


ATTACK = RandomSigns
