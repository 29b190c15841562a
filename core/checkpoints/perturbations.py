"""Deltas on disk, in whole units of 1/255: those of a model folder, and files of a single one.

C channels, H W height and width.
"""

import hashlib
import io
import json
import lzma
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from safetensors.torch import save as to_bytes
from torch import Tensor

from core.files import FileError, fits, instead, read_metadata, read_tensors, sealed, write_tensors
from core.threat import UNIT, from_units, quantise

FILE = "perturbations.safetensors"
Unit = Literal["255", "1"]
"""What the values of a perturbation are: n/255, or fractions of full intensity."""
BREAKING = "breaking"
"""The name under which the perturbation at the breaking point is stored: for pictures, rounded to units of 1/255."""


def save(folder: Path, deltas: Mapping[str, Tensor]) -> None:
    """Store deltas (1,C,H,W) by name as int8 in units of 1/255, which is what an 8-bit picture can carry.

    The bytes are packed by lzma, to a third or less for scenes; the shapes stand in the file's head.
    Raises ValueError for a delta beyond 127/255.
    """
    tensors = {name: packed(int8(name, delta)) for name, delta in deltas.items()}
    shapes = {name: list(delta.shape) for name, delta in deltas.items()}
    about = {"unit": "1/255", "packed": "lzma", "shapes": json.dumps(shapes)}
    write_tensors(folder / FILE, tensors, sealed(tensors, about))


def load(folder: Path) -> dict[str, Tensor]:
    """The stored deltas (1,C,H,W) as floats in [-1, 1]; empty where there are none. Raises FileError on damage."""
    path = folder / FILE
    return {name: from_units(units) for name, units in _stored(path).items()} if path.is_file() else {}


def _stored(path: Path) -> dict[str, Tensor]:
    """The perturbations of a model folder as int8 (1,C,H,W) in units of 1/255. Raises FileError on damage."""
    tensors = read_tensors(path)
    try:
        shapes = json.loads(read_metadata(path)["shapes"])
        return {name: unpacked(tensor, _one(shapes[name])) for name, tensor in tensors.items()}
    except (ArithmeticError, KeyError, RecursionError, TypeError, ValueError, lzma.LZMAError) as error:
        raise FileError(
            f"{path} holds no perturbations as PlainSight stores them ({error}); remove it and make it anew with: "
            f"plainsight precompute {path.parent}"
        ) from error


def as_stored(delta: Tensor) -> Tensor:
    """The delta as it comes back from a file: in whole units of 1/255, as floats on the CPU."""
    return from_units(int8("delta", delta))


def int8(name: str, delta: Tensor) -> Tensor:
    """A delta as whole units of 1/255, on the CPU. Raises ValueError, which calls it `name`, beyond 127/255."""
    units = quantise(delta)
    if (largest := units.abs().max().item()) > 127:
        raise ValueError(f"The delta {name!r} reaches {largest:.0f}/255, and at most 127/255 can be stored.")
    return units.to(torch.int8).cpu().contiguous()


def packed(units: Tensor) -> Tensor:
    """The bytes of an int8 tensor, packed by lzma: uint8 (n)."""
    return torch.frombuffer(bytearray(_compressed(units.numpy().tobytes())), dtype=torch.uint8)


@lru_cache(maxsize=256)  # a folder is saved anew after every delta
def _compressed(plain: bytes) -> bytes:
    # The dictionary of preset 9 alone has 64 MiB to be set up, for deltas of a few KiB.
    how = {"id": lzma.FILTER_LZMA2, "preset": 9, "dict_size": max(4096, len(plain))}
    return lzma.compress(plain, filters=[how])


def unpacked(packed: Tensor, shape: Sequence[int]) -> Tensor:
    """The int8 tensor of that shape again. Raises ValueError or LZMAError where the bytes do not fill it."""
    count = math.prod(shape)
    found = lzma.LZMADecompressor().decompress(packed.numpy().tobytes(), count + 1)
    if len(found) != count:
        raise ValueError(f"{len(found)} bytes do not fill the shape {tuple(shape)}")
    return torch.frombuffer(bytearray(found), dtype=torch.int8).reshape(*shape)


def _one(shape: Any) -> list[int]:
    """The shape (1,C,H,W) of one perturbation as it stands in a file. Raises ValueError."""
    if not fits(shape, list[int]) or len(shape) != 4 or shape[0] != 1 or min(shape) < 1:
        raise ValueError(f"{shape} is not the shape of one perturbation")
    return list(shape)


def delta_file(delta: Tensor, about: Mapping[str, str]) -> bytes:
    """The safetensors file of one delta (1,C,H,W), as int8 in units of 1/255, with metadata on where it comes from.

    Raises ValueError for a delta beyond 127/255.
    """
    tensors = {"delta": int8("delta", delta)}
    return to_bytes(tensors, sealed(tensors, {**about, "unit": "1/255"}))


def float_file(delta: Tensor) -> bytes:
    """The .npy file of one delta (1,C,H,W), as float32 (C,H,W) in fractions of full intensity: for other tools."""
    buffer = io.BytesIO()
    np.save(buffer, delta[0].float().cpu().numpy())
    return buffer.getvalue()


def read_delta(
    path: Path, size: Sequence[int] | None = None, unit: Unit | None = None, key: str | None = None
) -> Tensor:
    """The delta (1,C,H,W) of a file, as floats in [-1, 1]: of ours, or of another tool (.npy, .npz, .pt, .safetensors).

    `size` is the (C,H,W) of the images; with it (H,W,C) is read too. `key` names one of several perturbations in the
    file, like `spgd-e8` in that of a model folder; it may be left out where there is only one, or one named `delta`.
    Values of other tools are kept as they are, whole units or not. Raises FileError for what holds no such
    perturbation, one of another size, or one whose unit or axes are in doubt.
    """
    found, ours = _array(path, key)
    shape, values = tuple(found.shape), found.double()
    if not values.isfinite().all():
        raise FileError(f"{path} holds values that are not finite.")
    whole = values[None] if values.ndim == 3 else values
    if whole.ndim != 4 or len(whole) != 1 or not values.numel():
        raise FileError(f"{path} has the shape {shape}, and one perturbation (channels, height, width) is expected.")
    if size is not None:
        ways = [whole] if ours else [whole, whole.permute(0, 3, 1, 2)]
        ways = [way for way in ways if tuple(way.shape[1:]) == tuple(size)]
        if not ways:
            raise FileError(f"{path} holds a perturbation of shape {shape}, and the images have {tuple(size)}.")
        if len(ways) > 1:
            raise FileError(
                f"{path} has the shape {shape}, of which any axis may be the channels; store it as ours are."
            )
        whole = ways[0]
    in_units = _unit(path, found, ours=ours, told=unit) == "255"
    return (from_units(whole) if in_units else whole).float().contiguous()


def _unit(path: Path, found: Tensor, *, ours: bool, told: Unit | None) -> Unit:
    """The unit that a file says or is told, or that its largest value leaves no doubt of.

    Fractions of full intensity are at most 1, and nobody perturbs by half of it, or by less than 1/255.
    """
    largest = found.double().abs().max().item()
    if ours and told == "1":
        raise FileError(f"{path} says itself that its unit is 1/255; leave --unit out.")
    known = told or ("255" if ours else None)
    if known is None and found.is_floating_point() and not 127 * UNIT < largest <= 1:
        known = "255" if largest > 1 else "1"
    if known is None:
        raise FileError(
            f"{path} does not say in which unit its values are, the largest of which is {largest:g}; "
            "give --unit 255 for n/255, or --unit 1 for fractions of full intensity."
        )
    if largest > int(known):
        raise FileError(f"{path} has the largest value {largest:g}, and full intensity is {known} in this unit.")
    return known


def _array(path: Path, key: str | None) -> tuple[Tensor, bool]:
    """The tensor `key` of a file, and whether it is one of ours: int8 in units of 1/255.

    Without a key it is the only one, or that named `delta`.
    """
    if not path.is_file():
        raise FileError(f"There is no file {path}.")
    if what := instead(path):
        raise FileError(f"{path} is {what}.")
    try:
        content = _content(path)
        named = content if isinstance(content, Mapping) else {"delta": content}
        arrays = {name: _tensor(value) for name, value in named.items() if getattr(value, "ndim", 0) > 2}
    except FileError:
        raise
    except Exception as error:  # whatever bytes can do to a reader
        reason = "it is damaged, or of another kind, or would run code"
        raise FileError(f"{path} cannot be read as {path.suffix}: {reason}.") from error
    if key is not None and arrays and key not in arrays:
        raise FileError(f"{path} holds no perturbation named {key!r}; it holds {', '.join(arrays)}.")
    if not arrays or (key is None and "delta" not in arrays and len(arrays) > 1):
        other = f"; or name one with --key: {', '.join(arrays)}" if arrays else ""
        raise FileError(
            f"{path} holds no perturbation: one tensor of channels, height and width is expected, and there are "
            f"{len(arrays)}; make one with: plainsight attack MODEL --save FOLDER{other}"
        )
    found = arrays[key] if key is not None else arrays.get("delta", next(iter(arrays.values())))
    own = path.suffix == ".safetensors" and read_metadata(path).get("unit") == "1/255"
    return found, own and found.dtype == torch.int8


def _content(path: Path) -> Any:
    """What a file holds, without running code from it."""
    if path.suffix == ".safetensors":
        return _stored(path) if "packed" in read_metadata(path) else read_tensors(path)
    if path.suffix in (".npy", ".npz"):
        with path.open("rb") as file:  # numpy itself leaves damaged archives open
            found = np.load(file, allow_pickle=False)
            return found if isinstance(found, np.ndarray) else dict(found)
    if path.suffix in (".pt", ".pth"):
        return torch.load(path, map_location="cpu", weights_only=True)
    raise FileError(f"{path} is no perturbation; .safetensors, .npy, .npz, .pt and .pth are read.")


def _tensor(value: Any) -> Tensor:
    """An array of torch or numpy, of real numbers. Raises ValueError for others."""
    if isinstance(value, np.ndarray):
        value = torch.from_numpy(value.astype(value.dtype.newbyteorder("=")))
    found: Tensor = value.detach().to_dense()
    if found.is_complex() or found.dtype == torch.bool:
        raise ValueError("These are no numbers of a perturbation.")
    return found


def digest(delta: Tensor) -> str:
    """Twelve hexadecimal digits that tell one delta from another, as both are stored."""
    return hashlib.sha256(int8("delta", delta).numpy().tobytes()).hexdigest()[:12]
