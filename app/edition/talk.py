"""The talk as one HTML document: styles, scripts and pictures are in it, and nothing in it computes."""

import json
from html import escape
from threading import Lock

from app import service
from app.figures import still
from app.markup import talk as markup
from app.markup.talk import Step
from app.theme import colours, static

_making = Lock()
"""Whoever asks for the talk while it is being made waits for that."""


def document(leave: str = "?") -> str:
    """The talk on the models there are, or one sentence that says why there is none; made once for the same models.

    `leave` is the address that Escape leads to, as seen from the document.
    """
    with _making:
        return service.remembered_talk(leave, lambda: _made(leave))


def _made(leave: str) -> str:
    try:
        return page(steps(), leave)
    except (OSError, ValueError) as error:
        back = f'<p><a href="{escape(leave)}">Back</a></p>'
        return _page(f'<main><p class="none">{escape(service.told(error))}</p>{back}</main>', leave)


def steps() -> list[Step]:
    """The steps on the models there are. Raises NoModels, or FileNotFoundError where the images are absent."""
    told = service.settled(service.talk)
    return markup.steps(told, still.tradeoff(told.tradeoff) if told.tradeoff else "")


def page(steps: list[Step], leave: str = "?") -> str:
    """The document with these steps."""
    sections = "".join(_section(number, step, len(steps)) for number, step in enumerate(steps, 1))
    return _page(f"<main>{sections}</main>{_bar(len(steps), leave)}{NOTES}{BLANK}", leave)


def _section(number: int, step: Step, count: int) -> str:
    title = escape(step.title)
    return (
        f'<section class="step {step.kind}" id="step-{number}" aria-labelledby="title-{number}" data-title="{title}">'
        f'<div class="slide"><h1 id="title-{number}">{title}</h1><div class="pictures">{step.pictures}</div>'
        f'<div class="words">{step.words}</div></div>'
        f'<aside class="notes"><h2>{number} of {count}: {title}</h2><p>{escape(step.notes)}</p></aside></section>'
    )


KEYS = (
    "Arrows or space: on and back; Home, End; F full screen; B blank; N notes; H hold to compare; D colours; Esc leave"
)


def _bar(count: int, leave: str) -> str:
    """Where one is, and buttons for those without a keyboard."""
    buttons = "".join(
        f'<button type="button" data-do="{name}">{words}</button>'
        for name, words in (("notes", "Notes"), ("full", "Full screen"), ("dark", "Dark"))
    )
    return (
        f'<nav class="bar" aria-label="Talk" title="{KEYS}">'
        '<button type="button" data-go="-1" aria-label="Back">‹</button>'
        f'<output aria-live="polite"><span class="at">1</span> / {count}<span class="aloud"></span></output>'
        f'<button type="button" data-go="1" aria-label="On">›</button>{buttons}'
        f'<a data-leave href="{escape(leave)}">Leave</a><span class="trouble" role="status"></span></nav>'
    )


NOTES = (
    '<div class="desk" hidden><div class="desk-top"><output class="clock" aria-label="Time"></output>'
    '<output class="since" aria-label="Since the start"></output>'
    '<button type="button" data-do="restart">Start the clock anew</button><output class="place"></output></div>'
    '<h1 class="desk-title"></h1><p class="desk-notes"></p>'
    '<div class="desk-next"><img alt=""><p>Next: <b></b></p></div>'
    '<div class="desk-bar"><button type="button" data-go="-1">‹ Back</button>'
    '<button type="button" data-go="1">On ›</button></div></div>'
)
"""What the window with the speaker notes shows; `talk.js` fills it in."""
BLANK = '<div class="blank" hidden></div>'


def _page(body: str, leave: str) -> str:
    style = f"{colours()}\n{static('talk.css')}"
    scripts = (f"window.plainsightLeave = {json.dumps(leave)};", static("replay.js"), static("talk.js"))
    script = "\n".join(scripts).replace("</", "<\\/")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>PlainSight: the talk</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<style>{style}</style></head><body>{body}<script>{script}</script></body></html>"
    )
