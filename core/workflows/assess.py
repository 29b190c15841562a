"""Fill a model folder with its universal robustness and its risk ladder; what is there already is not made again.

M deltas, C channels, H W height and width.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from torch import Tensor, nn

from core.attacks.spgd import SPGD, WARM_STEP
from core.checkpoints import perturbations, store
from core.checkpoints.donors import lenders
from core.checkpoints.perturbations import BREAKING
from core.checkpoints.results import EXCHANGED, STARTS, Results, key
from core.datasets import Split
from core.evaluation.perceptibility import Perceptibility, measurable, measure
from core.evaluation.report import breaking_point
from core.files import FileError
from core.robustness.result import UNIT, Point, Robustness, combined
from core.robustness.risks import climb
from core.robustness.transfer import Lent
from core.threat import Budget
from core.workflows.cross_epsilon import Candidates, CrossEpsilonTransfer
from core.workflows.protocol import Protocol

LATER = 1000
"""What is added to the seed where a search goes on."""
ASIDE = 1e-6
"""Keeps the perturbation at the breaking point apart from one that was stored at the same strength."""
VISIBLE_ON = 200
"""Held-out images that visibility is measured on."""


def assess(
    folder: Path,
    device: str = "cpu",
    report: Callable[[str], None] = lambda line: None,
    protocol: Protocol | None = None,
) -> Results:
    """Measure what the folder lacks of robustness and ladder; `report` hears a line of every step.

    The search starts where the stored curve crosses the level, and tries stored perturbations too: the model's own,
    and those that broke other models of the data, which lead further than random starts on some
    (docs/explanation/attack-strength.md).
    Then its own and the lent ones compete at every strength (`core.workflows.cross_epsilon`), and the search goes
    on from the strongest. What was tried is kept in the results (`about`, STARTS): where models have come since, or
    were broken earlier, run this again, and theirs are tried too; only where one does more than what is known all goes
    on.

    Raises FileError where nothing was measured yet, FileNotFoundError where the data is absent.
    """
    checkpoint, results = store.read(folder), Results.load(folder)
    if results is None or results.about.get("sha256") != checkpoint.sha256:
        raise FileError(f"{folder} was not measured yet; first run: python -m core precompute {folder}")
    data = checkpoint.dataset()
    protocol, classes = protocol or Protocol.standard(data), len(checkpoint.classes)
    epsilon = protocol.ladder_epsilon
    if key("spgd", epsilon) not in perturbations.load(folder):
        raise FileError(f"{folder} lacks S-PGD at {epsilon}/255; run: python -m core precompute {folder}")
    model = store.load(folder, device)
    crafting, held_out = data.split("train", protocol.crafting_images), data.split("test")
    known, search = (
        held_out.first(min(protocol.held_out, len(held_out))),
        protocol.search(_first(results, protocol.level)),
    )

    def heard(point: Point) -> None:
        report(_line(point))

    beside = lenders(checkpoint)
    if results.robustness is None:
        found = search(
            model, crafting, known, classes, [*_candidates(folder, results).values(), *beside.values()], heard
        )
        results = _found(folder, _tried(results, beside), found, held_out)
    strangers = _strangers(results, beside)
    lent = Lent(model, crafting, strangers, classes=classes)
    gave_way = results.about.get(EXCHANGED)
    if gave_way is None or _lead_further(lent, folder, results):
        lent = replace(lent, deltas=list(beside.values()))
        attack = SPGD(Budget(1), steps=protocol.warm_steps, batch_size=protocol.batch_size, step_size=WARM_STEP)
        transfer = CrossEpsilonTransfer(model, crafting, held_out, protocol.held_out, attack, classes, lent)
        results, candidates, changed = _cross_epsilon(folder, transfer, results, report)
        before = results.robustness
        assert before
        candidates |= _at_the_breaking_point(lent, candidates, before)
        later, stored = (
            replace(search, seed=before.seed + LATER),
            {size * UNIT: delta for size, delta in candidates.items()},
        )
        again = later(model, crafting, known, classes, lent.deltas, heard, stored)
        about = {**results.about, EXCHANGED: (gave_way or 0) + changed}  # told when all is over
        results = _found(folder, replace(results, about=about), combined(before, again), held_out)
    if strangers:
        results = _tried(results, beside)
        results.save(folder)
    if results.ladder is None:
        results = _climbed(folder, results, model, held_out, protocol, report)
    return results


def _climbed(
    folder: Path, results: Results, model: nn.Module, held_out: Split, protocol: Protocol, report: Callable[[str], None]
) -> Results:
    """The results with the risk ladder under the stored perturbation of its strength, saved."""
    images = held_out.first(min(protocol.ladder_images, len(held_out)))
    sizes = tuple(size for size in protocol.ladder_sizes if size <= len(images))
    epsilon, classes = protocol.ladder_epsilon, len(store.read(folder).classes)
    universal = perturbations.load(folder)[key("spgd", epsilon)]
    ladder = climb(model, images, universal, epsilon * UNIT, sizes, protocol.ladder_steps, classes=classes)
    results = replace(results, ladder=ladder)
    results.save(folder)
    for rung in ladder.rungs:
        report(f"{rung.title} risk at {epsilon}/255: {rung.loss:.3f}, {rung.accuracy.value:.1%} right")
    return results


def untried(folder: Path) -> bool:
    """Whether models beside a measured one have been broken since, by what was not tried on it yet."""
    results = Results.load(folder)
    return bool(results and results.robustness and _strangers(results, lenders(store.read(folder))))


def _strangers(results: Results, beside: Mapping[str, Tensor]) -> list[Tensor]:
    """Those that were not tried yet, since their model came later or was broken anew."""
    tried = results.about.get(STARTS, {})
    return [delta for name, delta in beside.items() if tried.get(name) != perturbations.digest(delta)]


def _found(folder: Path, results: Results, found: Robustness, held_out: Split) -> Results:
    """The results with this robustness, saved; where its perturbation is a new one that goes to the stored ones."""
    results = replace(results, robustness=found)
    if found.delta is not None:
        perturbations.save(folder, perturbations.load(folder) | {BREAKING: found.delta})
        results = replace(results, visibility=_visibility(held_out, found.delta))
    results.save(folder)
    return results


def _tried(results: Results, beside: Mapping[str, Tensor]) -> Results:
    """The results, which say whose perturbations were tried, and which."""
    starts = {name: perturbations.digest(beside[name]) for name in sorted(beside)}
    return replace(results, about={**results.about, STARTS: starts})


def _lead_further(lent: Lent, folder: Path, results: Results) -> bool:
    """Whether one does more than the model's own: at a stored strength, where the model breaks, or just below."""
    candidates, found = _candidates(folder, results), results.robustness
    if not lent.deltas or not found:
        return False
    below = max(found.height - found.tolerance / UNIT, found.tolerance / UNIT)
    nearest = {below: min(candidates, key=lambda size: abs(size - below))} if candidates else {}
    own = {size: size for size in candidates} | nearest
    return any(
        lent.better(Budget(size * UNIT), Budget(size * UNIT).rescale(candidates[at])) for size, at in own.items()
    )


def _candidates(folder: Path, results: Results) -> Candidates:
    """The model's own perturbations by size in units of 1/255: those of the stored strengths, and what broke it."""
    deltas = perturbations.load(folder)
    candidates = {float(m.epsilon): deltas[m.key] for m in results.curve() if m.key in deltas}
    if BREAKING in deltas and results.robustness:
        candidates[results.robustness.height + ASIDE] = deltas[BREAKING]
    return candidates


def _cross_epsilon(
    folder: Path, transfer: CrossEpsilonTransfer, results: Results, report: Callable[[str], None]
) -> tuple[Results, Candidates, int]:
    """The results after stored and lent perturbations have competed at every strength, saved with them.

    Also the strongest of each strength, and how many are new. A risk ladder goes that stood on a perturbation that is
    no longer the strongest. Until all is over the results do not say that they competed: a killed run begins again.
    """
    deltas, ladder, candidates = perturbations.load(folder), results.ladder, _candidates(folder, results)
    stored = [m for m in results.curve() if m.key in deltas]
    curve = {m.key: m for m in transfer.measurements(stored, candidates, report, EXCHANGED in results.about)}
    changed = [m for m in stored if curve[m.key] != m]
    perturbations.save(folder, deltas | {m.key: candidates[m.epsilon] for m in changed})
    if ladder and any(m.epsilon == round(ladder.epsilon / UNIT) for m in changed):
        ladder = None
    measurements = tuple(curve.get(m.key, m) for m in results.measurements)
    about = {name: value for name, value in results.about.items() if name != EXCHANGED}
    results = replace(results, measurements=measurements, ladder=ladder, about=about)
    results.save(folder)
    return results, candidates, len(changed)


def _at_the_breaking_point(lent: Lent, candidates: Candidates, found: Robustness) -> Candidates:
    """What does most there of the lent ones, if that is more than the model's own: a search from it is a short one."""
    budget, size = Budget(found.height * UNIT), found.height + ASIDE
    best = lent.best(budget, 1)
    known = [budget.rescale(candidates[size])] if size in candidates else []
    return {size: max([*known, *best], key=lent.strength)} if best else {}


def _visibility(held_out: Split, delta: Tensor) -> Perceptibility | None:
    """None where pictures are too small for it."""
    shown, _ = held_out.first(min(VISIBLE_ON, len(held_out))).batch(slice(None))
    return measure(shown, delta.cpu()) if measurable(shown) else None


def _first(results: Results, level: float) -> int:
    """Where to begin, in units of 1/255: near the breaking point of the stored curve, or where it ends."""
    curve = [(float(m.epsilon), m.report.accuracy.value) for m in results.curve()]
    guess = breaking_point([(0.0, results.clean.accuracy.value), *curve], level)
    return round(max(1.0, guess if guess is not None else max((epsilon for epsilon, _ in curve), default=16.0)))


def _line(point: Point) -> str:
    low, high = point.interval
    return f"{point.epsilon / UNIT:.2f}/255: {point.success:.1%} [{low:.1%}, {high:.1%}] after {point.tries} tries"
