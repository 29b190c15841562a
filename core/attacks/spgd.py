"""S-PGD: stochastic projected gradient ascent on one delta over many mini-batches (Mummadi et al. 2019, section 4).

N images, C channels, H W height and width.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from core.attacks.base import Step, UniversalAttack, device_of, mini_batches
from core.attacks.objectives import LOSS_CAP, Untargeted
from core.attacks.pgd import ascent_direction, frozen
from core.datasets import Split
from core.datasets.labels import counted
from core.numbers import above_zero, fraction
from core.runtime import Precision, autocast
from core.threat import Budget

NAME = "spgd"
WARM_STEP = 0.2
"""The first step of an attack that goes on from a known perturbation, in units of epsilon.

Longer ones gain a little from weak starts (docs/explanation/attack-strength.md), but in few steps can lose what a
strong one had.
"""


ADAM_DECAY = 0.99
"""Adam's second decay rate: attacks are short, so its memory is too."""


@dataclass(frozen=True)
class SPGD(UniversalAttack):
    """One delta, many mini-batches; sign steps along a momentum of gradients.

    `step_size` is the first step in units of epsilon; it falls along a cosine to `last_step` times itself, or stays
    where that is 1. With `adam` a step goes along Adam's direction (Kingma and Ba 2015; `momentum` is its first decay
    rate) instead of a sign, so that pixels with small or changing gradients move less. Of the settings tried in
    docs/explanation/attack-strength.md the defaults are at or near the strongest on every model.
    `precision` is that of the gradients; the default is 16 bits where the hardware multiplies them natively, which is
    as fast or faster.
    """

    title: ClassVar[str] = "S-PGD"
    description: ClassVar[str] = "stochastic projected gradient ascent with momentum and a decaying step"

    batch_size: int = 64
    step_size: float = 1.0
    last_step: float = 0.05
    momentum: float = 0.5
    adam: bool = False
    precision: Precision | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.batch_size >= 1:
            raise ValueError(f"A mini-batch holds at least 1 image, and {self.batch_size} were given.")
        above_zero(step_size=self.step_size, last_step=self.last_step)
        fraction(momentum=self.momentum, last_step=self.last_step)

    def stream(self, model: nn.Module, split: Split, delta: Tensor | None = None, track: bool = True) -> Iterator[Step]:
        device = device_of(model)
        if delta is None:
            generator = torch.Generator(device).manual_seed(self.seed)
            delta = self.budget.random_start((1, *split.images.shape[1:]), generator)
        delta = self.budget.project(delta.to(device))
        direction = _Adam(self.momentum) if self.adam else _Momentum(self.momentum)
        clean: dict[int, Tensor] = {}
        batches = mini_batches(len(split), self.batch_size, self.seed)
        for iteration, index in zip(range(1, self.steps + 1), batches, strict=False):
            images, labels = split.batch(index)
            images, labels = images.to(device, memory_format=torch.channels_last), labels.to(device)
            with frozen(model), autocast(device, self.precision):
                aimed = self.objective.aimed(labels, lambda: _clean(model, images, index, clean))  # noqa: B023
                gradient, gain, logits = ascent_direction(model, images, aimed, delta, self.objective)
                fooling = _fraction_changed(logits, labels, _clean(model, images, index, clean)) if track else None
            delta = self.budget.project(delta + self._length(iteration) * self.budget.epsilon * direction(gradient))
            yield Step(iteration, self.steps, delta, gain.mean().item(), fooling)

    def _length(self, iteration: int) -> float:
        """The step of this iteration in units of epsilon: a cosine from `step_size` to `last_step` times that."""
        falling = 0.5 * (1 + math.cos(math.pi * (iteration - 1) / self.steps))
        return self.step_size * (self.last_step + (1 - self.last_step) * falling)


class _Momentum:
    """Signs of a momentum of gradients, each gradient at its mean magnitude."""

    def __init__(self, momentum: float) -> None:
        self.momentum, self.velocity = momentum, torch.zeros(())

    def __call__(self, gradient: Tensor) -> Tensor:
        self.velocity = self.momentum * self.velocity.to(gradient) + gradient / gradient.abs().mean().clamp(min=1e-12)
        return self.velocity.sign()


class _Adam:
    """Adam's direction: a mean of gradients over the root of their mean square, both corrected for their start."""

    def __init__(self, momentum: float) -> None:
        self.decay, self.moments, self.steps = (momentum, ADAM_DECAY), [torch.zeros(()), torch.zeros(())], 0

    def __call__(self, gradient: Tensor) -> Tensor:
        self.steps += 1
        corrected = []
        for place, (decay, value) in enumerate(zip(self.decay, (gradient, gradient.square()), strict=True)):
            self.moments[place] = decay * self.moments[place].to(value) + (1 - decay) * value
            corrected.append(self.moments[place] / (1 - decay**self.steps))
        return corrected[0] / corrected[1].sqrt().clamp(min=1e-12)


def _clean(model: nn.Module, images: Tensor, index: Tensor, known: dict[int, Tensor]) -> Tensor:
    """The clean predictions (N) or (N,H,W) of the images with these numbers; `known` remembers them."""
    new = [place for place, image in enumerate(index.tolist()) if image not in known]
    if new:
        with torch.no_grad():
            predictions = model(images[new]).argmax(1)
        known.update(zip(index[new].tolist(), predictions, strict=True))
    return torch.stack([known[image] for image in index.tolist()])


def _fraction_changed(logits: Tensor, labels: Tensor, clean: Tensor) -> float:
    """The fraction of labelled elements whose attacked prediction differs from the clean one."""
    known = counted(labels)
    return ((logits.argmax(1) != clean) & known).sum().item() / max(int(known.sum()), 1)


PUBLISHED = SPGD(Budget(1.0), Untargeted(LOSS_CAP), step_size=0.1, last_step=1.0, momentum=0.0)
"""S-PGD as its authors describe it: steps of one size along the sign of the gradient, on the capped loss.

Their step is not known; a tenth of epsilon is ours. Budget, steps and seed are to be replaced.
"""

VARIANTS = (
    SPGD(Budget(1.0), Untargeted(LOSS_CAP)),
    SPGD(Budget(1.0), momentum=0.9, adam=True),
    SPGD(Budget(1.0), Untargeted(LOSS_CAP), momentum=0.9, adam=True),
)
"""Other ways to climb, which a search tries before it takes an epsilon as held: what stops one need not stop another.

Budget, steps and seed are to be replaced.
"""

ATTACK = SPGD
