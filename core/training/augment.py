"""Training images moved and mirrored at random, with their labels.

N images, C channels, H W height and width.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

from core.datasets.labels import IGNORE
from core.distributed import ALONE, ProcessGroup


def augment(
    images: Tensor, labels: Tensor, mirror: bool, generator: torch.Generator, process_group: ProcessGroup = ALONE
) -> tuple[Tensor, Tensor]:
    """Uint8 images (N,C,H,W) shifted by up to an eighth of their size and, if `mirror`, half of them mirrored.

    Labels (N,H,W) move along, and what comes in at the rim is ignored. Runs on the images' device in one gather.
    With a `process_group` the images are this process's shard, and move as they would in the whole mini-batch.
    """
    n, _, height, width = images.shape
    device, margin = images.device, max(1, height // 8)
    padded = pad(images, (margin,) * 4)

    def draw(high: int) -> Tensor:
        whole = n * process_group.size
        return torch.randint(0, high, (whole, 1), generator=generator, device=device)[process_group.shard(whole)]

    rows = torch.arange(height, device=device) + draw(2 * margin + 1)
    columns = torch.arange(width, device=device) + draw(2 * margin + 1)
    if mirror:
        columns = torch.where(draw(2).bool(), columns.flip(1), columns)
    sample = torch.arange(n, device=device)
    channel = torch.arange(images.shape[1], device=device)[None, :, None, None]
    moved = padded[sample[:, None, None, None], channel, rows[:, None, :, None], columns[:, None, None, :]]
    if labels.ndim == 1:
        return moved, labels
    ignored = pad(labels, (margin,) * 4, value=IGNORE)
    return moved, ignored[sample[:, None, None], rows[:, :, None], columns[:, None, :]]
