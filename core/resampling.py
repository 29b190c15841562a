"""How sure a lead is for all that the held-out images tell: fronts drawn again and again.

All models are measured on the same images, so that a picture which is hard for one is often hard for the other too:
the clean accuracies are drawn together, from how they go together over the images (a paired bootstrap in its normal
limit). What a model breaks at is drawn from its own bracket, each model by itself, which can only make the interval
wider. N images; epsilons are in units of 1/255.
"""

from collections.abc import Sequence

import numpy as np

from core import fronts
from core.checkpoints import Checkpoint
from core.fronts import Spot
from core.results import Results

DRAWS, STEPS = 1000, 5
NORMAL = 1.96
"""Standard deviations from the middle to the end of a 95% interval."""


def interval(models: Sequence[tuple[Checkpoint, Results]], one: int, other: int) -> tuple[float, float] | None:
    """The 95% interval of the mean ratio of heap `other`'s front to heap `one`'s, over what other images would say.

    `models` are those of one seed, with their robustness. None where it is not stored which images a model is right
    on, or these were not the same images for all.
    """
    each = [results.hits for _, results in models]
    n = len(each[0]) if each else 0
    if not n or any(len(hits) != n for hits in each):
        return None
    random = np.random.default_rng(0)
    middle = [results.clean.accuracy.value for _, results in models]
    spread = np.atleast_2d(np.cov(np.array(each))) / n
    clean = random.multivariate_normal(middle, spread, DRAWS, check_valid="ignore")
    breaks = np.stack([_breaks(results, random) for _, results in models], axis=1)
    names, heaps = (np.array([getattr(checkpoint, key) for checkpoint, _ in models]) for key in ("name", "heap"))
    drawn = [_fronts(names[mine], clean[:, mine], breaks[:, mine]) for mine in (heaps == one, heaps == other)]
    ratios = [fronts.ratios(first, second, STEPS) for first, second in zip(*drawn, strict=True)]
    means = [sum(found) / len(found) for found in ratios if found]
    if not means:
        return None
    low, high = np.percentile(means, [2.5, 97.5])
    return round(float(low), 4), round(float(high), 4)


def _fronts(names: np.ndarray, clean: np.ndarray, breaks: np.ndarray) -> list[list[Spot]]:
    """The front of each draw, as `fronts.front` has it, for all draws at once; names (M), what was drawn (DRAWS, M)."""
    order = np.lexsort((-breaks, -clean), axis=1)
    right, height = (np.take_along_axis(drawn, order, axis=1) for drawn in (clean, breaks))
    best = np.maximum.accumulate(height, axis=1)
    first = np.column_stack([np.ones(len(best), dtype=bool), best[:, 1:] > best[:, :-1]])
    each = zip(names[order], right, height, first, strict=True)
    return [list(map(Spot, *(column[on].tolist() for column in row))) for *row, on in each]


def _breaks(results: Results, random: np.random.Generator) -> np.ndarray:
    """Breaking epsilons (DRAWS) within the bracket, which reaches as far up as down where its end was not measured."""
    assert results.robustness
    height, (low, high) = results.robustness.height, results.breaks_between()
    above = (height - low if high is None else high - height) / NORMAL
    drawn = random.standard_normal(DRAWS)
    return np.maximum(height + np.where(drawn < 0, (height - low) / NORMAL, above) * drawn, 0.0)
