"""Several processes that train one model: which rows of a mini-batch are whose, and sums over all processes.

Started by torchrun, one process a device; without it there is one process, and nothing here does anything.
"""

import os
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class ProcessGroup:
    """`size` processes with equal shards of every mini-batch, of which this one is number `rank`."""

    rank: int = 0
    size: int = 1

    def shard(self, n: int) -> slice:
        """The rows of n, a multiple of `size`, that are this process's.

        >>> ProcessGroup(1, 2).shard(6)
        slice(3, 6, None)
        """
        own = n // self.size
        return slice(self.rank * own, (self.rank + 1) * own)

    def sum_(self, tensor: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        if self.size > 1:
            torch.distributed.all_reduce(tensor)
        return tensor


ALONE = ProcessGroup()


def processes() -> tuple[int, int]:
    """How many processes torchrun started on this machine, and on how many machines; (1, 1) without it."""
    whole, here = (int(os.environ.get(name, "1")) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    return (here, whole // here) if "TORCHELASTIC_RUN_ID" in os.environ else (1, 1)


def is_main_process() -> bool:
    """Whether this process has rank 0 and so writes files and reports progress."""
    return os.environ.get("RANK", "0") == "0" or "TORCHELASTIC_RUN_ID" not in os.environ


def wait() -> None:
    """Until all processes are here."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()
