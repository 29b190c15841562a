"""How much a perturbation resembles a target scene, compared with other scenes (claim 5 of Mummadi et al. 2019).

N scenes, K classes, C channels, H W height and width.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from torch import Tensor

from core.datasets.labels import IGNORE


@dataclass(frozen=True)
class Resemblance:
    """How well a perturbation fits one scene, among how it fits all of them.

    fraction: of the blurred perturbation's variance, as far as the layout common to all scenes does not explain it,
    the fraction that the target's label map explains. others: the mean of the same fraction for the other scenes.
    rank: the target's place among all n scenes (1: no scene fits better); by chance every rank is as likely. p: the
    fraction of scenes that fit at least as well, the target included.
    """

    fraction: float
    others: float
    rank: int
    p: float
    n: int

    @property
    def more_than(self) -> str:
        """How many of the other scenes the perturbation resembles less than the target.

        >>> Resemblance(0.31, 0.12, 1, 0.005, 200).more_than
        '199 of 199'
        """
        return f"{self.n - self.rank} of {self.n - 1}"

    def to_json(self) -> dict[str, Any]:
        return {name: round(value, 5) for name, value in asdict(self).items()}


class Scenes:
    """Label maps (N,H,W) to compare perturbations with; prepared once for any number of perturbations.

    Street scenes share their layout (sky above, road below), so that any two maps explain each other well. Therefore
    the mean map of each class over all scenes, a plane and a parabola are taken out of both, the perturbation and the
    maps, before anything is explained. Maps and perturbations are blurred (standard deviation `blur`, default H/48
    pixels) because attacks write in textures.
    """

    def __init__(self, label_maps: Tensor, classes: int, blur: float | None = None) -> None:
        if label_maps.ndim != 3 or len(label_maps) < 3:
            raise ValueError(f"At least 3 label maps (N,H,W) are compared, not {tuple(label_maps.shape)}.")
        self.size = (label_maps.shape[1], label_maps.shape[2])
        self.blur = blur or label_maps.shape[1] / 48
        self._step = max(1, round(self.blur))
        maps = np.stack([self._columns(_one_hot(one.numpy(), classes)) for one in label_maps])
        down, across = (axis.ravel() for axis in np.mgrid[-1 : 1 : self._shape[0] * 1j, -1 : 1 : self._shape[1] * 1j])
        plain = np.stack([np.ones_like(down), down, across, down**2, across**2], axis=1)
        self._layout = _basis(np.concatenate([plain, maps.mean(0)], axis=1))
        self._own = [_basis(self._without_layout(one)) for one in maps]

    def score(self, delta: Tensor, target: int) -> Resemblance:
        """The score of delta (1,C,H,W) for scene number `target` (from 0). Raises ValueError for another size."""
        if tuple(delta.shape[2:]) != self.size:
            raise ValueError(f"The scenes are of size {self.size}, and the perturbation of {tuple(delta.shape[2:])}.")
        if not 0 <= target < len(self._own):
            raise ValueError(f"There are scenes 0 to {len(self._own) - 1}, and {target} was asked for.")
        rest = self._without_layout(self._columns(delta[0].numpy().astype(np.float64)))
        total = max(float((rest**2).sum()), 1e-30)
        fractions = np.array([float(((own.T @ rest) ** 2).sum()) / total for own in self._own])
        better = fractions >= fractions[target]
        others = float(np.delete(fractions, target).mean())
        return Resemblance(float(fractions[target]), others, int(better.sum()), float(better.mean()), len(fractions))

    @property
    def _shape(self) -> tuple[int, int]:
        return -(-self.size[0] // self._step), -(-self.size[1] // self._step)

    def _columns(self, layers: np.ndarray) -> np.ndarray:
        """Layers (L,H,W), blurred and thinned out: (points, L)."""
        from scipy.ndimage import gaussian_filter  # here, since importing scipy takes seconds

        blurred = gaussian_filter(layers, (0, self.blur, self.blur))
        return blurred[:, :: self._step, :: self._step].reshape(len(layers), -1).T

    def _without_layout(self, columns: np.ndarray) -> np.ndarray:
        return columns - self._layout @ (self._layout.T @ columns)


def _one_hot(label_map: np.ndarray, classes: int) -> np.ndarray:
    """(K,H,W); pixels without a class are zero in every layer."""
    assert classes <= IGNORE
    return (label_map[None] == np.arange(classes)[:, None, None]).astype(np.float64)


def _basis(columns: np.ndarray) -> np.ndarray:
    """Orthonormal columns that span the same space, without directions that are numerically nothing."""
    left, strength, _ = np.linalg.svd(columns, full_matrices=False)
    return left[:, strength > 1e-6 * max(float(strength[0]), 1e-12)]
