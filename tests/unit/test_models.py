"""Architectures by name, with the normalisation inside."""

import pytest
import torch
from torch import nn

from core.models import Normalised, create, resnet20


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
        ("vgg16", "no architecture named 'vgg16'; known are resnet20"),
        ("", "no architecture named ''"),
        ("resnet20/0", "multiple of 8 from 8 to 256, and '0' was given"),
        ("resnet20/12", "'12' was given"),
        ("resnet20/264", "'264' was given"),
        ("resnet20/-4", "'-4' was given"),
        ("resnet20/wide", "'wide' was given"),
        ("resnet20/1.5", "'1.5' was given"),
    ],
)
def test_bad_names_are_named(architecture, says):
    with pytest.raises(ValueError, match=says):
        create(architecture, 10)
