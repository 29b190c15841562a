"""Fill a model folder with its universal robustness and its four risks; what is there already is not made again.

M deltas, C channels, H W height and width. Epsilons are in n/255 here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

from torch import Tensor

from core.attacks.spgd import PUBLISHED, SPGD, WARM_STEP
from core.checkpoints import perturbations
from core.checkpoints.donors import donor_deltas
from core.checkpoints.perturbations import BREAKING
from core.checkpoints.results import Results, key
from core.checkpoints.store import ModelFolder
from core.datasets import Dataset, Split
from core.evaluation.evaluator import Evaluator
from core.evaluation.perceptibility import Perceptibility, measurable, measure
from core.evaluation.report import breaking_point
from core.files import FileError
from core.robustness.candidate import Candidate, Candidates
from core.robustness.result import Point, Robustness, combined, success
from core.robustness.risks import measure_risks
from core.robustness.search import TRANSFERRED, Search
from core.robustness.transfer import TransferredDeltas
from core.threat import Budget
from core.workflows.cross_epsilon import CrossEpsilonTransfer
from core.workflows.patterns import judge_patterns
from core.workflows.protocol import Protocol
from core.workflows.visibility import judge_visibility

LATER = 1000
"""What is added to the seed where a search is continued."""
VISIBLE_ON = 200
"""Held-out images that visibility is measured on."""


def assess(
    folder: ModelFolder, protocol: Protocol | None = None, report: Callable[[str], None] = lambda line: None
) -> Results:
    """Measure what the folder lacks of robustness and risks; `report` gets a line for every step.

    1. Search for the smallest epsilon that breaks the model. The search begins where the stored curve crosses the
       level, and tries the stored perturbations and those that broke other models (the donors) as well.
    2. Cross-epsilon transfer: all of these compete at every stored epsilon, since some attacks got stuck.
    3. Continue the search from the strongest of them.
    4. Search with S-PGD as its authors describe it, to tell how much of the robustness it leaves is masking.
    5. Measure the four risks under the strongest perturbation of one epsilon.
    6. Measure how visible the perturbations are, in JOD, where ColorVideoVDP is installed.
    7. Measure how often other models see the target in the perturbations towards classes.

    Every stage is saved when it is over. With donors that are new, or that were broken anew, a later call repeats
    stages 2 and 3 where one of them does more than what is known, and stage 5 where its perturbation was replaced. They
    are repeated too where the search before did not try the variants of the attack.

    Raises FileError where nothing was measured yet, FileNotFoundError where the data is absent.
    """
    stages = _Stages(folder, protocol, report)
    stages.check()
    if stages.results.robustness is None:
        stages.search()
    assessment = stages.results.assessment
    if assessment.replaced is None or not assessment.variants or stages.new_donors_do_more():
        stages.continue_search(*stages.transfer_across_epsilons())
    if stages.new_donors:
        stages.save(stages.with_donors(stages.results))
    if stages.results.published is None:
        stages.search_as_published()
    if stages.results.risks is None:
        stages.measure_risks()
    judge_visibility(folder, report)
    judge_patterns(folder, report)
    return stages.results


def untried(folder: ModelFolder) -> bool:
    """Whether models beside a measured one were broken by perturbations that were not tried on it yet."""
    results = folder.results
    return bool(results and results.robustness and _new(donor_deltas(folder.checkpoint), results))


@dataclass(frozen=True)
class _Stages:
    """The stages of one assessment: each works on what the folder holds, and saves what it adds."""

    folder: ModelFolder
    given: Protocol | None
    report: Callable[[str], None]

    @property
    def results(self) -> Results:
        """The results as they stand now. Raises FileError where there are none."""
        if self.folder.results is None:
            path = self.folder.path
            raise FileError(f"{path} was not measured yet; first run: plainsight precompute {path}")
        return self.folder.results

    @cached_property
    def data(self) -> Dataset:
        return self.folder.checkpoint.dataset()

    @cached_property
    def protocol(self) -> Protocol:
        return self.given or Protocol.standard(self.data)

    @cached_property
    def crafting(self) -> Split:
        """The images that perturbations are crafted on."""
        return self.data.split("train", self.protocol.crafting_images)

    @cached_property
    def evaluator(self) -> Evaluator:
        """The model on all held-out images."""
        return Evaluator(self.folder.model, self.data.split("test"), len(self.folder.checkpoint.classes))

    @cached_property
    def donors(self) -> Mapping[str, Tensor]:
        """The perturbations (1,C,H,W) that broke other models of the data, by the names of these models."""
        return donor_deltas(self.folder.checkpoint)

    @property
    def new_donors(self) -> list[Tensor]:
        """The perturbations of donors that were not tried on this model yet."""
        return _new(self.donors, self.results)

    @cached_property
    def transferred(self) -> TransferredDeltas:
        """The perturbations of all donors, to be tried on this model."""
        deltas, classes = [*self.donors.values()], self.evaluator.classes
        return TransferredDeltas(self.folder.model, self.crafting, deltas, classes=classes)

    def check(self) -> None:
        """Raise FileError where the folder lacks what an assessment needs."""
        path, _ = self.folder.path, self.results
        epsilon = self.protocol.risk_epsilon
        if key("spgd", epsilon) not in self.folder.deltas:
            raise FileError(f"{path} lacks S-PGD at {epsilon}/255; run: plainsight precompute {path}")

    def candidates(self) -> Candidates:
        """The model's own perturbations: those of the stored epsilons, and last the one that broke it."""
        results, deltas = self.results, self.folder.deltas
        own = [Candidate(m.epsilon, deltas[m.key], m.key) for m in results.curve() if m.key in deltas]
        if BREAKING in deltas and results.robustness:
            own.append(Candidate(results.robustness.breaking_epsilon, deltas[BREAKING], BREAKING))
        return Candidates(tuple(own))

    def search(self) -> None:
        """Search for the breaking epsilon from random starts, the stored perturbations and the donors'."""
        starts = [*(candidate.delta for candidate in self.candidates()), *self.donors.values()]
        found = self._search(_search_from(self.results, self.protocol), starts, Candidates())
        self._save_robustness(self.with_donors(self.results), found)

    def new_donors_do_more(self) -> bool:
        """Evaluate whether a new donor does more than the model's own: at a stored epsilon, or where it breaks.

        Its own were crafted on the images that both are compared on here, which flatters them. So what would break the
        model just below where it is known to break is also measured on held-out images, as the search does.
        """
        results, own = self.results, self.candidates()
        if not self.new_donors or not results.robustness:
            return False
        transferred = replace(self.transferred, deltas=self.new_donors)
        tolerance = results.robustness.tolerance
        below = max(results.robustness.breaking_epsilon - tolerance, tolerance)
        at = [(candidate.epsilon, candidate) for candidate in own]
        at += [(below, candidate) for candidate in sorted(own, key=lambda one: abs(one.epsilon - below))[:1]]
        judges, just_below = self.evaluator.first(self.protocol.held_out), Budget.from_255(below)
        tried = [judges(delta) for delta in transferred.best(just_below, TRANSFERRED)]
        if any(success(report) >= results.robustness.level for report in tried):
            return True
        return any(
            transferred.better(Budget.from_255(epsilon), candidate.rescaled(epsilon).delta) for epsilon, candidate in at
        )

    def transfer_across_epsilons(self) -> tuple[Candidates, int]:
        """Let all perturbations compete at every stored epsilon; returns the strongest, and how many were replaced yet.

        Risks that were measured under a replaced perturbation are dropped. The results say that this is done only
        after the search was continued: a run that is killed in between begins this stage again.
        """
        results, protocol = self.results, self.protocol
        attack = SPGD(Budget(1), steps=protocol.warm_steps, batch_size=protocol.batch_size, step_size=WARM_STEP)
        transfer = CrossEpsilonTransfer(
            self.evaluator, self.crafting, attack, judges=protocol.held_out, transferred=self.transferred
        )
        stored = [m for m in results.curve() if m.key in self.folder.deltas]
        before = results.assessment.replaced
        found, candidates = transfer(stored, self.candidates(), self.report, settled=before is not None)
        curve = {m.key: m for m in found}
        changed = [m for m in stored if curve[m.key] != m]
        measurements = tuple(curve.get(m.key, m) for m in results.measurements)
        stale = results.risks and any(m.epsilon == round(results.risks.epsilon) for m in changed)
        results = replace(results, measurements=measurements, risks=None if stale else results.risks)
        results = replace(results, assessment=replace(results.assessment, replaced=None))
        deltas = {candidate.source: candidate.delta for candidate in candidates}
        self.save(results, {m.key: deltas[m.key] for m in changed})
        return candidates, (before or 0) + len(changed)

    def continue_search(self, candidates: Candidates, replaced: int) -> None:
        """Continue the search from the strongest perturbations, with other seeds."""
        before = self.results.robustness
        assert before
        candidates = candidates.updated(*self._transferred_at(before.breaking_epsilon, candidates))
        search = replace(_search_from(self.results, self.protocol), seed=before.seed + LATER)
        again = self._search(search, self.transferred.deltas, candidates)
        assessment = replace(self.results.assessment, replaced=replaced, variants=True)
        self._save_robustness(replace(self.results, assessment=assessment), combined(before, again))

    def search_as_published(self) -> None:
        """Search with S-PGD as its authors describe it, from near the epsilon that is known to break the model."""
        known = self.results.robustness
        assert known
        search = self.protocol.as_published(known.breaking_epsilon)
        judges = self.evaluator.first(self.protocol.held_out).aiming(PUBLISHED.objective)
        report = partial(self._report_point, attack="As published, ")
        found = search(judges, self.crafting, report=report)
        self.save(replace(self.results, published=found))
        breaks = "breaks" if found.epsilon is not None else "does not break"
        self.report(f"The attack as published {breaks} the model at {found.breaking_epsilon:g}/255")

    def measure_risks(self) -> None:
        """Measure the four risks under the stored perturbation of the protocol's epsilon."""
        protocol, epsilon = self.protocol, self.protocol.risk_epsilon
        evaluator = self.evaluator.first(protocol.risk_images)
        sizes = tuple(size for size in protocol.risk_sizes if size <= len(evaluator.split))
        risks = measure_risks(
            evaluator,
            self.folder.deltas[key("spgd", epsilon)],
            epsilon=epsilon,
            sizes=sizes,
            steps=protocol.risk_steps,
        )
        self.save(replace(self.results, risks=risks))
        for level in risks.levels:
            self.report(f"{level.title} risk at {epsilon}/255: {level.loss:.3f}, {level.accuracy.value:.1%} right")

    def with_donors(self, results: Results) -> Results:
        """The results, which say that all donors were tried, and with which perturbations."""
        donors = {name: perturbations.digest(self.donors[name]) for name in sorted(self.donors)}
        return replace(results, assessment=replace(results.assessment, donors=donors))

    def save(self, results: Results, deltas: Mapping[str, Tensor] | None = None) -> None:
        """Save results, and `deltas` beside or in place of the stored ones."""
        self.folder.save(results, None if deltas is None else {**self.folder.deltas, **deltas})

    def _search(self, search: Search, starts: Sequence[Tensor], known: Candidates) -> Robustness:
        """What a search finds; it judges on the first held-out images of the protocol."""
        judges = self.evaluator.first(self.protocol.held_out)
        return search(judges, self.crafting, starts=starts, known=known.every, report=self._report_point)

    def _save_robustness(self, results: Results, found: Robustness) -> None:
        """Save what a search found; where its perturbation is new, that and how visible it is as well."""
        results = replace(results, robustness=found)
        if found.delta is None:
            self.save(results)
        else:
            visibility = _visibility(self.evaluator.split, found.delta)
            self.save(replace(results, visibility=visibility), {BREAKING: found.delta})

    def _transferred_at(self, epsilon: float, candidates: Candidates) -> list[Candidate]:
        """The strongest transferred perturbation at the breaking epsilon, if it does more than the model's own.

        A search from it is short.
        """
        best = self.transferred.best(Budget.from_255(epsilon), 1)
        if not best:
            return []
        own = candidates.find(BREAKING)
        known = [own.rescaled(epsilon).delta] if own else []
        strongest = max([*known, *best], key=self.transferred.strength)
        return [Candidate(epsilon, strongest, BREAKING)]

    def _report_point(self, point: Point, attack: str = "") -> None:
        low, high = point.interval
        self.report(
            f"{attack}{point.epsilon:.2f}/255: {point.success:.1%} [{low:.1%}, {high:.1%}] after {point.tries} tries"
        )


def _new(donors: Mapping[str, Tensor], results: Results) -> list[Tensor]:
    """The perturbations of donors that were not tried yet, since their model is new or was broken anew."""
    tried = results.assessment.donors or {}
    return [delta for name, delta in donors.items() if tried.get(name) != perturbations.digest(delta)]


def _search_from(results: Results, protocol: Protocol) -> Search:
    """The protocol's search, which begins near where the stored curve crosses the level, or where that ends."""
    curve = [(float(m.epsilon), m.report.accuracy.value) for m in results.curve()]
    guess = breaking_point([(0.0, results.clean.accuracy.value), *curve], protocol.level)
    last = max((epsilon for epsilon, _ in curve), default=16.0)
    return protocol.search(round(max(1.0, last if guess is None else guess)))


def _visibility(held_out: Split, delta: Tensor) -> Perceptibility | None:
    """How visible a perturbation is; None where pictures are too small for that."""
    shown, _ = held_out.first(min(VISIBLE_ON, len(held_out))).batch(slice(None))
    return measure(shown, delta.cpu()) if measurable(shown) else None
