"""JSON and safetensors files that appear whole or not at all, and that say in one sentence why they cannot be read."""

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor


class FileError(ValueError):
    """A file that cannot be used; the message names it and what is wrong with it."""


def sha256(path: Path) -> str:
    """The hexadecimal digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_json(path: Path, content: Any, indent: int | None = 1) -> None:
    """A JSON file that appears whole or not at all; `indent` None puts it on one line."""
    write_bytes(path, (json.dumps(content, indent=indent, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises FileError where the file is absent or no JSON object."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))  # as some editors on Windows save it
    except FileNotFoundError as error:
        raise FileError(f"{path} is missing.") from error
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}.") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise FileError(f"{path} is not JSON: {error}.") from error
    if not isinstance(content, dict):
        raise FileError(f"{path} must hold a JSON object, and it holds a {type(content).__name__}.")
    return content


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """A safetensors file that appears whole or not at all, and that whoever may read its neighbours may read."""
    write_bytes(path, to_bytes(tensors, metadata))  # what safetensors writes itself only its owner may read


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file. Raises FileError where it is damaged."""
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise FileError(f"{path} is no readable safetensors file: {error}.") from error


def read_metadata(path: Path) -> dict[str, str]:
    """The text entries in the head of a safetensors file."""
    with safe_open(path, "pt") as file:
        return file.metadata() or {}


def write_bytes(path: Path, content: bytes) -> None:
    """A file that appears whole or not at all."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
        (Path(folder) / path.name).write_bytes(content)
        os.replace(Path(folder) / path.name, path)
