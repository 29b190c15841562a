"""A postcard: a looping animation of the large picture, clean and under the pattern of each model, with its numbers."""

import base64
import io
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from app import service
from app.markup.common import percent, succeeded

SIDE = 480
"""The shorter side of the picture at least, in pixels of the postcard."""
LINES = 104
"""The height of the words."""
MARGIN = 16
SECONDS = (1.4, 2.0, 2.0)
"""How long the clean picture and those under the patterns stay."""
MOST = 2 * 1024 * 1024
"""The greatest size of a postcard, in bytes."""
PAPER, INK, SOFT = "#ffffff", "#1b1f24", "#5b6570"
COLOURS = {"A": "#0072b2", "B": "#bf5000"}


def postcard(session: service.CompareSession) -> bytes:
    """The postcard of what Compare shows at rest, as animated WebP without loss; at most `MOST` bytes.

    Raises ValueError where there is no picture or no pattern yet.
    """
    found = service.comparison(session, service.outcomes(session))
    large = found.large
    if large.missing:
        raise ValueError(large.missing)
    frames = [_frame(large.picture, large.coarse, None, large.truth or f"Scene {large.number}", "no pattern added")]
    for card, shot in ((found.a, large.a), (found.b, large.b)):
        if shot is None or shot.picture is None:
            raise ValueError(f"There is no pattern for model {card.letter} yet; let it form first.")
        frames.append(_frame(shot.picture, large.coarse, card.letter, *_words(card, shot.said)))
    for quarters in (4, 3, 2):
        made = _animation([frame.resize(_scaled(frame.size, quarters), Image.Resampling.LANCZOS) for frame in frames])
        if len(made) <= MOST:
            return made
    raise ValueError("This picture is too large for a postcard.")


def _words(card: service.Card, said: Any) -> tuple[str, str]:
    """What the model makes of this picture, and of all."""
    if isinstance(said, service.Labelled):
        right = said.right_before if said.right_after is None else said.right_after
        reads = f"{percent(right)} of pixels right, clean {percent(said.right_before)}"
    else:
        reads = f"reads {said.before if said.after is None else said.after}"
    often, verb = succeeded(card), card.claim.verb if card.target else "wrong on"
    numbers = [f"{verb} {percent(often.value)}{card.claim.unit} (n = {often.n:,})"] if often else []
    if card.visibility and card.visibility.jod:
        numbers.append(f"JOD {card.visibility.jod.value:.1f}")
    noun = card.noun[:1].upper() + card.noun[1:]
    return f"{noun}, {card.epsilon}/255: {reads}", ", ".join(numbers)


def _frame(url: str, coarse: bool, letter: str | None, title: str, below: str) -> Image.Image:
    picture = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB")
    times = max(1, -(-SIDE // min(picture.size)))
    how = Image.Resampling.NEAREST if coarse else Image.Resampling.BICUBIC
    picture = picture.resize((times * picture.width, times * picture.height), how)
    frame = Image.new("RGB", (picture.width, picture.height + LINES), PAPER)
    frame.paste(picture, (0, LINES))
    draw, left = ImageDraw.Draw(frame), MARGIN
    if letter:
        shape = [(left, 22), (left + 18, 40)]
        draw.ellipse(shape, COLOURS[letter]) if letter == "A" else draw.polygon(
            [(left + 9, 21), (left, 39), (left + 18, 39)], COLOURS[letter]
        )
        left += 28
    _line(draw, (left, 18), title, 22, INK, frame.width)
    _line(draw, (left, 50), below, 18, SOFT, frame.width)
    _line(draw, (left, 76), "PlainSight", 14, SOFT, frame.width)
    return frame


def _line(draw: ImageDraw.ImageDraw, at: tuple[int, int], words: str, size: int, colour: str, width: int) -> None:
    """Words in one line, smaller where they would not fit."""
    while size > 10 and at[0] + draw.textlength(words, ImageFont.load_default(size)) > width - MARGIN:
        size -= 1
    draw.text(at, words, colour, ImageFont.load_default(size))


def _scaled(size: tuple[int, int], quarters: int) -> tuple[int, int]:
    return size[0] * quarters // 4, size[1] * quarters // 4


def _animation(frames: list[Image.Image]) -> bytes:
    file = io.BytesIO()
    durations = [round(1000 * seconds) for seconds in SECONDS]
    frames[0].save(
        file, "WEBP", save_all=True, append_images=frames[1:], duration=durations, loop=0, lossless=True, method=4
    )
    return file.getvalue()
