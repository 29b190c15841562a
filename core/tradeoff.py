"""What a group's fronts say: how many times as robust as heap 1 larger heaps are, at equal clean accuracy.

Robustness is read at several levels, since an advantage may lie elsewhere than where a model counts as broken.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from scipy.special import stdtrit

from core import fronts, resampling
from core.checkpoints import Checkpoint
from core.evaluation import breaking_point
from core.fronts import Spot
from core.results import Results

Measured = tuple[Checkpoint, Results]
ByGroup = dict[str, list[Measured]]
STANDARD = 0
LEVELS = (0.25, 0.5)
"""Shares misclassified, below the one that universal robustness is defined by."""
HEAD = (
    *("data", "front", "models", "clean accuracy (%)", "hypervolume (/255)"),
    *(f"times heap 1, {100 * level:.0f}% wrong" for level in LEVELS),
    "times heap 1, broken",
)
NOTE = (
    "Small marks: models off the front of their heap, and further seeds. Hypervolume: the area below a front of one "
    "seed, from (0, 0), the standard model included. Times heap 1: the ratio of the epsilons at which so many are "
    "wrong, at equal clean accuracy, averaged (lowest to highest) where hardened models of both heaps reach (a front "
    "goes on level below its last model: where all models of one heap lie on one side of the others, the ratio is a "
    "bound). Where models of both heaps were trained from several seeds: the mean over these with its 95% interval. "
    "Elsewhere brackets hold the 95% interval that the held-out images leave, whose outcomes are resampled for all "
    "models together (`core/resampling.py`); it says nothing about the spread between trainings. Broken: 75% wrong, of "
    "scenes 50% of the pixels; these epsilons were searched, the others are read off between the measured ones along a "
    "line. Models whose stored perturbations have not competed yet (`gave way` is empty in the table of how each was "
    "attacked) may break earlier than is said here.\n"
)


def spots(own: Sequence[Measured], *heaps: int, level: float | None = None) -> list[Spot]:
    """The models of these heaps in the trade-off; unbroken ones stand where the search ended.

    Robustness is the breaking epsilon, or with a `level` the epsilon at which that share is wrong; in units of 1/255.
    """
    return [
        Spot(
            checkpoint.name,
            results.clean.accuracy.value,
            results.robustness.height if level is None else _falls(results, level),
        )
        for checkpoint, results in own
        if results.robustness and checkpoint.heap in heaps
    ]


def _falls(results: Results, level: float) -> float:
    """Where so many are wrong under the strongest perturbation found, or the largest epsilon measured."""
    curve = [(epsilon, rate.value) for epsilon, rate in results.still_right()]
    found = breaking_point(curve, level)
    return curve[-1][0] if found is None else found


@dataclass(frozen=True)
class Lead:
    """How many times the epsilon of heap 1 a larger heap takes: for each seed the ratios at equal clean accuracies.

    `bound` says that they are only `at least` or `at most` that, since no models of both lie around one accuracy.
    `span` are the smallest and the largest of these accuracies. `images` is, for models of one seed, the 95% interval
    of the mean ratio over what other held-out images would say (`core.resampling`); None where that is not known.
    """

    ratios: tuple[tuple[float, ...], ...]
    span: tuple[float, float]
    bound: str = ""
    images: tuple[float, float] | None = None

    @property
    def low(self) -> float:
        """The least that it may be: of one seed the smallest ratio, of several the lower end of the 95% interval."""
        return min(self.ratios[0]) if len(self.ratios) == 1 else self._interval()[1]

    @property
    def high(self) -> float:
        """The most that it may be."""
        return max(self.ratios[0]) if len(self.ratios) == 1 else self._interval()[2]

    @property
    def words(self) -> str:
        """The mean ratio with its 95% interval; of one seed also from the smallest ratio to the largest."""
        return f"{self.bound} {self._figures()}".strip()

    @property
    def where(self) -> str:
        """The clean accuracies at which the heaps were compared, like `97.4 to 97.9%`."""
        low, high = (f"{100 * end:.1f}" for end in self.span)
        return f"{low}%" if low == high else f"{low} to {high}%"

    def _figures(self) -> str:
        if len(self.ratios) == 1:
            low, high = f"{min(self.ratios[0]):.2f}", f"{max(self.ratios[0]):.2f}"
            if not self.images:
                return low if low == high else f"{low} to {high}"
            mean = "{:.2f} [{:.2f}, {:.2f}]".format(fmean(self.ratios[0]), *self.images)
            return mean if low == high else f"{mean} ({low} to {high})"
        return "{:.2f} [{:.2f}, {:.2f}] ({} seeds)".format(*self._interval(), len(self.ratios))

    def _interval(self) -> tuple[float, float, float]:
        """Mean over seeds and the ends of Student's interval; within a seed the ratios are averaged."""
        means, n = [fmean(found) for found in self.ratios], len(self.ratios)
        middle, reach = fmean(means), float(stdtrit(n - 1, 0.975)) * stdev(means) / math.sqrt(n)
        return middle, middle - reach, middle + reach


def lead(own: Sequence[Measured], one: int, other: int, level: float | None = None) -> Lead | None:
    """The lead of heap `other` over heap `one`, from independent runs where there are several seeds.

    None where they cannot be compared: no models of one of them, nothing broke one of heap `one`, all of them are
    broken anyway, or seeds that lie side by side in different order.
    """
    models = [entry for entry in own if entry[0].heap in (one, other) and entry[1].robustness]
    base = [results.robustness for checkpoint, results in models if checkpoint.heap == one]
    if level is None and any(found and found.epsilon is None for found in base):
        return None
    found = []
    for replica in replicas(models):
        first, second = (fronts.front(spots(replica, heap, level=level)) for heap in (one, other))
        span = fronts.shared_span(first, second)
        if span and (some := tuple(fronts.ratios(first, second))):
            found.append((some, span, fronts.bound(first, second)))
    bounds = {bound for _, _, bound in found if bound}
    if not found or len(bounds) > 1:
        return None
    whole = min(low for _, (low, _), _ in found), max(high for _, (_, high), _ in found)
    images = resampling.interval(first_seeds(models), one, other) if level is None and len(found) == 1 else None
    return Lead(tuple(some for some, _, _ in found), whole, "".join(bounds), images)


def leads(own: Sequence[Measured], level: float | None = None) -> dict[int, Lead]:
    """The lead over heap 1 of each larger heap that can be compared with it."""
    sizes = {checkpoint.heap for checkpoint, results in own if results.robustness} - {STANDARD, 1}
    return {size: found for size in sorted(sizes) if (found := lead(own, 1, size, level))}


def replicas(models: Sequence[Measured]) -> list[list[Measured]]:
    """The grid once for each seed, with the cells that every seed has; only once where one heap has no such cells.

    So no model counts twice, and what an interval over seeds is worked out from are independent runs.
    """
    cells = _cells(models)
    repeated = [found for found in cells.values() if len(found) > 1]
    seeds = set.intersection(*(set(found) for found in repeated)) if repeated else set()
    heaps = [{entry[0].heap for found in some for entry in found.values()} for some in (repeated, cells.values())]
    if len(seeds) < 2 or heaps[0] != heaps[1]:
        return [first_seeds(models)]
    return [[found[seed] for found in repeated] for seed in sorted(seeds)]


def first_seeds(models: Sequence[Measured]) -> list[Measured]:
    """Each cell by its model of the smallest seed, so that no heap has more tickets in the lottery than another."""
    return [found[min(found)] for found in _cells(models).values()]


def _cells(models: Sequence[Measured]) -> dict[str, dict[int, Measured]]:
    """The models of each cell by their seeds."""
    cells: dict[str, dict[int, Measured]] = {}
    for entry in models:
        seed = entry[0].recipe.get("seed", 0)
        cells.setdefault(entry[0].name.removesuffix(f"-r{seed}"), {})[seed] = entry
    return cells


def rows(own: Sequence[Measured]) -> list[list[str]]:
    """The table: a front for each heap."""
    sizes = sorted({checkpoint.heap for checkpoint, results in own if results.robustness} - {STANDARD})
    times = [leads(own, level) for level in (*LEVELS, None)]
    found = []
    for size in sizes:
        line = fronts.front(spots(first_seeds(own), size, STANDARD))
        reach = f"{100 * line[-1].clean:.1f} to {100 * line[0].clean:.1f}"
        cells = [
            own[0][0].group_title,
            f"heap {size}",
            str(len(spots(own, size))),
            reach,
            f"{fronts.hypervolume(line):.2f}",
        ]
        found.append([*cells, *(each[size].words if size in each else "" for each in times)])
    return found
