"""Architectures by name, with the normalisation inside."""

import pytest
import torch
from torch import nn

from core.models import Normalised, create, resnet20
from core.segmenters import _without_idle


def size(model):
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("architecture", "millions"),
    [("resnet20", 0.27), ("resnet20/16", 0.27), ("resnet20/64", 4.3)],
)
def test_sizes_are_those_of_the_papers(architecture, millions):
    assert size(create(architecture, 10)) / 1e6 == pytest.approx(millions, rel=0.1)


@pytest.mark.parametrize(("architecture", "side"), [("resnet20/8", 32), ("resnet20/16", 12), ("resnet20/8", 47)])
def test_any_size_of_image_gives_logits(architecture, side):
    assert create(architecture, 7).eval()(torch.rand(2, 3, side, side)).shape == (2, 7)


def test_resnet20_has_twenty_layers_with_weights_and_three_widths():
    network = resnet20(10, "8")
    trunk = [m for m in network.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
    assert len(trunk) + 1 == 20
    assert sorted({m.out_channels for m in trunk}) == [8, 16, 32]


def test_normalisation_is_inside_and_travels_with_the_weights():
    model = Normalised(nn.Identity(), (0.5, 0.25, 0.0), (0.5, 0.25, 2.0))
    images = torch.tensor([1.0, 0.5, 1.0]).reshape(1, 3, 1, 1)
    assert model(images).flatten().tolist() == [1.0, 1.0, 0.5]
    assert list(model.state_dict()) == ["mean", "std"]
    assert not list(model.parameters())


@pytest.mark.parametrize(
    ("architecture", "says"),
    [
        ("vgg16", "no architecture named 'vgg16'; known are resnet20, smp"),
        ("", "no architecture named ''"),
        ("resnet20/0", "multiple of 8 from 8 to 256, and '0' was given"),
        ("resnet20/12", "'12' was given"),
        ("resnet20/264", "'264' was given"),
        ("resnet20/-4", "'-4' was given"),
        ("resnet20/wide", "'wide' was given"),
        ("resnet20/1.5", "'1.5' was given"),
        ("smp:Net/resnet18", "smp knows the architectures Unet, .*PSPNet.* and 'Net' was given"),
        ("smp:PSPNet/resnet19", "cannot build PSPNet on the encoder 'resnet19'"),
    ],
)
def test_bad_names_are_named(architecture, says):
    with pytest.raises(ValueError, match=says):
        create(architecture, 10)


@pytest.fixture(scope="module")
def pspnet():
    return create("smp:PSPNet/resnet18", 11).eval()


def test_a_segmenter_holds_only_the_parameters_in_use(pspnet):
    assert size(pspnet) == pytest.approx(0.88e6, rel=0.01)
    assert all(parameter.grad is None and parameter.requires_grad for parameter in pspnet.parameters())
    assert not any(name.startswith("network.network.encoder.layer3") for name in pspnet.state_dict())


@pytest.mark.parametrize(("height", "width"), [(48, 64), (33, 47), (61, 24)])
def test_a_segmenter_labels_pixels_at_any_size(pspnet, height, width):
    images = torch.rand(2, 3, height, width)
    logits = pspnet(images)
    assert logits.shape == (2, 11, height, width)
    larger = pspnet(torch.nn.functional.pad(images, (0, -width % 8, 0, -height % 8), mode="replicate"))
    assert torch.allclose(logits, larger[..., :height, :width], atol=1e-5)


def test_leaving_out_what_is_idle_changes_no_logits():
    import segmentation_models_pytorch as library

    whole = library.create_model("unet", "resnet18", None, 3, 5, encoder_depth=3, decoder_channels=(32, 16, 8)).eval()
    images = torch.rand(1, 3, 64, 64)
    before, weights = whole(images), size(whole)
    pruned = _without_idle(whole).eval()
    assert size(pruned) < weights
    assert torch.equal(pruned(images), before)


def test_other_segmenters_are_built_by_name_and_pretrained_weights_only_where_there_are_some():
    logits = create("smp:Linknet/mobilenet_v2", 4).eval()(torch.rand(1, 3, 40, 56))
    assert logits.shape == (1, 4, 40, 56)
    with pytest.raises(ValueError, match="no imagenet weights for resnet20"):
        create("resnet20", 4, weights="imagenet")


def test_weights_of_timm_that_cannot_be_fetched_are_named(monkeypatch):
    import timm

    def unreachable(*args, **kwargs):
        raise ConnectionError("no route")

    monkeypatch.setattr(timm, "create_model", unreachable)
    with pytest.raises(ValueError, match=r"imagenet weights of resnet10t could not be fetched; .* no route"):
        create("timm:resnet10t", 4, weights="imagenet")
