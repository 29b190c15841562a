"""Figures by visibility, in JOD, and the spectrum of patterns."""

import math
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from app.figures import drawing
from app.markup.common import MARKS
from app.service import (
    LONG_WAVES,
    RING,
    STRENGTHS,
    UNSEEN,
    VISIBILITY_WORDS,
    Fraction,
    NeededVisibility,
    Perceptibility,
    PerceptibilityModel,
    PerceptibilityPoint,
    RadialSpectrum,
)


def accuracy_by_visibility(page: Perceptibility) -> str:
    """Accuracy against visibility, from what cannot be seen to what is in plain sight.

    A and B have their colours and shapes, with random noise dotted; a large mark stands where the pattern that is
    needed lies. Other models are thin and grey. A click on a point gives the name of its model.
    """
    traces = []
    for model in page.models if page.every else ():
        if not page.letters(model):
            traces += _seen_line(model, model.attack, {"color": "@soft", "width": 1}, 3) + _needed(page, model)
    for side in (page.a, page.b):
        colour, model = f"@{side.letter.lower()}", side.model
        noise = _seen_line(model, model.noise, {"color": colour, "width": 1.5, "dash": "dot"}, 3, "random noise, ")
        own = _seen_line(model, model.attack, {"color": colour, "width": 2.5}, 6, shape=drawing.SHAPES[side.letter])
        traces += noise + own + _needed(page, model, side.letter)
    told = " ".join(f"{side.letter}, {side.model.title}: {_told(side.model)}." for side in (page.a, page.b))
    key = [_named(side.letter, side.model) for side in (page.a, page.b)]
    key += ["··· random noise" if page.a.model.noise or page.b.model.noise else "random noise: not stored"]
    key += ["— all other models"] if page.every and len(page.models) > 2 else []
    layout = {
        "xaxis": _seen_axis(page),
        "yaxis": drawing.axis([0, 102], [0, 50, 100])
        | {"ticktext": ["0%", "50%", "100% right"], "showgrid": True, "gridcolor": "@line", "showline": False},
        "margin": {"l": NAMES, "r": 10, "t": 18, "b": 20},
        "shapes": _borders(),
        "annotations": [*_border_words(page), *_margin_key(key, ["@a", "@b"])],
        "hovermode": "closest",
        "meta": f"Accuracy against visibility in JOD, where 10 cannot be seen. {told}",
    }
    return drawing.figure(traces, layout)


def _told(model: PerceptibilityModel) -> str:
    points = [f"JOD {point.jod.value:.1f} {100 * point.accuracy.value:.0f}%" for point in model.attack]
    return "; ".join(points) if points else "no strength is stored"


NAMES = 190
"""The width of the margin that holds names of models: both figures of visibility have it, so that their axes agree."""
LONGEST = 35
"""Characters of a name that the margin has room for."""
ROWS = 14
"""Up to this number of models each one has its name beside it; of more, only the chosen ones."""


def _seen_line(
    model: PerceptibilityModel,
    points: Sequence[PerceptibilityPoint],
    line: dict[str, Any],
    size: int,
    what: str = "",
    shape: str = "circle",
) -> list[dict[str, Any]]:
    """Points of one model by visibility, from no pattern on, and a line through them where they are close enough."""
    if not points:
        return []
    close = len(points) >= STRENGTHS
    start = [(UNSEEN, model.clean, f"{drawing.plain(model.title)}, no pattern<br>{_right(model.clean)}")]
    rest = [(point.jod.value, point.accuracy, _seen_hover(model, point, what)) for point in points]
    shown = [*(start if close else []), *rest]
    marker = {"symbol": shape, "size": size, "color": line["color"]}
    return [
        {
            "x": [x for x, _, _ in shown],
            "y": [100 * accuracy.value for _, accuracy, _ in shown],
            "mode": "lines+markers" if close else "markers",
            "line": line,
            "marker": marker,
            "opacity": 0.45 if line["color"] == "@soft" else 1,
            "customdata": [model.name] * len(shown),
            "hovertext": [words for _, _, words in shown],
            "hovertemplate": "%{hovertext}<extra></extra>",
        }
    ]


def _seen_hover(model: PerceptibilityModel, point: PerceptibilityPoint, what: str) -> str:
    jod = point.jod
    seen = f"JOD {jod.value:.1f} [{jod.low:.1f}, {jod.high:.1f}], {jod.n} pictures"
    return f"{drawing.plain(model.title)}<br>{what}ε {point.epsilon:g}/255: {seen}<br>{_right(point.accuracy)}"


def _right(rate: Fraction) -> str:
    return f"{100 * rate.value:.1f}% right ({100 * rate.low:.1f} to {100 * rate.high:.1f}, n = {rate.n:,})"


def _needed(page: Perceptibility, model: PerceptibilityModel, letter: str = "") -> list[dict[str, Any]]:
    """A mark where the model is as wrong as the page asks for."""
    if model.needed is None or not model.needed.enough or not model.needed.strongest:  # no pattern that does just that
        return []
    plain = {"symbol": "circle", "size": 4.5, "color": "@soft", "opacity": 0.7}
    marker = drawing.mark(letter, 14) if letter else plain
    words = f"{drawing.plain(model.title)}<br>{_needs(page, model.needed)}<extra></extra>"
    point = {"x": [model.needed.jod.value], "y": [100 * (1 - page.share)], "mode": "markers", "marker": marker}
    return [{**point, "customdata": [model.name], "hovertemplate": words}]


def _needs(page: Perceptibility, needed: NeededVisibility) -> str:
    """What it takes, in the words of a hover."""
    jod, wrong = needed.jod, f"wrong on {drawing.share(page.share)} of {page.things}"
    seen = f"JOD {jod.value:.1f} [{jod.low:.1f}, {jod.high:.1f}], {jod.in_words}"
    if not needed.strongest:
        return f"{wrong} without any pattern"
    if not needed.enough:
        return f"not {wrong} at ε {needed.strongest:g}/255<br>{seen}, is not enough"
    if needed.weakest == needed.strongest:
        stored = math.floor(needed.strongest)
        rounded = "" if stored == needed.strongest else f"<br>judged as it is stored, rounded to {stored}/255"
        return f"{wrong} at ε {needed.strongest:g}/255<br>{seen}{rounded}"
    return f"{wrong} between ε {needed.weakest:g}/255 and {needed.strongest:g}/255<br>{seen}"


def _named(letters: str, model: PerceptibilityModel) -> str:
    """The name of a model with the marks of the sides that it is on, shortened to the room that there is."""
    signs = "".join(f"{letter} {MARKS[letter]} " for letter in letters)
    whole = f"{signs}{model.short[:1].upper()}{model.short[1:]}"
    return drawing.plain(whole if len(whole) <= LONGEST else f"{whole[: LONGEST - 1]}…")


def _seen_axis(page: Perceptibility) -> dict[str, Any]:
    """The axis of visibility, the same for both figures: 10 on the left, what is seen plainly on the right."""
    points = [point.jod for model in page.models for point in (*model.attack, *model.noise)]
    points += [model.needed.jod for model in page.models if model.needed]
    end = min([jod.low for jod in points], default=UNSEEN - 1) - 0.1
    span = UNSEEN - end
    return drawing.axis(
        [UNSEEN + 0.03 * span, end], [float(value) for value in range(math.ceil(end), round(UNSEEN) + 1)]
    )


def _borders() -> list[dict[str, Any]]:
    return [drawing.rule("x", least) for least, _ in VISIBILITY_WORDS if math.isfinite(least)]


def _border_words(page: Perceptibility) -> list[dict[str, Any]]:
    """How visible a pattern is between two borders, in words above the figure."""
    left, end = UNSEEN, _seen_axis(page)["range"][1]
    annotations = []
    for least, words in VISIBILITY_WORDS:
        right = max(least, end)
        if left - right > 0.6:
            annotations.append(_words_at(words, {"x": (left + right) / 2, "y": 1, "yanchor": "bottom"}))
        left = right
    return annotations


def _words_at(words: str, place: dict[str, Any], colour: str = "@soft", size: float = 11) -> dict[str, Any]:
    font = {"color": colour, "size": size}
    return {"text": words, "font": font, "xref": "x", "yref": "paper", "showarrow": False, **place}


def _margin_key(lines: Sequence[str], colours: Sequence[str]) -> list[dict[str, Any]]:
    """What is drawn how, in the left margin; lines without a colour of their own are soft."""
    place = {"xref": "paper", "x": 0, "xanchor": "left", "y": 1, "yanchor": "top", "xshift": -NAMES}
    looks = zip_longest(lines, colours, fillvalue="@soft")
    return [
        _words_at(words, {**place, "yshift": -26 - 17 * number}, colour) for number, (words, colour) in enumerate(looks)
    ]


def needed_visibility(page: Perceptibility) -> str:
    """How visible a pattern must be to make each model as wrong as the page asks for, least visible on top.

    Bars are 95% intervals over pictures. Open marks: not even that is enough. A click gives the name of a model.
    """
    order = sorted((model for model in page.models if model.needed), key=_visibility)
    few, names = len(order) <= ROWS, {}
    traces = []
    for row, model in enumerate(reversed(order), 1):
        assert model.needed
        letters = page.letters(model)
        traces.append(_needed_row(page, model, row, few))
        if letters or few:
            names[row] = _named(letters, model)
    traces.sort(key=lambda trace: trace["marker"]["size"])  # the chosen ones lie on top
    told = (
        f"JOD of the pattern that makes each model wrong on {drawing.share(page.share)} of {page.things}: "
        + "; ".join(
            f"{page.letters(model)} {model.title} {model.needed.jod}".strip() for model in order if model.needed
        )
    )
    edge = max(0.7, 0.03 * len(order))
    rows = {"range": [1 - edge, len(order) + edge], "tickvals": list(names), "ticktext": list(names.values())}
    layout = {
        "xaxis": _seen_axis(page) | drawing.titled("JOD: 10 cannot be seen"),
        "yaxis": {**rows, "tickfont": {"size": 10.5}, "fixedrange": True, "showgrid": False, "zeroline": False},
        "margin": {"l": NAMES, "r": 10, "t": 4, "b": 36},
        "shapes": _borders(),
        "hovermode": "closest",
        "meta": told,
    }
    return drawing.figure(traces, layout)


def _needed_row(page: Perceptibility, model: PerceptibilityModel, row: int, few: bool) -> dict[str, Any]:
    """The mark of one model with its interval; it is small unless the model is chosen."""
    assert model.needed
    letter, jod = page.letters(model)[:1], model.needed.jod
    colour = f"@{letter.lower()}" if letter else "@soft"
    symbol = drawing.SHAPES.get(letter, "circle") + "-open" * (not model.needed.enough)
    marker = {"symbol": symbol, "size": 11 if letter else 6 if few else 4, "color": colour}
    bar = {"type": "data", "symmetric": False, "array": [jod.high - jod.value], "arrayminus": [jod.value - jod.low]}
    bar |= {"color": colour, "thickness": 2 if letter else 1, "width": 0}
    words = f"{drawing.plain(model.title)}<br>{_needs(page, model.needed)}<extra></extra>"
    point = {"x": [jod.value], "y": [row], "mode": "markers", "marker": marker, "error_x": bar}
    return {**point, "customdata": [model.name], "hovertemplate": words}


def _visibility(model: PerceptibilityModel) -> tuple[bool, float]:
    """By this models are sorted: what is hardly seen first, models that nothing makes so wrong last."""
    assert model.needed
    return not model.needed.enough, -model.needed.jod.value


def spectrum(page: Perceptibility) -> str:
    """The power of the patterns of A and B, and of random noise, in each ring of spatial frequencies."""
    patterns = [(side.letter, side.pattern.spectrum if side.pattern else None) for side in (page.a, page.b)]
    known = [("random noise", "", page.noise)]
    known += [(f"pattern {letter}", letter, power) for letter, power in patterns if power]
    traces = [_spectrum_line(name, letter, power) for name, letter, power in known]
    place: dict[str, Any] = {"x": LONG_WAVES, "y": 1, "yanchor": "bottom"}
    told = ", ".join(f"{name} {100 * power.long_waves:.0f}%" for name, _, power in known)
    ticks = [0, 0.125, 0.25, 0.375, 0.5, 0.625]
    layout = {
        "xaxis": drawing.axis([0, 0.71], ticks) | drawing.titled("spatial frequency, cycles per pixel"),
        "yaxis": drawing.axis([0, 1.08 * max(max(trace["y"]) for trace in traces)], None)
        | {"ticksuffix": "%", "showgrid": True, "gridcolor": "@line"},
        "margin": {"l": 34, "r": 6, "t": 18, "b": 36},
        "shapes": [drawing.rule("x", LONG_WAVES)],
        "annotations": [
            _words_at("large shapes", {**place, "xanchor": "right", "xshift": -5}),
            _words_at("fine texture", {**place, "xanchor": "left", "xshift": 5}),
        ],
        "hovermode": "closest",
        "meta": f"Power by spatial frequency; in waves longer than {1 / LONG_WAVES:.0f} pixels: {told}",
    }
    return drawing.figure(traces, layout)


def _spectrum_line(name: str, letter: str, power: RadialSpectrum) -> dict[str, Any]:
    """The fractions of one pattern's power in percent; dotted and without marks where it is of no model."""
    rings = [(number * RING, (number + 1) * RING) for number in range(len(power.fractions))]
    colour = f"@{letter.lower()}" if letter else "@soft"
    line = {"x": [(low + high) / 2 for low, high in rings], "y": [100 * fraction for fraction in power.fractions]}
    look = {"mode": "lines", "line": {"color": colour, "width": 1.5, "dash": "dot"}}
    if letter:
        look = {"mode": "lines+markers", "line": {"color": colour, "width": 2}}
        look["marker"] = {"symbol": drawing.SHAPES[letter], "size": 5, "color": colour}
    words = [f"{name}, {low:.2f} to {high:.2f} cycles per pixel" for low, high in rings]
    return {**line, **look, "hovertext": words, "hovertemplate": "%{hovertext}: %{y:.1f}%<extra></extra>"}
