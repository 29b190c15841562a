"""Fill a model folder with its universal robustness and its risk ladder; what is there already is not made again.

M deltas, C channels, H W height and width.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor, nn

from core.attacks.spgd import SPGD, WARM_STEP
from core.checkpoints import perturbations, store
from core.checkpoints.donors import lenders
from core.checkpoints.perturbations import BREAKING
from core.checkpoints.results import EXCHANGED, STARTS, Results, key
from core.datasets import Dataset, Split
from core.evaluation.perceptibility import Perceptibility, measurable, measure
from core.evaluation.report import breaking_point
from core.files import FileError
from core.robustness.result import UNIT, Point, Robustness, combined
from core.robustness.risks import climb
from core.robustness.search import Search
from core.robustness.transfer import Lent
from core.threat import Budget
from core.workflows.cross_epsilon import Exchange, Pool

LATER = 1000
"""What is added to the seed where a search goes on."""
ASIDE = 1e-6
"""Keeps the perturbation at the breaking point apart from one that was stored at the same strength."""
VISIBLE_ON = 200
"""Held-out images that visibility is measured on."""


@dataclass(frozen=True)
class Terms:
    """On how many images, and how hard, every model of a data set is tried; the same for all, so that they compare."""

    held_out: int = 2000
    crafting_images: int = 2048
    batch_size: int = 64
    steps: int = Search.steps
    warm_steps: int = Search.warm_steps
    tolerance: float = Search.tolerance
    ladder_epsilon: int = 8
    ladder_images: int = 512
    ladder_sizes: tuple[int, ...] = (64, 8)
    ladder_steps: int = 20
    level: float = Search.level
    restarts: int = Search.restarts

    def search(self, first: int) -> Search:
        """The search on these terms from an epsilon in units of 1/255."""
        return Search(
            first=max(first * UNIT, self.tolerance),
            level=self.level,
            tolerance=self.tolerance,
            restarts=self.restarts,
            steps=self.steps,
            warm_steps=self.warm_steps,
            batch_size=self.batch_size,
        )

    @classmethod
    def standard(cls, data: Dataset) -> "Terms":
        """The usual terms; scenes count as broken where half of the pixels are wrong.

        One class may cover a quarter of all pixels, and is right there wherever everything looks like it: so 75% is out
        of reach of any perturbation on some data (streets end at 74%), and would call the weakest model unbroken.
        """
        if data.task == "classification":
            return cls()
        return cls(crafting_images=360, batch_size=8, ladder_images=64, level=0.5, restarts=1)


def assess(
    folder: Path,
    device: str = "cpu",
    report: Callable[[str], None] = lambda line: None,
    terms: Terms | None = None,
) -> Results:
    """Measure what the folder lacks of robustness and ladder; `report` hears a line of every step.

    The search starts where the stored curve crosses the level, and tries stored perturbations too: the model's own,
    and those that broke other models of the data, which lead further than random starts on some (docs/attack.md).
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
    terms, classes = terms or Terms.standard(data), len(checkpoint.classes)
    epsilon = terms.ladder_epsilon
    if key("spgd", epsilon) not in perturbations.load(folder):
        raise FileError(f"{folder} lacks S-PGD at {epsilon}/255; run: python -m core precompute {folder}")
    model = store.load(folder, device)
    crafting, held_out = data.split("train", terms.crafting_images), data.split("test")
    known, search = held_out.first(min(terms.held_out, len(held_out))), terms.search(_first(results, terms.level))

    def heard(point: Point) -> None:
        report(_line(point))

    beside = lenders(checkpoint)
    if results.robustness is None:
        found = search(model, crafting, known, classes, [*_pool(folder, results).values(), *beside.values()], heard)
        results = _found(folder, _tried(results, beside), found, held_out)
    strangers = _strangers(results, beside)
    lent = Lent(model, crafting, strangers, classes=classes)
    gave_way = results.about.get(EXCHANGED)
    if gave_way is None or _lead_further(lent, folder, results):
        lent = replace(lent, deltas=list(beside.values()))
        attack = SPGD(Budget(1), steps=terms.warm_steps, batch_size=terms.batch_size, step_size=WARM_STEP)
        exchange = Exchange(model, crafting, held_out, terms.held_out, attack, classes, lent)
        results, pool, changed = _exchanged(folder, exchange, results, report)
        before = results.robustness
        assert before
        pool |= _at_the_breaking_point(lent, pool, before)
        later, stored = replace(search, seed=before.seed + LATER), {size * UNIT: delta for size, delta in pool.items()}
        again = later(model, crafting, known, classes, lent.deltas, heard, stored)
        about = {**results.about, EXCHANGED: (gave_way or 0) + changed}  # told when all is over
        results = _found(folder, replace(results, about=about), combined(before, again), held_out)
    if strangers:
        results = _tried(results, beside)
        results.save(folder)
    if results.ladder is None:
        results = _climbed(folder, results, model, held_out, terms, report)
    return results


def _climbed(
    folder: Path, results: Results, model: nn.Module, held_out: Split, terms: Terms, report: Callable[[str], None]
) -> Results:
    """The results with the risk ladder under the stored perturbation of its strength, saved."""
    images = held_out.first(min(terms.ladder_images, len(held_out)))
    sizes = tuple(size for size in terms.ladder_sizes if size <= len(images))
    epsilon, classes = terms.ladder_epsilon, len(store.read(folder).classes)
    universal = perturbations.load(folder)[key("spgd", epsilon)]
    ladder = climb(model, images, universal, epsilon * UNIT, sizes, terms.ladder_steps, classes=classes)
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
    pool, found = _pool(folder, results), results.robustness
    if not lent.deltas or not found:
        return False
    below = max(found.height - found.tolerance / UNIT, found.tolerance / UNIT)
    nearest = {below: min(pool, key=lambda size: abs(size - below))} if pool else {}
    own = {size: size for size in pool} | nearest
    return any(lent.better(Budget(size * UNIT), Budget(size * UNIT).rescale(pool[at])) for size, at in own.items())


def _pool(folder: Path, results: Results) -> Pool:
    """The model's own perturbations by size in units of 1/255: those of the stored strengths, and what broke it."""
    deltas = perturbations.load(folder)
    pool = {float(m.epsilon): deltas[m.key] for m in results.curve() if m.key in deltas}
    if BREAKING in deltas and results.robustness:
        pool[results.robustness.height + ASIDE] = deltas[BREAKING]
    return pool


def _exchanged(
    folder: Path, exchange: Exchange, results: Results, report: Callable[[str], None]
) -> tuple[Results, Pool, int]:
    """The results after stored and lent perturbations have competed at every strength, saved with them.

    Also the strongest of each strength, and how many are new. A risk ladder goes that stood on a perturbation that is
    no longer the strongest. Until all is over the results do not say that they competed: a killed run begins again.
    """
    deltas, ladder, pool = perturbations.load(folder), results.ladder, _pool(folder, results)
    stored = [m for m in results.curve() if m.key in deltas]
    curve = {m.key: m for m in exchange.measurements(stored, pool, report, EXCHANGED in results.about)}
    changed = [m for m in stored if curve[m.key] != m]
    perturbations.save(folder, deltas | {m.key: pool[m.epsilon] for m in changed})
    if ladder and any(m.epsilon == round(ladder.epsilon / UNIT) for m in changed):
        ladder = None
    measurements = tuple(curve.get(m.key, m) for m in results.measurements)
    about = {name: value for name, value in results.about.items() if name != EXCHANGED}
    results = replace(results, measurements=measurements, ladder=ladder, about=about)
    results.save(folder)
    return results, pool, len(changed)


def _at_the_breaking_point(lent: Lent, pool: Pool, found: Robustness) -> Pool:
    """What does most there of the lent ones, if that is more than the model's own: a search from it is a short one."""
    budget, size = Budget(found.height * UNIT), found.height + ASIDE
    best = lent.best(budget, 1)
    known = [budget.rescale(pool[size])] if size in pool else []
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
