"""Our ResNets: sizes, widths, any size of image."""

import pytest
import torch
from torch import nn

from core.models.registry import create


def size(model):
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("architecture", "millions"),
    [
        ("resnet20", 0.27),
        ("resnet20/16", 0.27),
        ("resnet20/64", 4.3),
        ("resnet56", 0.85),
        ("resnet110", 1.7),
        ("resnet18-cifar", 11.17),
    ],
)
def test_sizes_are_those_of_the_papers(architecture, millions):
    assert size(create(architecture, 10)) / 1e6 == pytest.approx(millions, rel=0.1)


def test_resnet18_is_that_of_torchvision():
    from torchvision.models import resnet18

    ours, theirs = create("resnet18", 1000).network.eval(), resnet18().eval()
    order = [f"layer{stage}.{block}" for stage in (1, 2, 3, 4) for block in (0, 1)]
    parts = [theirs.conv1, theirs.bn1, *(theirs.get_submodule(name) for name in order), theirs.fc]
    own = [module for module in ours if any(True for _ in module.parameters())]
    for one, other in zip(own, parts, strict=True):
        one.load_state_dict(dict(zip(one.state_dict(), other.state_dict().values(), strict=True)))
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ours(images), theirs(images))


@pytest.mark.parametrize(
    ("architecture", "side"),
    [
        ("resnet18/8", 96),
        ("resnet18/8", 33),
        ("resnet8/8", 32),
        ("resnet18-cifar/8", 32),
        ("resnet20/16", 12),
        ("resnet8/8", 47),
    ],
)
def test_any_size_of_image_gives_logits(architecture, side):
    assert create(architecture, 7).eval()(torch.rand(2, 3, side, side)).shape == (2, 7)


def test_resnet18_for_small_images_keeps_their_size_in_its_stem():
    network, images = create("resnet18-cifar/8", 10).network.eval(), torch.rand(1, 3, 32, 32)
    assert [part(images).shape[-1] for part in (network[:3], network[:5], network[:-3])] == [32, 32, 4]


@pytest.mark.parametrize("depth", [8, 20, 44])
def test_a_resnet_has_as_many_layers_with_weights_as_its_name_says_and_three_widths(depth):
    network = create(f"resnet{depth}/8", 10)
    trunk = [m for m in network.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
    assert len(trunk) + 1 == depth
    assert sorted({m.out_channels for m in trunk}) == [8, 16, 32]


@pytest.mark.parametrize(
    ("architecture", "says"),
    [
        ("resnet18/0", "The width of resnet18 is a multiple of 8"),
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
