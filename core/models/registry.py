"""Architectures by name: every model takes images (N,C,H,W) in [0, 1] and normalises them itself.

N images, C channels, H W height and width, K classes. The result is logits (N,K), or (N,K,H,W) for segmentation.
"""

import re
from collections.abc import Callable
from functools import partial

from torch import nn

from core.models.convnet import convnet
from core.models.normalised import Normalised
from core.models.resnet import resnet, resnet18, resnet18_cifar
from core.models.smp import smp
from core.models.timm import timm
from core.registry import pick

ARCHITECTURES: dict[str, Callable[..., nn.Module]] = {
    **{f"resnet{depth}": partial(resnet, depth) for depth in (8, 14, 20, 32, 44, 56, 110)},
    **{"resnet18": resnet18, "resnet18-cifar": resnet18_cifar, "convnet": convnet, "smp": smp, "timm": timm},
}
"""Name to builder; what stands after `/` or `:` in `resnet20/64` or `smp:PSPNet/resnet18` is its second argument."""


PRETRAINED = (smp, timm)
"""The builders that can fetch weights trained on ImageNet."""


def create(
    architecture: str,
    classes: int,
    mean: tuple[float, ...] = (0.5,) * 3,
    std: tuple[float, ...] = (0.25,) * 3,
    weights: str | None = None,
) -> Normalised:
    """A model by its name (`resnet20/64`, `smp:PSPNet/resnet18`, `timm:resnet50`) for K classes.

    Its weights are random, or those that `weights` names (`imagenet`, for timm and the encoders of smp).

    Raises ValueError that names the known architectures, or the variants that fit.
    """
    name, variant = (*re.split("[/:]", architecture, maxsplit=1), "")[:2]
    build = pick(ARCHITECTURES, name, "architecture")
    if weights and build not in PRETRAINED:
        raise ValueError(f"There are no {weights} weights for {architecture}; leave them out.")
    options = {"weights": weights} if weights else {}
    network = build(classes, variant, **options) if variant else build(classes, **options)
    return Normalised(network, mean, std)
