"""Held-out images and what the models say about them. N images, C channels, H W height and width."""

import logging
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor

from app.service import catalogue
from app.service.cache import caches
from app.service.outcomes import Outcome, Outcomes
from app.service.types import Answer, Strip, StripImage, Visibility
from app.session import FAR, Session, choice
from core import datasets, rendering
from core.checkpoints.store import Checkpoint
from core.datasets import Split
from core.evaluation import perceptibility
from core.threat import apply, quantise

ADDED = ("clean", "a", "b")
SHEETS = 20
"""The number of sheets of nine held-out images that can be shown."""
PER_SHEET = 9
SAMPLE = 18
"""How many held-out images visibility is measured on; of scenes, with a thousand times the pixels, a third."""


@dataclass(frozen=True)
class CompareSession(Session):
    """The Compare tab's choices: which pattern is added to the images, and their sheet, counted from 0.

    No field is called `view`: Gradio's API page has that name in the address.
    """

    tab = "compare"

    added: str = choice("a", ADDED, look=True, kept=True)
    sheet: int = choice(0, FAR, look=True)


@dataclass(frozen=True)
class _Said:
    """Predicted classes of one model for the images of a page, clean and (where there is a delta) attacked."""

    before: list[int]
    after: list[int] | None


def split(data: str, name: str, limit: int | None = None) -> Split:
    """Images of a data set, kept in memory. Raises FileNotFoundError where the data is absent."""
    found = datasets.get(data)
    return caches.splits.get_or_make((data, found.source, name, limit), lambda: found.split(name, limit))


def prepare(session: Session) -> None:
    """Read what leafing and a run need."""
    data = catalogue.dataset(session)
    if missing(data):
        return
    if not _scenic(data):
        split(data, "test", SHEETS * PER_SHEET)
    split(data, "test")
    split(data, "train", session.images)


ABSENT = "The images of this data set are not on this server; only what was measured on them before can be shown."


def missing(data: str) -> str:
    """One sentence for visitors where the images are absent, else empty. How to get them is for the log only."""
    try:
        reason = datasets.get(data).missing
    except ValueError as error:
        reason = str(error)
    if reason:
        _log_once(reason)
    return ABSENT if reason else ""


@cache
def _log_once(reason: str) -> None:
    logging.getLogger(__name__).warning("%s", reason)


def strip(session: CompareSession, found: Outcomes) -> Strip:
    """The session's sheet of held-out images, as the chosen view draws them."""
    data = catalogue.dataset(session)
    if absent := missing(data):
        return Strip((), 0, 0, absent)
    start = session.sheet * PER_SHEET
    held_out = split(data, "test", _enough(start))
    start = min(start, max(0, len(held_out) - PER_SHEET))
    images, labels = held_out.batch(slice(start, start + PER_SHEET))
    shown = found.get(session.added)
    said = {side: _said(session, side, found[side] if session.added != "clean" else None, images) for side in "ab"}
    classes = catalogue.checkpoint(session, "a").classes
    drawn = images if shown is None else apply(images, shown.delta)
    cells = [
        StripImage(
            rendering.data_url(rendering.picture(drawn[place])),
            start + place + 1,
            classes[label],
            _answer(said["a"], place, label, classes),
            _answer(said["b"], place, label, classes),
        )
        for place, label in enumerate(labels.tolist())
    ]
    total = SHEETS * PER_SHEET if len(held_out) == SAMPLE else len(held_out)
    return Strip(tuple(cells), start + 1, total)


def _enough(start: int) -> int:
    """How many images to read so that the page is among them: few at first, then all that can be leafed through."""
    return SAMPLE if start + PER_SHEET <= SAMPLE else SHEETS * PER_SHEET


def _said(session: CompareSession, side: str, found: Outcome | None, images: Tensor) -> _Said:
    checkpoint = catalogue.checkpoint(session, side)
    if found is None:
        before, _ = _answered(checkpoint, session, images, None)
        return _Said(before, None)
    return _Said(*_answered(checkpoint, session, images, found))


def _answered(
    checkpoint: Checkpoint, session: CompareSession, images: Tensor, found: Outcome | None
) -> tuple[list[int], list[int]]:
    """Predictions before and after, in one pass through the model; remembered unless the delta is still forming."""

    def ask() -> tuple[list[int], list[int]]:
        both = images if found is None else torch.cat([images, apply(images, found.delta)])
        model = catalogue.model(checkpoint)  # loaded outside: tensors made in inference mode could never be attacked
        with torch.inference_mode():
            classes = model(both).argmax(1).tolist()
        return classes[: len(images)], classes[len(images) :]

    if found is not None and not found.finished:
        return ask()
    key = (checkpoint.sha256, session.data, session.sheet, fingerprint(found.delta) if found else None)
    return caches.answers.get_or_make(key, ask)


def _answer(said: _Said, place: int, label: int, classes: tuple[str, ...]) -> Answer:
    before, after = said.before[place], said.after[place] if said.after else None
    return Answer(
        classes[before],
        None if after is None else classes[after],
        before == label,
        None if after is None else after == label,
    )


def visibility(session: Session, done: Outcome) -> Visibility | None:
    """How visible a delta is on the first held-out images; None where there are no images to see it on."""
    data = catalogue.dataset(session)
    if missing(data):
        return None

    def look() -> Visibility:
        count = SAMPLE // 3 if _scenic(data) else SAMPLE
        images, _ = split(data, "test", count).batch(slice(None))
        if not perceptibility.measurable(images):
            height, width = images.shape[2:]
            return Visibility(missing=f"not measurable on images of {height}x{width} pixels")
        found = perceptibility.measure(images, done.delta)
        return Visibility(found.ssim, found.colour_difference, found.n)

    found = caches.visibilities.get_or_make((data, fingerprint(done.delta)), look)
    install = "" if perceptibility.jod_available() else perceptibility.INSTALL_JOD
    return replace(found, jod=done.jod, viewing=perceptibility.VIEWING_IN_WORDS, install=install)


def _scenic(data: str) -> bool:
    return datasets.get(data).task == "segmentation"


def fingerprint(delta: Tensor) -> bytes:
    """What tells one stored delta from another."""
    return quantise(delta).to(torch.int8).numpy().tobytes()
