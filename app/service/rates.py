"""A measured rate of the engine as the page shows it."""

from typing import Literal

from app.service.types import Share
from core.evaluation.report import AnyRate, Rate


def share(rate: AnyRate) -> Share:
    """Value, interval, n, and which kind of interval it is."""
    method: Literal["Wilson", "bootstrap over scenes"] = "Wilson" if isinstance(rate, Rate) else "bootstrap over scenes"
    return Share(rate.value, *rate.interval, rate.n, method)
