"""HTML of the talk: its steps, each with a picture, a few words made from the numbers, and speaker notes.

All text from outside is escaped. Where two pictures are swapped, `.then` lies over `.now` and goes while H is held.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from app.markup import replay
from app.markup.common import MARKS, headline, percent, succeeded
from app.service import Answer, Card, Fraction, Labelled, Large, Mosaic, ScenePage, Shot, Talk, Tradeoff


@dataclass(frozen=True)
class Step:
    """One step: its title, the HTML of its pictures and of its words, and what the speaker says."""

    title: str
    pictures: str
    words: str
    notes: str
    kind: str = ""
    """A class that lays the step out."""


def steps(talk: Talk, chart: str) -> list[Step]:
    """The steps in their order, without those whose results are absent; `chart` is the figure of the trade-off."""
    first = [_picture(talk), _pattern(talk), _fooled(talk), _many(talk), _shared(talk), _takes(talk)]
    made = [*first, _shows(talk), _costs(talk, chart), _street(talk), _means(talk)]
    return [step for step in made if step is not None]


def _picture(talk: Talk) -> Step:
    said, clean = _said(talk.large.a), talk.a.clean
    words = f"<p>You read: <b>{_quoted(talk.large.truth)}</b></p>"
    words += f"<p>A {_noun(talk.a)} reads: {_read(said.before, said.right_before)}</p>"
    often = ""
    if clean:
        words += f"<p>On pictures that it has never seen it is right on <b>{percent(clean.value, 1)}</b>.</p>"
        words += _fine(_interval(clean), f"{escape(talk.data)}; picture {talk.large.number:,}")
        often = f", and of all test pictures it reads {percent(clean.value, 1)} correctly"
    notes = (
        f"This is a picture of our test data: {talk.large.truth}. You read it at once. A neural network that was "
        f"trained in the usual way reads it {'too' if said.right_before else 'wrongly'}{often}. It has seen none of "
        "these pictures before. Remember this one: we will come back to it, and only one thing about it is going to be "
        "changed."
    )
    return Step("What do you see?", _one(talk.large, _alt(talk)), words, notes)


def _pattern(talk: Talk) -> Step:
    a, made = talk.a, talk.a.made
    words = f"<p>One pattern, to be added to <b>every</b> picture.</p><p>{_limit(a)}</p>"
    if talk.replay:
        side = talk.replay.a
        shown = replay.player(talk.replay, "a")
        words += "<p>It is made step by step on training pictures, and tried on others.</p>"
        words += _fine(
            f"{side.origin}; in the end wrong on {percent(side.last.value)} ({_span(side.last)})",
            "The next steps show the strongest pattern that was found at this strength",
        )
        title = "Watch a pattern form"
    else:
        shown = f'<figure class="one"><img class="crisp" src="{a.pattern}" alt="{escape(_pattern_alt(a))}"></figure>'
        words += _fine(f"Made on {made.get('crafted_on', 0):,} training pictures, drawn {a.amplify} times as strong")
        title = "One pattern for all pictures"
    notes = (
        f"Here is that one thing: a pattern, added to every picture. It is found by asking the network itself, step by "
        f"step, which small change hurts most on average. No value of a pixel may change by more than {a.epsilon} of "
        "255. What you see in colour is strongly amplified. The number is how often the network is wrong on test "
        "pictures that took no part in making the pattern. Press P to play it again."
    )
    return Step(title, shown, words, notes, "forms" if talk.replay else "")


def _fooled(talk: Talk) -> Step:
    a, said = talk.a, _said(talk.large.a)
    words = f"<p>The model now reads: {_read(said.after or said.before, bool(said.right_after))}</p>"
    words += f"<p>For you the pattern is <b>{_seen(a)}</b>.</p>"
    found = _wrong(a)
    words += f'<p>It makes the model wrong on <b class="a">{percent(found.value)}</b> of all test pictures.</p>'
    words += _hold("without the pattern") + _fine(_interval(found), f"{a.epsilon}/255, true strength", _jod(a))
    changed = "something else" if said.right_before and not said.right_after else "the same as before"
    notes = (
        f"The same picture with the pattern at its true strength, {a.epsilon} of 255. Hold H and let go a few times: "
        f"that is the difference. Measured with a model of human vision, the pattern is {_seen(a)}. The network reads "
        f"{changed} here; over all {found.n:,} test pictures the same single pattern makes it wrong on "
        f"{percent(found.value)}. Nobody had to know these pictures in advance."
    )
    pictures = _swapped(talk.large.picture, _shot(talk.large.a), _alt(talk), "the same picture with the pattern added")
    return Step("The same picture, with the pattern", f'<figure class="one">{pictures}</figure>', words, notes)


def _many(talk: Talk) -> Step | None:
    found, a = talk.mosaic, talk.a
    if found is None:
        return None
    count, wrong, before = found.count, len(found.fooled), len(found.before)
    words = f'<p><b class="huge a">{percent(wrong / count)}</b> are read wrong.</p>'
    words += f"<p>Without the pattern: <b>{percent(before / count)}</b>.</p>"
    noise = 1 - a.control.accuracy.value if a.control and a.control.epsilon == a.epsilon else None
    compared = ""
    if noise is not None:
        words += f"<p>With random noise as strong: <b>{percent(noise)}</b>.</p>"
        compared = f" Random changes of the same strength make it wrong on {percent(noise)}: that is the control."
    words += _hold("without the pattern")
    words += _fine("In a frame: wrong. Faded: right", f"all {_wrong(a).n:,}: {_interval(_wrong(a))}")
    notes = (
        f"The same pattern again, now on {count:,} test pictures at once. The framed ones are read wrong: {wrong:,} of "
        f"them. Hold H for the same pictures without the pattern: {before:,} are wrong. So this is about all pictures, "
        f"not about one of them.{compared} This is what is called a universal perturbation: it is made once, and then "
        "it costs nothing to use."
    )
    return Step(f"The same pattern on {count:,} pictures", _mosaic(found), words, notes, "wide")


def _shared(talk: Talk) -> Step | None:
    heap, a, b = talk.heap, talk.a, talk.b
    if heap is None:
        return None
    several = heap.size > 1
    shared = f"{heap.size} pictures share one pattern" if several else "each picture has a pattern of its own"
    words = f"<p>In training, <b>{shared}</b>, and the model learns to read them all the same.</p>"
    compared, spans = "", ""
    if heap.same and a.measured:
        new, old = percent(heap.same.value), percent(a.measured.value)
        words += (
            f"<p>Under one pattern of {a.epsilon}/255 the new model is right on "
            f'<b class="b">{new}</b>, the standard one on <b class="a">{old}</b>.</p>'
        )
        spans = f"{_span(heap.same)}; {_span(a.measured)}; 95%, n = {heap.same.n:,}"
        compared = f" Under patterns of {a.epsilon} of 255 it is right on {new} of the pictures, the old one on {old}."
    words += _fine(
        f"{heap.shown} training pictures under one pattern of {b.epsilon}/255; in training a pattern is made anew in "
        f"every step, up to {heap.trained:g}/255",
        spans,
    )
    notes = (
        f"What can be done? Attack the network while it learns, and teach it the right answers all the same. In this "
        f"training {shared}, made anew in every step."
        + (" It fits no single picture, just as a universal pattern does not." if several else "")
        + f" This is {'shared adversarial' if several else 'adversarial'} training; the method with shared patterns is "
        f"from a paper of 2019. Each network is attacked by a pattern of its own.{compared}"
    )
    alt = f"{heap.shown} training pictures, all under the same pattern"
    pictures = f'<figure class="one"><img src="{heap.picture}" alt="{alt}"></figure>'
    return Step(f"Train against it{', shared' if several else ''}", pictures, words, notes)


def _takes(talk: Talk) -> Step:
    a, b, large = talk.a, talk.b, talk.large
    more = not b.enough or b.epsilon > a.epsilon
    shots = f'<figure><img class="{_sharp(large)}" src="{large.picture}" alt="{escape(_alt(talk))}">'
    shots += f"<figcaption>{_quoted(large.truth)}<small>without a pattern</small></figcaption></figure>"
    for card, shot in ((a, large.a), (b, large.b)):
        said, letter = _said(shot), card.letter.lower()
        alt = f"The picture with the pattern against the {card.noun}, at true strength {card.epsilon}/255"
        shots += f"<figure>{_swapped(large.picture, _shot(shot), _alt(talk), alt, _sharp(large))}"
        shots += f'<figcaption><span class="{letter}">{card.letter} {MARKS[card.letter]}</span> '
        shots += f"{_read(said.after or said.before, bool(said.right_after))}"
        shots += f"<small>{card.epsilon}/255, wrong on {percent(_wrong(card).value)}</small></figcaption></figure>"
    told = headline(talk.subject, a, b).removeprefix("<h1>").removesuffix("</h1>")
    words = f"<p>{told}</p>"
    words += _hold("without a pattern")
    words += _fine(f"wrong: A {_span(_wrong(a))}, B {_span(_wrong(b))}, 95%, n = {_wrong(a).n:,}")
    half = "half" if a.share == 0.5 else percent(a.share or 0)
    verb = "takes" if b.enough else "resists even"
    seen = " So there still is an attack, but it is easier to see." if more and _plainer(b, a) else ""
    notes = (
        f"Both networks side by side, each under the weakest stored pattern that makes it wrong on {half} of the test "
        f"pictures, or the strongest one where none does. The {a.noun} is shown at {a.epsilon} of 255, which is "
        f"{_seen(a)}. The {b.noun} {verb} {b.epsilon}, which is {_seen(b)}.{seen} At equal effect the two "
        "can be compared: at equal strength both patterns would look much alike."
    )
    return Step("Now this is what it takes" if more else "What it takes now", shots, words, notes, "three")


def _shows(talk: Talk) -> Step | None:
    found = talk.shows
    if found is None:
        return None
    target = _quoted(found.target)
    shots = f'<figure><img src="{found.wanted}" alt="The class that the patterns aim at: {escape(found.target)}">'
    shots += f"<figcaption>{target}<small>what the attacker wants</small></figcaption></figure>"
    for card, plain in zip((found.a, found.b), found.plain, strict=True):
        assert card.pattern is not None
        assert card.measured is not None
        letter, alt = card.letter.lower(), f"The pattern against the {card.noun} towards {found.target}"
        shots += f"<figure>{_swapped(card.pattern, plain, f'{alt}, amplified', f'{alt}, at true strength', 'crisp')}"
        shots += f'<figcaption><span class="{letter}">{card.letter} {MARKS[card.letter]}</span> {card.epsilon}/255'
        shots += f"<small>{target} seen in {percent(card.measured.value)}</small></figcaption></figure>"
    by = {one.letter: one for one in found.recognition}
    words, fine, notes = f"<p>Patterns that make a model see {target}, on grey at true strength.</p>", "", ""
    if {"A", "B", ""} <= by.keys():
        words = (
            f"<p>Alone on grey, other models read the target in <b class='a'>{by['A'].told}</b> of the patterns of A, "
            f"<b class='b'>{by['B'].told}</b> of B, and {by[''].told} of random noise.</p>"
        )
        fine = "; ".join(f"{letter or 'noise'} {by[letter].between} ({by[letter].n})" for letter in ("A", "B", ""))
        alike = by["A"].low <= by["B"].high and by["B"].low <= by["A"].high
        notes = (
            f"Shown on plain grey, other networks name the target in {by['A'].told} of the patterns against A and "
            f"{by['B'].told} of those against B. "
            + (f"So both carry it; they differ in strength, {found.a.epsilon} and {found.b.epsilon} of 255. " * alike)
        )
    words += _hold("amplified") + _fine(fine, f"seen in: n = {found.a.measured.n:,} test pictures of other classes"
                                        if found.a.measured else "")  # fmt: skip
    notes = (
        f"These patterns have an aim: the network is to see {found.target} in every picture. They stand on grey at "
        f"their true strength; hold H to see them amplified. {notes}"
        f"Both models are shown at the weakest stored strength that is enough, or at the largest one where none is."
    )
    return Step("What the patterns show", shots, words, notes, "three")


def _costs(talk: Talk, chart: str) -> Step | None:
    page = talk.tradeoff
    if page is None:
        return None
    a, b = page.a.mark, page.b.mark
    points = round(100 * (b.clean.value - a.clean.value), 1)
    cost = f"{abs(points):g} points {'less' if points < 0 else 'more'} clean accuracy" if points else "equal accuracy"
    words = f"<p>{_broken(page)}, at <b>{cost}</b>.</p>"
    alone = talk.alone
    if alone:
        words += (
            f"<p>Training with a pattern for <b>each</b> picture does <b>{_alike(talk)}</b>: at equal accuracy sharing "
            f"takes {alone.text.partition(' ')[0]} times its ε.</p>"
        )
    words += _fine(
        f"Wrong on {percent(a.level)}; A {a.span}, B {b.span}; n = {a.clean.n:,}",
        f"{alone.text} at {alone.accuracy}" if alone else "",
        "Grey: other trained models",
    )
    if alone:
        paper = " The paper that it comes from found a larger advantage of sharing." if alone.high < 2 else ""
        compared = (
            f"To be honest about it: training in which every picture has a pattern of its own does {_alike(talk)} on "
            f"these data.{paper}"
        )
    else:
        compared = "How other ways of training compare is on the Trade-off tab of the app."
    notes = (
        f"Nothing is free. Every mark is a trained model: those to the right read more clean pictures correctly, and "
        f"those further up take a stronger pattern to break. Broken means wrong on {percent(a.level)}. The difference "
        f"between A and B is {cost}, for one training run each. {compared}"
    )
    return Step("What it costs", f'<figure class="one chart-box">{chart}</figure>', words, notes)


def _street(talk: Talk) -> Step | None:
    page = talk.scene
    if page is None:
        return None
    (a, b), (look_a, look_b) = page.cards, page.looks
    if not (look_a.picture and look_b.picture and look_a.after and look_b.after and a.measured and b.measured):
        return None
    views = _views(page, look_a.picture)
    strength = f"{a.epsilon}/255" if a.epsilon == b.epsilon else f"{a.epsilon}/255 (A) and {b.epsilon}/255 (B)"
    rates = " and ".join(
        f'<b class="{letter.lower()}">{percent(rate.value)}</b> of the pixels ({letter})'
        for letter, rate in (("A", a.measured), ("B", b.measured))
    )
    clean, alike = "", ""
    if a.unprovoked:
        clean = f"; <b>{percent(a.unprovoked.value)}</b> match without any pattern"
        alike = f" Streets look alike, so {percent(a.unprovoked.value)} match without any attack."
    words = f"<p>One pattern of {strength} for all streets, so that another street is seen.</p>"
    words += f"<p>It succeeds on {rates}{clean}.</p>"
    words += _hold("without a pattern")
    words += _fine(f"A {_span(a.measured)}, B {_span(b.measured)}, 95%, n = {a.measured.n} scenes", _jods(a, b))
    notes = (
        f"The same for networks that label every pixel of a street scene. The attacker has picked another scene and "
        f"wants it to be seen in every picture, with one pattern of {strength}. Look at what the two networks see, and "
        f"hold H for what they see without it. The numbers count the pixels that show what the attacker wants.{alike}"
    )
    return Step("The street that is not there", views, words, notes, "four")


def _views(page: ScenePage, attacked: str) -> str:
    """The scene, what the attacker wants, and what both models see."""
    street, alt = page.street, f"Held-out scene {page.street.number}"
    scene = _swapped(street.photo, attacked, alt, f"{alt} with pattern A added")
    views = [(scene, '<span class="a">pattern A ●</span> added')]
    if street.wanted:
        picture = f'<img class="soft" src="{street.wanted}" alt="The scene that the attacker wants to be seen">'
        views.append((picture, "what is wanted"))
    for card, look in zip(page.cards, page.looks, strict=True):
        assert look.after is not None
        told = (f"What model {card.letter} sees, {when}" for when in ("clean", "attacked"))
        clean, after = (f"{first}: {words}" for first, words in zip(told, look.told, strict=True))
        letter = f'<span class="{card.letter.lower()}">{card.letter} {MARKS[card.letter]}</span>'
        views.append((_swapped(look.before, look.after, clean, after), f"what {letter} sees"))
    return "".join(f"<figure>{picture}<figcaption>{caption}</figcaption></figure>" for picture, caption in views)


def _means(talk: Talk) -> Step:
    a, b = talk.a, talk.b
    wrong = _wrong(a)
    means = [f"One pattern of {a.epsilon}/255 makes a {_noun(a)} wrong on {percent(wrong.value)} of pictures that it "
             "was not made on."]  # fmt: skip
    if not b.enough:
        means.append(f"The {_noun(b)} resists even {b.epsilon}/255.")
    elif b.epsilon > a.epsilon:
        means.append(f"After training against patterns it takes {b.epsilon}/255, which is {_seen(b)}.")
    else:
        means.append(f"Training against patterns did not help here: {b.epsilon}/255 is enough.")
    limits, rows = [], [f"A {_span(wrong)}, B {_span(_wrong(b))}, n = {wrong.n:,}"]
    risks = talk.tradeoff.b.risks if talk.tradeoff else None
    if risks:
        each = risks.levels[-1].accuracy
        limits.append(
            f"That the model is safe: a pattern for <b>each</b> picture makes it wrong on {percent(1 - each.value)} at "
            f"{risks.epsilon:g}/255."
        )
        rows.append(f"each picture: {percent(1 - each.high)} to {percent(1 - each.low)}, n = {each.n:,}")
    if talk.alone:
        limits.append(f"That only sharing helps: a pattern for each picture in training does {_alike(talk)}.")
    limits.append(f"Anything about printed pictures: the changes are digital. Data: {escape(talk.data)}.")
    limits.append("A guarantee: a stronger attack can only lower these numbers.")
    words = f'<div class="means"><h2>It means</h2><ul>{_items(means)}</ul></div>'
    words += f'<div class="means"><h2>It does not mean</h2><ul>{_items(limits)}</ul></div>'
    words += _fine("; ".join(rows), "one training run each, untargeted attacks with known weights")
    shots = "".join(
        f'<figure><img class="{_sharp(talk.large)}" src="{source}" alt="{escape(alt)}"></figure>'
        for source, alt in (
            (talk.large.picture, _alt(talk)),
            (_shot(talk.large.a), f"The same under {a.epsilon}/255, against the {a.noun}"),
            (_shot(talk.large.b), f"The same under {b.epsilon}/255, against the {b.noun}"),
        )
    )
    notes = (
        "What to take home. A single small pattern can fool a network on pictures that it was never made for. Training "
        "against such patterns changes what an attacker has to do. But mind the limits: these are digital changes to "
        "the pictures of one data set, by an attacker who knows the weights. A pattern for each single picture is a "
        "stronger attack, and none of this is a proof. Everything can be tried in the app: press Escape."
    )
    return Step("What it means, and what it does not", shots, words, notes, "last")


# ----- words


def _noun(card: Card) -> str:
    return f'<span class="{card.letter.lower()}">{escape(card.noun)}</span>'


def _quoted(name: str) -> str:
    return f"“{escape(name)}”"


def _read(name: str, right: bool) -> str:
    mark, meaning = ("✓", "right") if right else ("✗", "wrong")
    kind = "ok" if right else "bad"
    return f'<b class="{kind}">{_quoted(name)} <span role="img" aria-label="{meaning}">{mark}</span></b>'


def _said(shot: Shot | None) -> Answer:
    assert shot is not None
    assert not isinstance(shot.said, Labelled)
    return shot.said


def _shot(shot: Shot | None) -> str:
    assert shot is not None
    assert shot.picture is not None
    return shot.picture


def _wrong(card: Card) -> Fraction:
    found = succeeded(card)
    assert found is not None
    return found


def _limit(card: Card) -> str:
    return f"It changes no value of a pixel by more than <b>{card.epsilon} of 255</b>."


def _seen(card: Card) -> str:
    """How visible the pattern is, in words."""
    found = card.visibility.jod if card.visibility else None
    return found.in_words if found else "of unknown visibility"


def _plainer(card: Card, other: Card) -> bool:
    """Whether the pattern of one is clearly more visible than that of the other."""
    one, two = (side.visibility.jod if side.visibility else None for side in (card, other))
    return bool(one and two and one.high < two.low)


def _jod(card: Card) -> str:
    found = card.visibility.jod if card.visibility else None
    return f"JOD {found.value:.1f} [{found.low:.1f}, {found.high:.1f}], 10 is no difference" if found else ""


def _jods(a: Card, b: Card) -> str:
    found = [(card.letter, card.visibility.jod) for card in (a, b) if card.visibility and card.visibility.jod]
    return "JOD " + ", ".join(f"{letter} {jod.value:.1f}" for letter, jod in found) if found else ""


def _alike(talk: Talk) -> str:
    """How training with heap 1 compares with that of B."""
    assert talk.alone
    if talk.alone.low > 1:
        return "less well"
    return "better" if talk.alone.high < 1 else "about as well"


def _broken(page: Tradeoff) -> str:
    parts = []
    for side in (page.a, page.b):
        letter, mark = f'<span class="{side.letter.lower()}">{side.letter}</span>', side.mark
        if mark.breaks is None:
            parts.append(f"nothing up to <b>{mark.reaches:g}/255</b> breaks {letter}")
        else:
            parts.append(f"<b>{mark.breaks:g}/255</b> breaks {letter}")
    first, second = parts
    return f"{first[:1].upper()}{first[1:]}, {second}"


def _interval(found: Fraction | None) -> str:
    if found is None:
        return ""
    words = f"{percent(found.low)} to {percent(found.high)}" if found.high - found.low > 0.02 else (
        f"{percent(found.low, 1)} to {percent(found.high, 1)}")  # fmt: skip
    return f"95% interval {words}, n = {found.n:,}"


def _span(found: Fraction) -> str:
    return f"{percent(found.low)} to {percent(found.high)}"


def _fine(*lines: str) -> str:
    told = [line for line in lines if line]
    return f'<p class="fine">{"<br>".join(told)}</p>' if told else ""


def _hold(words: str) -> str:
    return f'<p class="hint"><kbd>H</kbd> hold: {words}</p>'


def _items(lines: list[str]) -> str:
    return "".join(f"<li>{line}</li>" for line in lines)


# ----- pictures


def _alt(talk: Talk) -> str:
    return f"Held-out picture {talk.large.number}: {talk.large.truth}"


def _pattern_alt(card: Card) -> str:
    return f"The pattern against the {card.noun}, {card.amplify} times as strong as it is"


def _sharp(large: Large) -> str:
    return "crisp" if large.coarse else "soft"


def _one(large: Large, alt: str) -> str:
    return f'<figure class="one"><img class="{_sharp(large)}" src="{large.picture}" alt="{escape(alt)}"></figure>'


def _swapped(now: str, then: str, alt: str, alt_then: str, kind: str = "soft") -> str:
    return (
        f'<span class="swap {kind}" data-hold><img class="now" src="{now}" alt="{escape(alt)}">'
        f'<img class="then" src="{then}" alt="{escape(alt_then)}"></span>'
    )


def _mosaic(found: Mosaic) -> str:
    """The tiles; those that are right lie under a veil, those that are wrong in a frame."""
    rows = -(-found.count // found.columns)
    size = f"0 0 {found.columns * found.tile} {rows * found.tile}"
    layers = ""
    for name, source, wrong in (("now", found.clean, found.before), ("then", found.attacked, found.fooled)):
        right = sorted({*range(found.count)} - {*wrong})
        alt = f"{found.count:,} pictures, {len(wrong):,} of them read wrong"
        layers += (
            f'<span class="{name}"><img src="{source}" alt="{alt}"><svg viewBox="{size}" aria-hidden="true">'
            f'<path class="veil" d="{_squares(found, right, 0)}"/><path class="frame" d="{_squares(found, wrong, 1)}"/>'
            "</svg></span>"
        )
    return f'<figure class="one mosaic"><span class="swap" data-hold>{layers}</span></figure>'


def _squares(found: Mosaic, tiles: Sequence[int], inset: int) -> str:
    side = found.tile - 2 * inset
    return "".join(
        f"M{number % found.columns * found.tile + inset} {number // found.columns * found.tile + inset}"
        f"h{side}v{side}h-{side}z"
        for number in tiles
    )
