"""A training that takes a second: a few images, a network of three layers, and a recipe."""

import numpy as np
import torch
from known import SHIFT
from torch import nn

from core.datasets import Split
from core.models.normalised import Normalised
from core.training.recipe import Recipe

SHARED = Recipe("tiny", sigma=0.5, heap=4, epsilon=8, steps=2, epochs=3, batch_size=8, learning_rate=0.05)


def tiny_split(n=64, side=8):
    """The same on every machine: integers from numpy."""
    draw = np.random.default_rng(5 + 1000 * SHIFT)
    labels = draw.integers(0, 4, n)
    images = draw.integers(0, 100, (n, 3, side, side)) + 50 * labels[:, None, None, None]
    return Split(torch.from_numpy(images.astype(np.uint8)), torch.from_numpy(labels))


def tiny_network(norm=True):
    """Convolution, norm, linear; weights from integers, so that they are the same on every machine."""
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8) if norm else nn.Identity(),
        *(nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 4)),
    )
    draw = np.random.default_rng(6 + 1000 * SHIFT)
    for parameter in network.parameters():
        if parameter.ndim > 1:
            parameter.data = torch.from_numpy(draw.integers(-100, 101, parameter.shape)).float() / 300
        elif not (norm and parameter is network[1].weight):
            parameter.data.zero_()
    return Normalised(network, (0.5,) * 3, (0.25,) * 3)


ON_CPU = {"device": "cpu", "precision": "32-true"}
"""The options of `train` that are the same in every test."""
