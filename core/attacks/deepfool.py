"""The older universal attack: DeepFool on one image after the other (Moosavi-Dezfooli et al., CVPR 2017, alg. 1).

N images, K classes, C channels, H W height and width. For classifiers only: logits (N,K).
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from core.attacks.base import Step, UniversalAttack, device_of, mini_batches
from core.attacks.pgd import frozen
from core.datasets import Split
from core.numbers import above_zero, at_least_one
from core.threat import apply

NAME = "deepfool"


@dataclass(frozen=True)
class DeepFool(UniversalAttack):
    """Visits `steps` images; each one that the delta does not fool yet adds the smallest step that would.

    `rounds` bounds the linearisations for one image, `overshoot` is how far beyond the boundary a step goes.
    """

    title: ClassVar[str] = "DeepFool (2017)"
    description: ClassVar[str] = "smallest boundary crossings of single images, added up and projected"
    targetable: ClassVar[bool] = False
    tasks: ClassVar[tuple[str, ...]] = ("classification",)

    rounds: int = 10
    overshoot: float = 0.02

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least_one(rounds=self.rounds)
        above_zero(overshoot=self.overshoot)

    def stream(self, model: nn.Module, split: Split, delta: Tensor | None = None, track: bool = True) -> Iterator[Step]:
        device = device_of(model)
        delta = torch.zeros(1, *split.images.shape[1:]) if delta is None else delta
        delta = self.budget.project(delta.to(device))
        fooled: deque[bool] = deque(maxlen=64)
        visits = mini_batches(len(split), 1, self.seed)
        for iteration, index in zip(range(1, self.steps + 1), visits, strict=False):
            images, labels = (part.to(device) for part in split.batch(index))
            with frozen(model):
                with torch.no_grad():
                    before, after = model(torch.cat([images, apply(images, delta)]))
                if before.ndim != 1:
                    raise ValueError(f"{self.title} is for classifiers, and this model labels pixels; choose S-PGD.")
                fooled.append(bool(before.argmax() != after.argmax()))
                gain = self.objective(after[None], labels).mean().item()
                if not fooled[-1]:
                    delta = self.budget.project(delta + self._crossing(model, apply(images, delta), before.argmax()))
            yield Step(iteration, self.steps, delta, gain, sum(fooled) / len(fooled) if track else None)

    def _crossing(self, model: nn.Module, image: Tensor, label: Tensor) -> Tensor:
        """The step (1,C,H,W) over the nearest boundary of the linearised model, repeated until the label changes."""
        total = torch.zeros_like(image)
        for _ in range(self.rounds):
            logits, slopes = _linearised(model, image + (1 + self.overshoot) * total)
            if logits.argmax() != label:
                break
            slopes, gaps = slopes - slopes[label], (logits - logits[label]).abs()
            lengths = slopes.flatten(1).norm(dim=1)
            distance = gaps / lengths.clamp(min=1e-12)
            distance[label] = torch.inf
            nearest = distance.argmin()
            total = total + gaps[nearest] / lengths[nearest].clamp(min=1e-12) ** 2 * slopes[nearest]
        return (1 + self.overshoot) * total


def _linearised(model: nn.Module, image: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (K) at one image (1,C,H,W) and their gradients (K,C,H,W), from one backward pass over K copies."""
    with torch.enable_grad():
        with torch.no_grad():
            classes = model(image).shape[1]
        copies = image.expand(classes, *image.shape[1:]).detach().clone().requires_grad_()
        logits = model(copies)
        (slopes,) = torch.autograd.grad(logits.diagonal().sum(), copies)
    return logits[0].detach(), slopes


ATTACK = DeepFool
