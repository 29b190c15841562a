"""The pattern score of model folders: which perturbations are read, by which models, and when it is measured anew."""

from dataclasses import replace

import known
import pytest
from stored import CONFIG, network
from typer.testing import CliRunner

from core.__main__ import app
from core.attacks.targets import Target
from core.checkpoints import perturbations, store
from core.checkpoints.results import Measurement, Results
from core.checkpoints.store import ModelFolder
from core.evaluation.pattern_score import ALL
from core.evaluation.report import Rate, Report
from core.evaluation.segmentation import SceneRate
from core.robustness.result import Point, Robustness
from core.workflows import patterns
from core.workflows.patterns import breaking_patterns, judge_patterns, kind_of, readers_of

REPORT = Report(Rate(5, 10), Rate(4, 10), Rate(1, 8))


def fill(folder, shown, breaks=None, report=REPORT):
    """Store perturbations by (epsilon, target class), each the colour of the class that `shown` holds for it."""
    aimed = [Measurement("spgd", e, Target("class", number), 1, 0, 9, report) for e, number in shown]
    robustness = breaks and Robustness(0.75, 0.25, breaks, (Point(breaks, REPORT, 1, 1),), 9, 0)
    about = {"sha256": store.read(folder).sha256}
    deltas = {m.key: known.towards(shown[m.epsilon, m.target.number], m.epsilon / 255) for m in aimed}
    ModelFolder(folder).save(Results(REPORT, tuple(aimed), about, robustness), deltas)


def beside(folder, name, heap=0, **more):
    """A model that names the colours, in a folder beside another one."""
    recipe = {"sigma": 0.5, "heap": heap, "epsilon": 8} if heap else {}
    store.save(folder.parent / name, known.resnet(), {**CONFIG, "recipe": recipe, **more})
    return folder.parent / name


@pytest.fixture
def drawn(folder):
    """A model folder whose perturbations show the classes 1 and 2 at 8/255, but others than their targets at 24/255."""
    fill(folder, {(8, 1): 1, (8, 2): 2, (24, 1): 2, (24, 2): 1}, breaks=6.5)
    return folder


def score(folder):
    return Results.load(folder).pattern_score


def test_the_other_models_read_what_is_stored_and_the_model_itself_does_not(drawn):
    for name, heap in (("second", 0), ("shared-s1", 1), ("shared-s8", 8), ("shared-s64", 64)):
        beside(drawn, name, heap)
    (drawn / "model.safetensors").unlink()
    heard = []
    judge_patterns(ModelFolder(drawn), heard.append)
    found = score(drawn)
    assert heard == [f"Pattern score: {found}"]
    assert {kind: (rate.named, rate.n, rate.patterns) for kind, rate in found.own.items()} == {
        ALL: (24, 24, 2),
        "standard": (6, 6, 2),
        "heap 1": (6, 6, 2),
        "larger heaps": (12, 12, 2),
    }
    assert found.noise[ALL].value < 0.6
    assert found.epsilon == 8
    assert found.patterns == {
        f"spgd-e8-t{number}": perturbations.digest(known.towards(number, 8 / 255)) for number in (1, 2)
    }
    assert found.readers == {
        name: store.read(drawn.parent / name).sha256[:12] for name in ("second", "shared-s1", "shared-s64", "shared-s8")
    }


def test_a_pattern_that_shows_another_class_is_not_read_as_its_target(drawn):
    beside(drawn, "second")
    fill(drawn, {(8, 1): 2, (8, 2): 1, (8, 3): 3})
    judge_patterns(ModelFolder(drawn))
    assert score(drawn).own[ALL].value == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("breaks", "epsilon"),
    [(None, 24), (3.0, 8), (8.0, 8), (8.25, 16), (30.0, 24)],
    ids=["not searched", "weaker than all", "just as strong", "between", "stronger than all"],
)
def test_patterns_are_those_of_the_strength_that_breaks_the_model(folder, breaks, epsilon):
    fill(folder, {(e, number): number for e in (24, 8, 16) for number in (3, 1)}, breaks)
    assert [m.key for m in breaking_patterns(ModelFolder(folder))] == [f"spgd-e{epsilon}-t1", f"spgd-e{epsilon}-t3"]


def test_models_without_weights_and_with_other_classes_are_no_readers(drawn):
    (beside(drawn, "bare") / "model.safetensors").unlink()
    beside(drawn, "renamed", classes=list("abce"))
    beside(drawn, "elsewhere", data="other")
    assert readers_of(store.read(drawn)) == {}
    before = (drawn / "results.json").read_bytes()
    assert not judge_patterns(ModelFolder(drawn))
    assert (drawn / "results.json").read_bytes() == before
    beside(drawn, "second")
    assert list(readers_of(store.read(drawn))) == ["second"]


def test_it_is_measured_again_only_where_readers_or_patterns_changed(drawn, monkeypatch):
    made, real = [], patterns.score_patterns
    monkeypatch.setattr(patterns, "score_patterns", lambda *given: made.append(given) or real(*given))
    beside(drawn, "second")
    for change in (
        lambda: None,
        lambda: beside(drawn, "third"),
        lambda: store.save(drawn.parent / "third", network(1), CONFIG),
        lambda: fill(drawn, {(8, 1): 1, (8, 2): 3}),
    ):
        change()
        before = len(made)
        assert judge_patterns(ModelFolder(drawn))
        assert not judge_patterns(ModelFolder(drawn))
        assert len(made) == before + 1


def test_where_nothing_aims_at_a_class_nothing_is_done(folder):
    beside(folder, "second")
    judge_patterns(ModelFolder(folder))
    assert Results.load(folder) is None, "not measured at all"
    fill(folder, {})
    judge_patterns(ModelFolder(folder))
    assert score(folder) is None
    overlap = SceneRate(0.5, 0.4, 0.6, 9)
    fill(folder, {(8, 1): 1}, report=replace(REPORT, overlap=overlap))
    judge_patterns(ModelFolder(folder))
    assert score(folder) is None, "scenes"


@pytest.mark.parametrize(("heap", "kind"), [(0, "standard"), (1, "heap 1"), (2, "larger heaps"), (64, "larger heaps")])
def test_readers_are_of_three_kinds(folder, heap, kind):
    reader = store.read(beside(folder, "second", heap))
    assert kind_of(reader) == kind
    assert kind_of(replace(reader, config={"converted": {"file": "own.pt"}})) == "trained elsewhere"


def test_one_command_fills_all_models_of_a_folder(drawn):
    second = beside(drawn, "second")
    fill(second, {(8, 3): 3})
    ran = CliRunner().invoke(app, ["patterns", "--root", str(drawn.parent.parent), "--device", "cpu"])
    assert ran.exit_code == 0
    assert score(drawn).readers.keys() == {"second"}
    assert score(second).readers.keys() == {"standard"}
    assert "tiny/second: Pattern score: " in ran.output
    ran = CliRunner().invoke(app, ["patterns", "--root", str(drawn.parent.parent), "--device", "cpu"])
    assert ran.output == "0 pattern scores were measured, of 2 models.\n"
    ran = CliRunner().invoke(app, ["patterns", "--root", str(drawn.parent.parent), "--data", "none"])
    assert (ran.exit_code, ran.output) == (0, "0 pattern scores were measured, of 0 models.\n")
