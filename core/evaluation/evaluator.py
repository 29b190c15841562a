"""One model on one held-out split: what every perturbation of it is measured by.

N images, K classes, C channels, H W height and width.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property

from torch import Tensor, nn

from core.attacks.objectives import Objective, Untargeted
from core.datasets import Split
from core.evaluation.report import Report, evaluate, predict


@dataclass(frozen=True, eq=False)
class Evaluator:
    """`Evaluator(model, split)(delta)` is the report on one perturbation (1,C,H,W), or on none.

    The clean predictions, which every report compares with, are made once. `classes` is K, needed for scenes;
    `predictions` are the clean ones (N) or (N,H,W) where they are known already.
    """

    model: nn.Module
    split: Split
    classes: int | None = None
    objective: Objective = field(default_factory=Untargeted)
    predictions: Tensor | None = field(default=None, repr=False)

    def __call__(self, delta: Tensor | None = None) -> Report:
        """The report on `model` under `delta` (1,C,H,W), or clean where it is None."""
        return evaluate(self.model, self.split, delta, self.objective, self.clean, self.classes)

    @cached_property
    def clean(self) -> Tensor:
        """The predictions without a perturbation: (N), or (N,H,W) for scenes."""
        return predict(self.model, self.split) if self.predictions is None else self.predictions

    def first(self, images: int) -> "Evaluator":
        """The same on the first so many images, or on all where there are fewer; the clean predictions are shared."""
        split = self.split.first(min(images, len(self.split)))
        return replace(self, split=split, predictions=self.clean[: len(split)])

    def aiming(self, objective: Objective) -> "Evaluator":
        """The same for another objective; the clean predictions are shared."""
        return replace(self, objective=objective, predictions=self.clean)
