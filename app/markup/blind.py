"""HTML of the blind test around what the browser draws itself (`static/blind/`), and the material for that."""

import json
from dataclasses import asdict
from html import escape

from app.markup.common import MARKS, percent
from app.service import VIEWING_IN_WORDS, BlindTest


def material(page: BlindTest) -> str:
    """What `static/blind/trial.js` works on, as JSON."""
    return json.dumps(asdict(page), separators=(",", ":"))


def method(page: BlindTest) -> str:
    """How the test works, in short."""
    stored = sorted({pattern.epsilon for side in (page.a, page.b) for pattern in side.patterns})
    crafted = f"{', '.join(map(str, stored[:-1]))} or {stored[-1]}" if len(stored) > 1 else "".join(map(str, stored))
    scaled = (
        f"Each strength shows the pattern stored nearest to it (S-PGD at {crafted}/255), scaled. " if stored else ""
    )
    return (
        '<div class="note"><p>Ten pairs of A’s pattern and ten of B’s, in random order. After each answer comes the '
        "strength that tells most of your threshold: 75% right (Psi method).</p>"
        f"<p>{scaled}A model “falls” where it is wrong on {_levels(page)} of {page.things}.</p>"
        f"<p>Standard observers: JOD of 9 (ColorVideoVDP), {escape(VIEWING_IN_WORDS)}.</p>"
        "<p>Your answers stay in this browser.</p></div>"
    )


def _levels(page: BlindTest) -> str:
    levels = dict.fromkeys(side.level for side in (page.a, page.b) if side.level is not None)
    return " or ".join("half" if level == 0.5 else percent(level) for level in levels) or "most"


def footer(page: BlindTest) -> str:
    """The origin of the numbers."""
    sides = (page.a, page.b)
    lines = [f'<span class="{s.letter.lower()}">{MARKS[s.letter]}</span> {escape(s.origin)}' for s in sides]
    return f'<div class="foot"><span class="origin">{"<br>".join(lines)}</span></div>'
