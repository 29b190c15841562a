"""Parts of the generated pages: Markdown tables, and rates with their intervals."""

from collections.abc import Iterable, Sequence

from core.evaluation.pattern_score import ReadingRate
from core.evaluation.report import AnyRate


def percent(rate: AnyRate | ReadingRate | None) -> str:
    """A rate and its 95% interval in percent, like `76.0 [74.1, 77.8]`; empty for None."""
    if rate is None:
        return ""
    if not rate.n:
        return "nothing to count"
    low, high = rate.interval
    return f"{100 * rate.value:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def table(head: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [list(head), *rows]
    rule = ["---" for _ in lines[0]]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (lines[0], rule, *lines[1:])) + "\n"
