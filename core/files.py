"""JSON and safetensors files: they are written atomically, and errors say in one sentence why one cannot be read."""

import hashlib
import json
import math
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import is_dataclass
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor


class FileError(ValueError):
    """A file cannot be used; the message names the file and the reason."""


def sha256(path: Path) -> str:
    """The hexadecimal digest of a file. Raises FileError if it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}.") from error


def write_json(path: Path, content: Any, indent: int | None = 1) -> None:
    """Write a JSON file atomically; with `indent` None on one line."""
    write_bytes(path, (to_text(content, indent) + "\n").encode())


def to_text(content: Any, indent: int | None = 1) -> str:
    """JSON that every parser reads: numbers that are not finite, like the rate of nothing, become null."""
    return json.dumps(_finite(content), indent=indent, ensure_ascii=False, allow_nan=False)


def _finite(content: Any) -> Any:
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, Mapping):
        return {name: _finite(value) for name, value in content.items()}
    return [_finite(value) for value in content] if isinstance(content, list | tuple) else content


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object. Raises FileError if the file is missing, is not a JSON object, or holds NaN or infinity."""
    try:
        # -sig: some editors on Windows put a byte order mark before the text
        content = json.loads(path.read_text(encoding="utf-8-sig"), parse_float=_number, parse_constant=_number)
    except FileNotFoundError as error:
        raise FileError(f"{path} is missing.") from error
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path} is not JSON: {error}.") from error
    if not isinstance(content, dict):
        raise FileError(f"{path} must hold a JSON object, and it holds a {type(content).__name__}.")
    return content


def fits(value: Any, kind: Any) -> bool:
    """Whether a value, and everything in it, is of the annotated type; integers count as floats.

    >>> fits(["a", "b"], list[str]), fits([1, None], list[int]), fits(3, float | None), fits(True, int)
    (True, False, True, False)
    """
    parts = get_args(kind)
    if kind is Any or get_origin(kind) in (Union, UnionType):
        return kind is Any or any(fits(value, part) for part in parts)
    if get_origin(kind) is Literal:
        return value in parts
    if isinstance(value, bool):
        return kind is bool
    if get_origin(kind) is dict:
        return isinstance(value, dict) and all(fits(name, parts[0]) and fits(value[name], parts[1]) for name in value)
    if get_origin(kind) is tuple and parts[-1] is not Ellipsis:
        return isinstance(value, tuple) and len(value) == len(parts) and all(map(fits, value, parts))
    if get_origin(kind) in (tuple, list):
        return isinstance(value, get_origin(kind)) and all(fits(one, parts[0]) for one in value)
    if isinstance(kind, type) and is_dataclass(kind):
        return isinstance(value, kind) and all(fits(getattr(value, name), own) for name, own in _hints(kind).items())
    return isinstance(value, (int, float) if kind is float else kind)


_hints = cache(get_type_hints)


def _number(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"the number {text} is not finite")
    return value


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write a safetensors file atomically, with the usual permissions."""
    write_bytes(
        path, to_bytes(tensors, metadata)
    )  # files that safetensors itself writes can be read by their owner only


CHECKSUM = "checksum"


def sealed(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> dict[str, str]:
    """The metadata with a checksum of itself and of the tensors, which `read_tensors` compares."""
    return {**metadata, CHECKSUM: _checksum(tensors, metadata)}


def _checksum(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    found = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    found.update(json.dumps(sorted(item for item in metadata.items() if item[0] != CHECKSUM)).encode())
    return found.hexdigest()


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read all tensors of a safetensors file.

    Raises FileError if it cannot be read, or if its content is not what its checksum, where it has one, was made of.
    """
    try:
        tensors, metadata = load_file(path), read_metadata(path)
        if CHECKSUM in metadata and metadata[CHECKSUM] != _checksum(tensors, metadata):
            raise FileError(f"{path} is damaged: its content does not fit its checksum.")
        return tensors
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}.") from error
    except SafetensorError as error:
        raise FileError(f"{path} is {instead(path) or f'no readable safetensors file: {error}'}.") from error


def instead(path: Path) -> str:
    """What a file holds instead of binary data, if its first bytes tell; otherwise empty. Raises OSError."""
    with path.open("rb") as file:
        start = file.read(200).lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        return "an empty file"
    if start.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer, which `git lfs pull` turns into the file"
    return "a page of HTML or XML; download the file itself" if start.startswith(b"<") else ""


def read_metadata(path: Path) -> dict[str, str]:
    """The text entries in the header of a safetensors file."""
    with safe_open(path, "pt") as file:
        return file.metadata() or {}


UNFINISHED = ".writing-"
"""How folders begin in which a file is being written."""
STALE = 3600.0
"""Seconds after which such a folder is taken for that of a process that was killed."""


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically: it is complete, or it does not exist, also after the machine has lost its power.

    What a killed process left half written beside it goes.
    """
    for left in path.parent.glob(f"{UNFINISHED}*"):
        with suppress(OSError):  # another process may have just removed it
            if time.time() - left.stat().st_mtime > STALE:
                shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=UNFINISHED) as folder:
        with (Path(folder) / path.name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(Path(folder) / path.name, path)


def remove(path: Path) -> None:
    """Remove a file that nobody is writing, and what killed processes left of it half written."""
    for left in path.parent.glob(f"{UNFINISHED}*/{path.name}"):
        shutil.rmtree(left.parent, ignore_errors=True)
    path.unlink(missing_ok=True)
