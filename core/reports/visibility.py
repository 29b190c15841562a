"""Accuracy against visibility: how visible a perturbation must be to make a model wrong, read off stored results."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.checkpoints.results import Results
from core.evaluation.perceptibility import NOTICED, UNSEEN, VIEWING, Jod
from core.evaluation.report import AnyRate

STRENGTHS = 5
"""At how many strengths the JOD of an attack must be known for a line: fewer would be joined by misleading ones."""
HALF = 0.5


@dataclass(frozen=True)
class VisiblePoint:
    """One perturbation: its epsilon in units of 1/255, how visible it is, and the accuracy under it."""

    epsilon: float
    jod: Jod
    accuracy: AnyRate

    @property
    def wrong(self) -> float:
        """The fraction misclassified; of scenes, of pixels."""
        return 1 - self.accuracy.value


@dataclass(frozen=True)
class NeededVisibility:
    """How visible a perturbation must be to make a model wrong on a share of the images; of scenes, of pixels.

    `weakest` and `strongest` are the epsilons in n/255 that it was read off between; they are equal where the
    perturbation itself was measured, and 0 where the model is so wrong without any. Where not even the strongest
    perturbation is `enough`, `jod` is how visible that one is: what is needed is more visible still.
    """

    jod: Jod
    weakest: float
    strongest: float
    enough: bool = True


def visible_points(results: Results, attack: str = "spgd") -> list[VisiblePoint]:
    """Every stored strength of an untargeted attack whose JOD is known under the present conditions, by epsilon."""
    return [VisiblePoint(m.epsilon, m.jod, m.report.accuracy) for m in results.curve(attack) if m.jod and _now(m.jod)]


def breaking_jod(results: Results) -> Jod | None:
    """How visible the perturbation at the minimum breaking epsilon is, under the present viewing conditions."""
    found = results.visibility.jod if results.visibility else None
    return found if found and _now(found) else None


def needed_visibility(results: Results, share: float) -> NeededVisibility | None:
    """How visible a perturbation must be to make a model wrong on at least this share; None where that is unknown.

    At the share that counts as broken it is the perturbation at the minimum breaking epsilon. For other shares it is
    read off the stored strengths of S-PGD, along a line from the last one that does not suffice to the first one that
    does; at least STRENGTHS must be known. The interval is read off in the same way, as if both JODs erred alike,
    since they are of the same pictures.
    """
    clean = VisiblePoint(0, Jod(UNSEEN, UNSEEN, UNSEEN, 1), results.clean.accuracy)
    if clean.wrong >= share:
        return NeededVisibility(clean.jod, 0, 0)
    robustness, breaking = results.robustness, breaking_jod(results)
    if robustness and breaking and robustness.level == share:
        epsilon = robustness.breaking_epsilon
        return NeededVisibility(breaking, epsilon, epsilon, robustness.epsilon is not None)
    points = visible_points(results)
    if len(points) < STRENGTHS:
        return None
    after = next((point for point in points if point.wrong >= share), None)
    if after is None:
        return NeededVisibility(points[-1].jod, points[-1].epsilon, points[-1].epsilon, enough=False)
    before = [clean, *points][points.index(after)]
    weight = (share - before.wrong) / (after.wrong - before.wrong)
    return NeededVisibility(_between(before.jod, after.jod, weight), before.epsilon, after.epsilon)


def noticed_from(results: Results) -> float | None:
    """The epsilon (units of 1/255) from which 75% of observers tell S-PGD's images from the originals, where JOD is 9.

    It is read off along a line between stored strengths, of which at least STRENGTHS must be known. None where they are
    not, or where the JOD stays above 9 at all of them.
    """
    points = visible_points(results)
    if len(points) < STRENGTHS:
        return None
    epsilon, jod = 0.0, UNSEEN
    for point in points:
        if point.jod.value <= NOTICED:
            return epsilon + (point.epsilon - epsilon) * (jod - NOTICED) / (jod - point.jod.value)
        epsilon, jod = point.epsilon, point.jod.value
    return None


def comparable_share(chosen: Sequence[Results], every: Sequence[Results]) -> float:
    """The share of wrong answers at which models are compared best: one half, or what counts as broken.

    It is the one that more of the chosen models are known to reach, and how visibly; then, more of every model; else
    one half.
    """
    levels = [results.robustness.level for results in (*chosen, *every) if results.robustness]

    def known(share: float) -> list[int]:
        return [sum(_reaches(results, share) for results in group) for group in (chosen, every)]

    return max(dict.fromkeys([HALF, *levels]), key=known)


def _reaches(results: Results, share: float) -> bool:
    found = needed_visibility(results, share)
    return found is not None and found.enough


def _between(first: Jod, second: Jod, weight: float) -> Jod:
    ends = ((getattr(first, name), getattr(second, name)) for name in ("value", "low", "high"))
    value, low, high = ((1 - weight) * start + weight * end for start, end in ends)
    return Jod(value, low, high, max(first.n, second.n))


def _now(jod: Jod) -> bool:
    return jod.viewing == VIEWING
