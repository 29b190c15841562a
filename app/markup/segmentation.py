"""The Segmentation tab's HTML: the scene, what both models see in it, and the legend of classes.

Layers lie over photographs that a style variable holds, so that each photograph travels once.
"""

from html import escape

from app.markup.common import MARKS, big, control, head, percent
from app.service import Card, Legend, Look, Street


def street(found: Street) -> str:
    """The scene as it is, its truth, and what the attacker wants to be seen; or how to get absent scenes."""
    if found.missing:
        return f'<p class="missing">{escape(found.missing)}</p>'
    photo = f'<style>:root{{--photo:url("{found.photo}")}}</style>'
    wanted = f'<img class="labels solid" src="{found.wanted}" alt="The scene that the attacker wants to be seen">'
    target = _figure(wanted if found.wanted else "<span class='blank'>any mistake will do</span>", "what it should see")
    return (
        f'{photo}<div class="street">{_figure(_bare("photo", f"Held-out scene {found.number}"), "the scene")}'
        f"{_figure(_stack('photo', found.truth, 'The true classes of this scene'), 'the truth')}{target}</div>"
    )


def place(found: Street) -> str:
    """Which scene is shown."""
    return f'<span class="note">Held-out scene {found.number} of {found.total}</span>' if found.total else ""


def row(card: Card, look: Look, flips: bool) -> str:
    """One model: the attacked scene, what it sees clean and attacked, and the pattern."""
    letter, blank = card.letter.lower(), _blank() if look.before else _blank("needs the scenes")
    shot = f'<style>:root{{--shot-{letter}:url("{look.picture}")}}</style>' if look.picture else ""
    attacked = _bare(f"shot-{letter}", f"The scene with pattern {card.letter} added") if look.picture else blank
    told = [
        f"Model {card.letter}, {when}: {words}" for when, words in zip(("clean", "attacked"), look.told, strict=True)
    ]
    before = _stack("photo", look.before, told[0]) if look.before else blank
    after = _stack(f"shot-{letter}", look.after, told[1], flips) if look.after else blank
    figures = [
        _figure(attacked, f"scene + pattern, ε {card.epsilon}/255"),
        _figure(before, "sees, clean"),
        _figure(after, "what has flipped" if flips else "sees, attacked"),
        _figure(_pattern(card), f"pattern ×{card.amplify}"),
    ]
    return f'{shot}<div class="sights">{"".join(figures)}</div>'


def summary(card: Card, look: Look) -> str:
    """Beside the row: the model, the one number, and what the pattern shows of the target."""
    return f'{head(card)}{big(card)}<p class="note">{control(card)}</p>{_shows(look)}'


def _shows(look: Look) -> str:
    found = look.pattern
    if found is None:
        return ""
    hint = (
        f"All {found.n} held-out scenes, ordered by how well each explains the blurred pattern once the layout common "
        f"to all is taken out. The target explains {percent(found.fraction, 1)}, others {percent(found.others, 1)} on "
        f"average; by chance every rank is as likely."
    )
    return f'<p class="note rank" title="{escape(hint)}">Target in it: <b>rank {found.rank} of {found.n}</b></p>'


def legend(classes: tuple[Legend, ...], looks: tuple[Look, Look], only: int | None) -> str:
    """Every class with its colour and its IoU before and after; pressing one shows it alone."""
    entries = "".join(_entry(one, looks, only) for one in classes)
    return f'<ul class="legend-classes" aria-label="Classes">{entries}</ul>'


def _entry(one: Legend, looks: tuple[Look, Look], only: int | None) -> str:
    pressed = "true" if only == one.number else "false"
    overlaps = "".join(
        f'<span><i class="{letter.lower()}">{MARKS[letter]}</i> {_change(*look.overlaps[one.number])}</span>'
        for letter, look in zip("AB", looks, strict=True)
    )
    name = escape(one.name)
    title = f"{name}: intersection over union of models A and B in percent, clean → attacked. Press to see it alone."
    return (
        f'<li><button type="button" data-class="{one.number}" data-colour="{one.colour}" data-name="{name}" '
        f'aria-pressed="{pressed}" title="{title}"><i class="swatch" style="background:{one.colour}"></i>'
        f"<b>{name}</b>{overlaps}</button></li>"
    )


def _change(before: float | None, after: float | None) -> str:
    first, then = ("–" if iou is None else f"{100 * iou:.0f}" for iou in (before, after))
    return first if after is None else f"{first}→{then}"


def _figure(inner: str, caption: str) -> str:
    return f"<figure>{inner}<figcaption>{escape(caption)}</figcaption></figure>"


def _stack(photo: str, layer: str, alt: str, grey: bool = False) -> str:
    kind = "stack grey" if grey else "stack"
    labels = f'<img class="labels" src="{layer}" alt="{escape(alt)}">'
    return f'<div class="{kind}" style="--base:var(--{photo})">{labels}</div>'


def _bare(photo: str, alt: str) -> str:
    return f'<div class="stack" style="--base:var(--{photo})" role="img" aria-label="{escape(alt)}"></div>'


def _blank(words: str = "not computed yet") -> str:
    return f'<div class="stack blank">{words}</div>'


def _pattern(card: Card) -> str:
    if card.pattern is None:
        return _blank()
    alt = f"Pattern against {card.title}, drawn {card.amplify} times as strong as it is, true ε {card.epsilon}/255"
    return f'<img class="pattern" src="{card.pattern}" alt="{escape(alt)}">'
