"""Universal robustness: the smallest epsilon at which one perturbation breaks a model (Mummadi et al. 2019, section 5).

N images, C channels, H W height and width. Epsilon is in [0, 1].
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor, nn

from core.attacks.objectives import Objective, Untargeted
from core.datasets import Split
from core.numbers import at_least_one
from core.robustness.result import UNIT, Point, Robustness, rising
from core.robustness.trials import Trials

FINEST = 0.001 * UNIT
"""The smallest tolerance of a search."""


@dataclass(frozen=True)
class Search:
    """`Search()(model, crafting, held_out)` finds the universal robustness of a model.

    It brackets the breaking epsilon from `first` with growing strides, halves the bracket until it is `tolerance`
    wide, and steps away on both sides until n leaves no doubt (`Robustness.interval`). The first epsilon is attacked
    `restarts` times from random starts with `steps` steps each, every other one from the perturbation of the next
    smaller or larger epsilon, whichever does more on crafting images, rescaled to the new ball: as it is, and worked
    on with `warm_steps` steps. A perturbation is admissible at every larger epsilon, so success cannot fall as epsilon
    grows: where it seems to, the attack got stuck, and tries once more from a random start. The strongest perturbation
    found counts, be it that of a smaller epsilon.

    Success is what `objective` aims at: with a target its success rate, else the share misclassified (for scenes of
    pixels), on held-out images that no perturbation was crafted on. The strongest is chosen by that too, among few.
    Mind that of K equally frequent classes one is right even where everything looks like it: 75% needs K above 4.

    Raises ValueError for a level, strides or epsilons out of range, and for an aim that is nowhere to be seen.
    """

    level: float = 0.75
    objective: Objective = field(default_factory=Untargeted)
    first: float = 16 * UNIT
    highest: float = 64 * UNIT
    tolerance: float = 0.25 * UNIT
    restarts: int = 2
    steps: int = 100
    warm_steps: int = 40
    batch_size: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.level <= 1:
            raise ValueError(f"The level is a share above 0 and up to 1, and {self.level} was given.")
        if not FINEST <= self.tolerance <= self.first <= self.highest <= 1:
            given = ", ".join(f"{value / UNIT:.4g}/255" for value in (self.tolerance, self.first, self.highest))
            raise ValueError(
                f"Tolerance, first and highest epsilon must rise from {FINEST / UNIT:g}/255 to 255/255, not {given}."
            )
        counts = {"restarts": self.restarts, "steps": self.steps, "warm_steps": self.warm_steps}
        at_least_one(**counts, batch_size=self.batch_size)

    def __call__(
        self,
        model: nn.Module,
        crafting: Split,
        held_out: Split,
        classes: int | None = None,
        starts: Sequence[Tensor] = (),
        report: Callable[[Point], None] = lambda point: None,
        known: Mapping[float, Tensor] | None = None,
    ) -> Robustness:
        """The robustness of `model`; `report` hears of every point as soon as it is measured.

        `starts` are perturbations (1,C,H,W) that may work too, for example those that broke other models. They compete
        with what was crafted at the first epsilon, and again just below the epsilon that breaks the model: those few
        that do most on crafting images there, rescaled, as they are and worked on. `known` are the strongest
        perturbations of an earlier search by their epsilons: then this one goes on from them, and nothing starts at
        random. `classes` is K, for scenes.
        """
        trials = Trials(self, model, crafting, held_out, classes, starts, report)
        top = int(self.highest / self.tolerance + 1e-9)
        first = min(top, round(self.first / self.tolerance))
        low, high = trials.recalled(known, top) if known else trials.bracket(first, top)
        while True:
            while high is not None and high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if trials.broken(middle) else (middle, high)
            lower = trials.step_down(low)
            if lower is None:
                if not trials.starts_break(low):
                    break
                lower = trials.fall(low)
            low, high = trials.holds_below(lower), lower
        if high:
            trials.step_up(high, top)
        curve = rising([point for _, (point, _) in sorted(trials.known.items())])
        last = max(trials.known) if high is None else high
        epsilon = None if high is None else trials.known[high][0].epsilon
        delta = trials.known[last][1]
        return Robustness(self.level, self.tolerance, epsilon, curve, len(crafting), self.seed, delta)
