"""Cross-epsilon transfer: stored perturbations, and those of other models, compete at every epsilon of the curve.

An attack from a random start can get stuck where that is easy to reach. The perturbation of another epsilon, rescaled,
may then do more, and so may that of another model. After the transfer no stored perturbation is weaker than they are.

C channels, H W height and width. Epsilons are in n/255 here.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from torch import Tensor

from core.attacks.spgd import SPGD
from core.checkpoints import perturbations
from core.checkpoints.results import Measurement
from core.datasets import Split
from core.evaluation.evaluator import Evaluator
from core.evaluation.report import Report
from core.robustness.candidate import Candidate, Candidates
from core.robustness.result import success
from core.robustness.transfer import TransferredDeltas
from core.threat import Budget


class CrossEpsilonTransfer:
    """Tries perturbations at other epsilons than their own.

    `evaluator` measures on all held-out images what will be stored; which of two perturbations is the stronger is
    decided on the first `judges` of these images. A rival that does more than the stored one is refined by `attack` on
    `crafting` images, and the better of the two is kept. Of the `transferred` perturbations the one that does most on
    crafting images competes.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        crafting: Split,
        attack: SPGD,
        *,
        judges: int,
        transferred: TransferredDeltas | None = None,
    ) -> None:
        self.evaluator, self.crafting, self.attack, self.transferred = evaluator, crafting, attack, transferred
        self.judges = evaluator.first(judges)

    def __call__(
        self,
        measurements: Sequence[Measurement],
        candidates: Candidates,
        report: Callable[[str], None] = lambda line: None,
        *,
        settled: bool = False,
    ) -> tuple[list[Measurement], Candidates]:
        """Untargeted `measurements`, each of the strongest perturbation at its epsilon, and the candidates with these.

        `candidates` holds the perturbation of every measurement, with its key as source, and may hold more. First, from
        the largest epsilon down, the next two larger ones, the next smaller one and a transferred one compete; then,
        from the smallest up, the next smaller one. Where the candidates have competed before (`settled`), only new ones
        do.
        """
        measured = {m.key: m for m in sorted(measurements, key=lambda m: m.epsilon)}
        old = {candidate.source for candidate in candidates} if settled else set()
        falling, rising = ([(key, 2, True) for key in reversed(measured)], [(key, 0, False) for key in measured])
        for key, larger, transferred in [*falling, *rising]:
            own = _known(candidates, key)
            rivals = _rivals(own, candidates, old=old, larger=larger)
            rivals += self._transferred(own.epsilon) if transferred else []
            delta = self._stronger(own, rivals)
            if delta is None:
                continue
            whole, before = self.evaluator(delta), measured[key]
            if success(whole) > success(before.report):
                measured[key] = replace(before, report=whole, steps=before.steps + self.attack.steps)
                candidates = candidates.updated(replace(own, delta=delta))
                old.discard(key)
                report(f"{before.epsilon}/255: {success(whole):.1%} wrong in place of {success(before.report):.1%}")
        return [*measured.values()], candidates

    def _transferred(self, epsilon: float) -> list[Tensor]:
        """The transferred perturbation that does most at this epsilon, if there is any."""
        return self.transferred.best(Budget.from_255(epsilon), 1) if self.transferred else []

    def _stronger(self, own: Candidate, rivals: list[Tensor]) -> Tensor | None:
        """The strongest rival, as it is or refined; None where none does more than `own`."""
        tried = [self._judged(delta) for delta in rivals]
        best = max(tried, key=lambda found: success(found[0]), default=None)
        if best is None or success(best[0]) <= success(self.judges(own.delta)):
            return None
        attack = replace(self.attack, budget=Budget.from_255(own.epsilon))
        refined = self._judged(attack.craft(self.evaluator.model, self.crafting, best[1]))
        return max(best, refined, key=lambda found: success(found[0]))[1]

    def _judged(self, delta: Tensor) -> tuple[Report, Tensor]:
        """What a delta does in whole units of 1/255, as it is stored; and that delta."""
        stored = perturbations.as_stored(delta)
        return self.judges(stored), stored


def _known(candidates: Candidates, source: str) -> Candidate:
    found = candidates.find(source)
    assert found, f"{source} was measured, and its perturbation is not among the candidates"
    return found


def _rivals(own: Candidate, candidates: Candidates, *, old: set[str], larger: int) -> list[Tensor]:
    """So many next larger candidates and the next smaller one, rescaled to the epsilon of `own`.

    Of equal epsilons the one that comes later in `candidates` counts as larger. Those of `old` sources, which have
    competed here before, are left out.
    """
    by_epsilon = sorted(candidates, key=lambda candidate: candidate.epsilon)
    at = by_epsilon.index(own)
    rivals = [*by_epsilon[at + 1 : at + 1 + larger], *by_epsilon[max(0, at - 1) : at]]
    return [rival.rescaled(own.epsilon).delta for rival in rivals if rival.source not in old]
