"""How strong the universal attack is: its settings, where it saturates, and whether other starts get further.

    python -m benchmarks.attack_strength --threads 2           # measure what is missing, then write the page
    python -m benchmarks.attack_strength --page-only           # only write the page from the JSON

No model may look robust because the attack is weak. Each cell is one run of S-PGD, untargeted, crafted on training
images and measured on held-out ones; finished cells lie in the JSON and are not run again. The defaults of
`core.attacks.spgd.SPGD` were chosen from the first table. This file writes the page
`docs/explanation/attack-strength.md`.
"""

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Annotated, Any

import typer
from torch import Tensor

from benchmarks import _record
from core import datasets
from core.attacks.objectives import LOSS_CAP, Untargeted
from core.attacks.spgd import SPGD, WARM_STEP
from core.checkpoints import perturbations, store
from core.checkpoints.results import Results
from core.datasets import Dataset, Split
from core.evaluation.report import Rate, evaluate, predict
from core.models.normalised import Normalised
from core.reports.markdown import table
from core.threat import Budget

CASES = (("cifar10/shared-s64-e16-w0.5", 16), ("signs/shared-s64-e16-w0.5", 24))
"""Model folder under the root, and epsilon in n/255: where fooling rates are far from 0 and 1."""
OTHER_SIZES = (18, 24)
"""Strengths in n/255 whose stored perturbations of the model itself are starts, in the third table."""
CAPS = (LOSS_CAP, math.inf)
SETTINGS = tuple((step, momentum) for step in (0.2, 0.5, 1.0, 2.0) for momentum in (0.0, 0.5, 0.9))
STEPS, IMAGES = (50, 100, 200, 400), (512, 2048, 8192)
AGAIN = (0.5, WARM_STEP)
"""First steps of the third table's attacks that go on from another perturbation, in units of epsilon."""
RESTARTS = (1, 2)
"""Further seeds of the third table."""
PAGE = _record.HERE.parent / "docs" / "explanation" / "attack-strength.md"


@dataclass(frozen=True)
class Cell:
    """One run: the model, epsilon in n/255, and the attack's settings.

    `start` is the model folder whose own perturbation the run goes on from (0 steps: as it is, rescaled), with the
    strength that it was stored at (`@18`) or the nearest one, or like `seed 1` another random start; empty is the
    random start of the benchmark's seed.
    """

    model: str
    epsilon: int
    steps: int
    images: int
    step_size: float = SPGD.step_size
    momentum: float = SPGD.momentum
    cap: float = math.inf
    start: str = ""

    @property
    def key(self) -> str:
        settings = f"step {self.step_size:g}, momentum {self.momentum:g}, cap {_cap(self.cap)}"
        start = f", from {self.start}" if self.start else ""
        return f"{self.model} at {self.epsilon}/255: {self.steps} steps, {self.images} images, {settings}{start}"


def settings(model: str, epsilon: int) -> list[list[Cell]]:
    """The first table: a row for each first step and momentum, a column for each cap."""
    return [[Cell(model, epsilon, 80, 512, *row, cap) for cap in CAPS] for row in SETTINGS]


def saturation(model: str, epsilon: int) -> list[list[Cell]]:
    """The second table: a row for each number of steps, a column for each number of crafting images."""
    return [[Cell(model, epsilon, steps, images) for images in IMAGES] for steps in STEPS]


def starts(model: str, epsilon: int, root: Path) -> list[list[Cell]]:
    """The third table: restarts, then for each other model of the data set its perturbation as it is and worked on."""
    one = Cell(model, epsilon, SPGD.steps, 2048)
    rows = [[replace(one, start=start)] for start in ("", *(f"seed {seed}" for seed in RESTARTS))]
    others = [path.parent.name for path in (root / model).parent.glob(f"*/{store.CONFIG}")]
    names = [f"{Path(model).parent.name}/{other}" for other in sorted(others) if other != Path(model).name]
    names += [f"{model}@{size}" for size in OTHER_SIZES if size != epsilon]
    begun = [replace(one, start=name) for name in names]
    return rows + [[replace(cell, steps=0), *(replace(cell, step_size=step) for step in AGAIN)] for cell in begun]


def measure(cell: Cell, root: Path, held_out: int, seed: int) -> dict[str, Any]:
    """Craft on training images, measure the fooling rate on the first `held_out` test images."""
    model, data, test, clean = _opened(root / cell.model, held_out)
    crafting = data.split("train", cell.images)
    budget, objective = Budget.from_255(cell.epsilon), Untargeted(cell.cap)
    word, _, number = cell.start.partition(" ")
    delta = _foreign(root / word, budget) if word and not number else None
    started = time.perf_counter()
    if cell.steps:
        seed = int(number) if number else seed
        attack = SPGD(budget, objective, steps=cell.steps, seed=seed, step_size=cell.step_size, momentum=cell.momentum)
        delta = attack.craft(model, crafting, delta)
    seconds = time.perf_counter() - started
    found = evaluate(model, test, delta, clean=clean).fooling
    return {"fooling": found.to_json(), "seconds": round(seconds, 2), "crafted_on": len(crafting)}


def _foreign(folder: Path, budget: Budget) -> Tensor:
    """What a model's own attack found, at the named or the nearest stored epsilon, brought to this one."""
    name, _, size = folder.name.partition("@")
    folder, wanted = folder.with_name(name), float(size) if size else budget.epsilon_255
    results, deltas = Results.load(folder), perturbations.load(folder)
    stored = [m for m in (results.curve() if results else []) if m.key in deltas]
    if not stored:
        raise typer.BadParameter(f"{folder} stores no perturbation; first run: plainsight precompute {folder}")
    delta = deltas[min(stored, key=lambda m: abs(m.epsilon - wanted)).key]
    return budget.rescale(delta)


@lru_cache(maxsize=1)
def _opened(folder: Path, held_out: int) -> tuple[Normalised, Dataset, Split, Tensor]:
    """The model, its data set, the held-out images and the clean predictions on them."""
    model, data = store.load(folder), datasets.get(store.read(folder).data)
    test = data.split("test", held_out)
    return model, data, test, predict(model, test)


def page(record: dict[str, Any]) -> str:
    """`docs/explanation/attack-strength.md` from the JSON; cells that were not measured stay empty."""
    config, cells = record["config"], record["cells"]
    parts = [
        "# How strong is the attack?\n",
        "Written by `python -m benchmarks.attack_strength` from `benchmarks/results/attack_strength.json`; do not "
        "edit. A model must not look robust only because the attack is weak. Each number is the fooling rate (%) of "
        f"one run of untargeted S-PGD with mini-batches of {SPGD.batch_size} images, seed {config['seed']}, on "
        f"n = {config['held_out']:,} held-out images (95% Wilson interval about "
        f"±{_half(config['held_out']):.0f}); {record['hardware']['processor']}, {record['date'][:10]}.\n",
        "The cap on the loss belongs to training (`Recipe.loss_cap`): it stops a few images from dominating the "
        f"gradient of a shared delta. The evaluation attack has no cap. Its defaults are a first step of "
        f"{SPGD.step_size:g} epsilon and a momentum of {SPGD.momentum:g}.\n",
    ]
    measured = {(cell["model"], cell["epsilon"]) for cell in cells.values()}
    for model, epsilon in (case for case in CASES if case in measured):
        title = f"{model}, {epsilon}/255"
        rows = [
            [f"{row[0].step_size:g}", f"{row[0].momentum:g}", *(_value(cells, cell) for cell in row)]
            for row in settings(model, epsilon)
        ]
        parts.append(f"## {title}\n")
        if any(row[2:] != ["", ""] for row in rows):
            parts.append("The settings, with 80 steps on 512 crafting images:\n")
            parts.append(table(["first step (epsilon)", "momentum", *(f"cap {_cap(cap)}" for cap in CAPS)], rows))
        rows = [[str(row[0].steps), *(_value(cells, cell) for cell in row)] for row in saturation(model, epsilon)]
        if any(any(row[1:]) for row in rows):
            parts.append(
                "Where the attack saturates, with the default settings (rows: steps, columns: crafting images):\n"
            )
            parts.append(table(["steps", *(f"{images:,}" for images in IMAGES)], rows))
        if rows := _start_rows(cells, model, epsilon, config["seed"]):
            parts.append(
                f"Other starts, with 2,048 crafting images and {SPGD.steps} steps. The first step (in "
                f"units of epsilon) is {SPGD.step_size:g} from random starts; from a known "
                "perturbation a long one can lose what that perturbation had reached:\n"
            )
            steps = [f"first step {step:g}" for step in (SPGD.step_size, *AGAIN)]
            parts.append(table(["start", "as it is", *steps], rows))
    return "\n".join(parts)


def _start_rows(cells: dict[str, Any], model: str, epsilon: int, seed: int) -> list[list[str]]:
    """What was measured from other starts; a random start has no figure of its own: it fools as little as noise."""
    one = Cell(model, epsilon, SPGD.steps, 2048)
    own = [cell for cell in cells.values() if (cell["model"], cell["epsilon"]) == (model, epsilon)]
    begun = dict.fromkeys(cell["start"] for cell in own if cell.get("start"))
    rows = [[f"seed {seed}", "", _value(cells, one), *("" for _ in AGAIN)]] if begun else []
    for start in begun:
        cell = replace(one, start=start)
        size = start.partition("@")[2]
        name = f"its own at {size}/255" if size else start
        tried = (_value(cells, replace(cell, step_size=step)) for step in (SPGD.step_size, *AGAIN))
        rows.append([name, _value(cells, replace(cell, steps=0)), *tried])
    return rows


def _value(cells: dict[str, Any], cell: Cell) -> str:
    found = cells.get(cell.key)
    return "" if found is None else f"{100 * Rate.from_json(found['fooling']).value:.1f}"


def _half(n: int) -> float:
    """Half the widest 95% interval on n images, in points."""
    low, high = Rate(n // 2, n).interval
    return 50 * (high - low)


def _cap(cap: float) -> str:
    return "none" if math.isinf(cap) else f"{cap:.3g}"


def main(
    root: Annotated[Path | None, typer.Option(help="Where model folders lie; default: the shipped ones.")] = None,
    held_out: Annotated[int, typer.Option(help="Held-out images.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of the attack.")] = 0,
    threads: Annotated[int, typer.Option(help="Processors to hold to.")] = 2,
    only: Annotated[str | None, typer.Option(help="Only the table `settings`, `saturation` or `starts`.")] = None,
    page_only: Annotated[bool, typer.Option(help="Measure nothing, only write the page.")] = False,
    out: Annotated[Path, typer.Option(help="The JSON file.")] = _record.RESULTS / "attack_strength.json",
) -> None:
    """Settings of the attack, and where it saturates."""
    threads, root = _record.pin(threads), root or store.default_root()
    models = {model: store.read(root / model).sha256 for model, _ in CASES}
    config = {"held_out": held_out, "seed": seed, "models": models}
    record: dict[str, Any] = json.loads(out.read_text()) if out.is_file() else {}
    if not page_only:
        measured = record.get("config", {}).get("models", {})
        same = {model for model, sha256 in measured.items() if models.get(model, sha256) == sha256}
        kept = {name: cell for name, cell in record.get("cells", {}).items() if cell["model"] in same}
        record = {"benchmark": "attack_strength", "config": config, **_record.surroundings(), "cells": kept}
        tables: dict[str, Callable[[str, int], list[list[Cell]]]] = {
            "settings": settings,
            "saturation": saturation,
            "starts": partial(starts, root=root),
        }
        wanted = [kind for name, kind in tables.items() if only in (None, name)]
        for cell in (cell for kind in wanted for case in CASES for row in kind(*case) for cell in row):
            if cell.key in record["cells"]:
                continue
            found = asdict(cell) | {"cap": _cap(cell.cap)} | measure(cell, root, held_out, seed)  # JSON has no infinity
            record["cells"][cell.key] = found
            _record.write(out, record)
            _record.console.print(f"[dim]{cell.key}: {_value(record['cells'], cell)}%[/dim]")
    if not record:
        raise typer.BadParameter(f"{out} is absent: measure first, without --page-only.")
    PAGE.write_text(page(record), encoding="utf-8")
    _record.console.print(f"wrote {PAGE}")


if __name__ == "__main__":
    typer.run(main)
