"""The configuration of a training run: what `config.json` records, and what a run of the grid is."""

import math
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, Literal, get_args

from core.attacks.objectives import LOSS_CAP, Untargeted
from core.attacks.pgd import PGD
from core.numbers import above_zero, at_least_one, fraction, units_of_255
from core.threat import Budget

Norm = Literal["separate", "frozen"]
"""Which statistics a batch norm uses for a weight update: those of attacked and of clean images by themselves, or
those that it has, which then stay as they are. None: of attacked and clean images together."""


@dataclass(frozen=True)
class Recipe:
    """The whole configuration of a training run; epsilon is in n/255, `step_size` in units of epsilon.

    sigma 0 is standard training and uses none of the attack's settings. `start` is the model folder whose weights are
    trained further, or `imagenet` (timm, smp encoders); None trains from scratch. Raises ValueError that names what was
    given and what fits.

    Five settings are not in the paper, and by default they do nothing. `shrink`: after the ascent each delta is
    multiplied by a factor drawn uniformly from `1 - shrink` to 1. `step_spread`: the step size of each heap is
    `step_size` times 2 to the power of a number drawn uniformly from `-step_spread` to `step_spread`. `norm`: see
    `Norm`. `jacobian`: the weight of Jacobian regularisation on clean images (`core.training.step.jacobian_norm`), as
    Co et al. 2021 use it against universal perturbations. `classwise`: in place of one delta for each heap, one for
    each class, which all its images in the mini-batch share (Benz et al. 2021); heap is then the mini-batch.
    """

    data: str
    architecture: str = "resnet20"
    sigma: float = 0.0
    heap: int = 1
    epsilon: float = 0.0
    steps: int = 4
    step_size: float = 0.5
    loss_cap: float = LOSS_CAP
    persist: bool = False
    shrink: float = 0.0
    step_spread: float = 0.0
    norm: Norm | None = None
    jacobian: float = 0.0
    classwise: bool = False
    epochs: int = 30
    batch_size: int = 128
    learning_rate: float = 0.2
    momentum: float = 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.0
    warmup: float = 0.15
    images: int | None = None
    start: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        images = 1 if self.images is None else self.images
        at_least_one(epochs=self.epochs, batch_size=self.batch_size, steps=self.steps, heap=self.heap, images=images)
        fraction(
            sigma=self.sigma,
            label_smoothing=self.label_smoothing,
            warmup=self.warmup,
            weight_decay=self.weight_decay,
            shrink=self.shrink,
        )
        above_zero(learning_rate=self.learning_rate, step_size=self.step_size, loss_cap=self.loss_cap)
        if not 0 <= self.step_spread <= 8:
            raise ValueError(f"step_spread must lie between 0 and 8 octaves, and {self.step_spread} was given.")
        if not 0 <= self.jacobian < math.inf:
            raise ValueError(f"The weight of the Jacobian is at least 0 and finite, and {self.jacobian} was given.")
        if self.norm not in (None, *get_args(Norm)):
            raise ValueError(f"norm is one of {', '.join(get_args(Norm))}, and {self.norm!r} was given.")
        if self.norm == "frozen" and not self.start:
            raise ValueError("Frozen batch norms need trained weights to start from, and no start was given.")
        if not 0 < self.momentum < 1:
            raise ValueError(f"momentum must lie between 0 and 1, both excluded, and {self.momentum} was given.")
        if self.seed not in range(2**32):  # a folder's name ends with it, and numpy's generators take these
            raise ValueError(f"seed must be a whole number from 0 to 2**32 - 1, and {self.seed} was given.")
        units_of_255(self.epsilon)
        if self.sigma and not self.epsilon:
            raise ValueError("Adversarial training (sigma > 0) needs an epsilon above 0; give for example 8 for 8/255.")
        if self.sigma and self.heap > self.batch_size:
            raise ValueError(f"A heap of {self.heap} does not fit in a mini-batch of {self.batch_size} images.")
        if self.classwise and self.heap != self.batch_size:
            raise ValueError(
                f"Class-wise deltas are shared by the whole mini-batch of {self.batch_size} images, and a heap of "
                f"{self.heap} was given; leave the heap out."
            )

    @property
    def name(self) -> str:
        """The folder's name: `standard`, or like `shared-s64-e16-w0.5` (sharedness, epsilon, sigma).

        Class-wise deltas say so, persistent deltas add their number of steps, then comes the weight of the Jacobian,
        last seeds other than 0: `shared-s64-e16-w0.5-persistent1-r2`, `standard-jacobian0.01`.
        """
        kind = f"shared-s{self.heap}-e{self.epsilon:.4g}-w{self.sigma:.4g}" if self.sigma else "standard"
        kind += "-classwise" if self.sigma and self.classwise else ""
        kind += f"-persistent{self.steps}" if self.sigma and self.persist else ""
        kind += f"-jacobian{self.jacobian:.4g}" if self.jacobian else ""
        return f"{kind}-r{self.seed}" if self.seed else kind

    @property
    def attack(self) -> PGD:
        """The inner maximisation: one capped, untargeted delta for each heap."""
        return PGD(Budget.from_255(self.epsilon), Untargeted(self.loss_cap), self.steps, self.step_size, self.heap)

    @property
    def passes(self) -> int:
        """How often an image goes forward and back in one update: ascent steps, attacked, clean, and the Jacobian (2).

        >>> Recipe("signs").passes, Recipe("signs", sigma=0.5, epsilon=8).passes
        (1, 6)
        """
        attacked = self.steps + 1 if self.sigma else 0
        return attacked + (self.sigma < 1) + 2 * (self.jacobian > 0)

    def matches(self, stored: Mapping[str, Any]) -> bool:
        """Whether a configuration file's recipe is this one; settings younger than the file have their defaults."""
        return with_defaults(stored) == asdict(self)


def with_defaults(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a stored recipe; those younger than its file have their defaults."""
    return {field.name: field.default for field in fields(Recipe) if field.default is not MISSING} | dict(stored)
