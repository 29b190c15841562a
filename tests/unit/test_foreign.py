"""Weights that were trained elsewhere: the forms they come in, and what is said of those that do not fit."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from core import foreign
from core.files import FileError
from core.models import create

GREY = (0.5, 0.5, 0.5)


@pytest.fixture
def model():
    torch.manual_seed(0)
    made = create("resnet20/8", 4, GREY, GREY).eval()
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
    return made


def same(one, two):
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    return torch.allclose(one(images), two(images))


@pytest.mark.parametrize("prefix", ["", "module.", "model.", "_orig_mod."])
@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
def test_whatever_a_wrapper_put_before_the_names(model, tmp_path, prefix, suffix):
    state = {prefix + name: tensor for name, tensor in model.network.state_dict().items()}
    path = tmp_path / f"own.{suffix}"
    save_file(state, path) if suffix == "safetensors" else torch.save(state, path)
    found = foreign.load("resnet20/8", path, 4, GREY, GREY)
    assert same(found, model)
    assert not found.training
    assert not any(parameter.requires_grad for parameter in found.parameters())


@pytest.mark.parametrize("name", foreign.NESTED)
def test_weights_inside_a_trainers_file(model, tmp_path, name):
    torch.save({name: model.network.state_dict(), "epoch": 3}, tmp_path / "own.pth")
    assert same(foreign.load("resnet20/8", tmp_path / "own.pth", 4, GREY, GREY), model)


def test_our_own_file_brings_its_normalisation(model, tmp_path):
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    assert same(foreign.load("resnet20/8", tmp_path / "model.safetensors", 4), model)
    other = foreign.load("resnet20/8", tmp_path / "model.safetensors", 4, std=(0.1,) * 3)
    assert not same(other, model)


def test_timm_knows_its_normalisation_by_itself(tmp_path):
    network = create("timm:resnet10t", 4).network.eval()
    save_file(network.state_dict(), tmp_path / "own.safetensors")
    found = foreign.load("timm:resnet10t", tmp_path / "own.safetensors", 4)
    assert found.mean.flatten().tolist() == pytest.approx(network.pretrained_cfg["mean"])
    images = torch.rand(2, 3, 64, 64)
    assert torch.allclose(found(images), network((images - found.mean) / found.std), atol=1e-5)


def test_a_whole_smp_network_fits_the_one_without_idle_parts(tmp_path):
    import segmentation_models_pytorch as smp

    whole = smp.PSPNet("resnet18", None, in_channels=3, classes=4).eval()
    torch.save(whole.state_dict(), tmp_path / "own.pt")
    found = foreign.load("smp:PSPNet/resnet18", tmp_path / "own.pt", 4, (0.0,) * 3, (1.0,) * 3)
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.allclose(found(images), whole(images), atol=1e-5)


def test_counters_of_batches_may_lack(model, tmp_path):
    state = {name: tensor for name, tensor in model.network.state_dict().items() if "num_batches" not in name}
    torch.save(state, tmp_path / "own.pt")
    assert same(foreign.load("resnet20/8", tmp_path / "own.pt", 4, GREY, GREY), model)


class Dangerous:
    def __reduce__(self):
        return (print, ("code from the file ran",))


class TestWhatDoesNotFit:
    @pytest.mark.parametrize("content", [Dangerous(), {"a": Dangerous()}])
    def test_code_in_a_file_is_not_run(self, content, tmp_path, capsys):
        torch.save(content, tmp_path / "own.pt")
        with pytest.raises(FileError, match="without running code from it"):
            foreign.read_state(tmp_path / "own.pt")
        assert "ran" not in capsys.readouterr().out

    @pytest.mark.parametrize("content", [{}, [1, 2], {"epoch": 3}, torch.zeros(3)])
    def test_a_file_without_weights(self, content, tmp_path):
        torch.save(content, tmp_path / "own.pt")
        with pytest.raises(FileError, match=r"own\.pt holds no weights"):
            foreign.read_state(tmp_path / "own.pt")

    @pytest.mark.parametrize("name", ["own.pt", "own.safetensors"])
    @pytest.mark.parametrize("content", [b"", b"not weights at all", b"\x80\x02broken"])
    def test_a_broken_file(self, name, content, tmp_path):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FileError, match="own"):
            foreign.read_state(tmp_path / name)

    @pytest.mark.parametrize("std", [(0.2, 0.0, 0.2), (0.2, -0.1, 0.2), (0.2, float("nan"), 0.2)])
    def test_what_cannot_be_divided_by(self, std, model, tmp_path):
        save_file(model.network.state_dict(), tmp_path / "own.safetensors")
        with pytest.raises(ValueError, match="std such above 0"):
            foreign.load("resnet20/8", tmp_path / "own.safetensors", 4, GREY, std)

    def test_unknown_normalisation(self, model, tmp_path):
        save_file(model.network.state_dict(), tmp_path / "own.safetensors")
        with pytest.raises(ValueError, match="by which mean its images are normalised"):
            foreign.load("resnet20/8", tmp_path / "own.safetensors", 4)
        with pytest.raises(ValueError, match="mean takes 3 numbers, one a channel, and 1 were given"):
            foreign.load("resnet20/8", tmp_path / "own.safetensors", 4, (0.5,), GREY)

    def test_another_number_of_classes_or_another_architecture(self, model, tmp_path):
        save_file(model.network.state_dict(), tmp_path / "own.safetensors")
        with pytest.raises(FileError, match=r"shape \(4, 32\), and this architecture has \(5, 32\)"):
            foreign.load("resnet20/8", tmp_path / "own.safetensors", 5, GREY, GREY)
        with pytest.raises(FileError, match="lacks the tensor"):
            foreign.load("timm:resnet10t", tmp_path / "own.safetensors", 4)
        with pytest.raises(ValueError, match="timm has no model named 'resnet10z'"):
            foreign.load("timm:resnet10z", tmp_path / "own.safetensors", 4)
