"""A certificate: how many images stay right under every perturbation that all of them share, known or not.

Linear bounds of the margins (CROWN: Zhang et al. 2018) hold for every delta in the ball. How many images one shared
delta can turn at most is then a mixed integer program (Zeng et al. 2023).

N images, K classes, C channels, H W height and width, R rows (functions that are bounded). Epsilon is in [0, 1].
"""

import copy
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.special import stdtrit
from torch import Tensor, nn

from core.attacks.base import UniversalAttack
from core.datasets import Split
from core.evaluation.evaluator import Evaluator
from core.evaluation.report import Rate, wilson
from core.models.normalised import Normalised
from core.numbers import above_zero, at_least_one
from core.threat import Budget

SLACK = 1e-7
"""A margin below this counts as lost, so that rounding cannot prove anything."""
ROUNDING = 1e-5
"""How much single precision may round, as a fraction of the sum of all that is added."""
ROWS = 512
"""How many neurons of a layer are bounded at a time."""
LINEAR = (nn.Conv2d, nn.Linear, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.BatchNorm2d, nn.Flatten, nn.Identity)


@dataclass(frozen=True)
class Certificate:
    """What is proven of a model on n held-out images, against perturbations of size `epsilon` (units of 1/255).

    `clean`: right without a perturbation. `each`: right whatever perturbation each image gets of its own. `lost` has
    for each group of `heap` images how many of them a shared perturbation could turn wrong at most, clean errors
    included; another perturbation may be the worst for another group. `attacked`: right under the strongest shared
    perturbation that an attack found, which bounds what can be proven from above.
    """

    epsilon: float
    clean: Rate
    each: Rate
    heap: int
    lost: tuple[int, ...]
    attacked: Rate | None = None

    @property
    def floor(self) -> float:
        """The fraction that is right under any one perturbation for all images: proven for these images."""
        return 1 - sum(self.lost) / self.clean.n

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% interval of the floor for other images of the same kind, from the spread of the groups (Student).

        The mean of what groups lose at most is at least what all images lose, since each has a worst delta of its own.
        It is never narrower than that of a fraction of n (Wilson): groups that lose equally many tell of no spread.
        """
        means = np.array(self.lost) / self.heap
        if len(means) < 2:
            return 0.0, 1.0
        reach = float(stdtrit(len(means) - 1, 0.975)) * means.std(ddof=1) / math.sqrt(len(means))
        low, high = wilson(self.floor, self.clean.n)
        return max(min(self.floor - reach, low), 0.0), min(max(self.floor + reach, high), 1.0)

    def to_json(self) -> dict[str, Any]:
        floor = {"value": round(self.floor, 5), "interval": [round(end, 5) for end in self.interval]}
        found = {"epsilon": round(self.epsilon, 4), "clean": self.clean.to_json(), "each": self.each.to_json()}
        attacked = {"attacked": self.attacked.to_json()} if self.attacked else {}
        return found | {"heap": self.heap, "lost": list(self.lost), "floor": floor} | attacked

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Certificate":
        clean, each = Rate.from_json(content["clean"]), Rate.from_json(content["each"])
        attacked = Rate.from_json(content["attacked"]) if "attacked" in content else None
        return cls(content["epsilon"], clean, each, content["heap"], tuple(content["lost"]), attacked)


def certify(
    evaluator: Evaluator,
    crafting: Split,
    attack: UniversalAttack,
    *,
    heap: int = 20,
    seconds: float = 60.0,
    report: Callable[[str], None] = lambda line: None,
) -> Certificate:
    """What is proven of the evaluator's model on its images, at the epsilon of `attack`, which is tried beside it.

    See `certified_groups`, also for what is raised. `report` gets a line after each group.
    """
    at_least_one(heap=heap)
    groups, budget = len(evaluator.split) // heap, attack.budget
    right = each = 0
    lost: list[int] = []
    for clean, own, shared in certified_groups(evaluator.model, evaluator.split, budget, heap=heap, seconds=seconds):
        right, each = right + clean, each + own
        lost.append(heap - shared)
        report(f"{budget.label}: group {len(lost)} of {groups}: {clean} right, {own} to {shared} certified")
    n = groups * heap
    left = evaluator.first(n)(attack.craft(evaluator.model, crafting)).accuracy
    assert isinstance(left, Rate)  # scenes have no certificate
    return Certificate(budget.epsilon_255, Rate(right, n), Rate(each, n), heap, tuple(lost), left)


def certified_groups(
    model: nn.Module, split: Split, budget: Budget, *, heap: int = 20, seconds: float = 60.0
) -> Iterator[tuple[int, int, int]]:
    """For each group of `heap` images, one after the other, of those that are right without a perturbation: how many
    there are, how many stay so whatever each gets of its own, and how many whatever all of them get at once.

    The last counts lie between the other two. `seconds` limit the search for the worst delta of one group; where they
    are over, what was not ruled out counts as lost. Images beyond the last whole group are left out. Raises ValueError
    for a model that is no chain of linear layers and ReLUs or has bounds that are not finite, for scenes, for epsilon 0
    or one above 127/255, and where there is no whole group.
    """
    if split.labels.ndim > 1:
        raise ValueError("Certificates are for one label an image, and scenes have one for each pixel.")
    at_least_one(heap=heap)
    above_zero(seconds=seconds, epsilon=budget.epsilon_255)
    layers, whole = chain(model), len(split) - len(split) % heap
    if not whole:
        raise ValueError(f"A group of {heap} images cannot be filled with {len(split)} images.")
    for start in range(0, whole, heap):
        images, labels = split.batch(slice(start, start + heap))
        bounds = [margins(layers, *pair, budget) for pair in zip(images.double().cpu(), labels.tolist(), strict=True)]
        right = [found for found in bounds if found is not None]
        open_ = [found for found in right if _least(*found).min() <= SLACK]
        yield len(right), len(right) - len(open_), len(right) - most_turned(open_, seconds)


@dataclass(frozen=True)
class Chain:
    """The layers of a model, each linear or a ReLU, in double precision, and the same in single precision."""

    exact: list[nn.Module]
    quick: list[nn.Module]


def chain(model: nn.Module) -> Chain:
    """The layers of a model. Raises ValueError that names one that is neither linear nor a ReLU."""
    model = copy.deepcopy(model).cpu().eval()
    parts: list[nn.Module] = []
    if isinstance(model, Normalised):
        parts.append(_Affine(model.mean, model.std))
        model = model.network
    for module in model if isinstance(model, nn.Sequential) else [model]:
        if not isinstance(module, (*LINEAR, nn.ReLU)):
            raise ValueError(
                f"Certificates follow chains of linear layers and ReLUs, and this model has a {type(module).__name__}; "
                "train one with --arch convnet."
            )
        parts.append(module)
    return Chain([copy.deepcopy(part).double() for part in parts], [part.float() for part in parts])


class _Affine(nn.Module):
    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, images: Tensor) -> Tensor:
        return (images - self.mean) / self.std


def margins(layers: Chain, image: Tensor, label: int, budget: Budget) -> tuple[Tensor, Tensor] | None:
    """Slopes (K-1,C,H,W) and offsets (K-1): by how much the label's logit exceeds each other one, at least.

    Under delta = epsilon * d, for every d in [-1, 1], the margins of the image (C,H,W) are at least
    `slopes * d + offsets`. None where the image is wrong without a delta.
    """
    image = image[None]
    low, high = ((image + sign * budget.epsilon).clamp(0, 1).float() for sign in (-1, 1))
    with torch.no_grad():
        network = nn.Sequential(*layers.exact)
        logits = network(image)[0]
        if logits.argmax() != label:
            return None
        towards = torch.eye(len(logits), dtype=torch.double)
        rows = (towards[label] - towards)[[number for number in range(len(logits)) if number != label]]
        known: list[tuple[Tensor, Tensor] | None] = []
        for number, layer in enumerate(layers.quick):
            known.append(_range(layers.quick[:number], known, low, high) if isinstance(layer, nn.ReLU) else None)
        doubled = [ends and (ends[0].double(), ends[1].double()) for ends in known]
        slopes, offsets = _back(layers.exact, doubled, rows, image.shape)
    slopes, offsets = _by_delta(slopes, offsets, image[0], budget.epsilon)
    if not (slopes.isfinite().all() and offsets.isfinite().all()):  # what is no number would look like a proof
        raise ValueError("The bounds of this model are not finite: its weights are too large, or no numbers.")
    return slopes, offsets


def most_turned(bounds: Sequence[tuple[Tensor, Tensor]], seconds: float) -> int:
    """How many of the images with these `margins` one delta can turn wrong at most, as far as the search rules out."""
    if len(bounds) < 2:
        return len(bounds)
    rows = [(i, slope.flatten(), offset) for i, (slopes, offsets) in enumerate(bounds)
            for slope, offset in zip(slopes, offsets, strict=True) if offset - slope.abs().sum() <= SLACK]  # fmt: skip
    slopes = torch.stack([slope for _, slope, _ in rows]).numpy()
    offsets = torch.stack([offset for *_, offset in rows]).numpy()
    reach = offsets + np.abs(slopes).sum(1)
    pixels, images = slopes.shape[1], len(bounds)
    owner = np.zeros((images, len(rows)))
    owner[[i for i, *_ in rows], range(len(rows))] = 1
    # A chosen row (w = 1) holds its margin at or below 0; an image is lost (z = 1) where one of its rows is chosen.
    below = np.hstack([slopes, np.diag(reach), np.zeros((len(rows), images))])
    chosen = np.hstack([np.zeros((images, pixels)), -owner, np.eye(images)])
    with _silent():
        found = milp(
            np.concatenate([np.zeros(pixels + len(rows)), -np.ones(images)]),
            integrality=np.concatenate([np.zeros(pixels), np.ones(len(rows) + images)]),
            bounds=Bounds(np.concatenate([-np.ones(pixels), np.zeros(len(rows) + images)]), 1),
            constraints=[
                LinearConstraint(below, ub=reach - offsets + SLACK),
                LinearConstraint(chosen, ub=0),
            ],
            options={"time_limit": seconds},
        )
    if found.mip_dual_bound is None or not math.isfinite(found.mip_dual_bound):
        return images
    return min(images, math.floor(-found.mip_dual_bound + 1e-6))


@contextmanager
def _silent() -> Iterator[None]:
    """Without what the solver (HiGHS of scipy 1.17) now and then writes past Python, into the JSON of a command."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _least(slopes: Tensor, offsets: Tensor) -> Tensor:
    """The smallest that each margin can be, for deltas in [-1, 1]."""
    return offsets - slopes.abs().flatten(1).sum(1)


def _range(
    layers: Sequence[nn.Module], known: Sequence[tuple[Tensor, Tensor] | None], low: Tensor, high: Tensor
) -> tuple[Tensor, Tensor]:
    """Between what each output of these layers (1,...) lies, for inputs between `low` and `high`.

    Most of the work is here, so it is done in single precision, and the ends are moved out by `ROUNDING`.
    """
    shape = nn.Sequential(*layers)(low).shape if layers else low.shape
    size, ends = math.prod(shape), []
    for start in range(0, size, ROWS):
        rows = torch.eye(size)[start : start + ROWS].reshape(-1, *shape[1:])
        both = []
        for sign in (1, -1):
            slopes, offsets = _back(layers, known, sign * rows, low.shape)
            least = (slopes.clamp(min=0) * low + slopes.clamp(max=0) * high).flatten(1).sum(1) + offsets
            rounding = ROUNDING * ((slopes.abs() * high).flatten(1).sum(1) + offsets.abs())
            both.append(sign * (least - rounding))
        ends.append(torch.stack(both))
    lowest, highest = torch.cat(ends, 1).reshape(2, *shape)
    return lowest, torch.maximum(lowest, highest)


def _back(
    layers: Sequence[nn.Module], known: Sequence[tuple[Tensor, Tensor] | None], rows: Tensor, shape: torch.Size
) -> tuple[Tensor, Tensor]:
    """Slopes (R,C,H,W) and offsets (R) by the input (1,C,H,W) of lower bounds of `rows` (R,...) times the output."""
    shapes = [shape]
    for layer in layers:
        shapes.append(layer(torch.zeros(shapes[-1], dtype=rows.dtype)).shape)
    offsets = torch.zeros(len(rows), dtype=rows.dtype)
    for layer, given, ends in zip(reversed(layers), reversed(shapes[:-1]), reversed(known[: len(layers)]), strict=True):
        if ends is not None:
            rows, more = _through_relu(rows, ends[0], ends[1])
        else:
            rows, more = _through_linear(layer, rows, given)
        offsets = offsets + more
    return rows, offsets


def _through_linear(layer: Callable[[Tensor], Tensor], rows: Tensor, shape: torch.Size) -> tuple[Tensor, Tensor]:
    value, pulled = torch.func.vjp(layer, torch.zeros(shape, dtype=rows.dtype))  # type: ignore[misc]
    (slopes,) = torch.func.vmap(pulled)(rows[:, None])
    return slopes[:, 0], (rows * value).flatten(1).sum(1)


def _through_relu(rows: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Where a ReLU bends, it lies above a line through 0, of slope 0 or 1, and below the line through its ends."""
    bends = (low < 0) & (high > 0)
    chord = torch.where(bends, high / (high - low).clamp(min=1e-30), (low >= 0).to(low.dtype))
    under = torch.where(bends, (high > -low).to(low.dtype), chord)
    positive, negative = rows.clamp(min=0), rows.clamp(max=0)
    more = (negative * torch.where(bends, -low * chord, torch.zeros_like(low))).flatten(1).sum(1)
    return positive * under + negative * chord, more


def _by_delta(slopes: Tensor, offsets: Tensor, image: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """Bounds by the attacked image as bounds by delta / epsilon in [-1, 1], where clipping to [0, 1] cuts deltas off.

    With a cut the added value is max(delta, low) or min(delta, high): below a chord or a constant, as is needed.
    """
    low, high = (-image).clamp(min=-epsilon), (1 - image).clamp(max=epsilon)
    positive, negative = slopes.clamp(min=0), slopes.clamp(max=0)
    chord = (high - low) / (2 * epsilon)
    cut_low, cut_high = low > -epsilon, high < epsilon
    if (cut_low & cut_high).any():
        raise ValueError(f"Certificates are for epsilons below 127.5/255, and {epsilon * 255:g}/255 was given.")
    # from below: a constant where the low end is cut (convex), the chord where the high end is (concave)
    line = torch.where(cut_low, torch.zeros_like(low), chord)
    start = torch.where(cut_low, low, low + chord * epsilon)
    slope, offset = positive * line, positive * start
    # from above, for negative slopes: the other way round
    line = torch.where(cut_high, torch.zeros_like(low), chord)
    start = torch.where(cut_high, high, low + chord * epsilon)
    slope, offset = slope + negative * line, offset + negative * start
    base = (slopes * image).flatten(1).sum(1)
    return slope * epsilon, offsets + base + offset.flatten(1).sum(1)
