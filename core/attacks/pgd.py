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

    `step_size` is in units of epsilon; a call can give each heap of the whole mini-batch its own (M,1,1,1). The ascent
    starts from `delta`, those of all heaps, or at random inside the ball.
    With `owners` (N) image n has delta number `owners[n]` instead of that of its heap, and `delta` is given.
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
        return self.budget.random_start((self.count(len(images)), *images.shape[1:]), generator)

    def count(self, images: int) -> int:
        """The number M of heaps of the whole mini-batch of which this process has so many images."""
        return heaps(images * self.process_group.size, self.heap)

    def spans(self, images: int) -> bool:
        """Whether heaps span processes that have so many images each."""
        return self.process_group.size > 1 and images % self.heap != 0

    def own(self, values: Tensor, images: int) -> Tensor:
        """This process's part of values (M,...) of all heaps: those of its heaps, or of each image if heaps span."""
        if not self.spans(images):
            return values[self.process_group.shard(len(values))]
        n = images * self.process_group.size
        owners = torch.arange(n, device=values.device)[self.process_group.shard(n)] // math.ceil(n / len(values))
        return values[owners]

    def __call__(
        self,
        model: nn.Module,
        images: Tensor,
        labels: Tensor,
        delta: Tensor | None = None,
        generator: torch.Generator | None = None,
        *,
        step_size: Tensor | None = None,
        owners: Tensor | None = None,
    ) -> Tensor:
        n, spans = len(images), owners is None and self.spans(len(images))
        placed: Callable[[Tensor], Tensor] = (lambda delta: self.own(delta, n)) if spans else (lambda delta: delta)
        if owners is not None:
            placed = lambda delta: delta[owners]  # noqa: E731
        if delta is None:
            delta = self.start(images, generator or torch.Generator(images.device).manual_seed(0))
        size = self.step_size if step_size is None else step_size
        if not spans and owners is None:
            delta = self.own(delta, n)
            size = size if step_size is None else self.own(step_size, n)
        with frozen(model):
            for _ in range(self.steps):
                gradient, _, _ = ascent_direction(model, images, labels, delta, self.objective, placed)
                gradient = self.process_group.sum_(gradient) if spans else gradient
                delta = self.budget.ascend(delta, gradient, size * self.budget.epsilon)
        return (delta if owners is not None else placed(delta)).detach()
