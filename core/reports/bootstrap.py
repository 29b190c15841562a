"""The 95% interval of an advantage, by resampling the Pareto fronts over images and training runs.

All models are measured on the same images, and an image that is hard for one model is often hard for another. So clean
accuracies are drawn together, with their covariance over the images (a paired bootstrap in its normal limit). The
minimum breaking epsilon is drawn from its own bracket, for each model independently, which can only widen the interval.
Where configurations were trained with several seeds, the spread between these runs is pooled over all such
configurations and added to every configuration, divided by the number of its models. It has the tails of Student's t
distribution, because the runs are few. N images, M models, C configurations; epsilons are in units of 1/255.
"""

from collections.abc import Sequence

import numpy as np

from core.checkpoints.results import Results
from core.checkpoints.store import Checkpoint
from core.reports import pareto
from core.reports.pareto import TradeoffPoint

DRAWS, STEPS = 1000, 5
NORMAL = 1.96
"""Standard deviations from the middle to the end of a 95% interval."""
UNBROKEN = 0.25
"""The smallest breaking epsilon that has a logarithm here."""


def ratio_interval(
    models: Sequence[tuple[Checkpoint, Results]], base_kind: str, other_kind: str
) -> tuple[float, float] | None:
    """The 95% interval, over images and trainings, of the mean ratio between the Pareto fronts of two kinds of models.

    The front of `other_kind` is divided by that of `base_kind`. `models` are those of all seeds, with their robustness;
    models that differ only in the seed count as their mean. None if the stored results do not say which images a model
    gets right, or if the images differ between models.
    """
    each = [results.hits for _, results in models]
    n = len(each[0]) if each else 0
    if not n or any(len(hits) != n for hits in each):
        return None
    random = np.random.default_rng(0)
    middle = np.array([results.clean.accuracy.value for _, results in models])
    images = np.atleast_2d(np.cov(np.array(each))) / n
    clean = random.multivariate_normal(middle, images, DRAWS, check_valid="ignore")
    breaks = np.stack([_breaks(results, random) for _, results in models], axis=1)
    names = [f"{checkpoint.name_without_seed}, {checkpoint.kind}" for checkpoint, _ in models]  # schedules differ
    configurations = list(dict.fromkeys(names))
    member = np.array([[name == configuration for name in names] for configuration in configurations], dtype=float)
    weights = member / member.sum(1, keepdims=True)  # (C,M)
    heights = np.array([max(_height(results), UNBROKEN) for _, results in models])
    trained = _trainings(np.stack([middle, np.log(heights)], axis=1), weights, random)
    clean, breaks = clean @ weights.T + trained[..., 0], breaks @ weights.T * np.exp(trained[..., 1])
    kinds = np.array([models[names.index(configuration)][0].kind for configuration in configurations])
    labels = np.array(configurations)
    members = (kinds == base_kind, kinds == other_kind)
    drawn = [_fronts(labels[mine], clean[:, mine], breaks[:, mine]) for mine in members]
    ratios = [pareto.robustness_ratios(first, second, STEPS) for first, second in zip(*drawn, strict=True)]
    means = [sum(draw) / len(draw) for draw in ratios if draw]
    if not means:
        return None
    low, high = np.percentile(means, [2.5, 97.5])
    return round(float(low), 4), round(float(high), 4)


def _trainings(values: np.ndarray, weights: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """How far the mean of each configuration lies from that of more seeds, drawn (DRAWS,C,2); 0 without repeats.

    `values` are the clean accuracy and the logarithm of the breaking epsilon of each model (M,2), `weights` those
    of each model in the mean of its configuration (C,M).
    """
    configurations, models = weights.shape
    degrees = models - configurations
    if not degrees:
        return np.zeros((DRAWS, configurations, 2))
    own = (weights > 0).T @ (weights @ values)  # the mean of each model's configuration (M,2)
    spread = (values - own).T @ (values - own) / degrees
    drawn = random.multivariate_normal(np.zeros(2), spread, (DRAWS, configurations), check_valid="ignore")
    tails = np.sqrt(degrees / random.chisquare(degrees, DRAWS))
    return drawn * np.sqrt((weights**2).sum(1))[None, :, None] * tails[:, None, None]


def _fronts(names: np.ndarray, clean: np.ndarray, breaks: np.ndarray) -> list[list[TradeoffPoint]]:
    """The Pareto front of each draw, for all draws at once; names (M), what was drawn (DRAWS,M)."""
    order = np.lexsort((-breaks, -clean), axis=1)
    right, height = (np.take_along_axis(drawn, order, axis=1) for drawn in (clean, breaks))
    best = np.maximum.accumulate(height, axis=1)
    first = np.column_stack([np.ones(len(best), dtype=bool), best[:, 1:] > best[:, :-1]])
    each = zip(names[order], right, height, first, strict=True)
    return [list(map(TradeoffPoint, *(column[on].tolist() for column in row))) for *row, on in each]


def _breaks(results: Results, random: np.random.Generator) -> np.ndarray:
    """Breaking epsilons (DRAWS) in the bracket; if its upper end was not measured it reaches as far up as down."""
    height, (low, high) = _height(results), results.breaks_between()
    above = (height - low if high is None else high - height) / NORMAL
    drawn = random.standard_normal(DRAWS)
    return np.maximum(height + np.where(drawn < 0, (height - low) / NORMAL, above) * drawn, 0.0)


def _height(results: Results) -> float:
    assert results.robustness
    return results.robustness.breaking_epsilon
