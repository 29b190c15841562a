"""One update of the weights by a mini-batch: the deltas of its heaps, then a step on clean and attacked images.

N images, M deltas, C channels, H W height and width. Source: Mummadi, Brox, Metzen, ICCV 2019, section 3.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from core.datasets.labels import ignore_index
from core.distributed import ALONE, ProcessGroup
from core.threat import apply, heaps
from core.training.cudagraph import Work, capture
from core.training.recipe import Recipe

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def shared_deltas(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    recipe: Recipe,
    generator: torch.Generator,
    before: Tensor | None = None,
    process_group: ProcessGroup = ALONE,
) -> Tensor | None:
    """The inner maximisation: a delta for each heap of the mini-batch (M,C,H,W), or None for standard training.

    `before` are the deltas of the mini-batch before this one, which the ascent starts from if they are persistent.
    """
    if not recipe.sigma:
        return None
    start = _persistent(recipe, before, len(images))
    return replace(recipe.attack, process_group=process_group)(model, images, labels, start, generator)


def _persistent(recipe: Recipe, before: Tensor | None, n: int) -> Tensor | None:
    """The deltas of the mini-batch before, as many as n images need; None where the ascent starts anew."""
    return before[: heaps(n, recipe.heap)] if recipe.persist and before is not None else None


def update_loss(forward: nn.Module, images: Tensor, labels: Tensor, delta: Tensor | None, recipe: Recipe) -> Tensor:
    """The outer minimisation: sigma * L(x + delta, y) + (1 - sigma) * L(x, y), with one joint forward pass."""
    kinds: dict[str, Any] = {"ignore_index": ignore_index(labels), "label_smoothing": recipe.label_smoothing}
    if delta is None:
        return cross_entropy(forward(images).float(), labels, **kinds)
    attacked = apply(images, delta)
    if recipe.sigma == 1:
        return cross_entropy(forward(attacked).float(), labels, **kinds)
    logits = forward(torch.cat([attacked, images])).float()
    under_attack, clean = (cross_entropy(part, labels, **kinds) for part in logits.chunk(2))
    return recipe.sigma * under_attack + (1 - recipe.sigma) * clean


def records(device: torch.device, process_group: ProcessGroup) -> bool:
    """Whether the work of a mini-batch can be a CUDA graph."""
    return device.type == "cuda" and process_group.size == 1


class Update:
    """One update of the weights by a mini-batch, with its `graph` recorded at the first whole one."""

    def __init__(
        self,
        fabric: "Fabric",
        model: Any,
        optimizer: Any,
        recipe: Recipe,
        process_group: ProcessGroup = ALONE,
        graph: bool = False,
    ) -> None:
        self.fabric, self.model, self.optimizer, self.recipe, self.process_group = (
            fabric,
            model,
            optimizer,
            recipe,
            process_group,
        )
        self.network = model.module  # in mixed precision Fabric's wrapper lets nobody else differentiate
        self.parameters = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        self.graph = graph
        self.recorded: Work | None = None
        self.delta: Tensor | None = None

    def begin(self) -> None:
        """A new epoch, which is to run alike whether it follows another or a resumed run begins with it."""
        self.delta = None
        self.model.train()

    def __call__(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """The loss, which later updates leave alone."""
        if self.graph and len(images) == self.recipe.batch_size:
            loss = self._replayed(images, labels, generator)
        else:
            loss = self._directly(images, labels, generator)
        self.optimizer.step()
        return loss.detach()

    def _directly(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        with self.fabric.autocast():
            self.delta = shared_deltas(
                self.network, images, labels, self.recipe, generator, self.delta, self.process_group
            )
            loss = update_loss(
                self.model if self.process_group.size > 1 else self.network, images, labels, self.delta, self.recipe
            )
        self.optimizer.zero_grad()
        self.fabric.backward(loss)
        return loss

    def _replayed(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        inputs = [images, labels]
        if self.recipe.sigma:
            start = _persistent(self.recipe, self.delta, len(images))
            inputs.append(self.recipe.attack.start(images, generator) if start is None else start)
        if self.recorded is None:
            self.recorded = capture(self._gradients, inputs, self.network)
        loss, *found = self.recorded(*inputs)
        gradients, self.delta = found[: len(self.parameters)], found[-1] if self.recipe.sigma else None
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = gradient
        return loss.clone()

    def _gradients(self, images: Tensor, labels: Tensor, start: Tensor | None = None) -> tuple[Tensor, ...]:
        """The loss, the gradient of each parameter, and the deltas if there are any."""
        with self.fabric.autocast():
            delta = None if start is None else self.recipe.attack(self.network, images, labels, start)
            loss = update_loss(self.network, images, labels, delta, self.recipe)
        gradients = torch.autograd.grad(loss, self.parameters, materialize_grads=True)
        return loss.detach(), *gradients, *(() if delta is None else (delta,))
