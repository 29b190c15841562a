"""What the fronts of a data set say: how many times as robust as heap 1 larger heaps are, at equal clean accuracy.

Robustness is read at several levels, since an advantage may lie elsewhere than where 75% are wrong.
"""

from collections.abc import Sequence

from core import fronts
from core.checkpoints import Checkpoint
from core.evaluation import breaking_point
from core.fronts import Spot
from core.results import Results

Measured = tuple[Checkpoint, Results]
ByData = dict[str, list[Measured]]
STANDARD = 0
LEVELS = (0.25, 0.5)
"""Shares misclassified, below the one that universal robustness is defined by."""
HEAD = (
    *("data", "front", "models", "clean accuracy (%)", "hypervolume (/255)"),
    *(f"times heap 1, {100 * level:.0f}% wrong" for level in LEVELS),
    "times heap 1, 75% wrong",
)
NOTE = (
    "Hypervolume: the area below a front, from (0, 0), the standard model included. Times heap 1: the ratio of the "
    "epsilons at which so many are wrong, at equal clean accuracy, lowest to highest, where hardened models of both "
    "heaps reach (a front goes on level below its last model). For 75% the epsilons were searched, for less they are "
    "read off between the measured ones along a line.\n"
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


def against_heap_1(own: Sequence[Measured], level: float | None = None) -> dict[int, list[float]]:
    """For each larger heap how many times the epsilon of heap 1 it takes, at equal clean accuracies.

    Empty where they cannot be compared: without models of heap 1, or where nothing broke one of them.
    """
    sizes = {checkpoint.heap for checkpoint, results in own if results.robustness} - {STANDARD}
    unbroken = any(c.heap == 1 and r.robustness and r.robustness.epsilon is None for c, r in own)
    if 1 not in sizes or (unbroken and level is None):
        return {}
    ones = fronts.front(spots(own, 1, level=level))
    return {size: fronts.ratios(ones, fronts.front(spots(own, size, level=level))) for size in sorted(sizes - {1})}


def rows(title: str, own: Sequence[Measured]) -> list[list[str]]:
    """The table: a front for each heap."""
    sizes = sorted({checkpoint.heap for checkpoint, results in own if results.robustness} - {STANDARD})
    times = [against_heap_1(own, level) for level in (*LEVELS, None)]
    found = []
    for size in sizes:
        line = fronts.front(spots(own, size, STANDARD))
        reach = f"{100 * line[-1].clean:.1f} to {100 * line[0].clean:.1f}"
        cells = [title, f"heap {size}", str(len(spots(own, size))), reach, f"{fronts.hypervolume(line):.2f}"]
        found.append([*cells, *(span(each[size]) if size in each else "" for each in times)])
    return found


def span(found: Sequence[float]) -> str:
    """From the smallest to the largest, or the one there is; empty for none."""
    if not found:
        return ""
    low, high = f"{min(found):.2f}", f"{max(found):.2f}"
    return low if low == high else f"{low} to {high}"
