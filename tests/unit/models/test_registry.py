"""Architectures by name."""

import pytest

from core.models.registry import create


@pytest.mark.parametrize(
    ("architecture", "says"),
    [
        ("vgg16", "no architecture named 'vgg16'; known are .*resnet20, .*smp"),
        ("", "no architecture named ''"),
    ],
)
def test_bad_names_are_named(architecture, says):
    with pytest.raises(ValueError, match=says):
        create(architecture, 10)


def test_pretrained_weights_are_refused_where_there_are_none():
    with pytest.raises(ValueError, match="no imagenet weights for resnet20"):
        create("resnet20", 4, weights="imagenet")
