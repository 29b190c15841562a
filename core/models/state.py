"""The tensors of a file in a model: copied where all of them fit."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from core.files import FileError


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
