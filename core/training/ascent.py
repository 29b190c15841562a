"""The inner maximisation of shared training: a delta for each heap of a mini-batch, and what chance gives it.

N images, M deltas, C channels, H W height and width. Source: Mummadi, Brox, Metzen, ICCV 2019, section 3.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from core.distributed import ALONE, ProcessGroup
from core.threat import heaps
from core.training.recipe import Recipe


class Ascent:
    """`Ascent(recipe)(model, images, labels, **ascent.draw(images, generator))` gives the deltas of a mini-batch.

    Of several processes each has its own images, and all draw the same numbers for the heaps of the whole mini-batch.
    """

    def __init__(self, recipe: Recipe, process_group: ProcessGroup = ALONE) -> None:
        self.recipe, self.attack = recipe, replace(recipe.attack, process_group=process_group)

    def draw(
        self, images: Tensor, generator: torch.Generator, before: Tensor | None = None, classes: int = 0
    ) -> dict[str, Tensor]:
        """What chance gives the heaps of a mini-batch, or the `classes` where deltas are class-wise.

        `start`: the deltas (M,C,H,W) that the ascent starts from, which are those of the mini-batch `before` if they
        are persistent. `step_size`, in units of epsilon, and `magnitude`: (M,1,1,1), where the recipe varies them.
        """
        recipe = self.recipe
        if recipe.persist and before is not None:
            drawn = {"start": before if recipe.classwise else before[: heaps(len(images), recipe.heap)]}
        elif recipe.classwise:
            drawn = {"start": self.attack.budget.random_start((classes, *images.shape[1:]), generator)}
        else:
            drawn = {"start": self.attack.start(images, generator)}
        shape = (len(drawn["start"]), 1, 1, 1)

        def uniform(low: float, high: float) -> Tensor:
            return low + (high - low) * torch.rand(shape, generator=generator, device=generator.device)

        if recipe.step_spread:
            drawn["step_size"] = recipe.step_size * uniform(-recipe.step_spread, recipe.step_spread).exp2()
        if recipe.shrink:
            drawn["magnitude"] = uniform(1 - recipe.shrink, 1)
        return drawn

    def __call__(
        self,
        model: nn.Module,
        images: Tensor,
        labels: Tensor,
        start: Tensor,
        step_size: Tensor | None = None,
        magnitude: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The deltas (M,C,H,W) where the ascent ends, and those that the weights learn from.

        The latter can be smaller, and of class-wise ones they are those of each image.
        """
        if self.recipe.classwise:
            delta = self.attack(model, images, labels, start, step_size=step_size, owners=labels)
            return delta, (delta if magnitude is None else delta * magnitude)[labels]
        delta = self.attack(model, images, labels, start, step_size=step_size)
        return delta, delta if magnitude is None else delta * self.attack.own(magnitude, len(images))
