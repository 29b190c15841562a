"""Models that were trained elsewhere: an architecture by name and a file of weights, read without running any of it.

C channels, K classes.
"""

import argparse
import json
import pathlib
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.files import FileError, instead, read_tensors
from core.models.compatibility import some
from core.models.normalised import Normalised, within_units
from core.models.registry import create
from core.models.smp import AnySize
from core.models.state import assign

Channels = tuple[float, ...]
USUAL = ("state_dict", "model_state_dict", "model", "net", "network", "module", "params", "weights")
"""Where trainers put the weights in a file that holds more than them."""
EMA = re.compile(r"(^|[._])ema([._]|$)")
"""Stands in the names of weights that are averages over the training, which timm takes rather than the last ones."""
HARMLESS: list[Any] = [
    argparse.Namespace,
    *((pathlib.PurePosixPath, f"pathlib.{name}PosixPath") for name in ("", "Pure", "_local.", "_local.Pure")),
    *((np.float64(0).__reduce__()[0], f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
    *(np.dtype, *(type(np.dtype(kind)) for kind in ("f8", "f4", "i8", "i4", "b1"))),
]
"""What trainers store beside the weights and what runs no code: their options, paths, the numbers of NumPy."""


@dataclass(frozen=True)
class State:
    """The tensors of a file by name. `key` says which of its sets they are (empty: the only one), `others` the rest."""

    path: Path
    tensors: dict[str, Tensor]
    key: str = ""
    others: tuple[str, ...] = ()


def load(
    architecture: str,
    weights: Path | str | State,
    classes: int,
    mean: Channels | None = None,
    std: Channels | None = None,
    device: str | torch.device = "cpu",
) -> Normalised:
    """A network for K classes that takes images in [0, 1], in evaluation mode and with frozen weights.

    `weights` is a safetensors file, or a `state_dict` that torch.load reads with weights_only=True, which runs no code
    of the file; or what `read_state` made of one. `mean` and `std` (C) are what the network was trained to see images
    normalised by, in units of [0, 1]; without them those that the file holds (`mean`, `std`, as model folders of
    PlainSight do), else those that timm names for this architecture. Raises ValueError (FileError) that names what does
    not fit. Class number k is what logit k says: `core.models.compatibility.numbered` brings a data set to that order.
    """
    state = weights if isinstance(weights, State) else read_state(Path(weights))
    model = create(architecture, classes)
    found = _bare(state.tensors, model.network)
    named = getattr(model.network, "pretrained_cfg", None) or {}
    for name, given in (("mean", mean), ("std", std)):
        stored = found.pop(name, None)
        values = stored if given is None else given
        values = named.get(name) if values is None else values
        if values is None:
            raise ValueError(
                f"{state.path} does not say by which {name} its images are normalised, nor is it known of "
                f"{architecture}; give mean and std, a number for each channel (0 and 1 for none)."
            )
        channels = getattr(model, name)
        values = torch.as_tensor(values).flatten()
        if len(values) != len(channels):
            raise ValueError(f"{name} takes {len(channels)} numbers, one a channel, and {len(values)} were given.")
        within_units(name, values.tolist())
        channels.copy_(values.reshape(channels.shape))
    _check_head(found, model.network, classes, state.path)
    assign(model.network, found, state.path)
    return model.eval().requires_grad_(False).to(device)


def read_state(path: Path, key: str | None = None) -> State:
    """The weights in a file; of several sets that whose dotted key is `key`, without it averages (EMA), as timm does.

    Raises FileError where there are none, where more than tensors would have to be read, and where it is not clear
    which of several sets is meant.
    """
    content = _content(path)
    sets = _sets(content)
    if key is not None:
        flat = {f"{at}.{name}" if at else name: tensor for at, own in sets.items() for name, tensor in own.items()}
        tensors = {name.removeprefix(f"{key}."): flat[name] for name in flat if name.startswith(f"{key}.")}
        if not tensors:
            raise FileError(f"{path} holds no weights under the key {key!r}; it has {_listed(sets)}.")
        return State(path, tensors, key, tuple(at for at in sets if at != key))
    if not sets:
        raise FileError(f"{path} holds no weights: a state_dict is expected, and it holds a {type(content).__name__}.")
    for at, own in list(sets.items()):
        sets |= _by_prefix(at, own)
    chosen = _chosen(path, list(sets))
    return State(path, sets[chosen], chosen, tuple(at for at in sets if at != chosen))


def read_classes(path: Path) -> tuple[str, ...]:
    """The names of classes in the order of the logits, from a text file with one a line, or JSON.

    JSON is a list of names, or an object like {"0": "car"} or {"car": 0}, torchvision's class_to_idx. Raises FileError.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        content: Any = (
            json.loads(text) if path.suffix == ".json" else [line.strip() for line in text.strip().split("\n")]
        )
    except (OSError, ValueError, RecursionError) as error:
        raise FileError(f"{path} cannot be read as a list of class names: {error}.") from error
    if isinstance(content, dict):
        pairs = [(name, at) if isinstance(at, int) else (at, name) for name, at in content.items()]
        numbers = {int(at): name for name, at in pairs if str(at).isdecimal()}
        content = [numbers.get(at) for at in range(len(content))]
    if not isinstance(content, list) or not all(isinstance(name, str) and name for name in content):
        raise FileError(f"{path} must give a name for each class from 0 on: one a line, or as JSON.")
    if twice := [name for name in content if content.count(name) > 1]:
        raise FileError(f"{path} gives the class {twice[0]!r} twice.")
    return tuple(content)


def _content(path: Path) -> Any:
    """What a file of weights holds, by its content and whatever its suffix. Raises FileError that says what it is."""
    if not path.is_file():
        raise FileError(f"There is no file of weights {path}.")
    if what := instead(path):
        raise FileError(f"{path} is {what}.")
    with path.open("rb") as file:
        head = file.read(4096)
    if head[4:9] == b"\0\0\0\0{":  # the length of the head of safetensors, and its first byte
        return read_tensors(path)
    try:
        # not by its path, whose suffix newer versions of PyTorch go by
        with torch.serialization.safe_globals(HARMLESS), path.open("rb") as file:
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever bytes can do to an unpickler
        raise FileError(f"{path} {_refused(path, str(error))}") from error


def _refused(path: Path, error: str) -> str:
    """Why torch.load did not read a file, in words that people understand."""
    anew = "write the weights anew with safetensors.torch.save_file(model.state_dict(), FILE)."
    if named := re.search(r"GLOBAL (\S+) was not an allowed|Unsupported class (\S+)", error):
        name = named[1] or named[2]
        return f"holds more than tensors: {name}, which cannot be read without running code from it; {anew}"
    if zipfile.is_zipfile(path):
        names = [name.rpartition("/")[2] for name in zipfile.ZipFile(path).namelist()]
        if "constants.pkl" in names:
            return f"is a TorchScript archive, which cannot be read without running code from it; {anew}"
        if "data.pkl" not in names:
            return "is a zip archive, but none that torch.save made."
    return f"is neither safetensors nor a whole state_dict that can be read without running code from it; {anew}"


def _sets(content: Any, at: str = "") -> dict[str, dict[str, Tensor]]:
    """The sets of tensors in a training file by their dotted keys; the state of an optimizer is none."""
    if not isinstance(content, Mapping):
        return {}
    named = {name: value for name, value in content.items() if isinstance(name, str)}
    own = {name: value for name, value in named.items() if isinstance(value, Tensor)}
    found = {at: own} if any(tensor.ndim for tensor in own.values()) else {}
    for name, value in named.items():
        if not name.startswith("optim"):
            found |= _sets(value, f"{at}.{name}" if at else name)
    return found


def _by_prefix(at: str, tensors: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """What a module of Lightning with its average beside it holds (`model.*`, `ema_model.*`); else nothing."""
    groups: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        first, _, rest = name.partition(".")
        groups.setdefault(f"{at}.{first}" if at else first, {})[rest] = tensor
    averages = [key for key in groups if EMA.search(key) and not EMA.search(at)]
    twins = [
        key for key in groups if averages and key not in averages and groups[key].keys() == groups[averages[0]].keys()
    ]
    return {key: groups[key] for key in (*averages, *twins)} if twins else {}


def _chosen(path: Path, keys: list[str]) -> str:
    """Which of several sets is meant. Raises FileError that names them where that is not clear."""
    averages = [key for key in keys if EMA.search(key)]
    usual = [key for key in keys if key.rpartition(".")[2] in USUAL]
    meant = averages or usual or keys
    if len(meant) > 1:
        raise FileError(f"{path} holds several sets of weights, {_listed(meant)}; name one (--weights-key).")
    return meant[0]


def _listed(keys: Iterable[str]) -> str:
    return some([key or "one without a key" for key in keys]) or "none"


def _bare(state: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """The weights under the names that the network itself gives them, whatever wrappers put before all of them.

    Those of modules that `core.models.smp` leaves out as idle go, and so does how many weights an average is of;
    unneeded counters of seen batches may lack.
    """
    own = network.state_dict()
    rest, kept, forms = state, dict[str, Tensor](), list[dict[str, Tensor]]()
    while True:
        kept |= {name: rest[name] for name in ("mean", "std") if name in rest and name not in own}
        rest = {name: tensor for name, tensor in rest.items() if name not in (*kept, "n_averaged")}
        forms.append(rest)
        first = {name.partition(".")[0] for name in rest}
        if len(first) != 1 or any("." not in name for name in rest):
            break
        rest = {name.partition(".")[2]: tensor for name, tensor in rest.items()}
    forms.append({f"network.{name}": tensor for name, tensor in rest.items()})
    found = max(forms, key=lambda form: len(own.keys() & form.keys()))
    left_out = network.named_modules() if isinstance(network, AnySize) else ()
    idle = tuple(f"{name}." for name, module in left_out if isinstance(module, nn.Identity))
    found = {name: tensor for name, tensor in found.items() if name in own or not name.startswith(idle)}
    counters = {name: tensor for name, tensor in own.items() if name.endswith("num_batches_tracked")}
    return counters | found | kept


def _check_head(found: dict[str, Tensor], network: nn.Module, classes: int, path: Path) -> None:
    """Raises FileError that names both numbers of classes where only the last layer has another one."""
    own = network.state_dict()
    unlike = {name: fits.shape for name, fits in own.items() if name in found and found[name].shape != fits.shape}
    heads = {found[name].shape[0] for name, fits in unlike.items() if fits[0] == classes and found[name].ndim}
    tails = all(found[name].shape[1:] == fits[1:] for name, fits in unlike.items())
    if unlike and len(heads) == 1 and tails and all(fits[0] == classes for fits in unlike.values()):
        given = f"{heads.pop()} classes (by the shape of its tensor {next(iter(unlike))!r})"
        raise FileError(f"{path} tells {given} apart, and {classes} are needed.")
