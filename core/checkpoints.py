"""Model folders: `config.json`, `model.safetensors`, `results.json`, `perturbations.safetensors`. Never pickle.

The names are those of the Hugging Face Hub, so that a folder can be pushed and pulled as it is.
M deltas, C channels, H W height and width.
"""

import hashlib
import json
import os
import platform
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from core.models import Normalised, create

FORMAT = 1
CONFIG, WEIGHTS, RESULTS, PERTURBATIONS = (
    "config.json",
    "model.safetensors",
    "results.json",
    "perturbations.safetensors",
)


class CheckpointError(ValueError):
    """A model folder that cannot be used; the message names the file and what is wrong with it."""


@dataclass(frozen=True)
class Checkpoint:
    """What is known of a trained model before its weights are read."""

    folder: Path
    architecture: str
    data: str
    classes: tuple[str, ...]
    sha256: str
    recipe: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def title(self) -> str:
        """For people: `Standard`, or like `Shared, heap 64, ε 16/255, σ 0.5`."""
        sigma, heap, epsilon = (self.recipe.get(key) for key in ("sigma", "heap", "epsilon"))
        if not sigma or epsilon is None:
            return "Standard" if self.name == "standard" else self.name
        kind = "Adversarial, heap 1" if heap == 1 else f"Shared, heap {heap}"
        return f"{kind}, ε {epsilon * 255:.4g}/255, σ {sigma:.4g}"


def default_root() -> Path:
    """Where the shipped models lie: `$PLAINSIGHT_CHECKPOINTS`, else `checkpoints` beside the packages."""
    given = os.environ.get("PLAINSIGHT_CHECKPOINTS")
    return Path(given).expanduser() if given else Path(__file__).parent.parent / "checkpoints"


def save(folder: Path, model: Normalised, config: Mapping[str, Any]) -> Checkpoint:
    """Write weights (floats as fp16) and `config.json` with their sha256; each file appears whole or not at all.

    `config` needs `architecture`, `data` and `classes`; versions and the format number are added.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).detach().cpu().contiguous()
        for name, tensor in model.state_dict().items()
    }
    # one entry only: safetensors writes several in random order, and equal weights would have unequal digests
    write_tensors(folder / WEIGHTS, tensors, {"model": f"{config['architecture']} on {config['data']}"})
    whole = {"format": FORMAT, **config, "versions": versions(), "sha256": sha256(folder / WEIGHTS)}
    write_json(folder / CONFIG, whole)
    return read(folder)


def read(folder: Path) -> Checkpoint:
    """The description of the model in `folder`, without its weights. Raises CheckpointError."""
    path = folder / CONFIG
    config = read_json(path)
    missing = [key for key in ("format", "architecture", "data", "classes", "sha256") if key not in config]
    if missing:
        raise CheckpointError(f"{path} is no model description of PlainSight: it lacks {', '.join(missing)}.")
    if config["format"] != FORMAT:
        raise CheckpointError(f"{path} has format {config['format']}, and this version reads format {FORMAT}.")
    kinds = {"architecture": str, "data": str, "classes": list, "sha256": str, "recipe": dict}
    for key, kind in kinds.items():
        if not isinstance(config.get(key, kind()), kind):
            given = type(config[key]).__name__
            raise CheckpointError(f"{path}: {key} must be of type {kind.__name__}, and it is of type {given}.")
    return Checkpoint(
        folder,
        config["architecture"],
        config["data"],
        tuple(config["classes"]),
        config["sha256"],
        config.get("recipe", {}),
        config,
    )


def load(folder: Path, device: str | torch.device = "cpu") -> Normalised:
    """The model of a folder, in evaluation mode and with frozen weights.

    Raises CheckpointError when the weights are not those that the config names, or do not fit its architecture.
    """
    checkpoint = read(folder)
    path = folder / WEIGHTS
    if not path.is_file():
        raise CheckpointError(f"{path} is missing.")
    actual = sha256(path)
    if actual != checkpoint.sha256:
        raise CheckpointError(
            f"{path} has sha256 {actual[:12]} and {CONFIG} names {checkpoint.sha256[:12]}: the file was changed."
        )
    try:
        model = create(checkpoint.architecture, len(checkpoint.classes))
    except ValueError as error:
        raise CheckpointError(f"{folder / CONFIG}: {error}") from error
    assign(model, read_tensors(path), path)
    return model.eval().requires_grad_(False).to(device)


def assign(model: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Copy tensors into the model. Raises CheckpointError that names the first one that does not fit."""
    expected = model.state_dict()
    for name in expected:
        if name not in tensors:
            raise CheckpointError(f"{path} lacks the tensor {name!r} of this architecture.")
        if tensors[name].shape != expected[name].shape:
            given, fits = tuple(tensors[name].shape), tuple(expected[name].shape)
            raise CheckpointError(f"{path}: the tensor {name!r} has shape {given}, and this architecture has {fits}.")
    extra = sorted(set(tensors) - set(expected))
    if extra:
        raise CheckpointError(f"{path} holds the tensor {extra[0]!r}, which this architecture does not have.")
    model.load_state_dict(dict(tensors))


def find(root: Path) -> list[Checkpoint]:
    """All readable model folders at any depth under `root`, sorted by data set, then from standard to hardened."""
    found = [checkpoint for path in root.rglob(CONFIG) if (checkpoint := _readable(path.parent))]
    return sorted(found, key=lambda c: (c.data, bool(c.recipe.get("sigma")), c.recipe.get("heap", 0), c.name))


def _readable(folder: Path) -> Checkpoint | None:
    try:
        return read(folder)
    except CheckpointError:
        return None


def save_perturbations(folder: Path, deltas: Mapping[str, Tensor]) -> None:
    """Store deltas (1,C,H,W) by name as int8 in units of 1/255, which is what an 8-bit picture can carry.

    Raises ValueError for a delta beyond 127/255.
    """
    for name, delta in deltas.items():
        units = quantise(delta).abs().max().item()
        if units > 127:
            raise ValueError(f"The delta {name!r} reaches {units:.0f}/255, and at most 127/255 can be stored.")
    tensors = {name: quantise(delta).to(torch.int8).cpu().contiguous() for name, delta in deltas.items()}
    write_tensors(folder / PERTURBATIONS, tensors, {"unit": "1/255"})


def load_perturbations(folder: Path) -> dict[str, Tensor]:
    """The stored deltas (1,C,H,W) as floats in [-1, 1]; empty where there are none."""
    path = folder / PERTURBATIONS
    return {name: tensor.float() / 255 for name, tensor in read_tensors(path).items()} if path.is_file() else {}


def delta_file(delta: Tensor, about: Mapping[str, str]) -> bytes:
    """The safetensors file of one delta (1,C,H,W), as int8 in units of 1/255, with metadata on where it comes from."""
    stored = quantise(delta).to(torch.int8).cpu().contiguous()
    return to_bytes({"delta": stored}, {**about, "unit": "1/255"})


def read_delta(path: Path) -> Tensor:
    """The delta (1,C,H,W) of such a file, as floats in [-1, 1]. Raises CheckpointError where it holds none."""
    found = read_tensors(path).get("delta")
    if found is None or found.dtype != torch.int8 or found.ndim != 4 or len(found) != 1:
        raise CheckpointError(f"{path} holds no perturbation; make one with: python -m core attack MODEL --save FOLDER")
    return found.float() / 255


def quantise(delta: Tensor) -> Tensor:
    """Delta in whole units of 1/255, rounded towards zero so that it stays in its ball."""
    return (delta * 255 + delta.sign() * 1e-4).trunc()


class ResumeFile:
    """The state of a run after its last whole epoch: weights, optimiser, history; bound to one configuration."""

    def __init__(self, path: Path, config: dict[str, Any]) -> None:
        self.path = path
        self.config = json.dumps(config, sort_keys=True)

    def save(self, model: nn.Module, optimizer: Any, epochs: int, history: list[dict[str, float]]) -> None:
        momenta = optimizer.state_dict()["state"]
        tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
        tensors |= {f"momentum.{key}": slot["momentum_buffer"] for key, slot in momenta.items()}
        plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_tensors(self.path, plain, {"config": self.config, "epochs": str(epochs), "history": json.dumps(history)})

    def load(self, model: nn.Module, optimizer: Any) -> tuple[int, list[dict[str, float]]]:
        """Epochs done and their history; (0, []) where there is nothing to resume. Raises CheckpointError."""
        if not self.path.is_file():
            return 0, []
        tensors, metadata = read_tensors(self.path), read_metadata(self.path)
        if metadata.get("config") != self.config:
            raise CheckpointError(f"{self.path} is from a run with other settings; delete it or choose another folder.")
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

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)


def versions() -> dict[str, str]:
    """What the result depends on: Python, PyTorch, the machine."""
    hardware = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "hardware": hardware,
    }


def sha256(path: Path) -> str:
    """The hexadecimal digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_json(path: Path, content: Any) -> None:
    """A JSON file that appears whole or not at all."""
    write_bytes(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises CheckpointError where the file is absent or no JSON object."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing; a model folder holds {CONFIG} and {WEIGHTS}.") from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} is not JSON: {error}.") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} must hold a JSON object, and it holds a {type(content).__name__}.")
    return content


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """A safetensors file that appears whole or not at all."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
        save_file(tensors, Path(folder) / path.name, metadata)
        os.replace(Path(folder) / path.name, path)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file. Raises CheckpointError where it is damaged."""
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is no readable safetensors file: {error}.") from error


def read_metadata(path: Path) -> dict[str, str]:
    """The text entries in the head of a safetensors file."""
    with safe_open(path, "pt") as file:
        return file.metadata() or {}


def write_bytes(path: Path, content: bytes) -> None:
    """A file that appears whole or not at all."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
        (Path(folder) / path.name).write_bytes(content)
        os.replace(Path(folder) / path.name, path)
