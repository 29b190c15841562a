"""Model folders: what goes in comes out, and every kind of damage is one sentence that names the file."""

import hashlib
import json
import re

import pytest
import torch
from safetensors.torch import load_file, save_file
from stored import CONFIG, IMAGES, network

from core import checkpoints, files
from core.evaluation import Rate, Report
from core.files import FileError
from core.models import create
from core.results import Measurement, Results, key


def test_a_saved_model_predicts_what_it_did(folder):
    model, expected = checkpoints.load(folder), network()
    assert torch.allclose(model(IMAGES), expected(IMAGES), atol=0.02)
    assert torch.equal(model(IMAGES).argmax(1), expected(IMAGES).argmax(1))
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    stored = load_file(folder / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {torch.float16, torch.int64}


def test_the_description_says_what_was_given_and_where_it_was_made(folder):
    found = checkpoints.read(folder)
    assert (found.name, found.architecture, found.data, found.classes) == ("standard", "resnet20/8", "tiny", (*"abcd",))
    assert found.sha256 == hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert found.config["format"] == 1
    assert found.config["versions"].keys() == {"python", "torch", "numpy", "hardware"}
    assert {path.name for path in folder.iterdir()} == {"config.json", "model.safetensors"}


def test_a_folder_without_weights_is_a_record(folder):
    assert checkpoints.read(folder).has_weights
    (folder / "model.safetensors").unlink()
    assert not checkpoints.read(folder).has_weights
    assert [found.name for found in checkpoints.find(folder.parent)] == [folder.name]


@pytest.mark.parametrize(
    ("name", "recipe", "title"),
    [
        ("standard", {}, "Standard"),
        ("mine", {"sigma": 0.0}, "mine"),
        ("x", {"sigma": 0.5, "heap": 64, "epsilon": 16 / 255}, "Shared, heap 64, ε 16/255, σ 0.5"),
        ("x", {"sigma": 1, "heap": 1, "epsilon": 8 / 255, "seed": 0}, "Adversarial, heap 1, ε 8/255, σ 1"),
        ("x", {"sigma": 1, "heap": 1, "epsilon": 8 / 255, "seed": 2}, "Adversarial, heap 1, ε 8/255, σ 1, seed 2"),
    ],
)
def test_titles_are_for_people(tmp_path, name, recipe, title):
    files.write_json(tmp_path / "config.json", {})
    assert checkpoints.Checkpoint(tmp_path / name, "", "", (), "", recipe).title == title


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


def pickled(folder):
    torch.save(network().state_dict(), folder / "model.safetensors")
    change(folder, sha256=files.sha256(folder / "model.safetensors"))


WEIGHTS_DAMAGE = {
    "missing": (lambda f: (f / "model.safetensors").unlink(), "is missing; the command in docs/training.md"),
    "truncated": (lambda f: overwrite(f, lambda b: b[:-50], sign=False), "the file was changed"),
    "one bit": (lambda f: overwrite(f, lambda b: b[:-1] + bytes([b[-1] ^ 1]), sign=False), "the file was changed"),
    "truncated and signed": (lambda f: overwrite(f, lambda b: b[:-50]), "no readable safetensors file"),
    "empty and signed": (lambda f: overwrite(f, b""), "no readable safetensors file"),
    "a huge head": (lambda f: overwrite(f, b"\xff" * 64), "no readable safetensors file"),
    "a pickle": (pickled, "no readable safetensors file"),
    "a tensor less": (lambda f: rewrite(f, lambda t: t.pop("mean")), "lacks the tensor 'mean'"),
    "a tensor more": (lambda f: rewrite(f, lambda t: t.update(extra=torch.ones(1))), "holds the tensor 'extra'"),
    "another shape": (
        lambda f: rewrite(f, lambda t: t.update(mean=torch.zeros(1, 1, 1))),
        r"'mean' has shape \(1, 1, 1\), and this architecture has \(3, 1, 1\)",
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
    "classes a number": (lambda f: change(f, classes=10), "classes must be of type list, and it is of type int"),
    "classes a word": (lambda f: change(f, classes="abcd"), "classes must be of type list, and it is of type str"),
    "recipe a list": (lambda f: change(f, recipe=[1]), "recipe must be of type dict, and it is of type list"),
    "a setting in words": (lambda f: change(f, recipe={"epsilon": "8"}), "epsilon of the recipe must be a number"),
}


@pytest.mark.parametrize(
    ("file", "damage", "says"),
    [("model.safetensors", *case) for case in WEIGHTS_DAMAGE.values()]
    + [("config.json", *case) for case in CONFIG_DAMAGE.values()],
    ids=[f"weights: {name}" for name in WEIGHTS_DAMAGE] + [f"config: {name}" for name in CONFIG_DAMAGE],
)
def test_damage_is_one_sentence_that_names_the_file(folder, file, damage, says):
    checkpoints.load(folder)
    damage(folder)
    with pytest.raises(FileError, match=says) as caught:
        checkpoints.load(folder)
    assert re.search(re.escape(str(folder / file)), str(caught.value))
    assert "\n" not in str(caught.value).strip()


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileError, match=r"nowhere.config\.json is missing"):
        checkpoints.load(tmp_path / "nowhere")


def test_find_lists_what_is_whole_from_standard_to_hardened(tmp_path):
    recipes = {"standard": {}, "s64": {"sigma": 0.5, "heap": 64}, "s1": {"sigma": 0.5, "heap": 1}, "broken": {}}
    for name, recipe in recipes.items():
        for data in ("tiny", "other"):
            checkpoints.save(tmp_path / data / name, network(), {**CONFIG, "data": data, "recipe": recipe})
    for data in ("tiny", "other"):
        (tmp_path / data / "broken" / "config.json").write_text("{")
    found = [(checkpoint.data, checkpoint.name) for checkpoint in checkpoints.find(tmp_path)]
    assert found == [(data, name) for data in ("other", "tiny") for name in ("standard", "s1", "s64")]
    assert checkpoints.find(tmp_path / "nowhere") == []


def test_find_sorts_models_of_one_heap_by_their_numbers(tmp_path):
    for name, epsilon, sigma, seed in [("a", 16, 0.5, 0), ("b", 4, 0.7, 0), ("c", 4, 0.5, 1), ("d", 4, 0.5, 0)]:
        recipe = {"sigma": sigma, "heap": 1, "epsilon": epsilon / 255, "seed": seed}
        checkpoints.save(tmp_path / name, network(), {**CONFIG, "recipe": recipe})
    assert [checkpoint.name for checkpoint in checkpoints.find(tmp_path)] == ["d", "c", "b", "a"]


def test_models_of_an_unusual_architecture_are_a_group_of_their_own(tmp_path):
    """The usual one is what most models with weights have; records without weights do not outvote them."""
    places = {"tiny/a": "resnet20/8", "tiny/b": "resnet20/8", **{f"wide/tiny/{name}": "resnet20/16" for name in "acd"}}
    for place, architecture in places.items():
        model = create(architecture, 4)
        checkpoints.save(tmp_path / place, model, {**CONFIG, "architecture": architecture, "data": "tiny"})
    (tmp_path / "wide/tiny/c/model.safetensors").unlink()
    (tmp_path / "wide/tiny/d/model.safetensors").unlink()
    found = checkpoints.find(tmp_path)
    assert [(c.group, c.name) for c in found] == [
        *(("tiny", name) for name in "ab"),
        *(("tiny|resnet20/16", name) for name in "acd"),
    ]
    assert [found[0].group_title, found[-1].group_title] == ["tiny", "tiny, resnet20/16"]
    assert checkpoints.read(tmp_path / "wide/tiny/a").group == "tiny", "one folder alone says nothing of others"


def test_hardened_models_trained_otherwise_than_most_say_so_and_share_no_front_with_them(tmp_path):
    usual = {"sigma": 0.5, "epsilon": 8 / 255, "epochs": 5, "start": "checkpoints/tiny/standard"}
    recipes = {
        "standard": {"epochs": 12},
        "a": {**usual, "heap": 1},
        "b": {**usual, "heap": 64, "seed": 3, "start": "elsewhere", "carry": False},
        "c": {**usual, "heap": 64, "epochs": 15},
        "d": {**usual, "heap": 64, "carry": True},
        "e": {**usual, "heap": 64, "start": None},
        "f": {**usual, "heap": 64, "learning_rate": 0.1},
    }
    for name, recipe in recipes.items():
        checkpoints.save(tmp_path / "tiny" / name, network(), {**CONFIG, "recipe": recipe})
    found = {checkpoint.name: checkpoint for checkpoint in checkpoints.find(tmp_path)}
    kinds = {name: checkpoint.kind for name, checkpoint in found.items()}
    assert kinds == {
        "standard": "standard",
        "a": "heap 1",
        "b": "heap 64",
        "c": "heap 64, 15 epochs",
        "d": "heap 64, carried deltas",
        "e": "heap 64, from scratch",
        "f": "heap 64, learning rate 0.1",
    }
    assert found["c"].title == "Shared, heap 64, 15 epochs, ε 8/255, σ 0.5"
    assert found["d"].title.count("carried deltas") == 1
    alone = checkpoints.read(tmp_path / "tiny" / "c")
    assert (alone.kind, alone.schedule) == ("heap 64", ""), "one folder alone says nothing of others"


def test_the_shipped_models_can_be_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setenv("PLAINSIGHT_CHECKPOINTS", str(tmp_path))
    assert checkpoints.default_root() == tmp_path
    monkeypatch.delenv("PLAINSIGHT_CHECKPOINTS")
    assert checkpoints.default_root().name == "checkpoints"


def test_weights_may_be_read_by_whoever_may_read_their_description(folder):
    modes = {path.name: path.stat().st_mode for path in folder.iterdir()}
    assert modes["model.safetensors"] == modes["config.json"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    files.write_tensors(tmp_path / "x", {"a": torch.ones(2)}, {})
    monkeypatch.setattr(checkpoints.os, "replace", lambda *paths: (_ for _ in ()).throw(OSError("disk full")))
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
    kept = (measurement(16), measurement(8), measurement(8, 3), measurement(8, attack="deepfool"))
    results = Results(Report(Rate(9, 10), Rate(0, 10)), kept, {"sha256": "abc"})
    results.save(tmp_path)
    assert Results.load(tmp_path) == results
    assert [found.epsilon for found in results.curve()] == [8, 16]
    assert results.find("spgd", 8, 3) == kept[2]
    assert results.find("spgd", 9) is None
    assert key("spgd", 16) == "spgd-e16"
    assert kept[2].key == "spgd-e8-t3"


CLEAN = Report(Rate(3, 4), Rate(0, 4)).to_json()


def test_which_images_are_right_survives_json(tmp_path):
    hits = (1.0, 0.0, 0.25, 0.123456)
    Results(Report.from_json(CLEAN), hits=hits).save(tmp_path)
    assert Results.load(tmp_path).hits == pytest.approx(hits, abs=1e-5)
    assert Results.load(tmp_path).hits[:2] == (1.0, 0.0)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"measurements": 3},
        {"measurements": []},
        {"measurements": [], "clean": []},
        {"measurements": [{}], "clean": {}},
        *({"measurements": [], "clean": CLEAN, "hits": hits} for hits in ("no base64", "AAAA", 3)),
    ],
)
def test_odd_results_are_named(tmp_path, content):
    files.write_json(tmp_path / "results.json", content)
    with pytest.raises(FileError, match=r"results\.json is no list of results"):
        Results.load(tmp_path)
