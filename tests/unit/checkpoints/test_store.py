"""Model folders: what goes in comes out, and every kind of damage is one sentence that names the file."""

import copy
import hashlib
import json
import math
import re
import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from stored import CONFIG, IMAGES, network

from core import files
from core.attacks.targets import Target
from core.checkpoints import perturbations, store
from core.checkpoints.results import Measurement, Results, key
from core.checkpoints.store import ModelFolder
from core.datasets import Dataset, Split
from core.evaluation.report import Rate, Report
from core.evaluation.resemblance import Resemblance
from core.evaluation.segmentation import SceneRate
from core.files import FileError
from core.models.registry import create


def test_a_saved_model_predicts_what_it_did(folder):
    model, expected = store.load(folder), network()
    assert torch.allclose(model(IMAGES), expected(IMAGES), atol=0.02)
    assert torch.equal(model(IMAGES).argmax(1), expected(IMAGES).argmax(1))
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    stored = load_file(folder / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {torch.float16, torch.int64}


def test_the_description_says_what_was_given_and_where_it_was_made(folder):
    found = store.read(folder)
    assert (found.name, found.architecture, found.data, found.classes) == ("standard", "resnet8/8", "tiny", (*"abcd",))
    assert found.sha256 == hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert found.config["format"] == 1
    assert found.config["versions"].keys() == {"python", "torch", "numpy", "hardware"}
    assert {path.name for path in folder.iterdir()} == {"config.json", "model.safetensors"}


def test_a_folder_without_weights_is_a_record(folder):
    assert store.read(folder).has_weights
    (folder / "model.safetensors").unlink()
    assert not store.read(folder).has_weights
    assert [found.name for found in store.find(folder.parent)] == [folder.name]


@pytest.mark.parametrize(
    ("name", "recipe", "title"),
    [
        ("standard", {}, "Standard"),
        ("mine", {"sigma": 0.0}, "mine"),
        ("x", {"sigma": 0.5, "heap": 64, "epsilon": 16}, "Shared, heap 64, ε 16/255, σ 0.5"),
        ("x", {"sigma": 1, "heap": 1, "epsilon": 8, "seed": 0}, "Adversarial, heap 1, ε 8/255, σ 1"),
        ("standard-r1", {"seed": 1}, "Standard, seed 1"),
        ("x", {"sigma": 1, "heap": 1, "epsilon": 8, "seed": 2}, "Adversarial, heap 1, ε 8/255, σ 1, seed 2"),
    ],
)
def test_titles_are_for_people(tmp_path, name, recipe, title):
    files.write_json(tmp_path / "config.json", {})
    assert store.Checkpoint(tmp_path / name, "", "", (), "", recipe).title == title


# ---------------------------------------------------------------------------------------------------------------------
# Damage


def change(folder, **entries):
    path = folder / "config.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({name: value for name, value in {**content, **entries}.items() if value is not ...}))


def rewrite(folder, edit, sign=True):
    """Other tensors in the file; with `sign` the config names them, as one who forges a folder would."""
    path = folder / "model.safetensors"
    tensors = load_file(path)
    edit(tensors)
    save_file(tensors, path)
    if sign:
        change(folder, sha256=files.sha256(path))


def overwrite(folder, content, sign=True):
    path = folder / "model.safetensors"
    path.write_bytes(content(path.read_bytes()) if callable(content) else content)
    if sign:
        change(folder, sha256=files.sha256(path))


def infinite(folder):
    path = folder / "config.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 1, "seconds": 1e999'))


def pickled(folder):
    torch.save(network().state_dict(), folder / "model.safetensors")
    change(folder, sha256=files.sha256(folder / "model.safetensors"))


WEIGHTS_DAMAGE = {
    "missing": (lambda f: (f / "model.safetensors").unlink(), "is missing; the command in docs/results/training.csv"),
    "truncated": (lambda f: overwrite(f, lambda b: b[:-50], sign=False), "the file was changed"),
    "one bit": (lambda f: overwrite(f, lambda b: b[:-1] + bytes([b[-1] ^ 1]), sign=False), "the file was changed"),
    "truncated and signed": (lambda f: overwrite(f, lambda b: b[:-50]), "no readable safetensors file"),
    "empty and signed": (lambda f: overwrite(f, b""), "is an empty file"),
    "a huge head": (lambda f: overwrite(f, b"\xff" * 64), "no readable safetensors file"),
    "a pickle": (pickled, "no readable safetensors file"),
    "a tensor less": (lambda f: rewrite(f, lambda t: t.pop("mean")), "lacks the tensor 'mean'"),
    "a tensor more": (lambda f: rewrite(f, lambda t: t.update(extra=torch.ones(1))), "holds the tensor 'extra'"),
    "another shape": (
        lambda f: rewrite(f, lambda t: t.update(mean=torch.zeros(1, 1, 1))),
        r"'mean' has shape \(1, 1, 1\), and this architecture has \(3, 1, 1\)",
    ),
    "not a number": (
        lambda f: rewrite(f, lambda t: t.update({"network.1.bias": torch.full((8,), float("nan"))})),
        r"'network\.1\.bias' holds numbers that are not finite",
    ),
    "whole numbers": (
        lambda f: rewrite(f, lambda t: t.update({"network.1.bias": torch.ones(8, dtype=torch.int8)})),
        r"'network\.1\.bias' holds torch\.int8, and floats are needed",
    ),
    "a mean of bytes": (
        lambda f: rewrite(f, lambda t: t.update(mean=torch.full((3, 1, 1), 124.0))),
        "mean takes numbers from 0 to 1, .* divide by 255: 0.4863",
    ),
    "a std of nothing": (
        lambda f: rewrite(f, lambda t: t.update(std=torch.zeros(3, 1, 1))),
        "std takes numbers above 0",
    ),
    "fewer classes": (lambda f: change(f, classes=["a", "b"]), r"shape \(4, 32\), and this architecture has \(2, 32\)"),
}
CONFIG_DAMAGE = {
    "missing": (lambda f: (f / "config.json").unlink(), "is missing; a model folder holds"),
    "a folder": (lambda f: (f / "config.json").unlink() or (f / "config.json").mkdir(), "cannot be read"),
    "empty": (lambda f: (f / "config.json").write_text(""), "is not JSON"),
    "not text": (lambda f: (f / "config.json").write_bytes(b"\xff\xfe\x00"), "is not JSON"),
    "half": (lambda f: (f / "config.json").write_text('{"format": 1, '), "is not JSON"),
    "a list": (lambda f: (f / "config.json").write_text("[]"), "must hold a JSON object, and it holds a list"),
    "another program's": (lambda f: (f / "config.json").write_text("{}"), "lacks format, architecture, data"),
    "without sha256": (lambda f: change(f, sha256=...), "lacks sha256"),
    "another format": (lambda f: change(f, format=2), "has format 2, and this version reads format 1"),
    "unknown architecture": (lambda f: change(f, architecture="vgg"), "no architecture named 'vgg'"),
    "bad width": (lambda f: change(f, architecture="resnet20/9999"), "from 8 to 256, and '9999'"),
    "architecture a number": (
        lambda f: change(f, architecture=20),
        "architecture must be of type str, and it is of type int",
    ),
    "classes a number": (
        lambda f: change(f, classes=10),
        r"classes must be of type list\[str\], and it is of type int",
    ),
    "classes a word": (
        lambda f: change(f, classes="abcd"),
        r"classes must be of type list\[str\], and it is of type str",
    ),
    "classes numbers": (
        lambda f: change(f, classes=[1, 2, 3, 4]),
        r"classes must be of type list\[str\], and it is of",
    ),
    "a class twice": (lambda f: change(f, classes=list("abca")), "classes must be names, each of them once"),
    "a class without a name": (lambda f: change(f, classes=["a", "b", "c", ""]), "must be names, each of them once"),
    "no classes": (lambda f: change(f, classes=[]), "classes must be names, each of them once"),
    "an architecture timm has not": (lambda f: change(f, architecture="timm:nothing"), "no model named 'nothing'"),
    "not a number": (lambda f: change(f, seconds=float("nan")), "is not JSON: the number NaN is not finite"),
    "beyond floats": (lambda f: infinite(f), "is not JSON: the number 1e999 is not finite"),
    "a number too long": (lambda f: (f / "config.json").write_text("9" * 5000), "is not JSON"),
    "nested without end": (lambda f: (f / "config.json").write_text("[" * 100_000), "is not JSON"),
    "a size in words": (lambda f: change(f, size="32x32"), r"size must be of type list\[int\], and it is of type str"),
    "a history of words": (lambda f: change(f, history=["good"]), "history must be of type"),
    "versions a word": (lambda f: change(f, versions="2.11"), r"versions must be of type dict\[str, str\]"),
    "a setting that is true": (lambda f: change(f, recipe={"heap": True}), "heap of the recipe must be a number"),
    "recipe a list": (lambda f: change(f, recipe=[1]), "recipe must be of type dict, and it is of type list"),
    "a fraction": (
        lambda f: change(f, recipe={"epsilon": 8 / 255}),
        r"epsilon takes numbers from 0 to 255 \(n/255\), and 0.0313725 was given, which looks like a fraction",
    ),
    "a setting in words": (lambda f: change(f, recipe={"epsilon": "8"}), "epsilon of the recipe must be a number"),
}


@pytest.mark.parametrize(
    ("file", "damage", "says"),
    [("model.safetensors", *case) for case in WEIGHTS_DAMAGE.values()]
    + [("config.json", *case) for case in CONFIG_DAMAGE.values()],
    ids=[f"weights: {name}" for name in WEIGHTS_DAMAGE] + [f"config: {name}" for name in CONFIG_DAMAGE],
)
def test_damage_is_one_sentence_that_names_the_file(folder, file, damage, says):
    damage(folder)
    with pytest.raises(FileError, match=says) as caught:
        store.load(folder)
    assert re.search(re.escape(str(folder / file)), str(caught.value))
    assert "\n" not in str(caught.value).strip()


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileError, match=r"nowhere.config\.json is missing"):
        store.load(tmp_path / "nowhere")


def test_find_lists_what_is_whole_from_standard_to_trained(tmp_path):
    recipes = {"standard": {}, "s64": {"sigma": 0.5, "heap": 64}, "s1": {"sigma": 0.5, "heap": 1}, "broken": {}}
    for name, recipe in recipes.items():
        for data in ("tiny", "other"):
            store.save(tmp_path / data / name, network(), {**CONFIG, "data": data, "recipe": recipe})
    for data in ("tiny", "other"):
        (tmp_path / data / "broken" / "config.json").write_text("{")
    found = [(checkpoint.data, checkpoint.name) for checkpoint in store.find(tmp_path)]
    assert found == [(data, name) for data in ("other", "tiny") for name in ("standard", "s1", "s64")]
    assert store.find(tmp_path / "nowhere") == []


def test_models_of_further_folders_say_where_they_lie_and_join_the_same_groups(tmp_path):
    root, runs = tmp_path / "shipped", tmp_path / "deep" / "runs"
    for folder, name, architecture in ((root, "standard", "resnet8/8"), (root, "other", "resnet8/8")):
        store.save(folder / "tiny" / name, create(architecture, 4), {**CONFIG, "architecture": architecture})
    for name, architecture in (("standard", "resnet8/8"), ("wide", "resnet8/16")):
        config = {**CONFIG, "architecture": architecture, "data": CONFIG["data"]}
        store.save(runs / "tiny" / name, create(architecture, 4), config)
    found = store.find(root, others=[runs, runs / "tiny" / "wide", root])
    assert sorted((c.name, c.place, c.title, c.variant) for c in found) == [
        ("other", "", "other", ""),
        ("standard", "", "Standard", ""),
        ("standard@runs", "runs", "Standard (runs)", ""),
        ("wide@runs", "runs", "wide (runs)", "resnet8/16"),
    ]
    assert [c.name for c in store.find(root, others=[runs / "tiny" / "standard"])][-1] == "standard@runs"
    twice = store.find(root, others=[runs, tmp_path / "other" / "runs"])
    assert {c.place for c in twice} == {"", "deep/runs"}


def test_find_sorts_models_of_one_heap_by_their_numbers(tmp_path):
    for name, epsilon, sigma, seed in [("a", 16, 0.5, 0), ("b", 4, 0.7, 0), ("c", 4, 0.5, 1), ("d", 4, 0.5, 0)]:
        recipe = {"sigma": sigma, "heap": 1, "epsilon": epsilon, "seed": seed}
        store.save(tmp_path / name, network(), {**CONFIG, "recipe": recipe})
    assert [checkpoint.name for checkpoint in store.find(tmp_path)] == ["d", "c", "b", "a"]


def test_models_of_an_unusual_architecture_are_a_group_of_their_own(tmp_path):
    """The usual one is what most models with weights have; records without weights do not outvote them."""
    places = {"tiny/a": "resnet8/8", "tiny/b": "resnet8/8", **{f"wide/tiny/{name}": "resnet20/16" for name in "acd"}}
    for place, architecture in places.items():
        model = create(architecture, 4)
        store.save(tmp_path / place, model, {**CONFIG, "architecture": architecture, "data": "tiny"})
    (tmp_path / "wide/tiny/c/model.safetensors").unlink()
    (tmp_path / "wide/tiny/d/model.safetensors").unlink()
    found = store.find(tmp_path)
    assert [(c.group, c.name) for c in found] == [
        *(("tiny", name) for name in "ab"),
        *(("tiny|resnet20/16", name) for name in "acd"),
    ]
    assert [found[0].group_title, found[-1].group_title] == ["tiny", "tiny, resnet20/16"]
    assert store.read(tmp_path / "wide/tiny/a").group == "tiny", "one folder alone says nothing of others"


def test_models_trained_otherwise_than_most_say_so_and_share_no_front_with_them(tmp_path):
    usual = {"sigma": 0.5, "epsilon": 8, "epochs": 5, "start": "checkpoints/tiny/standard"}
    recipes = {
        "standard": {"epochs": 12},
        "a": {**usual, "heap": 1},
        "b": {**usual, "heap": 64, "seed": 3, "start": "elsewhere", "persist": False},
        "c": {**usual, "heap": 64, "epochs": 15},
        "d": {**usual, "heap": 64, "persist": True},
        "e": {**usual, "heap": 64, "start": None},
        "f": {**usual, "heap": 64, "learning_rate": 0.1},
        "g": {**usual, "heap": 64, "persist": True, "steps": 1, "step_spread": 2.0},
        "h": {**usual, "heap": 64, "persist": True, "steps": 1, "classwise": True, "learning_rate": 0.1},
    }
    for name, recipe in recipes.items():
        store.save(tmp_path / "tiny" / name, network(), {**CONFIG, "recipe": recipe})
    found = {checkpoint.name: checkpoint for checkpoint in store.find(tmp_path)}
    kinds = {name: checkpoint.kind for name, checkpoint in found.items()}
    assert kinds == {
        "standard": "standard",
        "a": "heap 1",
        "b": "heap 64",
        "c": "heap 64, 15 epochs",
        "d": "heap 64, persistent deltas",
        "e": "heap 64, from scratch",
        "f": "heap 64, learning rate 0.1",
        "g": "heap 64, persistent deltas, step sizes spread over 2 octaves",
        "h": "heap 64, class-wise deltas, persistent deltas",
    }
    assert found["c"].title == "Shared, heap 64, 15 epochs, ε 8/255, σ 0.5"
    assert found["d"].title.count("persistent deltas") == 1
    alone = store.read(tmp_path / "tiny" / "c")
    assert (alone.kind, alone.schedule) == ("heap 64", ""), "one folder alone says nothing of others"


def test_the_shipped_models_can_be_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setenv("PLAINSIGHT_CHECKPOINTS", str(tmp_path))
    assert store.default_root() == tmp_path
    monkeypatch.delenv("PLAINSIGHT_CHECKPOINTS")
    assert store.default_root().name == "checkpoints"


def test_weights_may_be_read_by_whoever_may_read_their_description(folder):
    modes = {path.name: path.stat().st_mode for path in folder.iterdir()}
    assert modes["model.safetensors"] == modes["config.json"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    files.write_tensors(tmp_path / "x", {"a": torch.ones(2)}, {})
    monkeypatch.setattr(store.os, "replace", lambda *paths: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        files.write_tensors(tmp_path / "x", {"a": torch.zeros(2)}, {})
    assert files.read_tensors(tmp_path / "x")["a"].tolist() == [1, 1]
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


# ---------------------------------------------------------------------------------------------------------------------
# Results


def measurement(epsilon, target=None, attack="spgd"):
    report = Report(Rate(5, 10), Rate(4, 10), None if target is None else Rate(1, 8))
    return Measurement(attack, epsilon, target, 20, 0, 96, report, 1.5)


def test_results_survive_the_file(tmp_path):
    assert Results.load(tmp_path) is None
    kept = (measurement(16), measurement(8), measurement(8, Target("class", 3)), measurement(8, attack="deepfool"))
    shown = Resemblance(fraction=0.31, others=0.12, rank=1, p=0.005, n=200)
    kept += (replace(measurement(10, Target("scene", 5)), pattern=shown), measurement(10, Target("remove", 8)))
    results = Results(Report(Rate(9, 10), Rate(0, 10)), kept, {"sha256": "abc"})
    results.save(tmp_path)
    assert Results.load(tmp_path) == results
    assert [found.epsilon for found in results.curve()] == [8, 16]
    assert [entry["target"] for entry in results.to_json()["measurements"]] == [
        None,
        None,
        3,
        None,
        "scene-5",
        "remove-8",
    ]
    assert results.find("spgd", 8, Target("class", 3)) == kept[2]
    assert results.find("spgd", 9) is None
    assert key("spgd", 16) == "spgd-e16"
    assert [m.key for m in (kept[2], *kept[4:])] == ["spgd-e8-t3", "spgd-e10-scene-5", "spgd-e10-remove-8"]


CLEAN = Report(Rate(3, 4), Rate(0, 4)).to_json()


def test_which_images_are_right_survives_json(tmp_path):
    hits = (1.0, 0.0, 0.25, 0.123456)
    Results(Report.from_json(CLEAN), hits=hits).save(tmp_path)
    assert Results.load(tmp_path).hits == pytest.approx(hits, abs=1e-5)
    assert Results.load(tmp_path).hits[:2] == (1.0, 0.0)


SCENES = {"value": 0.5, "interval": [0.4, 0.6], "n": 9}
POINT = {"epsilon": 4.0, "report": CLEAN, "tries": 1, "steps": 2}
ROBUSTNESS = {"level": 0.75, "tolerance": 0.25, "epsilon": 4.0, "crafted_on": 9, "seed": 0, "curve": [POINT]}
LEVEL = {"kind": "expected", "heap": 0, "loss": {"value": 1.0, "interval": [0.9, 1.1]}, "accuracy": {**SCENES}}
RISKS = {"epsilon": 8.0, "steps": 1, "restarts": 1, "seed": 0, "levels": [LEVEL]}
READINGS = {"all": {"named": 2, "n": 6, "patterns": 2, "value": 0.33333, "interval": [0.0546, 0.8037]}}
PATTERN_SCORE = {"own": READINGS, "noise": READINGS, "epsilon": 8, "contrasts": [0.25, 0.5]}
PATTERN_SCORE |= {"patterns": {"spgd-e8-t1": "12ab"}, "readers": {"standard": "34cd"}}
VISIBILITY = {"ssim": 0.9, "psnr": 30.0, "colour_difference": 1.0, "visible": 0.1, "n": 9}
WHOLE = {
    "about": {
        "sha256": "abc",
        "source": "drawn",
        "held_out": 4,
        "versions": {"torch": "2"},
    },
    "assessment": {"donors": {}, "replaced": 0},
    "clean": {**CLEAN, "overlap": SCENES, "overlaps": [0.5, None]},
    "measurements": [measurement(8, aim).to_json() for aim in (Target("scene", 2), Target("class", 1))],
    "robustness": ROBUSTNESS,
    "published": ROBUSTNESS | {"epsilon": 6.0},
    "risks": RISKS,
    "visibility": VISIBILITY,
    "pattern_score": PATTERN_SCORE,
}


def paths(content, before=()):
    """Where every value of nested JSON stands; of objects in a list, which are all read alike, the first."""
    alike = isinstance(content, list) and isinstance(content[0], dict)
    for name, value in content.items() if isinstance(content, dict) else enumerate(content[: 1 if alike else None]):
        yield (*before, name)
        if isinstance(value, dict | list):
            yield from paths(value, (*before, name))


def changed(path, value):
    content = copy.deepcopy(WHOLE)
    inner = content
    for name in path[:-1]:
        inner = inner[name]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return content


class TestDamagedResults:
    """Every value of a results.json replaced, or left out: it is read, or refused by name; nothing else is raised."""

    def test_the_undamaged_ones_are_read(self, tmp_path):
        files.write_json(tmp_path / "results.json", WHOLE)
        found = Results.load(tmp_path)
        assert found.robustness.breaking_epsilon == 4
        assert found.as_published().robustness.breaking_epsilon == 6
        assert found.as_published().measurements == ()
        assert found.to_json()["published"] == WHOLE["published"]
        assert found.risks.levels[0].accuracy.value == 0.5
        assert found.pattern_score.own["all"].value == pytest.approx(1 / 3)
        assert [m.target for m in found.measurements] == [Target("scene", 2), Target("class", 1)]

    @pytest.mark.parametrize("value", [..., None, "odd", -1, 1.5, True, [], [1], {}, {"a": 1}, [[]]], ids=repr)
    def test_what_is_read_is_whole(self, tmp_path, value):
        refused = 0
        for path in paths(WHOLE):
            (tmp_path / "results.json").write_text(json.dumps(changed(path, value)))
            try:
                found = Results.load(tmp_path)
            except FileError as error:
                assert "results.json is no list of results" in str(error)  # noqa: PT017
                refused += 1
                continue
            assert files.fits(found, Results)
            json.dumps(found.to_json(), allow_nan=False)
            assert found.still_right()
            assert found.robustness is None or found.breaks_between()
            assert found.published is None or found.as_published().breaks_between()
        assert refused > 40

    @pytest.mark.parametrize(
        ("path", "value", "odd"),
        [
            (("clean", "accuracy", "successes"), 5, "5 of 4"),
            (("clean", "accuracy", "successes"), "3", "'<=' not supported"),
            (("clean", "accuracy", "n"), True, "3 of True"),
            (("clean", "overlap", "value"), 1.5, "1.5 of 9 scenes"),
            (("clean", "overlaps"), ["a"], "clean holds"),
            (("measurements", 0, "attack"), 3, "measurements holds"),
            (("measurements", 0, "epsilon"), "8", "measurements holds"),
            (("measurements", 0, "target"), [1], r"not \[1\]"),
            (("measurements",), 3, "is missing or odd"),
            (("robustness", "curve"), [], "a curve or risks without a point"),
            (("published", "curve"), [], "a curve or risks without a point"),
            (("robustness", "curve", 0, "epsilon"), None, "robustness holds"),
            (("robustness", "level"), "high", "robustness holds"),
            (("risks", "levels"), [], "a curve or risks without a point"),
            (("risks", "levels", 0, "loss", "interval"), [1.0], "risks holds"),
            (("visibility", "ssim"), None, "visibility holds"),
            (("pattern_score", "own", "all", "named"), 7, "7 of 6 readings of 2 patterns"),
            (("pattern_score", "noise", "all"), ..., "of noise"),
            (("pattern_score", "readers", "standard"), 3, "pattern_score holds"),
            (("about",), [1], "about holds"),
            (("assessment", "donors"), 3, "assessment holds"),
            (("assessment", "donors", "standard"), 3, "assessment holds"),
            (("assessment", "replaced"), "5", "assessment holds"),
            (("assessment", "exchanged"), 5, "exchanged"),
            (("about", "versions"), {"hardware": 3}, "versions holds"),
            (("clean",), ..., "'clean' is missing"),
            (("clean", "fooling"), ..., "fooling"),
            *((("hits",), hits, "is missing or odd") for hits in ("no base64", "AAAA", 3)),
        ],
    )
    def test_damage_is_named(self, tmp_path, path, value, odd):
        files.write_json(tmp_path / "results.json", changed(path, value))
        with pytest.raises(FileError, match=rf"results\.json is no list of results: .*{odd}"):
            Results.load(tmp_path)

    @pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
    def test_numbers_that_are_not_finite_are_refused(self, tmp_path, text):
        whole = json.dumps(WHOLE).replace('"level": 0.75', f'"level": {text}')
        (tmp_path / "results.json").write_text(whole)
        with pytest.raises(FileError, match=rf"results\.json is not JSON: the number {text} is not finite"):
            Results.load(tmp_path)

    def test_truncated_ones_and_other_bytes(self, tmp_path):
        whole = json.dumps(WHOLE).encode()
        for content in (
            whole[:-1],
            whole[: len(whole) // 2],
            b"",
            b"\0" * 9,
            b"\xff\xfe",
            whole[:9] + b"\0" + whole[9:],
        ):
            (tmp_path / "results.json").write_bytes(content)
            with pytest.raises(FileError, match=r"results\.json is not JSON"):
                Results.load(tmp_path)

    def test_rates_of_nothing_are_strict_json(self, tmp_path):
        nothing = Report(Rate(0, 0), Rate(0, 0), SceneRate(float("nan"), 0.0, 1.0, 0))
        Results(nothing).save(tmp_path)
        assert '"value": null' in (tmp_path / "results.json").read_text()
        found = Results.load(tmp_path).clean
        assert (found.accuracy, found.target.n, math.isnan(found.target.value)) == (Rate(0, 0), 0, True)


SHAPE = [1, 3, 2, 2]


@pytest.mark.parametrize(
    "shapes",
    [
        None,
        "",
        "[",
        "[" * 100_000,
        "[]",
        "{}",
        *(json.dumps({"a": shape}) for shape in ([12], [3, 1, 2, 2], [1, 3, 2, 3], [1.0, 3, 2, 2], 3, None, "1322")),
        *(json.dumps({"a": shape}) for shape in ([1, -3, -2, 2], [1, 10**30, 2, 2], [1, 3, 2, "2"], [1, [3], 2, 2])),
    ],
)
def test_damaged_perturbations_are_refused(tmp_path, shapes):
    perturbations.save(tmp_path, {"a": torch.full(SHAPE, 8 / 255)})
    assert perturbations.load(tmp_path)["a"].shape == (1, 3, 2, 2)
    tensors = files.read_tensors(tmp_path / "perturbations.safetensors")
    files.write_tensors(tmp_path / "perturbations.safetensors", tensors, {} if shapes is None else {"shapes": shapes})
    with pytest.raises(FileError, match=r"perturbations\.safetensors holds no perturbations"):
        perturbations.load(tmp_path)


@pytest.mark.parametrize(
    "tensor", [torch.zeros(9), torch.zeros(9, dtype=torch.bfloat16), torch.tensor(3, dtype=torch.uint8)]
)
def test_packed_perturbations_of_other_types_are_refused(tmp_path, tensor):
    files.write_tensors(tmp_path / "perturbations.safetensors", {"a": tensor}, {"shapes": json.dumps({"a": SHAPE})})
    with pytest.raises(FileError, match=r"perturbations\.safetensors holds no perturbations"):
        perturbations.load(tmp_path)


@pytest.mark.parametrize("size", [0, 5, 20, -1])
def test_truncated_perturbations_are_refused(tmp_path, size):
    perturbations.save(tmp_path, {"a": torch.full(SHAPE, 8 / 255)})
    path = tmp_path / "perturbations.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(FileError, match=r"perturbations\.safetensors is (an empty file|no readable safetensors file)"):
        perturbations.load(tmp_path)


def test_a_folder_and_its_data_meet_in_one_place(folder, monkeypatch):
    def get(name):
        split = Split(torch.zeros(4, 3, 12, 12, dtype=torch.uint8), torch.arange(4))
        return Dataset(name, name, "classification", (*name,), (12, 12), "", lambda name, limit=None: split)

    monkeypatch.setattr(store.datasets, "get", get)
    checkpoint = replace(store.read(folder), data="abcd")
    assert checkpoint.dataset().split("test").labels.tolist() == [0, 1, 2, 3]
    assert checkpoint.dataset("dcba").split("test").labels.tolist() == [3, 2, 1, 0]
    with pytest.raises(
        ValueError, match=r"abce has other classes than .*standard: only .*standard has d; only abce has e"
    ):
        checkpoint.dataset("abce")


def test_a_title_does_not_need_the_data(folder):
    gone = replace(store.read(folder), data="folder:/nowhere/at/all")
    assert gone.group_title == "folder:/nowhere/at/all"


class TestModelFolder:
    RESULTS = Results(Report(Rate(3, 4), Rate(0, 4)))

    def measured(self, folder, **about):
        results = replace(self.RESULTS, about={"sha256": store.read(folder).sha256, **about})
        ModelFolder(folder).save(results, {"a": torch.full(SHAPE, 8.5 / 255)})
        return results

    def test_every_part_is_read_once(self, folder):
        self.measured(folder)
        whole = ModelFolder(folder)
        parts = [(whole.checkpoint, whole.model, whole.results, whole.deltas) for _ in range(2)]
        assert all(one is other for one, other in zip(*parts, strict=True))
        shutil.rmtree(folder)
        assert whole.checkpoint.name == "standard"
        assert whole.results is parts[0][2]

    def test_what_is_saved_is_handed_on_as_it_would_be_read_again(self, folder):
        results, whole = self.measured(folder), ModelFolder(folder)
        more = replace(results, hits=(1.0, 0.0))
        whole.save(more, {**whole.deltas, "b": torch.full(SHAPE, -3.7 / 255)})
        again = ModelFolder(folder)
        assert whole.results == again.results == more
        assert whole.deltas.keys() == again.deltas.keys() == {"a", "b"}
        assert all(torch.equal(whole.deltas[name], again.deltas[name]) for name in "ab")
        whole.save(results)
        assert ModelFolder(folder).deltas.keys() == {"a", "b"}, "deltas that are not given are kept"

    def test_results_of_other_weights_are_none(self, folder):
        self.measured(folder, sha256="0" * 64)
        assert Results.load(folder) is not None
        assert ModelFolder(folder).results is None

    def test_a_delta_that_cannot_be_stored_leaves_the_folder_as_it_was(self, folder):
        before, whole = self.measured(folder), ModelFolder(folder)
        with pytest.raises(ValueError, match="at most 127/255"):
            whole.save(replace(before, hits=(1.0,)), {"a": torch.full(SHAPE, 128 / 255)})
        again = ModelFolder(folder)
        assert again.results == before == whole.results
        assert again.deltas.keys() == whole.deltas.keys() == {"a"}

    def test_a_kill_between_deltas_and_results_leaves_no_measurement_without_its_delta(self, folder, monkeypatch):
        before, whole, aimed = self.measured(folder), ModelFolder(folder), measurement(8, Target("class", 1))

        def killed(self, folder):
            raise KeyboardInterrupt

        monkeypatch.setattr(Results, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            whole.save(replace(before, measurements=(aimed,)), {aimed.key: torch.zeros(SHAPE)})
        again = ModelFolder(folder)
        assert again.results == before
        assert again.deltas.keys() == {aimed.key}
