"""Equal effect: each model is attacked with the smallest strength that suffices, and the headline says which."""

import json
import re
from base64 import b64decode
from dataclasses import replace

import pytest
import shows

from app import service
from app.markup import common
from app.service import CompareSession, catalogue, live
from app.session import Session
from core.attacks.targets import Target
from core.checkpoints import store
from core.checkpoints.results import Results
from core.evaluation.perceptibility import Jod
from core.evaluation.report import Rate

RIGHT = {"standard": {4: 20, 8: 18, 16: 9, 32: 1}, "shared-s64-e16-w0.5": {4: 36, 8: 35, 16: 30, 32: 19}}
"""How many of 36 images a model has right at each stored strength."""
SEEN = {4: 9.6, 8: 8.7, 16: 7.0, 32: 5.1}
"""The JOD at each of them."""


@pytest.fixture
def effect(monkeypatch: pytest.MonkeyPatch) -> Session:
    """The first view, on the results above."""
    stored = catalogue.results

    def fed(of: store.Checkpoint) -> Results | None:
        found = stored(of)
        if found is None or of.data != "signs":
            return found
        measured = []
        for m in found.measurements:
            if m in found.curve():
                report = replace(m.report, accuracy=Rate(RIGHT[of.name][m.epsilon], 36))
                seen = SEEN[m.epsilon]
                m = replace(m, report=report, jod=Jod(seen, seen - 0.1, seen + 0.1, 16))
            measured.append(m)
        return replace(found, measurements=tuple(measured))

    monkeypatch.setattr(catalogue, "results", fed)
    return service.opened({}, CompareSession)[0]


def plain(html: str) -> str:
    return re.sub("<[^>]*>", "", html)


def headline(session: Session) -> str:
    page = shows.comparison(session)
    return plain(common.headline(page.subject, page.a, page.b))


def test_each_model_is_attacked_with_the_smallest_strength_that_suffices(effect: Session) -> None:
    assert (effect.equal, effect.wrong) == ("effect", 50)
    a, b = shows.card(effect, "a"), shows.card(effect, "b")
    assert [(card.epsilon, card.enough) for card in (a, b)] == [(8, True), (32, False)]
    assert [card.measured and card.measured.value for card in (a, b)] == [18 / 36, 19 / 36]
    assert a.command.endswith("--key spgd-e8")
    assert b.command.endswith("--key spgd-e32")
    assert [card.files[0].name.rpartition("-")[2] for card in (a, b)] == ["e8.png", "e32.png"]
    most = shows.card(replace(effect, wrong=75), "a")
    assert (most.epsilon, most.enough) == (16, True)


def test_the_headline_says_what_it_takes_and_whether_one_sees_it(
    effect: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert headline(effect) == (
        "To make the standard model wrong on half of all images, 8/255 is enough: hard to see (JOD 8.7). "
        "The shared-trained model resists even 32/255, in plain sight (JOD 5.1)."
    )
    monkeypatch.setitem(RIGHT["shared-s64-e16-w0.5"], 32, 18)
    assert headline(effect).endswith("The shared-trained model takes 32/255: in plain sight (JOD 5.1).")
    assert headline(replace(effect, wrong=75)).startswith(
        "To make the standard model wrong on 75% of all images, 16/255 is enough: visible (JOD 7.0)."
    )
    swapped = headline(replace(effect, a=effect.b, b=effect.a, wrong=75))
    assert swapped.startswith(
        "Even 32/255, in plain sight (JOD 5.1), does not make the shared-trained model wrong on 75%"
    )
    assert "The standard model takes 16/255" in swapped


def test_success_is_what_the_target_wants(effect: Session) -> None:
    found = catalogue.results(catalogue.checkpoint(effect, "a"))
    assert found
    aimed = found.curve(target=Target("class", 0))
    (measured,) = aimed
    assert measured.report.success
    card = shows.card(replace(effect, target=Target("class", 0)), "a")
    assert card.epsilon == measured.epsilon == 16
    assert card.enough is (measured.report.gained >= 0.5)
    assert card.claim.goal.format("half") == "see “stop” in half of all images"


def test_where_nothing_is_stored_both_have_the_chosen_strength(effect: Session) -> None:
    unknown = replace(effect, target=Target("class", 3), epsilon=12)
    a, b = shows.card(unknown, "a"), shows.card(unknown, "b")
    assert [(card.epsilon, card.share, card.enough) for card in (a, b)] == [(12, None, None)] * 2
    assert "12/255" in headline(unknown)


def test_a_run_attacks_each_side_at_its_own_strength(effect: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    budgets, real = [], live.attack
    monkeypatch.setattr(live, "attack", lambda session: budgets.append(session.epsilon) or real(session))
    running = shows.RUNS.enqueue(replace(effect, steps=10, images=64))
    assert list(shows.run(running))[-1].finished
    assert budgets == [8, 32]
    assert [shows.card(running, side).epsilon for side in "ab"] == [8, 32]


def test_an_address_or_a_choice_of_a_strength_means_equal_strength(effect: Session) -> None:
    assert service.opened({"epsilon": "4"}, CompareSession)[0].equal == "strength"
    assert service.opened({"epsilon": "4", "equal": "effect"}, CompareSession)[0].equal == "effect"
    chosen = service.changed(effect, "epsilon", 4)
    assert (chosen.equal, chosen.epsilon) == ("strength", 4)
    assert service.opened({"equal": "nothing"}, CompareSession)[1].startswith("The address gives equal a value unknown")
    with pytest.raises(ValueError, match="wrong is one of 50, 75, and 60 was given"):
        service.changed(effect, "wrong", 60)


def test_the_numbers_name_the_effect_or_the_strength(effect: Session) -> None:
    for session, present, absent in (
        (effect, "wrong", "epsilon"),
        (service.changed(effect, "epsilon", 4), "epsilon", "wrong"),
    ):
        url = shows.comparison(session).numbers.url
        chosen = json.loads(b64decode(url.partition(",")[2]))["chosen"]
        assert present in chosen
        assert absent not in chosen
