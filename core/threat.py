"""The threat model: deltas in an l-infinity ball, each shared by a heap of images.

N images, M deltas, C channels, H W height and width. M = N: every image has its own delta; M = 1: one universal
delta; in between, heaps of about N/M images share one (Mummadi et al. 2019, section 3).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

UNIT = 1 / 255
"""One step of an 8-bit picture."""


@dataclass(frozen=True)
class Budget:
    """All deltas with |delta|_inf <= epsilon. Here epsilon is in [0, 1]; everywhere else it is in units of 1/255.

    >>> Budget.from_255(8).label
    '8/255'
    """

    epsilon: float

    def __post_init__(self) -> None:
        if not 0 <= self.epsilon <= 1:
            raise ValueError(
                f"epsilon is a fraction of full intensity from 0 to 1 (n/255 for people), and {self.epsilon} was given."
            )

    @classmethod
    def from_255(cls, epsilon: float) -> "Budget":
        """The ball of a size in units of 1/255.

        >>> Budget.from_255(51).epsilon
        0.2
        """
        return cls(epsilon / 255)

    @property
    def epsilon_255(self) -> float:
        """The size in units of 1/255.

        >>> Budget(0.2).epsilon_255
        51.0
        """
        return self.epsilon * 255

    @property
    def label(self) -> str:
        return f"{self.epsilon_255:.4g}/255"

    def random_start(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """A delta drawn uniformly from the ball, on the generator's device."""
        noise = torch.rand(shape, generator=generator, device=generator.device)
        return (2 * noise - 1) * self.epsilon

    def ascend(self, delta: Tensor, gradient: Tensor, step_size: float | Tensor) -> Tensor:
        """The steepest step in the l-infinity norm, projected back into the ball.

        `step_size` is the length of the step: one number for all deltas, or one for each of them (M,1,1,1).
        """
        return self.project(delta + step_size * gradient.sign())

    def project(self, delta: Tensor) -> Tensor:
        return delta.clamp(-self.epsilon, self.epsilon)

    def rescale(self, delta: Tensor) -> Tensor:
        """A delta of any size as one of full size; zeros stay zeros.

        >>> Budget(0.5).rescale(torch.tensor([-0.1, 0.05])).tolist()
        [-0.5, 0.25]
        """
        return self.project(delta * (self.epsilon / delta.abs().max().clamp(min=1e-12)))


def quantise(delta: Tensor) -> Tensor:
    """A delta in whole units of 1/255, rounded towards zero so that it stays in its ball.

    >>> quantise(torch.tensor([8.4, -8.6]) / 255).tolist()
    [8.0, -8.0]
    """
    return (delta * 255 + delta.sign() * 1e-4).trunc()


def from_units(units: Tensor) -> Tensor:
    """A delta that is given in units of 1/255, whole or not, as floats in [-1, 1].

    >>> from_units(torch.tensor([51], dtype=torch.int8)).item() == torch.tensor(0.2).item()
    True
    """
    return units / 255


def heaps(n: int, size: int) -> int:
    """The number M of heaps that n images make when at most `size` of them share a delta."""
    if size < 1:
        raise ValueError(f"A heap holds at least 1 image, and a size of {size} was given.")
    return math.ceil(n / size)


def spread(delta: Tensor, n: int) -> Tensor:
    """Deltas (M,C,H,W) repeated over their heaps, one for each of n images: (n,C,H,W).

    Heaps are of equal size but for the last. Autograd sums the gradient over each heap by itself.

    >>> spread(torch.arange(2.).reshape(2, 1, 1, 1), 5).flatten().tolist()
    [0.0, 0.0, 0.0, 1.0, 1.0]
    """
    deltas = len(delta)
    if not 1 <= deltas <= n:
        raise ValueError(f"{n} images can share 1 to {n} deltas, and {deltas} were given.")
    if deltas == 1:
        return delta.expand(n, *delta.shape[1:])
    return delta.repeat_interleave(math.ceil(n / deltas), dim=0)[:n]


def apply(images: Tensor, delta: Tensor) -> Tensor:
    """Images (N,C,H,W) in [0, 1] under deltas (M,C,H,W), clipped to [0, 1]: the only place that clips images.

    The gradient by the delta is passed on wherever nothing was cut off, so also where a pixel is just black or white:
    otherwise an attack that starts at zero would leave such pixels alone. `clamp` itself stopped passing it there
    between PyTorch 2.11 and 2.15.
    """
    if images.shape[1:] != delta.shape[1:]:
        raise ValueError(
            f"The perturbation has shape {tuple(delta.shape[1:])} (channels, height, width) "
            f"and the images have {tuple(images.shape[1:])}; they must be equal."
        )
    shifted = images + spread(delta, len(images))
    clipped = shifted.detach().clamp(0, 1)
    return torch.where(shifted == clipped, shifted, clipped) if shifted.requires_grad else clipped
