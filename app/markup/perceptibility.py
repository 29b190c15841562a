"""HTML of the Perceptibility tab: headline, patterns, what the spectrum shows, readings, and the tables."""

from html import escape

from app.markup.common import MARKS, percent
from app.service import (
    LONG_WAVES,
    VIEWING_IN_WORDS,
    NeededVisibility,
    Perceptibility,
    PerceptibilityCard,
    PerceptibilityModel,
    PerceptibilityPoint,
    Recognition,
)


def headline(page: Perceptibility) -> str:
    """One sentence: how visible a pattern must be to make each model wrong."""
    a, b = page.a.model.needed, page.b.model.needed
    one = bool(a and b and a.strongest and b.strongest)  # both need a pattern whose visibility is known
    first = f"{_noun(page.a)} needs {_needs(a, 'a pattern')}"
    other = f"{_noun(page.b)} {_needs(b, 'one') if one else 'needs ' + _needs(b, 'a pattern')}"
    return f"<h1>To be wrong on {share(page)} of all {page.things}, {first}; {other}.</h1>"


def _noun(side: PerceptibilityCard) -> str:
    article = "" if side.noun.startswith("model ") else "the "
    return f'{article}<span class="{side.letter.lower()}">{escape(side.noun)}</span>'


def _needs(needed: NeededVisibility | None, pattern: str) -> str:
    if needed is None:
        return f"{pattern} whose visibility is not stored"
    if not needed.strongest:
        return "no pattern at all"
    hint = f"95% interval {needed.jod.low:.1f} to {needed.jod.high:.1f}, over {needed.jod.n} held-out pictures"
    seen = f'<abbr title="{hint}">JOD {needed.jod.value:.1f}</abbr> ({needed.jod.in_words})'
    return f"{pattern} {'of' if needed.enough else 'more visible than'} {seen}"


def share(page: Perceptibility) -> str:
    """`half` or `75%`."""
    return "half" if page.share == 0.5 else percent(page.share)


def needed_title(page: Perceptibility) -> str:
    """The heading of the second figure."""
    words = f"wrong on {share(page)} of {page.things}; bars: 95% interval"
    return f'<h2>How visible must the attacker be? <span class="soft">{words}</span></h2>'


def conditions(page: Perceptibility) -> str:
    """What a JOD is and under which conditions it holds, and for which models it is missing."""
    missing = ""
    if page.unmeasured:
        command = escape(page.measure).replace(" --", ' <span class="option">--', 1) + "</span>"
        missing = f"<p>Not stored for {escape(page.unmeasured)}; <code>{command}</code> measures it.</p>"
    meaning = "<b>JOD</b> (ColorVideoVDP): 10 is no visible difference; at 9, 75% of observers prefer the original."
    return f'<div class="note"><p>{meaning}</p><p>{escape(VIEWING_IN_WORDS)}.</p>{missing}</div>'


def patterns(page: Perceptibility) -> str:
    """The stored patterns of both models at true strength."""
    return f'<div class="seen-patterns">{_pattern(page.a)}{_pattern(page.b)}</div>'


def _pattern(side: PerceptibilityCard) -> str:
    letter, stored = side.letter, side.pattern
    sign = f'<b class="{letter.lower()}">{letter} {MARKS[letter]}</b>'
    if stored is None:
        return f'<figure><div class="blank">not stored</div><figcaption>{sign} no pattern</figcaption></figure>'
    does = "breaks" if stored.breaks else "comes nearest to breaking"
    alt = f"The pattern that {does} {side.model.title}, at true strength {stored.epsilon:g}/255"
    does = "breaks it" if stored.breaks else "does not break it"
    return (
        f'<figure><img src="{stored.picture}" alt="{escape(alt)}">'
        f"<figcaption>{sign} {stored.epsilon:g}/255 {does}</figcaption></figure>"
    )


def spectrum(page: Perceptibility) -> str:
    """One sentence: how much of each pattern are large shapes."""
    parts = []
    for side, power in ((page.a, "the power of "), (page.b, "")):
        found = side.pattern.spectrum if side.pattern else None
        sign = f'<b class="{side.letter.lower()}">{side.letter}&nbsp;{MARKS[side.letter]}</b>'
        parts.append(f"{percent(found.long_waves) if found else 'an unknown part'} of {power}{sign}")
    waves = f"Waves longer than {1 / LONG_WAVES:.0f} pixels (large shapes) hold"
    noise = f"{percent(page.noise.long_waves)} of random noise"
    return f'<p class="note">{waves} {parts[0]}, {parts[1]}, {noise}.</p>'


def recognition(page: Perceptibility) -> str:
    """What is recognised in the patterns, as bars, and a sentence where it was not measured."""
    scenes, classes = "Do patterns resemble their target scene?", "Do other models name the target of a pattern?"
    rows = "".join(_recognition(one, page.scenic) for one in page.recognition)
    table = f'<table class="recognition">{rows}</table>' if rows else ""
    notes = f'<p class="note">{_meaning(page)} {escape(page.unread)}</p>'
    return f"<h2>{scenes if page.scenic else classes}</h2>{table}{notes}"


def _meaning(page: Perceptibility) -> str:
    sizes = dict.fromkeys(one.n for one in page.recognition if one.letter)
    if not sizes:
        return ""
    if page.scenic:
        return f"More than so many other scenes: the median of {' and '.join(sizes)} (worst to best). By chance: half."
    return f"Fraction that names the target, of {' and '.join(sizes)} (95% interval over patterns)."


def _recognition(one: Recognition, scenic: bool) -> str:
    who = f'<b class="{one.letter.lower()}">{one.letter} {MARKS[one.letter]}</b>' if one.letter else escape(one.title)
    kind = "worst to best attack" if scenic else "95% interval over patterns"
    hint = f"{kind}: {one.between}; {escape(one.n)}"
    span = f'<i style="left:{100 * one.low:.1f}%;right:{100 * (1 - one.high):.1f}%"></i>'
    dot = f'<u style="left:{100 * one.value:.1f}%"></u>'
    return (
        f'<tr><th scope="row">{who}</th>'
        f'<td><span class="span {one.letter.lower()}" title="{hint}">{span}{dot}</span></td>'
        f'<td class="value">{one.told} <i class="screen-reader-only">{kind}</i> '
        f'<i class="soft">({one.between})</i></td></tr>'
    )


def points(page: Perceptibility) -> str:
    """The points of A and B in the first figure as a table."""
    titles = ("pattern", "ε", "JOD", "95% interval", "right", "95% interval", "n")
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    rows = ""
    for side in (page.a, page.b):
        sign = f'<b class="{side.letter.lower()}">{side.letter} {MARKS[side.letter]}</b>'
        for what, found in (("S-PGD", side.model.attack), ("random noise", side.model.noise)):
            rows += "".join(_point(f"{sign} {what}", point) for point in found)
    caption = "<caption>Accuracy against visibility, at the stored strengths</caption>"
    return f'<table class="points">{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def _point(who: str, point: PerceptibilityPoint) -> str:
    jod, rate = point.jod, point.accuracy
    cells = [f"{point.epsilon:g}/255", f"{jod.value:.1f}", f"{jod.low:.1f} to {jod.high:.1f}", percent(rate.value, 1)]
    cells += [f"{percent(rate.low, 1)} to {percent(rate.high, 1)}", f"{rate.n:,}"]
    return f'<tr><th scope="row">{who}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def models(page: Perceptibility) -> str:
    """A table of all models as buttons, for the keyboard and for screen readers; pressing one chooses the model.

    `static/models.js` filters its rows and sorts them by the `data-key` of their cells.
    """
    titles = ("model", "JOD", "95% interval", "at ε", "clean")
    head = "".join(f'<th scope="col"><button type="button">{title}</button></th>' for title in titles)
    rows = "".join(_row(number, model, page.letters(model)) for number, model in enumerate(page.models))
    caption = (
        f"<caption>How visible a pattern must be to make each model wrong on {share(page)} of {page.things}</caption>"
    )
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row(number: int, model: PerceptibilityModel, letters: str) -> str:
    sign = "".join(f' <b class="{one.lower()}">{one} {MARKS[one]}</b>' for one in letters)
    button = f'<button type="button" data-model="{escape(model.name)}">{escape(model.title)}{sign}</button>'
    needed = model.needed
    if needed is None:
        cells = [(0.0, "not stored"), (0.0, ""), (0.0, "")]
    else:
        jod, below = needed.jod, "" if needed.enough else "below "
        strength = f"{needed.strongest:g}/255"
        strength = strength if needed.weakest == needed.strongest else f"{needed.weakest:g} to {strength}"
        cells = [(jod.value - 10 * (not needed.enough), f"{below}{jod.value:.1f}")]
        cells += [(jod.low, f"{jod.low:.1f} to {jod.high:.1f}"), (needed.strongest, strength)]
    cells += [(model.clean.value, percent(model.clean.value, 1))]
    told = "".join(f'<td data-key="{key:g}">{words}</td>' for key, words in cells)
    return f'<tr{" class=chosen" * bool(letters)}><td data-key="{number}">{button}</td>{told}</tr>'


def footer(page: Perceptibility) -> str:
    """The origin of the numbers."""
    sides = (page.a, page.b)
    lines = [f'<span class="{s.letter.lower()}">{MARKS[s.letter]}</span> {escape(s.origin)}' for s in sides]
    return f'<div class="foot"><span class="origin">{"<br>".join(lines)}</span></div>'
