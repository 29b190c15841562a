"""Fill a model folder with how visible its perturbations are, in JOD; what is there already is not measured again.

M deltas, C channels, H W height and width.
"""

from collections.abc import Callable
from dataclasses import replace

from core.checkpoints.perturbations import BREAKING
from core.checkpoints.results import Measurement
from core.checkpoints.store import ModelFolder
from core.evaluation.perceptibility import INSTALL_JOD, JUDGED, VIEWING, Jod, jod_available, judge, judgeable, spaced

ATTACKS = ("spgd", "random-signs")
"""The attacks whose perturbations are judged: the strongest one, with and without a target, and random noise."""


def unjudged(folder: ModelFolder) -> list[Measurement]:
    """The measurements whose perturbation is stored and has no JOD under the present viewing conditions."""
    stored = folder.results.measurements if folder.results else ()
    return [m for m in stored if m.attack in ATTACKS and m.key in folder.deltas and _old(m.jod)]


def judge_visibility(folder: ModelFolder, report: Callable[[str], None] = lambda line: None) -> None:
    """Measure the JOD of the perturbation that breaks the model, and of attack and noise at every stored epsilon.

    Each is measured on JUDGED evenly spaced held-out images; the model itself is not needed. Where ColorVideoVDP is not
    installed nothing is measured, and `report` gets a line for that. Raises FileNotFoundError where the data is absent.
    """
    waiting, results = unjudged(folder), folder.results
    broken = results and results.visibility and BREAKING in folder.deltas and _old(results.visibility.jod)
    if results is None or not (waiting or broken):
        return
    if not jod_available():
        report(f"JOD is not measured, since ColorVideoVDP is not installed; run: {INSTALL_JOD}")
        return
    images = spaced(folder.checkpoint.dataset().split("test"), JUDGED)
    if not judgeable(images):
        return
    judged = {m.key: judge(images, folder.deltas[m.key]) for m in waiting}
    measurements = tuple(replace(m, jod=judged.get(m.key, m.jod)) for m in results.measurements)
    results = replace(results, measurements=measurements)
    if broken and results.visibility:
        jod = judge(images, folder.deltas[BREAKING])
        results = replace(results, visibility=replace(results.visibility, jod=jod))
        report(f"Visibility of the perturbation that breaks the model: JOD {jod}")
    folder.save(results)


def _old(jod: Jod | None) -> bool:
    return jod is None or jod.viewing != VIEWING
