"""What a sweep adds to training: the same cell as one of a sweep, and by itself in this process.

    python -m benchmarks.sweep_cost --threads 2

Both train the same recipe with as many threads, in turns, and the images per second are those that the model folders
record, so starting Dask is not counted. The ratio should be near 1; with Dask's own setting of the memory allocator
(`core.sweep.ENVIRONMENT`) it would be less than half.
"""

import os
import tempfile
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from benchmarks import _record
from core import checkpoints, experiment, sweep
from core.checkpoints import Checkpoint
from core.recipe import Recipe


def rate(made: Checkpoint) -> float:
    """Images per second of the last epoch."""
    return float(made.config["history"][-1]["images_per_second"])


def main(
    images: Annotated[int, typer.Option(help="Training images of each epoch.")] = 2000,
    rounds: Annotated[int, typer.Option(help="How often each way is timed.")] = 3,
    threads: Annotated[int, typer.Option(help="Processors to hold to.")] = 2,
    out: Annotated[Path, typer.Option(help="The JSON file.")] = _record.RESULTS / "sweep_cost.json",
) -> None:
    """A cell of a sweep against the same training by itself."""
    threads = _record.pin(threads)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    recipe = Recipe("signs", sigma=0.5, heap=64, epsilon=16 / 255, epochs=1, images=images, learning_rate=0.05)
    alone: list[float] = []
    swept: list[float] = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            alone.append(rate(experiment.run(recipe, Path(folder) / "alone", device="cpu")))
            (outcome,) = sweep.sweep([recipe], Path(folder) / "swept", measure=False, workers=1, device="cpu")
            if outcome.error:
                raise SystemExit(outcome.error)
            swept.append(rate(checkpoints.read(outcome.folder)))
    record: dict[str, Any] = {
        "benchmark": "sweep_cost",
        "config": {"images": images, "rounds": rounds, "threads": threads, "heap": 64},
        **_record.surroundings(("dask", "distributed")),
        "alone": alone,
        "swept": swept,
        "ratio": round(median(swept) / median(alone), 4),
    }
    _record.write(out, record)
    rows = [("alone", f"{median(alone):.0f}"), ("in a sweep", f"{median(swept):.0f}")]
    _record.show(f"{threads} threads, ratio {record['ratio']:.2f}", ("", "images/s"), rows)
    _record.console.print(f"written to {out}")


if __name__ == "__main__":
    typer.run(main)
