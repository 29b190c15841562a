"""The page's own pieces of HTML: headline, cards, strip, footer. Every text from outside is escaped here.

Plain functions from the service's values to strings; colour is never the only mark (A circle, B triangle, ✓ ✗ ○).
"""

from html import escape

from app.service import Answer, Card, Cell, File, Labelled, SceneCell, Share, Strip, Subject

MARKS = {"A": "●", "B": "▲"}


def percent(share: float, digits: int = 0) -> str:
    """`0.634` as `63%`."""
    return f"{100 * share:.{digits}f}%"


def headline(subject: Subject, a: Card, b: Card) -> str:
    """The story in one sentence with both numbers."""
    what = escape(subject.attack) if subject.control else "One pattern per model"
    if a.forming or b.forming:
        stopped = "stopped" in {side.forming.state for side in (a, b) if side.forming}
        words = (
            "stopped before it was done" if stopped else f"forming now on {subject.images:,} training {subject.things}"
        )
        return _heading(f"{what}, {words}: one for the {_noun(a)}, one for the {_noun(b)}.")
    if subject.n is None:
        return _heading(
            f"{what} at ε = {subject.epsilon}/255 for the {_noun(a)} and the {_noun(b)}: "
            "not computed yet. Press “Watch it form”."
        )
    opening = f"{what}, added to {subject.n:,} {subject.things} it has never seen."
    if a.measured is None:
        return _heading(f"{opening} The {_clause(b, whole=True)}, the {_clause(a, whole=False)}.")
    return _heading(f"{opening} The {_clause(a, whole=True)}, the {_clause(b, whole=False)}.")


def _heading(inner: str) -> str:
    return f"<h1>{inner}</h1>"


def _noun(card: Card) -> str:
    return f'<span class="{card.letter.lower()}">{escape(card.noun)}</span>'


def _clause(card: Card, whole: bool) -> str:
    """What one model does: in whole, or as the second of two (`the other on 76%`)."""
    if card.measured is None:
        return f"{_noun(card)} is not computed yet"
    verb, unit = (card.claim.verb, card.claim.unit) if whole else (card.claim.verb.rpartition(" ")[2], "")
    if not whole and verb not in ("on", "in"):
        verb = ""
    return f"{_noun(card)} {escape(verb)} <strong>{percent(card.measured.value)}</strong>{escape(unit)}"


def head(card: Card) -> str:
    """Letter, shape, model and clean accuracy."""
    clean = f"{percent(card.clean.value, 1)} clean" if card.clean else "clean: not measured"
    if card.clean and card.overlap:
        clean = f"{percent(card.clean.value, 1)} clean, mIoU {percent(card.overlap.value, 1)}"
    mark = f'<span class="mark">{card.letter} {MARKS[card.letter]}</span>'
    return f'<h2><span class="name">{mark} {escape(card.title)}</span><span class="soft">{clean}</span></h2>'


def pattern(card: Card) -> str:
    """The pattern, crisp, and at which strength it is drawn."""
    strength = f"ε {card.epsilon}/255"
    if card.pattern is None:
        return f'<div class="pattern empty">not computed yet</div><p class="note">true {strength}</p>'
    alt = f"Pattern against {card.title}, drawn {card.amplify} times as strong as it is, true {strength}"
    return (
        f'<img class="pattern" src="{card.pattern}" alt="{escape(alt)}" width="148" height="148">'
        f'<p class="note">×{card.amplify}, true {strength}</p>'
    )


def number(card: Card) -> str:
    """The one big number, and what the control does at the same strength."""
    return f'<div class="number">{big(card)}<p class="note">{control(card)}</p></div>'


def big(card: Card) -> str:
    """The one big number with its words, or how far a run is."""
    forming = card.forming
    if forming and forming.state == "measuring":
        words = f"of the held-out set measured, pattern from {forming.step} steps"
        return f'<p class="big dim">{percent(forming.measured)} <small>{words}</small></p>'
    if forming:
        rate = percent(forming.smooth[-1]) if forming.smooth else "–"
        state = "stopped at" if forming.state == "stopped" else "so far,"
        words = f"{card.claim.fooled}, {state} step {forming.step} of {forming.total}"
        return f'<p class="big dim">{rate} <small>{words}</small></p>'
    if card.measured is None:
        return '<p class="big dim">– <small>not computed yet:<br>press Watch it form</small></p>'
    words = f"{escape(card.claim.words)} {interval(card.measured)}"
    return f'<p class="big">{percent(card.measured.value)} <small>{words}</small></p>'


def interval(share: Share) -> str:
    """The 95% interval in whole points, spelled out for those who point at it."""
    low, high = round(100 * share.low), round(100 * share.high)
    return f'<abbr title="95% interval, {share.method}, n = {share.n:,}">({low} to {high})</abbr>'


def control(card: Card) -> str:
    """What the number is to be compared with: the target as it is seen anyway, else random signs."""
    if card.unprovoked:
        return f"Without any pattern: <b>{percent(card.unprovoked.value)}</b>"
    if card.control is None:
        return "Random signs of this strength: not measured"
    right = f"<b>{percent(card.control.accuracy.value)}</b> right"
    if card.control.epsilon == card.epsilon:
        return f"Random signs of equal strength: {right}"
    return f"Random signs, even at {card.control.epsilon}/255: {right}"


def note(card: Card) -> str:
    """What the curve shows, and how visible the pattern is."""
    return f'<p class="note">{_curve(card)}</p>'


def _curve(card: Card) -> str:
    if card.forming:
        hint = "dots: each mini-batch; line: smoothed"
        return f'<span title="{hint}">Share {escape(card.claim.fooled)}, by step</span>'
    if not card.curve.points:
        return "Nothing has been measured on this model yet"
    if card.curve.targeted:
        return escape(card.claim.axis)
    breaks = card.curve.breaks
    where = f"Breaks at {breaks:g}/255" if breaks is not None else f"Holds up to {card.curve.reaches}/255"
    hint = f"the strength at which {percent(card.curve.level)} of the answers are wrong"
    line = f" · line: {escape(card.curve.borrowed)}" if card.curve.borrowed else ""
    return f'<b title="{hint}">{where}</b> · dotted: random signs{line}'


def visibility(card: Card) -> str:
    """SSIM, colour difference and the share of pixels where an eye notices it."""
    seen = card.visibility
    if seen is None or seen.missing:
        waits = "measured once the pattern is done" if card.measured is None else "needs the images"
        waits = escape(seen.missing) if seen else waits
        return f'<p class="note seen">How visible: {waits}</p>'
    hint = f"measured on {seen.n} held-out pictures; a colour difference (CIEDE2000) of 2.3 is just noticeable"
    return (
        f'<p class="note seen" title="{hint}"><span>SSIM <b>{seen.ssim:.2f}</b></span>'
        f"<span>mean ΔE<sub>00</sub> <b>{seen.colour_difference:.1f}</b></span>"
        f"<span><b>{percent(seen.visible)}</b> of pixels noticeably changed</span></p>"
    )


def strip(found: Strip) -> str:
    """Held-out images with what both models say; or the one sentence that says how to get them."""
    if found.missing:
        return f'<p class="missing">{escape(found.missing)}</p>'
    kind = " scenes" if isinstance(found.cells[0], SceneCell) else ""
    cells = (_scene_cell(cell) if isinstance(cell, SceneCell) else _cell(cell) for cell in found.cells)
    return f'<ul class="strip{kind}">{"".join(cells)}</ul>'


def _cell(cell: Cell) -> str:
    alt = f"Held-out image {cell.number}: {cell.truth}"
    return (
        f'<li><img src="{cell.picture}" alt="{escape(alt)}"><p class="truth">{escape(cell.truth)}</p>'
        f"{_answer('A', cell.a)}{_answer('B', cell.b)}</li>"
    )


def _scene_cell(cell: SceneCell) -> str:
    alt = f"Held-out scene {cell.number}"
    maps = "".join(_labelled(letter, cell, side) for letter, side in (("A", cell.a), ("B", cell.b)))
    return f'<li><img src="{cell.picture}" alt="{alt}"><div class="maps">{maps}</div></li>'


def _labelled(letter: str, cell: SceneCell, side: Labelled) -> str:
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
        mark, kind, meaning = "○", "was", "wrong, clean too"
    title = f"{letter}: {words}, {meaning}"
    return (
        f'<p class="{kind}" title="{escape(title)}"><span class="says"><i class="{letter.lower()}">{MARKS[letter]}</i> '
        f'{escape(said)}</span><span role="img" aria-label="{escape(title)}">{mark}</span></p>'
    )


def place(found: Strip) -> str:
    """Which images the strip shows."""
    if not found.cells:
        return ""
    last = found.first + len(found.cells) - 1
    legend = '<span class="ok">✓</span> right <span class="bad">✗</span> fooled <span class="was">○</span> wrong anyway'
    things = "images"
    if isinstance(found.cells[0], Cell) and found.cells[0].a.after is not None:
        legend += ", each model under its own pattern"
    if isinstance(found.cells[0], SceneCell):
        legend, things = "below: what each model sees, and its share of right pixels", "scenes"
    return (
        f'<span class="note">Held-out {things} {found.first} to {last}</span><span class="note legend">{legend}</span>'
    )


def footer(a: Card, b: Card, numbers: File) -> str:
    """Where the numbers come from, and what can be taken home."""
    sides = "".join(_provenance(card) for card in (a, b))
    commands = "".join(_command(card) for card in (a, b))
    return (
        f'<div class="foot"><div class="origin">{sides}</div>'
        f'<div class="take">{_link(numbers, "All numbers")}'
        f"<details><summary>Command line</summary><div class='commands'>{commands}</div></details></div></div>"
    )


def _provenance(card: Card) -> str:
    links = " ".join(_link(file, file.label) for file in card.files)
    mark = f'<i class="{card.letter.lower()}">{MARKS[card.letter]}</i>'
    hint = f"{card.hardware}; intervals: 95%"
    return f'<p>{mark} <span title="{escape(hint)}">{escape(card.origin)}</span> {links}</p>'


def _link(file: File, label: str) -> str:
    return f'<a href="{file.url}" download="{escape(file.name)}">{escape(label)}</a>'


def _command(card: Card) -> str:
    text = escape(card.command)
    return f'<p>{MARKS[card.letter]} <code>{text}</code> <button type="button" data-copy="{text}">Copy</button></p>'
