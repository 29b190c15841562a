"""The blind test: what a browser needs to show pairs of pictures, and what to compare a person's threshold with."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class StoredPattern:
    """A stored pattern of epsilon n/255: base64 of zlib of int8 (H,W,3) in units of 1/255."""

    epsilon: int
    units: str


@dataclass(frozen=True)
class BlindSide:
    """One model of the blind test. Epsilons are in n/255.

    `breaks` is the minimum breaking epsilon, None where nothing up to `reaches` broke it; both are None where nothing
    was searched. `level` is on what fraction it is wrong there. `jod` is the JOD of S-PGD by epsilon, that without a
    perturbation first; empty where too little is stored. `noticed` is where it falls to 9, None where it does not.
    """

    letter: Literal["A", "B"]
    title: str
    noun: str
    patterns: tuple[StoredPattern, ...]
    breaks: float | None
    reaches: float | None
    level: float | None
    jod: tuple[tuple[float, float], ...]
    noticed: float | None
    origin: str
    has_weights: bool


@dataclass(frozen=True)
class BlindTest:
    """The whole page. `pictures` are held-out images of `size` (height, width): base64 of zlib of uint8 (H,W,3).

    `coarse` images are drawn with their pixels to be seen; `query` is the address of the view; `missing` says in one
    sentence why there are no pictures.
    """

    things: str
    size: tuple[int, int]
    coarse: bool
    pictures: tuple[str, ...]
    a: BlindSide
    b: BlindSide
    seed: int
    query: str
    missing: str = ""
