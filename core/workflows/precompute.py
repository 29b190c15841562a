"""Fill a model folder with measured perturbations, so that the app's first view needs no computing.

M deltas, C channels, H W height and width. Crafted on training images, stored as int8, measured as stored.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from torch import Tensor, nn

from core.attacks import get
from core.attacks.objectives import Objective
from core.attacks.targets import Target, objective, scene_number
from core.checkpoints import perturbations, store
from core.checkpoints.results import EXCHANGED, Measurement, Results, key
from core.datasets import Split
from core.evaluation.pattern_score import PatternScore, Scenes
from core.evaluation.report import Report, evaluate, hits, predict
from core.runtime import versions
from core.threat import Budget
from core.workflows.protocol import AttackSuite


def precompute(
    folder: Path,
    suite: AttackSuite,
    device: str = "cpu",
    report: Callable[[Measurement, int, int], None] = lambda measurement, done, total: None,
) -> Results:
    """Craft and measure what the suite asks for and the folder does not hold yet; saved after every delta.

    A delta that was made with fewer steps or crafting images than the suite's, or another seed, is made anew; a risk
    risks that were measured under it are dropped, since they would hold a weaker one.

    Raises FileNotFoundError where the data is absent, FileError where the model cannot be used, ValueError where the
    suite asks for nothing, or for a scene that is not there.
    """
    attacks = list(suite.attacks())
    if not attacks:
        every = sorted({epsilon for _, epsilon, _ in replace(suite, only=()).attacks()})
        asked, fits = (", ".join(map(str, epsilons)) for epsilons in (suite.only, every))
        raise ValueError(f"Nothing is measured at {asked}/255; the strengths of this data set are {fits}.")
    model, checkpoint = store.load(folder, device), store.read(folder)
    data = checkpoint.dataset()
    crafting, held_out = data.split("train", suite.crafting_images), data.split("test")
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
    deltas, aims = perturbations.load(folder), {target: objective(target, data) for _, _, target in attacks}
    scenes = Scenes(held_out.labels, classes) if any(scene_number(target) for _, _, target in attacks) else None
    for done, (name, epsilon, target) in enumerate(attacks, 1):
        known = results.find(name, epsilon, target)
        images, control = seen(name, suite, len(crafting)), get(name).control
        learnt = known and (control or (known.steps >= suite.steps and known.crafted_on >= images))
        enough = known and learnt and known.seed == suite.seed
        if enough and key(name, epsilon, target) in deltas:
            continue
        started, aim = time.perf_counter(), aims[target]
        delta = craft(model, crafting, name, epsilon, aim, suite)
        seconds = round(time.perf_counter() - started, 2)
        found: Report = evaluate(model, held_out, delta, aim, clean, classes)
        shown = _pattern(scenes, delta, target)
        measurement = Measurement(name, epsilon, target, suite.steps, suite.seed, images, found, seconds, shown)
        others = (kept for kept in results.measurements if kept.key != measurement.key)
        about = dict(results.about)
        if (name, target) == ("spgd", None):
            about.pop(EXCHANGED, None)  # the new one may help others
        results = replace(results, measurements=(*others, measurement), about=about)
        if results.risks and measurement.key == key("spgd", round(results.risks.epsilon)):
            results = replace(results, risks=None)
        deltas[measurement.key] = delta
        perturbations.save(folder, deltas)
        results.save(folder)
        report(measurement, done, len(attacks))
    return results


def seen(attack: str, suite: AttackSuite, images: int) -> int:
    """How many of so many crafting images the attack looks at; none for controls, one a step where it takes singles."""
    kind = get(attack)
    if kind.control:
        return 0
    return min(images, suite.steps * (suite.batch_size if "batch_size" in kind.__dataclass_fields__ else 1))


def _pattern(scenes: Scenes | None, delta: Tensor, target: Target) -> PatternScore | None:
    number = scene_number(target)
    return scenes.score(delta, number - 1) if scenes and number else None


def craft(model: nn.Module, split: Split, attack: str, epsilon: int, aim: Objective, suite: AttackSuite) -> Tensor:
    """One delta (1,C,H,W) in whole units of 1/255, as it will be stored."""
    kind = get(attack)
    options = {"steps": suite.steps, "seed": suite.seed, "batch_size": suite.batch_size}
    fitting = {name: value for name, value in options.items() if name in kind.__dataclass_fields__}
    found = kind(Budget.from_255(epsilon), aim, **fitting).craft(model, split)
    return perturbations.quantise(found).cpu() / 255
