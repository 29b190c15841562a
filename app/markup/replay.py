"""HTML of a replay: a pattern while it forms, the image under it, and how often it fools; `static/replay.js` plays it.

All text from outside is escaped.
"""

import json
from html import escape

from app.markup.common import MARKS, percent
from app.service import Replay, ReplaySide


def player(replay: Replay, sides: str = "ab", close: bool = False) -> str:
    """Both patterns, or one of them, from the random start to the last step; it shows the last frame until it plays."""
    shown = [side for side in (replay.a, replay.b) if side.letter.lower() in sides]
    facts = [_facts(side) for side in shown]
    size = {"width": replay.width, "height": replay.height, "picture": replay.picture}
    frames = len(shown[0].steps) if len({side.steps for side in shown}) == 1 else min(len(s.steps) for s in shown)
    columns = "".join(_column(replay, side) for side in shown)
    leave = '<button type="button" data-close>Close</button>' if close else ""
    return (
        f'<div class="replay" role="group" aria-label="How the pattern forms" data-frames="{frames}" '
        f'data-replay="{escape(json.dumps({**size, "sides": facts}))}"><div class="replay-sides">{columns}</div>'
        '<div class="replay-bar"><button type="button" data-play>Play</button>'
        '<button type="button" data-step="-1" aria-label="One frame back">‹</button>'
        f'<input type="range" min="0" max="{frames - 1}" value="{frames - 1}" aria-label="Frame">'
        '<button type="button" data-step="1" aria-label="One frame on">›</button>'
        f"<output>step {shown[0].steps[frames - 1]}</output>{leave}</div></div>"
    )


def _facts(side: ReplaySide) -> dict[str, object]:
    """What the script needs of one side."""
    return {
        "sprite": side.sprite,
        "columns": side.columns,
        "factor": side.factor,
        "steps": side.steps,
        "wrong": [round(fraction, 4) for fraction in side.wrong],
        "said": side.said,
        "right": side.right,
    }


def _column(replay: Replay, side: ReplaySide) -> str:
    coarse = " coarse" if replay.coarse else ""
    size = f'width="{replay.width}" height="{replay.height}"'
    under = f"{replay.truth} with the pattern against the {side.noun} added, at true strength {side.epsilon}/255"
    alone = f"The pattern against the {side.noun} on grey, {side.factor} times as strong as it is"
    said, right = side.said[-1], side.right[-1]
    return (
        f'<figure class="replay-side card-{side.letter.lower()}"><div class="replay-pictures">'
        f'<canvas class="under{coarse}" {size} role="img" aria-label="{escape(under)}"></canvas>'
        f'<canvas class="pattern" {size} role="img" aria-label="{escape(alone)}"></canvas></div>'
        f'<figcaption title="{escape(side.origin)}"><span class="mark">{side.letter} {MARKS[side.letter]}</span> '
        f'{side.epsilon}/255 <span class="read">reads <b class="said {"ok" if right else "bad"}">{escape(said)} '
        f"{'✓' if right else '✗'}</b></span> "
        f'<span class="often">wrong on <b class="wrong">{percent(side.wrong[-1])}</b> of {side.last.n:,}</span>'
        "</figcaption></figure>"
    )
