"""What a group's fronts say: how many times as robust as heap 1 larger heaps are, at equal clean accuracy.

Robustness is read at several levels, since an advantage may lie elsewhere than where a model counts as broken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from core.checkpoints.results import Results
from core.checkpoints.store import Checkpoint, kind
from core.evaluation.report import breaking_point
from core.reports import bootstrap, pareto
from core.reports.pareto import TradeoffPoint

MeasuredModel = tuple[Checkpoint, Results]
ModelsByGroup = dict[str, list[MeasuredModel]]
STANDARD = kind(0)
ERROR_LEVELS = (0.25, 0.5)
"""Shares misclassified, below the one that universal robustness is defined by."""
HEAD = (
    *("data", "front", "models", "clean accuracy (%)", "hypervolume (/255)"),
    *(f"times heap 1, {100 * level:.0f}% wrong" for level in ERROR_LEVELS),
    "times heap 1, broken",
)
NOTE = (
    "Small marks: models off the front of their heap, and further seeds. Hypervolume: the area below a front of one "
    "seed, from (0, 0), the standard model included. Times heap 1: the ratio of the epsilons at which so many are "
    "wrong, at equal clean accuracy, averaged (lowest to highest) where hardened models of both heaps reach (a front "
    "goes on level below its last model: where all models of one heap lie on one side of the others, the ratio is a "
    "bound). Models that were trained otherwise than most (like 15 epochs) have fronts of their own, compared with "
    "heap 1 trained like them. A cell trained from several seeds stands where its models stand on average. Brackets "
    "hold the 95% interval that the held-out images leave, whose outcomes are resampled for all models together; where "
    "cells were trained from several seeds it holds the spread between these trainings too, for every cell, and "
    "elsewhere it says nothing about that (`core/reports/bootstrap.py`). Broken: 75% wrong, of scenes 50% of the "
    "pixels; these epsilons were searched, the others are read off between the measured ones along a "
    "line. Models that few others lent to (`starts` in the table of how each was attacked) may break earlier than is "
    "said here.\n"
)


def tradeoff_points(own: Sequence[MeasuredModel], *kinds: str, level: float | None = None) -> list[TradeoffPoint]:
    """The models of these kinds (like `heap 64`) in the trade-off; unbroken ones stand where the search ended.

    Robustness is the breaking epsilon, or with a `level` the epsilon at which that share is wrong; in units of 1/255.
    """
    return [
        TradeoffPoint(
            checkpoint.name,
            results.clean.accuracy.value,
            results.robustness.breaking_epsilon if level is None else _epsilon_at_error(results, level),
        )
        for checkpoint, results in own
        if results.robustness and checkpoint.kind in kinds
    ]


def _epsilon_at_error(results: Results, level: float) -> float:
    """Where so many are wrong under the strongest perturbation found, or the largest epsilon measured."""
    curve = [(epsilon, rate.value) for epsilon, rate in results.still_right()]
    found = breaking_point(curve, level)
    return curve[-1][0] if found is None else found


@dataclass(frozen=True)
class Advantage:
    """How many times the epsilon of heap 1 a larger heap takes: the ratios at equal clean accuracies.

    `bound` says that they are only `at least` or `at most` that, since no models of both lie around one accuracy.
    `span` are the smallest and the largest of these accuracies. `interval` is the 95% interval of the mean ratio over
    what other held-out images would say, and other `trainings` where cells were trained from several seeds
    (`core.reports.bootstrap`); None where that is not known.
    """

    ratios: tuple[float, ...]
    span: tuple[float, float]
    bound: str = ""
    interval: tuple[float, float] | None = None
    trainings: bool = False

    @property
    def low(self) -> float:
        """The least that the mean ratio may be, for all that is known: the end of the interval, or the smallest."""
        return self.interval[0] if self.interval else min(self.ratios)

    @property
    def high(self) -> float:
        """The most that it may be."""
        return self.interval[1] if self.interval else max(self.ratios)

    @property
    def text(self) -> str:
        """The mean ratio with its 95% interval, and from the smallest ratio to the largest."""
        return f"{self.bound} {self._figures()}".strip()

    @property
    def accuracy_text(self) -> str:
        """The clean accuracies at which the heaps were compared, like `97.4 to 97.9%`."""
        low, high = (f"{100 * end:.1f}" for end in self.span)
        return f"{low}%" if low == high else f"{low} to {high}%"

    @property
    def uncertainty(self) -> str:
        """What the interval is over, for people; empty where there is none."""
        return f"held-out images{' and trainings' * self.trainings}" if self.interval else ""

    def _figures(self) -> str:
        low, high = f"{min(self.ratios):.2f}", f"{max(self.ratios):.2f}"
        if not self.interval:
            return low if low == high else f"{low} to {high}"
        mean = "{:.2f} [{:.2f}, {:.2f}]".format(fmean(self.ratios), *self.interval)
        return mean if low == high else f"{mean} ({low} to {high})"


def advantage(own: Sequence[MeasuredModel], one: str, other: str, level: float | None = None) -> Advantage | None:
    """The lead of models of kind `other` over those of `one`, each cell where its models stand on average over seeds.

    None where they cannot be compared: no models of one of them, or nothing broke one of kind `one`.
    """
    models = [entry for entry in own if entry[0].kind in (one, other) and entry[1].robustness]
    base = [results.robustness for checkpoint, results in models if checkpoint.kind == one]
    if level is None and any(found and found.epsilon is None for found in base):
        return None
    first, second = (pareto.pareto_front(_averaged(models, name, level)) for name in (one, other))
    span, ratios = pareto.common_range(first, second), tuple(pareto.robustness_ratios(first, second))
    if not span or not ratios:
        return None
    interval = bootstrap.ratio_interval(models, one, other) if level is None else None
    several = any(len(found) > 1 for found in _configurations(models).values())
    return Advantage(ratios, span, pareto.ratio_bound(first, second), interval, several)


def _averaged(models: Sequence[MeasuredModel], which: str, level: float | None) -> list[TradeoffPoint]:
    """Each cell of a kind where its models stand on average; all were searched."""
    each = {spot.name: spot for spot in tradeoff_points(models, which, level=level)}
    found = []
    for (name, own_kind), cell in _configurations(models).items():
        if own_kind == which:
            own = [each[checkpoint.name] for checkpoint, _ in cell.values()]
            found.append(TradeoffPoint(name, fmean(spot.clean for spot in own), fmean(spot.robustness for spot in own)))
    return found


def advantages(own: Sequence[MeasuredModel], level: float | None = None) -> dict[str, Advantage]:
    """The lead of each larger heap, by its kind, over heap 1 of the same schedule, where these can be compared."""
    sizes = _kinds([entry for entry in own if entry[0].heap > 1])
    found = {name: advantage(own, kind(1, one.schedule), name, level) for name, one in sizes.items()}
    return {name: ahead for name, ahead in found.items() if ahead}


def _kinds(own: Sequence[MeasuredModel]) -> dict[str, Checkpoint]:
    """Whose fronts can be drawn, the usual schedule first, then by heap; each with one of its models."""
    order = sorted((c for c, results in own if results.robustness and c.heap), key=lambda c: (c.schedule, c.heap))
    return {checkpoint.kind: checkpoint for checkpoint in order}


def first_seeds(models: Sequence[MeasuredModel]) -> list[MeasuredModel]:
    """Each cell by its model of the smallest seed, so that no heap has more tickets in the lottery than another."""
    return [found[min(found)] for found in _configurations(models).values()]


def _configurations(models: Sequence[MeasuredModel]) -> dict[tuple[str, str], dict[int, MeasuredModel]]:
    """The models of each cell by their seeds; one that was trained otherwise than most is none of their cell."""
    cells: dict[tuple[str, str], dict[int, MeasuredModel]] = {}
    for entry in models:
        cells.setdefault((entry[0].name_without_seed, entry[0].kind), {})[entry[0].recipe.get("seed", 0)] = entry
    return cells


def rows(own: Sequence[MeasuredModel]) -> list[list[str]]:
    """The table: a front for each heap, and for each schedule apart."""
    times = [advantages(own, level) for level in (*ERROR_LEVELS, None)]
    found = []
    for name in _kinds(own):
        line = pareto.pareto_front(tradeoff_points(first_seeds(own), name, STANDARD))
        reach = f"{100 * line[-1].clean:.1f} to {100 * line[0].clean:.1f}"
        cells = [
            own[0][0].group_title,
            name,
            str(len(tradeoff_points(own, name))),
            reach,
            f"{pareto.hypervolume(line):.2f}",
        ]
        found.append([*cells, *(each[name].text if name in each else "" for each in times)])
    return found
