"""Projected gradient ascent on deltas that heaps of images share.

N images, M deltas, C channels, H W height and width. Heap 1 is PGD (Madry et al. 2018), one step of it FGSM;
a heap of all images is the universal attack on one mini-batch; in between lies shared training's inner loop
(Mummadi et al. 2019, section 3).
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from core.attacks.objectives import Objective, Untargeted
from core.distributed import ALONE, ProcessGroup
from core.numbers import above_zero
from core.threat import Budget, apply, heaps


@contextmanager
def frozen(model: nn.Module) -> Iterator[nn.Module]:
    """The model in evaluation mode and without weight gradients; both are put back afterwards.

    Without weight gradients a backward pass to the input costs about a third less.
    """
    training = [module for module in model.modules() if module.training]
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if training:
        model.eval()
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        yield model
    finally:
        for module in training:
            module.training = True
        for parameter in learning:
            parameter.requires_grad_(True)


def ascent_direction(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    delta: Tensor,
    objective: Objective,
    placed: Callable[[Tensor], Tensor] = lambda delta: delta,
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradient of the summed gain by delta (M,C,H,W), the gains of the elements, and the attacked logits.

    `placed` makes of all deltas those of these images.
    """
    delta = delta.detach().requires_grad_()
    with torch.enable_grad():
        logits = model(apply(images, placed(delta)))
        gain = objective(logits, labels)
        (gradient,) = torch.autograd.grad(gain.sum(), delta)
    return gradient, gain.detach(), logits.detach()


@dataclass(frozen=True)
class PGD:
    """`PGD(budget)(model, images, labels)` gives deltas (M,C,H,W), one for each heap of at most `heap` images.

    `step_size` is in units of epsilon. Without `delta` it starts at random inside the ball.
    The paper's inner loop is 4 steps of 0.5 epsilon (Mummadi et al. 2019, section 5).

    With a `process_group` the images are this process's shard of a mini-batch. A heap that is larger than the shard
    spans processes: its delta ascends the sum of their gradients. All processes must then draw from equal generators;
    each gets the deltas of its own images, those that one process would find for the whole mini-batch.
    """

    budget: Budget
    objective: Objective = field(default_factory=Untargeted)
    steps: int = 4
    step_size: float = 0.5
    heap: int = 1
    process_group: ProcessGroup = ALONE

    def __post_init__(self) -> None:
        if not self.steps >= 1:
            raise ValueError(f"An attack takes at least 1 step, and {self.steps} were given.")
        above_zero(step_size=self.step_size)

    def start(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Random deltas for images of the whole mini-batch: (M,C,H,W), uniform in the ball."""
        count = heaps(len(images) * self.process_group.size, self.heap)
        return self.budget.random_start((count, *images.shape[1:]), generator)

    def __call__(
        self,
        model: nn.Module,
        images: Tensor,
        labels: Tensor,
        delta: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        n, own = len(images) * self.process_group.size, self.process_group.shard(len(images) * self.process_group.size)
        count = heaps(n, self.heap)
        spanning = self.process_group.size > 1 and len(images) % self.heap != 0
        placed: Callable[[Tensor], Tensor] = lambda delta: delta  # noqa: E731
        if delta is None:
            generator = generator or torch.Generator(images.device).manual_seed(0)
            delta = self.start(images, generator)
            delta = delta if spanning else delta[self.process_group.shard(count)]
        if spanning:
            owners = torch.arange(n, device=images.device)[own] // math.ceil(n / count)
            placed = lambda delta: delta[owners]  # noqa: E731
        with frozen(model):
            for _ in range(self.steps):
                gradient, _, _ = ascent_direction(model, images, labels, delta, self.objective, placed)
                gradient = self.process_group.sum_(gradient) if spanning else gradient
                delta = self.budget.ascend(delta, gradient, self.step_size * self.budget.epsilon)
        return placed(delta).detach()
