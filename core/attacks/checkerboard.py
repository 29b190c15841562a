"""A control with structure: squares of plus and minus epsilon."""

from typing import ClassVar

import torch
from torch import Tensor

from core.attacks.base import Pattern

NAME = "checkerboard"
SMALL = 64
"""Pixels of the shorter side below which a picture is small."""


class Checkerboard(Pattern):
    """Squares of 4 pixels, in small pictures single pixels, the same in every channel; it has no randomness.

    That is what harmed standard networks most, of squares of 1, 2, 4 and 8 pixels: CIFAR-10 (32x32) by far with single
    pixels, pictures of scenes (192x256) with 4. A control has to be as strong as it can be without the model.
    """

    title: ClassVar[str] = "Checkerboard"
    description: ClassVar[str] = (
        "squares of 4 pixels (1 in pictures below 64 pixels), plus and minus epsilon in turn: a control"
    )

    def signs(self, shape: tuple[int, ...]) -> Tensor:
        side = 1 if min(shape[-2:]) < SMALL else 4
        rows, columns = torch.arange(shape[-2]) // side, torch.arange(shape[-1]) // side
        board = ((rows[:, None] + columns) % 2).float() * 2 - 1
        return board.expand(shape).clone()


ATTACK = Checkerboard
