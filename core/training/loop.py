"""One training loop: standard, and shared adversarial with any heap (Mummadi, Brox, Metzen, ICCV 2019, section 3).

N images, C channels, H W height and width. Heap 1 is standard adversarial training, a heap of the whole mini-batch
universal adversarial training. The weights are updated on sigma * L(x + delta, y) + (1 - sigma) * L(x, y).
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from core.datasets import Split
from core.datasets.labels import IGNORE
from core.distributed import ProcessGroup, processes
from core.runtime import Precision, default_precision
from core.training.augment import augment
from core.training.recipe import Recipe
from core.training.resume import ResumeFile
from core.training.step import Update, records

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@dataclass(frozen=True)
class Progress:
    """Where a run stands after a mini-batch: `done` of `total` batches over all epochs, and images per second."""

    epoch: int
    done: int
    total: int
    loss: float
    images_per_second: float


class Diverged(RuntimeError):
    """The loss became infinite or undefined."""


def learning_rate(recipe: Recipe, done: int, total: int) -> float:
    """The rate before batch `done` of `total`: up along a line for the fraction `warmup`, then down to zero."""
    progress = (done + 0.5) / total
    rising = progress / recipe.warmup if recipe.warmup else 1.0
    return recipe.learning_rate * min(rising, (1 - progress) / max(1 - recipe.warmup, 1e-9))


def jump(history: Sequence[Mapping[str, float]]) -> str:
    """Where a training lost what it had: the first epoch whose mean loss is over twice the lowest before; else empty.

    Such a run may recover, yet its model is mostly worse than that of another seed or a lower learning rate. `history`
    is what `train` returns.
    """
    for number in range(1, len(history)):
        before = min(epoch["loss"] for epoch in history[:number])
        if history[number]["loss"] > 2 * before:
            now = history[number]
            return f"the loss jumped from {before:.3f} to {now['loss']:.3f} in epoch {now['epoch']}"
    return ""


def train(
    model: nn.Module,
    split: Split,
    recipe: Recipe,
    *,
    resume: Path,
    mirror: bool = False,
    device: str = "auto",
    precision: Precision | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
    started_from: str | None = None,
    graph: bool | None = None,
    compiled: bool = False,
) -> list[dict[str, float]]:
    """Train `model` in place on `split`; returns for each epoch its mean loss, seconds and images per second.

    After each epoch everything needed goes to the file `resume`; a run that was killed and is started again with the
    same recipe, from the same weights (`started_from` is their sha256), goes on from there and ends with the same
    weights. Raises Diverged on a loss that is not finite.

    `graph` records the work of a mini-batch as a CUDA graph, which spares launching its kernels one by one; None: on a
    GPU, for one process. The mini-batch that is smaller than the others, and what cannot be recorded, runs without.
    `compiled` has the passes of the network compiled by `torch.compile`, except for that mini-batch too.

    Under torchrun every process takes an equal part of each mini-batch; a heap may span them (see `PGD`). Raises
    ValueError where the mini-batch cannot be divided by them, or where deltas are persistent; where a graph or
    compiling is asked for that cannot be; and where nothing is labelled, or a process would get no image.
    """
    fabric = _fabric(recipe, device, precision)
    process_group = ProcessGroup(fabric.global_rank, fabric.world_size)
    network = model.to(fabric.device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.SGD(
        _groups(network, recipe.weight_decay), lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=True
    )
    state = ResumeFile(resume, asdict(recipe) | {"start": started_from})
    first, history = state.load(network, optimizer)
    trained, optimizer = fabric.setup(network, optimizer)
    data = _labelled(split).to(fabric.device)
    if len(data) < process_group.size:
        raise ValueError(f"{process_group.size} processes need as many training images, and there are {len(data)}.")
    able = records(fabric.device, process_group)
    if graph and not able:
        raise ValueError(
            f"A CUDA graph needs one process on a GPU, and here run {process_group.size} on {fabric.device.type}."
        )
    if recipe.classwise and data.labels.ndim > 1:
        raise ValueError("Class-wise deltas need one label for each image, and scenes have one for each pixel.")
    update = Update(fabric, trained, optimizer, recipe, process_group, able and graph is not False, compiled)
    for epoch in range(first, recipe.epochs):
        with _small_batches_named(len(data), recipe.batch_size):
            history.append(_epoch(fabric, update, data, epoch=epoch, mirror=mirror, report=report))
        if process_group.rank == 0:
            state.save(network, optimizer, epoch + 1, history)
        fabric.barrier()
    network.eval()
    return history


def _fabric(recipe: Recipe, device: str, precision: Precision | None) -> "Fabric":
    """Fabric on all processes that were started. Raises ValueError where the recipe cannot be divided by them."""
    from lightning_fabric import Fabric  # here, since importing it takes seconds

    (here, machines), kind = processes(), precision or default_precision(device)
    if recipe.batch_size % (here * machines):
        raise ValueError(f"A mini-batch of {recipe.batch_size} cannot be divided by {here * machines} processes.")
    if recipe.persist and here * machines > 1:
        raise ValueError(f"Persistent deltas need a single process, and {here * machines} were started.")
    strategy = "ddp" if here * machines > 1 else "auto"
    fabric = Fabric(accelerator=device, devices=here, num_nodes=machines, strategy=strategy, precision=kind)
    if here * machines > 1:
        fabric.launch()
    return fabric


@contextmanager
def _small_batches_named(images: int, batch_size: int) -> Iterator[None]:
    """Say which mini-batches are too small where a batch norm refuses the one image that it gets."""
    try:
        yield
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise ValueError(
            f"The batch norms of this model need at least 2 images in each process's part of a mini-batch, and "
            f"{images} images in mini-batches of {batch_size} give it 1."
        ) from error


def _epoch(
    fabric: "Fabric",
    update: Update,
    data: Split,
    *,
    epoch: int,
    mirror: bool,
    report: Callable[[Progress], None],
) -> dict[str, float]:
    """One pass over the data. All chance is a function of seed and epoch, so that a resumed run repeats it."""
    recipe, process_group = update.recipe, update.process_group
    generator = torch.Generator(fabric.device).manual_seed(recipe.seed * 100_003 + epoch)
    order = torch.randperm(len(data), generator=generator, device=fabric.device)
    batches = _batches(order, recipe.batch_size, process_group.size)
    total, started, losses = recipe.epochs * len(batches), time.perf_counter(), []
    update.begin()
    for number, index in enumerate(batches):
        done = epoch * len(batches) + number
        for group in update.optimizer.param_groups:
            group["lr"] = learning_rate(recipe, done, total)
        if process_group.size > 1:  # equal shards; what does not divide was left out
            index = index[process_group.shard(len(index))]
        images, labels = augment(data.images[index], data.labels[index].long(), mirror, generator, process_group)
        images = (images.float() / 255).contiguous(memory_format=torch.channels_last)
        losses.append(update(images, labels, generator))
        if number % 20 == 19 or number + 1 == len(batches):
            recent = _finite(torch.stack(losses[-20:]).mean().item(), epoch + 1)
            rate = (number + 1) * recipe.batch_size / (time.perf_counter() - started)
            report(Progress(epoch + 1, done + 1, total, recent, rate))
    seconds = time.perf_counter() - started
    return {
        "epoch": epoch + 1,
        "loss": round(torch.stack(losses).mean().item(), 6),
        "seconds": round(seconds, 2),
        "images_per_second": round(len(data) / seconds, 1),
    }


def _finite(loss: float, epoch: int) -> float:
    """The loss itself. Raises Diverged where it is infinite or undefined."""
    if not math.isfinite(loss):
        raise Diverged(
            f"The loss became {loss} in epoch {epoch}; use a lower learning rate, and if that does not help look at "
            "the images and labels."
        )
    return loss


def _batches(order: Tensor, size: int, processes: int) -> list[Tensor]:
    """Image numbers (N) in mini-batches; what is left over and gives a process a single image is for another epoch.

    A batch norm cannot learn from one value a channel, which is what one image is to it where a network has pooled.
    What the processes cannot divide equally is left out too.
    """
    batches = list(order.split(min(size, len(order))))
    if len(batches) > 1 and len(batches[-1]) < min(2 * processes, size):
        batches.pop()
    return [index[: len(index) - len(index) % processes] for index in batches]


def _labelled(split: Split) -> Split:
    """The images with anything to learn from: of scenes those with a labelled pixel. Raises ValueError for none."""
    if split.labels.ndim == 1:
        return split
    found = (split.labels != IGNORE).flatten(1).any(1)
    if not found.any():
        raise ValueError(f"None of the {len(split)} training scenes has a labelled pixel (255 means: no class).")
    return split if found.all() else Split(split.images[found], split.labels[found])


def _groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Convolutions and matrices decay, biases and norms do not."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
