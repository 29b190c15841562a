"""Fill a model folder with its universal robustness and its four risks; what is there already is not made again.

M deltas, C channels, H W height and width.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from torch import Tensor, nn

from core.attacks.spgd import SPGD, WARM_STEP
from core.checkpoints import perturbations, store
from core.checkpoints.donors import donor_deltas
from core.checkpoints.perturbations import BREAKING
from core.checkpoints.results import EXCHANGED, STARTS, Results, key
from core.datasets import Split
from core.evaluation.perceptibility import Perceptibility, measurable, measure
from core.evaluation.report import breaking_point
from core.files import FileError
from core.robustness.candidate import Candidate
from core.robustness.result import Point, Robustness, combined
from core.robustness.risks import measure_risks
from core.robustness.transfer import TransferredDeltas
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
    """Measure what the folder lacks of robustness and risks; `report` hears a line of every step.

    The search starts where the stored curve crosses the level, and tries stored perturbations too: the model's own,
    and those that broke other models of the data, which do more than random starts on some
    (docs/explanation/attack-strength.md).
    Then its own and the transferred ones compete at every strength (`core.workflows.cross_epsilon`), and the search
    goes on from the strongest. What was tried is kept in the results (`about`, STARTS): where models have come since,
    or were broken earlier, run this again, and theirs are tried too; only where one does more than what is known all
    goes on.

    Raises FileError where nothing was measured yet, FileNotFoundError where the data is absent.
    """
    checkpoint, results = store.read(folder), Results.load(folder)
    if results is None or results.about.get("sha256") != checkpoint.sha256:
        raise FileError(f"{folder} was not measured yet; first run: python -m core precompute {folder}")
    data = checkpoint.dataset()
    protocol, classes = protocol or Protocol.standard(data), len(checkpoint.classes)
    epsilon = protocol.risk_epsilon
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

    donors = donor_deltas(checkpoint)
    if results.robustness is None:
        found = search(
            model,
            crafting,
            known,
            classes=classes,
            starts=[*_candidates(folder, results).values(), *donors.values()],
            report=heard,
        )
        results = _found(folder, _tried(results, donors), found, held_out)
    untried_deltas = _untried(results, donors)
    transferred = TransferredDeltas(model, crafting, untried_deltas, classes=classes)
    replaced = results.about.get(EXCHANGED)
    if replaced is None or _donors_do_more(transferred, folder, results):
        transferred = replace(transferred, deltas=list(donors.values()))
        attack = SPGD(Budget(1), steps=protocol.warm_steps, batch_size=protocol.batch_size, step_size=WARM_STEP)
        transfer = CrossEpsilonTransfer(model, crafting, held_out, protocol.held_out, attack, classes, transferred)
        results, candidates, changed = _cross_epsilon(folder, transfer, results, report)
        before = results.robustness
        assert before
        candidates |= _at_the_breaking_point(transferred, candidates, before)
        later, stored = (
            replace(search, seed=before.seed + LATER),
            [Candidate(size, delta, "stored") for size, delta in candidates.items()],
        )
        again = later(
            model,
            crafting,
            known,
            classes=classes,
            starts=transferred.deltas,
            known=stored,
            report=heard,
        )
        about = {**results.about, EXCHANGED: (replaced or 0) + changed}  # told when all is over
        results = _found(folder, replace(results, about=about), combined(before, again), held_out)
    if untried_deltas:
        results = _tried(results, donors)
        results.save(folder)
    if results.risks is None:
        results = _with_risks(folder, results, model, held_out, protocol, report)
    return results


def _with_risks(
    folder: Path, results: Results, model: nn.Module, held_out: Split, protocol: Protocol, report: Callable[[str], None]
) -> Results:
    """The results with the four risks under the stored perturbation of its strength, saved."""
    images = held_out.first(min(protocol.risk_images, len(held_out)))
    sizes = tuple(size for size in protocol.risk_sizes if size <= len(images))
    epsilon, classes = protocol.risk_epsilon, len(store.read(folder).classes)
    universal = perturbations.load(folder)[key("spgd", epsilon)]
    risks = measure_risks(
        model, images, universal, epsilon=epsilon, sizes=sizes, steps=protocol.risk_steps, classes=classes
    )
    results = replace(results, risks=risks)
    results.save(folder)
    for level in risks.levels:
        report(f"{level.title} risk at {epsilon}/255: {level.loss:.3f}, {level.accuracy.value:.1%} right")
    return results


def untried(folder: Path) -> bool:
    """Whether models beside a measured one have been broken since, by what was not tried on it yet."""
    results = Results.load(folder)
    return bool(results and results.robustness and _untried(results, donor_deltas(store.read(folder))))


def _untried(results: Results, donors: Mapping[str, Tensor]) -> list[Tensor]:
    """Those that were not tried yet, since their model came later or was broken anew."""
    tried = results.about.get(STARTS, {})
    return [delta for name, delta in donors.items() if tried.get(name) != perturbations.digest(delta)]


def _found(folder: Path, results: Results, found: Robustness, held_out: Split) -> Results:
    """The results with this robustness, saved; where its perturbation is a new one that goes to the stored ones."""
    results = replace(results, robustness=found)
    if found.delta is not None:
        perturbations.save(folder, perturbations.load(folder) | {BREAKING: found.delta})
        results = replace(results, visibility=_visibility(held_out, found.delta))
    results.save(folder)
    return results


def _tried(results: Results, donors: Mapping[str, Tensor]) -> Results:
    """The results, which say whose perturbations were tried, and which."""
    starts = {name: perturbations.digest(donors[name]) for name in sorted(donors)}
    return replace(results, about={**results.about, STARTS: starts})


def _donors_do_more(transferred: TransferredDeltas, folder: Path, results: Results) -> bool:
    """Whether one does more than the model's own: at a stored strength, where the model breaks, or just below."""
    candidates, found = _candidates(folder, results), results.robustness
    if not transferred.deltas or not found:
        return False
    below = max(found.breaking_epsilon - found.tolerance, found.tolerance)
    nearest = {below: min(candidates, key=lambda size: abs(size - below))} if candidates else {}
    own = {size: size for size in candidates} | nearest
    return any(
        transferred.better(Budget.from_255(size), Budget.from_255(size).rescale(candidates[at]))
        for size, at in own.items()
    )


def _candidates(folder: Path, results: Results) -> Candidates:
    """The model's own perturbations by size in units of 1/255: those of the stored strengths, and what broke it."""
    deltas = perturbations.load(folder)
    candidates = {float(m.epsilon): deltas[m.key] for m in results.curve() if m.key in deltas}
    if BREAKING in deltas and results.robustness:
        candidates[results.robustness.breaking_epsilon + ASIDE] = deltas[BREAKING]
    return candidates


def _cross_epsilon(
    folder: Path, transfer: CrossEpsilonTransfer, results: Results, report: Callable[[str], None]
) -> tuple[Results, Candidates, int]:
    """The results after stored and transferred perturbations have competed at every strength, saved with them.

    Also the strongest of each strength, and how many are new. Risks are dropped if they were measured under a
    perturbation that is no longer the strongest. Until all is over the results do not say that they competed: a killed
    run begins again.
    """
    deltas, risks, candidates = perturbations.load(folder), results.risks, _candidates(folder, results)
    stored = [m for m in results.curve() if m.key in deltas]
    curve = {m.key: m for m in transfer.measurements(stored, candidates, report, EXCHANGED in results.about)}
    changed = [m for m in stored if curve[m.key] != m]
    perturbations.save(folder, deltas | {m.key: candidates[m.epsilon] for m in changed})
    if risks and any(m.epsilon == round(risks.epsilon) for m in changed):
        risks = None
    measurements = tuple(curve.get(m.key, m) for m in results.measurements)
    about = {name: value for name, value in results.about.items() if name != EXCHANGED}
    results = replace(results, measurements=measurements, risks=risks, about=about)
    results.save(folder)
    return results, candidates, len(changed)


def _at_the_breaking_point(transferred: TransferredDeltas, candidates: Candidates, found: Robustness) -> Candidates:
    """The strongest transferred one there, if it does more than the model's own: a search from it is short."""
    budget, size = Budget.from_255(found.breaking_epsilon), found.breaking_epsilon + ASIDE
    best = transferred.best(budget, 1)
    known = [budget.rescale(candidates[size])] if size in candidates else []
    return {size: max([*known, *best], key=transferred.strength)} if best else {}


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
    return f"{point.epsilon:.2f}/255: {point.success:.1%} [{low:.1%}, {high:.1%}] after {point.tries} tries"
