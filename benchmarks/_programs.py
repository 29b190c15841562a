"""The universal attacks that attack_speed compares: each takes a `Task` and shows every delta it makes to a watch.

N images, C channels, H W height and width, K classes. A delta is (1,C,H,W) in [-epsilon, epsilon]. The peers' libraries
are imported where they are used, so that each program runs without the others' packages.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from core.attacks.base import mini_batches
from core.attacks.spgd import SPGD
from core.datasets import Split
from core.runtime import Precision
from core.threat import Budget, apply

STEP = 0.5
"""Step of the plain loop and of the wrapped libraries, in units of epsilon."""

Watch = Callable[[Tensor], None]
"""Is shown each new delta; raises an exception of its own to end the program."""


@dataclass(frozen=True)
class Task:
    """What every program is given: crafting images (N,C,H,W) in [0, 1] with labels (N), and the settings."""

    model: nn.Module
    split: Split
    images: Tensor
    labels: Tensor
    classes: int
    budget: Budget
    batch: int
    steps: int
    passes: int
    target: int
    seed: int = 0

    @property
    def epsilon(self) -> float:
        return self.budget.epsilon


def ours(task: Task, watch: Watch, precision: Precision = "32-true") -> None:
    """PlainSight's S-PGD with its defaults, out of `steps` steps; every step of the stream is shown.

    In 32 bits like all others; `ours-16` is as it runs by itself on hardware that multiplies 16 bits natively.
    """
    attack = SPGD(task.budget, steps=task.steps, seed=task.seed, precision=precision)
    for step in attack.stream(task.model, task.split, track=False):
        watch(step.delta)


def plain(task: Task, watch: Watch) -> None:
    """S-PGD as anyone would write it: mini-batches, sign steps of epsilon / 2 on the cross-entropy, projection."""
    delta = torch.zeros_like(task.images[:1])
    while True:
        for index in torch.randperm(len(task.images)).split(task.batch):
            delta.requires_grad_()
            logits = task.model((task.images[index] + delta).clamp(0, 1))
            (gradient,) = torch.autograd.grad(cross_entropy(logits, task.labels[index]), delta)
            delta = delta.detach() + STEP * task.epsilon * gradient.sign()
            delta = delta.clamp(-task.epsilon, task.epsilon)
            watch(delta)


def art(task: Task, watch: Watch) -> None:
    """ART's UniversalPerturbation (Moosavi-Dezfooli et al. 2017) with FGSM steps of epsilon, `passes` passes.

    Without labels, so that it aims away from the model's own predictions, which is what is measured.
    """
    from art.attacks.evasion import universal_perturbation as module

    attack = module.UniversalPerturbation(
        _art_classifier(task),
        attacker="fgsm",
        attacker_params={"eps": task.epsilon},
        max_iter=task.passes,
        eps=task.epsilon,
        verbose=False,
    )
    watch(torch.zeros_like(task.images[:1]))  # where it starts
    with mock.patch.object(module, "projection", _shown(module.projection, watch, task)):
        attack.generate(task.images.cpu().numpy())


def art_targeted(task: Task, watch: Watch) -> None:
    """ART's TargetedUniversalPerturbation (Hirano and Takemoto 2020) with FGSM steps of epsilon to one class."""
    from art.attacks.evasion import targeted_universal_perturbation as module

    attack = module.TargetedUniversalPerturbation(
        _art_classifier(task),
        attacker="fgsm",
        attacker_params={"eps": task.epsilon, "targeted": True},
        max_iter=task.passes,
        eps=task.epsilon,
    )
    wanted = one_hot(torch.full_like(task.labels, task.target), task.classes).cpu().numpy()
    watch(torch.zeros_like(task.images[:1]))  # where it starts
    with mock.patch.object(module, "projection", _shown(module.projection, watch, task)):
        attack.generate(task.images.cpu().numpy(), wanted)


def _art_classifier(task: Task) -> Any:
    from art.estimators.classification import PyTorchClassifier

    return PyTorchClassifier(
        task.model,
        nn.CrossEntropyLoss(),
        input_shape=tuple(task.images.shape[1:]),
        nb_classes=task.classes,
        clip_values=(0.0, 1.0),
        device_type="cpu" if task.images.device.type == "cpu" else "gpu",
    )


def _shown(projection: Callable[..., Any], watch: Watch, task: Task) -> Callable[..., Any]:
    """ART's projection that also shows its result, the new perturbation, to the watch."""

    def project(*arguments: Any, **options: Any) -> Any:
        noise = projection(*arguments, **options)
        watch(torch.from_numpy(noise).to(task.images))
        return noise

    return project


class SharedDelta(nn.Module):
    """A classifier whose input is the delta: a picture (1,C,H,W) in [0, 1], where 0 is -epsilon and 1 is +epsilon.

    That cube is exactly the epsilon ball: a library that keeps pictures in [0, 1], starting from grey with a budget of
    0.5, projects as it should. Each forward pass takes the next `batch` crafting images and gives their logits
    (batch,K), turned so that the true class is class 0: then the labels are the same zeros at every step, though the
    images change, and the library's own loop runs from start to end in one call.
    """

    def __init__(self, task: Task, watch: Watch, batch: int) -> None:
        super().__init__()
        if len(task.images) % batch:
            raise ValueError(f"{len(task.images)} crafting images do not part into mini-batches of {batch}.")
        self.model, self.task, self.watch = task.model, task, watch
        self.batches = mini_batches(len(task.images), batch, task.seed)
        self.grey = torch.full_like(task.images[:1], 0.5)
        self.zeros = torch.zeros_like(task.labels[:batch])

    def forward(self, picture: Tensor) -> Tensor:
        delta = (2 * picture - 1) * self.task.epsilon
        self.watch(delta)
        index = next(self.batches)
        logits = self.model(apply(self.task.images[index], delta))
        classes = torch.arange(self.task.classes, device=logits.device)
        return logits.gather(1, (self.task.labels[index, None] + classes) % self.task.classes)


def torchattacks(task: Task, watch: Watch, batch: int | None = None) -> None:
    """PGD of torchattacks on `SharedDelta`: one call from a random start, steps of epsilon / 2."""
    from torchattacks import PGD

    wrapped = SharedDelta(task, watch, batch or len(task.images)).eval()
    PGD(wrapped, eps=0.5, alpha=STEP / 2, steps=1_000_000, random_start=True)(wrapped.grey, wrapped.zeros)


def foolbox(task: Task, watch: Watch, batch: int | None = None) -> None:
    """LinfPGD of foolbox on `SharedDelta`: one run from a random start, steps of epsilon / 2."""
    from foolbox import PyTorchModel
    from foolbox.attacks import LinfPGD

    wrapped = SharedDelta(task, watch, batch or len(task.images)).eval()
    model = PyTorchModel(wrapped, bounds=(0, 1), device=task.images.device)
    attack = LinfPGD(abs_stepsize=STEP / 2, steps=1_000_000, random_start=True)
    attack.run(model, wrapped.grey, wrapped.zeros, epsilon=0.5)


def programs(batch: int) -> dict[str, Callable[[Task, Watch], None]]:
    """Every program by its name, in the order of the table."""
    return {
        "ours": ours,
        "ours-16": partial(ours, precision="bf16-mixed"),
        "plain": plain,
        "art": art,
        "art-targeted": art_targeted,
        "torchattacks": torchattacks,
        "foolbox": foolbox,
        "torchattacks-mini": partial(torchattacks, batch=batch),
        "foolbox-mini": partial(foolbox, batch=batch),
    }
