"""HTML of the Compare tab: the cards and the strip of held-out images. All text from outside is escaped.

Headline, footer and other parts that several tabs use are in `app.markup.common`.
"""

from html import escape

from app.markup.common import MARKS, big, control, jod, percent
from app.service import Answer, Card, Labelled, Strip, StripImage, StripScene


def pattern(card: Card) -> str:
    """The pattern, and the strength at which it is drawn."""
    strength = f"ε {card.epsilon}/255"
    if card.pattern is None:
        return f'<div class="pattern empty">not computed yet</div><p class="note">true {strength}</p>'
    alt = f"Pattern against {card.title}, drawn {card.amplify} times as strong as it is, true {strength}"
    return (
        f'<img class="pattern" src="{card.pattern}" alt="{escape(alt)}" width="148" height="148">'
        f'<p class="note">×{card.amplify}, true {strength}</p>'
    )


def number(card: Card) -> str:
    """The main number, and the accuracy under the control at the same strength."""
    return f'<div class="number">{big(card)}<p class="note">{control(card)}</p></div>'


def note(card: Card) -> str:
    """What the curve shows."""
    return f'<p class="note">{_curve(card)}</p>'


def _curve(card: Card) -> str:
    if card.forming:
        hint = "dots: each mini-batch; line: smoothed"
        return f'<span title="{hint}">Fraction {escape(card.claim.fooled)}, by step</span>'
    if not card.curve.points:
        return "Nothing has been measured on this model yet"
    if card.curve.targeted:
        return escape(card.claim.axis)
    breaks = card.curve.breaks
    where = (
        f"Wrong on {percent(card.curve.level)} from {breaks:g}/255"
        if breaks is not None
        else f"Holds up to {card.curve.reaches}/255"
    )
    hint = f"the strength from which S-PGD makes {percent(card.curve.level)} of the answers wrong"
    line = f" · line: {escape(card.curve.borrowed)}" if card.curve.borrowed else ""
    return f'<b title="{hint}">{where}</b> · dotted: random noise{line}'


def visibility(card: Card) -> str:
    """JOD, SSIM and colour difference."""
    measured = card.visibility
    if measured is None or measured.missing:
        waits = "measured once the pattern is done" if card.measured is None else "needs the images"
        waits = escape(measured.missing) if measured else waits
        return f'<p class="note visibility">How visible: {waits}</p>'
    hint = f"measured on {measured.n} held-out images; a colour difference (CIEDE2000) of 2.3 is just noticeable"
    return (
        f'<p class="note visibility">{jod(measured)}<span title="{hint}">SSIM <b>{measured.ssim:.2f}</b></span>'
        f'<span title="{hint}">mean ΔE<sub>00</sub> <b>{measured.colour_difference:.1f}</b></span></p>'
    )


def strip(images: Strip) -> str:
    """Held-out images with the predictions of both models, or one sentence that says how to get the images."""
    if images.missing:
        return f'<p class="missing">{escape(images.missing)}</p>'
    kind = " scenes" if isinstance(images.cells[0], StripScene) else ""
    cells = (_scene_cell(cell) if isinstance(cell, StripScene) else _cell(cell) for cell in images.cells)
    return f'<ul class="strip{kind}">{"".join(cells)}</ul>'


def _cell(cell: StripImage) -> str:
    alt = f"Held-out image {cell.number}: {cell.truth}"
    return (
        f'<li><img src="{cell.picture}" alt="{escape(alt)}"><p class="truth">{escape(cell.truth)}</p>'
        f"{_answer('A', cell.a)}{_answer('B', cell.b)}</li>"
    )


def _scene_cell(cell: StripScene) -> str:
    alt = f"Held-out scene {cell.number}"
    maps = "".join(_labelled(letter, cell, side) for letter, side in (("A", cell.a), ("B", cell.b)))
    return f'<li><img src="{cell.picture}" alt="{alt}"><div class="maps">{maps}</div></li>'


def _labelled(letter: str, cell: StripScene, side: Labelled) -> str:
    before, after = percent(side.right_before), "" if side.right_after is None else f" → {percent(side.right_after)}"
    alt = f"What model {letter} sees in scene {cell.number}: {before}{after} of the pixels right"
    mark = f'<i class="{letter.lower()}">{MARKS[letter]}</i>'
    picture = f'<img class="labels solid" src="{side.layer}" alt="{alt}">'
    return f'<div>{picture}<p title="{alt}">{mark} {before}{after}</p></div>'


def _answer(letter: str, answer: Answer) -> str:
    said = answer.after if answer.after is not None else answer.before
    words = f"{answer.before} → {said}" if answer.after is not None else f"{answer.before} (clean)"
    right = answer.right_before if answer.right_after is None else answer.right_after
    mark, kind, meaning = ("✓", "ok", "right") if right else ("✗", "bad", "wrong")
    if not right and not answer.right_before:
        mark, kind, meaning = "○", "wrong-before", "wrong, clean too"
    title = f"{letter}: {words}, {meaning}"
    return (
        f'<p class="{kind}" title="{escape(title)}"><span class="prediction"><i class="{letter.lower()}">'
        f"{MARKS[letter]}</i> {escape(said)}</span>"
        f'<span role="img" aria-label="{escape(title)}">{mark}</span></p>'
    )


def position(images: Strip) -> str:
    """The numbers of the images in the strip, and what the marks mean."""
    if not images.cells:
        return ""
    last = images.first + len(images.cells) - 1
    legend = '<span class="ok">✓</span> right <span class="bad">✗</span> fooled '
    legend += '<span class="wrong-before">○</span> wrong anyway'
    things = "images"
    if isinstance(images.cells[0], StripImage) and images.cells[0].a.after is not None:
        legend += ", each model under its own pattern"
    if isinstance(images.cells[0], StripScene):
        legend, things = "below: what each model sees, and the fraction of pixels it has right", "scenes"
    return (
        f'<span class="note">Held-out {things} {images.first} to {last}</span><span class="note legend">{legend}</span>'
    )
