"""A control with structure: squares of plus and minus epsilon."""

from typing import ClassVar

import torch
from torch import Tensor

from core.attacks.base import Pattern

NAME = "checkerboard"


class Checkerboard(Pattern):
    """Squares of 4 pixels, the same in every channel; it has no randomness."""

    title: ClassVar[str] = "Checkerboard"
    description: ClassVar[str] = "squares of 4 pixels, plus and minus epsilon in turn: a control"

    def signs(self, shape: tuple[int, ...]) -> Tensor:
        rows, columns = torch.arange(shape[-2]) // 4, torch.arange(shape[-1]) // 4
        board = ((rows[:, None] + columns) % 2).float() * 2 - 1
        return board.expand(shape).clone()


ATTACK = Checkerboard
