"""Where models run: on the processor or on a GPU, and what happens when a GPU's memory runs out. No other file knows.

A model on a GPU is asked from the processor: images go in and answers come out as tensors on the CPU, so that attacks
start from the same random numbers everywhere. N images, C channels, H W height and width, K classes.
"""

import copy
import functools
import logging
import os
import time
from collections.abc import Callable, Generator
from contextlib import closing
from threading import Lock
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor, nn

from app.service import background
from core import runtime

CPU = "cpu"
REST = 600.0
"""Seconds after which a GPU whose memory ran out, or that was not to be had, is asked for as much as before."""
ZERO, LENT = "ZeroGPU", "cuda"
"""What a Space calls the GPU that it lends for a while, and what PyTorch calls it."""
TAKEN = "The GPU that this Space lends was taken back before the run was done; try again with fewer steps."
log = logging.getLogger(__name__)
Given = ParamSpec("Given")
Found = TypeVar("Found")
Lent = Generator[Found, None, None]


class Machine:
    """The device of this process, and for which models it has been too small lately."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock, self.device = clock, CPU
        self.lent: dict[str, nn.Module] = {}
        """On a ZeroGPU Space: the models on its GPU, which only processes that `on_gpu` starts can ask."""
        self._lock = Lock()
        self._short: dict[str, tuple[int, float]] = {}
        self._refused = 0.0

    def choose(self, name: str) -> None:
        """Run models on this device; `auto` is the GPU if there is one. Raises ValueError if there is no such device.

        On a ZeroGPU Space it is the processor: a GPU is lent for runs only.
        """
        self.device = CPU if zero() else runtime.available(name)

    def fits(self, model: str, images: int) -> int:
        """How many of so many images the device takes at a time; 0 where none does, lately."""
        with self._lock:
            size, until = self._short.get(model, (images, 0.0))
            if until < self.clock():
                self._short.pop(model, None)
                return images
            return min(size, images)

    def shorten(self, model: str, size: int, images: int) -> None:
        """Remember that only `size` of `images` fit."""
        with self._lock:
            self._short[model] = size, self.clock() + REST
        then = f"{size} at a time fit" if size else "the processor takes over"
        log.warning("%s: out of memory at %d images of model %s; %s for now.", self.device, images, model[:6], then)

    def refuse(self, error: Exception) -> None:
        """Remember that there was no GPU to be had."""
        self._refused = self.clock() + REST
        log.warning("No GPU for a run, the processor takes over: %s", error)

    def notice(self) -> str:
        """What is amiss, in one sentence; empty where all is well."""
        now = self.clock()
        with self._lock:
            sizes = [size for size, until in self._short.values() if until >= now]
        if 0 in sizes:
            return "The memory of the GPU is full: the processor runs models for now, which takes longer."
        if sizes:
            return "The memory of the GPU is short: models see fewer images at a time for now, which takes longer."
        if self._refused >= now:
            return "No GPU was free: the processor runs attacks for now, which takes longer."
        return ""


machine = Machine()
"""The machine of this process."""


def hardware(model: str = "") -> str:
    """What models run on, in words; or the model with these weights, which may have fallen back to the processor."""
    return runtime.hardware(machine.device if not model or machine.fits(model, 1) else CPU)


def title() -> str:
    """The same for the header of the page."""
    words = ZERO if zero() else hardware()
    return CPU.upper() if words.startswith("CPU") else words.removeprefix("NVIDIA ")


def placed(model: str, network: nn.Module) -> nn.Module:
    """The network with these weights (sha256) on the device of this process, whose memory may run out."""
    return network if machine.device == CPU else Placed(model, network)


class Placed(nn.Module):
    """A network on a device, as one on the CPU (see above): forward takes images (N,C,H,W) and gives logits there.

    Where the memory runs out it sees fewer images at a time, and at last runs on the CPU; the answers and gradients
    are the same but for rounding. Its weights are hidden from PyTorch, or attacks would follow them to the device.
    """

    def __init__(self, model: str, network: nn.Module) -> None:
        super().__init__()
        self.model, self.device = model, machine.device
        self.networks = {CPU: network}
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        if torch.is_grad_enabled() and images.requires_grad:
            answers: Tensor = _Asked.apply(images, self)
            return answers
        return self.in_pieces(_answers, images)

    def in_pieces(self, work: Callable[..., Tensor], *given: Tensor) -> Tensor:
        """`work(network, *parts)` on parts of these tensors (N,...), joined; as large ones as the memory holds."""
        images = max(1, len(given[0]))
        size = first = machine.fits(self.model, images)
        while size:
            try:
                found = self._on(self.device, size, work, given)
            except RuntimeError as error:
                if not (isinstance(error, torch.OutOfMemoryError) or "out of memory" in str(error)):
                    raise
                size //= 2
            else:
                if size < first:
                    machine.shorten(self.model, size, images)
                return found
            torch.cuda.empty_cache()  # not above, where the traceback holds on to what did not fit
        if first:
            machine.shorten(self.model, 0, images)
            self.networks.pop(self.device, None)
        return self._on(CPU, images, work, given)

    def _on(self, device: str, size: int, work: Callable[..., Tensor], given: tuple[Tensor, ...]) -> Tensor:
        network = self._network(device)
        parts = zip(*(each.split(size) for each in given), strict=True)
        return torch.cat([work(network, *(part.to(device) for part in each)).to(CPU) for each in parts])

    def _network(self, device: str) -> nn.Module:
        if device not in self.networks:
            with torch.inference_mode(False):  # tensors made in inference mode could never be attacked
                lent = machine.lent.get(self.model)
                self.networks[device] = lent or moved(self.networks[CPU], device)
        return self.networks[device]


def moved(network: nn.Module, device: str) -> nn.Module:
    """A copy of the network on that device."""
    return copy.deepcopy(network).to(device)


class _Asked(torch.autograd.Function):
    """Logits whose gradient is computed anew where it is asked for, so that no memory is held in between."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, network: Placed) -> Tensor:
        ctx.network = network
        ctx.save_for_backward(images)
        return network.in_pieces(_answers, images)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (images,) = ctx.saved_tensors
        return ctx.network.in_pieces(_slopes, images, *gradients), None


def _answers(network: nn.Module, images: Tensor) -> Tensor:
    logits: Tensor = network(images)
    return logits


def _slopes(network: nn.Module, images: Tensor, gradient: Tensor) -> Tensor:
    images = images.detach().requires_grad_()
    with torch.enable_grad():
        logits = network(images)
        return torch.autograd.grad(logits, images, gradient.to(logits.dtype))[0]


def zero() -> bool:
    """Whether this is a ZeroGPU Space, which lends a GPU to functions that ask for one."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


def lend(model: str, network: nn.Module) -> None:
    """On a ZeroGPU Space: put this network where runs find it; before the page is launched, in the main thread."""
    machine.lent[model] = network.to(LENT)


def on_gpu(
    duration: Callable[Given, int],
) -> Callable[[Callable[Given, Lent[Found]]], Callable[Given, Lent[Found]]]:
    """Decorate a generator that asks models: on a ZeroGPU Space it runs in a process that has a GPU.

    `duration` estimates the seconds from its arguments. Arguments and what it yields go through pickle. Where no GPU
    is to be had, and elsewhere, it runs here, behind the views.
    """

    def decorated(work: Callable[Given, Lent[Found]]) -> Callable[Given, Lent[Found]]:
        here = background.computed(work)
        if not zero():
            return here
        import spaces

        @spaces.GPU(duration=duration)
        @functools.wraps(work)
        def there(*args: Given.args, **kwargs: Given.kwargs) -> Lent[Found]:
            machine.device = LENT  # of the process that has the GPU
            yield from work(*args, **kwargs)

        @functools.wraps(work)
        def either(*args: Given.args, **kwargs: Given.kwargs) -> Lent[Found]:
            begun = False
            try:
                with closing(there(*args, **kwargs)) as steps:
                    for found in steps:
                        begun = True
                        yield found
            except Exception as error:  # the platform has errors of its own: quota, no GPU free, time is up
                if begun:
                    log.warning("A lent GPU was taken back: %s", error)
                    raise ValueError(TAKEN) from error
                machine.refuse(error)
            else:
                return
            yield from here(*args, **kwargs)

        return either

    return decorated
