"""Whether a perturbation alone shows its target class: the pattern score (claim 5 of Mummadi et al. 2019).

The perturbation is put on mid-grey and read by models that it was not crafted on. N pictures, P patterns, R readers,
K classes, C channels, H W height and width.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.attacks.base import device_of
from core.attacks.pgd import frozen
from core.attacks.random_signs import RandomSigns
from core.evaluation.report import wilson
from core.threat import Budget, apply

CONTRASTS = (0.125, 0.25, 0.5)
"""How far the largest value of a pattern lies from mid-grey. 0.125 is 32/255, about what breaks the most robust models;
0.5 is the largest contrast at which nothing is clipped."""
NOISES = 32
"""How many random patterns are read as the control."""
ALL = "all"
"""Stands for the readers of every kind."""
BATCH = 128


@dataclass(frozen=True)
class Reader:
    """A model that names what it sees in a pattern; `kind` says how it was trained."""

    name: str
    kind: str
    model: nn.Module


@dataclass(frozen=True)
class ReadingRate:
    """`named` of `n` readings name the target; each of the `patterns` was read equally often.

    >>> ReadingRate(30, 60, 20).interval
    (0.2993, 0.7007)
    """

    named: int
    n: int
    patterns: int

    def __post_init__(self) -> None:
        if not (0 <= self.named <= self.n and 1 <= self.patterns <= self.n):
            raise ValueError(f"{self.named} of {self.n} readings of {self.patterns} patterns")

    @property
    def value(self) -> float:
        return self.named / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """The ends of the 95% interval over patterns, for these readers.

        Readings of one pattern depend on each other. The interval is Wilson's with the number of patterns in place of
        the number of readings, as if all readings of one pattern agreed. It is never too narrow, since a fraction with
        mean p varies by at most p(1 - p), and it holds for few patterns, where a bootstrap does not.
        """
        return wilson(self.value, self.patterns)

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "value": round(self.value, 5), "interval": self.interval}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "ReadingRate":
        return cls(content["named"], content["n"], content["patterns"])


@dataclass(frozen=True)
class PatternScore:
    """How often other models name the target of a model's patterns, and of random signs read in the same way.

    `own` and `noise` hold the rates by kind of reader, and for ALL of them. `epsilon` (n/255) is the strength that the
    patterns were crafted at. `patterns` and `readers` name what was read and by whom, each with a digest. `contrasts`
    are the contrasts that each pattern was read at.
    """

    own: dict[str, ReadingRate]
    noise: dict[str, ReadingRate]
    epsilon: int
    patterns: dict[str, str]
    readers: dict[str, str]
    contrasts: tuple[float, ...] = CONTRASTS

    def __post_init__(self) -> None:
        if ALL not in self.own or self.own.keys() != self.noise.keys():
            raise ValueError(f"readers {[*self.own]} of patterns and {[*self.noise]} of noise")

    def __str__(self) -> str:
        own, noise = (f"{100 * rates[ALL].value:.0f}%" for rates in (self.own, self.noise))
        return f"{own} of {self.own[ALL].n:,} readings name the target, of random signs {noise}"

    def to_json(self) -> dict[str, Any]:
        rates = {
            name: {kind: rate.to_json() for kind, rate in found.items()}
            for name, found in (("own", self.own), ("noise", self.noise))
        }
        return {**vars(self), **rates}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "PatternScore":
        rates = {
            name: {kind: ReadingRate.from_json(rate) for kind, rate in content[name].items()}
            for name in ("own", "noise")
        }
        return cls(**{**content, **rates, "contrasts": tuple(content["contrasts"])})


def on_grey(delta: Tensor, contrast: float) -> Tensor:
    """Patterns (P,C,H,W) as pictures: mid-grey, from which the largest value of each lies `contrast` away, clipped.

    >>> on_grey(torch.tensor([[[[-0.1, 0.05]]]]), 0.5).tolist()
    [[[[0.0, 0.75]]]]
    """
    scaled = torch.cat([Budget(contrast).rescale(one) for one in delta.split(1)])
    return apply(torch.full_like(scaled, 0.5), scaled)


def read(model: nn.Module, delta: Tensor, contrasts: Sequence[float] = CONTRASTS) -> Tensor:
    """The classes (P,len(contrasts)) that a model names for patterns (P,C,H,W) on mid-grey, on the CPU.

    Raises ValueError for a model that does not name one class for each picture.
    """
    pictures = torch.cat([on_grey(delta, contrast) for contrast in contrasts])
    device = device_of(model)
    with frozen(model), torch.inference_mode():
        logits = torch.cat(
            [model(batch.to(device, memory_format=torch.channels_last)).cpu() for batch in pictures.split(BATCH)]
        )
    if logits.ndim != 2:
        raise ValueError(f"A reader gives logits (N,K) for N pictures, and one gave {tuple(logits.shape)}.")
    return logits.argmax(1).reshape(len(contrasts), len(delta)).T


def score_patterns(
    readers: Sequence[Reader],
    patterns: Sequence[tuple[int, Tensor]],
    *,
    contrasts: Sequence[float] = CONTRASTS,
    noises: int = NOISES,
) -> tuple[dict[str, ReadingRate], dict[str, ReadingRate]]:
    """How often the readers name the target of patterns, by kind of reader: of the patterns, and of random signs.

    `patterns` are pairs of a target class and a perturbation (1,C,H,W). Random signs from the seeds below `noises` are
    read for every one of these targets: where readers name a target for any picture at all, that shows here.
    Deterministic. Raises ValueError where there are no readers, or no patterns, or patterns of several sizes.
    """
    if not readers or not patterns:
        raise ValueError(f"Patterns are read by other models: {len(patterns)} patterns and {len(readers)} readers.")
    shapes = {tuple(delta.shape) for _, delta in patterns}
    if len(shapes) > 1 or (shape := min(shapes))[0] != 1:
        raise ValueError(f"Patterns of one size (1,C,H,W) are read, and the shapes {sorted(shapes)} were given.")
    targets = torch.tensor([target for target, _ in patterns])
    deltas = torch.cat([delta.cpu().float() for _, delta in patterns])
    noise = torch.cat([RandomSigns(Budget(1), seed=seed).signs(shape) for seed in range(noises)])
    own, control, counts = Counter[str](), Counter[str](), Counter[str]()
    for reader in readers:
        named = int((read(reader.model, deltas, contrasts) == targets[:, None]).sum())
        by_chance = int((read(reader.model, noise, contrasts)[..., None] == targets).sum())
        for kind in (ALL, reader.kind):
            own[kind] += named
            control[kind] += by_chance
            counts[kind] += len(contrasts) * len(patterns)
    return (
        {kind: ReadingRate(own[kind], n, len(patterns)) for kind, n in counts.items()},
        {kind: ReadingRate(control[kind], n * noises, noises) for kind, n in counts.items()},
    )
