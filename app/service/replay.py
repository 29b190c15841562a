"""How the patterns of both models form, as it is stored. F frames, C channels, H W height and width."""

from dataclasses import replace

import torch
from PIL import Image

from app.service import catalogue, compare, pictures
from app.service.cache import caches
from app.service.pictures import CompareSession
from app.service.types import Fraction, Replay, ReplaySide
from app.session import SIDES
from core import datasets, rendering
from core.checkpoints import replay as stored
from core.checkpoints.store import Checkpoint
from core.threat import apply

COLUMNS = 8
"""Frames in a row of the sprite."""


def replayable(session: CompareSession) -> bool:
    """Whether the forming of both patterns that are shown is stored, and the images are there to show it on."""
    return all(_stored(session, side) for side in SIDES) and not pictures.missing(catalogue.dataset(session))


def replay(session: CompareSession) -> Replay | None:
    """How both patterns form over the session's large image; None where that is not stored."""
    if not replayable(session):
        return None
    large = pictures.large(session, dict.fromkeys(SIDES))
    height, width = datasets.get(catalogue.dataset(session)).size
    a, b = (_side(session, side, large.number - 1) for side in SIDES)
    return Replay(large.picture, width, height, large.coarse, large.truth, a, b)


def _stored(session: CompareSession, side: str) -> stored.Replay | None:
    """The stored replay of one side, if it is that of the attack and the strength that are shown."""
    of, own = catalogue.checkpoint(session, side), catalogue.at(session, side)
    if session.target is not None or catalogue.scenic(of):
        return None
    found = catalogue.replay(of)
    fits = found is not None and (found.attack, found.epsilon) == (own.attack, own.epsilon)
    return found if fits else None


def _side(session: CompareSession, side: str, place: int) -> ReplaySide:
    found, of = _stored(session, side), catalogue.checkpoint(session, side)
    assert found is not None
    frames = (of.sha256, found.epsilon, found.seed, found.steps, found.accuracy)
    said, label = _said(of, found, place, catalogue.dataset(session))
    rates = [Fraction.of(rate) for rate in found.accuracy]
    last = replace(rates[-1], value=1 - rates[-1].value, low=1 - rates[-1].high, high=1 - rates[-1].low)
    return ReplaySide(
        letter="A" if side == "a" else "B",
        noun=compare.noun(session, side),
        epsilon=found.epsilon,
        sprite=caches.sprites.get_or_make(frames, lambda: _sprite(found)),
        columns=COLUMNS,
        factor=rendering.full_scale(found.deltas),
        steps=found.steps,
        wrong=tuple(1 - rate.value for rate in rates),
        said=tuple(of.classes[number] for number in said),
        right=tuple(number == label for number in said),
        last=last,
        origin=f"S-PGD from one random start (seed {found.seed}), {found.steps[-1]} steps on {found.crafted_on:,} "
        f"training images; every frame on n = {last.n:,} held out",
    )


def _said(of: Checkpoint, found: stored.Replay, place: int, data: str) -> tuple[list[int], int]:
    """What the model reads in one held-out image under every frame, and the image's class."""
    held_out, _ = pictures.held_out(data, place + 1)
    image, label = held_out.batch(slice(place, place + 1))
    model = catalogue.model(of)
    with torch.inference_mode():
        said = model(apply(image.expand_as(found.deltas), found.deltas)).argmax(1).tolist()
    return said, int(label[0])


def _sprite(found: stored.Replay) -> str:
    frames = [rendering.perturbation(delta) for delta in found.deltas]
    width, height = frames[0].size
    whole = Image.new("RGB", (COLUMNS * width, -(-len(frames) // COLUMNS) * height), (128, 128, 128))
    for number, frame in enumerate(frames):
        whole.paste(frame, (number % COLUMNS * width, number // COLUMNS * height))
    return rendering.data_url(whole, kind="WEBP")
