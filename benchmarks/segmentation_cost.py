"""What a step of the universal attack costs on a segmentation network: against its bare forward and backward pass.

    make bench                                   # with everything it needs, or:
    python -m benchmarks.segmentation_cost --threads 2

An attack step is what `SPGD.stream` does with each mini-batch of scenes: read it, add the perturbation, forward,
the objective, the gradient with respect to the perturbation, momentum, step, projection. The bare pass is the same
network's forward on the same images, the mean cross-entropy, and its gradient with respect to the images. Both kinds
take turns; the ratio is the median over the pairs and should be 1.1 or less. Peak memory is the process's largest
resident size (the device's allocated peak on a GPU), after the bare passes alone and after the attack steps.
"""

import resource
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import torch
import typer
from torch.nn.functional import cross_entropy

from benchmarks import _record
from core.attacks.pgd import frozen
from core.attacks.spgd import SPGD
from core.datasets import Split
from core.models.registry import create
from core.runtime import autocast, default_precision
from core.threat import Budget

SIZE, CLASSES = (192, 256), 11


def measure(architecture: str, batch: int, device: str, repeats: int) -> dict[str, Any]:
    """Medians over `repeats` interleaved pairs, after one unmeasured pair."""
    torch.manual_seed(0)
    where = torch.device(device)
    model = create(architecture, CLASSES).to(where).eval()
    images = torch.randint(0, 256, (batch, 3, *SIZE), dtype=torch.uint8, device=where)
    labels = torch.randint(0, CLASSES, (batch, *SIZE), dtype=torch.uint8, device=where)
    split = Split(images, labels)
    given, truth = split.batch(slice(None))
    given = given.contiguous(memory_format=torch.channels_last)

    def bare() -> None:
        pixels = given.clone().requires_grad_()
        with frozen(model), autocast(where):
            torch.autograd.grad(cross_entropy(model(pixels).float(), truth), pixels)

    _record.seconds(bare, 1, where)
    before = _peak(where)
    attack = SPGD(Budget.from_255(10), steps=repeats + 2, batch_size=batch)
    steps = attack.stream(model, split, track=False)

    def one(work: Callable[[], object]) -> float:
        return _record.seconds(work, 1, where)[0]

    pairs = [(one(lambda: next(steps)), one(bare)) for _ in range(repeats + 1)][1:]
    ratios = sorted(step / single for step, single in pairs)
    step, single = (median(column) for column in zip(*pairs, strict=True))
    return {
        "ratio": round(median(ratios), 4),
        "ratio_range": [round(ratios[0], 4), round(ratios[-1], 4)],
        "attack_step_seconds": round(step, 5),
        "bare_pass_seconds": round(single, 5),
        "scenes_per_second": round(batch / step, 2),
        "peak_bytes": {"bare": before, "attack": _peak(where)},
        "pairs_seconds": [[round(value, 5) for value in pair] for pair in pairs],
    }


def _peak(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(
    arch: Annotated[str, typer.Option(help="A segmentation network.")] = "smp:PSPNet/resnet18",
    batch: Annotated[int, typer.Option(help="Scenes in the mini-batch.")] = 8,
    repeats: Annotated[int, typer.Option(help="Measured pairs.")] = 15,
    threads: Annotated[int, typer.Option(help="Processors to hold to.")] = 2,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    out: Annotated[Path, typer.Option(help="The JSON file.")] = _record.RESULTS / "segmentation_cost.json",
) -> None:
    """One attack step against one bare forward and backward pass."""
    threads = _record.pin(threads)
    config = {"architecture": arch, "batch": batch, "size": SIZE, "repeats": repeats, "threads": threads}
    config["precision"] = default_precision(device)
    record = {"benchmark": "segmentation_cost", "config": config | {"device": device, "seed": 0}}
    record |= _record.surroundings(("segmentation-models-pytorch",))
    result = measure(arch, batch, device, repeats)
    _record.write(out, {**record, "result": result})
    low, high = result["ratio_range"]
    rows = [
        ("one attack step", f"{result['attack_step_seconds']:.4f}", f"{result['peak_bytes']['attack'] / 2**20:.0f}"),
        ("one bare pass", f"{result['bare_pass_seconds']:.4f}", f"{result['peak_bytes']['bare'] / 2**20:.0f}"),
    ]
    _record.show(f"{arch}, {batch} scenes, {threads} threads, {device}", ("", "seconds", "peak MiB"), rows)
    _record.console.print(f"ratio {result['ratio']:.3f} (from {low:.3f} to {high:.3f}); written to {out}")


if __name__ == "__main__":
    typer.run(main)
