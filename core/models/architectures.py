"""Architectures by name; every model takes images (N,C,H,W) in [0, 1] and normalises them itself.

N images, C channels, H W height and width, K classes. The result is logits (N,K), or (N,K,H,W) for segmentation.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from core.datasets import Dataset, Split
from core.datasets.labels import IGNORE
from core.files import FileError
from core.models.smp import smp
from core.registry import pick


class Normalised(nn.Module):
    """A network behind its own normalisation, so that attacks and people deal in [0, 1] only.

    Raises ValueError for a mean or std that is not in units of [0, 1].
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        within_units("mean", mean)
        within_units("std", std)
        self.network = network
        self.register_buffer("mean", torch.tensor(mean).reshape(-1, 1, 1))
        self.register_buffer("std", torch.tensor(std).reshape(-1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        return self.network((images - self.mean) / self.std)


def within_units(name: str, values: Sequence[float]) -> None:
    """Raises ValueError where no images in [0, 1] are normalised by these values of `mean` or `std`, one a channel."""
    if all(0 <= value <= 1.0001 and (value or name == "mean") for value in values):  # sums of float32 reach beyond 1
        return
    given, smaller = (", ".join(f"{value / unit:.4g}" for value in values) for unit in (1, 255))
    bytes_meant = max(values) > 1 and all(0 <= value <= 255 for value in values)
    hint = f"; images are in [0, 1], so divide by 255: {smaller}" if bytes_meant else ""
    fits = "from 0 to 1" if name == "mean" else "above 0 and up to 1"
    raise ValueError(f"{name} takes numbers {fits}, one a channel, and {given} were given{hint}.")


def numbered(data: Dataset, classes: Sequence[str], name: str, more: bool = False) -> Dataset:
    """The data set with its classes numbered as the model `name` numbers them: `classes` in the order of its logits.

    Raises ValueError that shows the difference where the model's classes are others; with `more` it may know more
    classes of images than the data has.
    """
    own, known = data.classes, tuple(classes)
    if own == known:
        return data
    unknown, unseen = ([one for one in these if one not in those] for these, those in ((own, known), (known, own)))
    if unknown or (unseen and not (more and data.task == "classification")) or len({*known}) < len(known):
        sides = {name: unseen, data.name: unknown}
        apart = "; ".join(f"only {side} has {some(names)}" for side, names in sides.items() if names)
        raise ValueError(
            f"{data.name} has other classes than {name}: {apart or 'some names stand twice'}. If they mean the same, "
            f"give the names of {data.name} in the order of the model's, which is {some(known)} (--classes FILE)."
        )
    numbers = torch.arange(max(256, len(own)))  # a pixel without a class stays one
    numbers[: len(own)] = torch.tensor([known.index(one) for one in own])

    def load(split: str, limit: int | None = None) -> Split:
        found = data.load(split, limit)
        return Split(found.images, numbers[found.labels.long()].to(found.labels.dtype))

    colours = dict(zip(own, data.palette, strict=True)) if data.palette else {}
    return replace(data, classes=known, load=load, palette=tuple(colours[one] for one in known) if colours else ())


def some(names: Sequence[str]) -> str:
    """The first names of a list, and how many more there are."""
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def assign(model: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Copy tensors into the model, floats of any precision. Raises FileError that names the first that does not fit."""
    expected = model.state_dict()
    for name, own in expected.items():
        if name not in tensors:
            raise FileError(f"{path} lacks the tensor {name!r} of this architecture.")
        given = tensors[name]
        if given.shape != own.shape:
            shapes = f"has shape {tuple(given.shape)}, and this architecture has {tuple(own.shape)}"
            raise FileError(f"{path}: the tensor {name!r} {shapes}.")
        if own.is_floating_point() and not given.is_floating_point():
            raise FileError(f"{path}: the tensor {name!r} holds {given.dtype}, and floats are needed.")
        if not given.to(own.dtype).isfinite().all():
            raise FileError(f"{path}: the tensor {name!r} holds numbers that are not finite.")
    extra = sorted(set(tensors) - set(expected))
    if extra:
        raise FileError(f"{path} holds the tensor {extra[0]!r}, which this architecture does not have.")
    model.load_state_dict(dict(tensors))


def check(model: nn.Module, data: Dataset, name: str) -> None:
    """Raises ValueError where the model `name` does not take the images of `data`, or gives other logits than fit."""
    (height, width), classes = data.size, len(data.classes)
    if data.task == "segmentation" and classes > IGNORE:
        raise ValueError(f"Pixels have at most {IGNORE} classes, and {data.name} has {classes}.")
    fits = (1, classes) if data.task == "classification" else (1, classes, height, width)
    parameter, training = next(model.parameters(), torch.empty(0)), model.training
    try:
        with torch.no_grad():
            shape = tuple(model.eval()(torch.zeros(1, 3, height, width, device=parameter.device)).shape)
    except (AssertionError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{name} does not take images of {height}x{width}, as in {data.name}: {reason}") from error
    finally:
        model.train(training)
    if len(shape) == len(fits) and shape[1] != classes:
        raise ValueError(f"{name} tells {shape[1]} classes apart, and {data.name} has {classes}.")
    if shape != fits:
        raise ValueError(
            f"{name} gives logits of shape {shape} for one image of {data.name}, and for its {classes} classes "
            f"({data.task}) they must be {fits}."
        )


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut (He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.convolution1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.convolution2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = relu(self.norm1(self.convolution1(x)))
        return relu(self.norm2(self.convolution2(y)) + self.shortcut(x))


def resnet(depth: int, classes: int, width: str = "16") -> nn.Module:
    """ResNet of `depth` layers (6n + 2) for small images (He et al. 2016): `width`, 2 and 4 times as many filters.

    Width 16 is the original, depth 20 with width 64 the one of Mummadi et al. 2019.
    """
    # oneDNN's channels-last kernels (torch 2.11, AVX2) write out of bounds on 4 channels, so widths go by eights
    if not width.isdecimal() or int(width) not in range(8, 257, 8):
        raise ValueError(f"The width of resnet{depth} is a multiple of 8 from 8 to 256, and {width!r} was given.")
    filters = int(width)
    layers: list[nn.Module] = [
        nn.Conv2d(3, filters, 3, padding=1, bias=False),
        nn.BatchNorm2d(filters),
        nn.ReLU(),
    ]
    inputs = filters
    for stage, outputs in enumerate((filters, 2 * filters, 4 * filters)):
        for block in range((depth - 2) // 6):
            layers.append(Block(inputs, outputs, stride=2 if stage and not block else 1))
            inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))


def timm(classes: int, variant: str = "", weights: str | None = None) -> nn.Module:
    """Any image classifier of timm by its name there; `weights` None or `imagenet` (downloaded).

    Raises ValueError that names what fits.
    """
    import timm as library  # here, since importing it takes seconds

    if not library.is_model(variant):
        near = library.list_models(f"*{variant[:6]}*")[:5] if variant else []
        hint = f"; near it are {', '.join(near)}" if near else ""
        raise ValueError(f"timm has no model named {variant!r} (timm.list_models() lists them){hint}.")
    try:
        return library.create_model(variant, pretrained=bool(weights), num_classes=classes)
    except Exception as error:  # whatever a download can end in
        if not weights:
            raise
        raise ValueError(
            f"The {weights} weights of {variant} could not be fetched; is there a network? {error}"
        ) from error


ARCHITECTURES: dict[str, Callable[..., nn.Module]] = {
    **{f"resnet{depth}": partial(resnet, depth) for depth in (8, 14, 20, 32, 44, 56, 110)},
    **{"smp": smp, "timm": timm},
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
