"""What the attacker wants, as a gain for each element (image or pixel) that the attack maximises.

N images, K classes, H W height and width. Logits are (N,K) or (N,K,H,W), labels (N) or (N,H,W); the class axis is 1.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

IGNORE = 255
"""The label of pixels that have no class: they earn nothing and count nowhere."""

LOSS_CAP = -math.log(0.2)
"""kappa of Mummadi et al. 2019: nothing is gained by pushing the true class below probability 0.2."""


class Objective(Protocol):
    """A function from logits and labels to gains of the labels' shape, larger where the attacker is better off."""

    @property
    def target(self) -> int | None: ...

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Untargeted:
    """Away from the labels: the cross-entropy of each element, capped before any mean (Mummadi et al. 2019, sec. 3)."""

    cap: float = LOSS_CAP

    @property
    def target(self) -> None:
        return None

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        loss = cross_entropy(logits.float(), labels, ignore_index=IGNORE, reduction="none")
        return loss.clamp(max=self.cap)


@dataclass(frozen=True)
class Towards:
    """Towards one class everywhere; an element that shows it with `confidence` already earns no more.

    Source: Metzen et al. 2017, section 4 (pixels predicted as the target with confidence above 0.75 drop out).
    """

    target: int
    confidence: float = 0.75

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        if not 0 <= self.target < logits.shape[1]:
            raise ValueError(f"The model has classes 0 to {logits.shape[1] - 1}, and target {self.target} was given.")
        wanted = torch.full_like(labels, self.target)
        loss = cross_entropy(logits.float(), wanted, reduction="none").clamp(min=-math.log(self.confidence))
        return -loss.masked_fill(labels == IGNORE, 0)
