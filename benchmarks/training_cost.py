"""What shared adversarial training costs: one shared step against K + 2 plain steps, and against the bare network.

    make bench                                   # with everything it needs, or:
    python -m benchmarks.training_cost --threads 2
    python -m benchmarks.training_cost --device cuda --arch resnet20/64 --graph

A shared step is what `core.training.step` does with a mini-batch: K = 4 ascent steps for a delta per heap of 64, then
one update on the attacked and the clean images together. K + 2 plain steps pass as many images forwards and backwards,
but each of them also computes the gradients of all weights and updates them. The ascent needs neither, so the ratio
should be about 0.8 or less. The bare bound is what the network alone needs for the same work: K forward and backward
passes to the input and one to the weights on twice the images, without losses, heaps, clipping, optimiser or Fabric;
shared training should reach 85% of that rate. All three take turns; each ratio is the median over the rounds.
With --graph each of the three is recorded as a CUDA graph, as training on a GPU is. With --compile the passes of all
three are compiled first.
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
from core.attacks.pgd import frozen
from core.models.registry import create
from core.runtime import default_precision
from core.training.cudagraph import Captured
from core.training.recipe import Recipe
from core.training.step import Update, compile_passes

SHARED = Recipe(data="made up", sigma=0.5, heap=64, epsilon=16.0, steps=4)
Step = Callable[[], object]


def programs(
    architecture: str, batch: int, size: int, device: str, graph: bool, compiled: bool
) -> tuple[Step, Step, Step, torch.device]:
    """One shared step, one plain one and the bare passes, of one network on the same images, and where they run."""
    torch.manual_seed(0)
    fabric = Fabric(accelerator=device, devices=1, precision=default_precision(device))
    network = create(architecture, 10).to(fabric.device)
    network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, nesterov=True)
    model, optimizer = fabric.setup(network, optimizer)
    images = torch.rand(batch, 3, size, size).to(fabric.device, memory_format=torch.channels_last)
    twice, labels = torch.cat([images, images]), torch.randint(10, (batch,)).to(fabric.device)
    generator = torch.Generator(fabric.device).manual_seed(0)

    def step(recipe: Recipe) -> Step:
        update = Update(fabric, model, optimizer, replace(recipe, batch_size=batch), graph=graph, compiled=compiled)
        return lambda: update(images, labels, generator)

    passed = compile_passes(network) if compiled else network

    def passes(images: Tensor, twice: Tensor) -> tuple[Tensor, ...]:
        with fabric.autocast():
            with frozen(passed):
                for _ in range(SHARED.steps):
                    given = images.detach().requires_grad_()
                    (found,) = torch.autograd.grad(passed(given).float().sum(), given)
            gradients = torch.autograd.grad(passed(twice).float().sum(), list(network.parameters()))
        return found, *gradients

    model.train()
    bare = Captured(passes, [images, twice], network) if graph else passes
    return step(SHARED), step(replace(SHARED, sigma=0.0)), lambda: bare(images, twice), fabric.device


def measure(
    architecture: str, batch: int, size: int, device: str, repeats: int, graph: bool = False, compiled: bool = False
) -> dict[str, Any]:
    """Medians over `repeats` rounds of all three, after one unmeasured round."""
    shared, plain, bare, where = programs(architecture, batch, size, device, graph, compiled)
    count = SHARED.steps + 2
    kinds = {"shared_step": (shared, 1), "plain_steps": (plain, count), "bare_passes": (bare, 1)}
    rounds = [
        {name: _record.seconds(work, times, where) for name, (work, times) in kinds.items()} for _ in range(repeats + 1)
    ][1:]
    wall = {name: [one[name][0] for one in rounds] for name in kinds}
    cpu = {name: [one[name][1] for one in rounds] for name in kinds}
    ratios = sorted(_ratios(wall, "shared_step", "plain_steps"))
    result = {
        "ratio": round(median(ratios), 4),
        "ratio_range": [round(ratios[0], 4), round(ratios[-1], 4)],
        "share_of_bare_rate": round(median(_ratios(wall, "bare_passes", "shared_step")), 4),
        **{f"{name}_seconds": round(median(column), 5) for name, column in wall.items()},
        "shared_images_per_second": round(batch / median(wall["shared_step"]), 1),
        "plain_images_per_second": round(batch * count / median(wall["plain_steps"]), 1),
        "bare_images_per_second": round(batch / median(wall["bare_passes"]), 1),
        "rounds_seconds": {name: [round(one, 5) for one in column] for name, column in wall.items()},
    }
    if where.type == "cpu":  # a busy machine disturbs this less than the clock
        result["cpu_time_ratio"] = round(median(_ratios(cpu, "shared_step", "plain_steps")), 4)
        result["cpu_time_share_of_bare_rate"] = round(median(_ratios(cpu, "bare_passes", "shared_step")), 4)
        result["rounds_cpu_seconds"] = {name: [round(one, 5) for one in column] for name, column in cpu.items()}
    return result


def _ratios(seconds: dict[str, list[float]], one: str, other: str) -> list[float]:
    return [above / below for above, below in zip(seconds[one], seconds[other], strict=True)]


def main(
    arch: Annotated[str, typer.Option(help="resnet20, or resnet20/64 for the paper's width.")] = "resnet20",
    batch: Annotated[int, typer.Option(help="Images in the mini-batch.")] = 128,
    size: Annotated[int, typer.Option(help="Height and width of the images.")] = 32,
    repeats: Annotated[int, typer.Option(help="Measured rounds.")] = 15,
    threads: Annotated[int, typer.Option(help="Processors to hold to.")] = 2,
    device: Annotated[str, typer.Option(help="cpu, cuda or auto.")] = "cpu",
    graph: Annotated[bool, typer.Option(help="Record each program as a CUDA graph.")] = False,
    compiled: Annotated[bool, typer.Option("--compile", help="Compile the passes of each program.")] = False,
    out: Annotated[Path, typer.Option(help="The JSON file.")] = _record.RESULTS / "training_cost.json",
) -> None:
    """One shared training step against K + 2 plain ones and the bare passes of the network."""
    threads = _record.pin(threads)
    shared = {key: getattr(SHARED, key) for key in ("sigma", "heap", "steps", "epsilon")}
    precision = default_precision(device)
    config = {"architecture": arch, "batch": batch, "size": size, "repeats": repeats, "threads": threads}
    config |= {
        "device": device,
        "graph": graph,
        "compiled": compiled,
        "precision": precision,
        "shared": shared,
        "seed": 0,
    }
    record = {"benchmark": "training_cost", "config": config, **_record.surroundings(("lightning-fabric",))}
    result = measure(arch, batch, size, device, repeats, graph, compiled)
    _record.write(out, {**record, "result": result})
    count, low, high = SHARED.steps + 2, *result["ratio_range"]
    rows = [
        ("one shared step", f"{result['shared_step_seconds']:.4f}", f"{result['shared_images_per_second']:.0f}"),
        (f"{count} plain steps", f"{result['plain_steps_seconds']:.4f}", f"{result['plain_images_per_second']:.0f}"),
        ("bare passes", f"{result['bare_passes_seconds']:.4f}", f"{result['bare_images_per_second']:.0f}"),
    ]
    _record.show(f"{arch}, {batch} images, {threads} threads, {device}", ("", "seconds", "images/s"), rows)
    bound = f"{result['share_of_bare_rate']:.0%} of the bare rate"
    _record.console.print(f"ratio {result['ratio']:.3f} (from {low:.3f} to {high:.3f}); {bound}")
    if "cpu_time_ratio" in result:
        bound = f"{result['cpu_time_share_of_bare_rate']:.0%} of the bare rate"
        _record.console.print(f"ratio of computing time {result['cpu_time_ratio']:.3f}; {bound}")
    _record.console.print(f"written to {out}")


if __name__ == "__main__":
    typer.run(main)
