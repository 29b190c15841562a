"""The stored perturbations of one model compete at every strength that it was measured at, rescaled.

An attack from a random start can end where it is easy to get to and goes no further; the perturbation of another
strength may then do more, larger or smaller made. So no strength is left with less than its neighbours offer.

M deltas, C channels, H W height and width. Epsilons are in units of 1/255 here.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from torch import Tensor, nn

from core import perturbations
from core.attacks.universal import SPGD
from core.breaking import UNIT, success
from core.datasets import Split
from core.evaluation import Report, evaluate, predict
from core.results import Measurement
from core.threat import Budget

Pool = dict[float, Tensor]
"""The strongest perturbation (1,C,H,W) known of each size."""


class Exchange:
    """Tries the perturbations of a pool at other sizes than their own.

    Which one is stronger is decided on `judges` of the held-out images, the first ones; what is stored is measured on
    all. A rival that does more than what is known is worked on by `attack`, and the better of the two kept. `classes`
    is K.
    """

    def __init__(
        self, model: nn.Module, crafting: Split, held_out: Split, judges: int, attack: SPGD, classes: int
    ) -> None:
        self.model, self.crafting, self.held_out, self.attack, self.classes = model, crafting, held_out, attack, classes
        self.judges = held_out.first(min(judges, len(held_out)))
        self.clean = predict(model, held_out)

    def measurements(
        self, known: Iterable[Measurement], pool: Pool, report: Callable[[str], None]
    ) -> list[Measurement]:
        """The untargeted measurements, each with the strongest perturbation; `pool` learns of those that are new.

        From the largest down each looks at two larger ones and a smaller one, then from the smallest up at the one
        below it.
        """
        found = {measurement.epsilon: measurement for measurement in known}
        for epsilons, above, below in ((sorted(found, reverse=True), 2, 1), (sorted(found), 0, 1)):
            for epsilon in epsilons:
                own = success(self._judged(pool[epsilon]))
                better = self._better(pool, epsilon, own, above, below)
                if better is None:
                    continue
                _, delta = better
                whole = evaluate(self.model, self.held_out, delta, None, self.clean, self.classes)
                before = found[epsilon]
                if success(whole) > success(before.report):
                    found[epsilon] = replace(before, report=whole, steps=before.steps + self.attack.steps)
                    pool[epsilon] = delta
                    report(f"{epsilon}/255: {success(whole):.1%} wrong in place of {success(before.report):.1%}")
        return [found[epsilon] for epsilon in sorted(found)]

    def _better(self, pool: Pool, epsilon: float, known: float, above: int, below: int) -> tuple[Report, Tensor] | None:
        """The strongest at this size of its neighbours in the pool, if it does more than `known`, and worked on."""
        larger = sorted(size for size in pool if size > epsilon)[:above]
        smaller = sorted((size for size in pool if size < epsilon), reverse=True)[:below]
        budget = Budget(epsilon * UNIT)
        tried = [self._tried(budget.rescale(pool[size])) for size in (*larger, *smaller)]
        best = max(tried, key=lambda one: success(one[0]), default=None)
        if best is None or success(best[0]) <= known:
            return None
        worked = self._tried(replace(self.attack, budget=budget).craft(self.model, self.crafting, best[1]))
        return max(best, worked, key=lambda one: success(one[0]))

    def _tried(self, delta: Tensor) -> tuple[Report, Tensor]:
        """What a delta does in whole units of 1/255, as it is stored."""
        delta = perturbations.quantise(delta).cpu() / 255
        return self._judged(delta), delta

    def _judged(self, delta: Tensor) -> Report:
        return evaluate(self.model, self.judges, delta, None, self.clean[: len(self.judges)], self.classes)
