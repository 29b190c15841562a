"""Classifiers of timm."""

import pytest

from core.models.registry import create


def test_weights_of_timm_that_cannot_be_fetched_are_named(monkeypatch):
    import timm

    def unreachable(*args, **kwargs):
        raise ConnectionError("no route")

    monkeypatch.setattr(timm, "create_model", unreachable)
    with pytest.raises(ValueError, match=r"imagenet weights of resnet10t could not be fetched; .* no route"):
        create("timm:resnet10t", 4, weights="imagenet")
