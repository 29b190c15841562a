"""How long a universal attack takes until it fools 60% of images that it never saw: ours and five other ways.

    make bench                                            # with everything it needs, or:
    python -m benchmarks.attack_speed --threads 2
    python -m benchmarks.attack_speed --epsilon 10 --goal 0.4           # weaker, for less
    python -m benchmarks.attack_speed --model checkpoints/signs/standard --only ours --only plain --limit 60

All programs attack the same model with the same 512 training images and the same epsilon, one after another in one
process. Fooled means: the prediction differs from the clean prediction, on 2,000 held-out images, as
`core.evaluation.report` counts it for everybody (ART's own figure counts clean errors as fooled). Epsilon is 12/255,
since S-PGD ends at about 50% on the shipped standard model at 10/255 (docs/explanation/attack-strength.md).

How the time is taken. Each program shows every delta it makes to a `Watch`. The watch stands still while it measures
a delta, and measures again once the time has grown by 10%, so that all times are exact to one step or 10%, whichever is
more. The time of the first measured delta at or above 60% counts; the program is then stopped. Each program runs for a
second unmeasured first, so that imports and warm-up are not counted. A program that does not get there within --limit
seconds, or ends by itself, is reported with its best rate and not repeated with further seeds.

How each program is seen at work (the function of that name in `_programs.py` says more):

    ours, plain             they hand over every delta by themselves
    art, art-targeted       `projection`, which ART calls on every new perturbation, also shows it to the watch;
                            a person would only get the perturbation after the last pass, so this is kind to ART
    torchattacks, foolbox   the model they attack takes the delta as its input picture and shows it to the watch;
                            once with all crafting images at every step, once (`-mini`) with a new mini-batch at each

`seconds` is wall-clock time; `CPU s` is the process's own computing time, which a busy machine disturbs less.
"""

import json
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import torch
import typer
from torch import Tensor, nn

from benchmarks import _record
from benchmarks._programs import STEP, Task, programs
from core import datasets
from core.attacks.spgd import SPGD
from core.checkpoints import store
from core.datasets import Split
from core.evaluation.report import AnyRate, Rate, evaluate, predict
from core.threat import Budget

PACKAGES = ("adversarial-robustness-toolbox", "torchattacks", "foolbox", "eagerpy")


@dataclass(frozen=True)
class Look:
    """The held-out fooling rate after so much time."""

    seconds: float
    cpu_seconds: float
    fooling: AnyRate


class Enough(Exception):
    """The watch has seen enough: the goal is reached, or the time is over."""


@dataclass
class Watch:
    """A stopwatch that is shown deltas (1,C,H,W); it stands still while it measures one."""

    measure: Callable[[Tensor], AnyRate]
    goal: float
    limit: float
    looks: list[Look] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    due: float = 0.0
    unseen: Tensor | None = None
    started: tuple[float, float] = (0.0, 0.0)

    def start(self) -> None:
        self.started = time.perf_counter(), time.process_time()

    def __call__(self, delta: Tensor) -> None:
        """Raises Enough at the goal, or once the time is over."""
        self._stop(delta.device)
        self.unseen = delta.detach()
        if self.seconds >= self.due:
            self._look()
            if self.looks[-1].fooling.value >= self.goal or self.seconds >= self.limit:
                raise Enough
        self.start()

    def finish(self, device: torch.device) -> None:
        """Stop, and measure the last delta of a program that ended by itself."""
        self._stop(device)
        if self.unseen is not None:
            self._look()

    def _stop(self, device: torch.device) -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        self.seconds += time.perf_counter() - self.started[0]
        self.cpu_seconds += time.process_time() - self.started[1]

    def _look(self) -> None:
        assert self.unseen is not None
        self.looks.append(Look(self.seconds, self.cpu_seconds, self.measure(self.unseen)))
        self.due, self.unseen = 1.1 * self.seconds, None


def run(program: Callable[[Task, Watch], None], task: Task, watch: Watch) -> Watch:
    """One program from start to end under a watch."""
    random.seed(task.seed)  # ART draws its order from here
    torch.manual_seed(task.seed)
    watch.start()
    try:
        program(task, watch)
    except Enough:
        return watch
    watch.finish(task.images.device)
    return watch


def ruler(model: nn.Module, split: Split, epsilon: float) -> Callable[[Tensor], AnyRate]:
    """The function that measures every program: the fooling rate of a delta on held-out images."""
    clean = predict(model, split)

    def measure(delta: Tensor) -> AnyRate:
        assert delta.abs().max() <= epsilon + 1e-6, "a program left the budget"
        return evaluate(model, split, delta, clean=clean).fooling

    return measure


def summary(watch: Watch, seed: int) -> dict[str, Any]:
    """One run as it goes into the file."""
    best = max(watch.looks, key=lambda look: look.fooling.value)
    reached = best.fooling.value >= watch.goal
    return {
        "seed": seed,
        "reached": reached,
        "seconds": round(watch.seconds, 4),
        "cpu_seconds": round(watch.cpu_seconds, 4),
        "best_fooling": best.fooling.to_json(),
        "looks": [[round(look.seconds, 3), round(look.fooling.value, 4)] for look in watch.looks],
    }


def together(runs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The runs of each program with their medians and their ratios to ours (None where the goal was missed)."""
    whole: dict[str, Any] = {}
    for name, done in runs.items():
        reached = all(one["reached"] for one in done)
        seconds, cpu = (median(one[key] for one in done) if reached else None for key in ("seconds", "cpu_seconds"))
        whole[name] = {"median_seconds": seconds, "median_cpu_seconds": cpu, "runs": done}
    reference = whole.get("ours", {})
    for entry in whole.values():
        for key in ("seconds", "cpu_seconds"):
            mine, its = reference.get(f"median_{key}"), entry[f"median_{key}"]
            entry[f"{key}_ratio"] = round(its / mine, 3) if mine and its else None
    return whole


def row(name: str, entry: dict[str, Any]) -> list[str]:
    """One line of the table."""
    count = str(len(entry["runs"]))
    if entry["median_seconds"] is None:
        return [name, "-", "", "-", "", count]
    figures = [f"{entry['median_seconds']:.2f}", _times(entry["seconds_ratio"])]
    figures += [f"{entry['median_cpu_seconds']:.2f}", _times(entry["cpu_seconds_ratio"])]
    return [name, *figures, count]


def outcome(done: dict[str, Any]) -> str:
    """One run in words."""
    rate, seconds = 100 * done["best_fooling"]["value"], done["seconds"]
    return (
        f"{rate:.1f}% after {seconds:.2f} s"
        if done["reached"]
        else f"not reached: best {rate:.1f}% after {seconds:.0f} s"
    )


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}x"


def compare(
    chosen: list[str], task: Task, watch: Watch, seeds: int, save: Callable[[Any], None], known: dict[str, Any]
) -> dict[str, Any]:
    """All programs, seed after seed, beside the runs of others; what is known so far goes to `save` after every run."""
    everything = programs(task.batch)
    runs = {name: entry["runs"] for name, entry in known.items() if name not in chosen}
    for seed in range(seeds):
        for name in chosen:
            if any(not one["reached"] for one in runs.get(name, [])):
                continue
            this = replace(task, seed=seed)
            run(everything[name], this, Watch(lambda delta: Rate(0, 1), math.inf, limit=1.0))
            done = summary(run(everything[name], this, replace(watch, looks=[])), seed)
            runs.setdefault(name, []).append(done)
            _record.console.print(f"[dim]seed {seed}, {name}: {outcome(done)}[/dim]")
            save(together(runs))
    return together(runs)


def main(
    model: Annotated[Path | None, typer.Option(help="Model folder; default: checkpoints/cifar10/standard.")] = None,
    epsilon: Annotated[float, typer.Option(help="Budget in n/255.")] = 12.0,
    images: Annotated[int, typer.Option(help="Crafting images, from the training split.")] = 512,
    held_out: Annotated[int, typer.Option(help="Test images that the fooling rate is measured on.")] = 2000,
    goal: Annotated[float, typer.Option(help="Fooling rate to be reached.")] = 0.6,
    limit: Annotated[float, typer.Option(help="Seconds that a program gets.")] = 600.0,
    seeds: Annotated[int, typer.Option(help="Runs of each program, with seeds 0, 1, ...; the median counts.")] = 3,
    threads: Annotated[int, typer.Option(help="Processors to hold to.")] = 2,
    batch: Annotated[int, typer.Option(help="Mini-batch of the plain loop and the -mini programs.")] = 64,
    steps: Annotated[int, typer.Option(help="Steps that ours plans for (its step falls towards the last).")] = 200,
    passes: Annotated[int, typer.Option(help="Passes of the ART attacks over the crafting images.")] = 10,
    target: Annotated[int, typer.Option(help="Class that art-targeted aims at.")] = 2,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    only: Annotated[
        list[str] | None, typer.Option(help="Run this program only, several times: these; the file keeps the others'.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The JSON file.")] = _record.RESULTS / "attack_speed.json",
) -> None:
    """Time until 60% of held-out images are fooled, for PlainSight and its peers."""
    chosen = [name for name in programs(batch) if not only or name in only]
    if only and len(chosen) < len(set(only)):
        raise typer.BadParameter(f"the programs are {', '.join(programs(batch))}.", param_hint="--only")
    threads = _record.pin(threads)
    checkpoint = store.read(model or store.default_root() / "cifar10" / "standard")
    network, data = store.load(checkpoint.folder, device), datasets.get(checkpoint.data)
    crafting, test = data.split("train", images), data.split("test", held_out)
    floats, labels = (part.to(device) for part in crafting.batch(slice(None)))
    budget = Budget.from_255(epsilon)
    task = Task(network, crafting, floats, labels, len(data.classes), budget, batch, steps, passes, target)
    watch = Watch(ruler(network, test, budget.epsilon), goal, limit)
    attack = SPGD(budget, steps=steps)
    config = {
        "model": f"{checkpoint.data}/{checkpoint.name}",
        "sha256": checkpoint.sha256,
        "source": data.source,
        "epsilon": budget.label,
        "crafting_images": len(crafting),
        "held_out_images": len(test),
        "goal": goal,
        "limit_seconds": limit,
        "seeds": list(range(seeds)),
        "threads": threads,
        "device": device,
        "ours": {name: getattr(attack, name) for name in ("steps", "batch_size", "step_size", "momentum")},
        "peers": {"step_size": STEP, "batch_size": batch, "passes": passes, "target": data.classes[target]},
    }
    record = {"benchmark": "attack_speed", "config": config, **_record.surroundings(PACKAGES)}
    before = json.loads(out.read_text()) if only and out.is_file() else {}
    others = before["programs"] if before.get("config") == json.loads(json.dumps(config)) else {}
    found = compare(chosen, task, watch, seeds, lambda runs: _record.write(out, {**record, "programs": runs}), others)
    title = f"{goal:.0%} held-out fooling at {budget.label} on {config['model']}, {threads} threads"
    columns = ("program", "seconds", "to ours", "CPU s", "to ours", "runs")
    _record.show(title, columns, [row(name, entry) for name, entry in found.items()])
    missed = {name: one for name, entry in found.items() for one in entry["runs"] if not one["reached"]}
    for name, one in missed.items():
        _record.console.print(f"{name}: {outcome(one)}")
    _record.console.print(f"written to {out}")


if __name__ == "__main__":
    typer.run(main)
