"""The logic behind the page, without Gradio."""

import base64
import copy
import html
import io
import json
import re
import shlex
import shutil
import threading
import time
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest
import shows
import torch
from PIL import Image
from safetensors.torch import load
from typer.testing import CliRunner

from app import figures, service
from app.markup import common, compare
from app.service import CompareSession, catalogue, live, pictures
from app.service.cache import Caches, LRUCache
from app.service.outcomes import precomputed
from app.service.runs import RunRegistry
from app.session import Session
from core import attacks, datasets, rendering
from core.__main__ import app as command_line
from core.attacks.spgd import SPGD
from core.attacks.targets import Target
from core.checkpoints import perturbations, store
from core.checkpoints.results import Results
from core.evaluation import perceptibility
from core.evaluation.report import Rate, evaluate
from core.threat import Budget


def content(url: str) -> bytes:
    return base64.b64decode(url.partition(",")[2])


def finish(session: Session) -> tuple[Session, list[service.Tick]]:
    running = shows.RUNS.enqueue(session)
    return running, list(shows.run(running))


def test_a_session_is_frozen_copyable_and_small(session: Session) -> None:
    assert copy.deepcopy(session) == session
    with pytest.raises(FrozenInstanceError):
        session.epsilon = 8  # type: ignore[misc]
    assert len(session.query()) < 200


def test_the_first_view_is_standard_against_shared_where_they_differ_most(monkeypatch: pytest.MonkeyPatch) -> None:
    right = {"standard": {4: 33, 8: 30, 16: 6, 32: 3}, "shared-s64-e16-w0.5": {4: 31, 8: 31, 16: 27, 32: 5}}
    stored = catalogue.results

    def fed(of: store.Checkpoint) -> Results | None:
        found = stored(of)
        if found is None or of.data != "signs":
            return found
        known = right[of.name]
        measured = (
            replace(m, report=replace(m.report, accuracy=Rate(known[m.epsilon], 36))) if m in found.curve() else m
            for m in found.measurements
        )
        return replace(found, measurements=tuple(measured))

    monkeypatch.setattr(catalogue, "results", fed)
    session, _ = service.opened({}, CompareSession)
    assert (session.data, session.a, session.b, session.epsilon) == ("signs", "standard", "shared-s64-e16-w0.5", 16)
    right |= {"standard": right["shared-s64-e16-w0.5"] | {4: 1}}
    assert service.opened({}, CompareSession)[0].epsilon == 4


def test_the_first_view_shows_a_usual_training_before_a_larger_heap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [model for model in catalogue.all_models() if model.group == "signs"]
    shared = next(model for model in found if model.heap == 64)
    odd = replace(shared, folder=shutil.copytree(shared.folder, tmp_path / "odd"), recipe=shared.recipe | {"heap": 256})
    monkeypatch.setattr(catalogue, "all_models", lambda: [*found, replace(odd, schedule="batch size 256")])
    assert catalogue.first(CompareSession).b == shared.name
    monkeypatch.setattr(catalogue, "all_models", lambda: [*found, odd])
    assert catalogue.first(CompareSession).b == "odd"
    plain = [replace(model, recipe=model.recipe | {"heap": 1}) if model.heap else model for model in found]
    monkeypatch.setattr(catalogue, "all_models", lambda: [*plain, replace(odd, schedule="batch size 256")])
    assert catalogue.first(CompareSession).b == "odd", "a shared training before an adversarial one"


def test_the_first_view_runs_no_attack(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("the precomputed view must not run an attack")

    for attack in attacks.registry().values():
        monkeypatch.setattr(attack, "stream", forbidden)
    page = shows.comparison(session)
    assert page.subject.n == 36
    assert page.a.measured is not None
    assert page.b.measured is not None
    assert page.a.measured.low <= page.a.measured.value <= page.a.measured.high
    assert page.a.visibility is not None
    assert len(page.strip.cells) == 10


@pytest.mark.parametrize(
    ("query", "field", "named"),
    [
        ({"epsilon": "16"}, ("epsilon", 16), ""),
        ({"target": "0", "epsilon": "16"}, ("target", Target("class", 0)), ""),
        ({"target": "stop"}, ("target", Target("class", 0)), ""),
        ({"epsilon": "17"}, None, "epsilon"),
        ({"epsilon": "-4"}, None, "epsilon"),
        ({"epsilon": "٤"}, None, "epsilon"),
        ({"epsilon": "9" * 5000}, None, "epsilon"),
        ({"a": "../../etc"}, None, "a"),
        ({"data": "nothing"}, None, "data"),
        ({"attack": "<script>"}, None, "attack"),
        ({"target": "99"}, None, "target"),
        ({"attack": "deepfool", "target": "1"}, ("target", None), "target"),
        ({"run": "someone-elses"}, ("run", ""), ""),
        ({"sheet": "100000"}, None, "sheet"),
        ({"unknown": "x"}, None, ""),
    ],
)
def test_addresses(session: Session, query: dict[str, str], field: tuple[str, object] | None, named: str) -> None:
    found, complaint = service.opened(query, CompareSession)
    if field:
        assert getattr(found, field[0]) == field[1]
    elif named:
        assert found == replace(session, equal="strength" if "epsilon" in query else "effect")
    assert (named in complaint) if named else not complaint
    assert complaint.count(".") <= 1


def test_a_session_survives_its_address(session: Session) -> None:
    from urllib.parse import parse_qsl

    changed = replace(session, epsilon=16, target=Target("class", 0), added="b", amplify=1, sheet=1, seed=7)
    assert service.opened(dict(parse_qsl(changed.query())), CompareSession) == (changed, "")


@pytest.mark.parametrize(
    "case",
    [{"epsilon": 6}, {"attack": "deepfool", "epsilon": 8}, {"target": 3}, {"data": "cifar10"}],
    ids=lambda case: "-".join(map(str, case.values())),
)
def test_what_is_not_computed_says_so_and_keeps_no_stale_number(session: Session, case: dict[str, object]) -> None:
    for name, value in case.items():
        session = service.changed(session, name, value)
    page = shows.comparison(session)
    assert page.a.measured is None
    assert page.a.pattern is None
    assert not page.a.files
    assert page.subject.n is None


def test_without_images_the_patterns_are_shown_alone(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "missing", lambda data: pictures.ABSENT)
    page = shows.comparison(session)
    for card, own in zip((page.a, page.b), page.large.alone, strict=True):
        found = precomputed(session)[card.letter.lower()]
        assert found
        assert own == rendering.data_url(rendering.perturbation(found.delta, 1.0)), "as strong as it is"
        assert f'src="{own}" alt="The pattern against {card.title}, on grey' in compare.stage(card, page.large, None)
    assert 'class="shot wide"' in compare.stage(page.a, replace(page.large, labels=""), None), "of scenes"
    nothing = replace(page.large, alone=(None, None))
    assert "<img" not in compare.stage(page.a, nothing, None)


def test_absent_images_leave_the_rest_and_the_log_alone_names_path_and_command(
    session: Session, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PLAINSIGHT_DATA", str(tmp_path))
    absent = service.changed(session, "data", "cifar10")
    page = shows.comparison(absent)
    assert page.strip.missing == page.large.missing == pictures.ABSENT
    with pytest.raises(FileNotFoundError) as refused:
        finish(absent)
    assert str(refused.value) == pictures.ABSENT
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1
    assert str(tmp_path) in told[0]
    assert told[0].endswith("get it with: plainsight data fetch cifar10")


def test_a_target_is_dropped_with_an_attack_that_cannot_aim(session: Session) -> None:
    aimed = service.changed(service.changed(session, "epsilon", 16), "target", 0)
    page = shows.comparison(aimed)
    assert page.a.target == "stop"
    assert page.a.measured is not None
    assert page.a.measured.n < 36
    assert service.changed(aimed, "attack", "deepfool").target is None


def test_a_run_forms_then_measures_and_is_kept(session: Session) -> None:
    chosen = replace(session, epsilon=6, steps=10, images=64)
    running, ticks = finish(chosen)
    assert ticks[-1].finished
    assert sum("Step" in tick.message for tick in ticks) == 20
    card = shows.card(running, "a")
    assert card.measured is not None
    assert card.measured.n == 36
    assert card.visibility is not None
    assert card.visibility.jod is not None
    assert card.visibility.jod.n == 8
    assert sum("how visible" in tick.message for tick in ticks) == 2 * 8
    assert "live in" in card.origin
    assert shows.card(chosen, "a").measured == card.measured  # found again by content, without the run


def test_a_run_shows_each_step(session: Session) -> None:
    running = shows.RUNS.enqueue(replace(session, steps=10, target=Target("class", 3)))
    seen = []
    for tick in shows.run(running):
        card = shows.card(running, "a")
        if card.forming and card.forming.state == "forming":
            seen.append((card.forming.step, card.pattern))
            assert len(card.forming.raw) == card.forming.step
        assert not (tick.finished and card.forming)
    assert len({pattern for _, pattern in seen}) >= 8


def test_stopping_keeps_the_pattern_and_claims_no_held_out_number(session: Session) -> None:
    running = shows.RUNS.enqueue(replace(session, steps=10))
    run = shows.run(running)
    for tick in run:
        if "Step 3" in tick.message:
            break
    run.close()
    assert "Stopped at step 3" in shows.stop(running)
    card = shows.card(running, "a")
    assert card.forming is not None
    assert (card.forming.state, card.measured) == ("stopped", None)
    assert card.pattern is not None
    assert "not measured" in card.origin
    assert shows.card(replace(running, run=""), "a").measured is not None  # the stored number is untouched


def test_a_step_that_ends_after_the_stop_changes_nothing(session: Session) -> None:
    running = shows.RUNS.enqueue(replace(session, steps=10))
    run = shows.run(running)
    next(tick for tick in run if "Step 3" in tick.message)
    shows.stop(running)
    before = shows.card(running, "a")
    assert before.forming is not None
    assert before.forming.state == "stopped"
    assert shows.RUNS.ended(running)
    for _ in range(4):
        next(run)
    after = shows.card(running, "a")
    assert (after.forming, after.pattern) == (before.forming, before.pattern)
    assert not shows.RUNS.ended(shows.RUNS.enqueue(running))


def test_stopping_waits_for_the_picture_that_is_on_its_way(session: Session) -> None:
    """Else that picture would come after the stopped view, and stay."""
    running, order = shows.RUNS.enqueue(replace(session, steps=10)), []

    def draw() -> None:
        with shows.RUNS.drawn(running):
            begun.set()
            while not shows.RUNS.ended(running):
                time.sleep(0.01)
            time.sleep(0.1)
            order.append("last picture")

    begun, drawing = threading.Event(), threading.Thread(target=draw)
    drawing.start()
    begun.wait()
    shows.stop(running)
    order.append("stopped view")
    drawing.join()
    assert order == ["last picture", "stopped view"]


def test_a_run_that_is_done_cannot_be_stopped(session: Session) -> None:
    running = shows.RUNS.enqueue(replace(session, steps=10, images=64))
    for _ in shows.run(running):
        pass
    assert shows.stop(running) == "It was done already."
    assert shows.card(running, "a").measured is not None


def test_a_page_whose_choices_were_forgotten_asks_to_be_reloaded() -> None:
    with pytest.raises(ValueError, match="reload it"):
        shows.comparison(service.changed(CompareSession(), "epsilon", 8))


def test_clean_pictures_have_clean_answers(session: Session) -> None:
    attacked, clean = (shows.strip(replace(session, added=added)).cells for added in ("a", "clean"))
    assert all(cell.a.after is not None and cell.b.after is not None for cell in attacked)
    assert all(cell.a.after is cell.b.after is None for cell in clean)
    assert [cell.a.before for cell in clean] == [cell.a.before for cell in attacked]


def test_a_rate_stands_on_a_curve_of_its_own_kind_only(session: Session) -> None:
    untargeted, aimed = (
        shows.card(session, "a"),
        shows.card(replace(session, epsilon=16, target=Target("class", 0)), "a"),
    )
    assert len(json.loads(figures.both(untargeted, untargeted))["data"]) == 6
    assert aimed.measured is not None
    assert aimed.curve.targeted is False
    assert len(json.loads(figures.both(aimed, aimed))["data"]) == 4
    other = shows.card(replace(session, attack="deepfool"), "a")
    assert other.curve.borrowed == "S-PGD"
    assert "lines: S-PGD" in figures.both(other, other)


def test_visibility_that_is_not_known_says_why(session: Session) -> None:
    unseen = replace(shows.card(session, "a"), visibility=None)
    assert "not measured for these patterns" in compare.visible(unseen, unseen)
    forming = replace(unseen, forming=service.Forming("forming", 1, 2, (), ()))
    assert "once the patterns are done" in compare.visible(unseen, forming)


def test_a_stop_while_the_pattern_is_judged_keeps_what_was_measured(session: Session) -> None:
    running = shows.RUNS.enqueue(replace(session, epsilon=14, steps=10, images=64))
    next(tick for tick in shows.run(running) if "how visible A is" in tick.message)
    shows.stop(running)
    assert shows.card(running, "a").measured is not None


def test_how_visible_a_stored_pattern_is_stands_with_its_interval(session: Session) -> None:
    card = shows.card(session, "a")
    checkpoint = catalogue.checkpoint(session, "a")
    stored = catalogue.results(checkpoint).find(session.attack, session.epsilon)
    assert card.visibility.jod == stored.jod
    text = compare.visible(card, card)
    assert f"● {stored.jod.value:.1f}</b> {stored.jod.in_words}" in text
    assert f"95% interval {stored.jod.low:.1f} to {stored.jod.high:.1f}" in text
    assert "24-inch Full HD display" in text


def test_without_its_library_jod_is_not_measured_and_the_command_is_told(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(perceptibility, "jod_available", lambda: False)
    running, ticks = finish(replace(session, epsilon=10, steps=10, images=64))
    assert ticks[-1].finished
    missing, stored = shows.card(running, "a"), shows.card(session, "a")
    assert "make env-jod installs what it takes" in compare.visible(missing, missing)
    assert "95% interval" in compare.visible(stored, stored), "what is stored is shown"


def test_two_people_do_not_see_each_other(session: Session) -> None:
    one, two = (shows.RUNS.enqueue(replace(session, steps=10, seed=seed)) for seed in (1, 2))
    first, second = shows.run(one), shows.run(two)
    for run, word in ((first, "Step 3"), (second, "Step 6")):
        next(tick for tick in run if word in tick.message)
    cards = [shows.card(person, "a") for person in (one, two)]
    assert [card.forming.step for card in cards if card.forming] == [3, 6]
    assert cards[0].pattern != cards[1].pattern
    shows.stop(one)
    assert shows.card(two, "a").forming.state == "forming"


def test_a_run_repeats_and_equals_the_engine(session: Session) -> None:
    """The delta of a run, stored in whole units of 1/255, and the report are those that `core` makes of the same."""
    chosen = replace(session, steps=10, images=64, epsilon=6, seed=3)
    (one, _), (two, _) = finish(chosen), finish(chosen)
    found = [service.outcomes(person, shows.RUNS)["a"] for person in (one, two)]
    torch.testing.assert_close(found[0].delta, found[1].delta, rtol=0, atol=0)
    checkpoint = catalogue.checkpoint(chosen, "a")
    model, data = store.load(checkpoint.folder), datasets.get("signs")
    attack = SPGD(Budget(6 / 255), steps=10, seed=3, batch_size=32)
    delta = perturbations.as_stored(attack.craft(model, data.split("train", 64)))
    torch.testing.assert_close(found[0].delta, delta, rtol=0, atol=0)
    assert 0 < float(delta.abs().max()) <= 6 / 255 + 1e-7
    engine = evaluate(model, data.split("test"), delta)
    for mine, its in ((found[0].report.accuracy, engine.accuracy), (found[0].report.fooling, engine.fooling)):
        assert mine.n == its.n == 36
        assert abs(mine.successes - its.successes) <= 1  # other mini-batches: logits differ in their last bits


def test_what_is_taken_home_is_the_pattern_without_loss(session: Session) -> None:
    card = shows.card(session, "a")
    files = {file.label: content(file.url) for file in card.files}
    pixels = np.asarray(Image.open(io.BytesIO(files["PNG"]))).astype(int) - 128
    stored = load(files["safetensors"])["delta"][0].permute(1, 2, 0).numpy().astype(int)
    np.testing.assert_array_equal(pixels, stored)
    assert 0 < abs(pixels).max() <= session.epsilon
    numbers = json.loads(content(shows.comparison(session).numbers.url))
    assert numbers["a"]["measured"]["n"] == 36
    assert not {"steps", "images", "seed"} & set(numbers["chosen"])  # of a live run; what is stored has its own
    made = numbers["a"]["made"]
    assert (made["live"], f"seed {made['seed']}" in card.origin, f"{made['steps']} steps" in card.origin) == (
        *(False, True),
        True,
    )


@pytest.mark.parametrize(
    ("tab", "choice"),
    [
        (CompareSession, {"epsilon": 8}),
        (CompareSession, {"epsilon": 16, "target": Target("class", 0)}),
        (CompareSession, {"epsilon": 16, "attack": "random-signs"}),
        (service.SegmentationSession, {"epsilon": 10, "target": Target("scene", 5)}),
        (service.SegmentationSession, {"epsilon": 10, "target": Target("remove", 8)}),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else value.tab,
)
def test_the_command_of_a_stored_card_repeats_its_number(
    tab: type[Session], choice: dict[str, object], models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(models)
    for side in "ab":
        session = replace(service.opened({"tab": tab.tab}, tab)[0], equal="strength", **choice)
        name = getattr(session, side)
        command = shows.card(session, side).command
        folder = f"checkpoints/{session.data}/{name}"
        assert command.startswith(f"plainsight evaluate {folder} --delta {folder}/perturbations.safetensors --key ")
        said = CliRunner().invoke(command_line, [*shlex.split(command)[1:], "--device", "cpu", "--json"])
        assert said.exit_code == 0, said.output
        found = service.outcomes(session)[side]
        told = json.loads(said.stdout)
        assert told["report"] == json.loads(json.dumps(found.report.to_json()))
        assert told["target"] == (session.target and session.target.to_json())


def test_the_command_of_a_live_card_crafts_and_measures_the_same(
    session: Session, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(models)
    running, _ = finish(replace(session, steps=10, images=64, epsilon=6, seed=4))
    command = shlex.split(shows.card(running, "a").command)
    assert command[:3] == ["plainsight", "attack", "checkpoints/signs/standard"]
    told = json.loads(CliRunner().invoke(command_line, [*command[1:], "--device", "cpu", "--json"]).stdout)
    found = service.outcomes(running, shows.RUNS)["a"].report.accuracy
    assert told["report"]["accuracy"]["n"] == found.n == 36
    assert abs(told["report"]["accuracy"]["successes"] - found.successes) <= 1  # other mini-batches of predictions


def test_a_pattern_that_a_search_found_says_so(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    real = catalogue.results

    def longer(of: store.Checkpoint) -> Results:
        found = real(of)
        made = (replace(m, steps=m.steps + 40) if m in found.curve() else m for m in found.measurements)
        assessment = replace(found.assessment, donors={"one": "1", "two": "2"})
        return replace(found, measurements=tuple(made), assessment=assessment)

    once = shows.card(replace(session, attack="random-signs"), "a")
    assert "search" not in once.origin + once.search
    monkeypatch.setattr(catalogue, "results", longer)
    card = shows.card(session, "a")
    steps = card.made["steps"]
    assert f"found by a search of {steps} steps on 32 training images" in card.origin
    assert card.search.endswith("also from patterns of other strengths and of 2 other models.")
    assert card.search in html.unescape(common.footer(card, card, service.numbers(session, card, card)))
    aimed = shows.card(replace(session, epsilon=16, target=Target("class", 0)), "a")
    assert "search" not in aimed.origin + aimed.search


def test_the_cache_is_bounded_and_drops_what_was_used_longest_ago() -> None:
    cache: LRUCache[int] = LRUCache(2)
    for key in "ab":
        cache.put(key, ord(key))
    cache.get("a")
    cache.put("c", 1)
    assert (len(cache), cache.get("b"), cache.get("a")) == (2, None, 97)


def test_all_caches_are_cleared_at_once() -> None:
    caches = Caches()
    bounded = [cache for cache in vars(caches).values() if isinstance(cache, LRUCache)]
    for cache in bounded:
        cache.put("a", 1)
    caches.clear()
    assert len(bounded) == 23
    assert [len(cache) for cache in bounded] == [0] * 23


def test_the_published_functions(session: Session) -> None:
    found = {(entry["data"], entry["model"]): entry["breaks_at"] for entry in service.list_models()}
    assert {data for data, _ in found} == {"signs", "cifar10", "streets"}
    assert found["signs", "standard"].keys() == {"epsilon", "level", "crafted_on", "seed"}
    assert found["cifar10", "standard"] is None
    numbers = service.compare_models(epsilon=16, target="stop")
    assert numbers["a"]["target"] == "stop"
    with pytest.raises(ValueError, match="Nothing is known here for the given epsilon; models are cifar10/standard"):
        service.compare_models(epsilon=3)


def test_the_run_uses_the_engine_attack(session: Session) -> None:
    from app.service.live import attack

    made = attack(replace(session, epsilon=10, steps=20, seed=5))
    assert isinstance(made, SPGD)
    assert (made.steps, made.seed, made.batch_size, made.budget.label) == (20, 5, 32, "10/255")


UNUSED = "Stored: {}. Yours: {}, about "


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({}, ("2 steps, 32 images, seed 0", "60 steps, 512 images, seed 0")),
        ({"steps": 2, "images": 32}, None),
        (
            {"steps": 2, "images": 32, "seed": 3},
            ("2 steps, 32 images, seed 0", "2 steps, 32 images, seed 3"),
        ),
        ({"attack": "random-signs"}, None),
        ({"attack": "random-signs", "seed": 3}, ("seed 0", "seed 3")),
        ({"attack": "deepfool", "epsilon": 16, "steps": 2}, None),
        ({"attack": "deepfool", "epsilon": 8}, None),  # not stored: the settings are the only ones
    ],
    ids=str,
)
def test_the_status_line_names_settings_that_what_is_shown_was_not_made_with(
    session: Session, choice: dict[str, object], words: tuple[str, str] | None
) -> None:
    said = service.status(replace(session, **choice), RunRegistry())
    assert said.startswith("A run takes" if words is None else UNUSED.format(*words))
    assert said.count("Stored") == bool(words)


def test_the_status_line_names_what_differs_between_the_sides_and_nothing_after_a_run(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = catalogue.results
    longer = {"standard": 140, "shared-s64-e16-w0.5": 1000}

    def fed(of: store.Checkpoint) -> Results:
        found = real(of)
        return replace(found, measurements=tuple(replace(m, steps=longer[of.name]) for m in found.measurements))

    running, _ = finish(replace(session, steps=10, images=64))
    assert service.status(running, shows.RUNS).startswith("A run takes")
    monkeypatch.setattr(catalogue, "results", fed)
    assert "Stored: 140 and 1,000 steps, 32 images, seed 0." in service.status(session, RunRegistry())


def test_the_time_of_a_run_covers_measuring(session: Session) -> None:
    registry = RunRegistry()
    registry.keep_pace(session, "step", 0.5)
    judged = live.estimate(session, registry) - 2 * 0.5 * session.steps
    assert judged == pytest.approx(2 * 2 * 36 * 0.5 / (3 * 32))
    registry.keep_pace(session, "measuring", 7.0)
    assert live.estimate(session, registry) == 2 * (0.5 * session.steps + 7)
    steps = [tick.message for tick in live.run(registry.enqueue(replace(session, steps=10)), registry)]
    assert re.fullmatch(r"Step 10 of 10, about (1[45]) s left\.", [one for one in steps if one.startswith("Step")][-1])


def test_the_pace_of_a_gpu_is_no_estimate_for_this_processor(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    known = catalogue.results
    assert live.estimate(session, RunRegistry()) > 0
    versions = {"versions": {"hardware": "NVIDIA H200"}}
    monkeypatch.setattr(catalogue, "results", lambda of: replace(known(of), about={**known(of).about, **versions}))
    assert live.estimate(session, RunRegistry()) is None
