"""Which runs a grid has: the product of its settings, or single ones by name."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

from core.numbers import units_of_255
from core.training.recipe import Recipe

RUN_NAME = re.compile(r"(?:shared-)?s(\d+)-e(\d+(?:\.\d+)?)-w(\d+(?:\.\d+)?)(?:-r(\d+))?")
"""As `Recipe.name` has it, without what does not vary within a grid."""


def grid(
    base: Recipe, *, heaps: Sequence[int], sigmas: Sequence[float], epsilons: Sequence[float], seeds: Sequence[int]
) -> list[Recipe]:
    """The product of the settings, each in place of that of `base`; epsilons in n/255. Raises ValueError.

    >>> base = Recipe("signs", sigma=0.5, heap=1, epsilon=8)
    >>> [run.name for run in grid(base, heaps=[1, 64], sigmas=[0.5], epsilons=[8], seeds=[0])]
    ['shared-s1-e8-w0.5', 'shared-s64-e8-w0.5']
    """
    return [
        replace(base, heap=heap, sigma=sigma, epsilon=epsilon, seed=seed)
        for seed, heap, sigma, epsilon in product(seeds, heaps, sigmas, epsilons)
    ]


def run_named(base: Recipe, name: str) -> Recipe:
    """The recipe of the run of that name, the settings that it leaves out as in `base`. Raises ValueError.

    >>> run_named(Recipe("signs", epochs=15), "s64-e16-w0.5-r1").name
    'shared-s64-e16-w0.5-r1'
    """
    found = RUN_NAME.fullmatch(name)
    if not found:
        raise ValueError(f"{name!r} names no run; give heap, epsilon (n/255) and sigma like s64-e16-w0.5.")
    heap, epsilon, sigma, seed = found.groups()
    units_of_255(float(epsilon), f"{name}: e")
    return replace(
        base,
        heap=int(heap),
        epsilon=float(epsilon),
        sigma=float(sigma),
        seed=int(seed) if seed else base.seed,
    )
