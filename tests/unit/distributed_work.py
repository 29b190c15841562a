"""What each of several processes does in test_distributed.py: attacks with heaps of many sizes, and a short training.

torchrun --nproc-per-node 2 tests/unit/distributed_work.py FOLDER
"""

import sys
from pathlib import Path

import torch
from known import SHIFT, chance
from safetensors.torch import save_file
from torch import nn

from core.datasets import Split
from core.distributed import ProcessGroup, processes
from core.training.ascent import Ascent
from core.training.loop import train
from core.training.recipe import Recipe

HEAPS = (1, 2, 8, 12, 16)
BATCH = 16


def network() -> nn.Module:
    """Logits (N,3) of images (N,3,8,8), without batch statistics, which processes do not share."""
    torch.manual_seed(1000 * SHIFT)
    layers = nn.Conv2d(3, 8, 3, padding=1), nn.GELU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 3)
    return nn.Sequential(*layers)


def pictures() -> Split:
    generator = chance(1)
    images = torch.randint(0, 256, (40, 3, 8, 8), generator=generator, dtype=torch.uint8)
    return Split(images, torch.randint(0, 3, (40,), generator=generator))


def deltas(process_group: ProcessGroup) -> dict[str, torch.Tensor]:
    """For each heap size the deltas of this process's images, one an image; `varied` ones differ in step and size."""
    images, labels = pictures().first(BATCH).batch(process_group.shard(BATCH))
    found = {}
    for heap in HEAPS:
        for kind, more in {"heap": {}, "varied": {"step_spread": 2.0, "shrink": 1.0}}.items():
            recipe = Recipe("made up", sigma=0.5, epsilon=16, steps=3, heap=heap, batch_size=BATCH, **more)
            ascent = Ascent(recipe, process_group)
            drawn = ascent.draw(images, torch.Generator().manual_seed(2))
            _, made = ascent(network(), images, labels, **drawn)
            found[f"{kind} {heap}"] = made.repeat_interleave(-(-len(images) // len(made)), 0)[
                : len(images)
            ].contiguous()
    return found


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """The network after a short training with heaps as large as the whole mini-batch."""
    model = network()
    sizes = {"epochs": 2, "batch_size": BATCH, "heap": BATCH, "learning_rate": 0.05}
    recipe = Recipe("made up", sigma=0.5, epsilon=16, **sizes)
    train(
        model, pictures(), recipe, resume=folder / "resume.safetensors", mirror=True, device="cpu", precision="32-true"
    )
    return {
        name: tensor.detach().clone(memory_format=torch.contiguous_format)
        for name, tensor in model.state_dict().items()
    }


def main(folder: Path) -> None:
    from lightning_fabric import Fabric  # here, since importing it takes seconds

    torch.set_num_threads(1)
    here, machines = processes()
    fabric = Fabric(accelerator="cpu", devices=here, num_nodes=machines, strategy="ddp")
    fabric.launch()
    process_group = ProcessGroup(fabric.global_rank, fabric.world_size)
    save_file(deltas(process_group) | weights(folder), folder / f"rank{process_group.rank}.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
