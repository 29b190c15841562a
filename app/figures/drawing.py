"""What all figures are made of: lines, axes, words, and the JSON that the browser draws."""

import json
from collections.abc import Sequence
from html import escape
from typing import Any

ROOM = {"l": 30, "r": 6, "t": 6, "b": 34}
"""Margins that leave room for the words of an axis."""
SHAPES = {"A": "circle", "B": "triangle-up"}


def mark(letter: str, size: float) -> dict[str, Any]:
    """The marker of model A or B, set off from what lies under it."""
    edge = {"color": "@paper", "width": 1.5}
    return {"symbol": SHAPES[letter], "size": size, "color": f"@{letter.lower()}", "line": edge}


def line(points: Sequence[tuple[float, float]], line: dict[str, Any], hover: str) -> dict[str, Any]:
    """Fractions over the values of the x axis, in percent."""
    x, y = [epsilon for epsilon, _ in points], [100 * value for _, value in points]
    return {"x": x, "y": y, "mode": "lines", "line": line, "hovertemplate": hover}


def titled(words: str, suffix: str = "", size: float = 12) -> dict[str, Any]:
    """The words along an axis, and what follows each of its numbers."""
    return {"title": {"text": words, "standoff": size / 2, "font": {"size": size}}, "ticksuffix": suffix}


def plain(words: str) -> str:
    """The words escaped, because Plotly reads some tags as markup."""
    return escape(words, quote=False)


def share(fraction: float) -> str:
    """A fraction in words: `half`, or like `75%`."""
    return "half" if fraction == 0.5 else f"{100 * fraction:.0f}%"


def rule(axis: str, value: float) -> dict[str, Any]:
    """A dotted line across the figure at one value of an axis."""
    other = "x" if axis == "y" else "y"
    ends: dict[str, Any] = {f"{axis}0": value, f"{axis}1": value, f"{other}0": 0, f"{other}1": 1}
    return {"type": "line", **ends, f"{other}ref": "paper", "line": {"color": "@soft", "width": 1, "dash": "dot"}}


def axis(span: list[float], ticks: list[float] | None) -> dict[str, Any]:
    """An axis over a span, with these ticks or with a few round ones."""
    axis: dict[str, Any] = {"range": span, "fixedrange": True, "showgrid": False, "zeroline": False, "showline": True}
    axis |= {"linecolor": "@line", "tickfont": {"size": 10}, "ticklen": 2}
    return axis | ({"tickvals": ticks} if ticks else {"nticks": 5})


def figure(traces: list[dict[str, Any]], layout: dict[str, Any]) -> str:
    """The JSON of a figure; `layout` changes what is usual here, and its `meta` tells the figure in words."""
    whole = {
        "margin": {"l": 30, "r": 6, "t": 6, "b": 18},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": "@soft", "size": 10, "family": "system-ui, sans-serif"},
        "showlegend": False,
        "yaxis": {
            "range": [0, 102],
            "tickvals": [0, 50, 100],
            "ticksuffix": "%",
            "fixedrange": True,
            "gridcolor": "@line",
            "zeroline": False,
        },
        "hoverlabel": {"bgcolor": "@paper", "bordercolor": "@line", "font": {"color": "@ink"}},
        **layout,
    }
    return json.dumps({"data": traces, "layout": whole}, separators=(",", ":"))
