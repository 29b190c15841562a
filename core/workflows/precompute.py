"""Fill a model folder with measured perturbations, so that the app's first view needs no computing.

M deltas, C channels, H W height and width. Crafted on training images, stored as int8, measured as stored.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from core import attacks
from core.attacks.objectives import Objective
from core.attacks.targets import Target, objective, scene_number
from core.checkpoints import perturbations, store
from core.checkpoints.results import EXCHANGED, Measurement, Results, key
from core.datasets import Dataset, Split
from core.evaluation.pattern_score import PatternScore, Scenes
from core.evaluation.report import Report, evaluate, hits, predict
from core.runtime import versions
from core.threat import Budget

SCENES = (2, 4, 6)
"""The held-out scenes, from 1, that others are made to look like."""


@dataclass(frozen=True)
class Plan:
    """Which deltas to make, the control beside every one; epsilons in n/255, targets as in `core.attacks.targets`.

    `only` leaves out all other epsilons.
    """

    epsilons: tuple[int, ...] = tuple(range(2, 33, 2))
    target_epsilons: tuple[int, ...] = (8, 16, 24)
    targets: tuple[Target, ...] = (0, 1, 2)
    checkerboard_epsilons: tuple[int, ...] = (8, 16, 24, 32)
    deepfool_epsilons: tuple[int, ...] = (8, 16)
    steps: int = 200
    batch_size: int = 64
    crafting_images: int = 2048
    seed: int = 0
    only: tuple[int, ...] = ()

    @classmethod
    def standard(cls, data: Dataset, targets: int | None = None, **more: Any) -> "Plan":
        """What is measured of a data set's models; `targets` classes to aim at, or scenes to show (None: up to 3).

        `more` are fields of the plan; None leaves what is usual. Raises ValueError where there are fewer targets.
        """
        more = {name: value for name, value in more.items() if value is not None}
        most = len(data.classes) if data.task == "classification" else len(SCENES)
        if targets is not None and not 0 <= targets <= most:
            raise ValueError(f"{data.name} has 0 to {most} targets to aim at, and {targets} were given.")
        targets = min(3, most) if targets is None else targets
        if data.task == "classification":
            return cls(**{"targets": tuple(range(targets)), **more})
        removed = [
            f"remove-{data.classes.index(name)}" for name in ("pedestrian", "car", "person") if name in data.classes
        ]
        scenes = [f"scene-{number}" for number in SCENES[:targets]]
        usual: dict[str, Any] = {
            "epsilons": tuple(range(2, 21, 2)),
            "target_epsilons": (4, 10, 20),
            "targets": (*scenes, *removed),
            "checkerboard_epsilons": (10, 20),
            "deepfool_epsilons": (),
            "steps": 150,
            "batch_size": 8,
            "crafting_images": 360,
        }
        return cls(**usual | more)

    @classmethod
    def brief(cls, data: Dataset) -> "Plan":
        """What is measured of every cell of a grid: no targets, and few strengths.

        The largest is there for the smaller ones too: an attack gets stuck there less often (see
        `core.workflows.cross_epsilon`).
        """
        epsilons = (8, 16, 32) if data.task == "classification" else (8, 10, 20)
        return replace(
            cls.standard(data), epsilons=epsilons, targets=(), checkerboard_epsilons=epsilons, deepfool_epsilons=()
        )

    def cells(self) -> Iterator[tuple[str, int, Target]]:
        """(attack, epsilon, target) for every delta."""
        yield from (cell for cell in self._all() if not self.only or cell[1] in self.only)

    def _all(self) -> Iterator[tuple[str, int, Target]]:
        yield from (("spgd", epsilon, None) for epsilon in self.epsilons)
        yield from (("random-signs", epsilon, None) for epsilon in self.epsilons)
        yield from (("checkerboard", epsilon, None) for epsilon in self.checkerboard_epsilons)
        yield from (("spgd", epsilon, target) for target in self.targets for epsilon in self.target_epsilons)
        yield from (("deepfool", epsilon, None) for epsilon in self.deepfool_epsilons)


def precompute(
    folder: Path,
    plan: Plan,
    device: str = "cpu",
    report: Callable[[Measurement, int, int], None] = lambda measurement, done, total: None,
) -> Results:
    """Craft and measure what the plan asks for and the folder does not hold yet; saved after every delta.

    A delta that was made with fewer steps or crafting images than the plan's, or another seed, is made anew; a risk
    ladder that stood on it goes, since it would hold a weaker one.

    Raises FileNotFoundError where the data is absent, FileError where the model cannot be used, ValueError where the
    plan asks for nothing, or for a scene that is not there.
    """
    cells = list(plan.cells())
    if not cells:
        every = sorted({epsilon for _, epsilon, _ in replace(plan, only=()).cells()})
        asked, fits = (", ".join(map(str, epsilons)) for epsilons in (plan.only, every))
        raise ValueError(f"Nothing is measured at {asked}/255; the strengths of this data set are {fits}.")
    model, checkpoint = store.load(folder, device), store.read(folder)
    data = checkpoint.dataset()
    crafting, held_out = data.split("train", plan.crafting_images), data.split("test")
    classes = len(checkpoint.classes)
    clean = predict(model, held_out)
    results = Results.load(folder)
    if results is None or results.about.get("sha256") != checkpoint.sha256:
        about = {"sha256": checkpoint.sha256, "source": data.source, "held_out": len(held_out)}
        results = Results(evaluate(model, held_out, clean=clean, classes=classes), (), about | {"versions": versions()})
        perturbations.save(folder, {})
        results.save(folder)
    if not results.hits:
        results = replace(results, hits=hits(held_out.labels.cpu(), clean))
        results.save(folder)
    deltas, aims = perturbations.load(folder), {target: objective(target, data) for _, _, target in cells}
    scenes = Scenes(held_out.labels, classes) if any(scene_number(target) for _, _, target in cells) else None
    for done, (name, epsilon, target) in enumerate(cells, 1):
        known = results.find(name, epsilon, target)
        images, control = seen(name, plan, len(crafting)), attacks.get(name).control
        learnt = known and (control or (known.steps >= plan.steps and known.crafted_on >= images))
        enough = known and learnt and known.seed == plan.seed
        if enough and key(name, epsilon, target) in deltas:
            continue
        started, aim = time.perf_counter(), aims[target]
        delta = craft(model, crafting, name, epsilon, aim, plan)
        seconds = round(time.perf_counter() - started, 2)
        found: Report = evaluate(model, held_out, delta, aim, clean, classes)
        shown = _pattern(scenes, delta, target)
        measurement = Measurement(name, epsilon, target, plan.steps, plan.seed, images, found, seconds, shown)
        others = (kept for kept in results.measurements if kept.key != measurement.key)
        about = dict(results.about)
        if (name, target) == ("spgd", None):
            about.pop(EXCHANGED, None)  # the new one may help others
        results = replace(results, measurements=(*others, measurement), about=about)
        if results.ladder and measurement.key == key("spgd", round(results.ladder.epsilon * 255)):
            results = replace(results, ladder=None)
        deltas[measurement.key] = delta
        perturbations.save(folder, deltas)
        results.save(folder)
        report(measurement, done, len(cells))
    return results


def seen(attack: str, plan: Plan, images: int) -> int:
    """How many of so many crafting images the attack looks at; none for controls, one a step where it takes singles."""
    kind = attacks.get(attack)
    if kind.control:
        return 0
    return min(images, plan.steps * (plan.batch_size if "batch_size" in kind.__dataclass_fields__ else 1))


def _pattern(scenes: Scenes | None, delta: Tensor, target: Target) -> PatternScore | None:
    number = scene_number(target)
    return scenes.score(delta, number - 1) if scenes and number else None


def craft(model: nn.Module, split: Split, attack: str, epsilon: int, aim: Objective, plan: Plan) -> Tensor:
    """One delta (1,C,H,W) in whole units of 1/255, as it will be stored."""
    kind = attacks.get(attack)
    options = {"steps": plan.steps, "seed": plan.seed, "batch_size": plan.batch_size}
    fitting = {name: value for name, value in options.items() if name in kind.__dataclass_fields__}
    found = kind(Budget(epsilon / 255), aim, **fitting).craft(model, split)
    return perturbations.quantise(found).cpu() / 255
