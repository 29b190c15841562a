"""The large image of the Compare tab, the strip below it, and what both models say."""

import io
from base64 import b64decode
from dataclasses import replace

import numpy as np
import pytest
import shows
import torch
from PIL import Image

from app import service
from app.markup import compare
from app.service import catalogue, pictures
from app.session import Session
from core.attacks.targets import Target


def pixels(url: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(b64decode(url.partition(",")[2])))).astype(int)


def said(before: list[int], after: list[int]) -> pictures._Said:
    return pictures._Said(before, after)


@pytest.fixture
def fooled(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[int]]:
    """Which places the pattern of each side fools; all else is right. A test fills the sets."""
    places: dict[str, set[int]] = {"a": set(), "b": set()}

    def answers(session: Session, side: str, found: object, asked: list[int], images: object) -> pictures._Said:
        labels = [int(images.labels[place]) for place in asked]
        after = [
            (label + 1) % 24 if place in places[side] else label for place, label in zip(asked, labels, strict=True)
        ]
        return said(labels, after)

    monkeypatch.setattr(pictures, "_said", answers)
    return places


def large(session: Session) -> service.Large:
    return service.large(session, service.outcomes(session, shows.RUNS))


def test_both_states_differ_from_the_original_by_their_patterns_at_true_strength(session: Session) -> None:
    image = large(session)
    clean = pixels(image.picture)
    for side, shot in (("a", image.a), ("b", image.b)):
        found = service.outcomes(session)[side]
        delta = np.rint(255 * found.delta[0].permute(1, 2, 0).numpy()).astype(int)
        assert np.array_equal(pixels(shot.picture), (clean + delta).clip(0, 255))
        assert np.abs(delta).max() == session.epsilon


def test_the_first_large_image_fools_a_alone(session: Session, fooled: dict[str, set[int]]) -> None:
    fooled |= {"a": {2, 5, 8}, "b": {2, 8}}
    assert large(session).number == 6
    fooled |= {"a": {4, 13}, "b": {4}}
    assert large(session).number == 14
    fooled |= {"a": {4, 13}, "b": {4, 13}}
    assert large(session).number == 5
    fooled |= {"a": {0, 13}, "b": {0, 13}}
    assert large(session).number == 1
    fooled |= {"a": set()}
    assert large(session).number == 1


def test_a_run_leaves_the_large_image_in_its_place(session: Session, fooled: dict[str, set[int]]) -> None:
    fooled |= {"a": {5}, "b": set()}
    running = shows.RUNS.enqueue(replace(session, steps=10, images=64))
    next(tick for tick in shows.run(running) if tick.outcomes["b"])
    fooled |= {"a": {5}, "b": set()}
    assert large(running).number == large(session).number == 6
    shows.stop(running)
    missing = replace(session, epsilon=6)  # nothing is stored there: the first image, before and during a run
    assert large(missing).number == 1


def test_any_held_out_image_can_be_the_large_one(session: Session) -> None:
    assert [large(replace(session, large=place)).number for place in (0, 20, 35, 9999)] == [1, 21, 36, 36]
    with pytest.raises(ValueError, match="large is one of"):
        service.looked(session, "large", -1)
    assert service.opened({"large": "7"}, service.CompareSession)[0].large == 7


def test_the_strip_shows_only_those_that_the_added_pattern_fooled(
    session: Session, fooled: dict[str, set[int]]
) -> None:
    fooled |= {"a": set(range(1, 36, 2)), "b": {3}}
    chosen = replace(session, which="fooled")
    first = shows.strip(chosen)
    assert [cell.number for cell in first.cells] == list(range(2, 21, 2))
    second = shows.strip(replace(chosen, sheet=1))
    assert [cell.number for cell in second.cells] == list(range(22, 37, 2))
    assert (second.first, second.total) == (11, 18)
    assert [cell.number for cell in shows.strip(replace(chosen, sheet=50)).cells] == list(range(22, 37, 2))
    assert [cell.number for cell in shows.strip(replace(chosen, added="b")).cells] == [4]
    fooled["b"] = set()
    nothing = shows.strip(replace(chosen, added="b"))
    assert "fooled its model on none" in compare.strip(nothing, 1)
    assert len(shows.strip(replace(chosen, added="clean")).cells) == 10


def test_under_an_image_stands_the_answer_to_what_is_shown(session: Session, fooled: dict[str, set[int]]) -> None:
    fooled |= {"a": {0}, "b": {0}}
    for added, here, gone in (("a", "●", "▲"), ("b", "▲", "●")):
        made = compare.strip(shows.strip(replace(session, added=added)), 1)
        assert here in made
        assert gone not in made
    clean = shows.strip(replace(session, added="clean"))
    assert clean.shown is None
    missing = replace(session, epsilon=6)  # no pattern is stored there
    assert shows.strip(missing).shown is None
    assert "●" in compare.strip(clean, 1)
    assert "▲" in compare.strip(clean, 1)


def test_a_target_has_a_picture_of_its_class(session: Session) -> None:
    assert service.wanted(session) is None
    aimed = replace(session, target=Target("class", 3))
    images = pictures.split("signs", "test")
    place = images.labels.tolist().index(3)
    assert np.array_equal(pixels(service.wanted(aimed)), images.images[place].permute(1, 2, 0).numpy())


def test_patterns_are_amplified_as_far_as_full_scale_allows(session: Session) -> None:
    card = shows.card(session, "a")
    drawn = pixels(card.pattern)
    assert card.amplify == 127 // session.epsilon
    assert drawn.min() >= 1
    assert drawn.max() == 128 + card.amplify * session.epsilon <= 255
    assert shows.card(replace(session, amplify=1), "a").amplify == 1


def test_what_is_not_computed_asks_the_page_for_a_run_and_nothing_else_does(session: Session) -> None:
    for epsilon, asks in ((8, False), (6, True)):
        page = shows.comparison(replace(session, epsilon=epsilon))
        assert ("data-missing" in compare.stage(page.a, page.large, page.large.a)) is asks
    forming = replace(page.a, forming=service.Forming("stopped", 1, 2, (0.5,), (0.5,)))
    assert "data-missing" not in compare.stage(forming, page.large, page.large.a)


def test_a_slider_finds_every_stored_strength(session: Session) -> None:
    assert service.strengths(session) == [4, 8, 16, 32]
    stored = catalogue.results(catalogue.checkpoint(session, "a")).curve()
    assert [m.epsilon for m in stored] == [4, 8, 16, 32]


def test_the_answers_are_those_of_the_model(session: Session) -> None:
    image = large(replace(session, large=4))
    held_out = pictures.split("signs", "test")
    one = held_out.batch(slice(4, 5))[0]
    for side, shot in (("a", image.a), ("b", image.b)):
        checkpoint = catalogue.checkpoint(session, side)
        with torch.inference_mode():
            answer = catalogue.model(checkpoint)(one).argmax(1).item()
        assert shot.said.before == checkpoint.classes[answer]
