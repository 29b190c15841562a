"""The claims as a section of the results page: a table, a figure, and a verdict that follows from the numbers."""

from collections.abc import Sequence

from core.checkpoints.results import EXCHANGED, STARTS
from core.reports.charts import MANY
from core.reports.claims import CLAIMS, Finding, broken
from core.reports.markdown import folded
from core.reports.tradeoff import MeasuredModel, ModelsByGroup


def sections(measured: ModelsByGroup, written: Sequence[str]) -> str:
    """The five sections; `written` are the figures that exist, as paths from the page."""
    parts = ["## The paper's claims\n", INTRODUCTION]
    for number, claim in enumerate(CLAIMS, 1):
        found = {name: finding for name, own in measured.items() if (finding := claim.ask(own))}
        parts += [f"### {number}. {claim.words}\n", f"**{verdict(list(found.values()))}**\n"]
        reasons = [f"- {measured[name][0][0].group_title}: {finding.why}" for name, finding in found.items()]
        parts += ["\n".join(reasons) + "\n"] if reasons else []
        rows = [row for finding in found.values() for row in finding.rows]
        parts += [folded(claim.head, rows)] if rows else []
        parts += [claim.note] if claim.note and rows else []
        parts += [f"![{claim.words}]({path})\n" for path in written if path.split("/")[-1].startswith(claim.figures)]
    rows = [_search_row(entry) for own in measured.values() for entry in own if entry[1].robustness]
    if rows:
        parts += ["### How hard each model was attacked\n", SEARCHED, folded(SEARCH_HEAD, rows)]
    return "\n".join(parts)


def _search_row(entry: MeasuredModel) -> list[str]:
    checkpoint, found = entry[0], entry[1].robustness
    assert found
    tries = sum(point.tries for point in found.curve)
    starts = len(entry[1].about.get(STARTS, ()))
    counts = (len(found.curve) - 1, tries, found.steps, starts, found.crafted_on, found.curve[0].report.accuracy.n)
    said = [checkpoint.group_title, checkpoint.title, broken(entry[1]), *(f"{count:,}" for count in counts)]
    return [*said, str(entry[1].about.get(EXCHANGED, ""))]


SEARCH_HEAD = ("data", "model", "breaks at", "epsilons", "tries", "steps", "starts", "crafting images", "n", "gave way")
SEARCHED = (
    "The search for the breaking point (`core/robustness/search.py`), where 75% are wrong, of scenes 50% of the "
    "pixels: at its first epsilon from random starts, at all others from a neighbouring epsilon's perturbation, as it "
    "is and worked on; at the first one, and again just below the breaking one, what broke other models of the data "
    "competes too (starts: of how many), the strongest on crafting images (`core/robustness/transfer.py`). The "
    "strongest found counts. Then the stored ones, the model's own and the lent ones, competed at every strength, "
    "rescaled, and the search went on from the strongest (`core/workflows/cross_epsilon.py`; gave way: how often one "
    "was replaced so, empty where that is still to be done). Brackets: between which measured epsilons the model may "
    "break for all that n tells. Where more steps and images stop helping, and how far other starts lead: "
    "[attack-strength.md](explanation/attack-strength.md).\n"
)


INTRODUCTION = (
    "Each verdict is worked out from the tables by `core/reports/claims.py`: *reproduced* where the claim holds in "
    "every case that was asked, *partly* where it holds in some, *not reproduced* where it holds in none; a case is a "
    "data set, or another architecture on it. Models are one training run each unless a seed is named. Figures of "
    f"risks and curves show, of groups of {MANY} models and more, three of the front of each heap: its most accurate, "
    "its most robust, and one between.\n"
)


def verdict(findings: Sequence[Finding]) -> str:
    """One sentence over all cases."""
    asked = [finding.holds for finding in findings if finding.holds is not None]
    if not asked:
        return "Verdict: not decided; the models that would decide it were not measured."
    held, count, left = sum(asked), len(asked), len(findings) - len(asked)
    word = "reproduced" if held == count else "partly reproduced" if held else "not reproduced"
    word += " where it is decided" if left else ""
    more = f"; {left} leave{'s' * (left == 1)} it open" if left else ""
    return f"Verdict: {word} (holds in {held} of {count} case{'s' * (count > 1)}{more})."
