"""HTML of the panel that attacks two models in the visitor's browser; `static/live/panel.js` works it.

All text from outside is escaped.
"""

import json
from collections.abc import Sequence
from html import escape
from typing import Any

from app.markup.common import MARKS

STRENGTHS = (2, 4, 6, 8, 12, 16, 24, 32)
STEPS = (25, 50, 100, 200)


def panel(
    manifest: dict[str, Any],
    group: str,
    a: str,
    b: str,
    *,
    epsilon: int = 8,
    target: int | str | None = None,
    steps: int = 50,
    seed: int = 0,
    watched: int = 0,
    strengths: Sequence[int] = STRENGTHS,
    counts: Sequence[int] = STEPS,
    scenes: Sequence[int] = (5,),
) -> str:
    """Both models of a group in `manifest` (`app.edition.live.write`), what can be chosen, Run and Stop.

    `watched` numbers the held-out picture (from 0) that is shown under the patterns; epsilon is in units of 1/255.
    Targets are classes, or `scene-5` for one of the held-out `scenes` (from 1) where models label pixels.
    """
    facts = manifest["groups"][group]
    height, width = facts["size"]
    chosen = {"group": group, "models": [a, b], "seed": seed, "watched": watched}
    loads = round((manifest["runtime"]["bytes"] + facts["bytes"]) / 1e6)
    sides = "".join(
        _side(letter, facts["models"][name]["title"], width, height, bool(facts["palette"]))
        for letter, name in (("A", a), ("B", b))
    )
    aims = [(str(number), name) for number, name in enumerate(facts["classes"])]
    if facts["palette"]:
        aims = [(f"scene-{number}", f"show scene {number}") for number in scenes if number <= facts["held_out"]["n"]]
    aims = [("", "none (any mistake)"), *aims]
    pickers = (
        _picker("epsilon", "Strength", [(str(e), f"{e}/255") for e in sorted({*strengths, epsilon})], str(epsilon)),
        _picker("target", "Target", aims, "" if target is None else str(target)),
        _picker("steps", "Steps", [(str(n), str(n)) for n in sorted({*counts, steps})], str(steps)),
    )
    return (
        f'<section class="live" aria-label="Watch it form" data-live="{escape(json.dumps(chosen))}">'
        '<h2>Watch it form</h2><p class="note">S-PGD runs in this browser, on this device; nothing leaves it. '
        f"It crafts on {facts['crafting']['n']:,} training pictures and is measured on {facts['held_out']['n']:,} "
        f"held-out ones. "
        f"The first run reads up to {max(1, loads)} MB.</p>"
        f'<div class="live-bar">{"".join(pickers)}<button type="button" data-run>Run</button>'
        '<button type="button" data-stop disabled>Stop</button></div>'
        '<div class="live-state"><progress max="1" value="0" aria-label="How far the run is"></progress>'
        '<span class="live-step">not started</span></div><p class="live-said" role="status"></p>'
        f'<div class="live-sides">{sides}</div></section>'
    )


def _picker(name: str, title: str, options: Sequence[tuple[str, str]], chosen: str) -> str:
    inner = "".join(
        f'<option value="{value}"{" selected" if value == chosen else ""}>{escape(words)}</option>'
        for value, words in options
    )
    return f'<label><span>{title}</span><select name="{name}">{inner}</select></label>'


def _side(letter: str, title: str, width: int, height: int, scenic: bool) -> str:
    size = f'width="{width}" height="{height}"'
    coarse = " coarse" if max(width, height) <= 64 else ""
    under = f"A held-out picture with the pattern against {title} added, at true strength"
    alone = f"The pattern against {title} on grey, amplified"
    seen = (
        f'<div><canvas class="seen" {size} role="img" aria-label="What {escape(title)} sees in the picture"></canvas>'
        '<p class="note">what it sees</p></div>'
    )
    return (
        f'<figure class="live-side {letter.lower()}-side"><h3><span class="{letter.lower()}">{letter} {MARKS[letter]}'
        f'</span> {escape(title)}</h3><div class="live-pictures">'
        f'<div><canvas class="under{coarse}" {size} role="img" aria-label="{escape(under)}"></canvas>'
        '<p class="note read">&nbsp;</p></div>'
        f'<div><canvas class="alone" {size} role="img" aria-label="{escape(alone)}"></canvas>'
        f'<p class="note factor">&nbsp;</p></div>{seen if scenic else ""}</div>'
        '<figcaption><p class="big"><span class="rate">–</span> <small class="of">no pattern yet</small></p>'
        '<p class="note more">&nbsp;</p></figcaption></figure>'
    )
