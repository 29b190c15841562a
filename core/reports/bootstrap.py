"""How sure a lead is, for all that the held-out images and repeated trainings tell: fronts drawn again and again.

All models are measured on the same images, so that a picture which is hard for one is often hard for the other too:
the clean accuracies are drawn together, from how they go together over the images (a paired bootstrap in its normal
limit). What a model breaks at is drawn from its own bracket, each model by itself, which can only make the interval
wider. Where cells were trained from several seeds, the spread between these trainings, pooled over all such cells, is
added to every cell, divided by the number of its models, with the tails that so few trainings ask for (Student's t).
N images, M models, C cells; epsilons are in units of 1/255.
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


def ratio_interval(models: Sequence[tuple[Checkpoint, Results]], one: str, other: str) -> tuple[float, float] | None:
    """The 95% interval of the mean ratio of kind `other`'s front to that of `one`, over other images and trainings.

    `models` are those of all seeds, with their robustness; a cell stands where its models stand on average. None where
    it is not stored which images a model is right on, or these were not the same images for all.
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
    names = [checkpoint.name_without_seed for checkpoint, _ in models]
    cells = list(dict.fromkeys(names))
    member = np.array([[name == cell for name in names] for cell in cells], dtype=float)
    share = member / member.sum(1, keepdims=True)  # (C,M)
    heights = np.array([max(_height(results), UNBROKEN) for _, results in models])
    trained = _trainings(np.stack([middle, np.log(heights)], axis=1), share, random)
    clean, breaks = clean @ share.T + trained[..., 0], breaks @ share.T * np.exp(trained[..., 1])
    kinds = np.array([models[names.index(cell)][0].kind for cell in cells])
    labels = np.array(cells)
    drawn = [_fronts(labels[mine], clean[:, mine], breaks[:, mine]) for mine in (kinds == one, kinds == other)]
    ratios = [pareto.robustness_ratios(first, second, STEPS) for first, second in zip(*drawn, strict=True)]
    means = [sum(found) / len(found) for found in ratios if found]
    if not means:
        return None
    low, high = np.percentile(means, [2.5, 97.5])
    return round(float(low), 4), round(float(high), 4)


def _trainings(found: np.ndarray, share: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """How far the mean of each cell lies beside what more seeds would give (DRAWS,C,2), drawn; 0 without repeats.

    `found` are the clean accuracy and the logarithm of the breaking epsilon of each model (M,2), `share` the part of
    each model in the mean of its cell (C,M).
    """
    cells, models = share.shape
    degrees = models - cells
    if not degrees:
        return np.zeros((DRAWS, cells, 2))
    own = (share > 0).T @ (share @ found)  # the mean of each model's cell (M,2)
    spread = (found - own).T @ (found - own) / degrees
    drawn = random.multivariate_normal(np.zeros(2), spread, (DRAWS, cells), check_valid="ignore")
    tails = np.sqrt(degrees / random.chisquare(degrees, DRAWS))
    return drawn * np.sqrt((share**2).sum(1))[None, :, None] * tails[:, None, None]


def _fronts(names: np.ndarray, clean: np.ndarray, breaks: np.ndarray) -> list[list[TradeoffPoint]]:
    """The front of each draw, as `fronts.front` has it, for all draws at once; names (M), what was drawn (DRAWS, M)."""
    order = np.lexsort((-breaks, -clean), axis=1)
    right, height = (np.take_along_axis(drawn, order, axis=1) for drawn in (clean, breaks))
    best = np.maximum.accumulate(height, axis=1)
    first = np.column_stack([np.ones(len(best), dtype=bool), best[:, 1:] > best[:, :-1]])
    each = zip(names[order], right, height, first, strict=True)
    return [list(map(TradeoffPoint, *(column[on].tolist() for column in row))) for *row, on in each]


def _breaks(results: Results, random: np.random.Generator) -> np.ndarray:
    """Breaking epsilons (DRAWS) within the bracket, which reaches as far up as down where its end was not measured."""
    height, (low, high) = _height(results), results.breaks_between()
    above = (height - low if high is None else high - height) / NORMAL
    drawn = random.standard_normal(DRAWS)
    return np.maximum(height + np.where(drawn < 0, (height - low) / NORMAL, above) * drawn, 0.0)


def _height(results: Results) -> float:
    assert results.robustness
    return results.robustness.breaking_epsilon
