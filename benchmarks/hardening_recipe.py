"""Which changes of the recipe make hardened models better: each against the paper's on the same runs.

    python -m benchmarks.hardening_recipe train --start checkpoints/signs/standard    # what is missing
    python -m benchmarks.hardening_recipe judge                                       # with what broke the others, too
    python -m benchmarks.hardening_recipe page

Every run starts from the same standard weights and uses the same images, epochs, rate and seed. `train` makes the
models and searches for what breaks each from random starts; several processes can share the runs (`--part 1/2`).
`judge` tries what broke every other model, and goes on from there: what holds only against random starts was masked.
Loss under random noise: how much accuracy a model loses under random signs of 8/255 and 16/255, the mean over several
draws. A hardened model should lose nothing, since it learnt to ignore far worse. Finished runs lie in the folder of
`--root`; the last command writes the JSON and the page `docs/explanation/recipe.md`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from benchmarks import _record
from core import datasets
from core.attacks.random_signs import RandomSigns
from core.checkpoints import store
from core.evaluation.evaluator import Evaluator
from core.files import read_json, read_tensors, write_tensors
from core.reports.markdown import table
from core.robustness.candidate import Candidate
from core.robustness.result import Robustness, combined
from core.robustness.search import Search
from core.threat import Budget
from core.training.recipe import Recipe
from core.workflows import train_model
from core.workflows.protocol import Protocol

WAYS: Mapping[str, Mapping[str, Any]] = {
    "the paper's": {},
    "random sizes": {"shrink": 1.0},
    "random step sizes": {"step_spread": 2.0},
    "separate batch norms": {"norm": "separate"},
    "frozen batch norms": {"norm": "frozen"},
    "label smoothing": {"label_smoothing": 0.1},
    "random sizes, frozen batch norms": {"shrink": 1.0, "norm": "frozen"},
    "random sizes and step sizes": {"shrink": 1.0, "step_spread": 2.0},
}
RUNS = ((64, 16.0), (1, 4.0), (64, 24.0), (64, 8.0), (1, 8.0), (1, 2.0))
"""Heap and epsilon (n/255); those that decide most come first."""
NOISE = (8, 16)
"""Epsilons of random noise, n/255."""
DRAWS = 5

app = typer.Typer(add_completion=False, no_args_is_help=True)
Root = Annotated[Path, typer.Option(help="Folder of the models and of what was measured.")]
ROOT = Path("runs/recipe")


@dataclass(frozen=True)
class Run:
    """One model: the way it is trained, and its recipe."""

    way: str
    recipe: Recipe

    @property
    def name(self) -> str:
        return f"{self.recipe.name}, {self.way}"

    def file(self, root: Path, kind: str) -> Path:
        """The file of this run under the root: `trained.json`, `judged.json` or a perturbation."""
        return root / "measured" / self.way.replace(" ", "-").replace("'", "") / self.recipe.name / kind


def plan(base: Recipe, ways: Sequence[str], runs: Sequence[tuple[int, float]]) -> list[Run]:
    """Every way for the first run, then for the next."""
    return [Run(way, replace(base, heap=heap, epsilon=epsilon, **WAYS[way])) for heap, epsilon in runs for way in ways]


@app.command()
def train(
    start: Annotated[str, typer.Option(help="Model folder whose weights every run starts from.")],
    data: Annotated[str, typer.Option(help="A data set by name.")] = "signs",
    images: Annotated[int, typer.Option(help="Use only the first so many training images.")] = 4000,
    epochs: Annotated[int, typer.Option(help="Passes over them.")] = 3,
    batch_size: Annotated[int, typer.Option(help="Images in a mini-batch.")] = 64,
    learning_rate: Annotated[float, typer.Option(help="Its peak.")] = 0.05,
    cells: Annotated[int, typer.Option(help="Only the first so many of the six runs of every way.")] = len(RUNS),
    only: Annotated[
        list[str] | None, typer.Option(help="Only these ways; repeatable. Default: those that change one setting.")
    ] = None,
    part: Annotated[str, typer.Option(help="This process's share of the runs, like 1/2.")] = "1/1",
    threads: Annotated[int, typer.Option(help="Threads of this process.")] = 1,
    root: Root = ROOT,
) -> None:
    """Train what is missing, and search from random starts for what breaks it."""
    torch.set_num_threads(threads)
    base = Recipe(data, store.read(Path(start)).architecture, sigma=0.5, epsilon=8, epochs=epochs, start=start)
    base = replace(base, images=images, batch_size=batch_size, learning_rate=learning_rate)
    if unknown := set(only or ()) - set(WAYS):
        raise typer.BadParameter(f"Not a way: {', '.join(unknown)}. There are {', '.join(WAYS)}.")
    ways = only or [way for way, settings in WAYS.items() if len(settings) <= 1]
    mine, of = map(int, part.split("/"))
    for run in plan(base, ways, RUNS[:cells])[mine - 1 :: of]:
        if not run.file(root, "trained.json").is_file():
            _train(run, root)


def _train(run: Run, root: Path) -> None:
    recipe = run.recipe
    folder = root / "models" / run.file(root, "").parent.name
    made = train_model.run(recipe, folder, recipe.name, device="cpu")
    evaluator, search, crafting = _judges(recipe, made.folder)
    data, clean = datasets.get(recipe.data), evaluator()
    loss = {}
    for epsilon in NOISE:
        noises = [RandomSigns(Budget.from_255(epsilon), seed=n) for n in range(DRAWS)]
        kept = [evaluator(noise.craft(evaluator.model, crafting)).accuracy.value for noise in noises]
        loss[str(epsilon)] = clean.accuracy.value - sum(kept) / len(kept)
    found = search(evaluator, crafting)
    assert found.delta is not None
    broken = run.file(root, "random.safetensors")
    broken.parent.mkdir(parents=True, exist_ok=True)
    write_tensors(broken, {"delta": found.delta.detach().cpu().contiguous()}, {})
    about = {"way": run.way, "heap": recipe.heap, "epsilon": recipe.epsilon, "data": data.name, "start": recipe.start}
    about |= {"images": recipe.images, "epochs": recipe.epochs, "batch_size": recipe.batch_size}
    about |= {"learning_rate": recipe.learning_rate, "seed": recipe.seed, "seconds": made.config["seconds"]}
    about |= {"clean": clean.accuracy.to_json(), "noise": loss, "random": found.to_json()}
    _record.write(run.file(root, "trained.json"), about | _record.surroundings())
    _record.console.print(
        f"{run.name}: clean {clean.accuracy.value:.1%}, breaks at {found.breaking_epsilon:g}/255, {loss}"
    )


def _judges(recipe: Recipe, folder: Path) -> tuple[Evaluator, Search, datasets.Split]:
    """The evaluator on held-out images, the search, and the crafting images; coarser than the protocol's."""
    data = datasets.get(recipe.data)
    evaluator = Evaluator(store.load(folder), data.split("test", 1000), len(data.classes))
    protocol = Protocol.standard(data)
    search = Search(first=16.0, tolerance=0.5, level=protocol.level, restarts=1, batch_size=protocol.batch_size)
    return evaluator, search, data.split("train", 1024)


@app.command()
def judge(
    part: Annotated[str, typer.Option(help="This process's share of the runs, like 1/2.")] = "1/1",
    threads: Annotated[int, typer.Option(help="Threads of this process.")] = 1,
    root: Root = ROOT,
) -> None:
    """Try on every model what broke the others; a model that was judged with fewer of them is judged again."""
    torch.set_num_threads(threads)
    mine, of = map(int, part.split("/"))
    donors = {path.parent: read_tensors(path)["delta"] for path in sorted(root.glob("measured/*/*/random.safetensors"))}
    for folder in sorted(donors)[mine - 1 :: of]:
        trained, path = read_json(folder / "trained.json"), folder / "judged.json"
        if path.is_file() and len(read_json(path)["tried"]) >= len(donors) - 1:
            continue
        model = root / "models" / folder.parent.name / trained["data"] / folder.name
        recipe = Recipe(**read_json(model / store.CONFIG)["recipe"])
        evaluator, search, crafting = _judges(recipe, model)
        before = Robustness.from_json(trained["random"])
        others = {f"{one.parent.name}/{one.name}": delta for one, delta in donors.items() if one != folder}
        own = Candidate(before.breaking_epsilon, donors[folder], "random start")
        found = search(evaluator, crafting, starts=[*others.values()], known=[own])
        found = combined(before, found)
        _record.write(path, {"tried": sorted(others), "robustness": found.to_json()})
        _record.console.print(
            f"{folder.parent.name}/{folder.name}: {before.breaking_epsilon:g} -> {found.breaking_epsilon:g}/255"
        )


@app.command()
def page(
    root: Root = ROOT,
    out: Annotated[Path, typer.Option(help="The JSON file.")] = _record.RESULTS / "hardening_recipe.json",
) -> None:
    """Write the JSON and the page from the runs that were judged."""
    cells = []
    for path in sorted(root.glob("measured/*/*/judged.json")):
        judged = read_json(path)
        cells.append(
            read_json(path.parent / "trained.json") | {"judged": judged["robustness"], "tried": len(judged["tried"])}
        )
    order = [*WAYS]
    cells.sort(key=lambda cell: (RUNS.index((cell["heap"], cell["epsilon"])), order.index(cell["way"])))
    if not cells:
        raise typer.BadParameter(f"Nothing was judged under {root}; first run the commands train and judge.")
    _record.write(out, {"benchmark": "hardening_recipe", "cells": cells})
    target = _record.HERE.parent / "docs" / "explanation" / "recipe.md"
    target.write_text(document(json.loads(out.read_text(encoding="utf-8"))), encoding="utf-8")
    _record.console.print(f"written to {out} and {target}")


def document(record: dict[str, Any]) -> str:
    """`docs/explanation/recipe.md` from the JSON."""
    cells = record["cells"]
    rows = []
    for cell in cells:
        clean, random, judged = (
            cell["clean"]["value"],
            *(Robustness.from_json(cell[kind]) for kind in ("random", "judged")),
        )
        low, high = judged.interval
        rows.append(
            [
                f"heap {cell['heap']}, epsilon {cell['epsilon']:g}/255",
                cell["way"],
                f"{100 * clean:.1f}",
                *(f"{100 * cell['noise'][str(epsilon)]:.1f}" for epsilon in NOISE),
                f"{random.breaking_epsilon:g}",
                f"{judged.breaking_epsilon:g} [{low:.4g}, {'open' if high is None else f'{high:.4g}'}]",
            ]
        )
    head = ("run", "recipe", "clean (%)", *(f"lost under noise of {epsilon}/255" for epsilon in NOISE))
    first = cells[0]
    about = TOLD.format(n=first["clean"]["n"], most=max(cell["tried"] for cell in cells), **first)
    return "\n".join(
        ["# The recipe\n", about, table((*head, "breaks at (random starts)", "breaks at [between]"), rows), READ]
    )


TOLD = (
    "Written by `python -m benchmarks.hardening_recipe page` from `benchmarks/results/hardening_recipe.json`; do not "
    "edit. All rows start from the same standard weights ({start}) and use the same {images:,} images of {data}, "
    "{epochs} epochs in mini-batches of {batch_size}, learning rate {learning_rate:g}, sigma 0.5 and seed {seed}. "
    "They differ in one setting of the recipe (`core.training.recipe.Recipe`): random sizes multiply each delta by a "
    "factor from 0 to 1 before the weights learn from it (`shrink` 1); random step sizes are drawn log-uniformly "
    "from a quarter of the paper's step to four of them (`step_spread` 2); batch norms see attacked and clean images "
    "apart, or stay as they were (`norm`). Breaking epsilons, in n/255, are of searches on 1,024 crafting images with "
    "{n:,} held-out images: from random starts only, and after what broke up to {most} other models of this table "
    "was tried as well. Noise: the points of accuracy lost under random signs, the mean over five draws.\n"
)
READ = (
    "Brackets hold the epsilons between which the model may break, for all that the number of held-out images tells. "
    "Each row is one training run.\n"
)


if __name__ == "__main__":
    app()
