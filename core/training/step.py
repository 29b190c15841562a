"""One update of the weights by a mini-batch: the deltas of its heaps, then a step on clean and attacked images.

N images, M deltas, C channels, H W height and width. Source: Mummadi, Brox, Metzen, ICCV 2019, section 3.
"""

from functools import partial
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.modules.batchnorm import _BatchNorm

from core.attacks.pgd import frozen
from core.datasets.labels import ignore_index
from core.distributed import ALONE, ProcessGroup
from core.threat import apply
from core.training.ascent import Ascent
from core.training.cudagraph import Work, capture
from core.training.recipe import Recipe

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def update_loss(forward: nn.Module, images: Tensor, labels: Tensor, delta: Tensor | None, recipe: Recipe) -> Tensor:
    """The outer minimisation: sigma * L(x + delta, y) + (1 - sigma) * L(x, y).

    Attacked and clean images go forward together, unless batch norms are to see them apart (`Recipe.norm`).
    """
    kinds: dict[str, Any] = {"ignore_index": ignore_index(labels), "label_smoothing": recipe.label_smoothing}
    if delta is None:
        return cross_entropy(forward(images).float(), labels, **kinds)
    attacked = apply(images, delta)
    if recipe.sigma == 1:
        return cross_entropy(forward(attacked).float(), labels, **kinds)
    if recipe.norm == "separate":
        halves = [forward(attacked), forward(images)]
    else:
        halves = list(forward(torch.cat([attacked, images])).chunk(2))
    under_attack, clean = (cross_entropy(logits.float(), labels, **kinds) for logits in halves)
    return recipe.sigma * under_attack + (1 - recipe.sigma) * clean


def jacobian_norm(forward: nn.Module, images: Tensor, directions: Tensor) -> Tensor:
    """An estimate of the mean squared Frobenius norm of the Jacobian of the logits by each image, to be differentiated.

    `directions` (N,K) or (N,K,H,W), like the logits, are random and of length 1 along the classes. Source: Hoffman,
    Roberts, Yaida 2019, algorithm 1 with one projection.
    """
    images = images.detach().requires_grad_()
    along = (forward(images).float() * directions).sum()
    (gradient,) = torch.autograd.grad(along, images, create_graph=True)
    return directions.shape[1] * gradient.float().square().sum() / len(images)


def records(device: torch.device, process_group: ProcessGroup) -> bool:
    """Whether the work of a mini-batch can be a CUDA graph."""
    return device.type == "cuda" and process_group.size == 1


def compile_passes(network: nn.Module) -> nn.Module:
    """The network with its passes compiled for images of one shape, each when it is first needed, which takes minutes.

    Weights and statistics are the network's own. Results differ in rounding.
    """
    cuda = next(network.parameters()).is_cuda
    mode = "max-autotune-no-cudagraphs" if cuda else None
    return cast(nn.Module, torch.compile(network, dynamic=False, mode=mode))


class Update:
    """One update of the weights by a mini-batch, with its `graph` recorded at the first whole one.

    With `compiled` the passes of whole mini-batches are compiled. Raises ValueError where that cannot be.
    """

    def __init__(
        self,
        fabric: "Fabric",
        model: Any,
        optimizer: Any,
        recipe: Recipe,
        process_group: ProcessGroup = ALONE,
        graph: bool = False,
        compiled: bool = False,
    ) -> None:
        self.fabric, self.model, self.optimizer, self.recipe = fabric, model, optimizer, recipe
        self.process_group = process_group
        self.ascent = Ascent(recipe, process_group) if recipe.sigma else None
        self.network = model.module  # in mixed precision Fabric's wrapper lets nobody else differentiate
        self.forward = model if process_group.size > 1 else self.network
        self.parameters = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        if recipe.jacobian and process_group.size > 1:
            raise ValueError("The Jacobian is regularised in one process only; leave torchrun or --jacobian out.")
        if recipe.classwise and process_group.size > 1:
            raise ValueError("Class-wise deltas need a single process; leave torchrun or --classwise out.")
        if compiled and (recipe.jacobian or process_group.size > 1):
            reason = "the Jacobian is not regularised" if recipe.jacobian else "one process trains"
            raise ValueError(f"Passes can be compiled only where {reason}; leave --compile out.")
        self.compiled = compile_passes(self.network) if compiled else None
        self.graph = graph
        self.recorded: Work | None = None
        self.delta: Tensor | None = None
        self.outputs: torch.Size | None = None

    def begin(self) -> None:
        """A new epoch, which is to run alike whether it follows another or a resumed run begins with it."""
        self.delta = None
        self.model.train()
        if self.recipe.norm == "frozen":
            for module in self.network.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()

    def __call__(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """The loss, which later updates leave alone."""
        classes = self._outputs(images)[0] if self.recipe.classwise else 0
        drawn = self.ascent.draw(images, generator, self.delta, classes) if self.ascent else {}
        if self.recipe.jacobian:
            drawn["directions"] = self._directions(images, generator)
        if self.graph and len(images) == self.recipe.batch_size:
            loss = self._replayed(images, labels, drawn)
        else:
            loss = self._directly(images, labels, drawn)
        self.optimizer.step()
        return loss.detach()

    def _directly(self, images: Tensor, labels: Tensor, drawn: dict[str, Tensor]) -> Tensor:
        loss, self.delta = self._loss(images, labels, drawn)
        self.optimizer.zero_grad()
        self.fabric.backward(loss)
        return loss

    def _replayed(self, images: Tensor, labels: Tensor, drawn: dict[str, Tensor]) -> Tensor:
        if self.recorded is None:
            self.recorded = capture(
                partial(self._gradients, tuple(drawn)), [images, labels, *drawn.values()], self.network
            )
        loss, *found = self.recorded(images, labels, *drawn.values())
        gradients, self.delta = found[: len(self.parameters)], found[-1] if self.ascent else None
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = gradient
        return loss.clone()

    def _gradients(self, names: tuple[str, ...], images: Tensor, labels: Tensor, *drawn: Tensor) -> tuple[Tensor, ...]:
        """The loss, the gradient of each parameter, and the deltas if there are any."""
        loss, delta = self._loss(images, labels, dict(zip(names, drawn, strict=True)))
        gradients = torch.autograd.grad(loss, self.parameters, materialize_grads=True)
        return loss.detach(), *gradients, *(() if delta is None else (delta,))

    def _loss(self, images: Tensor, labels: Tensor, drawn: dict[str, Tensor]) -> tuple[Tensor, Tensor | None]:
        """The loss of the weights, and the deltas where the ascent ended."""
        drawn = dict(drawn)
        directions = drawn.pop("directions", None)
        network, forward = self.network, self.forward
        if self.compiled is not None and len(images) == self.recipe.batch_size:
            network = forward = self.compiled
        with self.fabric.autocast():
            delta, applied = self.ascent(network, images, labels, **drawn) if self.ascent else (None, None)
            loss = update_loss(forward, images, labels, applied, self.recipe)
            if directions is not None:
                loss = loss + self.recipe.jacobian / 2 * jacobian_norm(self.network, images, directions)
            return loss, delta

    def _directions(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Random directions of length 1 in the space of the logits of these images."""
        drawn = torch.randn((len(images), *self._outputs(images)), generator=generator, device=generator.device)
        return (drawn / drawn.norm(dim=1, keepdim=True)).to(images.device)

    def _outputs(self, images: Tensor) -> torch.Size:
        """The shape of the logits of an image: (K), or (K,H,W)."""
        if self.outputs is None:
            with torch.no_grad(), frozen(self.network):
                self.outputs = self.network(images[:1]).shape[1:]
        return self.outputs
