"""Deltas on disk, in whole units of 1/255: those of a model folder, and files of a single one.

C channels, H W height and width.
"""

import hashlib
import json
import lzma
import math
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save as to_bytes
from torch import Tensor

from core.files import FileError, fits, read_metadata, read_tensors, write_tensors

FILE = "perturbations.safetensors"
BREAKING = "breaking"
"""The name under which the perturbation at the breaking point is stored: for pictures, rounded to units of 1/255."""


def save(folder: Path, deltas: Mapping[str, Tensor]) -> None:
    """Store deltas (1,C,H,W) by name as int8 in units of 1/255, which is what an 8-bit picture can carry.

    The bytes are packed by lzma, to a third or less for scenes; the shapes stand in the file's head.
    Raises ValueError for a delta beyond 127/255.
    """
    tensors = {name: _packed(_int8(name, delta)) for name, delta in deltas.items()}
    shapes = {name: list(delta.shape) for name, delta in deltas.items()}
    write_tensors(folder / FILE, tensors, {"unit": "1/255", "packed": "lzma", "shapes": json.dumps(shapes)})


def load(folder: Path) -> dict[str, Tensor]:
    """The stored deltas (1,C,H,W) as floats in [-1, 1]; empty where there are none. Raises FileError on damage."""
    path = folder / FILE
    if not path.is_file():
        return {}
    packed = read_tensors(path)
    try:
        shapes = json.loads(read_metadata(path)["shapes"])
        return {name: _unpacked(tensor, shapes[name]).float() / 255 for name, tensor in packed.items()}
    except (ArithmeticError, KeyError, RecursionError, TypeError, ValueError, lzma.LZMAError) as error:
        raise FileError(
            f"{path} holds no perturbations as PlainSight stores them ({error}); remove it and make it anew with: "
            f"python -m core precompute {folder}"
        ) from error


def _int8(name: str, delta: Tensor) -> Tensor:
    units = quantise(delta)
    if (largest := units.abs().max().item()) > 127:
        raise ValueError(f"The delta {name!r} reaches {largest:.0f}/255, and at most 127/255 can be stored.")
    return units.to(torch.int8).cpu().contiguous()


def _packed(units: Tensor) -> Tensor:
    """The bytes of an int8 tensor, packed: uint8 (n)."""
    plain = units.numpy().tobytes()
    # The dictionary of preset 9 alone has 64 MiB to be set up, for deltas of a few KiB.
    how = {"id": lzma.FILTER_LZMA2, "preset": 9, "dict_size": max(4096, len(plain))}
    return torch.frombuffer(bytearray(lzma.compress(plain, filters=[how])), dtype=torch.uint8)


def _unpacked(packed: Tensor, shape: list[int]) -> Tensor:
    """The int8 tensor (1,C,H,W) again. Raises ValueError where the bytes do not fill the shape."""
    if not fits(shape, list[int]) or len(shape) != 4 or shape[0] != 1 or min(shape) < 1:
        raise ValueError(f"{shape} is not the shape of one perturbation")
    count = math.prod(shape)
    found = lzma.LZMADecompressor().decompress(packed.numpy().tobytes(), count + 1)
    if len(found) != count:
        raise ValueError(f"{len(found)} bytes do not fill the shape {tuple(shape)}")
    return torch.frombuffer(bytearray(found), dtype=torch.int8).reshape(shape)


def delta_file(delta: Tensor, about: Mapping[str, str]) -> bytes:
    """The safetensors file of one delta (1,C,H,W), as int8 in units of 1/255, with metadata on where it comes from.

    Raises ValueError for a delta beyond 127/255.
    """
    return to_bytes({"delta": _int8("delta", delta)}, {**about, "unit": "1/255"})


def read_delta(path: Path) -> Tensor:
    """The delta (1,C,H,W) of such a file, as floats in [-1, 1]. Raises FileError where it holds none."""
    found = read_tensors(path).get("delta")
    if found is None or found.dtype != torch.int8 or found.ndim != 4 or len(found) != 1:
        raise FileError(f"{path} holds no perturbation; make one with: python -m core attack MODEL --save FOLDER")
    return found.float() / 255


def digest(delta: Tensor) -> str:
    """Twelve hexadecimal digits that tell one delta from another, as both are stored."""
    return hashlib.sha256(_int8("delta", delta).numpy().tobytes()).hexdigest()[:12]


def quantise(delta: Tensor) -> Tensor:
    """Delta in whole units of 1/255, rounded towards zero so that it stays in its ball."""
    return (delta * 255 + delta.sign() * 1e-4).trunc()
