"""What the machine does: 16 bits where its hardware multiplies them natively, else 32; and what a result depends on."""

import platform
from typing import Literal

import numpy as np
import torch

Precision = Literal["32-true", "bf16-mixed"]


def available(name: str) -> str:
    """The device of that name; `auto` is the GPU if there is one. Raises ValueError if there is no such device."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        if torch.empty(1, device=name).is_meta:
            raise RuntimeError("nothing is computed on this device")
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"The device {name!r} is not available here; use auto or cpu.") from error
    return name


def hardware(device: torch.device | str) -> str:
    """What computes there, in words, like `NVIDIA H200` or `CPU, 2 threads`."""
    device = torch.device(device)
    if device.type == "cpu":
        return f"CPU, {torch.get_num_threads()} threads"
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()


def default_precision(device: torch.device | str) -> Precision:
    """bf16 where the hardware multiplies it natively, else 32 bits (emulated bf16 is ten times slower).

    `device` is what torch calls a device, `gpu`, or `auto` for the GPU where there is one.
    """
    kind = device.type if isinstance(device, torch.device) else device
    cuda = kind in ("auto", "cuda", "gpu") and torch.cuda.is_available()
    native = torch.cuda.is_bf16_supported(including_emulation=False) if cuda else torch.cpu._is_avx512_bf16_supported()
    return "bf16-mixed" if native else "32-true"


def autocast(device: torch.device, precision: Precision | None = None) -> torch.autocast:
    """The surroundings in which a model on `device` multiplies so; None: as the hardware does well."""
    mixed = (precision or default_precision(device)) == "bf16-mixed"
    return torch.autocast(device.type, torch.bfloat16, enabled=mixed)


def versions() -> dict[str, str]:
    """What the result depends on: Python, PyTorch, the machine."""
    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "hardware": hardware("cuda" if torch.cuda.is_available() else "cpu"),
    }
