"""Pictures of a visitor's own under stored patterns, and what both models say to them.

N pictures, C channels, H W height and width, K classes. What is made from a picture is remembered in it alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from app.service import catalogue, downloads, pictures, received, segmentation
from app.service.album import PICTURES, OwnPicture, albums
from app.service.compare import card
from app.service.outcomes import Outcome, fingerprint, outcomes, stored
from app.service.received import LARGEST, Received
from app.service.types import (
    Example,
    Guess,
    Intake,
    OwnAnswer,
    OwnCell,
    OwnLarge,
    OwnMaps,
    OwnPage,
    OwnShot,
    OwnSide,
    Whole,
)  # fmt: skip
from app.session import SIDES, Session
from core import datasets, rendering
from core.datasets import Dataset
from core.datasets._pictures import fitted
from core.threat import apply, from_units, quantise

TOP = 3
"""Classes that are told of each picture."""
EXAMPLES = 3
WHOLE = 420
"""Pixels of the longer side of the whole picture on the page."""
THUMB = 96
"""Pixels of the shorter side of a picture in the row of the last ones, at most."""
TOGETHER = {"classification": 16, "segmentation": 2}
"""Pictures that go through a model at once."""


@dataclass(frozen=True)
class PicturesSession(Session):
    """The choices of the tab of one's own pictures; the pictures themselves are in no session (`app.service.album`)."""

    tab = "pictures"
    addressed = ("data", "a", "b", "attack", "target", "equal", "wrong", "epsilon")


@dataclass(frozen=True)
class Pattern:
    """A pattern (1,C,H,W) at the strength at which it is drawn, and at the stored one at which it was crafted."""

    outcome: Outcome | None
    crafted_at: int | None
    drawn_at: int

    @property
    def delta(self) -> Tensor | None:
        return None if self.outcome is None else self.outcome.delta


def pattern(session: Session, side: str) -> Pattern:
    """The pattern of one side at the session's strength.

    Where none was crafted at it, it is the next stronger one, else the strongest, scaled to that strength.
    """
    of = catalogue.checkpoint(session, side)
    own = catalogue.at(session, side)
    exact = outcomes(session)[side]
    if exact is not None:
        return Pattern(exact, own.epsilon, own.epsilon)
    results = catalogue.results(of)
    known = sorted(m.epsilon for m in results.curve(session.attack, session.target)) if results else []
    nearest = next((epsilon for epsilon in known if epsilon > own.epsilon), known[-1] if known else None)
    found = stored(replace(own, epsilon=nearest), of) if nearest else None
    if found is None or nearest is None:
        return Pattern(None, None, own.epsilon)
    delta = from_units(quantise(found.delta * (own.epsilon / nearest)))
    scaled = replace(found, delta=delta, report=None, jod=None, pattern=None)  # measured at the other strength
    return Pattern(scaled, nearest, own.epsilon)


def drawn_at(session: PicturesSession) -> tuple[int, int]:
    """The strengths of both patterns in units of 1/255."""
    return catalogue.at(session, "a").epsilon, catalogue.at(session, "b").epsilon


def own_pictures(session: PicturesSession) -> OwnPage:
    """The whole page. Raises NoModels, or FileError where a model folder is damaged."""
    album = albums.open(session.visitor)
    album.turn += 1
    data, large, kept = _data(session), album.large, list(album.pictures.values())
    patterns = {side: pattern(session, side) for side in SIDES}
    album.shown = session, patterns
    said = {side: _said(session, side, kept, patterns[side].delta, data) for side in SIDES}
    a, b = (_side(session, side, patterns[side], said[side]) for side in SIDES)
    cells = tuple(
        OwnCell(each.token, each.name, _thumb(each, data), *(said[side][number] for side in SIDES))
        for number, each in enumerate(kept)
    )
    place = kept.index(large) if large in kept else -1
    shown = _large(kept[place], data, patterns, {side: said[side][place] for side in SIDES}) if kept else None
    return OwnPage(
        a=a,
        b=b,
        large=shown,
        cells=cells[::-1],
        examples=() if kept else examples(session),
        intake=Intake(album.key, data.size[1], data.size[0], LARGEST, PICTURES),
        classes=catalogue.checkpoint(session, "a").classes,
        legend=segmentation.legend(session) if data.palette else (),
        coarse=data.size[1] < pictures.COARSE,
        turn=album.turn,
        numbers=downloads.numbers(session, a.card, b.card),
    )


def take_picture(key: str, data: bytes, name: str) -> bool:
    """Put a picture that was sent into the album with this key; False where there is none.

    What is wrong with a file is said when the page is drawn next.
    """
    album = albums.by_key(key)
    if album is None:
        return False
    try:
        albums.add(album, received.named(name), received.read(data, name))
    except ValueError as error:
        album.sentences.append(str(error))
    return True


def refuse_picture(key: str, name: str, size: int) -> bool:
    """Say of a file that it has too many bytes; False where no album has this key."""
    album = albums.by_key(key)
    if album is not None:
        album.sentences.append(received.too_large(name, size))
    return album is not None


def filmed(key: str, frame: bytes) -> dict[str, OwnShot] | None:
    """A frame of the camera under the patterns that the page shows, with what both models say; None without an album.

    The frame is 8-bit RGBA of the size that the models see; nothing of it is kept. Raises ValueError for another size.
    """
    album = albums.by_key(key)
    if album is None or album.shown is None:
        return None
    session, patterns = album.shown
    data = _data(session)
    height, width = data.size
    if len(frame) != 4 * height * width:
        raise ValueError(f"A frame has {width} x {height} pixels of 4 bytes, and {len(frame):,} bytes were given.")
    pixels = torch.frombuffer(bytearray(frame), dtype=torch.uint8).reshape(1, height, width, 4)
    crop, shots = pixels[..., :3].permute(0, 3, 1, 2).float() / 255, {}
    for side in SIDES:
        model, delta = catalogue.model(catalogue.checkpoint(session, side)), patterns[side].delta
        both = crop if delta is None else torch.cat([crop, apply(crop, delta)])
        with torch.inference_mode():
            answers = _answered(model(both), data)
        said = _told(answers[0], answers[1] if delta is not None else None, data)
        shots[side] = _shot(crop, delta, said, level=1)
    return shots


def add_example(session: PicturesSession, number: int) -> None:
    """Put one of the examples into the visitor's album. Raises ValueError where there is no such example."""
    found = [example for example in examples(session) if example.number == number]
    if not found:
        raise ValueError("There is no such example any more; choose another one.")
    images, _ = pictures.split(catalogue.dataset(session), "test", pictures.SAMPLE).batch(slice(number - 1, number))
    picture = rendering.picture(images[0])
    albums.add(albums.open(session.visitor), found[0].title, Received(picture, picture.width, picture.height))


def choose_picture(session: PicturesSession, token: str) -> None:
    """Show one of the visitor's pictures large."""
    album = albums.open(session.visitor)
    if token not in album.pictures:
        raise ValueError("This picture is gone: pictures are kept while the page is open, for an hour at most.")
    album.chosen = token


def remove_picture(session: PicturesSession, token: str = "") -> None:
    """Forget one of the visitor's pictures, or all of them."""
    albums.remove(albums.open(session.visitor), token or None)


def move_crop(session: PicturesSession, at: int) -> None:
    """Move the part of the large picture that models see, to so many percent along its longer side."""
    if not 0 <= at <= 100:
        raise ValueError(f"The part that models see lies at 0 to 100 percent, and {at} was given.")
    if (large := albums.open(session.visitor).large) is not None:
        large.at = at


def picture_sentences(session: PicturesSession) -> str:
    """What is to be said to the visitor about what was sent or had to go; it is forgotten then."""
    return albums.open(session.visitor).said()


def examples(session: PicturesSession) -> tuple[Example, ...]:
    """Held-out images of different classes to try; none where the images are absent."""
    name = catalogue.dataset(session)
    if pictures.missing(name):
        return ()
    data, split = datasets.get(name), pictures.split(name, "test", pictures.SAMPLE)
    found: dict[object, Example] = {}
    for place in range(len(split)):
        images, labels = split.batch(slice(place, place + 1))
        kind = place if data.palette else int(labels[0])
        if kind not in found:
            title = f"Held-out scene {place + 1}" if data.palette else f"Held-out image: {data.classes[int(labels[0])]}"
            found[kind] = Example(place + 1, title, pictures.drawn(name, place, images[0], None))
        if len(found) == EXAMPLES:
            break
    return tuple(found.values())


def _data(session: Session) -> Dataset:
    return datasets.get(catalogue.dataset(session))


def _side(session: Session, side: str, used: Pattern, said: Sequence[OwnAnswer | OwnMaps]) -> OwnSide:
    found = card(session, side, used.outcome)
    if used.crafted_at and used.crafted_at != used.drawn_at:  # what was crafted is what a command line can repeat
        of, crafted = catalogue.checkpoint(session, side), replace(session, equal="strength", epsilon=used.crafted_at)
        found = replace(found, command=downloads.command(crafted, of, stored(crafted, of)))
    return OwnSide(found, used.crafted_at, sum(one.changed for one in said))


def _crop(picture: OwnPicture, data: Dataset) -> Tensor:
    """What models see of a picture (1,C,H,W), scaled as the data set's own pictures are."""
    key = ("crop", data.size, picture.at)
    found: Tensor | None = picture.remembered(key)
    if found is None:
        found = as_seen(picture.received.image, data, picture.at / 100)
        picture.remember(key, found)
    return found


def as_seen(image: Image.Image, data: Dataset, at: float = 0.5) -> Tensor:
    """What models see of an RGB image (1,C,H,W) in [0, 1], scaled and cropped; see `core.datasets._pictures.fitted`."""
    method = Image.Resampling.BILINEAR if data.palette else Image.Resampling.BICUBIC
    return torch.from_numpy(np.array(fitted(image, data.size, method, at))).permute(2, 0, 1)[None].float() / 255


def _said(
    session: Session, side: str, kept: Sequence[OwnPicture], delta: Tensor | None, data: Dataset
) -> list[OwnAnswer | OwnMaps]:
    """What one model says to each picture, clean and under the delta."""
    clean = _answers(session, side, kept, None, data)
    attacked = [None] * len(kept) if delta is None else _answers(session, side, kept, delta, data)
    return [_told(before, after, data) for before, after in zip(clean, attacked, strict=True)]


def _answers(
    session: Session, side: str, kept: Sequence[OwnPicture], delta: Tensor | None, data: Dataset
) -> list[Tensor]:
    """Confidences (K), or label maps (H,W), of one model for each picture; those that are not remembered are asked."""
    checkpoint = catalogue.checkpoint(session, side)
    model = catalogue.model(checkpoint)
    what = None if delta is None else fingerprint(delta)
    keys = [(checkpoint.sha256, data.size, picture.at, what) for picture in kept]
    known = [picture.remembered(key) for picture, key in zip(kept, keys, strict=True)]
    asked = [number for number, answer in enumerate(known) if answer is None]
    together = TOGETHER[data.task]
    for start in range(0, len(asked), together):
        part = asked[start : start + together]
        images = torch.cat([_crop(kept[number], data) for number in part])
        with torch.inference_mode():
            found = _answered(model(images if delta is None else apply(images, delta)), data)
        for number, answer in zip(part, found, strict=True):
            known[number] = answer
            kept[number].remember(keys[number], answer)
    return known


def _answered(logits: Tensor, data: Dataset) -> Tensor:
    """Confidences (N,K), or label maps (N,H,W)."""
    return logits.argmax(1).byte() if data.palette else logits.softmax(1)


def _told(before: Tensor, after: Tensor | None, data: Dataset) -> OwnAnswer | OwnMaps:
    """The answers to one picture, clean and under a pattern, as the page tells them."""
    if data.palette:
        return _maps(before, after, data)
    return OwnAnswer(_guesses(before, data), None if after is None else _guesses(after, data))


def _guesses(confidences: Tensor, data: Dataset) -> tuple[Guess, ...]:
    values, classes = confidences.topk(min(TOP, len(confidences)))
    pairs = zip(classes.tolist(), values.tolist(), strict=True)
    return tuple(Guess(data.classes[number], value) for number, value in pairs)


def _maps(before: Tensor, after: Tensor | None, data: Dataset) -> OwnMaps:
    told = segmentation.told(before, data), "" if after is None else segmentation.told(after, data)
    clean = rendering.data_url(rendering.layer(before, data.palette))
    attacked = None if after is None else rendering.data_url(rendering.layer(after, data.palette))
    return OwnMaps(clean, attacked, told, 0.0 if after is None else float((before != after).float().mean()))


def _shot(crop: Tensor, delta: Tensor | None, said: OwnAnswer | OwnMaps, level: int = 6) -> OwnShot:
    picture = None if delta is None else rendering.data_url(rendering.attacked(crop[0], delta), level)
    return OwnShot(picture, said)


def _large(
    picture: OwnPicture, data: Dataset, patterns: dict[str, Pattern], said: dict[str, OwnAnswer | OwnMaps]
) -> OwnLarge:
    crop = _crop(picture, data)
    a, b = (_shot(crop, patterns[side].delta, said[side]) for side in SIDES)
    return OwnLarge(_whole(picture, data), rendering.data_url(rendering.picture(crop[0])), a, b)


def _whole(picture: OwnPicture, data: Dataset) -> Whole:
    """The picture as it came, and where its crop lies."""
    image, (height, width) = picture.received.image, data.size
    ratio = (image.width / image.height) / (width / height)
    url = picture.remembered("whole")
    if url is None:
        small = image.copy()
        small.thumbnail((WHOLE, WHOLE), Image.Resampling.LANCZOS)
        url = rendering.data_url(small)
        picture.remember("whole", url)
    return Whole(
        picture.token,
        picture.name,
        url,
        picture.received.width,
        picture.received.height,
        span=1 / ratio if ratio > 1 else ratio,
        across=ratio > 1,
        at=picture.at,
    )


def _thumb(picture: OwnPicture, data: Dataset) -> str:
    """What models see of a picture, small."""
    key = ("thumb", data.size, picture.at)
    url: str | None = picture.remembered(key)
    if url is None:
        image = rendering.picture(_crop(picture, data)[0])
        if min(image.size) > THUMB:
            scale = THUMB / min(image.size)
            image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
        url = rendering.data_url(image)
        picture.remember(key, url)
    return url
