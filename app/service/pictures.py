"""Held-out images and what the models say about them. N images, C channels, H W height and width."""

import logging
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor

from app.service import catalogue
from app.service.cache import caches
from app.service.outcomes import Outcome, Outcomes, precomputed
from app.service.types import Answer, Large, Shot, Strip, StripImage, Visibility
from app.session import FAR, Session, choice
from core import datasets, rendering
from core.datasets import Split
from core.evaluation import perceptibility
from core.threat import apply

ADDED = ("clean", "a", "b")
WHICH = ("all", "fooled")
PER_SHEET = 10
SHEETS = 6
"""So many sheets are searched for an image that tells the story."""
SCANNED = 10 * PER_SHEET
"""So many held-out images are searched at a time for those that were fooled."""
SAMPLE = 18
"""So many held-out images are drawn first: the first sheets, and what else a first view needs."""
SEEN = 6
"""How many held-out images SSIM and colour difference are measured on, which the page tells on demand only."""
COARSE = 64
"""Images of fewer pixels a side are drawn with their pixels to be seen, not smoothed."""


@dataclass(frozen=True)
class CompareSession(Session):
    """The Compare tab's choices: the pattern that is added in the strip, its sheet (from 0), and the large image.

    `which` limits the strip to the images on which the added pattern fooled its model. `large` counts held-out images
    from 0; None is one of the first sheet that tells the story. No field is called `view`: Gradio's API page has that
    name in the address.
    """

    tab = "compare"

    added: str = choice("a", ADDED, look=True, kept=True)
    which: str = choice("all", WHICH, look=True, kept=True)
    sheet: int = choice(0, FAR, look=True)
    large: int | None = choice(None, lambda _: [None, *FAR], look=True)


@dataclass(frozen=True)
class _Said:
    """Predicted classes of one model for some images, clean and (where there is a delta) attacked."""

    before: list[int]
    after: list[int] | None

    def fooled(self, place: int, label: int) -> bool:
        """Whether the delta turned a right answer into a wrong one."""
        return self.before[place] == label and self.after is not None and self.after[place] != label


def split(data: str, name: str, limit: int | None = None) -> Split:
    """Images of a data set, kept in memory. Raises FileNotFoundError where the data is absent."""
    found = datasets.get(data)
    return caches.splits.get_or_make((data, found.source, name, limit), lambda: found.split(name, limit))


def prepare(session: Session) -> None:
    """Read what leafing and a run need."""
    data = catalogue.dataset(session)
    if missing(data):
        return
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
    """The session's sheet of held-out images, each with the chosen pattern and what its model says to it."""
    data = catalogue.dataset(session)
    if absent := missing(data):
        return Strip((), 0, 0, absent)
    start, places, total = _sheet(session, found)
    shown = found.get(session.added)
    classes = catalogue.checkpoint(session, "a").classes
    images, labels, said = _looked_at(session, found if session.added != "clean" else {}, places)
    cells = [
        StripImage(
            drawn(data, place, images[number], shown),
            place + 1,
            classes[label],
            _answer(said["a"], number, label, classes),
            _answer(said["b"], number, label, classes),
        )
        for number, (place, label) in enumerate(zip(places, labels.tolist(), strict=True))
    ]
    return Strip(tuple(cells), start + 1, total, shown=None if shown is None else session.added)


def large(session: CompareSession, found: Outcomes) -> Large:
    """The large image: clean, and under the pattern of each model with what that says to it."""
    data = catalogue.dataset(session)
    if absent := missing(data):
        return without_images(found, absent)
    classes = catalogue.checkpoint(session, "a").classes
    place = _telling(session) if session.large is None else session.large
    all_images, total = held_out(data, place + 1)
    place = min(place, len(all_images) - 1)
    images, labels, said = _looked_at(session, found, [place])
    label = int(labels[0])

    def shot(side: str) -> Shot:
        one = found.get(side)
        picture = None if one is None else drawn(data, place, images[0], one)
        return Shot(picture, _answer(said[side], 0, label, classes))

    return Large(
        place + 1,
        total,
        classes[label],
        drawn(data, place, images[0], None),
        images.shape[-1] < COARSE,
        shot("a"),
        shot("b"),
    )


def without_images(found: Outcomes, absent: str) -> Large:
    """What is there in place of the large image or scene: the patterns alone."""

    def alone(side: str) -> str | None:
        one = found[side]
        return None if one is None else pattern(one, 1.0)

    sides = [one.delta.shape[-1] for one in found.values() if one]
    return Large(0, 0, "", "", max(sides, default=0) < COARSE, None, None, None, absent, (alone("a"), alone("b")))


def _telling(session: CompareSession) -> int:
    """The place of an image that tells the story: A is fooled and B is not; else one on which A is; else the first.

    One of the first sheets, so that few predictions are needed, under the stored patterns, so that a run changes none.
    """
    found, fooled = precomputed(session), []
    if not all(found.values()):
        return 0
    for start in range(0, SHEETS * PER_SHEET, PER_SHEET):
        images, _ = held_out(catalogue.dataset(session), start + PER_SHEET)
        places = list(range(start, min(start + PER_SHEET, len(images))))
        _, labels, said = _looked_at(session, found, places)
        for number, label in enumerate(labels.tolist()):
            if said["a"].fooled(number, label):
                fooled.append(places[number])
                if said["b"].before[number] == label and not said["b"].fooled(number, label):
                    return places[number]
    return fooled[0] if fooled else 0


def wanted(session: Session) -> str | None:
    """The picture of the first held-out image of the class that the attacker wants to be seen; None without one."""
    data = catalogue.dataset(session)
    if session.target is None or session.target.kind != "class" or missing(data):
        return None
    for few in (SAMPLE, None):
        found = split(data, "test", few)
        places = (found.labels == session.target.number).nonzero()
        if len(places):
            first = int(places[0])
            return drawn(data, first, found.batch(slice(first, first + 1))[0][0], None)
    return None


def drawn(data: str, place: int, image: Tensor, found: Outcome | None) -> str:
    """The address of the picture of a held-out image (C,H,W) under a pattern; remembered, for a while if that forms."""

    def draw() -> str:
        picture = rendering.picture(image) if found is None else rendering.attacked(image, found.delta)
        return rendering.data_url(picture)

    drawn_before = caches.drawn if found is None or found.finished else caches.forming_drawn
    return drawn_before.get_or_make((data, place, found and found.mark), draw)


def pattern(found: Outcome, factor: float) -> str:
    """The pattern alone, amplified, as the address of a picture."""

    def draw() -> str:
        return rendering.data_url(rendering.perturbation(found.delta, factor))

    return caches.patterns.get_or_make((found.mark, found.delta.shape, factor), draw) if found.finished else draw()


def held_out(data: str, enough: int) -> tuple[Split, int]:
    """The first held-out images, at least `enough` if there are as many, and how many there are in all."""
    total = datasets.get(data).counts.get("test")
    limit = next((few for few in (SAMPLE, SHEETS * PER_SHEET) if total and enough <= few < total), None)
    found = split(data, "test", limit)
    return found, total or len(found)


def _sheet(session: CompareSession, found: Outcomes) -> tuple[int, list[int], int]:
    """The start of the session's sheet, the places of its images, and among how many it lies (0: not known yet)."""
    start, shown = session.sheet * PER_SHEET, found.get(session.added)
    if session.which == "fooled" and shown is not None and shown.finished:
        return _fooled(session, shown, start)
    images, total = held_out(catalogue.dataset(session), start + PER_SHEET)
    start = min(start, _last(len(images)))
    return start, list(range(start, min(start + PER_SHEET, len(images)))), total


def _fooled(session: CompareSession, shown: Outcome, start: int) -> tuple[int, list[int], int]:
    """A sheet of the images on which a pattern fooled its model; searched only as far as the sheet needs."""
    images = split(catalogue.dataset(session), "test")
    found: list[int] = []
    for first in range(0, len(images), SCANNED):
        places = list(range(first, min(first + SCANNED, len(images))))
        labels = images.labels[places[0] : places[-1] + 1].tolist()
        said = _said(session, session.added, shown, places, images)
        found += [place for number, place in enumerate(places) if said.fooled(number, labels[number])]
        if len(found) > start + PER_SHEET:
            return start, found[start : start + PER_SHEET], 0
    start = min(start, _last(len(found)))
    return start, found[start : start + PER_SHEET], len(found)


def _last(count: int) -> int:
    """Where the last sheet of so many images starts."""
    return max(0, (count - 1) // PER_SHEET * PER_SHEET)


def _looked_at(session: CompareSession, found: Outcomes, places: list[int]) -> tuple[Tensor, Tensor, dict[str, _Said]]:
    """Held-out images (N,C,H,W), their labels (N), and what both models say to them, each under its own pattern."""
    images, _ = held_out(catalogue.dataset(session), max(places, default=0) + 1)
    parts = [images.batch(slice(place, place + 1)) for place in places] or [images.batch(slice(0, 0))]
    pictures, labels = (torch.cat(each) for each in zip(*parts, strict=True))
    return pictures, labels, {side: _said(session, side, found.get(side), places, images) for side in "ab"}


def _said(session: CompareSession, side: str, found: Outcome | None, places: list[int], images: Split) -> _Said:
    """Predictions before and after, in one pass through the model; remembered, for a while if the delta is forming."""
    checkpoint = catalogue.checkpoint(session, side)
    model = catalogue.model(checkpoint)  # loaded outside: tensors made in inference mode could never be attacked

    def ask() -> tuple[list[int], list[int]]:
        if not places:
            return [], []
        clean = torch.cat([images.batch(slice(place, place + 1))[0] for place in places])
        both = clean if found is None else torch.cat([clean, apply(clean, found.delta)])
        with torch.inference_mode():
            classes = model(both).argmax(1).tolist()
        return classes[: len(places)], classes[len(places) :]

    said_before = caches.answers if found is None or found.finished else caches.forming_answers
    key = (checkpoint.sha256, session.data, tuple(places), found.mark if found else None)
    before, after = said_before.get_or_make(key, ask)
    return _Said(before, None if found is None else after)


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
        images, _ = split(data, "test", SEEN if _scenic(data) else SAMPLE).batch(slice(SEEN))
        if not perceptibility.measurable(images):
            height, width = images.shape[2:]
            return Visibility(missing=f"not measurable on images of {height}x{width} pixels")
        return Visibility(*perceptibility.similarity(images, done.delta), len(images))

    found = caches.visibilities.get_or_make((data, done.mark), look)
    install = "" if perceptibility.jod_available() else perceptibility.INSTALL_JOD
    return replace(found, jod=done.jod, viewing=perceptibility.VIEWING_IN_WORDS, install=install)


def _scenic(data: str) -> bool:
    return datasets.get(data).task == "segmentation"
