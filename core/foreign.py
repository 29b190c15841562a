"""Models that were trained elsewhere: an architecture by name and a file of weights, read without running any of it.

C channels, K classes.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from core.checkpoints import assign
from core.files import FileError, read_tensors
from core.models import Normalised, create
from core.segmenters import AnySize

Channels = tuple[float, ...]
NESTED = ("state_dict", "model_state_dict", "model", "net", "state_dict_ema")
"""Where trainers put the weights in a file that holds more than them."""
PREFIXES = ("module.", "model.", "_orig_mod.", "network.")
"""What wrappers (DataParallel, Lightning, torch.compile, our own) put before the name of every weight."""


def load(
    architecture: str,
    weights: Path | str,
    classes: int,
    mean: Channels | None = None,
    std: Channels | None = None,
    device: str | torch.device = "cpu",
) -> Normalised:
    """A network for K classes that takes images in [0, 1], in evaluation mode and with frozen weights.

    `weights` is a safetensors file, or a `state_dict` that torch.load reads with weights_only=True, which runs no code
    of the file. `mean` and `std` (C) are what the network was trained to see images normalised by; without them those
    that the file holds (`mean`, `std`, as model folders of PlainSight do), else those that timm names for this
    architecture. Raises ValueError (FileError) that names what does not fit.
    """
    model = create(architecture, classes)
    found = _bare(read_state(Path(weights)), model.network)
    named = getattr(model.network, "pretrained_cfg", None) or {}
    for name, given in (("mean", mean), ("std", std)):
        stored = found.pop(name, None)
        values = stored if given is None else given
        values = named.get(name) if values is None else values
        if values is None:
            raise ValueError(
                f"{weights} does not say by which {name} its images are normalised, nor is it known of {architecture}; "
                f"give mean and std, a number for each channel (0 and 1 for none)."
            )
        channels = getattr(model, name)
        values = torch.as_tensor(values).flatten()
        if len(values) != len(channels):
            raise ValueError(f"{name} takes {len(channels)} numbers, one a channel, and {len(values)} were given.")
        if not values.isfinite().all() or (name == "std" and not (values > 0).all()):
            raise ValueError(f"{name} takes finite numbers, std such above 0, and {values.tolist()} were given.")
        channels.copy_(values.reshape(channels.shape))
    assign(model.network, found, Path(weights))
    return model.eval().requires_grad_(False).to(device)


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a file of weights, by name. Raises FileError where it holds none, or more than tensors."""
    if not path.is_file():
        raise FileError(f"There is no file of weights {path}.")
    if path.suffix == ".safetensors":
        return read_tensors(path)
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever bytes can do to an unpickler
        raise FileError(
            f"{path} is neither safetensors nor a state_dict that can be read without running code from it; "
            "write the weights anew with safetensors.torch.save_file(model.state_dict(), FILE)."
        ) from error
    for name in NESTED:
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
    named = content.items() if isinstance(content, Mapping) else ()
    tensors = {str(name): value for name, value in named if isinstance(value, Tensor)}
    if not tensors:
        raise FileError(f"{path} holds no weights: a state_dict is expected, and it holds a {type(content).__name__}.")
    return tensors


def _bare(state: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """The weights under the names that the network itself gives them, whatever a wrapper put before them.

    Those of modules that `core.segmenters` leaves out as idle go; unneeded counters of seen batches may lack.
    """
    own = network.state_dict()
    kept = {name: state[name] for name in ("mean", "std") if name in state}
    forms = [{name.removeprefix(prefix): tensor for name, tensor in state.items()} for prefix in ("", *PREFIXES)]
    forms.append({f"network.{name}": tensor for name, tensor in state.items()})
    found = max(forms, key=lambda form: len(own.keys() & form.keys()))
    left_out = network.named_modules() if isinstance(network, AnySize) else ()
    idle = tuple(f"{name}." for name, module in left_out if isinstance(module, nn.Identity))
    found = {name: tensor for name, tensor in found.items() if name in own or not name.startswith(idle)}
    counters = {name: tensor for name, tensor in own.items() if name.endswith("num_batches_tracked")}
    return counters | {name: tensor for name, tensor in found.items() if name in own or name not in kept} | kept
