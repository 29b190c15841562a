"""HTML of the Compare tab: the large image in three states, what is told beside it, and the strip of held-out images.

All text from outside is escaped. Headline and footer, which several tabs use, are in `app.markup.common`.
"""

from html import escape

from app.markup.common import MARKS, effect, missing, percent
from app.markup.glossary import term
from app.service import Answer, Card, Labelled, Large, Shot, Strip, StripImage, StripScene

KINDS = ("right", "fooled", "anyway")
"""What a model says under a pattern: the truth; what is wrong because of it; what is wrong without it too."""
LEAST = 3.0
"""The JOD at the far end of the scale."""


def original(image: Large) -> str:
    """The large image as it is; the other two states lie over it."""
    if image.missing:
        grey = "<style>:root{--large:linear-gradient(#808080,#808080)}</style>"  # what a pattern is laid over
        return f'{grey}<p class="missing">{escape(image.missing)}</p>'
    kind = "scene" if image.labels else "image"
    alt = f"Held-out {kind} {image.number}" + (f": {image.truth}" if image.truth else "")
    coarse = " coarse" if image.coarse else ""
    map_ = f'<img class="map" src="{image.labels}" alt="Its true classes">' if image.labels else ""
    said = escape(image.truth) if image.truth else "the scene"
    both = [shot.said for shot in (image.a, image.b) if shot]
    return (
        f'<style>:root{{--large:url("{image.picture}")}}</style>'
        f'<div class="shot{coarse}{" wide" if image.labels else ""}" role="img" aria-label="{escape(alt)}"></div>'
        f'<div class="says">{map_}<p class="read">{said}</p>'
        f'<p class="note">{kind} {image.number:,} of {image.total:,} {term("held", "held out")}{_both(both)}</p></div>'
    )


def _both(said: list[Answer | Labelled]) -> str:
    """Whether the models read the image right without any pattern."""
    answers = [one for one in said if isinstance(one, Answer)]
    if len(answers) < 2:
        return ""
    a, b = answers
    if a.right_before and b.right_before:
        return "; both read it right"
    if not a.right_before and not b.right_before:
        return "; both are wrong anyway"
    return f"; {'A' if a.right_before else 'B'} alone reads it right"


def stage(card: Card, image: Large, shot: Shot | None) -> str:
    """The large image under the pattern of one model, what that says to it, and how often it is wrong."""
    if shot is None:
        return _alone(card, image)
    coarse = " coarse" if image.coarse else ""
    wide = " wide" if image.labels else ""
    if shot.picture is None:
        over = '<span class="empty">no pattern yet</span>'
    else:
        alt = f"The same image with the pattern against {card.title} added, at true strength {card.epsilon}/255"
        over = f'<img class="over" decoding="sync" src="{shot.picture}" alt="{escape(alt)}">'
    says = f'<div class="says">{_said(card, shot.said)}{_often(card)}</div>'
    return f'<div class="shot{coarse}{wide}">{over}</div>{says}{missing(card)}'


def _alone(card: Card, image: Large) -> str:
    """The pattern without an image, and how often the model is wrong under it."""
    over = image.alone[card.letter == "B"]
    if over is None:
        return f'<div class="says">{_often(card)}</div>'
    kind = " coarse" * image.coarse + " wide" * (image.labels is not None)
    alt = f"The pattern against {card.title}, on grey, at true strength {card.epsilon}/255"
    return (
        f'<div class="shot{kind}"><img class="over" decoding="sync" src="{over}" alt="{escape(alt)}"></div>'
        f'<div class="says"><p class="read">the pattern at true strength</p>{_often(card)}</div>'
    )


def _said(card: Card, said: Answer | Labelled) -> str:
    """What the model makes of the large image."""
    if isinstance(said, Labelled):
        alt = f"What model {card.letter} sees"
        after = "" if said.right_after is None else f" → {percent(said.right_after)}"
        words = f"{percent(said.right_before)}{after} right"
        return f'<img class="map" decoding="sync" src="{said.labels}" alt="{alt}"><p class="read">{words}</p>'
    now, mark, kind, meaning = _judged(said)
    clean = "" if said.after is not None else " (clean)"
    return (
        f'<p class="read">reads <span class="{kind}">{escape(now)} '
        f'<span role="img" aria-label="{meaning}">{mark}</span></span>{clean}</p>'
    )


def _often(card: Card) -> str:
    """How often the attack has its way; where that is being wrong, also how often the model is so without it."""
    comparable = card.clean and card.measured and not card.forming and card.target is None
    clean = f'<span class="soft">, clean {percent(1 - card.clean.value, 1)}</span>' if card.clean and comparable else ""
    return f'<p class="often">{effect(card)}{clean}</p>'


def visible(a: Card, b: Card) -> str:
    """How visible both patterns are, on a scale, beside random noise of their strengths."""
    known = [(card, card.visibility.jod) for card in (a, b) if card.visibility and card.visibility.jod]
    heading = f"<h3>Visible? {term('jod', 'JOD, 10 is unseen')}</h3>"
    if not known:
        return f'{heading}<p class="note">{_no_jod(a, b)}</p>'
    ticks, values = "", ""
    for card, jod in known:
        letter, place = card.letter.lower(), _place(jod.value)
        ticks += f'<i class="tick {letter}" style="left:{place:.1f}%">{MARKS[card.letter]}</i>'
        hint = f"95% interval {jod.low:.1f} to {jod.high:.1f}, {jod.n} held-out images, on a {_viewing(card)}"
        values += f'<p title="{escape(hint)}"><b class="{letter}">{MARKS[card.letter]} {jod.value:.1f}</b> '
        values += f"{escape(jod.in_words)}{_noise(card)}</p>"
    return (
        f'{heading}<div class="scale" data-end="{LEAST:g}" aria-hidden="true">{ticks}</div>'
        f'<div class="values">{values}</div>'
    )


def _noise(card: Card) -> str:
    """The JOD of random noise that is as strong as the pattern, where it was measured."""
    control = card.control
    if not (control and control.jod and control.epsilon == card.epsilon):
        return ""
    return f' <span class="note">{term("noise", "noise")} {control.jod.value:.1f}</span>'


def _place(jod: float) -> float:
    """Where a JOD lies on the scale, in percent of its length."""
    return min(100.0, max(0.0, 100 * (10 - jod) / (10 - LEAST)))


def _viewing(card: Card) -> str:
    return card.visibility.viewing if card.visibility else ""


def _no_jod(a: Card, b: Card) -> str:
    """Why no JOD is told."""
    if a.forming or b.forming:
        return "measured once the patterns are done"
    found = [card.visibility for card in (a, b) if card.visibility]
    missing = next((one.missing for one in found if one.missing), "")
    install = next((one.install for one in found if one.install), "")
    if missing:
        return escape(missing)
    if install:
        return f"not measured; {escape(install)} installs what it takes"
    return "not measured for these patterns"


def patterns(a: Card, b: Card, wanted: str | None) -> str:
    """Both patterns as far amplified as full scale allows, and what the attacker wants to be seen."""
    figures = "".join(_pattern(card) for card in (a, b))
    if wanted:
        alt = f"What the attacker wants to be seen: {a.target}"
        figures += f'<figure><img src="{wanted}" alt="{escape(alt)}"><figcaption>target</figcaption></figure>'
    return f'<h3>The two {term("pattern", "patterns")}, amplified</h3><div class="both">{figures}</div>'


def _pattern(card: Card) -> str:
    mark = f'<b class="{card.letter.lower()}">{MARKS[card.letter]}</b>'
    if card.pattern is None:
        return f'<figure><div class="pattern empty">none yet</div><figcaption>{mark}</figcaption></figure>'
    alt = f"Pattern against {card.title}, drawn {card.amplify} times as strong as it is, true ε {card.epsilon}/255"
    seen = card.visibility
    hint = ""
    if seen and not seen.missing:
        hint = f"SSIM {seen.ssim:.2f}, mean colour difference (CIEDE2000) {seen.colour_difference:.1f}, {seen.n} images"
    return (
        f'<figure title="{hint}"><img class="pattern" decoding="sync" src="{card.pattern}" alt="{escape(alt)}">'
        f"<figcaption>{mark} {card.epsilon}/255, ×{card.amplify}</figcaption></figure>"
    )


def breaks(a: Card, b: Card) -> str:
    """From which strength on each model is wrong as often as its search asked for."""
    found = [(card, card.curve) for card in (a, b) if card.curve.points and not card.curve.targeted]
    if not found:
        return '<p class="note"></p>'
    words = [
        f"{MARKS[card.letter]} {f'{curve.breaks:g}' if curve.breaks is not None else f'over {curve.reaches}'}"
        for card, curve in found
    ]
    level = percent(found[0][1].level)
    return f'<p class="note">{level} wrong at {" ".join(words)}/255</p>'


def strip(images: Strip, chosen: int) -> str:
    """Held-out images with what is said to them; the one that is large is marked. Or why there are none."""
    if images.missing:
        return ""
    if not images.cells:
        return '<p class="missing">This pattern has fooled its model on none of the held-out images.</p>'
    scenic = isinstance(images.cells[0], StripScene)
    cells = "".join(cell(one, images.shown, one.number == chosen) for one in images.cells)
    return f'<ul class="strip{" scenes" if scenic else ""}">{cells}</ul>'


def cell(cell: StripImage | StripScene, shown: str | None, chosen: bool) -> str:
    """One image of the strip as a button, and what is said to it."""
    truth = cell.truth if isinstance(cell, StripImage) else ""
    alt = f"Held-out {'image' if truth else 'scene'} {cell.number}" + (f": {truth}" if truth else "")
    sides = [(letter, said) for letter, said in (("A", cell.a), ("B", cell.b)) if shown in (None, letter.lower())]
    return (
        f'<li><button type="button" data-number="{cell.number}" aria-pressed="{str(chosen).lower()}" '
        f'title="{escape(truth)}: show it large"><img src="{cell.picture}" alt="{escape(alt)}"></button>'
        f'<p class="answers">{"".join(_answer(letter, said, len(sides) > 1) for letter, said in sides)}</p></li>'
    )


def _answer(letter: str, said: Answer | Labelled, short: bool) -> str:
    mark = f'<i class="{letter.lower()}">{MARKS[letter]}</i>'
    if isinstance(said, Labelled):
        before = percent(said.right_before)
        after = "" if said.right_after is None else f" → {percent(said.right_after)}"
        title = f"Model {letter}: {before}{after} of the pixels right"
        return f'<span title="{title}">{mark} {before if said.right_after is None else after[3:]}</span>'
    now, sign, kind, meaning = _judged(said)
    title = escape(f"{letter}: {said.before} → {now}, {meaning}" if said.after is not None else f"{now}, {meaning}")
    words = "" if short else f" {escape(now)}"
    return (
        f'<span class="{kind}" title="{title}"><span class="prediction">{mark}{words}</span> '
        f'<span role="img" aria-label="{title}">{sign}</span></span>'
    )


def _judged(said: Answer) -> tuple[str, str, str, str]:
    """What is said, its mark, its kind for the style, and the mark in words."""
    now = said.before if said.after is None else said.after
    right = said.right_before if said.right_after is None else said.right_after
    if right:
        return now, "✓", "ok", "right"
    if said.right_before:
        return now, "✗", "bad", "wrong"
    return now, "○", "wrong-before", "wrong, clean too"


def legend(scenic: bool) -> str:
    """What stands under the images of the strip."""
    if scenic:
        return '<p class="note">below: how much of a scene is right</p>'
    return (
        '<p class="note"><span class="ok">✓</span> right <span class="bad">✗</span> fooled '
        '<span class="wrong-before">○</span> wrong anyway</p>'
    )


def position(images: Strip, fooled: bool) -> str:
    """The numbers of the images in the strip."""
    if not images.cells:
        return ""
    last = images.first + len(images.cells) - 1
    things = "scenes" if isinstance(images.cells[0], StripScene) else "images"
    words = f"Fooled {things}" if fooled and images.shown else "Held out:"
    total = f" of {images.total:,}" if images.total else ""
    return f'<span class="note">{words} {images.first:,} to {last:,}{total}</span>'
