"""A small plain network, without batch norms and shortcuts, that certificates can follow through.

N images, K classes, H W height and width. Logits are (N,K) for images (N,3,H,W) of any size.
"""

from torch import nn

from core.models.resnet import filters_of


def convnet(classes: int, width: str = "16") -> nn.Module:
    """The small network of Wong and Kolter 2018: two strided 4x4 convolutions (`width` and twice as many filters), two
    linear layers.

    Images of 32 pixels leave 8x8 positions after the convolutions; others are pooled to as many.
    """
    filters = filters_of("convnet", width)
    return nn.Sequential(
        nn.Conv2d(3, filters, 4, 2, padding=1),
        nn.ReLU(),
        nn.Conv2d(filters, 2 * filters, 4, 2, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(8),
        nn.Flatten(),
        nn.Linear(2 * filters * 64, 100),
        nn.ReLU(),
        nn.Linear(100, classes),
    )
