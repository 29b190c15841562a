"""Our ResNets: sizes, widths, any size of image."""

import pytest
import torch
from torch import nn

from core.models.registry import create


def size(model):
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("architecture", "millions"),
    [("resnet20", 0.27), ("resnet20/16", 0.27), ("resnet20/64", 4.3), ("resnet56", 0.85), ("resnet110", 1.7)],
)
def test_sizes_are_those_of_the_papers(architecture, millions):
    assert size(create(architecture, 10)) / 1e6 == pytest.approx(millions, rel=0.1)


@pytest.mark.parametrize(("architecture", "side"), [("resnet8/8", 32), ("resnet20/16", 12), ("resnet8/8", 47)])
def test_any_size_of_image_gives_logits(architecture, side):
    assert create(architecture, 7).eval()(torch.rand(2, 3, side, side)).shape == (2, 7)


@pytest.mark.parametrize("depth", [8, 20, 44])
def test_a_resnet_has_as_many_layers_with_weights_as_its_name_says_and_three_widths(depth):
    network = create(f"resnet{depth}/8", 10)
    trunk = [m for m in network.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
    assert len(trunk) + 1 == depth
    assert sorted({m.out_channels for m in trunk}) == [8, 16, 32]


@pytest.mark.parametrize(
    ("architecture", "says"),
    [
        ("resnet20/0", "multiple of 8 from 8 to 256, and '0' was given"),
        ("resnet20/12", "'12' was given"),
        ("resnet20/264", "'264' was given"),
        ("resnet20/-4", "'-4' was given"),
        ("resnet20/wide", "'wide' was given"),
        ("resnet20/1.5", "'1.5' was given"),
    ],
)
def test_widths_that_do_not_exist_are_named(architecture, says):
    with pytest.raises(ValueError, match=says):
        create(architecture, 10)
