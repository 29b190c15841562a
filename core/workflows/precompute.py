"""Fill a model folder with measured perturbations, so that the app's first view needs no computing.

M deltas, C channels, H W height and width. Crafted on training images, stored as int8, measured as stored.
"""

import time
from collections.abc import Callable
from dataclasses import replace

from torch import Tensor, nn

from core.attacks import get
from core.attacks.objectives import Objective
from core.attacks.targets import objective, scene_number
from core.checkpoints import perturbations
from core.checkpoints.results import Measurement, Results, key
from core.checkpoints.store import ModelFolder
from core.datasets import Split
from core.evaluation.evaluator import Evaluator
from core.evaluation.report import hits
from core.evaluation.resemblance import Resemblance, Scenes
from core.runtime import versions
from core.threat import Budget
from core.workflows.protocol import AttackSuite, Setting


def precompute(
    folder: ModelFolder,
    suite: AttackSuite,
    report: Callable[[Measurement, int, int], None] = lambda measurement, done, total: None,
) -> Results:
    """Craft and measure what the suite asks for and the folder does not hold yet; saved after every delta.

    A delta that was made with fewer steps or crafting images than the suite's, or another seed, is made anew; risks
    that were measured under it are dropped, since they would hold a weaker one.

    Raises FileNotFoundError where the data is absent, FileError where the model cannot be used, ValueError where the
    suite asks for nothing, or for a scene that is not there.
    """
    settings = _asked_for(suite)
    checkpoint, data = folder.checkpoint, folder.checkpoint.dataset()
    crafting = data.split("train", suite.crafting_images)
    evaluator = Evaluator(folder.model, data.split("test"), len(checkpoint.classes))
    results = _measured_clean(folder, evaluator, data.source)
    aims = {setting.target: objective(setting.target, data) for setting in settings}
    scenes = Scenes(evaluator.split.labels, len(checkpoint.classes)) if any(map(scene_number, aims)) else None
    for done, setting in enumerate(settings, 1):
        images = seen(setting.attack, suite, len(crafting))
        if setting.key in folder.deltas and _strong_enough(results.find(*setting), suite, images):
            continue
        started, aim = time.perf_counter(), aims[setting.target]
        delta = craft(folder.model, crafting, setting=setting, objective=aim, suite=suite)
        seconds = round(time.perf_counter() - started, 2)
        found = evaluator.aiming(aim)(delta)
        shown = _pattern(scenes, delta, setting)
        measurement = Measurement(*setting, suite.steps, suite.seed, images, found, seconds, shown)
        results = _with(results, measurement)
        folder.save(results, {**folder.deltas, setting.key: delta})
        report(measurement, done, len(settings))
    return results


def _asked_for(suite: AttackSuite) -> list[Setting]:
    """The settings of the suite. Raises ValueError where there are none."""
    if settings := list(suite.settings()):
        return settings
    every = sorted({setting.epsilon for setting in replace(suite, only=()).settings()})
    asked, fits = (", ".join(map(str, epsilons)) for epsilons in (suite.only, every))
    raise ValueError(f"Nothing is measured at {asked}/255; the strengths of this data set are {fits}.")


def _measured_clean(folder: ModelFolder, evaluator: Evaluator, source: str) -> Results:
    """The results of these weights, with the clean report at least, and with which images are right."""
    results = folder.results
    if results is None:
        about = {"sha256": folder.checkpoint.sha256, "source": source, "held_out": len(evaluator.split)}
        results = Results(evaluator(), about=about | {"versions": versions()})
        folder.save(results, {})
    if not results.hits:
        results = replace(results, hits=hits(evaluator.split.labels.cpu(), evaluator.clean))
        folder.save(results)
    return results


def _strong_enough(known: Measurement | None, suite: AttackSuite, images: int) -> bool:
    """Whether a stored perturbation was made with the suite's seed, and with as many steps and crafting images."""
    if known is None or known.seed != suite.seed:
        return False
    return get(known.attack).control or (known.steps >= suite.steps and known.crafted_on >= images)


def _with(results: Results, measurement: Measurement) -> Results:
    """The results with a new measurement, and without what it makes obsolete."""
    others = (kept for kept in results.measurements if kept.key != measurement.key)
    results = replace(results, measurements=(*others, measurement))
    if (measurement.attack, measurement.target) == ("spgd", None):  # it may be stronger at other epsilons too
        results = replace(results, assessment=replace(results.assessment, replaced=None))
    if results.risks and measurement.key == key("spgd", round(results.risks.epsilon)):
        results = replace(results, risks=None)
    return results


def seen(attack: str, suite: AttackSuite, images: int) -> int:
    """How many of so many crafting images the attack looks at; none for controls, one a step where it takes singles."""
    kind = get(attack)
    if kind.control:
        return 0
    return min(images, suite.steps * (suite.batch_size if kind.takes("batch_size") else 1))


def _pattern(scenes: Scenes | None, delta: Tensor, setting: Setting) -> Resemblance | None:
    number = scene_number(setting.target)
    return scenes.score(delta, number - 1) if scenes and number else None


def craft(model: nn.Module, split: Split, *, setting: Setting, objective: Objective, suite: AttackSuite) -> Tensor:
    """One delta (1,C,H,W) in whole units of 1/255, as it will be stored."""
    kind = get(setting.attack)
    options = {"steps": suite.steps, "seed": suite.seed, "batch_size": suite.batch_size}
    fitting = {name: value for name, value in options.items() if kind.takes(name)}
    found = kind(Budget.from_255(setting.epsilon), objective, **fitting).craft(model, split)
    return perturbations.as_stored(found)
