"""Whether a model and a data set fit each other: the order of the classes, the size of images, the shape of logits.

N images, K classes, H W height and width.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import nn

from core.datasets import Dataset, Split
from core.datasets.labels import IGNORE


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
