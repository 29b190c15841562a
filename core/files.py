"""JSON and safetensors files that appear whole or not at all, and that say in one sentence why they cannot be read."""

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor


class FileError(ValueError):
    """A file that cannot be used; the message names it and what is wrong with it."""


def sha256(path: Path) -> str:
    """The hexadecimal digest of a file. Raises FileError where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}.") from error


def write_json(path: Path, content: Any, indent: int | None = 1) -> None:
    """A JSON file that appears whole or not at all; `indent` None puts it on one line."""
    write_bytes(path, (to_text(content, indent) + "\n").encode())


def to_text(content: Any, indent: int | None = 1) -> str:
    """JSON that every parser reads: numbers that are not finite, like a rate where nothing counts, are null."""
    return json.dumps(_finite(content), indent=indent, ensure_ascii=False, allow_nan=False)


def _finite(content: Any) -> Any:
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, Mapping):
        return {name: _finite(value) for name, value in content.items()}
    return [_finite(value) for value in content] if isinstance(content, list | tuple) else content


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises FileError where the file is absent, is no JSON object, or holds NaN or an infinity."""
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
    """Whether a value is of the type that an annotation names, with all that it holds; whole numbers are floats too.

    >>> fits(["a", "b"], list[str]), fits([1, None], list[int]), fits(3, float | None), fits(True, int)
    (True, False, True, False)
    """
    parts = get_args(kind)
    if kind is Any or get_origin(kind) in (Union, UnionType):
        return kind is Any or any(fits(value, part) for part in parts)
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
    """A safetensors file that appears whole or not at all, and that whoever may read its neighbours may read."""
    write_bytes(path, to_bytes(tensors, metadata))  # what safetensors writes itself only its owner may read


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file. Raises FileError where it is damaged."""
    try:
        return load_file(path)
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}.") from error
    except SafetensorError as error:
        raise FileError(f"{path} is {instead(path) or f'no readable safetensors file: {error}'}.") from error


def instead(path: Path) -> str:
    """What stands in place of a binary file, where its first bytes tell; else empty. Raises OSError."""
    with path.open("rb") as file:
        start = file.read(200).lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        return "an empty file"
    if start.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer, which `git lfs pull` turns into the file"
    return "a page of HTML or XML; download the file itself" if start.startswith(b"<") else ""


def read_metadata(path: Path) -> dict[str, str]:
    """The text entries in the head of a safetensors file."""
    with safe_open(path, "pt") as file:
        return file.metadata() or {}


def write_bytes(path: Path, content: bytes) -> None:
    """A file that appears whole or not at all."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
        (Path(folder) / path.name).write_bytes(content)
        os.replace(Path(folder) / path.name, path)
