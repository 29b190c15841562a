"""The paper's five claims: what each data set says about them, and the verdict that follows from the numbers.

Source of the claims: Mummadi, Brox, Metzen, ICCV 2019.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core import datasets
from core.attacks.targets import scene_number
from core.checkpoints.results import Results
from core.evaluation.pattern_score import ALL, PatternScore, ReadingRate
from core.evaluation.perceptibility import NOTICED, VIEWING_IN_WORDS, Jod
from core.evaluation.report import AnyRate
from core.reports import tradeoff
from core.reports.markdown import percent, table
from core.reports.tradeoff import STANDARD, Advantage, MeasuredModel, ModelsByGroup, representatives
from core.reports.visibility import HALF

PAPERS_RATIO = 2.0
"""At equal clean accuracy the paper's models with heap 64 are two to three times as robust as those with heap 1."""
NO_DIFFERENCE = 1.05
"""A smaller ratio counts as no difference."""


@dataclass(frozen=True)
class Finding:
    """The finding of one group of models on a claim: rows of the table, whether the claim holds, and the reason.

    `holds` is None where the claim cannot be decided. `rows` show at most ten models of the group.
    """

    rows: list[list[str]]
    holds: bool | None
    reason: str


@dataclass(frozen=True)
class Claim:
    """One claim: its statement, the columns of its table, what judges a group of models, and its figures."""

    statement: str
    columns: tuple[str, ...]
    judge: Callable[[list[MeasuredModel]], Finding | None]
    figures: tuple[str, ...] = ()
    note: str = ""


def sections(models: ModelsByGroup, figures: Sequence[str]) -> str:
    """One section for each claim, in Markdown; `figures` are the figures that exist, as paths from the page."""
    parts = ["## The paper's claims\n", INTRODUCTION]
    for number, claim in enumerate(CLAIMS, 1):
        findings = {name: finding for name, group in models.items() if (finding := claim.judge(group))}
        parts += [f"### {number}. {claim.statement}\n", f"**{verdict(list(findings.values()))}**\n"]
        reasons = [f"- {models[name][0][0].group_title}: {finding.reason}" for name, finding in findings.items()]
        parts += ["\n".join(reasons) + "\n"] if reasons else []
        parts += [f"![{claim.statement}]({path})\n" for path in figures if path.endswith(claim.figures)]
        rows = [row for finding in findings.values() for row in finding.rows]
        parts += [table(claim.columns, rows)] if rows else []
        parts += [claim.note] if claim.note and rows else []
    return "\n".join(parts)


INTRODUCTION = (
    "Each verdict follows from the measured numbers (`core/reports/claims.py`). A claim is *reproduced* if it holds in "
    "every case that can decide it, *partly reproduced* if it holds in some, and *not reproduced* if it holds in none. "
    "A case is a data set, or another architecture on a data set. Each model is one training run; models that differ "
    "only in the seed carry the seed in their name. The tables show the standard model, the model that the verdict "
    "names, and one model from the middle of each Pareto front; [All models](all.md) lists the rest.\n"
)


def verdict(findings: Sequence[Finding]) -> str:
    """One sentence that sums up the findings of all cases."""
    decided = [finding.holds for finding in findings if finding.holds is not None]
    if not decided:
        return "Verdict: not decided; the models that would decide it were not measured."
    held, count, undecided = sum(decided), len(decided), len(findings) - len(decided)
    word = "reproduced" if held == count else "partly reproduced" if held else "not reproduced"
    word += " where it is decided" if undecided else ""
    more = f"; {undecided} leave{'s' * (undecided == 1)} it open" if undecided else ""
    return f"Verdict: {word} (holds in {held} of {count} case{'s' * (count > 1)}{more})."


def breaking_text(results: Results) -> str:
    """The minimum breaking epsilon and the measured epsilons that bracket it, like `20/255 [19.75, 21]`.

    The model's universal robustness must have been measured.
    """
    robustness, (low, high) = results.robustness, results.breaks_between()
    assert robustness
    if robustness.epsilon is None:
        return f"above {robustness.breaking_epsilon:g}/255"
    top = f"over {results.still_right()[-1][0]:g}" if high is None else f"{high:g}"
    return f"{robustness.breaking_epsilon:g}/255 [{low:g}, {top}]"


def resembles_target_most(results: Results) -> tuple[int, int] | None:
    """The number of attacks towards a scene that resemble it more than all other scenes, and of all such attacks.

    None if no attack aimed at a scene.
    """
    scores = [m.pattern for m in results.measurements if m.pattern and scene_number(m.target)]
    return (sum(score.rank == 1 for score in scores), len(scores)) if scores else None


def _clearly_above(first: AnyRate, second: AnyRate) -> bool:
    """Whether the first rate is larger than the second beyond both intervals."""
    return first.interval[0] > second.interval[1]


def _split(
    models: Sequence[MeasuredModel], has: Callable[[Results], object]
) -> tuple[MeasuredModel | None, list[MeasuredModel]]:
    """The standard model and the adversarially trained models of any heap, of those whose results have `has`."""
    kept = [entry for entry in models if has(entry[1])]
    standard = next((entry for entry in kept if entry[0].kind == STANDARD), None)
    return standard, [entry for entry in kept if entry[0].heap]


def _accuracies(results: Results) -> tuple[AnyRate, AnyRate, AnyRate]:
    """The accuracy without a perturbation, under one perturbation for all images, and under one for each image."""
    assert results.risks
    by_kind = {level.kind: level.accuracy for level in reversed(results.risks.levels)}
    return by_kind["expected"], by_kind["universal"], by_kind["adversarial"]


def _risk_rows(models: Sequence[MeasuredModel], *keep: str) -> list[list[str]]:
    rows = []
    for checkpoint, results in representatives(models, *keep, each=1):
        assert results.risks
        cells = [f"{results.risks.epsilon:g}/255", *(percent(rate) for rate in _accuracies(results))]
        rows.append([checkpoint.group_title, checkpoint.title, *cells, f"{results.risks.levels[0].accuracy.n:,}"])
    return rows


def _adversarial_training_helps(models: list[MeasuredModel]) -> Finding | None:
    """Holds if a model of heap 1 beats the standard one under one perturbation per image, and all lose much."""
    standard, trained = _split(models, lambda results: results.risks)
    heap_1 = [entry for entry in trained if entry[0].heap == 1]
    if not standard or not heap_1:
        return None
    _, _, before = _accuracies(standard[1])
    rates = [(checkpoint, *_accuracies(results)) for checkpoint, results in heap_1]
    helps = any(_clearly_above(adversarial, before) for _, _, _, adversarial in rates)
    fooled = all(_clearly_above(clean, adversarial) for _, clean, _, adversarial in rates)
    checkpoint, clean, _, adversarial = max(rates, key=lambda entry: entry[3].value)
    reason = (
        f"under a perturbation for each image the standard model keeps {100 * before.value:.0f}%, "
        f"{checkpoint.title} keeps {100 * adversarial.value:.0f}% of {100 * clean.value:.0f}%."
    )
    return Finding(_risk_rows([standard, *heap_1], checkpoint.name), helps and fooled, reason)


def _more_against_universal(models: list[MeasuredModel]) -> Finding | None:
    standard, trained = _split(models, lambda results: results.risks)
    if not standard or not trained:
        return None
    _, standard_universal, _ = _accuracies(standard[1])
    rates = [_accuracies(results) for _, results in trained]
    holds = all(
        _clearly_above(universal, adversarial) and _clearly_above(universal, standard_universal)
        for _, universal, adversarial in rates
    )
    lost_universal = max(clean.value - universal.value for clean, universal, _ in rates)
    lost_adversarial = min(clean.value - adversarial.value for clean, _, adversarial in rates)
    reason = (
        f"under one perturbation for all images the adversarially trained models lose at most "
        f"{100 * lost_universal:.0f} points, under one for each image at least {100 * lost_adversarial:.0f}."
    )
    return Finding(_risk_rows([standard, *trained]), holds, reason)


def _shared_training_costs_less(models: list[MeasuredModel]) -> Finding | None:
    """Holds if the largest heap has an advantage over heap 1 at equal clean accuracy."""
    rows = tradeoff.rows(models)
    if not rows:
        return None
    advantages = tradeoff.advantages(models)
    if not advantages:
        return Finding(rows, None, "there are no broken models of heap 1 and larger heaps to compare.")
    schedules = {checkpoint.kind: checkpoint.schedule for checkpoint, _ in models}
    largest = {schedules[kind]: (kind, gain) for kind, gain in advantages.items()}  # ordered by schedule, then by heap
    judged = [_judge_advantage(advantage) for _, advantage in largest.values()]
    weaker = tradeoff.advantages(tradeoff.as_published(models))
    reasons = [
        f"at equal clean accuracy ({gain.accuracy_text}) {kind} takes {gain.text} times the epsilon of heap 1"
        + (f" ({weaker[kind].text} times under the attack as published)" if kind in weaker else "")
        + f": {words}"
        for (kind, gain), (_, words) in zip(largest.values(), judged, strict=True)
    ]
    return Finding(rows, judged[0][0], f"{'; '.join(reasons)}.")


def _judge_advantage(advantage: Advantage) -> tuple[bool | None, str]:
    """Whether the larger heap has an advantage (None: open), and the same in words."""
    if advantage.low > NO_DIFFERENCE and advantage.bound != "at most":
        words = "as far ahead as in the paper" if advantage.low >= PAPERS_RATIO else "ahead, less than in the paper"
        return True, words if min(advantage.ratios) > NO_DIFFERENCE else f"{words}, and not at every accuracy"
    if advantage.bound and (advantage.bound == "at least" or advantage.low > NO_DIFFERENCE):
        return None, "models of both heaps at a common clean accuracy would decide"
    if advantage.interval and advantage.high > NO_DIFFERENCE:
        rest = f", and lies below the paper's {PAPERS_RATIO:g} to 3" if advantage.high < PAPERS_RATIO else ""
        return None, (
            f"the interval over {advantage.uncertainty} reaches below {NO_DIFFERENCE:g}, which would be no "
            f"difference{rest}"
        )
    return False, "not ahead everywhere"


def _holds_for_segmentation(models: list[MeasuredModel]) -> Finding | None:
    if datasets.get(models[0][0].data).task != "segmentation":
        return None
    standard, trained = _split(models, lambda results: results.robustness)
    if not standard or not trained:
        return None
    best = max(trained, key=lambda entry: entry[1].robustness.breaking_epsilon if entry[1].robustness else 0)
    before, after = standard[1].robustness, best[1].robustness
    assert before
    assert after
    rows = []
    for checkpoint, results in representatives([standard, *trained], best[0].name, each=1):
        assert results.robustness
        n = results.robustness.curve[0].report.accuracy.n
        cells = [percent(results.clean.accuracy), breaking_text(results), f"{n:,}"]
        rows.append([checkpoint.group_title, checkpoint.title, *cells])
    if not before.epsilon:
        reason = "nothing broke the standard model, or it needs no perturbation to be wrong."
        return Finding(rows, None, reason)
    at_least = "at least " if after.epsilon is None else ""
    ratio = f"{after.breaking_epsilon / before.breaking_epsilon:.1f}"
    reason = f"{best[0].title} takes {at_least}{ratio} times the epsilon that breaks the standard model."
    _, surely = standard[1].breaks_between()
    return Finding(rows, surely is not None and best[1].breaks_between()[0] > surely, reason)


def _remaining_is_perceptible(models: list[MeasuredModel]) -> Finding | None:
    """Holds if what still breaks the models is perceptible and attacks towards a scene or a class show it.

    Perceptible: the JOD of every trained model is surely below 9, where 75% of observers prefer the original, and
    surely below the standard model's. Shown: at least half of the perturbations towards a scene resemble it more than
    all other scenes; of perturbations towards a class, the pattern score is surely above those of random signs and of
    the standard model's perturbations (`_class_is_shown`). None (open) where that was not measured, or where too few
    patterns were read to tell.
    """
    standard, trained = _split(models, lambda results: results.visibility and results.visibility.jod)
    if not standard or not trained:
        return None
    before, after = _jod(standard[1]), [_jod(results) for _, results in trained]
    perceptible = all(jod.high < min(NOTICED, before.low) for jod in after)
    shown, words = _scene_is_shown(standard[1], trained) or _class_is_shown(models)
    least, most = min(after, key=lambda jod: jod.value), max(after, key=lambda jod: jod.value)
    reason = (
        f"what breaks the adversarially trained models has a JOD of {least} to {most}, and what breaks the standard "
        f"model one of {before}; {words}."
    )
    return Finding(_visibility_rows([standard, *trained]), perceptible and shown, reason)


def _scene_is_shown(standard: Results, trained: Sequence[MeasuredModel]) -> tuple[bool, str] | None:
    """Whether perturbations towards scenes show these, and the same in words; None where none aimed at a scene."""
    ranks = [firsts for _, results in trained if (firsts := resembles_target_most(results))]
    if not ranks:
        return None
    first, count = (sum(part) for part in zip(*ranks, strict=True))
    words = f"their perturbations towards a scene resemble it more than all other scenes in {first} of {count} attacks"
    own = resembles_target_most(standard)
    words += f", those of the standard model in {own[0]} of {own[1]}" if own else ""
    return all(2 * first >= count for first, count in ranks), words


def _class_is_shown(models: Sequence[MeasuredModel]) -> tuple[bool | None, str]:
    """Whether the trained models' perturbations towards classes show these (None: open), and the same in words."""
    standard, trained = _split(models, lambda results: results.pattern_score)
    scores = [results.pattern_score for _, results in trained if results.pattern_score]
    if not scores:
        return None, "whether they show a target was not measured here"
    control = standard[1].pattern_score if standard else None
    every = [_shows_target(score, control) for score in scores]
    shown = False if False in every else None if None in every else True
    own = sorted((score.own[ALL] for score in scores), key=lambda rate: rate.value)
    noise = max((score.noise[ALL] for score in scores), key=lambda rate: rate.value)
    words = f"other models see the target in {span(own)} of readings of their patterns, in {span([noise])} of random "
    words += "signs, "
    if control is None:
        return shown, f"{words}and the standard model's patterns were not read"
    words += f"and in {span([control.own[ALL]])} of the standard model's patterns"
    return shown, words + (", which is too close for so few patterns" if shown is None else "")


def _shows_target(score: PatternScore, standard: PatternScore | None) -> bool | None:
    """Whether a pattern score is surely above both controls (True), or surely below one of them or one half (False).

    None where neither is sure, or where the standard model's score was not measured.
    """
    if standard is None:
        return None
    (low, high), controls = score.own[ALL].interval, [score.noise[ALL].interval, standard.own[ALL].interval]
    if low > max(end for _, end in controls):
        return True
    return False if high < max(0.5, *(start for start, _ in controls)) else None


def span(rates: Sequence[ReadingRate]) -> str:
    """The smallest and the largest of sorted rates with their intervals, like `52.0 [30.3, 73.0]%`; equal ones once."""
    return " to ".join(dict.fromkeys(f"{percent(rate)}%" for rate in (rates[0], rates[-1])))


def _jod(results: Results) -> Jod:
    """The JOD of the perturbation that breaks a model of which it was measured."""
    assert results.visibility
    assert results.visibility.jod
    return results.visibility.jod


def _visibility_rows(models: Sequence[MeasuredModel]) -> list[list[str]]:
    rows = []
    scored = [checkpoint.name for checkpoint, results in models if results.pattern_score]
    for checkpoint, results in representatives(models, *scored, each=1):
        seen, ranks, score = results.visibility, resembles_target_most(results), results.pattern_score
        assert seen
        cells = [str(_jod(results)), _half(results), f"{seen.ssim:.3f}", f"{seen.colour_difference:.1f}"]
        cells += [f"{ranks[0]} of {ranks[1]}" if ranks else ""]
        cells += [percent(score.own[ALL]), percent(score.noise[ALL])] if score else ["", ""]
        cells += [f"{_jod(results).n}; {seen.n:,}"]
        rows.append([checkpoint.group_title, checkpoint.title, breaking_text(results), *cells])
    return rows


def _half(results: Results) -> str:
    """The weakest stored S-PGD under which half of the answers are wrong, and its JOD: `8/255, 8.5`."""
    found = results.enough(HALF)
    if found is None:
        return ""
    return f"{found.epsilon}/255" + (f", {found.jod.value:.1f}" if found.jod else "")


RISK_COLUMNS = ("data", "model", "epsilon", "no perturbation", "one for all images", "one for each image", "n")
CLAIMS = (
    Claim(
        "Adversarial training helps, yet a perturbation for each image still fools many",
        RISK_COLUMNS,
        _adversarial_training_helps,
        ("risks.svg",),
        "The accuracy in % under each risk level. The attack is PGD, started from the perturbations of the next larger "
        "heap and from random points.\n",
    ),
    Claim("It helps much more against one perturbation for all images", RISK_COLUMNS, _more_against_universal),
    Claim(
        "Shared training costs less clean accuracy for the same universal robustness",
        tradeoff.COLUMNS,
        _shared_training_costs_less,
        ("pareto-fronts.svg", "attacks.svg"),
        tradeoff.NOTE,
    ),
    Claim(
        "The same holds for semantic segmentation",
        ("data", "model", "clean (%)", "minimum breaking epsilon", "n"),
        _holds_for_segmentation,
        ("curves.svg",),
        "A segmentation model counts as broken when 50% of its pixels are wrong.\n",
    ),
    Claim(
        "What still breaks an adversarially trained model is perceptible and shows the target",
        (
            *("data", "model", "minimum breaking epsilon", "JOD", "half wrong at", "SSIM", "colour difference"),
            *("resembles the target more than all other scenes", "pattern score (%)", "of random signs (%)"),
            "n (JOD; SSIM and colour)",
        ),
        _remaining_is_perceptible,
        ("visibility.svg",),
        "The figure shows accuracy against visibility, strength by strength, without epsilon in between. The table is "
        "measured on the perturbation at the minimum breaking epsilon. *JOD* (just-objectionable differences, "
        "ColorVideoVDP) is 10 where no difference is seen; at 9, 75% of observers prefer the original. *Half "
        "wrong at* is the weakest stored S-PGD under which half of the answers are wrong, and its JOD. Viewed as on a "
        f"{VIEWING_IN_WORDS}. *Colour difference* is the mean CIEDE2000; above 2.3 it is noticeable on large patches. "
        "*Resembles the target more than all other scenes* counts the attacks towards a scene of which that is true "
        "among the held-out scenes. The *pattern score* is how often other models name the target class when they see "
        "the perturbation alone; the tables below have the number of readings.\n",
    ),
)
