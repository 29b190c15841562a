"""Whether hardening can be cheaper: the paper's ascent of 4 steps against 1 step, fresh or persistent.

    python -m benchmarks.hardening_cost --threads 2            # train and measure what is missing
    python -m benchmarks.hardening_cost --data cifar10 --images 20000 --epochs 3

Shared training with 4 ascent steps and one update on attacked and clean images passes 6 images forwards and backwards
for each image it learns from, with 1 step 3. A persistent step goes on from the deltas of the last mini-batch
(`Recipe.persist`). All start from the same standard weights, with the same images, epochs and rate; then the search of
`core.robustness.search` finds what breaks each. Cheaper is as good only if clean accuracy and breaking epsilon are.
Finished cells lie in the JSON and their models under the root; neither is made again. This file writes the
page `docs/explanation/cheaper-training.md`.
"""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import _record
from core import datasets
from core.checkpoints import store
from core.evaluation.evaluator import Evaluator
from core.evaluation.report import Rate
from core.reports.markdown import percent, table
from core.robustness.result import Robustness
from core.robustness.search import Search
from core.training.recipe import Recipe
from core.workflows import train_model
from core.workflows.protocol import Protocol

WAYS = {
    "4 steps": {"steps": 4, "step_size": 0.5},
    "1 step": {"steps": 1, "step_size": 1.0},
    "1 persistent step": {"steps": 1, "step_size": 0.5, "persist": True},
}


def measure(recipe: Recipe, root: Path) -> dict[str, Any]:
    """Train the cell, then its clean accuracy and breaking epsilon (n/255) on the held-out images."""
    started = time.process_time()
    made = train_model.run(recipe, root, f"{recipe.name}-k{recipe.steps}", device="cpu")
    trained = time.process_time() - started
    data = datasets.get(recipe.data)
    protocol, model = Protocol.standard(data), store.load(made.folder)
    evaluator = Evaluator(model, data.split("test", protocol.held_out), len(data.classes))
    found = Search(batch_size=protocol.batch_size)(evaluator, data.split("train", protocol.crafting_images))
    return {
        "passes": recipe.steps + 2,
        "cpu_seconds": round(trained, 1),
        "seconds": made.config["seconds"],
        "clean": evaluator().accuracy.to_json(),
        "breaks_at": None if found.epsilon is None else found.breaking_epsilon,
        "robustness": found.to_json(),
    }


def page(record: dict[str, Any]) -> str:
    """`docs/explanation/cheaper-training.md` from the JSON."""
    cells = record["cells"]
    dearest = {
        (cell["data"], cell["seed"]): cell["cpu_seconds"] for cell in cells.values() if cell["way"] == next(iter(WAYS))
    }
    rows = [
        [
            key,
            str(cell["passes"]),
            f"{cell['cpu_seconds']:,.0f} s ({100 * cell['cpu_seconds'] / dearest[cell['data'], cell['seed']]:.0f}%)",
            percent(Rate.from_json(cell["clean"])),
            f"{_at(cell)} [{_span(cell)}]",
        ]
        for key, cell in cells.items()
    ]
    machines = [(cell["seed"], cell["hardware"]) for cell in cells.values()]
    where = dict.fromkeys(f"Seed {seed}: {on['processor']}, {on['threads']} threads" for seed, on in machines)
    head = ("cell", "passes", "computing time", "clean (%)", "breaks at [between]")
    return "\n".join(["# Cheaper shared training\n", TOLD + "; ".join(where) + ".\n", table(head, rows), READ])


TOLD = (
    "Measured on the signs of before: twelve classes of 32x32 pixels, which do not ship any more. "
    "Written by `python -m benchmarks.hardening_cost` from `benchmarks/results/hardening_cost.json`; do not edit. "
    "All rows start from the same standard weights and use the same images, epochs, learning rate and seed. They "
    "differ in the ascent: the paper's 4 steps, one step from a random start, or one step from the persistent "
    "perturbations of the last mini-batch (`train --steps 1 --persist`). Passes: forward and backward passes of "
    "an image per update. The search for the minimum breaking epsilon (`core.robustness.search`) uses random starts "
    "only, so these epsilons differ from those of the results page. "
)
READ = (
    "One step from a random start is not enough where the model breaks at a smaller epsilon. One step from a "
    "persistent perturbation replaces four steps where both epsilons lie within each other's "
    "brackets. Each row is one training run.\n"
)


def _span(cell: dict[str, Any]) -> str:
    low, high = Robustness.from_json(cell["robustness"]).interval
    return f"{low:.4g}, {'open' if high is None else f'{high:.4g}'}"


def main(
    data: Annotated[str, typer.Option(help="A data set by name.")] = "signs",
    heap: Annotated[int, typer.Option(help="Images that share a delta.")] = 64,
    epsilon: Annotated[float, typer.Option(help="Of the training deltas, in n/255.")] = 16,
    epochs: Annotated[int, typer.Option(help="Passes over the training images.")] = 5,
    images: Annotated[int | None, typer.Option(help="Use only the first so many training images.")] = None,
    learning_rate: Annotated[float, typer.Option(help="Its peak.")] = 0.05,
    seeds: Annotated[int, typer.Option(help="Trainings of each kind.")] = 2,
    threads: Annotated[int, typer.Option(help="Processors to hold to.")] = 2,
    root: Annotated[Path, typer.Option(help="Where the trained models go.")] = Path("runs/hardening"),
    out: Annotated[Path, typer.Option(help="The JSON file.")] = _record.RESULTS / "hardening_cost.json",
) -> None:
    """Hardening with 4 steps, 1 step and 1 persistent step: cost and result."""
    threads = _record.pin(threads)
    start = store.default_root() / data / "standard"
    base = Recipe(data, sigma=0.5, heap=heap, epsilon=epsilon, epochs=epochs, learning_rate=learning_rate)
    base = replace(
        base, architecture=store.read(start).architecture, images=images, start=f"checkpoints/{data}/standard"
    )
    record: dict[str, Any] = json.loads(out.read_text()) if out.is_file() else {"cells": {}}
    record |= {"benchmark": "hardening_cost", **_record.surroundings()}
    for seed in range(seeds):
        for way, settings in WAYS.items():
            recipe = replace(base, seed=seed, **settings)
            key = f"{data}/{recipe.name}, {way}, {epochs} epochs"
            if key not in record["cells"]:
                about = {"way": way, "data": data, "seed": seed, "hardware": record["hardware"]}
                record["cells"][key] = about | measure(recipe, root)
                _record.write(out, record)
    rows = [
        (key, *(f"{cell[name]}" for name in ("passes", "cpu_seconds")), f"{cell['clean']['value']:.1%}", _at(cell))
        for key, cell in record["cells"].items()
    ]
    _record.show(f"{threads} threads", ("", "passes", "computing s", "clean", "breaks at"), rows)
    if out == _record.RESULTS / "hardening_cost.json":
        (_record.HERE.parent / "docs" / "explanation" / "cheaper-training.md").write_text(
            page(record), encoding="utf-8"
        )
    _record.console.print(f"written to {out}")


def _at(cell: dict[str, Any]) -> str:
    return "over the search" if cell["breaks_at"] is None else f"{cell['breaks_at']:g}/255"


if __name__ == "__main__":
    typer.run(main)
