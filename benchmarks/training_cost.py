"""What shared adversarial training costs: one shared step against K + 2 plain steps of the same network and batch.

    make bench                                   # with everything it needs, or:
    python -m benchmarks.training_cost --threads 2
    python -m benchmarks.training_cost --device cuda --arch resnet20/64

A shared step is what `core.training` does with each mini-batch: K = 4 ascent steps for a delta per heap of 64, then
one update on the attacked and the clean images together. K + 2 plain steps pass as many images forwards and backwards,
but each of them also computes the gradients of all weights and updates them. The ascent needs neither, so the ratio
should be about 0.8 or less. Both kinds take turns; the ratio is the median over the pairs.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import torch
import typer
from lightning_fabric import Fabric
from torch import Tensor

from benchmarks import _record
from core.models import create
from core.precision import default_precision
from core.training import Recipe, update_loss

SHARED = Recipe(data="made up", sigma=0.5, heap=64, epsilon=16 / 255, steps=4)
Step = Callable[[], None]


def steps(architecture: str, batch: int, size: int, device: str) -> tuple[Step, Step, torch.device]:
    """One shared and one plain training step of the same network on the same random images, and where they run."""
    torch.manual_seed(0)
    fabric = Fabric(accelerator=device, devices=1, precision=default_precision(device))
    network = create(architecture, 10).to(fabric.device)
    network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, nesterov=True)
    model, optimizer = fabric.setup(network, optimizer)
    images = torch.rand(batch, 3, size, size).to(fabric.device, memory_format=torch.channels_last)
    labels = torch.randint(10, (batch,)).to(fabric.device)
    generator = torch.Generator(fabric.device).manual_seed(0)

    def step(recipe: Recipe) -> None:
        with fabric.autocast():
            loss: Tensor = update_loss(model.module, images, labels, recipe, generator)
        optimizer.zero_grad()
        fabric.backward(loss)
        optimizer.step()

    standard = replace(SHARED, sigma=0.0)
    model.train()
    return lambda: step(SHARED), lambda: step(standard), fabric.device


def measure(architecture: str, batch: int, size: int, device: str, repeats: int) -> dict[str, Any]:
    """Medians over `repeats` interleaved pairs, after one unmeasured pair."""
    shared, plain, where = steps(architecture, batch, size, device)
    count = SHARED.steps + 2
    pairs = [(_record.seconds(shared, 1, where), _record.seconds(plain, count, where)) for _ in range(repeats + 1)][1:]
    ratios = sorted(one / many for (one, _), (many, _) in pairs)
    one, many = (median(wall for wall, _ in column) for column in zip(*pairs, strict=True))
    result = {
        "ratio": round(median(ratios), 4),
        "ratio_range": [round(ratios[0], 4), round(ratios[-1], 4)],
        "shared_step_seconds": round(one, 5),
        "plain_steps_seconds": round(many, 5),
        "shared_images_per_second": round(batch / one, 1),
        "plain_images_per_second": round(batch * count / many, 1),
        "pairs_seconds": [[round(wall, 5) for wall, _ in pair] for pair in pairs],
    }
    if where.type == "cpu":  # a busy machine disturbs this less than the clock
        result["cpu_time_ratio"] = round(median(one / many for (_, one), (_, many) in pairs), 4)
        result["pairs_cpu_seconds"] = [[round(cpu, 5) for _, cpu in pair] for pair in pairs]
    return result


def main(
    arch: Annotated[str, typer.Option(help="resnet20, or resnet20/64 for the paper's width.")] = "resnet20",
    batch: Annotated[int, typer.Option(help="Images in the mini-batch.")] = 128,
    size: Annotated[int, typer.Option(help="Height and width of the images.")] = 32,
    repeats: Annotated[int, typer.Option(help="Measured pairs.")] = 15,
    threads: Annotated[int, typer.Option(help="Processors to hold to.")] = 2,
    device: Annotated[str, typer.Option(help="cpu, cuda or auto.")] = "cpu",
    out: Annotated[Path, typer.Option(help="The JSON file.")] = _record.RESULTS / "training_cost.json",
) -> None:
    """One shared training step against K + 2 plain ones."""
    threads = _record.pin(threads)
    shared = {key: getattr(SHARED, key) for key in ("sigma", "heap", "steps", "epsilon")}
    precision = default_precision(device)
    config = {"architecture": arch, "batch": batch, "size": size, "repeats": repeats, "threads": threads}
    config |= {"device": device, "precision": precision, "shared": shared, "seed": 0}
    record = {"benchmark": "training_cost", "config": config, **_record.surroundings(("lightning-fabric",))}
    result = measure(arch, batch, size, device, repeats)
    _record.write(out, {**record, "result": result})
    count, low, high = SHARED.steps + 2, *result["ratio_range"]
    rows = [
        ("one shared step", f"{result['shared_step_seconds']:.4f}", f"{result['shared_images_per_second']:.0f}"),
        (f"{count} plain steps", f"{result['plain_steps_seconds']:.4f}", f"{result['plain_images_per_second']:.0f}"),
    ]
    _record.show(f"{arch}, {batch} images, {threads} threads, {device}", ("", "seconds", "images/s"), rows)
    _record.console.print(f"ratio {result['ratio']:.3f} (from {low:.3f} to {high:.3f})")
    if "cpu_time_ratio" in result:
        _record.console.print(f"ratio of computing time {result['cpu_time_ratio']:.3f}")
    _record.console.print(f"written to {out}")


if __name__ == "__main__":
    typer.run(main)
