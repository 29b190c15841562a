"""A tiny trained network, and what its model folder says of it."""

import torch

from core.models import Normalised, create

CONFIG = {"architecture": "resnet20/8", "data": "tiny", "classes": list("abcd"), "recipe": {}}
IMAGES = torch.rand(6, 3, 12, 12, generator=torch.Generator().manual_seed(0))


def network(seed: int = 0) -> Normalised:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = create("resnet20/8", 4)
        model(IMAGES)  # running statistics of its own
        return model.eval()
