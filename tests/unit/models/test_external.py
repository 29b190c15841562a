"""Weights that were trained elsewhere: the forms they come in, and what is said of those that do not fit."""

import argparse
import json
import pathlib
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from stored import CONFIG, network
from torch import nn

from core import datasets
from core.checkpoints import store
from core.checkpoints.results import Results
from core.cli.model_options import load_victim
from core.datasets import Dataset, Split
from core.evaluation.report import Rate, Report
from core.files import FileError
from core.models import external
from core.models.registry import create
from core.training.recipe import Recipe
from core.workflows import train_model
from core.workflows.assess import assess
from core.workflows.precompute import precompute
from core.workflows.protocol import AttackSuite

GREY = (0.5, 0.5, 0.5)


@pytest.fixture
def model():
    torch.manual_seed(0)
    made = create("resnet8/8", 4, GREY, GREY).eval()
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
    return made


def same(one, two):
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    return torch.allclose(one(images), two(images))


PREFIXES = ["", "module.", "model.", "_orig_mod.", "_orig_mod.module.", "module.model.", "a.module._orig_mod.network."]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
def test_whatever_a_wrapper_put_before_the_names(model, tmp_path, prefix, suffix):
    state = {prefix + name: tensor for name, tensor in model.network.state_dict().items()}
    path = tmp_path / f"own.{suffix}"
    save_file(state, path) if suffix == "safetensors" else torch.save(state, path)
    found = external.load("resnet8/8", path, 4, GREY, GREY)
    assert same(found, model)
    assert not found.training
    assert not any(parameter.requires_grad for parameter in found.parameters())


def test_our_own_file_behind_a_wrapper(model, tmp_path):
    torch.save({f"module.{name}": tensor for name, tensor in model.state_dict().items()}, tmp_path / "own.pt")
    assert same(external.load("resnet8/8", tmp_path / "own.pt", 4), model)


OTHER = {"0.weight": torch.full((8, 3, 3, 3), 9.0)}
"""Weights that fit nothing, so that a set which was taken by mistake is noticed."""


def averaged(state):
    """As torch.optim.swa_utils.AveragedModel has it, and with it the reference training of torchvision."""
    return {"n_averaged": torch.tensor(7), **{f"module.{name}": tensor for name, tensor in state.items()}}


SETS = {
    "state_dict": (lambda right: {"state_dict": right, "epoch": 3}, "state_dict", ()),
    "model": (lambda right: {"model": right}, "model", ()),
    "any one name": (lambda right: {"generator": right, "epoch": 3}, "generator", ()),
    "two deep": (lambda right: {"model": {"state_dict": right}}, "model.state_dict", ()),
    "not the optimizer": (
        lambda right: {"optimizer": {"fc": {"exp_avg": torch.ones(3)}}, "rng": torch.ones(9), "model": right},
        "model",
        ("",),
    ),
    "the usual one": (lambda right: {"criterion": OTHER, "net": right}, "net", ("criterion",)),
    "timm": (lambda right: {"state_dict": OTHER, "state_dict_ema": right}, "state_dict_ema", ("state_dict",)),
    "timm without": (lambda right: {"state_dict": right, "state_dict_ema": None}, "state_dict", ()),
    "torchvision": (lambda right: {"model": OTHER, "model_ema": averaged(right)}, "model_ema", ("model",)),
    "basicsr": (lambda right: {"params": OTHER, "params_ema": right}, "params_ema", ("params",)),
    "ema within": (lambda right: {"model": OTHER, "ema": {"module": right}}, "ema.module", ("model",)),
    "lightning": (
        lambda right: {
            "state_dict": {
                **{f"ema_model.{name}": tensor for name, tensor in right.items()},
                **{f"model.{name}": tensor * 9 for name, tensor in right.items()},
                "criterion.weight": torch.ones(4),
            }
        },
        "state_dict.ema_model",
        ("state_dict", "state_dict.model"),
    ),
}


@pytest.mark.parametrize(("content", "key", "others"), SETS.values(), ids=SETS)
def test_which_set_of_a_trainers_file_is_meant(model, tmp_path, content, key, others):
    torch.save(content(model.network.state_dict()), tmp_path / "own.pth")
    state = external.read_state(tmp_path / "own.pth")
    assert (state.key, state.others) == (key, others)
    assert same(external.load("resnet8/8", state, 4, GREY, GREY), model)


@pytest.mark.parametrize("key", ["state_dict", "nets.teacher", "nets.both.teacher"])
def test_a_key_names_the_set(model, tmp_path, key):
    right = model.network.state_dict()
    whole = {"state_dict": right, "state_dict_ema": OTHER, "nets": {"student": OTHER, "teacher": right}}
    whole["nets"]["both"] = {f"{name}.{tensor}": value for name in ("teacher", "x") for tensor, value in right.items()}
    torch.save(whole, tmp_path / "own.pth")
    state = external.read_state(tmp_path / "own.pth", key)
    assert state.key == key
    assert key not in state.others
    assert same(external.load("resnet8/8", state, 4, GREY, GREY), model)
    with pytest.raises(FileError, match=r"no weights under the key 'ema'; it has state_dict, state_dict_ema, nets\."):
        external.read_state(tmp_path / "own.pth", "ema")


@pytest.mark.parametrize("names", [("teacher", "student"), ("model", "net"), ("model_ema", "ema")])
def test_sets_of_which_none_is_the_one_are_named(model, tmp_path, names):
    torch.save({name: model.network.state_dict() for name in names}, tmp_path / "own.pth")
    with pytest.raises(
        FileError, match=rf"several sets of weights, {names[0]}, {names[1]}; name one \(--weights-key\)"
    ):
        external.read_state(tmp_path / "own.pth")


@pytest.mark.parametrize("zipped", [True, False])
def test_options_and_numbers_beside_the_weights_are_read(model, tmp_path, zipped):
    options = argparse.Namespace(out=pathlib.PurePosixPath("/x"), rate=0.1)
    content = {"model": model.network.state_dict(), "args": options, "best": np.float64(3), "n": np.int64(3)}
    torch.save(content, tmp_path / "own.pth", _use_new_zipfile_serialization=zipped)
    assert same(external.load("resnet8/8", tmp_path / "own.pth", 4, GREY, GREY), model)


@pytest.mark.parametrize(("kind", "near"), [(torch.float64, 0), (torch.float16, 0.05), (torch.bfloat16, 0.3)])
def test_floats_of_any_precision(model, tmp_path, kind, near):
    state = {name: t.to(kind) if t.is_floating_point() else t for name, t in model.network.state_dict().items()}
    save_file(state, tmp_path / "own.safetensors")
    found = external.load("resnet8/8", tmp_path / "own.safetensors", 4, GREY, GREY)
    assert {parameter.dtype for parameter in found.parameters()} == {torch.float32}
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    assert (found(images) - model(images)).abs().max() <= near


@pytest.mark.parametrize(("right", "wrong"), [("safetensors", "pth"), ("pth", "safetensors")])
def test_what_a_file_is_its_content_says_and_not_its_suffix(model, tmp_path, right, wrong):
    state = model.network.state_dict()
    save_file(state, tmp_path / f"a.{right}") if right == "safetensors" else torch.save(state, tmp_path / f"a.{right}")
    (tmp_path / f"a.{right}").rename(tmp_path / f"a.{wrong}")
    assert same(external.load("resnet8/8", tmp_path / f"a.{wrong}", 4, GREY, GREY), model)


def test_our_own_file_brings_its_normalisation(model, tmp_path):
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    assert same(external.load("resnet8/8", tmp_path / "model.safetensors", 4), model)
    other = external.load("resnet8/8", tmp_path / "model.safetensors", 4, std=(0.1,) * 3)
    assert not same(other, model)


def test_timm_knows_its_normalisation_by_itself(tmp_path):
    network = create("timm:resnet10t", 4).network.eval()
    save_file(network.state_dict(), tmp_path / "own.safetensors")
    found = external.load("timm:resnet10t", tmp_path / "own.safetensors", 4)
    assert found.mean.flatten().tolist() == pytest.approx(network.pretrained_cfg["mean"])
    images = torch.rand(2, 3, 64, 64)
    assert torch.allclose(found(images), network((images - found.mean) / found.std), atol=1e-5)


def test_a_whole_smp_network_fits_the_one_without_idle_parts(tmp_path):
    import segmentation_models_pytorch as smp

    whole = smp.PSPNet("resnet18", None, in_channels=3, classes=4).eval()
    torch.save(whole.state_dict(), tmp_path / "own.pt")
    found = external.load("smp:PSPNet/resnet18", tmp_path / "own.pt", 4, (0.0,) * 3, (1.0,) * 3)
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.allclose(found(images), whole(images), atol=1e-5)


def test_counters_of_batches_may_lack(model, tmp_path):
    state = {name: tensor for name, tensor in model.network.state_dict().items() if "num_batches" not in name}
    torch.save(state, tmp_path / "own.pt")
    assert same(external.load("resnet8/8", tmp_path / "own.pt", 4, GREY, GREY), model)


class Dangerous:
    def __reduce__(self):
        return (print, ("code from the file ran",))


class TestWhatDoesNotFit:
    @pytest.mark.parametrize("content", [Dangerous(), {"a": Dangerous()}])
    def test_code_in_a_file_is_not_run(self, content, tmp_path, capsys):
        torch.save(content, tmp_path / "own.pt")
        with pytest.raises(
            FileError, match=r"holds more than tensors: print, which cannot be read without running code from it"
        ):
            external.read_state(tmp_path / "own.pt")
        assert "ran" not in capsys.readouterr().out

    @pytest.mark.parametrize("content", [{}, [1, 2], {"epoch": 3}, torch.zeros(3)])
    def test_a_file_without_weights(self, content, tmp_path):
        torch.save(content, tmp_path / "own.pt")
        with pytest.raises(FileError, match=r"own\.pt holds no weights"):
            external.read_state(tmp_path / "own.pt")

    @pytest.mark.parametrize("name", ["own.pt", "own.safetensors"])
    @pytest.mark.parametrize("content", [b"", b"not weights at all", b"\x80\x02broken"])
    def test_a_broken_file(self, name, content, tmp_path):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FileError, match="own"):
            external.read_state(tmp_path / name)

    @pytest.mark.parametrize("suffix", ["pth", "safetensors"])
    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (b"", "is an empty file"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "is a Git LFS pointer"),
            (b"\n<!DOCTYPE html>\n<html><body>Sign in</body></html>", "is a page of HTML or XML"),
            (b"\x80\x02broken", "is neither safetensors nor a whole state_dict"),
            (b"PK\x03\x04broken", "is neither safetensors nor a whole state_dict"),
            (b"\x18\0\0\0\0\0\0\0{broken", "is no readable safetensors file"),
        ],
    )
    def test_what_is_taken_for_weights_is_named(self, suffix, content, says, tmp_path):
        (tmp_path / f"own.{suffix}").write_bytes(content)
        with pytest.raises(FileError, match=rf"own\.{suffix} {says}"):
            external.read_state(tmp_path / f"own.{suffix}")

    def test_archives_that_hold_no_state_dict_are_named(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "own.pt", "w") as archive:
            archive.writestr("a/b.npy", b"1")
        with pytest.raises(FileError, match=r"own\.pt is a zip archive, but none that torch\.save made"):
            external.read_state(tmp_path / "own.pt")
        with zipfile.ZipFile(tmp_path / "own.pt", "a") as archive:
            archive.writestr("a/constants.pkl", b"1")
        with pytest.raises(FileError, match=r"own\.pt is a TorchScript archive"):
            external.read_state(tmp_path / "own.pt")

    @pytest.mark.parametrize(
        ("tensor", "says"),
        [
            (torch.tensor([0.0, float("nan")] * 4), "'1.running_mean' holds numbers that are not finite"),
            (torch.tensor([float("inf")] * 8), "'1.running_mean' holds numbers that are not finite"),
            (torch.full((8,), 1e300, dtype=torch.float64), "'1.running_mean' holds numbers that are not finite"),
            (torch.zeros(8, dtype=torch.int8), r"'1.running_mean' holds torch\.int8, and floats are needed"),
        ],
        ids=["nan", "inf", "beyond float32", "quantised"],
    )
    def test_tensors_that_are_no_weights(self, model, tmp_path, tensor, says):
        torch.save(model.network.state_dict() | {"1.running_mean": tensor}, tmp_path / "own.pt")
        with pytest.raises(FileError, match=says):
            external.load("resnet8/8", tmp_path / "own.pt", 4, GREY, GREY)

    @pytest.mark.parametrize("std", [(0.2, 0.0, 0.2), (0.2, -0.1, 0.2), (0.2, float("nan"), 0.2), (58.4, 57.1, 57.4)])
    def test_what_cannot_be_divided_by(self, std, model, tmp_path):
        save_file(model.network.state_dict() | {"mean": torch.zeros(3), "std": torch.tensor(std)}, tmp_path / "own.st")
        for given in (std, None):
            with pytest.raises(ValueError, match="std takes numbers above 0 and up to 1, one a channel"):
                external.load("resnet8/8", tmp_path / "own.st", 4, GREY, given)

    def test_a_mean_in_another_unit(self, model, tmp_path):
        save_file(model.network.state_dict(), tmp_path / "own.st")
        with pytest.raises(ValueError, match=r"mean takes numbers from 0 to 1.* divide by 255: 0\.485, 0\.456, 0\.406"):
            external.load("resnet8/8", tmp_path / "own.st", 4, (123.675, 116.28, 103.53), GREY)

    def test_unknown_normalisation(self, model, tmp_path):
        save_file(model.network.state_dict(), tmp_path / "own.safetensors")
        with pytest.raises(ValueError, match="by which mean its images are normalised"):
            external.load("resnet8/8", tmp_path / "own.safetensors", 4)
        with pytest.raises(ValueError, match="mean takes 3 numbers, one a channel, and 1 were given"):
            external.load("resnet8/8", tmp_path / "own.safetensors", 4, (0.5,), GREY)

    def test_another_number_of_classes_or_another_architecture(self, model, tmp_path):
        save_file(model.network.state_dict(), tmp_path / "own.safetensors")
        with pytest.raises(FileError, match=r"own\.safetensors tells 4 classes .* apart, and 5 are needed"):
            external.load("resnet8/8", tmp_path / "own.safetensors", 5, GREY, GREY)
        with pytest.raises(FileError, match=r"'0\.weight' has shape \(8, 3, 3, 3\), and this .* has \(16, 3, 3, 3\)"):
            external.load("resnet20/16", tmp_path / "own.safetensors", 4, GREY, GREY)
        with pytest.raises(FileError, match="lacks the tensor"):
            external.load("timm:resnet10t", tmp_path / "own.safetensors", 4)
        with pytest.raises(ValueError, match="timm has no model named 'resnet10z'"):
            external.load("timm:resnet10z", tmp_path / "own.safetensors", 4)


class TestClassFiles:
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("a.txt", "2\n10\ntraffic light\n"),
            ("a.txt", "\ufeff2\r\n 10 \r\ntraffic light"),
            ("a.json", '["2", "10", "traffic light"]'),
            ("a.json", '{"0": "2", "1": "10", "2": "traffic light"}'),
            ("a.json", '{"10": 1, "traffic light": 2, "2": 0}'),
        ],
    )
    def test_names_come_in_the_order_of_the_logits(self, tmp_path, name, text):
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert external.read_classes(tmp_path / name) == ("2", "10", "traffic light")

    @pytest.mark.parametrize(
        ("name", "content", "says"),
        [
            ("a.txt", None, "cannot be read as a list of class names"),
            ("a.txt", b"\xff\xfe", "cannot be read as a list of class names"),
            ("a.json", b"[", "cannot be read as a list of class names"),
            ("a.txt", b"", "must give a name for each class"),
            ("a.txt", b"a\n\nb", "must give a name for each class"),
            ("a.json", b"[1, 2]", "must give a name for each class"),
            ("a.json", b"3", "must give a name for each class"),
            ("a.json", b'{"a": 0, "b": 2}', "must give a name for each class"),
            ("a.json", b'{"a": 0, "b": 0}', "must give a name for each class"),
            ("a.json", b'{"a": 0, "b": [1]}', "must give a name for each class"),
            ("a.txt", b"a\nb\na", "gives the class 'a' twice"),
        ],
    )
    def test_others_are_refused(self, tmp_path, name, content, says):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(FileError, match=says):
            external.read_classes(tmp_path / name)


@pytest.fixture
def data(monkeypatch):
    """A data set whose classes are named when it is asked for, like `1,2,10`; image k is of class k in that order."""

    def get(name):
        classes = tuple(name.split(","))
        images = torch.randint(0, 256, (len(classes), 3, 16, 16), generator=torch.Generator().manual_seed(0))
        split = Split(images.to(torch.uint8), torch.arange(len(classes)))
        return Dataset(name, name, "classification", classes, (16, 16), "", lambda name, limit=None: split)

    monkeypatch.setattr(datasets, "get", get)
    return get


class TestWhichClassIsWhich:
    """Model and data of a command meet in `load_victim`; what may be meant otherwise is on stderr."""

    def of_weights(self, tmp_path, data, classes=None, key=None, content=lambda state: state):
        if classes:
            (tmp_path / "classes.txt").write_text("\n".join(classes))
        torch.save(content(create("resnet8/8", 4).network.state_dict()), tmp_path / "own.pt")
        names = tmp_path / "classes.txt" if classes else None
        return load_victim(
            folder=None,
            architecture="resnet8/8",
            weights=tmp_path / "own.pt",
            data=data,
            mean="0,0,0",
            std="1,1,1",
            device="cpu",
            weights_key=key,
            classes=names,
        )

    def labels(self, chosen):
        return [chosen.data.classes[label] for label in chosen.data.split("test").labels]

    @pytest.mark.parametrize(
        ("names", "doubtful"),
        [
            ("1,10,2,3", True),
            ("c1,c10,c9,d", True),
            ("Zebra,ape,bee,cow", True),
            ("1,2,3,4", False),
            ("01,02,10,11", False),
            ("10,2,1,3", False),
        ],
    )
    def test_text_order_is_told_where_timm_has_another(self, data, tmp_path, capsys, names, doubtful):
        chosen = self.of_weights(tmp_path, names)
        assert chosen.data.classes == tuple(names.split(","))
        told = " ".join(capsys.readouterr().err.split())
        assert ("as timm sorts folders, give the names in that order (--classes FILE)" in told) == doubtful

    def test_a_file_numbers_the_classes(self, data, tmp_path, capsys):
        chosen = self.of_weights(tmp_path, "1,10,2,3", ["1", "2", "3", "10"])
        assert chosen.data.classes == ("1", "2", "3", "10")
        assert chosen.data.split("test").labels.tolist() == [0, 3, 1, 2]
        assert self.labels(chosen) == ["1", "10", "2", "3"]
        assert capsys.readouterr().err == ""

    def test_a_model_may_know_more_classes_than_the_data_has_if_a_file_says_so(self, data, tmp_path):
        chosen = self.of_weights(tmp_path, "ape,cow", ["cow", "bee", "ape", "dog"])
        assert chosen.classes == 4
        assert self.labels(chosen) == ["ape", "cow"]
        with pytest.raises(ValueError, match=r"a,z has other classes than .*classes\.txt: .*; only a,z has z\."):
            self.of_weights(tmp_path, "a,z", "abcd")

    def test_which_of_several_sets_was_taken_is_told(self, data, tmp_path, capsys):
        both = {"content": lambda state: {"model": state, "model_ema": state}}
        assert self.of_weights(tmp_path, "a,b,c,d", **both).about["weights_key"] == "model_ema"
        assert "own.pt holds model_ema, model; model_ema was loaded" in " ".join(capsys.readouterr().err.split())
        assert self.of_weights(tmp_path, "a,b,c,d", key="model", **both).about["weights_key"] == "model"
        assert self.of_weights(tmp_path, "a,b,c,d").about["weights_key"] is None
        assert capsys.readouterr().err == ""

    def of_folder(self, tmp_path, data, classes=None):
        store.save(tmp_path / "m", network(), {**CONFIG, "data": "a,b,c,d"})
        names = tmp_path / "classes.json" if classes else None
        if names:
            names.write_text(json.dumps(classes))
        return load_victim(
            folder=tmp_path / "m",
            architecture=None,
            weights=None,
            data=data,
            mean=None,
            std=None,
            device="cpu",
            classes=names,
        )

    def test_a_folder_numbers_the_classes_of_other_data(self, data, tmp_path, capsys):
        assert self.of_folder(tmp_path, None).data.split("test").labels.tolist() == [0, 1, 2, 3]
        assert capsys.readouterr().err == ""
        chosen = self.of_folder(tmp_path, "b,c,d,a")
        assert chosen.data.split("test").labels.tolist() == [1, 2, 3, 0]
        assert "b,c,d,a lists its classes in another order than" in " ".join(capsys.readouterr().err.split())

    @pytest.mark.parametrize("names", ["a,b,c,e", "a,b,c", "a,b,c,d,e"])
    def test_other_classes_are_refused_unless_a_file_says_which_is_which(self, data, tmp_path, names):
        with pytest.raises(ValueError, match=rf"{names} has other classes than .*\(--classes FILE\)"):
            self.of_folder(tmp_path, names)
        if names == "a,b,c,e":
            chosen = self.of_folder(tmp_path, names, ["e", "a", "b", "c"])
            assert chosen.data.split("test").labels.tolist() == [1, 2, 3, 0]
        elif names == "a,b,c,d,e":
            with pytest.raises(ValueError, match="tells 4 classes apart, and a,b,c,d,e has 5"):
                self.of_folder(tmp_path, names, names.split(","))

    @pytest.mark.parametrize("work", ["precompute", "assess", "train"])
    def test_measuring_and_hardening_refuse_them_too(self, data, tmp_path, work):
        kept = store.save(tmp_path / "m", network(), {**CONFIG, "data": "a,b,c,e"})
        Results(Report(Rate(1, 4), Rate(0, 4)), about={"sha256": kept.sha256}).save(kept.folder)
        recipe = Recipe("a,b,c,e", "resnet8/8", epochs=1, start=str(kept.folder))
        works = {
            "precompute": lambda: precompute(store.ModelFolder(kept.folder), AttackSuite()),
            "assess": lambda: assess(store.ModelFolder(kept.folder)),
            "train": lambda: train_model.run(recipe, tmp_path, device="cpu"),
        }
        with pytest.raises(ValueError, match=r"a,b,c,e has other classes than .*m has d; only a,b,c,e has e\."):
            works[work]()

    def test_hardening_does_not_renumber(self, data, tmp_path):
        kept = store.save(tmp_path / "m", network(), {**CONFIG, "data": "a,b,c,d"})
        recipe = Recipe("d,c,b,a", "resnet8/8", epochs=1, start=str(kept.folder))
        with pytest.raises(ValueError, match=r"numbers the classes of d,c,b,a in another order: a, b, c, d\."):
            train_model.run(recipe, tmp_path, device="cpu")
