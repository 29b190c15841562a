"""HTML of the Segmentation tab: the scene, what both models see in it, and the legend of classes.

A style variable holds each photograph, so that it is sent only once for all layers that are drawn over it.
"""

from html import escape

from app.markup.common import MARKS, big, control, head, jod, missing, percent
from app.service import Card, Legend, Look, Street

ANY = "any mistake"
"""What the attacker wants without a target."""


def street(scene: Street) -> str:
    """The scene, its true classes, and what the attacker wants to be seen; or how to get missing scenes."""
    if scene.missing:
        return f'<p class="missing">{escape(scene.missing)}</p>'
    photo = f'<style>:root{{--photo:url("{scene.photo}")}}</style>'
    target = _figure(_wanted(scene), f"{'to be seen' if scene.removed else 'attacker wants'}: {scene.wants}")
    return (
        f'{photo}<div class="street">{_figure(_bare("photo", f"Held-out scene {scene.number}"), "the scene")}'
        f"{_figure(_stack('photo', scene.truth, 'The true classes of this scene'), 'the truth')}{target}</div>"
    )


def _wanted(scene: Street) -> str:
    """What the attacker wants to be seen: another scene, or anything but the marked pixels."""
    if scene.wanted:
        return f'<img class="labels solid" src="{scene.wanted}" alt="The scene that the attacker wants to be seen">'
    if scene.removed:
        return _stack("photo", scene.removed, "Pixels that the attacker wants to be seen as anything else", grey=True)
    return "<span class='blank'>any mistake will do</span>" if scene.wants == ANY else _blank("not in this scene")


def position(scene: Street) -> str:
    """The place of the scene that is shown, among all held-out scenes or among those with what is to be overlooked."""
    if not scene.total:
        return ""
    kind, named = ("Scene", f" {escape(scene.named)}") if scene.named else ("Held-out scene", "")
    hint = f' title="Held-out scene {scene.number}"' if scene.named else ""
    return f'<span class="note"{hint}>{kind} {scene.place} of {scene.total}{named}</span>'


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
        f"<figure>{_pattern(card)}<figcaption>{_amplified(card)}</figcaption></figure>",
    ]
    return f'{shot}<div class="map-row">{"".join(figures)}</div>'


def summary(card: Card, look: Look) -> str:
    """The text beside a row: the model, its main number, and how much the pattern resembles the target."""
    begin = missing(card) if look.before else ""
    return f'{head(card)}{big(card)}<p class="note">{control(card)}</p>{_shows(look)}{begin}'


def _amplified(card: Card) -> str:
    """The caption of the pattern: how much it is amplified, and how visible it is at its true strength."""
    measured = card.visibility
    words = f"pattern ×{card.amplify}"
    return f"{words} · {jod(measured)}" if measured and measured.jod else words


def _shows(look: Look) -> str:
    score = look.pattern
    if score is None:
        return ""
    hint = (
        f"Held-out scenes are compared by how well each explains the blurred pattern after the layout common to all "
        f"was removed. The target explains {percent(score.fraction, 1)}, others {percent(score.others, 1)} on average. "
        f"A pattern that shows no scene resembles the target more than half of the others, on average."
    )
    words = f"Resembles the target more than <b>{score.more_than}</b> other scenes"
    words += f" (standard: {score.standard.partition(' ')[0]})" if score.standard else ""
    return f'<p class="note resemblance" title="{escape(hint)}">{words}</p>'


def legend(classes: tuple[Legend, ...], looks: tuple[Look, Look], only: int | None) -> str:
    """Every class with its colour and its IoU before and after; pressing a class shows it alone."""
    entries = "".join(_entry(entry, looks, only) for entry in classes)
    return f'<ul class="legend-classes" aria-label="Classes">{entries}</ul>'


def _entry(entry: Legend, looks: tuple[Look, Look], only: int | None) -> str:
    pressed = "true" if only == entry.number else "false"
    overlaps = "".join(
        f'<span><i class="{letter.lower()}">{MARKS[letter]}</i> {_change(*look.overlaps[entry.number])}</span>'
        for letter, look in zip("AB", looks, strict=True)
    )
    name = escape(entry.name)
    title = f"{name}: intersection over union of models A and B in percent, clean → attacked. Press to see it alone."
    return (
        f'<li><button type="button" data-class="{entry.number}" data-colour="{entry.colour}" data-name="{name}" '
        f'aria-pressed="{pressed}" title="{title}"><i class="swatch" style="background:{entry.colour}"></i>'
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
