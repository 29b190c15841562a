"""Figures by epsilon, or by step while a pattern forms."""

from typing import Any

from app.figures import drawing
from app.service import Card, Curve, Forming


def both(a: Card, b: Card) -> str:
    """Accuracy (or the target rate) of both models against epsilon, marked where each is shown; or a run's progress."""
    if a.forming or b.forming:
        parts = [_forming(card.letter, card.forming) for card in (a, b) if card.forming]
        total = max(card.forming.total for card in (a, b) if card.forming)
        return drawing.figure(
            [trace for traces, _ in parts for trace in traces],
            {
                "xaxis": drawing.axis([0, total], None) | drawing.titled("fooled, by step", size=11),
                "margin": drawing.ROOM,
                "meta": ". ".join(told for _, told in parts),
            },
        )
    traces, tolds = [], []
    for card in (a, b):
        comparable = card.curve.targeted == (card.target is not None)  # a target rate is on no accuracy curve
        value = card.measured.value if card.measured and comparable else None
        found, told = _curve(card.letter, card.curve, card.epsilon, value)
        traces += found
        tolds.append(told)
    borrowed = a.curve.borrowed or b.curve.borrowed
    words = f"still right, by ε ({f'lines: {borrowed}' if borrowed else 'dotted: noise'})"
    words = "sees the target, by ε" if a.curve.targeted else words
    axis = drawing.axis([0, 33], [0, 8, 16, 24, 32]) | drawing.titled(words, size=11)
    return drawing.figure(traces, {"xaxis": axis, "margin": drawing.ROOM, "meta": ". ".join(tolds)})


def _curve(letter: str, curve: Curve, epsilon: int, value: float | None) -> tuple[list[dict[str, Any]], str]:
    colour = f"@{letter.lower()}"
    hover = "ε %{x}/255: %{y:.0f}%<extra></extra>"
    traces = [
        drawing.line(curve.control, {"color": colour, "width": 1.2, "dash": "dot"}, "random noise, " + hover),
        drawing.line(curve.points, {"color": colour, "width": 2.5}, hover),
    ]
    if value is not None:
        marked = {"mode": "markers", "marker": drawing.mark(letter, 12), "hovertemplate": hover}
        traces.append({"x": [epsilon], "y": [100 * value], **marked})
    told = f"Model {letter} against epsilon: " + ", ".join(f"{e}/255 {100 * y:.0f}%" for e, y in curve.points)
    return traces, told


def _forming(letter: str, forming: Forming) -> tuple[list[dict[str, Any]], str]:
    colour, steps = f"@{letter.lower()}", list(range(1, len(forming.raw) + 1))
    raw, smooth = ([100 * value for value in values] for values in (forming.raw, forming.smooth))
    hover = "step %{x}: %{y:.0f}% fooled<extra></extra>"
    dots = {"x": steps, "y": raw, "mode": "markers", "marker": {"size": 3.5, "color": colour, "opacity": 0.35}}
    line = {"x": steps, "y": smooth, "mode": "lines", "line": {"color": colour, "width": 2.5}, "hovertemplate": hover}
    told = f"Fooled crafting images of model {letter}, step {forming.step} of {forming.total}"
    return [{**dots, "hovertemplate": hover}, line], told
