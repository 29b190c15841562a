"""Figures as SVG, for pages without scripts: colours are those of the page, and sizes are in its units."""

from html import escape

from app.service import Card, Mark, Tradeoff, axis_position, axis_ticks

WIDTH, HEIGHT = 700, 500
LEFT, RIGHT, TOP, BOTTOM = 96, 24, 24, 76
"""The margins of the axes."""


def tradeoff(page: Tradeoff) -> str:
    """Clean accuracy against the minimum breaking epsilon of every model; A and B are large and named."""
    xs = [axis_position(mark.clean.value) for mark in page.marks]
    span = max(max(xs) - min(xs), 0.1)
    low, high, top = min(xs) - 0.15 * span, max(xs) + 0.15 * span, 1.15 * max(mark.reached for mark in page.marks)

    def x(position: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (position - low) / (high - low)

    def y(epsilon: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * epsilon / (top or 1)

    cleans = [mark.clean.value for mark in page.marks]
    ticks = [f'<text x="{x(axis_position(tick / 100)):.0f}" y="{HEIGHT - BOTTOM + 28}">{tick:g}%</text>'
             for tick in axis_ticks(min(cleans), max(cleans))]  # fmt: skip
    every = 5 if top < 25 else 10
    rules = [
        f'<path class="rule" d="M{LEFT} {y(value):.0f}H{WIDTH - RIGHT}"/>'
        f'<text class="end" x="{LEFT - 10}" y="{y(value) + 6:.0f}">{value}</text>'
        for value in range(0, int(top) + 1, every)
    ]
    marks = sorted(page.marks, key=lambda mark: len(page.letters(mark)))  # A and B lie on top
    points = "".join(
        _point(mark, page.letters(mark), x(axis_position(mark.clean.value)), y(mark.reached)) for mark in marks
    )
    told = "; ".join(f"{mark.title}: {100 * mark.clean.value:.1f}% clean, {_broken(mark)}" for mark in page.marks)
    across, up = (WIDTH + LEFT - RIGHT) / 2, (HEIGHT + TOP - BOTTOM) / 2
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(told)}">{"".join(rules)}'
        f'<path class="rule" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}"/>{"".join(ticks)}{points}'
        f'<text x="{across:.0f}" y="{HEIGHT - 12}">right without a pattern</text>'
        f'<text transform="translate(26 {up:.0f}) rotate(-90)">ε that breaks it (/255)</text></svg>'
    )


def _point(mark: Mark, letters: str, x: float, y: float) -> str:
    if not letters:
        return f'<circle class="other" cx="{x:.1f}" cy="{y:.1f}" r="7"/>'
    letter, kind = letters[0], letters[0].lower()
    drawn = f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="13"/>'
    if letter == "B":
        drawn = f'<path class="{kind}" d="M{x:.1f} {y - 15:.1f}l15 27h-30z"/>'
    below = y + 44 if y > HEIGHT / 2 else y - 28  # where fewer other marks lie
    return (
        f'{drawn}<text class="{kind} name{" end" if x > WIDTH / 2 else " start"}" x="{x:.1f}" y="{below:.1f}">'
        f"{letters} {f'{mark.breaks:g}/255' if mark.breaks is not None else 'not broken'}</text>"
    )


def _broken(mark: Mark) -> str:
    if mark.breaks is None:
        return f"not broken up to {mark.reaches:g}/255"
    return f"broken at {mark.breaks:g}/255"


BOTH = (207, 80)
"""Width and height of the figure of both models in Compare."""
ROOM = (30, 6, 6, 34)
"""The margins of its axes: left, right, above, below."""


def both(a: Card, b: Card) -> str:
    """The figure of both models by epsilon as `app.figures.both` draws it: it stands there until that can be drawn."""
    (width, height), (left, right, above, below) = BOTH, ROOM

    def x(epsilon: float) -> float:
        return left + (width - left - right) * epsilon / 33

    def y(fraction: float) -> float:
        return height - below - (height - above - below) * fraction / 1.02

    def path(points: tuple[tuple[int, float], ...]) -> str:
        return "M" + "L".join(f"{x(epsilon):.1f} {y(value):.1f}" for epsilon, value in points) if points else ""

    drawn = [
        f'<path d="M{left} {y(value):.1f}H{width - right}" style="stroke: var(--line)"/>'
        f'<text x="{left - 2}" y="{y(value) + 3:.1f}" text-anchor="end">{100 * value:.0f}%</text>'
        for value in (0, 0.5, 1)
    ]
    drawn += [f'<text x="{x(tick):.1f}" y="{height - below + 13}">{tick}</text>' for tick in (0, 8, 16, 24, 32)]
    for card in (a, b):
        line = f"fill: none; stroke: var(--{card.letter.lower()})"
        drawn.append(f'<path d="{path(card.curve.control)}" style="{line}; stroke-dasharray: 2 2"/>')
        drawn.append(f'<path d="{path(card.curve.points)}" style="{line}; stroke-width: 2.5"/>')
    for card in (a, b):
        if card.measured and card.curve.targeted == (card.target is not None):
            shape = _both_mark(card.letter, x(card.epsilon), y(card.measured.value))
            drawn.append(f'<g style="fill: var(--{card.letter.lower()}); stroke: var(--paper)">{shape}</g>')
    words = (
        f'<text x="{(left + width - right) / 2:.0f}" y="{height - 4}" font-size="11">still right, by ε (dotted: noise)'
    )
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" aria-hidden="true" font-size="10" '
        f'text-anchor="middle" style="fill: var(--soft)">{"".join(drawn)}{words}</text></svg>'
    )


def _both_mark(letter: str, x: float, y: float) -> str:
    if letter == "A":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" stroke-width="1.5"/>'
    return f'<path d="M{x:.1f} {y - 7:.1f}l6.5 11h-13z" stroke-width="1.5"/>'
