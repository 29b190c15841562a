"""What an edition without a server holds of Compare: held-out images, stored patterns, and what models say to both.

Of the same results as the app; nothing here runs an attack. N images, C channels, H W height and width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from app.service import catalogue, pictures
from app.service.outcomes import Outcome, stored
from app.service.packing import packed_delta, packed_image
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
class StoredPattern:
    """A stored pattern of one model as packed text, and the class that the model reads in each held-out image."""

    epsilon: int
    units: str
    reads: tuple[int, ...]


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


def aims(group: str, name: str) -> list[Aim]:
    """What a model was attacked with, whose patterns are stored: S-PGD without a target first."""
    found = catalogue.results(catalogue.checkpoint(CompareSession(data=group, a=name), "a"))
    known = dict.fromkeys((m.attack, m.target) for m in found.measurements) if found else {}
    return [aim for aim in known if next(patterns(group, name, aim, read=False), None)]


def reads(group: str, name: str) -> tuple[int, ...]:
    """The class that a model reads in each held-out image without any pattern."""
    return _reads(group, name, None)


def patterns(group: str, name: str, aim: Aim, read: bool = True) -> Iterator[StoredPattern]:
    """The stored patterns of one aim in the order of their strengths; without `read` nothing is predicted."""
    session = CompareSession(data=group, a=name, attack=aim[0], target=aim[1])
    of = catalogue.checkpoint(session, "a")
    found = catalogue.results(of)
    for m in sorted(found.curve(*aim), key=lambda m: m.epsilon) if found else ():
        outcome = stored(replace(session, epsilon=m.epsilon), of)
        if outcome is not None:
            said = _reads(group, name, outcome) if read else ()
            yield StoredPattern(m.epsilon, packed_delta(outcome.delta) if read else "", said)


def _reads(group: str, name: str, outcome: Outcome | None) -> tuple[int, ...]:
    session = CompareSession(data=group, a=name)
    split, _ = pictures.held_out(catalogue.dataset(session), HELD)
    images, _ = split.batch(slice(HELD))
    model = catalogue.model(catalogue.checkpoint(session, "a"))
    with torch.inference_mode():
        parts: Sequence[torch.Tensor] = (images if outcome is None else apply(images, outcome.delta)).split(PER_SHEET)
        return tuple(torch.cat([model(part).argmax(1) for part in parts]).tolist())
