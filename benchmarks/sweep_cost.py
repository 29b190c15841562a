"""What a sweep adds to training: the same run as one of a sweep, and by itself in this process.

    python -m benchmarks.sweep_cost --threads 2

Both train the same recipe with as many threads, in turns, and the images per second are those that the model folders
record, so starting Dask is not counted. The ratio should be near 1. The third way is a sweep whose processes get back
the setting of the memory allocator that `core.workflows.sweep` takes out of Dask's: what that is worth.
"""

import os
import tempfile
from pathlib import Path
from statistics import median
from typing import Annotated, Any
from unittest.mock import patch

import typer

from benchmarks import _record
from core.checkpoints import store
from core.checkpoints.store import Checkpoint
from core.training.recipe import Recipe
from core.workflows import sweep, train_model

ALLOCATOR = ("MALLOC_TRIM_THRESHOLD_", "65536")


def alone(recipe: Recipe, root: Path) -> float:
    return rate(train_model.run(recipe, root, device="cpu"))


def swept(recipe: Recipe, root: Path) -> float:
    (outcome,) = sweep.sweep([recipe], root, measure=False, workers=1, device="cpu")
    if outcome.error:
        raise SystemExit(outcome.error)
    return rate(store.read(outcome.folder))


def swept_as_dask_would(recipe: Recipe, root: Path) -> float:
    with patch.dict(os.environ, [ALLOCATOR]):  # read when a process starts: this one is not changed
        return swept(recipe, root)


WAYS = {"alone": alone, "in a sweep": swept, "in a sweep, Dask's allocator setting": swept_as_dask_would}


def rate(made: Checkpoint) -> float:
    """Images per second of the last epoch."""
    return float(made.config["history"][-1]["images_per_second"])


def main(
    images: Annotated[int, typer.Option(help="Training images of each epoch.")] = 2000,
    rounds: Annotated[int, typer.Option(help="How often each way is timed.")] = 3,
    threads: Annotated[int, typer.Option(help="Processors to hold to.")] = 2,
    out: Annotated[Path, typer.Option(help="The JSON file.")] = _record.RESULTS / "sweep_cost.json",
) -> None:
    """A run of a sweep against the same training by itself."""
    threads = _record.pin(threads)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    recipe = Recipe("signs", sigma=0.5, heap=64, epsilon=16, epochs=1, images=images, learning_rate=0.05)
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, measure in WAYS.items():
            with tempfile.TemporaryDirectory() as folder:
                rates[way].append(measure(recipe, Path(folder)))
    middle = {way: median(found) for way, found in rates.items()}
    record: dict[str, Any] = {
        "benchmark": "sweep_cost",
        "config": {"images": images, "rounds": rounds, "threads": threads, "heap": recipe.heap},
        **_record.surroundings(("dask", "distributed")),
        "images_per_second": rates,
        "ratios": {way: round(found / middle["alone"], 4) for way, found in middle.items()},
    }
    _record.write(out, record)
    rows = [(way, f"{found:.0f}", f"{record['ratios'][way]:.2f}") for way, found in middle.items()]
    _record.show(f"{threads} threads", ("", "images/s", "ratio"), rows)
    _record.console.print(f"written to {out}")


if __name__ == "__main__":
    typer.run(main)
