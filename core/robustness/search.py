"""Universal robustness: the smallest epsilon at which one perturbation breaks a model (Mummadi et al. 2019, section 5).

N images, C channels, H W height and width. Epsilon is in units of 1/255. Inside a search it is counted in ticks, whole
multiples of the tolerance.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from core.attacks.base import device_of
from core.attacks.spgd import SPGD, VARIANTS, WARM_STEP
from core.datasets import Split
from core.evaluation.evaluator import Evaluator
from core.numbers import at_least_one
from core.robustness.candidate import Candidate, Tried
from core.robustness.result import Point, Robustness, rising
from core.robustness.transfer import TransferredDeltas
from core.threat import Budget

FINEST = 0.001
"""The smallest tolerance of a search, in units of 1/255."""
TRANSFERRED = 2
"""How many transferred perturbations are tried at one epsilon."""
USUAL = SPGD(Budget(1.0))


@dataclass(frozen=True)
class Search:
    """`Search()(Evaluator(model, held_out), crafting)` finds the universal robustness of a model.

    The search brackets the breaking epsilon from `first` with growing strides and halves the bracket until it is
    `tolerance` wide. Then it measures smaller and larger epsilons until the confidence intervals lie clearly on both
    sides of the level (`Robustness.interval`).

    The first epsilon is attacked `restarts` times from random starts with `steps` steps each. Every other epsilon is
    attacked from the perturbation of the next smaller or larger epsilon, whichever does more on crafting images: it is
    rescaled to the new ball and measured as it is and after `warm_steps` further steps. A perturbation is admissible
    at every larger epsilon, so success cannot fall as epsilon grows. Where it seems to fall, the attack got stuck, and
    one more attack from a random start is made. The strongest perturbation found counts, even if it is that of a
    smaller epsilon.

    Success is what the evaluator's objective aims at, on held-out images that no perturbation was crafted on: with a
    target its success rate, otherwise the fraction misclassified (for scenes: of pixels). The strongest of a few
    perturbations is chosen by the same rate. Of K equally frequent classes one stays right even where everything is
    predicted as it, so a level of 75% needs K above 4.

    Before an epsilon counts as held, transferred perturbations and the `variants` of the attack (Adam's steps, a capped
    loss) are tried there.

    With `fresh` every epsilon is attacked from `restarts` random starts of its own instead, and nothing else is tried.
    `attack` has the settings of S-PGD; its budget, objective, steps, seed and mini-batches are those of the search.
    Both are for the attack as it was published (`core.attacks.spgd.PUBLISHED`), which tells how much of a lead is
    masking.

    `first`, `highest` and `tolerance` are in units of 1/255. Raises ValueError for a level or epsilons out of range.
    """

    level: float = 0.75
    first: float = 16.0
    highest: float = 64.0
    tolerance: float = 0.25
    restarts: int = 2
    steps: int = 100
    warm_steps: int = 40
    batch_size: int = 64
    seed: int = 0
    fresh: bool = False
    attack: SPGD = USUAL
    variants: tuple[SPGD, ...] = VARIANTS

    def __post_init__(self) -> None:
        if not 0 < self.level <= 1:
            raise ValueError(f"The level is a share above 0 and up to 1, and {self.level} was given.")
        if not FINEST <= self.tolerance <= self.first <= self.highest <= 255:
            given = ", ".join(f"{value:.4g}/255" for value in (self.tolerance, self.first, self.highest))
            raise ValueError(
                f"Tolerance, first and highest epsilon must rise from {FINEST:g}/255 to 255/255, not {given}."
            )
        counts = {"restarts": self.restarts, "steps": self.steps, "warm_steps": self.warm_steps}
        at_least_one(**counts, batch_size=self.batch_size)

    def __call__(
        self,
        evaluator: Evaluator,
        crafting: Split,
        *,
        starts: Sequence[Tensor] = (),
        known: Sequence[Candidate] = (),
        report: Callable[[Point], None] = lambda point: None,
    ) -> Robustness:
        """The robustness of the evaluator's model against perturbations that are crafted on `crafting`.

        `report` is called with every point as soon as it is measured.

        `starts` are further perturbations (1,C,H,W) to try, for example those that broke other models. The strongest of
        them on crafting images compete at the first epsilon and again just below the epsilon that breaks the model:
        rescaled, and after further steps. `known` are candidates of an earlier search: this search then continues from
        them without random starts.

        Raises ValueError where the evaluator's objective has nothing to count on its images.
        """
        run = SearchRun(self, evaluator, crafting, starts=starts, report=report)
        top = int(self.highest / self.tolerance + 1e-9)
        first = min(top, round(self.first / self.tolerance))
        low, high = run.measure_known(known, top) if known else run.bracket(first, top)
        while True:
            while high is not None and high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if run.attack(middle) else (middle, high)
            lower = run.step_down(low)
            if lower is None:
                if not run.try_transferred(low) and not run.try_variants(low):
                    break
                lower = run.follow_down(low)
            low, high = run.holds_below(lower), lower
        if high:
            run.step_up(high, top)
        return run.result(high)


class SearchRun:
    """The attacks of one search: the point and the strongest candidate of every tick that was tried."""

    def __init__(
        self,
        search: Search,
        evaluator: Evaluator,
        crafting: Split,
        *,
        starts: Sequence[Tensor] = (),
        report: Callable[[Point], None] = lambda point: None,
    ) -> None:
        self.search, self.evaluator, self.crafting, self.report = search, evaluator, crafting, report
        self.device = device_of(evaluator.model)
        self.transferred = TransferredDeltas(evaluator.model, crafting, starts, evaluator.objective, evaluator.classes)
        self.seed = search.seed
        nothing = torch.zeros(1, *crafting.images.shape[1:], device=self.device)
        clean = self.measure(Candidate(0.0, nothing, "no perturbation"))
        if math.isnan(clean.success):
            raise ValueError("Nothing on the held-out images is what this attack aims at, so it has no success rate.")
        self.points: dict[int, Point] = {}
        self.strongest: dict[int, Tried] = {}
        self.record(0, [clean], tries=0, steps=0)

    def bracket(self, first: int, top: int) -> tuple[int, int | None]:
        """The largest tick known to hold and the smallest known to break; None if even `top` holds."""
        if self._breaks(self.points[0]):
            return 0, 0
        stride = max(1, first // 4)
        if not self._breaks(self._attack_at_random(first)):
            return self._step_up_to_break(first, stride, top)
        high, low = first, max(0, first - stride)
        while low and self.attack(low):
            stride *= 2
            high, low = low, max(0, low - stride)
        return low, high

    def measure_known(self, known: Sequence[Candidate], top: int) -> tuple[int, int | None]:
        """The bracket of `bracket`, from candidates that were found earlier, each at its own epsilon."""
        for candidate in sorted(known, key=lambda candidate: candidate.epsilon):
            tick = round(candidate.epsilon / self.search.tolerance)
            moved = replace(candidate, delta=candidate.delta.to(self.device)).rescaled(self._epsilon(tick))
            before = [self.strongest[tick]] if tick in self.strongest else []
            self.record(tick, [self.measure(moved), *before], tries=1, steps=0)
        broken = min((tick for tick, point in self.points.items() if self._breaks(point)), default=None)
        if broken is None:
            last = max(self.points)
            return self._step_up_to_break(last, max(1, last // 16), top)
        return (self.holds_below(broken), broken) if broken else (0, 0)

    def attack(self, tick: int) -> bool:
        """Attack from the stronger neighbour, rescaled and after further steps; returns whether the model breaks."""
        if self.search.fresh:
            return self._breaks(self.points[tick] if tick in self.points else self._attack_at_random(tick))
        smaller = max(known for known in self.points if known < tick)
        larger = min((known for known in self.points if known >= tick), default=smaller)
        neighbours = [
            self.strongest[known].candidate.rescaled(self._epsilon(tick)) for known in {smaller, larger} if known
        ]
        if len(neighbours) == 1:
            start = neighbours[0]
        else:
            start = max(neighbours, key=lambda candidate: self.transferred.strength(candidate.delta))
        tries, steps = self._continue_from(start), self.search.warm_steps
        if max(tried.success for tried in tries) < self.points[smaller].success:
            tries.append(self._craft(tick, self.search.steps))
            steps += self.search.steps
        point = self.record(tick, [*tries, self.strongest[smaller]], tries=len(tries), steps=steps)
        return self._breaks(point)

    def try_transferred(self, tick: int) -> bool:
        """Try transferred perturbations at a tick that held so far; returns whether the model breaks after all."""
        tries = self._transferred_tries(tick) if tick else []
        if not tries:
            return False
        point = self.points[tick]
        steps = point.steps + len(tries) // 2 * self.search.warm_steps
        tries_in_all = point.tries + len(tries)
        return self._breaks(self.record(tick, [*tries, self.strongest[tick]], tries=tries_in_all, steps=steps))

    def try_variants(self, tick: int) -> bool:
        """Climb in other ways from the strongest perturbation of a tick that held so far; returns whether it breaks.

        Each goes on from the best of those before.
        """
        variants = self.search.variants if tick else ()
        if not variants:
            return False
        best, made = self.strongest[tick], 0
        for variant in variants:
            start = best.candidate.rescaled(self._epsilon(tick))
            tried = self._craft(tick, self.search.warm_steps, start, variant)
            best, made = max(best, tried, key=lambda one: one.success), made + 1
            if best.success >= self.search.level:
                break
        point = self.points[tick]
        steps = point.steps + made * self.search.warm_steps
        return self._breaks(self.record(tick, [best], tries=point.tries + made, steps=steps))

    def step_down(self, tick: int) -> int | None:
        """Attack smaller epsilons until one surely holds; returns one that breaks after all, None if none does."""
        stride = max(1, tick // 16)
        while tick > 0 and self.points[tick].interval[1] >= self.search.level:
            known = self.holds_below(tick)
            tick = max(known, tick - stride)
            if tick > known:
                if self.attack(tick):
                    return tick
                stride *= 2
        return None

    def step_up(self, tick: int, top: int) -> None:
        """Attack larger epsilons until one is surely broken."""
        stride = max(1, tick // 16)
        while tick < top and all(point.interval[0] < self.search.level for point in self.points.values()):
            tick = min(top, tick + stride)
            self.attack(tick)
            stride *= 2

    def follow_down(self, tick: int) -> int:
        """Try what broke this tick at smaller ones, in growing strides; returns the smallest that it breaks."""
        stride = 1
        while (below := tick - stride) > 0:
            tries = self._continue_from(self.strongest[tick].candidate.rescaled(self._epsilon(below)))
            counts = {"tries": len(tries), "steps": self.search.warm_steps}
            if below in self.points:
                tries.append(self.strongest[below])
                before = self.points[below]
                counts = {"tries": before.tries + counts["tries"], "steps": before.steps + counts["steps"]}
            if not self._breaks(self.record(below, tries, **counts)):
                break
            tick, stride = below, 2 * stride
        return tick

    def holds_below(self, tick: int) -> int:
        """The largest known tick below this one that does not break the model."""
        return max(known for known, point in self.points.items() if known < tick and not self._breaks(point))

    def result(self, broken: int | None) -> Robustness:
        """What was found, where `broken` is the smallest tick that breaks the model."""
        curve = rising([self.points[tick] for tick in sorted(self.points)])
        last = max(self.points) if broken is None else broken
        return Robustness(
            level=self.search.level,
            tolerance=float(self.search.tolerance),
            epsilon=None if broken is None else self.points[broken].epsilon,
            curve=curve,
            crafted_on=len(self.crafting),
            seed=self.search.seed,
            delta=self.strongest[last].candidate.delta,
        )

    def record(self, tick: int, found: Sequence[Tried], *, tries: int, steps: int) -> Point:
        """Keep the strongest of what was tried at a tick, and report its point."""
        best = max(found, key=lambda tried: tried.success)
        self.points[tick] = Point(self._epsilon(tick), best.report, tries, steps)
        self.strongest[tick] = best
        self.report(self.points[tick])
        return self.points[tick]

    def measure(self, candidate: Candidate) -> Tried:
        """The report on a candidate, on all held-out images."""
        return Tried(candidate, self.evaluator(candidate.delta))

    def _step_up_to_break(self, low: int, stride: int, top: int) -> tuple[int, int | None]:
        while low < top:
            high = min(top, low + stride)
            if self.attack(high):
                return low, high
            low, stride = high, 2 * stride
        return low, None

    def _attack_at_random(self, tick: int) -> Point:
        """The first epsilon: random starts, and transferred perturbations."""
        search = self.search
        tries = [self._craft(tick, search.steps) for _ in range(search.restarts)]
        steps = search.restarts * search.steps
        if transferred := self._transferred_tries(tick):
            tries, steps = [*tries, *transferred], steps + len(transferred) // 2 * search.warm_steps
        return self.record(tick, tries, tries=len(tries), steps=steps)

    def _transferred_tries(self, tick: int) -> list[Tried]:
        """The strongest transferred perturbations, rescaled and after further steps."""
        epsilon = self._epsilon(tick)
        best = self.transferred.best(Budget.from_255(epsilon), TRANSFERRED)
        candidates = [Candidate(epsilon, delta, "transferred") for delta in best]
        return [tried for candidate in candidates for tried in self._continue_from(candidate)]

    def _continue_from(self, candidate: Candidate) -> list[Tried]:
        """A candidate as it is, since further steps can lose what it had, and after further steps."""
        tick = round(candidate.epsilon / self.search.tolerance)
        return [self.measure(candidate), self._craft(tick, self.search.warm_steps, candidate)]

    def _craft(self, tick: int, steps: int, start: Candidate | None = None, variant: SPGD | None = None) -> Tried:
        """Run the attack or a variant of it from a candidate, or from a random start."""
        epsilon, aim = self._epsilon(tick), self.evaluator.objective
        attack = replace(
            variant or self.search.attack,
            budget=Budget.from_255(epsilon),
            objective=variant.objective if variant and not aim.targeted else aim,
            steps=steps,
            seed=self.seed,
            batch_size=self.search.batch_size,
        )
        if start is not None:
            attack = replace(attack, step_size=WARM_STEP)
        self.seed += 1  # another order of images, another random start
        delta = attack.craft(self.evaluator.model, self.crafting, None if start is None else start.delta)
        return self.measure(Candidate(epsilon, delta, start.source if start else "random start"))

    def _epsilon(self, tick: int) -> float:
        return float(tick * self.search.tolerance)

    def _breaks(self, point: Point) -> bool:
        return point.success >= self.search.level
