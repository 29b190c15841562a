"""Results to Plotly figures, as JSON. Colours are names of the page's CSS variables (`@a`), filled in by the browser.

Plain dictionaries, because Plotly's Python objects would refuse such names and take a second to import.
"""

import json
from typing import Any

from app.service import Card, Curve, Forming

SHAPES = {"A": "circle", "B": "triangle-up"}


def accuracy(card: Card) -> str:
    """Right answers (or the target rate) against epsilon, with a marker where the page stands; or a run under way."""
    if card.forming:
        return _figure(*_forming(card.letter, card.forming))
    return _figure(*_curve(card.letter, card.curve, card.epsilon, card.measured.value if card.measured else None))


def _curve(letter: str, curve: Curve, epsilon: int, value: float | None) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    colour = f"@{letter.lower()}"
    hover = "ε %{x}/255: %{y:.0f}%<extra></extra>"
    traces = [
        _line(curve.control, {"color": "@soft", "width": 1.2, "dash": "dot"}, "random signs, " + hover),
        _line(curve.points, {"color": colour, "width": 2.5}, hover),
    ]
    if value is not None:
        marker = {"symbol": SHAPES[letter], "size": 12, "color": colour, "line": {"color": "@paper", "width": 1.5}}
        traces.append({"x": [epsilon], "y": [100 * value], "mode": "markers", "marker": marker, "hovertemplate": hover})
    shape = {"type": "line", "x0": epsilon, "x1": epsilon, "y0": 0, "y1": 1, "yref": "paper"}
    shape["line"] = {"color": "@soft", "width": 1, "dash": "dot"}
    told = f"Model {letter} against epsilon: " + ", ".join(f"{e}/255 {100 * y:.0f}%" for e, y in curve.points)
    return traces, {"shapes": [shape], "xaxis": _axis([0, 33], [0, 8, 16, 24, 32]), "meta": told}


def _line(points: tuple[tuple[int, float], ...], line: dict[str, Any], hover: str) -> dict[str, Any]:
    x, y = [epsilon for epsilon, _ in points], [100 * value for _, value in points]
    return {"x": x, "y": y, "mode": "lines", "line": line, "hovertemplate": hover}


def _forming(letter: str, forming: Forming) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    colour, steps = f"@{letter.lower()}", list(range(1, len(forming.raw) + 1))
    raw, smooth = ([100 * value for value in values] for values in (forming.raw, forming.smooth))
    hover = "step %{x}: %{y:.0f}% fooled<extra></extra>"
    dots = {"x": steps, "y": raw, "mode": "markers", "marker": {"size": 3.5, "color": "@soft", "opacity": 0.55}}
    line = {"x": steps, "y": smooth, "mode": "lines", "line": {"color": colour, "width": 2.5}, "hovertemplate": hover}
    axis = _axis([0, forming.total], None)
    told = f"Fooled crafting images of model {letter}, step {forming.step} of {forming.total}"
    return [{**dots, "hovertemplate": hover}, line], {"xaxis": axis, "meta": told}


def _axis(span: list[float], ticks: list[float] | None) -> dict[str, Any]:
    axis: dict[str, Any] = {"range": span, "fixedrange": True, "showgrid": False, "zeroline": False, "showline": True}
    axis |= {"linecolor": "@line", "tickfont": {"size": 10}, "ticklen": 2}
    return axis | ({"tickvals": ticks} if ticks else {"nticks": 5})


def _figure(traces: list[dict[str, Any]], layout: dict[str, Any]) -> str:
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
