"""Segmentation networks by name: only the parameters in use, at any size of image."""

import pytest
import torch

from core.models.registry import create
from core.models.smp import _without_idle


def size(model):
    return sum(parameter.numel() for parameter in model.parameters())


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


def test_other_segmenters_are_built_by_name():
    logits = create("smp:Linknet/mobilenet_v2", 4).eval()(torch.rand(1, 3, 40, 56))
    assert logits.shape == (1, 4, 40, 56)


@pytest.mark.parametrize(
    ("architecture", "says"),
    [
        ("smp:Net/resnet18", "smp knows the architectures Unet, .*PSPNet.* and 'Net' was given"),
        ("smp:PSPNet/resnet19", "cannot build PSPNet on the encoder 'resnet19'"),
    ],
)
def test_bad_names_are_named(architecture, says):
    with pytest.raises(ValueError, match=says):
        create(architecture, 10)
