"""The command line: it does what it says, and a mistake gets one sentence and no traceback."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from known import resnet
from PIL import Image
from stored import class_folders
from typer.testing import CliRunner

from core import datasets
from core.__main__ import app
from core.attacks.objectives import Untargeted
from core.attacks.spgd import PUBLISHED
from core.checkpoints import perturbations, store
from core.checkpoints.perturbations import BREAKING
from core.models.registry import create
from core.reports.training_page import training_records
from core.robustness.search import Search

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A tree of 2 classes, dark and bright, 16x16, 12 train and 6 test images each."""
    return class_folders(tmp_path_factory.mktemp("images"), 12, 6)


@pytest.fixture(scope="module")
def trained(images, tmp_path_factory):
    """A model folder made by the train command itself, with weights put in that tell bright from dark for certain."""
    root = tmp_path_factory.mktemp("runs")
    words = ["train", "--data", f"folder:{images}", "--arch", "resnet8/8", "--epochs", "4", "--batch-size", "8"]
    result = run(*words, "--root", str(root), "--device", "cpu", "--json")
    folder = Path(json.loads(result.stdout)["folder"])
    known = resnet(torch.tensor([[1.0, 1, 1], [-1, -1, -1]]))
    store.save(folder, known, store.read(folder).config)
    return folder


def run(*words):
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def test_without_a_terminal_every_epoch_is_a_line_of_the_log(images, tmp_path):
    words = ["train", "--data", f"folder:{images}", "--arch", "resnet8/8", "--epochs", "2", "--batch-size", "8"]
    log = run(*words, "--root", str(tmp_path), "--device", "cpu").stderr
    assert "epoch 1/2: loss" in log
    assert "epoch 2/2: loss" in log


def test_training_again_returns_the_finished_model(trained, images):
    before = store.read(trained).sha256
    words = ["train", "--data", f"folder:{images}", "--arch", "resnet8/8", "--epochs", "4", "--batch-size", "8"]
    run(*words, "--root", str(trained.parent.parent), "--device", "cpu")
    assert store.read(trained).sha256 == before


def test_a_loss_that_jumped_is_told_where_the_model_is_made(trained, images, tmp_path):
    words = ["train", "--data", f"folder:{images}", "--arch", "resnet8/8", "--epochs", "4", "--batch-size", "8"]
    words += ["--root", str(tmp_path), "--device", "cpu"]
    folder = shutil.copytree(trained, tmp_path / trained.parent.name / trained.name)
    config = json.loads((folder / store.CONFIG).read_text())
    for losses, told in (([0.9, 0.5, 0.6, 0.4], False), ([0.9, 0.5, 1.8, 0.4], True)):
        for epoch, loss in zip(config["history"], losses, strict=True):
            epoch["loss"] = loss
        (folder / store.CONFIG).write_text(json.dumps(config))
        said = "the loss jumped from 0.500 to 1.800 in epoch 3"
        heard = " ".join(run(*words).stderr.split())
        (record,) = training_records([store.read(folder)], tmp_path)
        assert (f"Warning: {said}; try another --seed or a lower --learning-rate." in heard) == told
        assert record["remark"] == (said if told else "")
        assert ("jumped" in heard) == told


def test_attack_saves_what_evaluate_reads(trained, tmp_path):
    words = ["attack", str(trained), "--epsilon", "8", "--steps", "3", "--images", "8", "--device", "cpu", "--json"]
    report = json.loads(run(*words, "--save", str(tmp_path)).stdout)
    delta = perturbations.read_delta(tmp_path / "delta.safetensors")
    assert delta.shape == (1, 3, 16, 16)
    assert delta.abs().max() * 255 <= 8.001
    again = run("evaluate", str(trained), "--delta", str(tmp_path / "delta.safetensors"), "--device", "cpu", "--json")
    assert json.loads(again.stdout)["report"]["accuracy"] == report["report"]["accuracy"]
    with Image.open(tmp_path / "delta.png") as picture:
        assert picture.size == (16, 16)


def test_evaluate_reads_the_perturbations_of_a_model_folder_and_tells_the_target_rate(trained, tmp_path):
    deltas = {f"spgd-e{units}-t1": torch.full((1, 3, 16, 16), units / 255) for units in (4, 8)}
    perturbations.save(tmp_path, deltas)
    words = ["evaluate", str(trained), "--delta", str(tmp_path / "perturbations.safetensors"), "--device", "cpu"]
    words += ["--key", "spgd-e8-t1", "--target", "dark"]
    told = json.loads(run(*words, "--json").stdout)
    assert (told["key"], told["largest"], told["report"]["target"]["n"]) == ("spgd-e8-t1", 8, 6)
    assert told["target"] == datasets.get(store.read(trained).data).index("dark")
    said = run(*words).stdout
    assert "under spgd-e8-t1 of" in " ".join(said.split())
    assert "target rate" in said


def test_a_target_is_given_by_name(trained):
    words = ["attack", str(trained), "--target", "dark", "--steps", "2", "--images", "8", "--device", "cpu", "--json"]
    report = json.loads(run(*words).stdout)
    assert report["target"] == datasets.get(store.read(trained).data).index("dark")
    assert report["report"]["target"]["n"] == 6


def test_models_lists_what_is_there(trained):
    listed = json.loads(run("models", "--root", str(trained.parent.parent), "--json").stdout)
    assert [Path(entry["folder"]) for entry in listed] == [trained]


def test_models_says_where_weights_were_left_out(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "signs" / "standard")
    assert "no weights" not in run("models", "--root", str(tmp_path)).stdout
    (tmp_path / "signs" / "standard" / "model.safetensors").unlink()
    assert "no weights" in " ".join(run("models", "--root", str(tmp_path)).stdout.split())


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["evaluate", "nowhere"], ["nowhere", "missing"]),
        (["train", "--data", "nothing"], ["nothing", "cifar10", "signs"]),
        (["train", "--sigma", "2"], ["sigma", "2.0"]),
        (["train", "--sigma", "0.5", "--heap", "500"], ["500", "128"]),
        (["train", "--images", "12", "--arch", "resnet99"], ["resnet99", "resnet20"]),
        (["attack", "MODEL", "--attack", "magic"], ["magic", "spgd"]),
        (["attack", "MODEL", "--epsilon", "300"], ["--epsilon", "300", "from 0 to 127"]),
        (["attack", "MODEL", "--epsilon", "2.5"], ["whole numbers", "2.5 was given"]),
        (["train", "--arch", "smp:PSPNet/resnet18", "--data", "signs"], ["PSPNet", "(classification) they must be"]),
        (["train", "--heap", "8"], ["--heap is for adversarial training", "--sigma 0.5"]),
        (["train", "--sigma", "0", "--epsilon", "8"], ["--epsilon is for adversarial training", "sigma is 0"]),
        (["train", "--persist"], ["--persist is for adversarial training"]),
        (["train", "--shrink", "0.5"], ["--shrink is for adversarial training"]),
        (["train", "--device", "abacus"], ["abacus", "cpu"]),
        (["attack", "MODEL", "--target", "cow"], ["cow", "dark"]),
        (["attack", "MODEL", "--attack", "deepfool", "--target", "dark"], ["DeepFool", "aim"]),
        (["attack", "MODEL", "--device", "abacus"], ["abacus", "cpu"]),
        (["attack", "MODEL", "--batch-size", "-1"], ["-1", "1 image"]),
        (["attack", "MODEL", "--attack", "checkerboard", "--batch-size", "8"], ["Checkerboard", "--batch-size"]),
        (["attack", "MODEL", "--images", "0"], ["0", "1"]),
        (["attack", "MODEL", "--steps", "0"], ["0 were given", "1 step"]),
        (["precompute", "MODEL", "--steps", "0"], ["0 were given", "1 step"]),
        (["evaluate", "MODEL", "--delta", "WEIGHTS"], ["no perturbation", "plainsight attack"]),
        (["evaluate", "MODEL", "--held-out", "3", "--delta", "SMALL"], ["shape", "16", "8"]),
        (["evaluate", "MODEL", "--data", "signs"], ["signs has other classes than", "has bright, dark; only signs"]),
        (["evaluate", "MODEL", "--key", "spgd-e8"], ["--key spgd-e8", "give --delta too"]),
        (["evaluate", "MODEL", "--delta", "SMALL", "--key", "spgd-e8"], ["'spgd-e8'", "it holds delta"]),
        (["evaluate", "MODEL", "--target", "cow"], ["cow", "dark"]),
        (["evaluate"], ["a folder, or --arch, --weights and --data"]),
        (["attack", "MODEL", "--weights", "WEIGHTS"], ["Name one model"]),
        (["attack", "MODEL", "--arch", "resnet20"], ["--arch belongs to --weights", "states its own"]),
        (["robustness", "--weights", "WEIGHTS"], ["needs --arch", "--data"]),
        (["robustness", "--weights", "WEIGHTS", "--arch", "timm:resnet51", "--data", "signs"], ["resnet51", "timm"]),
        (
            ["robustness", "--weights", "WEIGHTS", "--arch", "resnet8/8", "--data", "signs"],
            ["tells 2", "24 are needed"],
        ),
        (["robustness", "--weights", "nowhere.pt", "--arch", "resnet8/8", "--data", "signs"], ["no file", "nowhere"]),
        (["robustness", "MODEL", "--level", "2"], ["2.0 was given", "up to 1"]),
        (["robustness", "MODEL", "--published", "--target", "0"], ["leave out --target, --donors, --start"]),
        (["robustness", "MODEL", "--highest", "300"], ["--highest", "300", "from 0 to 255"]),
        (["risks", "MODEL", "--universal-steps", "1", "--heap", "8", "--heap", "64"], ["8, 64", "fall"]),
        (["risks", "MODEL", "--heap", "4", "--universal-steps", "1", "--steps", "0"], ["at least 1 step", "0"]),
    ],
)
def test_a_mistake_gets_one_sentence(words, names, trained, tmp_path, monkeypatch, capsys):
    (tmp_path / "small.safetensors").write_bytes(perturbations.delta_file(torch.zeros(1, 3, 8, 8), {}))
    places = {"MODEL": trained, "WEIGHTS": trained / "model.safetensors", "SMALL": tmp_path / "small.safetensors"}
    words = [str(places.get(word, word)) for word in words]
    monkeypatch.setattr(sys, "argv", ["core", *words])
    monkeypatch.chdir(tmp_path)
    from core.__main__ import main

    with pytest.raises(SystemExit) as stopped:
        main()
    said = capsys.readouterr().err
    assert stopped.value.code == 2
    assert all(name in said for name in names), said
    assert "Traceback" not in said
    assert said.count("Error:") == 1


def test_robustness_and_risks_of_a_model_folder(trained):
    words = ["--images", "12", "--steps", "3", "--batch-size", "4", "--device", "cpu"]
    found = json.loads(run("robustness", str(trained), *words, "--warm-steps", "2", "--level", "0.4", "--json").stdout)
    assert found["model"] == "standard"
    assert found["curve"][0]["epsilon"] == 0
    assert found["curve"][0]["report"]["accuracy"]["n"] == 12
    words = ["--images", "12", "--steps", "2", "--universal-steps", "2", "--heap", "4", "--device", "cpu"]
    levels = json.loads(run("risks", str(trained), *words, "--json").stdout)["levels"]
    assert [level["kind"] for level in levels] == ["expected", "universal", "heap", "adversarial"]
    assert "adversarial" in run("risks", str(trained), *words).stdout
    told = run("robustness", str(trained), "--images", "12", "--steps", "1", "--highest", "2", "--level", "1").stdout
    assert "no perturbation up to 2/255" in told


def test_a_certificate_stands_beside_what_an_attack_leaves(images, tmp_path):
    network = create("convnet/8", 2)
    for parameter in network.parameters():  # the margin grows with every pixel, so bright stays bright
        parameter.data.fill_(1e-3)
    network.network[-1].weight.data[0] *= -1
    config = {"architecture": "convnet/8", "data": f"folder:{images}", "classes": ["dark", "bright"], "recipe": {}}
    store.save(tmp_path / "plain", network, config)
    words = ["certify", str(tmp_path / "plain"), "--held-out", "12", "--heap", "4", "--images", "12", "--steps", "2"]
    found = json.loads(run(*words, "--epsilon", "1", "--epsilon", "2", "--json", "--device", "cpu").stdout)
    assert [one["epsilon"] for one in found["certificates"]] == [1, 2]
    for one in found["certificates"]:
        assert one["clean"]["n"] == one["attacked"]["n"] == 12
        assert len(one["lost"]) == 3
        assert one["each"]["value"] <= one["floor"]["value"] <= one["attacked"]["value"] <= one["clean"]["value"]
    assert "1/255" in run(*words, "--device", "cpu").stdout


def test_the_attack_as_published_is_that_of_its_authors(trained, monkeypatch):
    searches, call = [], Search.__call__

    def spy(self, evaluator, *data, **options):
        searches.append((self.fresh, self.attack, evaluator.objective))
        return call(self, evaluator, *data, **options)

    monkeypatch.setattr(Search, "__call__", spy)
    words = ["--images", "12", "--steps", "1", "--warm-steps", "1", "--highest", "2", "--device", "cpu"]
    run("robustness", str(trained), *words, "--published")
    run("robustness", str(trained), *words)
    assert searches == [(True, PUBLISHED, PUBLISHED.objective), (False, Search.attack, Untargeted())]


def test_what_broke_other_models_is_tried_where_they_are_named(trained, tmp_path, monkeypatch):
    model, size = store.read(trained), datasets.get(store.read(trained).data).split("test").images.shape[1:]
    for name, shape in (("fits", size), ("smaller", (3, 4, 4))):
        store.save(tmp_path / name, store.load(trained), model.config)
        perturbations.save(tmp_path / name, {BREAKING: torch.full((1, *shape), 4 / 255)})
    tried, call = [], Search.__call__

    def spy(self, *data, starts, **options):
        tried.append([tuple(start.shape[1:]) for start in starts])
        return call(self, *data, starts=starts, **options)

    monkeypatch.setattr(Search, "__call__", spy)
    words = ["robustness", str(trained), "--images", "12", "--steps", "1", "--warm-steps", "1", "--highest", "2"]
    run(*words, "--device", "cpu", "--donors", str(tmp_path))
    assert tried == [[tuple(size)]]
    with pytest.raises(ValueError, match=r"smaller holds no perturbation of 3 x 16 x 16 that broke a model; name a"):
        run(*words, "--device", "cpu", "--donors", str(tmp_path / "smaller"))


@pytest.mark.parametrize("command", ["evaluate", "attack", "robustness"])
def test_weights_from_elsewhere_are_taken_in_place_of_a_folder(command, trained, images, tmp_path):
    model = store.load(trained)
    torch.save({"state_dict": {f"module.{n}": t for n, t in model.network.state_dict().items()}}, tmp_path / "own.pt")
    channels = [" ".join(f"{value:.6f}" for value in part.flatten().tolist()) for part in (model.mean, model.std)]
    words = [command, "--arch", "resnet8/8", "--weights", str(tmp_path / "own.pt"), "--data", f"folder:{images}"]
    words += ["--mean", channels[0], "--std", channels[1], "--device", "cpu", "--json"]
    more = {"attack": ["--steps", "2"], "robustness": ["--steps", "2", "--warm-steps", "2"]}.get(command, [])
    found = json.loads(run(*words, *more).stdout)
    assert found["model"] == "own"
    if command == "evaluate":
        assert (
            found["report"] == json.loads(run("evaluate", str(trained), "--device", "cpu", "--json").stdout)["report"]
        )


@pytest.mark.slow
def test_it_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "core", "data", "list", "--json"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert {entry["name"] for entry in json.loads(done.stdout)} >= {"signs", "cifar10"}


def test_results_pages_come_from_the_json(tmp_path):
    folder = tmp_path / "checkpoints" / "signs" / "standard"
    config = {
        "architecture": "resnet8/8",
        "data": "signs",
        "classes": list(datasets.get("signs").classes),
        "source": "here",
        "training_images": 7,
        "recipe": {**_recipe(), "epochs": 3},
        "history": [{"epoch": 1, "loss": 2.0, "seconds": 60.0, "images_per_second": 9.0}],
        "seconds": 60.0,
        "finished": "2026-01-01",
    }
    store.save(folder, create("resnet8/8", len(config["classes"])), config)
    run("results", "--root", str(tmp_path / "checkpoints"), "--docs", str(tmp_path / "docs"))
    pages = tmp_path / "docs" / "results"
    text = (pages / "training.csv").read_text()
    assert "--epochs 3" in text
    assert store.read(folder).sha256[:16] in text
    assert "--epochs 3" in (pages / "all.md").read_text()
    assert {path.name for path in pages.glob("*.md")} == {"index.md", "all.md", "training.md"}


def _recipe():
    from dataclasses import asdict

    from core.training.recipe import Recipe

    return asdict(Recipe(data="signs"))
