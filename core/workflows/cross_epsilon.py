"""The stored perturbations of one model, and those of other models, compete at every strength that it was measured at.

An attack from a random start can end where it is easy to get to and goes no further; the perturbation of another
strength may then do more, larger or smaller made, and so may that of another model. So no strength is left with less
than they offer, rescaled.

M deltas, C channels, H W height and width. Epsilons are in units of 1/255 here.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from torch import Tensor, nn

from core.attacks.spgd import SPGD
from core.checkpoints import perturbations
from core.checkpoints.results import Measurement
from core.datasets import Split
from core.evaluation.report import Report, evaluate, predict
from core.robustness.result import success
from core.robustness.transfer import TransferredDeltas
from core.threat import Budget

Candidates = dict[float, Tensor]
"""The strongest perturbation (1,C,H,W) known of each size."""


class CrossEpsilonTransfer:
    """Tries the candidates at other sizes than their own.

    Which one is stronger is decided on `judges` of the held-out images, the first ones; what is stored is measured on
    all. A rival that does more than what is known is worked on by `attack`, and the better of the two kept. Of the
    `transferred` perturbations the one that does most on crafting images competes. `classes` is K.
    """

    def __init__(
        self,
        model: nn.Module,
        crafting: Split,
        held_out: Split,
        judges: int,
        attack: SPGD,
        classes: int,
        transferred: TransferredDeltas | None = None,
    ) -> None:
        self.model, self.crafting, self.held_out, self.attack, self.classes = model, crafting, held_out, attack, classes
        self.transferred = transferred
        self.judges = held_out.first(min(judges, len(held_out)))
        self.clean = predict(model, held_out)

    def measurements(
        self, known: Iterable[Measurement], candidates: Candidates, report: Callable[[str], None], settled: bool = False
    ) -> list[Measurement]:
        """The untargeted measurements, each with the strongest perturbation; new ones are added to `candidates`.

        From the largest down each looks at two larger ones, a smaller one and a transferred one, then from the smallest
        up at the one below it. Where the candidates have competed before (`settled`), only new ones are looked at.
        """
        found = {measurement.epsilon: measurement for measurement in known}
        old = set(candidates) if settled else set()
        for epsilons, above, transferred in ((sorted(found, reverse=True), 2, True), (sorted(found), 0, False)):
            for epsilon in epsilons:
                better = self._better(
                    candidates[epsilon], self._rivals(candidates, old, epsilon, above, transferred), epsilon
                )
                if better is None:
                    continue
                _, delta = better
                whole = evaluate(self.model, self.held_out, delta, None, self.clean, self.classes)
                before = found[epsilon]
                if success(whole) > success(before.report):
                    found[epsilon] = replace(before, report=whole, steps=before.steps + self.attack.steps)
                    candidates[epsilon] = delta
                    old.discard(epsilon)
                    report(f"{epsilon}/255: {success(whole):.1%} wrong in place of {success(before.report):.1%}")
        return [found[epsilon] for epsilon in sorted(found)]

    def _rivals(
        self, candidates: Candidates, old: set[float], epsilon: float, above: int, transferred: bool
    ) -> list[Tensor]:
        """The candidates next to this size, one smaller and `above` larger, rescaled, and a transferred one.

        Without those of the `old` sizes, which have competed here before.
        """
        budget = Budget.from_255(epsilon)
        larger = sorted(size for size in candidates if size > epsilon)[:above]
        smaller = sorted((size for size in candidates if size < epsilon), reverse=True)[:1]
        found = [budget.rescale(candidates[size]) for size in (*larger, *smaller) if size not in old]
        return found + (self.transferred.best(budget, 1) if transferred and self.transferred else [])

    def _better(self, known: Tensor, rivals: list[Tensor], epsilon: float) -> tuple[Report, Tensor] | None:
        """The strongest rival, if it does more than what is known, and worked on."""
        tried = [self._tried(delta) for delta in rivals]
        best = max(tried, key=lambda one: success(one[0]), default=None)
        if best is None or success(best[0]) <= success(self._judged(known)):
            return None
        attack = replace(self.attack, budget=Budget.from_255(epsilon))
        worked = self._tried(attack.craft(self.model, self.crafting, best[1]))
        return max(best, worked, key=lambda one: success(one[0]))

    def _tried(self, delta: Tensor) -> tuple[Report, Tensor]:
        """What a delta does in whole units of 1/255, as it is stored."""
        delta = perturbations.quantise(delta).cpu() / 255
        return self._judged(delta), delta

    def _judged(self, delta: Tensor) -> Report:
        return evaluate(self.model, self.judges, delta, None, self.clean[: len(self.judges)], self.classes)
