"""Figures of the generated pages as SVG; the same numbers give the same bytes."""

import io
from collections.abc import Callable, Sequence
from textwrap import fill
from typing import Any

from core.checkpoints.results import Results
from core.checkpoints.store import Checkpoint
from core.evaluation.perceptibility import NOTICED, UNSEEN
from core.reports.accuracy_axis import axis_position, axis_ticks
from core.reports.pareto import pareto_front
from core.reports.tradeoff import STANDARD, MeasuredModel, ModelsByGroup, first_seeds, tradeoff_points
from core.reports.visibility import STRENGTHS, visible_points

COLOURS = {0: "#555555", 1: "#0072b2", 4: "#009e73", 8: "#cc79a7", 64: "#c65300", 256: "#8a6d00"}
MARKERS = {0: "*", 1: "o", 4: "^", 8: "s", 64: "D", 256: "p"}
OTHER_MARKERS = "PXhv<>dH8"
"""For trainings whose schedule is not the usual one, in turn."""


COLUMNS = 2
"""The number of panels in a row; more would be too small to read."""
FULL = 15
"""From so many models on the legend of a panel is small."""
LETTERS = 36
"""The most letters in a line of a legend."""


def charts(measured: ModelsByGroup) -> dict[str, bytes]:
    """Figures by file name; a figure without measurements is left out."""
    drawn = {
        "risks.svg": _panels(measured, lambda results: results.risks is not None, _risks),
        "pareto-fronts.svg": _panels(measured, lambda results: results.robustness is not None, _fronts),
        "curves.svg": _panels(measured, lambda results: results.robustness is not None, _curves),
        "attacks.svg": _panels(measured, lambda results: bool(results.robustness and results.published), _attacks),
        "visibility.svg": _panels(measured, lambda results: len(_visible(results, "spgd")) > STRENGTHS, _visibility),
    }
    return {name: content for name, content in drawn.items() if content}


def _panels(
    measured: ModelsByGroup, has: Callable[[Any], bool], draw: Callable[[Any, Sequence[MeasuredModel]], None]
) -> bytes | None:
    """One panel for each group, COLUMNS in a row."""
    from matplotlib import rc_context  # imported here because it is slow
    from matplotlib.figure import Figure

    shown = {name: [entry for entry in own if has(entry[1])] for name, own in measured.items()}
    shown = {name: own for name, own in shown.items() if own}
    if not shown:
        return None
    style: Any = {"svg.fonttype": "none", "svg.hashsalt": "plainsight", "font.size": 9, "axes.spines.top": False}
    with rc_context({**style, "axes.spines.right": False}):
        columns = min(len(shown), COLUMNS)
        rows = -(-len(shown) // columns)
        figure = Figure(figsize=(3.6 * columns, 2.9 * rows), layout="constrained")
        for number, own in enumerate(shown.values(), 1):
            axes = figure.add_subplot(rows, columns, number)
            draw(axes, own)
            axes.set_title(own[0][0].group_title, fontsize=10)
            for words in axes.legend(frameon=False, fontsize=7.5 if len(own) < FULL else 6.5).get_texts():
                words.set_text(fill(words.get_text(), LETTERS))
        content = io.BytesIO()
        figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    return content.getvalue()


def _looks(model: Checkpoint, own: Sequence[MeasuredModel]) -> dict[str, Any]:
    """Colour and mark of a heap; dashed and hollow, with a mark among `own`, if the schedule is not the usual one."""
    looks = {"color": COLOURS.get(model.heap, "#000000"), "marker": MARKERS.get(model.heap, "^")}
    if model.schedule:
        others = sorted({checkpoint.kind for checkpoint, _ in own if checkpoint.schedule})
        looks |= {"marker": OTHER_MARKERS[others.index(model.kind) % len(OTHER_MARKERS)], "ls": "--", "mfc": "none"}
    return looks


MANY = 5
"""From this number of models on, a figure names the heaps, not each model."""


def _shown(own: Sequence[MeasuredModel]) -> Sequence[MeasuredModel]:
    """The models that are drawn: all, or three of the Pareto front of each heap if there are many."""
    if len(own) < MANY:
        return own
    firsts = first_seeds(own)
    lines = [pareto_front(tradeoff_points(firsts, kind)) for kind in {checkpoint.kind for checkpoint, _ in own}]
    few = {line[at].name for line in lines for at in (0, len(line) // 2, -1) if line}
    return [entry for entry in firsts if entry[0].name in few]


def _names(own: Sequence[MeasuredModel]) -> list[str | None]:
    """Names for the legend: one for every model, or one for each heap if there are many models."""
    if len(own) < MANY:
        return [checkpoint.short for checkpoint, _ in own]
    kinds = [checkpoint.kind for checkpoint, _ in own]
    return [None if kind in kinds[:number] else kind for number, kind in enumerate(kinds)]


def _risks(axes: Any, own: Sequence[MeasuredModel]) -> None:
    own = _shown(own)
    for entry, label in zip(own, _names(own), strict=True):
        risks = entry[1].risks
        assert risks
        rates = [level.accuracy for level in risks.levels]
        values = [100 * rate.value for rate in rates]
        below, above = ([abs(100 * rate.interval[end] - 100 * rate.value) for rate in rates] for end in (0, 1))
        names = [level.title for level in risks.levels]
        axes.errorbar(names, values, [below, above], label=label, lw=1.2, ms=4, **_looks(entry[0], own))
    first = own[0][1].risks
    assert first
    axes.set_ylabel(f"accuracy (%) at {first.epsilon:g}/255")
    axes.set_ylim(0, 101)
    axes.tick_params(axis="x", rotation=30)


def _fronts(axes: Any, own: Sequence[MeasuredModel]) -> None:
    for kind, first in {checkpoint.kind: checkpoint for checkpoint, _ in own}.items():
        looks = _looks(first, own)
        marks = tradeoff_points(own, kind)
        line = pareto_front(tradeoff_points(first_seeds(own), kind, *([STANDARD] if first.heap else [])))
        beaten = [spot for spot in marks if spot not in line]
        for some, style in (
            (line, {"lw": 1, "marker": ""}),
            (beaten, {"ls": "", "ms": 3.5, "alpha": 0.6}),
            ([spot for spot in marks if spot in line], {"ls": "", "ms": 6, "label": kind}),
        ):
            axes.plot(
                [axis_position(spot.clean) for spot in some], [spot.robustness for spot in some], **{**looks, **style}
            )
    every = [results.clean.accuracy.value for _, results in own]
    shown = axis_ticks(min(every), max(every))
    axes.set_xticks([axis_position(value / 100) for value in shown], [f"{value:g}" for value in shown])
    axes.set_xlabel("clean accuracy (%)")
    axes.set_ylabel("min. breaking epsilon (/255)")
    axes.set_ylim(bottom=0)


def _attacks(axes: Any, own: Sequence[MeasuredModel]) -> None:
    """What the attack as published leaves of each model, and what the full search does; the most robust one on top."""
    own = sorted(own, key=lambda entry: entry[1].robustness.breaking_epsilon if entry[1].robustness else 0)
    names = []
    for place, (checkpoint, results) in enumerate(own):
        assert results.robustness
        assert results.published
        ends = [found.breaking_epsilon for found in (results.robustness, results.published)]
        looks = {"color": _looks(checkpoint, own)["color"], "ms": 5}
        axes.plot(ends, [place, place], lw=1.5, color=looks["color"], alpha=0.5)
        axes.plot(ends[:1], [place], marker="o", ls="", label=None if place else "full search", **looks)
        axes.plot(ends[1:], [place], marker="o", ls="", mfc="white", label=None if place else "as published", **looks)
        names.append(checkpoint.short)
    axes.set_yticks(range(len(own)), names, fontsize=7.5)
    axes.set_xlabel("min. breaking epsilon (/255)")
    axes.set_xlim(left=0)


def _curves(axes: Any, own: Sequence[MeasuredModel]) -> None:
    own = _shown(own)
    for entry, label in zip(own, _names(own), strict=True):
        robustness = entry[1].robustness
        assert robustness
        x, rates = zip(*entry[1].still_right(), strict=True)
        y = [100 * rate.value for rate in rates]
        low, high = zip(*(rate.interval for rate in rates), strict=True)
        looks = _looks(entry[0], own)
        axes.plot(x, y, label=label, lw=1.2, ms=3.5, **looks)
        axes.fill_between(x, [100 * v for v in low], [100 * v for v in high], color=looks["color"], alpha=0.15, lw=0)
        axes.axhline(100 * (1 - robustness.level), color="#999999", lw=0.7, ls=":")
    axes.set_xlabel("epsilon (/255)")
    axes.set_ylabel("accuracy (%)")
    axes.set_ylim(0, 101)


def _visible(results: Results, attack: str) -> list[tuple[float, float]]:
    """JOD and accuracy (%) of every stored strength of an untargeted attack, from no perturbation on."""
    found = [(point.jod.value, 100 * point.accuracy.value) for point in visible_points(results, attack)]
    return [(UNSEEN, 100 * results.clean.accuracy.value), *found]


def _visibility(axes: Any, own: Sequence[MeasuredModel]) -> None:
    """The attack as a line with marks, random noise of the same strengths dotted in the same colour."""
    own = _shown(own)
    for (checkpoint, results), label in zip(own, _names(own), strict=True):
        looks = _looks(checkpoint, own)
        axes.plot(*zip(*_visible(results, "spgd"), strict=True), label=label, lw=1.2, ms=3.5, **looks)
        axes.plot(*zip(*_visible(results, "random-signs"), strict=True), lw=1, ls=":", color=looks["color"])
    axes.plot([], [], lw=1, ls=":", color="#555555", label="random noise")
    axes.axvline(NOTICED, color="#999999", lw=0.7, ls=":")
    axes.invert_xaxis()
    axes.set_xlabel("JOD: not seen (10), plainly seen (lower)")
    axes.set_ylabel("accuracy (%)")
    axes.set_ylim(0, 101)
