"""Plotly figures as JSON. Colours are names of CSS variables of the page (`@a`); the browser fills them in.

Plain dictionaries, because Plotly's Python objects would refuse such names and take a second to import.
"""

import json
from collections.abc import Sequence
from html import escape
from typing import Any

from app.service import Card, Curve, Forming, Mark, Tradeoff, TradeoffCard, axis_position, axis_ticks

SHAPES = {"A": "circle", "B": "triangle-up"}


def accuracy(card: Card) -> str:
    """Accuracy (or the target rate) against epsilon with a marker at the chosen epsilon, or the progress of a run."""
    if card.forming:
        return _figure(*_forming(card.letter, card.forming))
    comparable = card.curve.targeted == (card.target is not None)  # a target rate does not belong on an accuracy curve
    value = card.measured.value if card.measured and comparable else None
    return _figure(*_curve(card.letter, card.curve, card.epsilon, value))


def _curve(letter: str, curve: Curve, epsilon: int, value: float | None) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    colour = f"@{letter.lower()}"
    hover = "ε %{x}/255: %{y:.0f}%<extra></extra>"
    traces = [
        _line(curve.control, {"color": "@soft", "width": 1.2, "dash": "dot"}, "random noise, " + hover),
        _line(curve.points, {"color": colour, "width": 2.5}, hover),
    ]
    if value is not None:
        marker = {"symbol": SHAPES[letter], "size": 12, "color": colour, "line": {"color": "@paper", "width": 1.5}}
        traces.append({"x": [epsilon], "y": [100 * value], "mode": "markers", "marker": marker, "hovertemplate": hover})
    shape = _rule("x", epsilon)
    told = f"Model {letter} against epsilon: " + ", ".join(f"{e}/255 {100 * y:.0f}%" for e, y in curve.points)
    return traces, {"shapes": [shape], "xaxis": _axis([0, 33], [0, 8, 16, 24, 32]), "meta": told}


def _line(points: Sequence[tuple[float, float]], line: dict[str, Any], hover: str) -> dict[str, Any]:
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


def tradeoff(page: Tradeoff) -> str:
    """Clean accuracy against the minimum breaking epsilon, with a line for the Pareto front of each kind of model.

    The chosen models and the fronts of their kinds have the colours of A and B. A click on a point gives the name of
    its model.
    """
    kinds = {page.a.mark.kind: "@a", page.b.mark.kind: "@b"}
    traces = []
    for front in page.fronts:
        colour, width = kinds.get(front.kind, "@soft"), 2.2 if front.kind in kinds else 1.2
        x, y = [axis_position(clean) for clean, _ in front.points], [breaks for _, breaks in front.points]
        line = {"color": colour, "width": width, "dash": "solid" if front.kind in kinds else "dot"}
        traces.append({"x": x, "y": y, "mode": "lines", "line": line, "hoverinfo": "skip"})
    best = {point for front in page.fronts for point in front.points}
    for mark in page.marks:
        letter = page.letters(mark)
        beaten = bool(mark.heap) and (mark.clean.value, mark.reached) not in best
        colour = f"@{letter[0].lower()}" if letter else kinds.get(mark.kind, "@soft")
        look = {"color": colour, "line": {"color": "@paper", "width": 1.5}, **_size(letter, beaten)}
        look["symbol"] = _shape(page.settings.kinds, mark.kind)[0] + "-open" * (mark.breaks is None)
        point = {"x": [axis_position(mark.clean.value)], "y": [mark.reached], "mode": "markers", "marker": look}
        if letter:
            point |= {"mode": "markers+text", "text": [letter], "textposition": "top center"}
            point["textfont"] = {"color": colour, "size": 13}
        traces.append({**point, "customdata": [mark.name], "hovertemplate": _hover(mark, page.things, beaten)})
    xs = [axis_position(mark.clean.value) for mark in page.marks]
    span = max(max(xs) - min(xs), 0.1)
    left, right = min(xs) - 0.12 * span, max(xs) + 0.12 * span
    cleans = [mark.clean.value for mark in page.marks]
    shown = axis_ticks(min(cleans), max(cleans))
    top = 1.18 * max(mark.reached for mark in page.marks) or 1
    told = "Clean accuracy and the epsilon that breaks it: " + "; ".join(
        f"{mark.title} {100 * mark.clean.value:.1f}%, {_broken(mark)}" for mark in page.marks
    )
    layout = {
        "xaxis": _axis([left, right], [axis_position(value / 100) for value in shown])
        | {"ticktext": [f"{value:g}%" for value in shown], **_titled("clean accuracy", "")},
        "yaxis": _axis([0, top], None)
        | {"gridcolor": "@line", "showgrid": True, **_titled("ε that breaks it", "/255")},
        "margin": {"l": 58, "r": 10, "t": 8, "b": 40},
        "annotations": _key(page.settings.kinds, kinds, {mark.kind: mark.training for mark in page.marks}),
        "hovermode": "closest",
        "font": {"color": "@soft", "size": 11.5, "family": "system-ui, sans-serif"},
        "meta": told,
    }
    return _figure(traces, layout)


SYMBOLS = (
    *(("star", "★"), ("circle", "●"), ("square", "■"), ("diamond", "◆")),
    *(("triangle-up", "▲"), ("cross", "✚"), ("pentagon", "⬟")),
)
"""A shape for each kind of model and its character in text, so that colour is not the only mark."""


def _shape(all_kinds: Sequence[str], kind: str) -> tuple[str, str]:
    return SYMBOLS[all_kinds.index(kind) % len(SYMBOLS)]


def _size(letter: str, beaten: bool) -> dict[str, float]:
    """Chosen models are large, models off the Pareto fronts small and pale, so that the fronts stand out."""
    return {"size": 15} if letter else {"size": 6, "opacity": 0.6} if beaten else {"size": 9}


def _titled(words: str, suffix: str) -> dict[str, Any]:
    return {"title": {"text": words, "standoff": 6, "font": {"size": 12}}, "ticksuffix": suffix}


def _key(all_kinds: Sequence[str], kinds: dict[str, str], names: dict[str, str]) -> list[dict[str, Any]]:
    """The legend of shapes, with the `names` of the kinds of training, at the lower left, where no model lies."""
    annotations = []
    for line, kind in enumerate(reversed(all_kinds)):
        words = {
            "text": f"{_shape(all_kinds, kind)[1]} {_plain(names[kind])}",
            "font": {"color": kinds.get(kind, "@soft"), "size": 12},
        }
        position = {"x": 0, "y": 0, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
        annotations.append({**words, **position, "xshift": 8, "yshift": 4 + 17 * line, "showarrow": False})
    return annotations


def _hover(mark: Mark, things: str, beaten: bool) -> str:
    clean, off = mark.clean, f"<br>not on the Pareto front of {_plain(mark.kind)}" * beaten
    return (
        f"{_plain(mark.title)}<br>{100 * clean.value:.1f}% of {things} right clean "
        f"({100 * clean.low:.1f} to {100 * clean.high:.1f}, n = {clean.n:,})<br>{_broken(mark)}{off}<extra></extra>"
    )


def _plain(words: str) -> str:
    """The words escaped, because Plotly reads some tags as markup."""
    return escape(words, quote=False)


def _broken(mark: Mark) -> str:
    if mark.breaks is None:
        return f"not broken up to {mark.reaches:g}/255"
    return f"broken at {mark.breaks:g}/255 ({mark.span})"


def falling(side: TradeoffCard) -> str:
    """Accuracy of one model against epsilon, and the level at which it counts as broken."""
    colour, mark = f"@{side.letter.lower()}", side.mark
    points = tuple((epsilon, accuracy.value) for epsilon, accuracy in side.curve)
    hover = "ε %{x}/255: %{y:.1f}%<extra></extra>"
    line = _line(points, {"color": colour, "width": 2.2}, hover) | {"mode": "lines+markers", "marker": {"size": 4}}
    shapes = [_rule("y", 100 * (1 - mark.level))]
    traces = [line]
    if mark.breaks is not None:
        marker = {"symbol": SHAPES[side.letter], "size": 11, "color": colour, "line": {"color": "@paper", "width": 1.5}}
        value = dict(points)[mark.breaks]
        traces.append(
            {"x": [mark.breaks], "y": [100 * value], "mode": "markers", "marker": marker, "hovertemplate": hover}
        )
    told = f"Model {side.letter} against epsilon: " + ", ".join(f"{e:g}/255 {100 * y:.0f}%" for e, y in points)
    return _figure(traces, {"shapes": shapes, "xaxis": _axis([0, 1.05 * side.curve[-1][0] or 1], None), "meta": told})


def _rule(axis: str, value: float) -> dict[str, Any]:
    """A dotted line across the figure at one value of an axis."""
    other = "x" if axis == "y" else "y"
    ends: dict[str, Any] = {f"{axis}0": value, f"{axis}1": value, f"{other}0": 0, f"{other}1": 1}
    return {"type": "line", **ends, f"{other}ref": "paper", "line": {"color": "@soft", "width": 1, "dash": "dot"}}


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
