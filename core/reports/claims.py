"""The paper's five claims: what each data set says on them, worked out from what was measured.

Source of the claims: Mummadi, Brox, Metzen, ICCV 2019. `core.reports.verdicts` makes the page of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core import datasets
from core.attacks.targets import scene_number
from core.checkpoints.results import Results
from core.evaluation.report import AnyRate
from core.reports import tradeoff
from core.reports.markdown import percent
from core.reports.tradeoff import STANDARD, Advantage, MeasuredModel
from core.robustness.risks import RiskLevel

PAPERS_RATIO = 2.0
"""At equal clean accuracy the paper's models with heap 64 are two to three times as robust as those with heap 1."""
AHEAD = 1.05
"""Less than this ratio is no difference."""


@dataclass(frozen=True)
class Finding:
    """What one group of models says on a claim: its rows of the table, and whether the claim holds there, with why."""

    rows: list[list[str]]
    holds: bool | None
    why: str


@dataclass(frozen=True)
class Claim:
    """One claim: its words, the head of its table, what a group of models says, and its figures."""

    words: str
    head: tuple[str, ...]
    ask: Callable[[list[MeasuredModel]], Finding | None]
    figures: tuple[str, ...] = ()
    note: str = ""


def _risk_level(results: Results, kind: str) -> RiskLevel | None:
    return next((level for level in results.risks.levels if level.kind == kind), None) if results.risks else None


def _above(one: AnyRate, other: AnyRate) -> bool:
    """Whether one rate is larger than the other beyond both intervals."""
    return one.interval[0] > other.interval[1]


def _parted(
    own: Sequence[MeasuredModel], has: Callable[[Results], object]
) -> tuple[MeasuredModel | None, list[MeasuredModel]]:
    """The standard model and the hardened ones, of those whose results have what is asked."""
    kept = [entry for entry in own if has(entry[1])]
    standard = next((entry for entry in kept if entry[0].kind == STANDARD), None)
    return standard, [entry for entry in kept if entry[0].kind != STANDARD]


def _accuracies(results: Results) -> tuple[AnyRate, AnyRate, AnyRate]:
    levels = [_risk_level(results, kind) for kind in ("expected", "universal", "adversarial")]
    expected, universal, adversarial = (level.accuracy for level in levels if level)
    return expected, universal, adversarial


def _sensitive(own: list[MeasuredModel]) -> Finding | None:
    standard, hardened = _parted(own, lambda results: results.risks)
    one = [entry for entry in hardened if entry[0].heap == 1]
    if not standard or not one:
        return None
    rows = [_ladder_row(entry) for entry in (standard, *one)]
    _, _, before = _accuracies(standard[1])
    better = [(checkpoint, *_accuracies(results)) for checkpoint, results in one]
    more = any(_above(adversarial, before) for _, _, _, adversarial in better)
    fooled = all(_above(clean, adversarial) for _, clean, _, adversarial in better)
    checkpoint, clean, _, adversarial = max(better, key=lambda entry: entry[3].value)
    why = (
        f"with a perturbation of its own for each image the standard model keeps {100 * before.value:.0f}%, "
        f"{checkpoint.title} {100 * adversarial.value:.0f}% of {100 * clean.value:.0f}%."
    )
    return Finding(rows, more and fooled, why)


def _ladder_row(entry: MeasuredModel) -> list[str]:
    checkpoint, results = entry
    assert results.risks
    cells = [f"{results.risks.epsilon:g}/255", *(percent(rate) for rate in _accuracies(results))]
    return [checkpoint.group_title, checkpoint.title, *cells, f"{results.risks.levels[0].accuracy.n:,}"]


def _universal(own: list[MeasuredModel]) -> Finding | None:
    standard, hardened = _parted(own, lambda results: results.risks)
    if not standard or not hardened:
        return None
    rows = [_ladder_row(entry) for entry in (standard, *hardened)]
    held = []
    for _, results in hardened:
        _, universal, adversarial = _accuracies(results)
        held.append(_above(universal, adversarial) and _above(universal, _accuracies(standard[1])[1]))
    lost = [(e.value - u.value, e.value - a.value) for e, u, a in (_accuracies(results) for _, results in hardened)]
    why = (
        f"under one perturbation for all images the hardened models lose at most {100 * max(u for u, _ in lost):.0f} "
        f"points, under one for each image at least {100 * min(a for _, a in lost):.0f}."
    )
    return Finding(rows, all(held), why)


def _tradeoff(own: list[MeasuredModel]) -> Finding | None:
    """Holds where the largest heap is ahead of heap 1 at equal clean accuracy, by what breaks the models."""
    rows = tradeoff.rows(own)
    if not rows:
        return None
    found = tradeoff.advantages(own)
    if not found:
        return Finding(rows, None, "there are no broken models of heap 1 and larger heaps to compare.")
    schedules = {checkpoint.kind: checkpoint.schedule for checkpoint, _ in own}
    largest = {schedules[kind]: (kind, lead) for kind, lead in found.items()}  # leads come by schedule, then by heap
    judged = [_leads(lead) for _, lead in largest.values()]
    said = [
        f"at equal clean accuracy ({lead.accuracy_text}) {kind} takes {lead.text} times the epsilon of heap 1: {words}"
        for (kind, lead), (_, words) in zip(largest.values(), judged, strict=True)
    ]
    return Finding(rows, judged[0][0], f"{'; '.join(said)}.")


def _leads(lead: Advantage) -> tuple[bool | None, str]:
    """Whether the larger heap is ahead, None where that is open, and the same in words."""
    if lead.low > AHEAD and lead.bound != "at most":
        words = "as far ahead as in the paper" if lead.low >= PAPERS_RATIO else "ahead, less than in the paper"
        return True, words if min(lead.ratios) > AHEAD else f"{words}, and not at every accuracy"
    if lead.bound and (lead.bound == "at least" or lead.low > AHEAD):
        return None, "models of both around one clean accuracy would tell"
    if lead.interval and lead.high > AHEAD:
        rest = f", and lies below the paper's {PAPERS_RATIO:g} to 3" if lead.high < PAPERS_RATIO else ""
        return None, f"the interval over {lead.uncertainty} reaches below {AHEAD:g}, which would be no difference{rest}"
    return False, "not ahead everywhere"


def _scenes(own: list[MeasuredModel]) -> Finding | None:
    standard, hardened = _parted(own, lambda results: results.robustness)
    if not standard or not hardened:
        return None
    rows, first = [], standard[1].robustness
    assert first
    for checkpoint, results in (standard, *hardened):
        found = results.robustness
        assert found
        n, cells = found.curve[0].report.accuracy.n, [percent(results.clean.accuracy), broken(results)]
        rows.append([checkpoint.group_title, checkpoint.title, *cells, f"{n:,}"])
    best = max(hardened, key=lambda entry: entry[1].robustness.breaking_epsilon if entry[1].robustness else 0)
    after = best[1].robustness
    assert after
    if not first.epsilon:
        return Finding(rows, None, "nothing broke the standard model, or it needs no perturbation to be wrong.")
    times = f"{'at least ' if after.epsilon is None else ''}{after.breaking_epsilon / first.breaking_epsilon:.1f}"
    why = f"{best[0].title} takes {times} times the epsilon that breaks the standard model."
    _, surely = standard[1].breaks_between()
    return Finding(rows, surely is not None and best[1].breaks_between()[0] > surely, why)


def broken(results: Results) -> str:
    """The breaking epsilon and between which measured epsilons it may lie, in words; the model was searched."""
    found, (low, high) = results.robustness, results.breaks_between()
    assert found
    if found.epsilon is None:
        return f"above {found.breaking_epsilon:g}/255"
    top = f"over {results.still_right()[-1][0]:g}" if high is None else f"{high:g}"
    return f"{found.breaking_epsilon:g}/255 [{low:g}, {top}]"


def _visible(own: list[MeasuredModel]) -> Finding | None:
    standard, hardened = _parted(own, lambda results: results.visibility and results.robustness)
    if not standard or not hardened:
        return None
    rows = []
    for checkpoint, results in (standard, *hardened):
        seen, found = results.visibility, results.robustness
        assert seen
        assert found
        cells = [broken(results), f"{seen.ssim:.3f}", f"{seen.colour_difference:.1f}", f"{100 * seen.visible:.0f}"]
        scores = _first_ranks(results)
        words = f"{scores[0]} of {scores[1]}" if scores else ""
        rows.append([checkpoint.group_title, checkpoint.title, *cells, words, f"{seen.n:,}"])
    before = standard[1].visibility
    assert before
    more = [results.visibility for _, results in hardened if results.visibility]
    perceptible = all(seen.visible > 0.5 and seen.ssim < before.ssim for seen in more)
    ranks = [firsts for _, results in hardened if (firsts := _first_ranks(results))]
    shown = all(2 * first >= count for first, count in ranks) if ranks else None
    why = (
        f"what breaks the hardened models differs noticeably in {100 * min(seen.visible for seen in more):.0f}% of the "
        f"pixels or more (standard {100 * before.visible:.0f}%), SSIM {max(seen.ssim for seen in more):.2f} or less "
        f"(standard {before.ssim:.2f})"
    )
    if ranks:
        first, count = (sum(part) for part in zip(*ranks, strict=True))
        why += f"; their perturbations towards a scene show that scene best in {first} of {count} attacks"
    else:
        why += "; whether they show a target was not measured here"
    return Finding(rows, perceptible and shown, f"{why}.")  # None: half of the claim was not asked


def _first_ranks(results: Results) -> tuple[int, int] | None:
    """In how many of the attacks towards a scene the target fits the perturbation best of all held-out scenes."""
    scores = [m.pattern for m in results.measurements if m.pattern and scene_number(m.target)]
    return (sum(score.rank == 1 for score in scores), len(scores)) if scores else None


LADDER_HEAD = ("data", "model", "epsilon", "no perturbation", "one for all", "each image its own", "n")
CLAIMS = (
    Claim(
        "Adversarial training helps, yet a perturbation for each image still fools many",
        LADDER_HEAD,
        _sensitive,
        ("ladders",),
        "Share still right in %; by PGD from the coarser rung's perturbations and from random starts.\n",
    ),
    Claim("It helps much more against one perturbation for all images", LADDER_HEAD, _universal),
    Claim(
        "Shared training pays less clean accuracy for universal robustness",
        tradeoff.HEAD,
        _tradeoff,
        ("fronts",),
        tradeoff.NOTE,
    ),
    Claim(
        "The same holds for semantic segmentation",
        ("data", "model", "clean (%)", "50% of pixels wrong at", "n"),
        lambda own: _scenes(own) if datasets.get(own[0][0].data).task == "segmentation" else None,
        ("curves",),
    ),
    Claim(
        "What still fools a hardened model is perceptible and shows the target scene",
        ("data", "model", "breaks at", "SSIM", "colour difference", "noticeable pixels (%)", "target is rank 1", "n"),
        _visible,
        (),
        "Of the perturbation at the breaking point. Colour difference: CIEDE2000, noticeable above 2.3. Target is rank "
        "1: in how many attacks towards a scene no other held-out scene explains the perturbation as well.\n",
    ),
)
