"""Held-out scenes, and what the models see in them. N scenes, H W height and width; label maps are uint8 (N,H,W)."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from app.service import catalogue, pictures
from app.service.cache import caches
from app.service.outcomes import Outcome, Outcomes, precomputed
from app.service.pictures import CompareSession
from app.service.types import Labelled, Large, Legend, Look, Pattern, Shot, Street, Strip, StripScene
from app.session import FAR, Session, choice
from core import datasets, rendering
from core.attacks.targets import Target, scene_number, title
from core.checkpoints.store import Checkpoint
from core.datasets import Dataset, Split
from core.datasets.labels import IGNORE
from core.evaluation import resemblance
from core.threat import apply

SHOWS = ("labels", "flips")
PER_SHEET = 8
FEW = (6, 3 * PER_SHEET)
"""So many scenes are drawn first where that is enough: all of them take most of a minute on a fresh machine."""
PLURALS = {"bus": "buses", "person": "people"} | {
    name: f"{name}s"
    for name in (
        *("bicycle", "bicyclist", "building", "car", "fence", "motorcycle", "pedestrian", "pole", "rider", "sign"),
        *("traffic light", "traffic sign", "train", "tree", "truck", "wall"),
    )
}
"""What several of a class are called; other classes, like the sky, are not counted."""


@dataclass(frozen=True)
class SegmentationSession(Session):
    """The Segmentation tab's choices.

    `show` is what the maps of a scene show, all labels or those that flipped, and `only` the class they are limited
    to. `scene` counts scenes from 0; None is one of the first that tells the story.
    """

    tab = "segmentation"
    needs = "trained models of scenes"
    training_options = " --data streets --arch smp:PSPNet/resnet18"

    show: str = choice("labels", SHOWS, look=True, kept=True)
    only: int | None = choice(None, lambda session: [None, *_classes(session)], look=True)
    scene: int | None = choice(None, lambda _: [None, *FAR], look=True)

    @classmethod
    def shows(cls, model: Checkpoint) -> bool:
        return model.has_weights and catalogue.scenic(model)

    @classmethod
    def first_targets(cls, offered: list[Target]) -> list[Target | None]:
        """The scenes that the attacker wants to be seen, where some were measured."""
        return [target for target in offered if target.kind == "scene"] or [None]


def _classes(session: Session) -> range:
    return range(len(catalogue.checkpoint(session, "a").classes))


@dataclass(frozen=True)
class _Sight:
    """What one model sees in some scenes, clean and (where there is a delta) attacked."""

    before: Tensor
    after: Tensor | None


def strip(session: CompareSession, found: Outcomes) -> Strip:
    """The session's sheet of held-out scenes with the chosen pattern, and the fractions that both models have right."""
    if absent := pictures.missing(catalogue.dataset(session)):
        return Strip((), 0, 0, absent)
    data = datasets.get(catalogue.dataset(session))
    held_out, total = _held_out(data, (session.sheet + 1) * PER_SHEET)
    start = min(session.sheet * PER_SHEET, max(0, (len(held_out) - 1) // PER_SHEET * PER_SHEET))
    images, labels = held_out.batch(slice(start, start + PER_SHEET))
    shown = found.get(session.added)
    sights = {side: _sight(session, side, found[side] if shown else None, images, start) for side in "ab"}
    cells = []
    for place in range(len(images)):
        sides = (_labelled(sights[side], place, labels[place]) for side in "ab")
        picture = pictures.drawn(data.name, start + place, images[place], shown)
        cells.append(StripScene(picture, start + place + 1, *sides))
    return Strip(tuple(cells), start + 1, total, shown=None if shown is None else session.added)


def large(session: CompareSession, found: Outcomes) -> Large:
    """The large scene: clean, and under the pattern of each model with what that sees in it."""
    data = datasets.get(catalogue.dataset(session))
    if absent := pictures.missing(catalogue.dataset(session)):
        return replace(pictures.without_images(found, absent), labels="")
    first, count = (0, PER_SHEET) if session.large is None else (session.large, 1)
    known = precomputed(session)
    held_out, total = _held_out(data, first + count)
    first = min(first, len(held_out) - 1)
    images, labels = held_out.batch(slice(first, first + count))
    stored = {side: _sight(session, side, known[side], images, first) for side in "ab"}

    def story(place: int) -> float:
        """How much more of the scene the stored pattern of A takes than that of B."""
        a, b = (_labelled(stored[side], place, labels[place]) for side in "ab")
        return (a.right_before - (a.right_after or 0)) - (b.right_before - (b.right_after or 0))

    told = session.large is None and all(known.values())
    place = max(range(len(images)), key=story) if told else 0
    sights = {side: _sight(session, side, found[side], images[place : place + 1], first + place) for side in "ab"}

    def shot(side: str) -> Shot:
        one, sight = found[side], sights[side]
        picture = None if one is None else pictures.drawn(data.name, first + place, images[place], one)
        now = sight.before if sight.after is None else sight.after
        seen = rendering.data_url(rendering.label_map(now[0], data.palette))
        return Shot(picture, replace(_labelled(sight, 0, labels[place]), labels=seen))

    return Large(
        first + place + 1,
        total,
        "",
        pictures.drawn(data.name, first + place, images[place], None),
        False,
        shot("a"),
        shot("b"),
        rendering.data_url(rendering.label_map(labels[place], data.palette)),
    )


def wanted(session: Session) -> str | None:
    """The label map that the attacker wants to be seen, as a picture; None where it is not the same for every scene."""
    data = datasets.get(catalogue.dataset(session))
    found = None if pictures.missing(catalogue.dataset(session)) else _wanted(session, data)
    return None if found is None else rendering.data_url(rendering.label_map(found, data.palette))


def _held_out(data: Dataset, enough: int) -> tuple[Split, int]:
    """The first held-out scenes, at least `enough` if there are as many, and how many there are in all."""
    total = data.counts.get("test")
    limit = next((few for few in FEW if total and enough <= few < total), None)
    found = pictures.split(data.name, "test", limit)
    return found, total or len(found)


def first_scenes(data: str) -> tuple[Tensor, Tensor]:
    """The first held-out scenes, of which one tells the story: images (N,C,H,W) and labels (N,H,W)."""
    return _held_out(datasets.get(data), FEW[0])[0].batch(slice(0, FEW[0]))


def predictions(session: Session, side: str, found: Outcome | None) -> Tensor:
    """The label maps uint8 (N,H,W) that a model sees in the first held-out scenes, under a pattern if there is one."""
    sight = _sight(session, side, found, first_scenes(catalogue.dataset(session))[0], 0)
    return sight.before if sight.after is None else sight.after


def leaves(session: Session) -> list[int]:
    """Those of the first held-out scenes that one leafs through, counted from 0; all where none of them fits."""
    found = [place for place in _leaves(session, datasets.get(catalogue.dataset(session))) if place < FEW[0]]
    return found or list(range(FEW[0]))


def _labelled(sight: _Sight, place: int, truth: Tensor) -> Labelled:
    after = None if sight.after is None else _right(sight.after[place], truth)
    return Labelled(_right(sight.before[place], truth), after)


def _right(seen: Tensor, truth: Tensor) -> float:
    counted = truth != IGNORE
    return float((seen == truth)[counted].float().mean()) if counted.any() else 0.0


def leafed(session: SegmentationSession, by: int) -> SegmentationSession:
    """The session with the scene that comes so many later, among those that one leafs through (see `_leaves`)."""
    leaves = _leaves(session, datasets.get(catalogue.dataset(session)))
    at = _at(leaves, telling(session)) + by
    return replace(session, scene=leaves[min(max(at, 0), len(leaves) - 1)])


def _leaves(session: Session, data: Dataset) -> Sequence[int]:
    """The held-out scenes that one leafs through, counted from 0: all, or those with the class that is to be removed.

    All too where no scene has that class.
    """
    every, removed = range(data.counts.get("test") or len(_held_out(data, 1)[0])), _removed(session.target)
    if removed is None or pictures.missing(data.name):
        return every

    def found() -> tuple[int, ...]:
        labels = pictures.split(data.name, "test").labels
        return tuple((labels == removed).flatten(1).any(1).nonzero().flatten().tolist())

    return caches.scenes_with.get_or_make((data.name, data.source, removed), found) or every


def _at(leaves: Sequence[int], scene: int) -> int:
    """The place of a scene among others, or of the next one that is there; past the end that of the last one."""
    return min(bisect_left(leaves, scene), len(leaves) - 1)


def telling(session: SegmentationSession) -> int:
    """The scene that is chosen, counted from 0; without a choice the one of the first few that tells the story.

    That is where the stored pattern of A gains most: pixels that show the wanted scene, pixels of a removed class that
    are overlooked, or else pixels that are wrong with A and not with B.
    """
    data, found = datasets.get(catalogue.dataset(session)), precomputed(session)
    if session.scene is not None or pictures.missing(data.name) or not all(found.values()):
        return session.scene or 0
    places = [place for place in _leaves(session, data) if place < FEW[0]]
    if not places:
        return 0
    images, labels = _held_out(data, FEW[0])[0].batch(slice(0, FEW[0]))
    sights = {side: _sight(session, side, found[side], images, 0) for side in "ab"}
    wanted, removed = _wanted(session, data), _removed(session.target)

    def gain(place: int, side: str) -> float:
        before, after = sights[side].before[place], sights[side].after
        assert after is not None
        if wanted is not None:
            return float((after[place] == wanted).float().mean() - (before == wanted).float().mean())
        if removed is not None:
            return float(((before == removed) & (after[place] != removed)).float().mean())
        return _right(before, labels[place]) - _right(after[place], labels[place])

    aimed = session.target is not None
    return max(places, key=lambda place: gain(place, "a") - (0.0 if aimed else gain(place, "b")))


def _removed(target: Target | None) -> int | None:
    """The number of the class that is to be overlooked; None for any other target."""
    return target.number if target is not None and target.kind == "remove" else None


def legend(session: Session) -> tuple[Legend, ...]:
    """The classes with their colours."""
    data = datasets.get(catalogue.dataset(session))
    colours = ("#" + bytes(colour).hex() for colour in data.palette)
    return tuple(Legend(number, *pair) for number, pair in enumerate(zip(data.classes, colours, strict=True)))


def scene(session: SegmentationSession, found: Outcomes) -> tuple[Street, tuple[Look, Look]]:
    """The chosen held-out scene, and what both models see in it, clean and attacked."""
    return street(session), looks(session, found)


def looks(session: SegmentationSession, found: Outcomes) -> tuple[Look, Look]:
    """What both models see in the chosen held-out scene, clean and attacked."""
    data = datasets.get(catalogue.dataset(session))
    if pictures.missing(data.name):
        a, b = (unseen(session, side, found[side]) for side in "ab")
        return a, b
    place, _, images, _ = _shown(session, data)
    a, b = (_look(session, side, found[side], images, place) for side in "ab")
    return a, b


def _shown(session: SegmentationSession, data: Dataset) -> tuple[int, tuple[int, int], Tensor, Tensor]:
    """The place of the chosen scene, where that lies among how many that one leafs through, its image and labels."""
    leaves = _leaves(session, data)
    at = _at(leaves, telling(session))
    images, labels = _held_out(data, leaves[at] + 1)[0].batch(slice(leaves[at], leaves[at] + 1))
    return leaves[at], (at, len(leaves)), images, labels


def street(session: SegmentationSession) -> Street:
    """The chosen held-out scene, with its true classes and what the attacker wants."""
    data = datasets.get(catalogue.dataset(session))
    if absent := pictures.missing(data.name):
        return Street(0, 0, 0, missing=absent)
    place, (at, total), images, labels = _shown(session, data)
    wanted, named, marked = _wanted(session, data), "", None
    removed = _removed(session.target)
    if removed is not None and bool((gone := labels[0].eq(removed)).any()):
        named = f"with {PLURALS.get(data.classes[removed], data.classes[removed])}"
        marked = rendering.data_url(rendering.layer(labels[0], data.palette, gone))
    return Street(
        number=place + 1,
        place=at + 1,
        total=total,
        named=named,
        photo=rendering.data_url(rendering.picture(images[0])),
        truth=_layer(session, labels[0], data),
        wants=title(session.target, data.classes) or "any mistake",
        wanted=None if wanted is None else rendering.data_url(rendering.label_map(wanted, data.palette)),
        removed=marked,
    )


def unseen(session: Session, side: str, found: Outcome | None) -> Look:
    """What is known of one side without any scene to look at."""
    return Look(None, "", None, ("", ""), _pattern(session, side, found), _overlaps(session, side, found))


def _look(session: SegmentationSession, side: str, found: Outcome | None, images: Tensor, place: int) -> Look:
    """One model on a scene. What is drawn is remembered: a run tells of a pattern more often than that changes."""
    delta = found.mark if found else None
    checkpoint = catalogue.checkpoint(session, side)
    key = (checkpoint.sha256, session.data, place, session.show, session.only, delta)
    look = caches.looks.get_or_make(key, lambda: _drawn(session, side, found, images, place))
    return replace(look, pattern=_pattern(session, side, found), overlaps=_overlaps(session, side, found))


def _drawn(session: SegmentationSession, side: str, found: Outcome | None, images: Tensor, place: int) -> Look:
    """One model on a scene, without the numbers."""
    data, sight = datasets.get(catalogue.dataset(session)), _sight(session, side, found, images, place)
    before, after = sight.before[0], None if sight.after is None else sight.after[0]
    return Look(
        None if found is None else rendering.data_url(rendering.attacked(images[0], found.delta)),
        _layer(session, before, data),
        None if after is None else _layer(session, after, data, before),
        (told(before, data), "" if after is None else told(after, data)),
        pattern=None,
        overlaps=(),
    )


def _layer(session: SegmentationSession, labels: Tensor, data: Dataset, before: Tensor | None = None) -> str:
    """A label map as a layer: all classes or one, and on attacked ones all pixels or those that flipped."""
    shown = torch.ones_like(labels, dtype=torch.bool) if session.only is None else labels == session.only
    if session.show == "flips" and before is not None:
        shown &= labels != before
    return rendering.data_url(rendering.layer(labels, data.palette, shown))


def told(seen: Tensor, data: Dataset) -> str:
    """A label map in words, for those who do not see it: `47% road, 20% sky, 12% building`."""
    counts = torch.bincount(seen.flatten().long(), minlength=len(data.classes)).float() / seen.numel()
    most = counts.argsort(descending=True)[:4].tolist()
    return ", ".join(f"{100 * counts[number]:.0f}% {data.classes[number]}" for number in most if counts[number] > 0)


def _wanted(session: Session, data: Dataset) -> Tensor | None:
    """The label map (H,W) that the attacker wants to be seen, where it is the same for every scene."""
    number = scene_number(session.target)
    return None if number is None else _held_out(data, number)[0].labels[number - 1]


def _pattern(session: Session, side: str, found: Outcome | None) -> Pattern | None:
    """How much the pattern resembles the target scene; None without such a target, or without scenes to compare."""
    number = scene_number(session.target)
    if found is None or number is None or found.forming is not None:
        return None
    score, data = found.pattern, catalogue.dataset(session)
    if score is None and pictures.missing(data):
        return None
    if score is None:
        labels, classes = pictures.split(data, "test").labels, len(datasets.get(data).classes)
        scenes = caches.scenes.get_or_make(data, lambda: resemblance.Scenes(labels, classes))
        score = scenes.score(found.delta, number - 1)
    return Pattern(score.more_than, _standard(session, side), score.fraction, score.others)


def _standard(session: Session, side: str) -> str | None:
    """How many other scenes the standard model's stored pattern resembles less than the target, where it is known.

    None for the standard model itself.
    """
    models = [model for model in catalogue.fitting(type(session)) if model.group == session.data and not model.heap]
    if not models or not catalogue.checkpoint(session, side).heap:
        return None
    found, epsilon = catalogue.results(models[0]), catalogue.strength(session, models[0])
    measurement = found.find(session.attack, epsilon, session.target) if found else None
    return measurement.pattern.more_than if measurement and measurement.pattern else None


def _overlaps(session: Session, side: str, found: Outcome | None) -> tuple[tuple[float | None, float | None], ...]:
    """IoU of each class over all held-out scenes, clean and attacked."""
    results = catalogue.results(catalogue.checkpoint(session, side))
    count = len(catalogue.checkpoint(session, side).classes)
    before = (results.clean.overlaps if results else ()) or (None,) * count
    after = (found.report.overlaps if found and found.report else ()) or (None,) * count
    return tuple(zip(before, after, strict=True))


def _sight(session: Session, side: str, found: Outcome | None, images: Tensor, start: int) -> _Sight:
    """Predictions for these scenes; remembered unless the delta is still forming."""
    checkpoint = catalogue.checkpoint(session, side)
    model = catalogue.model(checkpoint)  # loaded outside: tensors made in inference mode could never be attacked

    def ask(delta: Tensor | None) -> Tensor:
        with torch.inference_mode():
            return model(images if delta is None else apply(images, delta)).argmax(1).byte()

    key = (checkpoint.sha256, session.data, start, len(images))
    before = caches.label_maps.get_or_make(key, lambda: ask(None))
    if found is None:
        return _Sight(before, None)
    if not found.finished:
        return _Sight(before, ask(found.delta))
    attacked = (*key, found.mark)
    return _Sight(before, caches.label_maps.get_or_make(attacked, lambda: ask(found.delta)))
