"""Candidate perturbations: what competes to be the strongest one of its size.

C channels, H W height and width. Epsilon is in units of 1/255.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from torch import Tensor

from core.evaluation.report import Report
from core.robustness.result import success
from core.threat import Budget


@dataclass(frozen=True, eq=False)
class Candidate:
    """A perturbation `delta` (1,C,H,W) of size `epsilon`, and where it comes from, like `random start`."""

    epsilon: float
    delta: Tensor
    source: str

    def rescaled(self, epsilon: float) -> "Candidate":
        """The same perturbation at another size."""
        return replace(self, epsilon=epsilon, delta=Budget.from_255(epsilon).rescale(self.delta))


@dataclass(frozen=True)
class Candidates:
    """The strongest perturbations known, one from each source."""

    every: tuple[Candidate, ...] = ()

    def __iter__(self) -> Iterator[Candidate]:
        return iter(self.every)

    def find(self, source: str) -> Candidate | None:
        """The candidate from this source; None where there is none."""
        return next((candidate for candidate in self.every if candidate.source == source), None)

    def updated(self, *others: Candidate) -> "Candidates":
        """These candidates with others in place of those from the same sources; those from new sources come last."""
        return Candidates(tuple({candidate.source: candidate for candidate in (*self.every, *others)}.values()))


@dataclass(frozen=True, eq=False)
class Tried:
    """A candidate and the report on it."""

    candidate: Candidate
    report: Report

    @property
    def success(self) -> float:
        """How far the attacker gets with it, from 0 to 1."""
        return success(self.report)
