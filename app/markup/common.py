"""HTML that several tabs use: headline, head and number of a card, footer. All text from outside is escaped.

Plain functions that turn values of the service into strings. Colour is never the only mark: A is a circle, B a
triangle, and answers have ✓ ✗ ○.
"""

from dataclasses import replace
from html import escape

from app.service import Card, File, Forming, Fraction, Subject, Visibility

MARKS = {"A": "●", "B": "▲"}


def percent(fraction: float, digits: int = 0) -> str:
    """`0.634` as `63%`."""
    return f"{100 * fraction:.{digits}f}%"


def headline(subject: Subject, a: Card, b: Card) -> str:
    """One sentence with the numbers of both models."""
    what = escape(subject.attack) if subject.control else "One pattern per model"
    if a.forming or b.forming:
        stopped = "stopped" in {side.forming.state for side in (a, b) if side.forming}
        words = (
            "stopped before it was done" if stopped else f"forming now on {subject.images:,} training {subject.things}"
        )
        return _heading(f"{what}, {words}: one for the {_noun(a)}, one for the {_noun(b)}.")
    if a.share is not None and b.share is not None and a.measured and b.measured:
        return _heading(f"{_takes(a)} {_takes_too(b)}{_no_help(a, ' Here ', '.')}")
    if subject.n is None:
        return _heading(f"{what} at ε = {subject.epsilon}/255 for the {_noun(a)} and the {_noun(b)}: not computed yet.")
    opening = f"{what}, added to {subject.n:,} {subject.things} it has never seen."
    if a.measured is None:
        return _heading(f"{opening} The {_clause(b, whole=True)}, the {_clause(a, whole=False)}.")
    help_is = _no_help(a, ": ") + _no_help(b, ": ")
    return _heading(f"{opening} The {_clause(a, whole=True)}, the {_clause(b, whole=False)}{help_is}.")


def _no_help(card: Card, before: str, after: str = "") -> str:
    """That this model's training does not help against the target, where the stored results say so."""
    if card.no_help is None:
        return ""
    words = card.no_help.words if before else card.no_help.words.capitalize()
    return f'{before}<span title="{escape(card.no_help.numbers)}">{escape(words)}</span>{after}'


def _takes(card: Card) -> str:
    """What it takes to make the first model as wrong as was asked for."""
    goal = f"make the {_noun(card)} {escape(card.claim.goal.format(_share(card)))}"
    if not card.enough:
        seen = _seen(card, ", ")
        return f"Even <strong>{card.epsilon}/255</strong>{seen}{',' if seen else ''} does not {goal}."
    return f"To {goal}, <strong>{card.epsilon}/255</strong> is enough{_seen(card, ': ')}."


def _takes_too(card: Card) -> str:
    """What the same takes with the second model, or that its training does not help."""
    if card.no_help:
        return _no_help(card, "", ": fooled at least as often.")
    if not card.enough:
        return f"The {_noun(card)} resists even <strong>{card.epsilon}/255</strong>{_seen(card, ', ')}."
    return f"The {_noun(card)} takes <strong>{card.epsilon}/255</strong>{_seen(card, ': ')}."


def _share(card: Card) -> str:
    assert card.share is not None
    return "half" if card.share == 0.5 else percent(card.share)


def _seen(card: Card, after: str) -> str:
    """How visible that is, where it was measured: `: hard to see (JOD 8.7)`."""
    if card.visibility is None or card.visibility.jod is None:
        return ""
    return f"{after}{card.visibility.jod.in_words} (JOD {card.visibility.jod.value:.1f})"


def _heading(inner: str) -> str:
    return f"<h1>{inner}</h1>"


def _noun(card: Card) -> str:
    return f'<span class="{card.letter.lower()}">{escape(card.noun)}</span>'


def _clause(card: Card, whole: bool) -> str:
    """What one model does; without `whole` in the short form for the second model (`the other on 76%`)."""
    if card.measured is None:
        return f"{_noun(card)} is not computed yet"
    verb, unit = (card.claim.verb, card.claim.unit) if whole else (card.claim.verb.rpartition(" ")[2], "")
    if not whole and verb not in ("on", "in"):
        verb = ""
    return f"{_noun(card)} {escape(verb)} <strong>{percent(card.measured.value)}</strong>{escape(unit)}"


def head(card: Card) -> str:
    """The heading of a card: letter, shape, model and clean accuracy."""
    clean = f"{percent(card.clean.value, 1)} clean" if card.clean else "clean: not measured"
    if card.clean and card.overlap:
        clean = f"{percent(card.clean.value, 1)} clean, mIoU {percent(card.overlap.value, 1)}"
    mark = f'<span class="mark">{card.letter} {MARKS[card.letter]}</span>'
    name = f'<span class="name" title="{escape(card.explained)}">{mark} {escape(card.title)}</span>'
    return f'<h2>{name}<span class="soft">{clean}</span></h2>'


def big(card: Card) -> str:
    """The main number of a card with its words: how often the attack has its way, at rest and during a run."""
    forming = card.forming
    if forming:
        return (
            f'<p class="big dim">{_so_far(forming)} <small>{escape(card.claim.fooled)}, {_stands(forming)}</small></p>'
        )
    found = succeeded(card)
    if found is None:
        return '<p class="big dim">– <small>not computed yet</small></p>'
    words = card.claim.words if card.target else f"{card.claim.unit.strip() or 'of images'} wrong"
    return f'<p class="big">{percent(found.value)} <small>{escape(words)} {interval(found)}</small></p>'


def effect(card: Card) -> str:
    """The same in one line, with the strength."""
    forming = card.forming
    if forming:
        return f"<b>{_so_far(forming)}</b> {escape(card.claim.fooled)}, {_stands(forming)}"
    found = succeeded(card)
    if found is None:
        return f"not computed yet at {card.epsilon}/255"
    verb = card.claim.verb if card.target else "wrong on"
    return (
        f"{escape(verb)} <b>{percent(found.value)}</b>{escape(card.claim.unit)} {interval(found)} at {card.epsilon}/255"
    )


def succeeded(card: Card) -> Fraction | None:
    """How often the attack has its way: what its target asks for, else the fraction that the model has wrong."""
    found = card.measured
    if found is None or card.target is not None:
        return found
    return replace(found, value=1 - found.value, low=1 - found.high, high=1 - found.low)


def _so_far(forming: Forming) -> str:
    return percent(forming.smooth[-1]) if forming.smooth else "–"


def _stands(forming: Forming) -> str:
    """How far a run is."""
    if forming.state == "measuring":
        return f"measuring: {percent(forming.measured)}"
    return f"{'stopped at ' if forming.state == 'stopped' else ''}step {forming.step} of {forming.total}"


def missing(card: Card) -> str:
    """A mark by which the page starts a run for what is not computed yet (`static/page.js`); empty for all else."""
    if card.measured is not None or card.forming is not None:
        return ""
    return f'<i hidden data-missing="{escape(card.command)}"></i>'


def interval(rate: Fraction) -> str:
    """The 95% interval in whole points; the tooltip names the method and n."""
    low, high = round(100 * rate.low), round(100 * rate.high)
    return f'<abbr title="95% interval, {rate.method}, n = {rate.n:,}">({low} to {high})</abbr>'


def control(card: Card) -> str:
    """What to compare the number with: the rate of the target without an attack, or the accuracy under random noise."""
    if card.unprovoked:
        return f"Without any pattern: <b>{percent(card.unprovoked.value)}</b>"
    if card.control is None:
        return "Random noise of this strength: not measured"
    right = f"<b>{percent(card.control.accuracy.value)}</b> right"
    if card.control.epsilon == card.epsilon:
        return f"Random noise of equal strength: {right}"
    return f"Random noise, even at {card.control.epsilon}/255: {right}"


def footer(a: Card, b: Card, numbers: File) -> str:
    """The origin of the numbers, and the downloads."""
    sides = "".join(_provenance(card) for card in (a, b))
    commands = "".join(_command(card) for card in (a, b))
    return (
        f'<div class="foot"><div class="origin">{sides}</div>'
        f'<div class="downloads">{_link(numbers, "All numbers")}'
        f"<details><summary>Command line</summary><div class='commands'>{commands}</div></details></div></div>"
    )


def _provenance(card: Card) -> str:
    links = " ".join(_link(file, file.label) for file in card.files)
    mark = f'<i class="{card.letter.lower()}">{MARKS[card.letter]}</i>'
    hint = ". ".join(filter(None, (f"{card.hardware}; intervals: 95%", card.search)))
    return f'<p>{mark} <span title="{escape(hint)}">{escape(card.origin)}</span> {links}</p>'


def _link(file: File, label: str) -> str:
    return f'<a href="{file.url}" download="{escape(file.name)}">{escape(label)}</a>'


def _command(card: Card) -> str:
    text = escape(card.command)
    return f'<p>{MARKS[card.letter]} <code>{text}</code> <button type="button" data-copy="{text}">Copy</button></p>'


def jod(measured: Visibility) -> str:
    """How visible the pattern is, in JOD with its interval, or what is missing for it."""
    if measured.jod:
        hint = (
            "JOD (ColorVideoVDP): 10 is no visible difference; at 9, 75% of observers prefer the original. "
            f"Mean of {measured.jod.n} held-out images, on a {measured.viewing}"
        )
        low, high = measured.jod.low, measured.jod.high
        return f'<span title="{escape(hint)}"><b>{measured.jod.value:.1f}</b> JOD [{low:.1f}, {high:.1f}]</span>'
    waits = f"{measured.install} installs it" if measured.install else "not measured"
    return f'<span title="How visible the pattern is, by ColorVideoVDP">JOD: {escape(waits)}</span>'
