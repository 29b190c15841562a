"""Weights from elsewhere as a model folder: nothing is lost, what does not fit is said, and no front takes them."""

import json
import re
from dataclasses import replace

import pytest
import torch
from stored import CONFIG, class_folders, network
from typer.testing import CliRunner

from core import datasets
from core.__main__ import app
from core.checkpoints import store
from core.evaluation.evaluator import Evaluator
from core.evaluation.report import compare
from core.models.registry import create
from core.reports import results_page
from core.workflows.convert import Converted, convert

ORIGIN = {"file": "own.pt", "sha256": "a" * 64, "weights_key": None}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return datasets.get(f"folder:{class_folders(tmp_path_factory.mktemp('images') / 'set', 4, 6)}")


@pytest.fixture
def model():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return create("resnet8/8", 2).eval()


def test_the_folder_is_one_that_every_command_takes(data, model, tmp_path):
    made = convert(model, data, "resnet8/8", tmp_path, "own", ORIGIN)
    assert made.checkpoint.folder == tmp_path / "folder" / "own"
    assert made.checkpoint.config["converted"] == ORIGIN
    stored, split = store.load(made.checkpoint.folder), made.checkpoint.dataset().split("test")
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(stored.state_dict()[name], tensor, rtol=1e-3, atol=1e-6)
    assert made.report == Evaluator(stored, split, 2)()
    assert made.report.accuracy.n == 12
    assert convert(model, data, "resnet8/8", tmp_path, "two", ORIGIN, held_out=5).report.accuracy.n == 5


def test_what_storing_changes_is_counted(data, model, tmp_path, monkeypatch):
    compact = store._compact
    turned = ((2, 32), (2,))  # weights and bias of the head
    monkeypatch.setattr(store, "_compact", lambda tensor: (-1) ** (tensor.shape in turned) * compact(tensor))
    report = convert(model, data, "resnet8/8", tmp_path, "own", ORIGIN).report
    assert report.fooling.value == 1


def test_numbers_beyond_fp16_keep_their_precision(data, model, tmp_path):
    name, variance = next((n, b) for n, b in model.named_buffers() if n.endswith("running_var"))
    variance.fill_(1e6)
    stored = store.load(convert(model, data, "resnet8/8", tmp_path, "own", ORIGIN).checkpoint.folder)
    assert (stored.state_dict()[name] == 1e6).all()


def test_what_does_not_fit_is_refused_before_anything_is_written(data, model, tmp_path):
    for name in ("", "a/b", "..", "-x"):
        with pytest.raises(ValueError, match="A model folder's name is made of letters"):
            convert(model, data, "resnet8/8", tmp_path, name, ORIGIN)
    more = replace(data, classes=(*data.classes, "grey"))
    with pytest.raises(ValueError, match=r"know classes that folder:\S+ does not have \(grey\), and a model folder"):
        convert(model, more, "resnet8/8", tmp_path, "own", ORIGIN)
    with pytest.raises(ValueError, match="At least 1 image"):
        convert(model, data, "resnet8/8", tmp_path, "own", ORIGIN, held_out=0)
    assert not list(tmp_path.iterdir())
    convert(model, data, "resnet8/8", tmp_path, "own", ORIGIN)
    with pytest.raises(ValueError, match=r"own holds a model already; give another name \(--name\)"):
        convert(model, data, "resnet8/8", tmp_path, "own", ORIGIN)


def test_without_the_images_the_folder_is_made_and_not_measured(data, model, tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "get", lambda name: data)
    made = convert(model, replace(data, missing="It is not here."), "resnet8/8", tmp_path, "own", ORIGIN)
    assert made.report is None
    assert not made.guesses
    assert made.checkpoint.has_weights


@pytest.mark.parametrize(("right", "guesses"), [(6, True), (9, True), (12, False)])
def test_a_model_no_better_than_guessing_is_said_to_be_so(right, guesses, data, model, tmp_path):
    """Of 12 images of two classes: the 95% interval of 9 begins at 0.468, that of 12 at 0.758."""
    labels = data.split("test").labels
    seen = torch.where(torch.arange(12) < right, labels, 1 - labels)
    checkpoint = store.save(tmp_path / "m", model, CONFIG | {"classes": ["a", "b"]})
    assert Converted(checkpoint, compare(labels, seen, seen)).guesses == guesses


def test_the_command_names_the_folder_and_what_it_is_worth(data, model, tmp_path):
    torch.save({"ema": {f"module.{n}": t for n, t in model.network.state_dict().items()}}, tmp_path / "their own.pt")
    words = ["convert", "--arch", "resnet8/8", "--weights", str(tmp_path / "their own.pt"), "--data", data.name]
    words += ["--mean", "0 0 0", "--std", "1 1 1", "--root", str(tmp_path / "runs"), "--device", "cpu"]
    refused = CliRunner().invoke(app, words)
    assert "'their own' was given" in str(refused.exception)
    nameless = CliRunner().invoke(app, [*words, "--name", ""])
    assert "and '' was given" in str(nameless.exception)
    done = CliRunner().invoke(app, [*words, "--name", "theirs"], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    folder = tmp_path / "runs" / "folder" / "theirs"
    assert str(folder) in done.stdout.replace("\n", "")
    right = Evaluator(store.load(folder), data.split("test"), 2)().accuracy
    assert re.search(
        rf"{right.value:.1%} right \(.* to .*; n = 12\); fp16 changed 0\.0% of the predictions", done.stdout
    )
    assert ("no better than guessing" in done.stderr) == (right.interval[0] <= 0.5)
    about = json.loads((folder / store.CONFIG).read_text())["converted"]
    assert about["file"] == "their own.pt"
    assert about["weights_key"] == "ema"
    bare = CliRunner().invoke(app, ["convert", "--arch", "resnet8/8", "--data", data.name])
    assert "Name the weights of one model: --weights, --arch and --data." in str(bare.exception)


def test_it_is_no_standard_model_and_has_no_recipe(tmp_path):
    config = CONFIG | {"data": "signs", "source": "here", "training_images": 1, "history": []}
    store.save(tmp_path / "signs" / "standard", network(), config)
    store.save(tmp_path / "signs" / "own" / "standard", network(1), {**CONFIG, "data": "signs", "converted": ORIGIN})
    damped = {"recipe": {"jacobian": 0.01, "epochs": 3}}
    for name in ("standard-jacobian0.01", "damped"):
        store.save(tmp_path / "signs" / name, network(2), config | damped)
    found = {one.folder.relative_to(tmp_path).as_posix(): (one.kind, one.short) for one in store.find(tmp_path)}
    assert found == {
        "signs/standard": ("standard", "Standard"),
        "signs/own/standard": ("trained elsewhere", "standard"),
        "signs/standard-jacobian0.01": ("Jacobian regularisation 0.01", "Standard, Jacobian regularisation 0.01"),
        "signs/damped": ("Jacobian regularisation 0.01", "damped"),
    }


def test_the_results_pages_do_without_its_training(tmp_path):
    store.save(tmp_path / "models" / "signs" / "own", network(), CONFIG | {"data": "signs", "converted": ORIGIN})
    results_page.write(tmp_path / "models", tmp_path / "docs")
    assert "own" not in (tmp_path / "docs" / "results" / "training.csv").read_text()
