"""Tensors to pictures. N images, C channels, H W height and width; every picture is RGB, 8 bits, without loss."""

import base64
import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.threat import apply


def picture(image: Tensor) -> Image.Image:
    """An image (3,H,W) in [0, 1]."""
    array = (image.detach().cpu().clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0)
    return Image.fromarray(np.ascontiguousarray(array.numpy()))


def perturbation(delta: Tensor, factor: float = 1.0) -> Image.Image:
    """A delta (1,3,H,W) or (3,H,W) around grey 128, `factor` times as strong as it is.

    At factor 1 a delta in whole units of 1/255 loses nothing: a pixel is 128 plus that many units.
    """
    return picture(128 / 255 + factor * delta.reshape(delta.shape[-3:]))


def attacked(image: Tensor, delta: Tensor) -> Image.Image:
    """An image (3,H,W) in [0, 1] under a delta (1,3,H,W)."""
    return picture(apply(image[None], delta)[0])


def png(image: Image.Image) -> bytes:
    """The lossless file of a picture."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def data_url(image: Image.Image) -> str:
    """The picture inside a URL, so that a page needs no second request."""
    return "data:image/png;base64," + base64.b64encode(png(image)).decode()
