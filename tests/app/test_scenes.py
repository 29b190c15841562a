"""The logic behind scenes, on the Segmentation tab and in Compare, without Gradio."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
import shows
import torch
from PIL import Image

from app import service
from app.markup import common, compare, segmentation
from app.service import catalogue, pictures
from app.service import segmentation as segmentation_service
from app.service.cache import LRUCache, caches
from app.session import Session
from core import datasets
from core.attacks.targets import Target
from core.checkpoints.results import Results
from core.checkpoints.store import Checkpoint
from core.datasets import Split
from core.evaluation.segmentation import SceneRate


def pixels(url: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))))


def test_the_first_view_shows_a_scene_that_the_attacker_wants(scenes: Session) -> None:
    assert (scenes.data, scenes.a, scenes.b) == ("streets", "standard", "shared-s4-e10-w0.5")
    assert (scenes.target, scenes.epsilon) == (Target("scene", 5), 10)
    page = shows.scene_page(scenes)
    assert page.subject.n == 7
    assert page.subject.things == "scenes"
    for card, look in zip(page.cards, page.looks, strict=True):
        assert card.measured is not None
        assert card.measured.method == "bootstrap over scenes"
        assert card.overlap is not None
        assert look.pattern is not None
        assert look.pattern.more_than.endswith(" of 6")
        assert len(look.overlaps) == 11
    assert "scene 5 on" in common.headline(page.subject, *page.cards)
    a, b = (look.pattern for look in page.looks)
    assert a is not None
    assert b is not None
    assert (a.standard, b.standard) == (None, a.more_than)
    words = [segmentation.summary(*pair) for pair in zip(page.cards, page.looks, strict=True)]
    for card, look in zip(page.cards, page.looks, strict=True):
        assert card.visibility
        assert card.visibility.jod
        assert f"pattern ×{card.amplify} · " in segmentation.row(card, look, False)
        assert f"<b>{card.visibility.jod.value:.1f}</b> JOD [" in segmentation.row(card, look, False)
    assert f"Resembles the target more than <b>{a.more_than}</b> other scenes</p>" in words[0]
    assert f"<b>{b.more_than}</b> other scenes (standard: {a.more_than.split()[0]})</p>" in words[1]


def test_the_first_view_is_where_both_models_differ_most(monkeypatch: pytest.MonkeyPatch) -> None:
    real, success = catalogue.results, {3: (0.7, 0.6), 4: (0.9, 0.5)}

    def made(of: Checkpoint) -> Results:
        found = real(of)
        one = found.find("spgd", 10, Target("scene", 5))
        others = []
        for number, shares in success.items():
            shown = SceneRate(shares[of.name != "standard"], 0, 1, 7)
            others.append(
                replace(one, target=Target("scene", number), epsilon=20, report=replace(one.report, target=shown))
            )
        return replace(found, measurements=(*found.measurements, *others))

    monkeypatch.setattr(catalogue, "results", made)
    chosen = catalogue.first(service.SegmentationSession)
    assert (chosen.target, chosen.epsilon) == (Target("scene", 4), 20)


def test_maps_show_the_labels_in_the_colours_of_the_legend(scenes: Session) -> None:
    page = shows.scene_page(scenes)
    truth, held_out = pixels(page.street.truth), datasets.get("streets").split("test")
    for one in service.legend(scenes):
        here = (held_out.labels[0] == one.number).numpy()
        assert {"#" + bytes(colour).hex() for colour in truth[here][:, :3]} <= {one.colour}
    assert (truth[..., 3] == 0).sum() == int((held_out.labels[0] == 255).sum())
    assert np.array_equal(pixels(page.street.photo), held_out.images[0].permute(1, 2, 0).numpy())
    assert np.array_equal(pixels(page.street.wanted)[..., 0] > 0, (held_out.labels[4] != 255).numpy())


def test_one_class_alone_and_flipped_pixels_alone(scenes: Session) -> None:
    whole = shows.scene_page(scenes)
    told = whole.looks[0].told[1]
    most = next(one for one in service.legend(scenes) if told.endswith(one.name) or one.name in told)
    alone = pixels(shows.scene_page(replace(scenes, only=most.number)).looks[0].after)
    everything = pixels(whole.looks[0].after)
    wanted = [int(most.colour[at : at + 2], 16) for at in (1, 3, 5)]
    assert np.array_equal(alone[..., 3] > 0, (everything[..., :3] == wanted).all(-1))
    flips = pixels(shows.scene_page(replace(scenes, show="flips")).looks[0].after)
    before = pixels(whole.looks[0].before)
    assert np.array_equal(flips[..., 3] > 0, (before != everything).any(-1))


def test_another_scene_and_the_end_of_them(scenes: Session) -> None:
    first, second, beyond = (shows.scene(replace(scenes, scene=place))[0] for place in (0, 1, 99))
    assert (first.number, second.number, beyond.number) == (1, 2, 7)
    assert first.photo != second.photo


@pytest.mark.parametrize("target", ["scene-5", "remove-8", None])
def test_the_tab_opens_at_the_scene_where_the_pattern_of_a_gains_most(
    scenes: Session, target: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = replace(service.changed(scenes, "target", target), scene=None)
    labels = pictures.split("streets", "test").labels
    wanted, real = labels[4], segmentation_service._sight

    def fed(session: Session, side: str, found: object, images: torch.Tensor, start: int) -> object:
        if len(images) != 6:
            return real(session, side, found, images, start)
        before = labels[:6].clone()
        before[before == segmentation_service.IGNORE] = 0
        before[:, :2, :2] = 8
        after = before.clone()
        if side == "a":
            after[3] = {"scene-5": wanted, "remove-8": torch.full_like(wanted, 3)}.get(target, 1 + before[3] % 2)
        return segmentation_service._Sight(before, after)

    monkeypatch.setattr(segmentation_service, "_sight", fed)
    monkeypatch.setattr(segmentation_service, "_leaves", lambda session, data: range(7))
    assert shows.scene(chosen)[0].number == 4
    assert service.leafed(chosen, 1).scene == 4
    assert shows.scene(replace(chosen, scene=1))[0].number == 2


def test_a_class_is_removed_from_scenes_that_have_it_only(scenes: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    real = pictures.split

    def split(data: str, name: str, limit: int | None = None) -> Split:
        found = real(data, name, limit)
        labels = found.labels.clone()
        for place, have in enumerate([0, 1, 0, 0, 1, 1, 0][: len(labels)]):
            labels[place][labels[place] == 8] = 3
            labels[place, 5:9, 5:9] = 8 if have else 3
        return replace(found, labels=labels)

    monkeypatch.setattr(pictures, "split", split)
    monkeypatch.setattr(caches, "scenes_with", LRUCache(4))  # an earlier test has seen the scenes as they are
    chosen = replace(scenes, target=Target("remove", 8))
    shown = [shows.scene(replace(chosen, scene=place))[0] for place in range(7)]
    assert [street.number for street in shown] == [2, 2, 5, 5, 5, 6, 6], (
        "the next scene with a car, at the end the last"
    )
    assert [(street.place, street.total) for street in shown[1:6]] == [(1, 3), (2, 3), (2, 3), (2, 3), (3, 3)]
    assert 'title="Held-out scene 5">Scene 2 of 3 with cars<' in segmentation.position(shown[4])
    assert "to be seen: no car<" in segmentation.street(shown[4])
    marked = pixels(shown[4].removed)
    assert np.array_equal(np.argwhere(marked[..., 3] > 0).min(0), [5, 5])
    assert (marked[..., 3] > 0).sum() == 16
    assert shown[4].removed in segmentation.street(shown[4])
    places = []
    for by in (1, 1, 1, 1, -1, -1, -1, -1):
        chosen = service.leafed(chosen, by)
        places.append(chosen.scene)
    assert places == [4, 5, 5, 5, 4, 1, 1, 1]
    assert service.leafed(replace(scenes, scene=2), 1).scene == 3, "other targets leave all scenes"
    nowhere = replace(scenes, target=Target("remove", 10))
    monkeypatch.setattr(pictures, "split", lambda *asked: replace(real(*asked), labels=real(*asked).labels * 0))
    street = shows.scene(nowhere)[0]
    assert "Held-out scene 1 of 7" in segmentation.position(street)
    assert "not in this scene" in segmentation.street(street)


def test_the_attacker_wants_a_scene_or_any_mistake(scenes: Session) -> None:
    for target, words in ((Target("scene", 5), "attacker wants: scene 5<"), (None, "attacker wants: any mistake<")):
        street = shows.scene(replace(scenes, target=target))[0]
        assert words in segmentation.street(street)
        assert ("any mistake will do" in segmentation.street(street)) == (target is None)
        assert "Held-out scene 1 of 7<" in segmentation.position(street)


@pytest.mark.parametrize(
    ("standard", "trained", "told"), [((0.2, 0.4), (0.2, 0.5), True), ((0.2, 0.4), (0.3, 0.39), False)]
)
def test_the_page_says_where_training_does_not_help(
    scenes: Session,
    standard: tuple[float, float],
    trained: tuple[float, float],
    told: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, removed = catalogue.results, Target("remove", 8)

    def made(of: Checkpoint) -> Results:
        found = real(of)
        one = found.find("spgd", 10, removed)
        shares = zip((8, 10), standard if of.name == "standard" else trained, strict=True)
        gone = (
            replace(one, epsilon=epsilon, report=replace(one.report, vanished=SceneRate(share, 0, 1, 7)))
            for epsilon, share in shares
        )
        return replace(found, measurements=(*(m for m in found.measurements if m.target != removed), *gone))

    monkeypatch.setattr(catalogue, "results", made)
    chosen = replace(scenes, target=removed)
    numbers = "8/255: 20.0%, standard 20.0%; 10/255: 50.0%, standard 40.0%"
    for equal, words in (
        ("effect", '<span title="{}">Shared training does not help</span>: fooled at least as often.</h1>'),
        ("strength", '%</strong>: <span title="{}">shared training does not help</span>.</h1>'),
    ):
        page = shows.scene_page(replace(chosen, equal=equal))
        headline = common.headline(page.subject, *page.cards)
        assert page.cards[0].no_help is None
        assert (words.format(f"How often the attack succeeds at {numbers}") in headline) is told
        assert ("resists even" in headline) is not (told or equal == "strength"), "the worse model resists nothing"
    swapped = shows.scene_page(replace(chosen, a=chosen.b, b=chosen.a, equal="effect"))
    assert ("</span>.</h1>" in common.headline(swapped.subject, *swapped.cards)) is told
    untargeted = shows.scene_page(replace(scenes, target=None))
    assert "does not help" not in common.headline(untargeted.subject, *untargeted.cards)


def test_the_first_view_draws_only_the_scenes_that_it_shows(scenes: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, real = [], pictures.split

    def split(data: str, name: str, limit: int | None = None) -> Split:
        asked.append((name, limit))
        return real(data, name, limit)

    monkeypatch.setattr(pictures, "split", split)
    page = shows.scene_page(scenes)
    assert set(asked) == {("test", 6)}
    assert page.street.total == 7
    asked.clear()
    shows.scene(replace(scenes, scene=6))
    assert set(asked) == {("test", None), ("test", 6)}  # the target is among the first still


@pytest.mark.parametrize(
    ("target", "words"),
    [(None, "still right on"), ("scene-5", "shows scene 5 on"), ("remove-8", "overlooks")],
)
def test_each_target_has_its_own_sentence(scenes: Session, target: str | None, words: str) -> None:
    chosen = service.changed(scenes, "target", target)
    page = shows.scene_page(chosen)
    headline = common.headline(page.subject, *page.cards)
    assert words in headline
    for card in page.cards:
        assert card.measured is not None
        assert common.percent(card.measured.value) in headline
        assert ("Without any pattern" in segmentation.summary(card, page.looks[0])) == (target == "scene-5")


def test_targets_offered_are_measured_scenes_and_classes_to_remove(scenes: Session) -> None:
    offered = [value for _, value in service.menu(scenes).targets]
    assert offered[:3] == [None, "scene-5", "remove-8"]
    assert len(offered) == 2 + 11


def test_attacks_that_are_for_classifiers_are_not_offered(scenes: Session) -> None:
    assert "deepfool" not in [value for _, value in service.menu(scenes).attacks]
    assert service.opened({"tab": "segmentation", "attack": "deepfool"}, service.SegmentationSession)[1]


def test_a_run_on_scenes_forms_and_is_measured(scenes: Session) -> None:
    running = shows.RUNS.enqueue(replace(scenes, steps=10, images=64, epsilon=6))
    seen = set()
    for _ in shows.run(running):
        seen.add(shows.looks(shows.RUNS.current(running))[0].after)
    page = shows.scene_page(running)
    assert len(seen) > 5
    assert all(card.measured is not None and card.forming is None for card in page.cards)
    assert all(after is not None for _, after in page.looks[0].overlaps if _ is not None)


def test_absent_scenes_leave_the_numbers_and_the_patterns(scenes: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "missing", lambda data: "The scenes are not here; get them so.")
    page = shows.scene_page(scenes)
    assert page.street.missing in segmentation.street(page.street)
    for card, look in zip(page.cards, page.looks, strict=True):
        assert card.measured is not None
        assert look.pattern is not None
        assert look.overlaps[3][1] is not None
        made = segmentation.row(card, look, False)
        assert made.count("needs the scenes") == 3
        assert card.pattern in made


def test_compare_shows_scenes_too() -> None:
    session, complaint = service.opened({"data": "streets", "epsilon": "20"}, service.CompareSession)
    assert not complaint
    found = shows.comparison(session)
    cell = found.strip.cells[0]
    assert isinstance(cell, service.StripScene)
    assert 0 <= cell.a.right_after <= 1
    assert pixels(found.large.b.said.labels).shape == (192, 256, 3)
    assert "scene 1" in compare.strip(found.strip, 1)
    assert "% → " in compare.stage(found.b, found.large, found.large.b)
    assert "of pixels" in common.headline(found.subject, found.a, found.b)


def test_an_address_opens_its_own_tab_only(scenes: Session) -> None:
    chosen = replace(scenes, only=3, scene=2, show="flips", target=Target("remove", 8), epsilon=20)
    query = dict(pair.split("=") for pair in chosen.query().split("&"))
    assert service.opened(query, service.SegmentationSession) == (chosen, "")
    assert service.opened(query, service.CompareSession)[0].data == "signs"
    assert service.opened(query | {"target": "car"}, service.SegmentationSession)[1]


def test_every_text_of_a_scene_is_escaped(scenes: Session) -> None:
    page, evil = shows.scene_page(scenes), "<img src=x onerror=alert(1)>"
    card, look = replace(page.cards[0], title=evil, target=evil), replace(page.looks[0], told=(evil, evil))
    first, *rest = service.legend(scenes)
    legend = (replace(first, name=evil), *rest)
    street = replace(page.street, missing=evil)
    made = segmentation.row(card, look, False) + segmentation.summary(card, look) + segmentation.street(street)
    assert "<img src=x" not in made + segmentation.legend(legend, page.looks, None)


def test_a_scene_is_drawn_once_for_each_pattern(scenes: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    caches.clear()
    asked: list[str] = []
    sight = segmentation_service._sight
    monkeypatch.setattr(
        segmentation_service, "_sight", lambda session, side, *more: asked.append(side) or sight(session, side, *more)
    )
    found = service.outcomes(scenes)
    before = service.looks(scenes, found)
    assert service.looks(scenes, found) == before
    assert asked == ["a", "b"]
    moved = replace(found["a"], delta=-found["a"].delta)
    after = service.looks(scenes, {**found, "a": moved})
    assert asked == ["a", "b", "a"]
    assert after[0].picture != before[0].picture
    assert after[1] == before[1]
    assert service.looks(replace(scenes, only=3), found)[0].before != before[0].before
