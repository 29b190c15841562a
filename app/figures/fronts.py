"""Figures of the trade-off: models by clean accuracy and breaking epsilon, and one model by epsilon."""

from collections.abc import Sequence
from textwrap import shorten
from typing import Any

from app.figures import drawing
from app.service import (
    Mark,
    Tradeoff,
    TradeoffCard,
    axis_position,
    axis_ticks,
)


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
        "xaxis": drawing.axis([left, right], [axis_position(value / 100) for value in shown])
        | {"ticktext": [f"{value:g}%" for value in shown], **drawing.titled("clean accuracy")},
        "yaxis": drawing.axis([0, top], None)
        | {"gridcolor": "@line", "showgrid": True, **drawing.titled("ε that breaks it", "/255")},
        "margin": {"l": 58, "r": 10, "t": 8, "b": 40},
        "annotations": _key(page.settings.kinds, kinds, page.marks),
        "hovermode": "closest",
        "font": {"color": "@soft", "size": 11.5, "family": "system-ui, sans-serif"},
        "meta": told,
    }
    return drawing.figure(traces, layout)


SYMBOLS = (
    *(("star", "★"), ("circle", "●"), ("square", "■"), ("diamond", "◆")),
    *(("triangle-up", "▲"), ("cross", "✚"), ("pentagon", "⬟"), ("triangle-down", "▼")),
    *(("x", "✖"), ("hexagon2", "⬢"), ("triangle-left", "◀"), ("triangle-right", "▶")),
    *(("star-diamond", "✦"), ("hourglass", "⧗"), ("bowtie", "⧓")),
)
"""A shape for each kind of model and its character in text, so that colour is not the only mark."""
MANY = 7
"""From so many kinds on the legend is small, and has the short names."""
LETTERS = 46
"""The most of a kind's name that the legend shows, which a narrow page has room for."""


def _shape(all_kinds: Sequence[str], kind: str) -> tuple[str, str]:
    return SYMBOLS[all_kinds.index(kind) % len(SYMBOLS)]


def _size(letter: str, beaten: bool) -> dict[str, float]:
    """Chosen models are large, models off the Pareto fronts small and pale, so that the fronts stand out."""
    return {"size": 15} if letter else {"size": 6, "opacity": 0.6} if beaten else {"size": 9}


def _key(all_kinds: Sequence[str], kinds: dict[str, str], marks: Sequence[Mark]) -> list[dict[str, Any]]:
    """The legend of shapes, with names of the kinds of training, at the lower left, where no model lies."""
    annotations = []
    many = len(all_kinds) >= MANY
    size, height = (11, 14) if many else (12, 17)
    names = {mark.kind: mark.choice if many else mark.training for mark in marks}
    for line, kind in enumerate(reversed(all_kinds)):
        name = drawing.plain(shorten(names[kind], LETTERS, placeholder=" …"))
        words = {
            "text": f"{_shape(all_kinds, kind)[1]} {name}",
            "font": {"color": kinds.get(kind, "@soft"), "size": size},
        }
        position = {"x": 0, "y": 0, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
        annotations.append({**words, **position, "xshift": 8, "yshift": 4 + height * line, "showarrow": False})
    return annotations


def _hover(mark: Mark, things: str, beaten: bool) -> str:
    clean, off = mark.clean, f"<br>not on the Pareto front of {drawing.plain(mark.kind)}" * beaten
    return (
        f"{drawing.plain(mark.title)}<br>{100 * clean.value:.1f}% of {things} right clean "
        f"({100 * clean.low:.1f} to {100 * clean.high:.1f}, n = {clean.n:,})<br>{_broken(mark)}{off}<extra></extra>"
    )


def _broken(mark: Mark) -> str:
    if mark.breaks is None:
        return f"not broken up to {mark.reaches:g}/255"
    return f"broken at {mark.breaks:g}/255 ({mark.span})"


def falling(side: TradeoffCard) -> str:
    """Accuracy of one model against epsilon, and the level at which it counts as broken."""
    colour, mark = f"@{side.letter.lower()}", side.mark
    points = tuple((epsilon, accuracy.value) for epsilon, accuracy in side.curve)
    hover = "ε %{x}/255: %{y:.1f}%<extra></extra>"
    line = drawing.line(points, {"color": colour, "width": 2.2}, hover) | {
        "mode": "lines+markers",
        "marker": {"size": 4},
    }
    shapes = [drawing.rule("y", 100 * (1 - mark.level))]
    traces = [line]
    if mark.breaks is not None:
        marker = {
            "symbol": drawing.SHAPES[side.letter],
            "size": 11,
            "color": colour,
            "line": {"color": "@paper", "width": 1.5},
        }
        value = dict(points)[mark.breaks]
        traces.append(
            {"x": [mark.breaks], "y": [100 * value], "mode": "markers", "marker": marker, "hovertemplate": hover}
        )
    told = f"Model {side.letter} against epsilon: " + ", ".join(f"{e:g}/255 {100 * y:.0f}%" for e, y in points)
    return drawing.figure(
        traces, {"shapes": shapes, "xaxis": drawing.axis([0, 1.05 * side.curve[-1][0] or 1], None), "meta": told}
    )
