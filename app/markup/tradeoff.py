"""HTML of the Trade-off tab: headline, cards, the risks, and the list of models."""

from html import escape

from app.markup.common import MARKS, percent
from app.service import Mark, RiskLevel, Risks, Tradeoff, TradeoffCard

LONG = 30
"""The most letters of a kind of training in the headline, which has the short words for it otherwise."""


def headline(page: Tradeoff) -> str:
    """One sentence: the epsilon that breaks each model, and the difference in clean accuracy."""
    a, b = page.a.mark, page.b.mark
    points = 100 * (b.clean.value - a.clean.value)
    cost = f"{abs(points):.1f} points {'less' if points < 0 else 'more'}" if abs(points) >= 0.05 else "equal"
    first = f"One pattern of {_epsilon(a, 'a')} breaks {_noun(page.a)}" if a.breaks is not None else _whole(page.a)
    other = f"{_noun(page.b)} takes {_epsilon(b, 'b')}" if b.breaks is not None else _whole(page.b)
    return f"<h1>{first}; {other}, at {cost} clean accuracy.</h1>"


def _epsilon(mark: Mark, letter: str) -> str:
    return f'<strong class="{letter}">{mark.breaks:g}/255</strong>'


def _whole(side: TradeoffCard) -> str:
    return f"no pattern up to {side.mark.reaches:g}/255 breaks {_noun(side)}"


def _noun(side: TradeoffCard) -> str:
    mark = side.mark
    training = mark.training if len(mark.training) <= LONG else mark.choice
    words = "the standard model" if mark.standard else f"model {side.letter} ({training[:1].lower() + training[1:]})"
    return f'<span class="{side.letter.lower()}">{escape(words)}</span>'


def card(side: TradeoffCard) -> str:
    """One model: its settings, the epsilon that breaks it, and its clean accuracy."""
    mark, letter = side.mark, side.letter
    clean = percent(mark.clean.value, 1)
    title = f'<span class="mark">{letter} {MARKS[letter]}</span> {escape(mark.plain)}'
    big, words = (f"{mark.breaks:g}/255", "breaks it") if mark.breaks is not None else ("none", "found that breaks it")
    span = f"({mark.span})" if mark.breaks is not None else ""
    hint = (
        f"The smallest universal perturbation that S-PGD found to make {percent(mark.level)} wrong. In brackets: the "
        f"measured strengths between which it may lie, for n = {side.curve[0][1].n:,} held-out images."
    )
    return (
        f'<h2><span class="name" title="{escape(mark.explained)}">{title}</span></h2>'
        f'<p class="big">{big} <small>{words}<br><abbr title="{escape(hint)}">{span}</abbr></small> '
        f'<small class="clean">{clean}<br>clean</small></p>'
    )


def pattern(side: TradeoffCard) -> str:
    """The pattern at the minimum breaking epsilon, on grey."""
    if side.pattern is None:
        return '<div class="pattern empty">not stored</div>'
    reach = side.mark.reached
    does = "breaks" if side.mark.breaks is not None else "comes nearest to breaking"
    alt = f"The pattern that {does} {side.mark.plain}, at true strength {reach:g}/255"
    return f'<img class="pattern" src="{side.pattern}" alt="{escape(alt)}"><p class="note">true strength</p>'


def risks(a: Risks | None, b: Risks | None) -> str:
    """The risks of both models side by side, from no pattern to one pattern for each image."""
    if a is None or b is None or a.epsilon != b.epsilon or len(a.levels) != len(b.levels):
        return '<p class="note">The risks were not measured for both models.</p>'
    rows = []
    for risk_a, risk_b in zip(a.levels, b.levels, strict=True):
        cells = "".join(_bar(risk, letter) for letter, risk in (("a", risk_a), ("b", risk_b)))
        rows.append(f'<tr><th scope="row">{escape(RISK_NAMES.get(risk_a.title, risk_a.title))}</th>{cells}</tr>')
    n = a.levels[0].accuracy.n
    caption = f"Still right (mean loss) under patterns of {a.epsilon:g}/255, weakest to strongest attacker; n = {n:,}"
    head = "".join(f'<th scope="col" class="{letter.lower()}">{letter} {MARKS[letter]}</th>' for letter in "AB")
    return f'<table class="risks"><caption>{caption}</caption><tr><td></td>{head}</tr>{"".join(rows)}</table>'


RISK_NAMES = {
    "expected": "no pattern",
    "universal": "one for all images",
    "heap 64": "one for 64 images",
    "heap 8": "one for 8 images",
    "adversarial": "one for each",
}


def _bar(risk: RiskLevel, letter: str) -> str:
    accuracy, low, high = risk.accuracy, percent(risk.accuracy.low), percent(risk.accuracy.high)
    return (
        f'<td title="95% interval: {low} to {high}"><span class="bar {letter}"><i style="width:'
        f'{100 * accuracy.value:.1f}%"></i></span><span class="value">{percent(accuracy.value)} '
        f'<i class="screen-reader-only">95% interval {low} to {high}, mean loss</i>'
        f'<i class="soft">({risk.loss:.2f})</i></span></td>'
    )


def models(page: Tradeoff) -> str:
    """A table of all models as buttons, for the keyboard and for screen readers; pressing one chooses the model.

    `static/models.js` filters its rows and sorts them by the `data-key` of their cells.
    """
    rows = "".join(_row(number, mark, page.letters(mark)) for number, mark in enumerate(page.marks))
    titles = ("model", "clean", "breaks at")
    head = "".join(f'<th scope="col"><button type="button">{title}</button></th>' for title in titles)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row(number: int, mark: Mark, letters: str) -> str:
    sign = "".join(f' <b class="{one.lower()}">{one} {MARKS[one]}</b>' for one in letters)
    breaks = "nothing found" if mark.breaks is None else f"{mark.breaks:g}/255"
    button = f'<button type="button" data-model="{escape(mark.name)}">{escape(mark.title)}{sign}</button>'
    clean, reached = mark.clean.value, mark.reached + UNBROKEN * (mark.breaks is None)
    return (
        f'<tr{" class=chosen" * bool(letters)}><td data-key="{number}">{button}</td>'
        f'<td data-key="{clean}">{percent(clean, 1)}</td><td data-key="{reached:g}">{breaks}</td></tr>'
    )


UNBROKEN = 255
"""Added to the epsilon by which a model is sorted where nothing was found that breaks it: it comes after all others."""


def footer(page: Tradeoff) -> str:
    """The origin of the numbers."""
    sides = (page.a, page.b)
    lines = [f'<span class="{s.letter.lower()}">{MARKS[s.letter]}</span> {escape(s.origin)}' for s in sides]
    return f'<div class="foot"><span class="origin">{"<br>".join(lines)}</span></div>'
