"""A piece of GPU work recorded once as a CUDA graph and replayed: one launch in place of a thousand small ones."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

Work = Callable[..., tuple[Tensor, ...]]
WARM_UPS = 3
"""Runs before recording, in which libraries choose their algorithms and set themselves up."""


class Captured:
    """`Captured(work, examples, model)(*inputs)` does what `work(*inputs)` does, for inputs of the examples' shapes.

    The results are the same tensors each time: take what you need of them before the next call. `work` must neither
    wait for the GPU nor draw from a generator of its own, and must not call `backward` (`torch.autograd.grad` it may).
    The buffers of `model` (batch statistics) are as before after recording. Raises RuntimeError where the work cannot
    be recorded.
    """

    def __init__(self, work: Work, examples: Sequence[Tensor], model: nn.Module) -> None:
        self.inputs = [example.clone() for example in examples]
        self.graph = torch.cuda.CUDAGraph()
        before = [buffer.clone() for buffer in model.buffers()]
        aside = torch.cuda.Stream()
        try:
            with _fastest_convolutions():
                aside.wait_stream(torch.cuda.current_stream())
                with torch.cuda.stream(aside):
                    for _ in range(WARM_UPS):
                        work(*self.inputs)
                torch.cuda.current_stream().wait_stream(aside)
                with torch.cuda.graph(self.graph):
                    self.results = work(*self.inputs)
        finally:
            for buffer, value in zip(model.buffers(), before, strict=True):
                buffer.copy_(value)

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        for own, given in zip(self.inputs, inputs, strict=True):
            own.copy_(given)
        self.graph.replay()
        return self.results


@contextmanager
def _fastest_convolutions() -> Iterator[None]:
    """Within, cuDNN tries its algorithms on each new shape and takes the fastest."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def capture(work: Work, examples: Sequence[Tensor], model: nn.Module) -> Work:
    """`work` recorded; where that cannot be done, a warning, and `work` as it is."""
    try:
        return Captured(work, examples, model)
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        logging.getLogger(__name__).warning("Training goes on without a CUDA graph: %s", reason)
        torch.cuda.synchronize()
        return work
