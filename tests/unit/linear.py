"""A linear model of two classes, and pictures far from black and white, for which attacks have closed forms."""

import torch
from known import chance
from torch import Tensor, nn

from core.datasets import Split


class Linear(nn.Module):
    """Logits (N,2) = (s, 0) with s = w.(x - 1/2) + b: class 0 where s is above 0.

    Its margin on images of class 0 is s, and a perturbation of size epsilon takes at most epsilon * |w|_1 from it.
    """

    def __init__(self, seed: int = 0, bias: float = 0.1) -> None:
        super().__init__()
        weights = torch.randn(48, generator=chance(seed))
        self.weight = nn.Parameter(weights + weights.sign())  # none near 0, where the sign of a gradient is chance
        self.bias = bias * self.norm / 3

    @property
    def norm(self) -> float:
        return float(self.weight.detach().abs().sum())

    def forward(self, images: Tensor) -> Tensor:
        score = ((images.float() - 0.5).flatten(1) * self.weight.float()).sum(1) + self.bias
        return torch.stack([score, torch.zeros_like(score)], 1)

    def margin(self, split: Split) -> tuple[Tensor, Tensor]:
        """How far each image (N) is on the right side of the boundary, and the labels."""
        images, labels = split.batch(slice(None))
        with torch.no_grad():
            score = self(images)[:, 0]
        return torch.where(labels == 0, score, -score), labels


def grey_pictures(seed: int, n: int, labels: Tensor | None = None) -> Split:
    """n pictures (3,4,4) with values from 0.35 to 0.65, all of class 0 unless labels are given."""
    noise = torch.rand(n, 3, 4, 4, generator=chance(seed))
    images = (255 * (0.35 + 0.3 * noise)).round().to(torch.uint8)
    return Split(images, torch.zeros(n, dtype=torch.long) if labels is None else labels)
