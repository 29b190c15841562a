"""The talk as a document, the replay on Compare, and what both say where numbers are others or absent."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import tiny
import typer
from typer.testing import CliRunner

from app import service
from app.edition import handout, route, talk
from app.figures import still
from app.markup import replay as player
from app.markup import talk as markup
from app.service import CompareSession, Fraction, catalogue
from app.service.cache import caches
from core.checkpoints import replay as stored


@pytest.fixture
def recorded(models: Path) -> CompareSession:
    """The first view; how its patterns form is stored."""
    return service.first(CompareSession)


@pytest.fixture(scope="module")
def told(tiny_models: Path) -> service.Talk:
    """What the talk tells of the tiny models."""
    with pytest.MonkeyPatch.context() as patch:
        tiny.surround(patch, tiny_models)
        return service.talk()


def steps(told: service.Talk) -> list[markup.Step]:
    return markup.steps(told, still.tradeoff(told.tradeoff) if told.tradeoff else "")


def words_of(told: service.Talk, title: str) -> str:
    """The words and notes of one step, without tags."""
    step = next(step for step in steps(told) if title in step.title)
    return re.sub(r"<[^>]+>", "", f"{step.title} {step.pictures} {step.words} {step.notes}")


def test_every_step_has_a_picture_with_its_words_and_notes(told: service.Talk) -> None:
    found = steps(told)
    assert 8 <= len(found) <= 10
    assert len({step.title for step in found}) == len(found)
    for step in found:
        pictures = re.findall(r"<(?:img|svg|canvas)[^>]*>", step.pictures)
        assert pictures, step.title
        assert all('alt="' in one or 'aria-label="' in one or "aria-hidden" in one for one in pictures), step.title
        assert 40 <= len(step.notes.split()) <= 90, (step.title, len(step.notes.split()))
        assert len(re.findall("<(?:p|li)[> ]", step.words)) >= 2, step.title


def test_the_document_holds_all_it_needs(told: service.Talk) -> None:
    page = talk.page(steps(told), "index.html")
    assert not re.search(r'(?:src|href)="(?!data:|index\.html|#)', page)
    assert not re.search(r"url\((?!data:)", page)
    assert "fetch(" not in page
    assert page.count('<section class="step') == len(steps(told))
    assert 'data-leave href="index.html"' in page


def wrong(card: service.Card, fraction: float, **more: object) -> service.Card:
    assert card.measured is not None
    return replace(card, measured=Fraction(1 - fraction, 0.98 - fraction, 1.02 - fraction, 500), **more)


def test_the_words_follow_the_numbers(told: service.Talk) -> None:
    strong = replace(told, a=wrong(told.a, 0.61, epsilon=4, enough=True), b=wrong(told.b, 0.5, epsilon=30, enough=True))
    assert "61%" in words_of(strong, "The same picture")
    assert "Now this is what it takes" in {step.title for step in steps(strong)}
    assert "30/255" in words_of(strong, "Now this is")
    assert "it takes 30/255" in words_of(strong, "What it means")
    swapped = replace(strong, a=replace(strong.a, epsilon=30), b=replace(strong.b, epsilon=4))
    assert "What it takes now" in {step.title for step in steps(swapped)}
    assert "did not help" in words_of(swapped, "What it means")
    resists = replace(strong, b=replace(strong.b, enough=False))
    assert "resists even 30" in words_of(resists, "Now this is")
    assert "resists even 30/255" in words_of(resists, "What it means")


@pytest.mark.parametrize(
    ("low", "high", "says"), [(0.9, 1.1, "about as well"), (1.1, 1.4, "less well"), (0.6, 0.9, "better")]
)
def test_the_other_training_is_compared_as_its_interval_says(
    told: service.Talk, low: float, high: float, says: str
) -> None:
    alone = service.Alone(low, high, f"1.00 [{low}, {high}]", "97.0%")
    for title in ("What it costs", "What it means"):
        assert f"does {says}" in words_of(replace(told, alone=alone), title)
    assert "does" not in words_of(replace(told, alone=None), "What it costs").split("Nothing is free")[0]


def test_what_is_not_there_is_left_out(told: service.Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {step.title for step in steps(told)}
    absent = replace(told, scene=None, mosaic=None, heap=None, shows=None, tradeoff=None, alone=None, replay=None)
    assert len(steps(absent)) == 5
    assert "The street that is not there" in whole - {step.title for step in steps(absent)}
    monkeypatch.setattr(catalogue, "fitting", lambda kind: [])
    assert "There are no trained models under" in talk.document("gone")
    assert '<section class="step' not in talk.document("gone")


def test_a_document_is_made_once_and_again_when_a_model_has_changed(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    monkeypatch.setattr(talk, "steps", lambda: made.append(1) or [markup.Step("One", "", "", "")])
    caches.talks.clear()
    assert talk.document() == talk.document()
    assert len(made) == 1
    monkeypatch.setattr(catalogue, "stamps", lambda folder: (1,))
    talk.document()
    assert len(made) == 2
    caches.talks.clear()


@pytest.mark.parametrize("evil", ["<img src=x onerror=alert(1)>", '"><b>[x]'])
def test_every_text_is_escaped(told: service.Talk, evil: str) -> None:
    shot = replace(told.large.a, said=replace(told.large.a.said, before=evil, after=evil))
    large = replace(told.large, truth=evil, a=shot, b=shot)
    card = replace(told.a, noun=evil, title=evil)
    page = talk.page(steps(replace(told, large=large, a=card, data=evil)))
    assert evil not in page
    assert page.count("&lt;") > 5 or page.count("&quot;") > 5


def test_compare_offers_the_replay_of_what_it_shows_only(recorded: CompareSession) -> None:
    assert service.replayable(recorded)
    assert not service.replayable(replace(recorded, equal="strength", epsilon=32 if recorded.epsilon != 32 else 4))
    assert not service.replayable(service.changed(recorded, "target", 0))
    assert service.replay(replace(recorded, attack="random-signs")) is None


def test_the_player_holds_every_frame_and_what_was_measured(recorded: CompareSession) -> None:
    found = service.replay(recorded)
    assert found is not None
    kept = stored.load(catalogue.checkpoint(recorded, "a").folder)
    assert kept is not None
    assert found.a.wrong == tuple(1 - rate.value for rate in kept.accuracy)
    assert len(found.a.said) == len(found.a.steps) == tiny.FRAMES + 1
    page = player.player(found, close=True)
    assert page.count("<canvas") == 4
    assert f'max="{tiny.FRAMES}" value="{tiny.FRAMES}"' in page
    assert "data-close" not in player.player(found, "a")
    assert player.player(found, "a").count("<canvas") == 2


def test_a_replay_of_other_weights_or_sizes_is_not_shown(recorded: CompareSession) -> None:
    of = catalogue.checkpoint(recorded, "a")
    path = of.folder / stored.FILE
    before = path.read_bytes()
    found = stored.load(of.folder)
    assert found is not None
    try:
        stored.save(of.folder, replace(found, sha256="0" * 64))
        caches.replays.clear()
        assert not service.replayable(recorded)
        stored.save(of.folder, replace(found, deltas=found.deltas[..., :8]))
        caches.replays.clear()
        with pytest.raises(ValueError, match="the frames are 3x96x8, and the images are 3x96x96"):
            service.replayable(recorded)
    finally:
        path.write_bytes(before)
        caches.clear()


@pytest.mark.parametrize(
    ("browsers", "file", "words"),
    [((), "talk.pdf", "takes Chromium or Chrome"), (("sh",), "absent/talk.pdf", "is no folder")],
)
def test_a_handout_that_cannot_be_printed_gets_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, browsers: tuple[str, ...], file: str, words: str
) -> None:
    monkeypatch.setattr(handout, "BROWSERS", browsers)
    program = typer.Typer()
    program.command()(handout.main)
    result = CliRunner().invoke(program, [str(tmp_path / file)])
    assert result.exit_code == 2
    assert words in result.output
    assert "Traceback" not in result.output


def test_only_addresses_with_talk_are_the_talks() -> None:
    found = route.TalkRoute("/", lambda: None, methods=["GET"])
    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    answers = [found.matches({**scope, "query_string": query})[0].name for query in (b"talk=1", b"a=talk", b"")]
    assert answers == ["FULL", "NONE", "NONE"]
