"""What an edition without a server holds: held-out images and scenes, stored patterns, and what models say to both.

Of the same results as the app; nothing here runs an attack. N images, C channels, H W height and width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from app.service import catalogue, downloads, pictures, segmentation
from app.service.outcomes import Outcome, stored
from app.service.packing import factored_delta, packed, packed_image
from app.service.pictures import PER_SHEET, SHEETS, CompareSession
from app.session import Session
from core import datasets
from core.attacks.targets import Target
from core.threat import apply

HELD = PER_SHEET * SHEETS
"""So many held-out images an edition holds: those that are searched for one that tells the story."""

Aim = tuple[str, Target | None]
"""An attack, and what it wants."""


@dataclass(frozen=True)
class HeldOut:
    """The first held-out images as packed text, the number of each one's class, and how many there are in all."""

    images: tuple[str, ...]
    labels: tuple[int, ...]
    total: int
    size: tuple[int, int]
    coarse: bool
    classes: tuple[str, ...]


@dataclass(frozen=True)
class HeldScenes:
    """The first held-out scenes and their label maps as packed text, and the classes' colours as `#rrggbb`."""

    images: tuple[str, ...]
    labels: tuple[str, ...]
    size: tuple[int, int]
    colours: tuple[str, ...]


@dataclass(frozen=True)
class StoredPattern:
    """A stored pattern of one model, and what came of it: `factor` times the packed text, in units of 1/255."""

    epsilon: int
    factor: int
    units: str
    outcome: Outcome


def groups(kind: type[Session], task: str = "") -> list[str]:
    """The groups of models (of one task) whose images may go into an edition: those that this package draws."""
    found = {model.group: datasets.get(model.data) for model in catalogue.fitting(kind)}
    return [group for group, data in found.items() if data.drawn and task in ("", data.task)]


def held_out(group: str) -> HeldOut:
    """The images of a group of classifiers."""
    data = catalogue.dataset(CompareSession(data=group))
    split, total = pictures.held_out(data, HELD)
    images, labels = split.batch(slice(HELD))
    found = datasets.get(data)
    coarse = found.size[1] < pictures.COARSE
    packed = tuple(map(packed_image, images))
    return HeldOut(packed, tuple(labels.tolist()), total, found.size, coarse, found.classes)


def held_scenes(group: str) -> HeldScenes:
    """The scenes of a group of models of scenes."""
    data = datasets.get(catalogue.dataset(CompareSession(data=group)))
    images, labels = segmentation.first_scenes(data.name)
    colours = tuple("#" + bytes(colour).hex() for colour in data.palette)
    return HeldScenes(tuple(map(packed_image, images)), _maps(labels), data.size, colours)


def _maps(labels: Tensor) -> tuple[str, ...]:
    """Label maps (N,H,W) as packed text."""
    return tuple(packed(one[None].byte()) for one in labels)


def aims(group: str, name: str) -> list[Aim]:
    """What a model was attacked with, whose patterns are stored: S-PGD without a target first."""
    found = catalogue.results(catalogue.checkpoint(CompareSession(data=group, a=name), "a"))
    known = dict.fromkeys((m.attack, m.target) for m in found.measurements) if found else {}
    return [aim for aim in known if next(_outcomes(group, name, aim), None)]


def patterns(group: str, name: str, aim: Aim) -> Iterator[StoredPattern]:
    """The stored patterns of one aim in the order of their strengths."""
    for epsilon, outcome in _outcomes(group, name, aim):
        yield StoredPattern(epsilon, *factored_delta(outcome.delta), outcome)


def _outcomes(group: str, name: str, aim: Aim) -> Iterator[tuple[int, Outcome]]:
    session = CompareSession(data=group, a=name, attack=aim[0], target=aim[1])
    of = catalogue.checkpoint(session, "a")
    found = catalogue.results(of)
    for m in found.curve(*aim) if found else ():
        outcome = stored(replace(session, epsilon=m.epsilon), of)
        if outcome is not None:
            yield m.epsilon, outcome


def command(session: Session, side: str) -> str:
    """The command line that repeats a run with the session's settings on the model of one side."""
    return downloads.command(session, catalogue.checkpoint(session, side), None)


def reads(group: str, name: str, outcome: Outcome | None = None) -> tuple[int, ...]:
    """The class that a model reads in each held-out image, under a pattern if there is one."""
    session = CompareSession(data=group, a=name)
    split, _ = pictures.held_out(catalogue.dataset(session), HELD)
    images, _ = split.batch(slice(HELD))
    model = catalogue.model(catalogue.checkpoint(session, "a"))
    with torch.inference_mode():
        parts: Sequence[Tensor] = (images if outcome is None else apply(images, outcome.delta)).split(PER_SHEET)
        return tuple(torch.cat([model(part).argmax(1) for part in parts]).tolist())


def sees(group: str, name: str, outcome: Outcome | None = None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The label maps that a model sees in the held-out scenes, as packed text, and each in words."""
    session = CompareSession(data=group, a=name)
    found = segmentation.predictions(session, "a", outcome)
    data = datasets.get(catalogue.dataset(session))
    return _maps(found), tuple(segmentation.told(one, data) for one in found)
