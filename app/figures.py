"""Plotly figures as JSON. Colours are names of CSS variables of the page (`@a`); the browser fills them in.

Plain dictionaries, because Plotly's Python objects would refuse such names and take a second to import.
"""

import json
import math
from collections.abc import Sequence
from html import escape
from itertools import zip_longest
from typing import Any

from app.markup.common import MARKS
from app.service import (
    LONG_WAVES,
    RING,
    STRENGTHS,
    UNSEEN,
    VISIBILITY_WORDS,
    Card,
    Curve,
    Forming,
    Fraction,
    Mark,
    NeededVisibility,
    Perceptibility,
    PerceptibilityModel,
    PerceptibilityPoint,
    RadialSpectrum,
    Tradeoff,
    TradeoffCard,
    axis_position,
    axis_ticks,
)

ROOM = {"l": 30, "r": 6, "t": 6, "b": 34}
"""Margins that leave room for the words of an axis."""
SHAPES = {"A": "circle", "B": "triangle-up"}


def both(a: Card, b: Card) -> str:
    """Accuracy (or the target rate) of both models against epsilon, marked where each is shown; or a run's progress."""
    if a.forming or b.forming:
        parts = [_forming(card.letter, card.forming) for card in (a, b) if card.forming]
        total = max(card.forming.total for card in (a, b) if card.forming)
        return _figure(
            [trace for traces, _ in parts for trace in traces],
            {
                "xaxis": _axis([0, total], None) | _axis_words("fooled, by step"),
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
    axis = _axis([0, 33], [0, 8, 16, 24, 32]) | _axis_words(words)
    return _figure(traces, {"xaxis": axis, "margin": ROOM, "meta": ". ".join(tolds)})


def _axis_words(words: str) -> dict[str, Any]:
    return {"title": {"text": words, "standoff": 3, "font": {"size": 11}}}


def _curve(letter: str, curve: Curve, epsilon: int, value: float | None) -> tuple[list[dict[str, Any]], str]:
    colour = f"@{letter.lower()}"
    hover = "ε %{x}/255: %{y:.0f}%<extra></extra>"
    traces = [
        _line(curve.control, {"color": colour, "width": 1.2, "dash": "dot"}, "random noise, " + hover),
        _line(curve.points, {"color": colour, "width": 2.5}, hover),
    ]
    if value is not None:
        marker = {"symbol": SHAPES[letter], "size": 12, "color": colour, "line": {"color": "@paper", "width": 1.5}}
        traces.append({"x": [epsilon], "y": [100 * value], "mode": "markers", "marker": marker, "hovertemplate": hover})
    told = f"Model {letter} against epsilon: " + ", ".join(f"{e}/255 {100 * y:.0f}%" for e, y in curve.points)
    return traces, told


def _line(points: Sequence[tuple[float, float]], line: dict[str, Any], hover: str) -> dict[str, Any]:
    x, y = [epsilon for epsilon, _ in points], [100 * value for _, value in points]
    return {"x": x, "y": y, "mode": "lines", "line": line, "hovertemplate": hover}


def _forming(letter: str, forming: Forming) -> tuple[list[dict[str, Any]], str]:
    colour, steps = f"@{letter.lower()}", list(range(1, len(forming.raw) + 1))
    raw, smooth = ([100 * value for value in values] for values in (forming.raw, forming.smooth))
    hover = "step %{x}: %{y:.0f}% fooled<extra></extra>"
    dots = {"x": steps, "y": raw, "mode": "markers", "marker": {"size": 3.5, "color": colour, "opacity": 0.35}}
    line = {"x": steps, "y": smooth, "mode": "lines", "line": {"color": colour, "width": 2.5}, "hovertemplate": hover}
    told = f"Fooled crafting images of model {letter}, step {forming.step} of {forming.total}"
    return [{**dots, "hovertemplate": hover}, line], told


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


def accuracy_by_visibility(page: Perceptibility) -> str:
    """Accuracy against visibility, from what cannot be seen to what is in plain sight.

    A and B have their colours and shapes, with random signs dotted; a large mark stands where the pattern that is
    needed lies. Other models are thin and grey. A click on a point gives the name of its model.
    """
    traces = []
    for model in page.models if page.every else ():
        if not page.letters(model):
            traces += _seen_line(model, model.attack, {"color": "@soft", "width": 1}, 3) + _needed(page, model)
    for side in (page.a, page.b):
        colour, model = f"@{side.letter.lower()}", side.model
        noise = _seen_line(model, model.noise, {"color": colour, "width": 1.5, "dash": "dot"}, 3, "random signs, ")
        own = _seen_line(model, model.attack, {"color": colour, "width": 2.5}, 6, shape=SHAPES[side.letter])
        traces += noise + own + _needed(page, model, side.letter)
    told = " ".join(f"{side.letter}, {side.model.title}: {_told(side.model)}." for side in (page.a, page.b))
    key = [_named(side.letter, side.model) for side in (page.a, page.b)]
    key += ["··· random signs" if page.a.model.noise or page.b.model.noise else "random signs: not stored"]
    key += ["— all other models"] if page.every and len(page.models) > 2 else []
    layout = {
        "xaxis": _seen_axis(page),
        "yaxis": _axis([0, 102], [0, 50, 100])
        | {"ticktext": ["0%", "50%", "100% right"], "showgrid": True, "gridcolor": "@line", "showline": False},
        "margin": {"l": NAMES, "r": 10, "t": 18, "b": 20},
        "shapes": _borders(),
        "annotations": [*_border_words(page), *_margin_key(key, ["@a", "@b"])],
        "hovermode": "closest",
        "meta": f"Accuracy against visibility in JOD, where 10 cannot be seen. {told}",
    }
    return _figure(traces, layout)


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
    start = [(UNSEEN, model.clean, f"{_plain(model.title)}, no pattern<br>{_right(model.clean)}")]
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
    return f"{_plain(model.title)}<br>{what}ε {point.epsilon:g}/255: {seen}<br>{_right(point.accuracy)}"


def _right(rate: Fraction) -> str:
    return f"{100 * rate.value:.1f}% right ({100 * rate.low:.1f} to {100 * rate.high:.1f}, n = {rate.n:,})"


def _needed(page: Perceptibility, model: PerceptibilityModel, letter: str = "") -> list[dict[str, Any]]:
    """A mark where the model is as wrong as the page asks for."""
    if model.needed is None or not model.needed.enough or not model.needed.strongest:  # no pattern that does just that
        return []
    colour = f"@{letter.lower()}" if letter else "@soft"
    marker: dict[str, Any] = {"symbol": SHAPES.get(letter, "circle"), "size": 14 if letter else 4.5, "color": colour}
    marker |= {"line": {"color": "@paper", "width": 1.5 if letter else 0}, "opacity": 1 if letter else 0.7}
    words = f"{_plain(model.title)}<br>{_needs(page, model.needed)}<extra></extra>"
    point = {"x": [model.needed.jod.value], "y": [100 * (1 - page.share)], "mode": "markers", "marker": marker}
    return [{**point, "customdata": [model.name], "hovertemplate": words}]


def _needs(page: Perceptibility, needed: NeededVisibility) -> str:
    """What it takes, in the words of a hover."""
    jod, wrong = needed.jod, f"wrong on {_share(page.share)} of {page.things}"
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


def _share(share: float) -> str:
    return "half" if share == 0.5 else f"{100 * share:.0f}%"


def _named(letters: str, model: PerceptibilityModel) -> str:
    """The name of a model with the marks of the sides that it is on, shortened to the room that there is."""
    signs = "".join(f"{letter} {MARKS[letter]} " for letter in letters)
    whole = f"{signs}{model.short[:1].upper()}{model.short[1:]}"
    return _plain(whole if len(whole) <= LONGEST else f"{whole[: LONGEST - 1]}…")


def _seen_axis(page: Perceptibility) -> dict[str, Any]:
    """The axis of visibility, the same for both figures: 10 on the left, what is seen plainly on the right."""
    points = [point.jod for model in page.models for point in (*model.attack, *model.noise)]
    points += [model.needed.jod for model in page.models if model.needed]
    end = min([jod.low for jod in points], default=UNSEEN - 1) - 0.1
    span = UNSEEN - end
    return _axis([UNSEEN + 0.03 * span, end], [float(value) for value in range(math.ceil(end), round(UNSEEN) + 1)])


def _borders() -> list[dict[str, Any]]:
    return [_rule("x", least) for least, _ in VISIBILITY_WORDS if math.isfinite(least)]


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
    told = f"JOD of the pattern that makes each model wrong on {_share(page.share)} of {page.things}: " + "; ".join(
        f"{page.letters(model)} {model.title} {model.needed.jod}".strip() for model in order if model.needed
    )
    edge = max(0.7, 0.03 * len(order))
    rows = {"range": [1 - edge, len(order) + edge], "tickvals": list(names), "ticktext": list(names.values())}
    layout = {
        "xaxis": _seen_axis(page) | _titled("JOD: 10 cannot be seen", ""),
        "yaxis": {**rows, "tickfont": {"size": 10.5}, "fixedrange": True, "showgrid": False, "zeroline": False},
        "margin": {"l": NAMES, "r": 10, "t": 4, "b": 36},
        "shapes": _borders(),
        "hovermode": "closest",
        "meta": told,
    }
    return _figure(traces, layout)


def _needed_row(page: Perceptibility, model: PerceptibilityModel, row: int, few: bool) -> dict[str, Any]:
    """The mark of one model with its interval; it is small unless the model is chosen."""
    assert model.needed
    letter, jod = page.letters(model)[:1], model.needed.jod
    colour = f"@{letter.lower()}" if letter else "@soft"
    symbol = SHAPES.get(letter, "circle") + "-open" * (not model.needed.enough)
    marker = {"symbol": symbol, "size": 11 if letter else 6 if few else 4, "color": colour}
    bar = {"type": "data", "symmetric": False, "array": [jod.high - jod.value], "arrayminus": [jod.value - jod.low]}
    bar |= {"color": colour, "thickness": 2 if letter else 1, "width": 0}
    words = f"{_plain(model.title)}<br>{_needs(page, model.needed)}<extra></extra>"
    point = {"x": [jod.value], "y": [row], "mode": "markers", "marker": marker, "error_x": bar}
    return {**point, "customdata": [model.name], "hovertemplate": words}


def _visibility(model: PerceptibilityModel) -> tuple[bool, float]:
    """By this models are sorted: what is hardly seen first, models that nothing makes so wrong last."""
    assert model.needed
    return not model.needed.enough, -model.needed.jod.value


def spectrum(page: Perceptibility) -> str:
    """The power of the patterns of A and B, and of random signs, in each ring of spatial frequencies."""
    patterns = [(side.letter, side.pattern.spectrum if side.pattern else None) for side in (page.a, page.b)]
    known = [("random signs", "", page.noise)]
    known += [(f"pattern {letter}", letter, power) for letter, power in patterns if power]
    traces = [_spectrum_line(name, letter, power) for name, letter, power in known]
    place: dict[str, Any] = {"x": LONG_WAVES, "y": 1, "yanchor": "bottom"}
    told = ", ".join(f"{name} {100 * power.long_waves:.0f}%" for name, _, power in known)
    ticks = [0, 0.125, 0.25, 0.375, 0.5, 0.625]
    layout = {
        "xaxis": _axis([0, 0.71], ticks) | _titled("spatial frequency, cycles per pixel", ""),
        "yaxis": _axis([0, 1.08 * max(max(trace["y"]) for trace in traces)], None)
        | {"ticksuffix": "%", "showgrid": True, "gridcolor": "@line"},
        "margin": {"l": 34, "r": 6, "t": 18, "b": 36},
        "shapes": [_rule("x", LONG_WAVES)],
        "annotations": [
            _words_at("large shapes", {**place, "xanchor": "right", "xshift": -5}),
            _words_at("fine texture", {**place, "xanchor": "left", "xshift": 5}),
        ],
        "hovermode": "closest",
        "meta": f"Power by spatial frequency; in waves longer than {1 / LONG_WAVES:.0f} pixels: {told}",
    }
    return _figure(traces, layout)


def _spectrum_line(name: str, letter: str, power: RadialSpectrum) -> dict[str, Any]:
    """The fractions of one pattern's power in percent; dotted and without marks where it is of no model."""
    rings = [(number * RING, (number + 1) * RING) for number in range(len(power.fractions))]
    colour = f"@{letter.lower()}" if letter else "@soft"
    line = {"x": [(low + high) / 2 for low, high in rings], "y": [100 * fraction for fraction in power.fractions]}
    look = {"mode": "lines", "line": {"color": colour, "width": 1.5, "dash": "dot"}}
    if letter:
        look = {"mode": "lines+markers", "line": {"color": colour, "width": 2}}
        look["marker"] = {"symbol": SHAPES[letter], "size": 5, "color": colour}
    words = [f"{name}, {low:.2f} to {high:.2f} cycles per pixel" for low, high in rings]
    return {**line, **look, "hovertext": words, "hovertemplate": "%{hovertext}: %{y:.1f}%<extra></extra>"}


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
