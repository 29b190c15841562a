"""Every number of the results pages as records: one a model, one an attack, one a Pareto front, one a training run.

The CSV files and the searchable page are written from the same records. A record maps column titles to cells; all
epsilons are in units of 1/255, all rates in percent.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core import attacks
from core.attacks.targets import title
from core.checkpoints.results import Measurement, Results
from core.checkpoints.store import Checkpoint
from core.evaluation.pattern_score import ALL, ReadingRate
from core.evaluation.perceptibility import Jod
from core.evaluation.report import Rate, SceneRate
from core.reports import tradeoff
from core.reports.claims import breaking_text, resembles_target_most
from core.reports.markdown import percent
from core.reports.tradeoff import ModelsByGroup
from core.workflows.patterns import KINDS


@dataclass(frozen=True)
class Bracket:
    """A minimum breaking epsilon, the measured epsilons that bracket it (None: not reached), and the text of both."""

    value: float
    low: float
    high: float | None
    broken: bool
    text: str


Value = str | int | float | Rate | SceneRate | ReadingRate | Jod | Bracket | None
Record = dict[str, Value]


def text(value: Value) -> str:
    """The text of a value for people, like `76.0 [74.1, 77.8]`; empty for None."""
    if isinstance(value, Rate | SceneRate | ReadingRate):
        return percent(value)
    if isinstance(value, Bracket):
        return value.text
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value)


def csv_text(records: Sequence[Record]) -> str:
    """The records as CSV. A rate takes four columns: its value, the ends of its 95% interval, and n.

    >>> csv_text([{"model": "a", "accuracy (%)": Rate(50, 100)}]).splitlines()
    ['model,accuracy,accuracy_low,accuracy_high,accuracy_n', 'a,50.0,40.4,59.6,100']
    """
    flat = [
        {name: number for title, value in record.items() for name, number in _flat(title, value)} for record in records
    ]
    names = list(dict.fromkeys(name for record in flat for name in record))
    out = io.StringIO()
    writer = csv.DictWriter(out, _ordered(names), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return out.getvalue()


def _ordered(names: Sequence[str]) -> list[str]:
    """Columns in the order of their first appearance; the interval of a rate follows its value."""
    ends = ("_low", "_high", "_n", "_broken")
    behind = {name: [name + end for end in ends if name + end in names] for name in names}
    moved = {end for columns in behind.values() for end in columns}
    return [name for first in names if first not in moved for name in (first, *behind[first])]


def _flat(title: str, value: Value) -> Iterable[tuple[str, str]]:
    """Names and texts of the CSV columns that one value fills."""
    name = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")
    if isinstance(value, Rate | SceneRate | ReadingRate):
        columns = {"": value.value, "_low": value.interval[0], "_high": value.interval[1]} if value.n else {}
        return [*((name + end, f"{100 * number:.1f}") for end, number in columns.items()), (f"{name}_n", str(value.n))]
    if isinstance(value, Jod):
        ends = {"": value.value, "_low": value.low, "_high": value.high}
        return [*((name + end, f"{number:.2f}") for end, number in ends.items()), (f"{name}_n", str(value.n))]
    if isinstance(value, Bracket):
        high = "" if value.high is None else f"{value.high:g}"
        numbers = [(name, f"{value.value:g}"), (f"{name}_low", f"{value.low:g}"), (f"{name}_high", high)]
        return [*numbers, (f"{name}_broken", "yes" if value.broken else "no")]
    return [(name, text(value))]


def folder_name(checkpoint: Checkpoint, root: Path) -> str:
    """The model folder below `root`: `cifar10/standard`, or like `wide/cifar10/standard`."""
    return checkpoint.folder.relative_to(root).as_posix()


def model_records(models: ModelsByGroup, root: Path) -> list[Record]:
    """One record for each measured model: recipe, clean accuracy, breaking epsilon, risks, perceptibility, search."""
    return [
        _named(checkpoint, root)
        | _recipe(checkpoint)
        | _robustness(results)
        | _risks(results)
        | _patterns(results)
        | _search(results)
        for group in models.values()
        for checkpoint, results in group
    ]


def _named(checkpoint: Checkpoint, root: Path) -> Record:
    return {
        "data": checkpoint.group_title,
        "model": checkpoint.title,
        "folder": folder_name(checkpoint, root),
    }


def _recipe(checkpoint: Checkpoint) -> Record:
    recipe, trained = checkpoint.recipe, checkpoint.heap > 0
    return {
        "architecture": checkpoint.architecture,
        "heap": checkpoint.heap or None,
        "training epsilon (/255)": f"{recipe['epsilon']:.4g}" if trained else None,
        "sigma": f"{recipe['sigma']:g}" if trained else None,
        "seed": recipe.get("seed"),
        "schedule": checkpoint.schedule,
    }


def _robustness(results: Results) -> Record:
    return {
        "clean accuracy (%)": results.clean.accuracy,
        "clean mean IoU (%)": results.clean.overlap,
        "minimum breaking epsilon (/255)": _bracket(results),
        "minimum breaking epsilon as published (/255)": _bracket(results.as_published()),
        "largest measured epsilon (/255)": results.still_right()[-1][0],
    }


def _bracket(results: Results | None) -> Bracket | None:
    if not results or not results.robustness:
        return None
    low, high = results.breaks_between()
    broken = results.robustness.epsilon is not None
    return Bracket(results.robustness.breaking_epsilon, low, high, broken, breaking_text(results))


LEVELS = {"expected": "no perturbation", "universal": "one for all images", "adversarial": "one for each image"}
"""Names of the risk levels on the pages; the levels between share one perturbation in a heap."""


def _risks(results: Results) -> Record:
    record: Record = {}
    if results.risks:
        record["risk epsilon (/255)"] = f"{results.risks.epsilon:g}"
        for level in results.risks.levels:
            record[f"{LEVELS.get(level.kind) or f'one for {level.heap} images'} (%)"] = level.accuracy
    if seen := results.visibility:
        ranks = resembles_target_most(results)
        record |= {
            "JOD": seen.jod,
            "SSIM": f"{seen.ssim:.3f}",
            "colour difference": f"{seen.colour_difference:.1f}",
            "resembles the target more than all other scenes": f"{ranks[0]} of {ranks[1]}" if ranks else "",
            "perceptibility n": seen.n,
        }
    return record


def _patterns(results: Results) -> Record:
    """How often other models see the target in the perturbations; `n` is the number of readings."""
    score = results.pattern_score
    if not score:
        return {}
    return {
        "pattern score (%)": score.own[ALL],
        **{f"pattern score, read by {kind} (%)": score.own.get(kind) for kind in KINDS},
        "pattern score of random signs (%)": score.noise[ALL],
        "patterns": score.own[ALL].patterns,
        "pattern epsilon (/255)": score.epsilon,
    }


def _search(results: Results) -> Record:
    robustness = results.robustness
    if not robustness:
        return {}
    return {
        "searched epsilons": len(robustness.curve) - 1,
        "tries": sum(point.tries for point in robustness.curve),
        "steps": robustness.steps,
        "donor models": len(results.assessment.donors or ()),
        "crafting images": robustness.crafted_on,
        "search n": robustness.curve[0].report.accuracy.n,
        "replaced by a stronger one": results.assessment.replaced,
    }


def attack_records(models: ModelsByGroup, root: Path) -> list[Record]:
    """One record for each stored universal perturbation: how it was crafted and what it does on held-out images."""
    return [
        _named(checkpoint, root) | _attack(m, checkpoint)
        for group in models.values()
        for checkpoint, results in group
        for m in sorted(results.measurements, key=lambda m: (m.attack, str(m.target), m.epsilon))
    ]


def _attack(m: Measurement, checkpoint: Checkpoint) -> Record:
    score = m.pattern
    return {
        "attack": attacks.get(m.attack).title,
        "target": title(m.target, checkpoint.classes),
        "epsilon (/255)": m.epsilon,
        "steps": m.steps,
        "crafting images": m.crafted_on,
        "seed": m.seed,
        "accuracy (%)": m.report.accuracy,
        "mean IoU (%)": m.report.overlap,
        "success (%)": m.report.success,
        "success without attack (%)": m.report.unprovoked,
        "JOD": m.jod,
        "resembles the target more than": score.n - score.rank if score else None,
        "of other scenes": score.n - 1 if score else None,
        "explained by the target (%)": f"{100 * score.fraction:.1f}" if score else None,
        "explained by other scenes (%)": f"{100 * score.others:.1f}" if score else None,
    }


def curve_records(models: ModelsByGroup, root: Path) -> list[Record]:
    """One record for each model and untargeted attack: the accuracy at each epsilon, and the mean IoU of scenes."""
    every = [results for group in models.values() for _, results in group]
    epsilons = sorted({m.epsilon for results in every for m in results.measurements if m.target is None})
    return [
        _named(checkpoint, root) | {"measure": title, "attack": attacks.get(attack).title} | record
        for title, figure in (("accuracy (%)", "accuracy"), ("mean IoU (%)", "overlap"))
        for group in models.values()
        for checkpoint, results in group
        for attack in dict.fromkeys(m.attack for m in results.measurements if m.target is None)
        if (record := _curve(results, attack, figure, epsilons=epsilons))
    ]


def _curve(results: Results, attack: str, figure: str, *, epsilons: Iterable[int]) -> Record:
    """Empty where the figure was not measured."""
    if getattr(results.clean, figure) is None:
        return {}
    measurements = {epsilon: results.find(attack, epsilon) for epsilon in epsilons}
    rates: Record = {f"{epsilon}/255": getattr(m.report, figure) if m else None for epsilon, m in measurements.items()}
    return {"clean": getattr(results.clean, figure)} | rates


def front_records(models: ModelsByGroup) -> list[Record]:
    """One record for each Pareto front, as the claim on shared training shows it."""
    rows = [row for group in models.values() for row in tradeoff.rows(group)]
    return [dict(zip(tradeoff.COLUMNS, row, strict=True)) for row in rows]
