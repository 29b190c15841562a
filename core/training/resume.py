"""The resume file of a training run, so that a killed run ends with the same weights as one never killed."""

import json
import logging
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from torch import nn

from core.files import CHECKSUM, FileError, read_metadata, read_tensors, remove, sealed, write_tensors
from core.models.state import assign
from core.runtime import versions
from core.training.recipe import with_defaults


class ResumeFile:
    """The state of a run after its last whole epoch: weights, optimiser, history; bound to one configuration."""

    def __init__(self, path: Path, config: dict[str, Any]) -> None:
        self.path = path
        self.config = json.dumps(config, sort_keys=True)

    def save(self, model: nn.Module, optimizer: Any, epochs: int, history: list[dict[str, float]]) -> None:
        """Write the state. Where that cannot be, as on a full disk, the log says so and the training goes on."""
        momenta = optimizer.state_dict()["state"]
        tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
        tensors |= {f"momentum.{key}": slot["momentum_buffer"] for key, slot in momenta.items()}
        hardware = [*self._machines(), versions()["hardware"]]
        plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        told = {"epochs": str(epochs), "history": json.dumps(history), "hardware": json.dumps(hardware)}
        about = {"config": self.config, **told}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_tensors(self.path, plain, sealed(plain, about))
        except OSError as error:
            logging.getLogger(__name__).warning(
                "%s cannot be written (%s): were the training stopped now, it would go on from the epoch stored there, "
                "or from the beginning.",
                self.path,
                error.strerror,
            )

    def load(self, model: nn.Module, optimizer: Any) -> tuple[int, list[dict[str, float]]]:
        """Epochs done and their history; (0, []) where there is nothing to resume. Raises FileError."""
        if not self.path.is_file():
            return 0, []
        tensors, metadata = read_tensors(self.path), read_metadata(self.path)
        if unknown := metadata.keys() - {"config", "epochs", "history", "hardware", CHECKSUM}:
            raise FileError(f"{self.path} is damaged: nothing is called {min(unknown)!r} there.")
        if not self._matches(metadata.get("config", "")):
            raise FileError(f"{self.path} is from a run with other settings; delete it or choose another folder.")
        weights = {name[6:]: tensor for name, tensor in tensors.items() if name.startswith("model.")}
        assign(model, weights, self.path)
        whole = optimizer.state_dict()
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        # laid out in memory like the parameters: other strides round differently, and the run would not be repeated
        momenta = {
            place: torch.empty_like(parameter).copy_(tensors[f"momentum.{place}"])
            for place, parameter in enumerate(parameters)
            if f"momentum.{place}" in tensors
        }
        whole["state"] = {place: {"momentum_buffer": momentum} for place, momentum in momenta.items()}
        optimizer.load_state_dict(whole)
        return int(metadata["epochs"]), json.loads(metadata["history"])

    def _matches(self, stored: str) -> bool:
        try:
            return with_defaults(json.loads(stored)) == with_defaults(json.loads(self.config))
        except (TypeError, ValueError):  # no settings at all
            return False

    @property
    def hardware(self) -> str:
        """What the epochs ran on, like `NVIDIA H200 (epochs 1 to 3), then CPU, 2 threads`."""
        parts, first = [], 1
        for name, epochs in groupby(self._machines() or [versions()["hardware"]]):
            last = first + len(list(epochs)) - 1
            parts.append((name, f"epochs {first} to {last}" if last > first else f"epoch {first}"))
            first = last + 1
        *before, (now, _) = parts
        return ", then ".join([*(f"{name} ({span})" for name, span in before), now])

    def _machines(self) -> list[str]:
        """The hardware of every epoch so far."""
        known: list[str] = json.loads(read_metadata(self.path).get("hardware", "[]")) if self.path.is_file() else []
        return known

    def remove(self) -> None:
        remove(self.path)
