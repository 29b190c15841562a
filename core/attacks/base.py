"""What every universal attack shares: it streams steps towards one delta (1,C,H,W) for all images.

N images, C channels, H W height and width, K classes.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import ClassVar

import torch
from torch import Tensor, nn

from core.attacks.objectives import Objective, Untargeted
from core.datasets import Split
from core.threat import Budget


@dataclass(frozen=True)
class Step:
    """The state after `iteration` of `total` steps: delta (1,C,H,W), the mean gain of the last mini-batch, and the
    fraction of it whose prediction differs from the clean one (None if tracking is off)."""

    iteration: int
    total: int
    delta: Tensor
    gain: float
    fooling_rate: float | None


@dataclass(frozen=True)
class UniversalAttack(ABC):
    """One perturbation for all images. `stream` yields steps, `craft` drains it; the caller may stop at any step.

    Weights, gradients and training mode of the model are left as they were. Same seed, same device: same delta.
    """

    title: ClassVar[str]
    description: ClassVar[str]
    control: ClassVar[bool] = False
    """A control looks at neither the model nor the images."""
    targetable: ClassVar[bool] = True
    tasks: ClassVar[tuple[str, ...]] = ("classification", "segmentation")
    """What kinds of model it is for."""

    budget: Budget
    objective: Objective = field(default_factory=Untargeted)
    steps: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.steps >= 1:
            raise ValueError(f"An attack takes at least 1 step, and {self.steps} were given.")
        if self.objective.targeted and not self.targetable:
            raise ValueError(f"{self.title} cannot aim at a class; leave the target out or choose S-PGD.")

    @classmethod
    def takes(cls, option: str) -> bool:
        """Whether the attack has an option of this name, like `batch_size`."""
        return option in {own.name for own in fields(cls)}

    @abstractmethod
    def stream(self, model: nn.Module, split: Split, delta: Tensor | None = None, track: bool = True) -> Iterator[Step]:
        """Steps of the attack on the images of `split`, from `delta` (1,C,H,W) or from a start of its own."""

    def craft(self, model: nn.Module, split: Split, delta: Tensor | None = None) -> Tensor:
        """The last delta (1,C,H,W) of the stream."""
        for step in self.stream(model, split, delta, track=False):
            delta = step.delta
        assert delta is not None
        return delta


class Pattern(UniversalAttack):
    """A control: a delta (1,C,H,W) of full strength that looks at neither model nor images; one step.

    An attack that does no better than the controls has found nothing.
    """

    control: ClassVar[bool] = True
    targetable: ClassVar[bool] = False

    @abstractmethod
    def signs(self, shape: tuple[int, ...]) -> Tensor:
        """The pattern in -1 and +1, (1,C,H,W)."""

    def stream(self, model: nn.Module, split: Split, delta: Tensor | None = None, track: bool = True) -> Iterator[Step]:
        signs = self.signs((1, *split.images.shape[1:]))
        yield Step(1, 1, self.budget.epsilon * signs.to(device_of(model)), 0.0, None)


def device_of(model: nn.Module) -> torch.device:
    """Where the model's weights lie (the CPU where it has none)."""
    tensor = next(model.parameters(), next(model.buffers(), None))
    return torch.device("cpu") if tensor is None else tensor.device


def mini_batches(n: int, size: int, seed: int) -> Iterator[Tensor]:
    """Endless mini-batches of indices below n: each pass visits every image once, in an order drawn anew."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        yield from torch.randperm(n, generator=generator).split(min(size, n))
