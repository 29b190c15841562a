"""HTML of the tab of one's own pictures: what each model says, clean and under its pattern.

All text from outside is escaped. No answer is called right: of these pictures nobody has told what they show.
"""

import json
from html import escape
from typing import Any

from app.markup.common import MARKS, effect, percent
from app.service import PICTURES, Example, Guess, Legend, OwnAnswer, OwnCell, OwnMaps, OwnPage, OwnShot, OwnSide, Whole

PRIVATE = (
    "Pictures stay in this app's memory: never on a disk, for nobody else to see, gone when you close this page, "
    "after an hour at the latest."
)

TROUBLES = {
    "gone": "Your pictures are gone, since the page was without its connection for a while; add them again.",
    "unreachable": "The app could not be reached, and nothing was added.",
    "no file": "That was no picture file; save the picture first, then drop or choose the file.",
    "NotAllowedError": "The camera was refused; allow it for this page in the browser, then try again.",
    "NotFoundError": "This device has no camera that the browser knows.",
    "NotReadableError": "The camera is used by another program.",
    "insecure": "Browsers give the camera only to pages with https, and to those of the same machine.",
    "camera": "The camera could not be started.",
}
"""What the page's scripts can find amiss: names of browser errors, and words of `static/pictures.js`."""


def headline(page: OwnPage) -> str:
    """How many answers the patterns have changed, in one sentence."""
    if not page.cells:
        return "<h1>One pattern for everything: try it on pictures that no one has seen.</h1>"
    n = len(page.cells)
    if page.legend:
        each = [f"{percent(side.changed / n)} of what {_noun(side)} sees{_strength(side)}" for side in (page.a, page.b)]
        pictures = "your picture" if n == 1 else f"your {n} pictures"
        return f"<h1>One pattern for everything: in {pictures} it changes {each[0]}, and {each[1]}.</h1>"
    if n == 1:
        verbs = [
            f"{'changes' if side.changed else 'does not change'} what {_noun(side)} says" for side in (page.a, page.b)
        ]
        a, b = (f"{verb}{_strength(side)}" for verb, side in zip(verbs, (page.a, page.b), strict=True))
        return f"<h1>One pattern for everything: on your picture it {a} and {b}.</h1>"
    each = [f"{side.changed:.0f} of your {n} pictures{_strength(side)}" for side in (page.a, page.b)]
    return (
        f"<h1>One pattern for everything: it changes what {_noun(page.a)} says to {each[0]}, "
        f"and what {_noun(page.b)} says to {each[1]}.</h1>"
    )


def _noun(side: OwnSide) -> str:
    noun = side.card.noun
    return f'<span class="{side.card.letter.lower()}">{"" if noun.startswith("model") else "the "}{escape(noun)}</span>'


def _strength(side: OwnSide) -> str:
    """The strength of a pattern, and how visible that is where it was measured."""
    if side.crafted_at is None:
        return ""
    seen = side.card.visibility
    words = f", {seen.jod.in_words}" if seen and seen.jod and _exact(side) else ""
    return f" <small>({side.card.epsilon}/255{escape(words)})</small>"


def _exact(side: OwnSide) -> bool:
    return side.crafted_at == side.card.epsilon


def invitation(page: OwnPage, kept: str = PRIVATE) -> str:
    """Where pictures go while there are none, and examples to try; empty once there are some.

    `kept` says what becomes of them.
    """
    if page.cells:
        return ""
    examples = "".join(map(_example, page.examples))
    tried = (
        f'<div class="examples"><p class="note">Or try one of these:</p><div>{examples}</div></div>' if examples else ""
    )
    return (
        '<div class="invite"><p class="call">Drop pictures here, or paste them</p><p class="ways">'
        '<button type="button" data-choose>Choose pictures</button>'
        '<button type="button" data-camera>Use the camera</button></p>'
        f'<p class="note">{kept}</p>{tried if examples else ""}</div>'
    )


def _example(example: Example) -> str:
    title = escape(example.title)
    return (
        f'<button type="button" data-example="{example.number}" title="{title}">'
        f'<img src="{example.picture}" alt="{title}"></button>'
    )


def original(page: OwnPage) -> str:
    """What the models see of the large picture; the other two states lie over it."""
    large, turn = page.large, f'data-turn="{page.turn}"'
    kind = _kind(page)
    if large is None:
        return f'<div class="shot{kind}" {turn}></div><div class="says"></div>'
    name = escape(large.whole.name)
    return (
        f'<style>.yours{{--large:url("{large.picture}")}}</style>'
        f'<div class="shot{kind}" {turn} role="img" aria-label="What the models see of {name}"></div>'
        f'<div class="says"><p class="read" title="{name}">{name}</p>'
        f'<p class="note">{large.whole.width:,} × {large.whole.height:,} pixels; the models see '
        f"{page.intake.width} × {page.intake.height}</p></div>"
    )


def stage(page: OwnPage, side: OwnSide, shot: OwnShot | None) -> str:
    """The large picture under the pattern of one model, and what that says to it."""
    kind, turn = _kind(page), f'data-turn="{page.turn}"'
    over = '<span class="empty">no stored pattern</span>' if side.crafted_at is None else ""
    if side.crafted_at is not None:
        alt = f"Your picture with the pattern against {side.card.title} added, at strength {side.card.epsilon}/255"
        source = f'src="{shot.picture}"' if shot and shot.picture else "hidden"
        over = f'<img class="over" decoding="sync" {source} alt="{escape(alt)}">'
    answers = said(shot) if shot else ""
    return (
        f'<div class="shot{kind}" {turn}>{over}</div>'
        f'<div class="says"><div class="answers">{answers}</div>{_pattern(side)}</div>'
    )


def _kind(page: OwnPage) -> str:
    return " wide" if page.legend else " coarse" if page.coarse else ""


def said(shot: OwnShot) -> str:
    """What one model says to the large picture, clean and under its pattern."""
    told = shot.said
    if isinstance(told, OwnMaps):
        return _maps(told, shot)
    after = _list("no stored pattern", ()) if told.attacked is None else _list(_change(told), told.attacked)
    return f'<div class="guesses">{_list("Clean", told.clean)}{after}</div>'


def _change(told: OwnAnswer) -> str:
    kind, mark, word = ("bad", "≠", "changed") if told.changed else ("ok", "=", "unchanged")
    return f'With pattern <span class="{kind}" role="img" aria-label="{word}" title="{word}">{mark}</span>'


def _list(heading: str, guesses: tuple[Guess, ...]) -> str:
    rows = "".join(
        f'<li style="--p:{percent(guess.confidence, 1)}" title="{escape(guess.name)}: {percent(guess.confidence, 1)}">'
        f"<span>{escape(guess.name)}</span> <b>{percent(guess.confidence)}</b></li>"
        for guess in guesses
    )
    return f"<div><h3>{heading}</h3><ol>{rows}</ol></div>"


def _maps(told: OwnMaps, shot: OwnShot) -> str:
    """Both label maps over the picture that each is of."""
    over = f"url('{shot.picture}')" if shot.picture else "none"
    after = '<span class="blank">no stored pattern</span>'
    if told.attacked:
        after = _map(told.attacked, over, f"With the pattern: {told.told[1]}")
    changed = f' <span class="bad" title="of the pixels changed">≠ {percent(told.changed)}</span>'
    heading = f"With pattern{changed if told.attacked else ''}"
    clean = _map(told.clean, "var(--large)", f"Clean: {told.told[0]}")
    return f'<div class="guesses maps"><div><h3>Clean</h3>{clean}</div><div><h3>{heading}</h3>{after}</div></div>'


def _map(layer: str, base: str, alt: str) -> str:
    return f'<div class="stack" style="--base:{base}"><img class="labels" src="{layer}" alt="{escape(alt)}"></div>'


def _pattern(side: OwnSide) -> str:
    """Which pattern it is, and how often it succeeds on held-out images."""
    card = side.card
    if side.crafted_at is None:
        words = "No pattern of this attack is stored for this model; the Compare tab can make one."
    elif _exact(side):
        words = f"{effect(card)}, held out" if card.measured else f"{card.epsilon}/255"
    else:
        words = f"crafted at {side.crafted_at}/255, drawn at <b>{card.epsilon}/255</b>; not measured so"
    hint = "On pictures that neither model nor pattern has seen; yours are not among them"
    return f'<p class="often" title="{hint}">{words}</p>'


def whole(page: OwnPage) -> str:
    """The large picture as it came, with the part that models see in a frame that can be moved."""
    if page.large is None:
        return ""
    shown: Whole = page.large.whole
    fixed = shown.span > 0.995
    frame = (
        f'<i class="crop" role="slider" tabindex="0" aria-label="Part of the picture that the models see" '
        f'aria-valuemin="0" aria-valuemax="100" aria-valuenow="{shown.at}" aria-valuetext="{shown.at}%" '
        f'aria-orientation="{"horizontal" if shown.across else "vertical"}"></i>'
    )
    name = escape(shown.name)
    words = "The models see all of it" if fixed else "The models see the frame: drag it, or use the arrow keys"
    return (
        f'<figure data-token="{shown.token}" data-at="{shown.at}" data-turn="{page.turn}">'
        f'<div class="uncut {"across" if shown.across else "down"}" '
        f'style="--span:{100 * shown.span:.3f}%;--at:{shown.at};--ratio:{shown.width / shown.height:.4f}">'
        f'<img src="{shown.picture}" alt="{name}" draggable="false">{"" if fixed else frame}</div>'
        f"<figcaption>{words}</figcaption></figure>"
    )


def strip(page: OwnPage) -> str:
    """The last pictures side by side, with what each model says."""
    if not page.cells:
        return ""
    chosen = page.large.whole.token if page.large else ""
    cells = "".join(cell(one, one.token == chosen) for one in page.cells)
    return f'<ul class="strip own{" scenes" if page.legend else ""}">{cells}</ul>'


def cell(cell: OwnCell, chosen: bool) -> str:
    """One of the last pictures as a button, and what each model says to it."""
    name = escape(cell.name)
    answers = "".join(_answer(letter, told) for letter, told in (("A", cell.a), ("B", cell.b)))
    return (
        f'<li><button type="button" data-picture="{cell.token}" aria-pressed="{str(chosen).lower()}" '
        f'title="{name}: show it large"><img src="{cell.picture}" alt="{name}"></button>'
        f'<button type="button" class="drop" data-picture="-{cell.token}" aria-label="Remove {name}" '
        f'title="Remove">×</button><p class="answers">{answers}</p></li>'
    )


def _answer(letter: str, told: OwnAnswer | OwnMaps) -> str:
    mark = f'<i class="{letter.lower()}">{MARKS[letter]}</i>'
    if isinstance(told, OwnMaps):
        changed = percent(told.changed)
        return f'<span title="Model {letter}: the pattern changes {changed} of the pixels">{mark} ≠ {changed}</span>'
    before, after = told.clean[0], (told.attacked or told.clean)[0]
    kind, sign, word = ("bad", "≠", "changed") if told.changed else ("ok", "=", "unchanged")
    title = (
        f"{letter}: {before.name} {percent(before.confidence)} → {after.name} {percent(after.confidence)}, {word}"
        if told.attacked
        else f"{letter}: {before.name} {percent(before.confidence)}, no stored pattern"
    )
    return (
        f'<span class="{kind}" title="{escape(title)}"><span class="prediction">{mark} {escape(after.name)}</span> '
        f'<span role="img" aria-label="{word}">{sign}</span></span>'
    )


def knows(page: OwnPage) -> str:
    """What the models know, which is all that they can say."""
    if page.legend:
        return f'<ul class="own-legend" aria-label="Classes">{"".join(map(_class, page.legend))}</ul>'
    names = ", ".join(map(escape, page.classes))
    return (
        f'<details class="knows"><summary>The models know only {len(page.classes)} classes</summary><p>{names}</p>'
        f"</details><p class='note'>Whatever a picture shows, they name one of them.</p>"
    )


def private(page: OwnPage, kept: str = PRIVATE) -> str:
    """How private the pictures are, once the invitation that says so is gone."""
    if not page.cells:
        return ""
    everything = '<button type="button" data-picture="-">Remove all</button>'
    return (
        f'<p class="note">Your last {PICTURES} pictures. <span class="bad">≠</span> the pattern changes the answer, '
        f'<span class="ok">=</span> it does not.</p><p class="note">{kept}</p><p class="ways few">{everything}</p>'
    )


def _class(entry: Legend) -> str:
    name = escape(entry.name)
    return (
        f'<li data-colour="{entry.colour}" data-name="{name}">'
        f'<i class="swatch" style="background:{entry.colour}"></i>{name}</li>'
    )


def trouble(told: dict[str, Any]) -> str:
    """What the page's scripts have found amiss, in one sentence; empty where nothing is."""
    left = told.get("left")
    if isinstance(left, int) and left > 0:
        return f"{left} more pictures were left out: the last {PICTURES} are kept."
    return TROUBLES.get(str(told.get("trouble")), "")


def intake(page: OwnPage) -> str:
    """What `static/pictures.js` needs, as JSON."""
    return json.dumps(vars(page.intake))
