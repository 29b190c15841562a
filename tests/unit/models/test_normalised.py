"""Normalisation inside the model, in units of [0, 1]."""

import pytest
import torch
from torch import nn

from core.models.normalised import Normalised
from core.models.registry import create


def test_normalisation_is_inside_and_travels_with_the_weights():
    model = Normalised(nn.Identity(), (0.5, 0.25, 0.0), (0.5, 0.25, 1.0))
    images = torch.tensor([1.0, 0.5, 0.5]).reshape(1, 3, 1, 1)
    assert model(images).flatten().tolist() == [1.0, 1.0, 0.5]
    assert list(model.state_dict()) == ["mean", "std"]
    assert not list(model.parameters())


@pytest.mark.parametrize(
    ("mean", "std", "says"),
    [
        ((124.0, 116.0, 104.0), (0.2,) * 3, "mean takes .*124, 116, 104 were given; .*by 255: 0.4863, 0.4549, 0.4078"),
        ((0.5,) * 3, (58.395, 57.12, 57.375), "std takes .* divide by 255: 0.229, 0.224, 0.225"),
        (
            (0.5,) * 3,
            (0.2, 0.2, 0.0),
            "std takes numbers above 0 and up to 1, one a channel, and 0.2, 0.2, 0 were given",
        ),
        ((float("nan"), 0.5, 0.5), (0.2,) * 3, "mean takes numbers from 0 to 1, .* and nan, 0.5, 0.5 were given.$"),
        ((-0.1, 0.5, 0.5), (0.2,) * 3, "mean takes numbers from 0 to 1, .* and -0.1, 0.5, 0.5 were given.$"),
        ((0.5,) * 3, (float("inf"),) * 3, "std takes numbers above 0 and up to 1, .* inf, inf, inf were given.$"),
    ],
)
def test_images_are_normalised_in_their_own_unit(mean, std, says):
    with pytest.raises(ValueError, match=says):
        create("resnet8/8", 4, mean, std)
