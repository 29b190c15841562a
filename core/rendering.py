"""Tensors to pictures of 8 bits per channel. C channels, H W height and width."""

import base64
import io
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from core.datasets.labels import IGNORE
from core.threat import apply

Palette = Sequence[tuple[int, int, int]]


def picture(image: Tensor) -> Image.Image:
    """The picture of an image (3,H,W) in [0, 1]."""
    array = (image.detach().cpu().clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0)
    return Image.fromarray(np.ascontiguousarray(array.numpy()))


def perturbation(delta: Tensor, factor: float = 1.0) -> Image.Image:
    """A delta (1,3,H,W) or (3,H,W), amplified by `factor`, on grey 128.

    At factor 1, deltas in whole units of 1/255 are exact: a pixel is 128 plus the number of units.
    """
    return picture(128 / 255 + factor * delta.reshape(delta.shape[-3:]))


def full_scale(delta: Tensor) -> int:
    """The largest whole factor at which no value of a delta (in [-1, 1]) leaves [0, 255] around grey 128; at least 1.

    >>> full_scale(torch.tensor([8 / 255, -4 / 255]))
    15
    """
    largest = round(255 * float(delta.abs().max()))
    return max(1, 127 // largest) if largest else 1


def attacked(image: Tensor, delta: Tensor) -> Image.Image:
    """The picture of an image (3,H,W) in [0, 1] under a delta (1,3,H,W)."""
    return picture(apply(image[None], delta)[0])


def label_map(labels: Tensor, palette: Palette) -> Image.Image:
    """Class numbers (H,W) in the colours of their classes; pixels without a class (255) are black."""
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(palette)] = palette
    return Image.fromarray(colours[labels.cpu().numpy().astype(np.uint8)])


def layer(labels: Tensor, palette: Palette, shown: Tensor | None = None) -> Image.Image:
    """A label map (H,W) as an RGBA overlay, transparent where there is no class or `shown` (H,W) is false."""
    labels = labels.cpu()
    visible = labels != IGNORE if shown is None else shown.cpu() & (labels != IGNORE)
    colours = np.asarray(label_map(labels, palette))
    return Image.fromarray(np.dstack([colours, visible.numpy().astype(np.uint8) * 255]))


def sheet(rows: Sequence[tuple[str, Sequence[Image.Image]]], head: Sequence[str], gap: int = 6) -> Image.Image:
    """A table of equally large pictures on white, with a title above each row and a heading above each column."""
    width, height = rows[0][1][0].size
    line, left = 16, gap
    across = left + len(head) * (width + gap)
    whole = Image.new("RGB", (across, line + len(rows) * (height + line + gap)), "white")
    draw = ImageDraw.Draw(whole)
    for column, words in enumerate(head):
        draw.text((left + column * (width + gap), 2), words, fill=(90, 90, 90))
    for number, (title, pictures) in enumerate(rows):
        top = line + number * (height + line + gap)
        draw.text((left, top + 2), title, fill=(20, 20, 20))
        for column, cell in enumerate(pictures):
            whole.paste(cell.convert("RGB"), (left + column * (width + gap), top + line))
    return whole


def png(image: Image.Image, level: int = 6) -> bytes:
    """The bytes of a picture as a PNG file; `level` is how much time packing may take, from 0 to 9."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=level)
    return buffer.getvalue()


def data_url(image: Image.Image, level: int = 6, kind: Literal["PNG", "WEBP"] = "PNG") -> str:
    """A picture as a data URL, so that a page needs no second request; see `png`. WebP is lossless too, and smaller."""
    if kind == "PNG":
        return "data:image/png;base64," + base64.b64encode(png(image, level)).decode()
    buffer = io.BytesIO()
    image.save(buffer, kind, lossless=True)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
