"""How the commands print rates and JSON."""

from typing import Any

from rich.table import Table

from core.evaluation.report import RATES, AnyRate, Report
from core.files import to_text

TITLES = {"fooling": "fooling rate", "target": "target rate"}
"""Names of rates for people, where they differ from those of the fields."""


def percent(rate: AnyRate) -> str:
    """A rate for people, like `81.3%`."""
    return f"{rate.value:.1%}" if rate.n else "nothing to count"


def interval(rate: AnyRate) -> str:
    """The 95% interval of a rate for people; empty if nothing was counted."""
    low, high = rate.interval
    return f"{low:.1%} to {high:.1%}" if rate.n else ""


def rates(report: Report) -> Table:
    """The rates of a report as a table, each with its 95% interval and its number n of images or pixels."""
    table = Table("", "rate", "95% interval", "n", box=None)
    for name in RATES:
        rate = getattr(report, name)
        if rate is not None:
            table.add_row(TITLES.get(name, name), percent(rate), interval(rate), f"{rate.n:,}")
    return table


def print_json(content: Any) -> None:
    """Print strict JSON on standard output, for other programs."""
    print(to_text(content))
