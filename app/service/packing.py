"""Images and patterns as text for the browser (`static/blind/picture.js` unpacks them)."""

import base64
import zlib

import numpy as np
import torch
from torch import Tensor

from core.threat import quantise

FILTERED = zlib.Z_FILTERED
"""The strategy for patterns: they have few values and few repetitions."""


def packed(values: Tensor, strategy: int = zlib.Z_DEFAULT_STRATEGY) -> str:
    """Bytes (3,H,W) as base64 of zlib of (H,W,3)."""
    plain = np.ascontiguousarray(values.permute(1, 2, 0).cpu().numpy()).tobytes()
    packing = zlib.compressobj(9, strategy=strategy)
    return base64.b64encode(packing.compress(plain) + packing.flush()).decode()


def packed_image(image: Tensor) -> str:
    """An image (3,H,W) in [0, 1] as uint8."""
    return packed((image * 255).round().to(torch.uint8))


def packed_delta(delta: Tensor) -> str:
    """A delta (1,3,H,W) as int8 in units of 1/255."""
    return packed(quantise(delta[0]).to(torch.int8), FILTERED)


def factored_delta(delta: Tensor) -> tuple[int, str]:
    """A delta (1,3,H,W) as a whole factor and packed int8: random signs are the same text at every strength."""
    units = quantise(delta[0]).to(torch.int8)
    factor = max(1, int(np.gcd.reduce(units.cpu().numpy(), axis=None)))
    return factor, packed(units // factor, FILTERED)
