"""The trade-off between clean accuracy and universal robustness: how many times as robust larger heaps are as heap 1.

Models are compared at equal clean accuracy and at several error levels, because an advantage may appear only at
epsilons below the one that breaks a model.
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
"""Misclassified fractions below the one that defines universal robustness."""
COLUMNS = (
    *("data", "Pareto front", "models", "clean accuracy (%)", "hypervolume (/255)"),
    *(f"times heap 1, {100 * level:.0f}% wrong" for level in ERROR_LEVELS),
    *("times heap 1, broken", "times heap 1, broken by the attack as published"),
)
NOTE = (
    "- *Figure*: small marks are models off the Pareto front of their heap, and further seeds.\n"
    "- *Hypervolume* is the area below the Pareto front of one seed, from (0, 0), with the standard model.\n"
    "- *Times heap 1* is the ratio of the epsilons at which that fraction is wrong, at equal clean accuracy: the mean, "
    "then the lowest to the highest ratio over the range of accuracies that both heaps reach. Below its last model a "
    "front continues at the same height. If all models of one heap are more accurate than all of the other, the ratio "
    "is a bound (*at least*, *at most*).\n"
    "- *Broken* means 75% wrong, or 50% of the pixels of scenes. These epsilons were searched; the others are "
    "interpolated between measured ones.\n"
    "- *As published*: S-PGD as its authors describe it, on the capped loss, with steps of one size from one random "
    "start at every epsilon, and without perturbations of other models or strengths. All other columns rest on the "
    "full search (see [Masking](../explanation/masking.md)). Only kinds of training where both were made on "
    "every model are compared.\n"
    "- *Brackets* hold the 95% interval from a bootstrap over held-out images, drawn for all models together. Where "
    "models were trained with several seeds, it includes the spread between training runs for every model; elsewhere "
    "it does not (`core/reports/bootstrap.py`).\n"
    "- Models with another training schedule, like 15 epochs, have Pareto fronts of their own and are compared with "
    "heap 1 of the same schedule. Models that differ only in the seed count as one, at their average.\n"
    "- Models with few donor models (see *How each model was attacked* in [All models](all.md)) may break earlier than "
    "stated.\n"
)
MAXIMUM_ROWS = 10
"""The most models of a group that a table for readers shows."""


def tradeoff_points(own: Sequence[MeasuredModel], *kinds: str, level: float | None = None) -> list[TradeoffPoint]:
    """The models of these kinds, like `heap 64`, as points; an unbroken model has the epsilon where its search ended.

    Robustness is the breaking epsilon in n/255, or with a `level` the epsilon at which that fraction is wrong.
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
    """The epsilon (n/255) at which a fraction `level` is wrong; the largest measured one if there is none."""
    curve = [(epsilon, rate.value) for epsilon, rate in results.still_right()]
    epsilon = breaking_point(curve, level)
    return curve[-1][0] if epsilon is None else epsilon


@dataclass(frozen=True)
class Advantage:
    """The ratios of the minimum breaking epsilon of a larger heap to that of heap 1, at equal clean accuracies.

    `bound` is `at least` or `at most` where the fronts share no range of accuracies, so that the ratio is only a bound.
    `span` are the smallest and the largest of these accuracies. `interval` is the 95% interval of the mean ratio over
    other held-out images, and over other `trainings` where models were trained with several seeds
    (`core.reports.bootstrap`); None where that is not known.
    """

    ratios: tuple[float, ...]
    span: tuple[float, float]
    bound: str = ""
    interval: tuple[float, float] | None = None
    trainings: bool = False

    @property
    def low(self) -> float:
        """The lower end of the interval of the mean ratio; without an interval, the smallest ratio."""
        return self.interval[0] if self.interval else min(self.ratios)

    @property
    def high(self) -> float:
        """The upper end of the interval of the mean ratio; without an interval, the largest ratio."""
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


def advantage(
    own: Sequence[MeasuredModel], base_kind: str, other_kind: str, *, level: float | None = None
) -> Advantage | None:
    """The advantage of models of kind `other_kind` over those of `base_kind`.

    Models that differ only in the seed count as their mean. None where the kinds cannot be compared: one has no
    models, or a model of `base_kind` was not broken.
    """
    models = [entry for entry in own if entry[0].kind in (base_kind, other_kind) and entry[1].robustness]
    base = [results.robustness for checkpoint, results in models if checkpoint.kind == base_kind]
    if level is None and any(robustness and robustness.epsilon is None for robustness in base):
        return None
    first, second = (pareto.pareto_front(_averaged(models, name, level)) for name in (base_kind, other_kind))
    span, ratios = pareto.common_range(first, second), tuple(pareto.robustness_ratios(first, second))
    if not span or not ratios:
        return None
    interval = bootstrap.ratio_interval(models, base_kind, other_kind) if level is None else None
    several = any(len(by_seed) > 1 for by_seed in _configurations(models).values())
    return Advantage(ratios, span, pareto.ratio_bound(first, second), interval, several)


def _averaged(models: Sequence[MeasuredModel], which: str, level: float | None) -> list[TradeoffPoint]:
    """The points of a kind; models that differ only in the seed are one point, their mean."""
    each = {spot.name: spot for spot in tradeoff_points(models, which, level=level)}
    points = []
    for (name, own_kind), seeds in _configurations(models).items():
        if own_kind == which:
            own = [each[checkpoint.name] for checkpoint, _ in seeds.values()]
            points.append(
                TradeoffPoint(name, fmean(spot.clean for spot in own), fmean(spot.robustness for spot in own))
            )
    return points


def advantages(own: Sequence[MeasuredModel], level: float | None = None) -> dict[str, Advantage]:
    """The advantage of each larger heap, by its kind, over heap 1 of the same schedule, where these can be compared."""
    sizes = _kinds([entry for entry in own if entry[0].heap > 1])
    compared = {
        name: advantage(own, kind(1, checkpoint.schedule), name, level=level) for name, checkpoint in sizes.items()
    }
    return {name: ahead for name, ahead in compared.items() if ahead}


def as_published(own: Sequence[MeasuredModel]) -> list[MeasuredModel]:
    """The models as the attack as published finds them, of the kinds of training where it was tried on every model.

    A front that lacks a model lies lower, and would be compared with a whole one.
    """
    partly = {checkpoint.kind for checkpoint, results in own if results.robustness and not results.as_published()}
    found = ((checkpoint, results.as_published()) for checkpoint, results in own if checkpoint.kind not in partly)
    return [(checkpoint, results) for checkpoint, results in found if results]


def _kinds(own: Sequence[MeasuredModel]) -> dict[str, Checkpoint]:
    """The kinds that have a Pareto front, the usual schedule first, then by heap; each with one of its models."""
    order = sorted((c for c, results in own if results.robustness and c.heap), key=lambda c: (c.schedule, c.heap))
    return {checkpoint.kind: checkpoint for checkpoint in order}


def representatives(
    models: Sequence[MeasuredModel], *keep: str, each: int = 3, limit: int = MAXIMUM_ROWS
) -> list[MeasuredModel]:
    """At most `limit` models that represent the group, in its order; all models if there are no more and `each` is 3.

    These are the standard model, those named in `keep`, and up to `each` models of every Pareto front: the middle one,
    the most robust one and the most accurate one.
    """
    if len(models) <= limit and each == 3:
        return list(models)
    firsts = first_seeds(models)
    kinds = dict.fromkeys(checkpoint.kind for checkpoint, _ in firsts)
    fronts = [front for kind in kinds if (front := pareto.pareto_front(tradeoff_points(firsts, kind)))]
    names = [checkpoint.name for checkpoint, _ in firsts if checkpoint.kind == STANDARD] + list(keep)
    picks = (lambda front: front[len(front) // 2], lambda front: front[-1], lambda front: front[0])
    names += [pick(front).name for pick in picks[:each] for front in fronts]
    if not fronts:
        names += [checkpoint.name for checkpoint, _ in models]
    chosen = list(dict.fromkeys(names))[:limit]
    return [entry for entry in models if entry[0].name in chosen]


def first_seeds(models: Sequence[MeasuredModel]) -> list[MeasuredModel]:
    """The model of the smallest seed of each configuration, so that no heap has more models than another."""
    return [by_seed[min(by_seed)] for by_seed in _configurations(models).values()]


def _configurations(models: Sequence[MeasuredModel]) -> dict[tuple[str, str], dict[int, MeasuredModel]]:
    """The models of each configuration by their seeds; another training schedule is another configuration."""
    configurations: dict[tuple[str, str], dict[int, MeasuredModel]] = {}
    for entry in models:
        configurations.setdefault((entry[0].name_without_seed, entry[0].kind), {})[entry[0].recipe.get("seed", 0)] = (
            entry
        )
    return configurations


def rows(own: Sequence[MeasuredModel]) -> list[list[str]]:
    """Rows of the table: one for each Pareto front, of a heap and a schedule."""
    times = [*(advantages(own, level) for level in (*ERROR_LEVELS, None)), advantages(as_published(own))]
    table_rows = []
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
        table_rows.append([*cells, *(each[name].text if name in each else "" for each in times)])
    return table_rows
