"""Pictures and models of which everything is known in closed form, so that no verdict hangs on what a training gives.

Four classes are four colours, grey plus CONTRAST times a corner of a tetrahedron (CODE). The models are linear in the
mean colour, of an image or around a pixel: logit k = GAIN * CODE[k] . (colour - 1/2), and class 0 has a lead. Towards
class 0 the average image of every other class is BREAKS away: the perturbation BREAKS * CODE[0] brings it to the
boundary, and no smaller one does, to no class. Noise moves single images by 2.25/255 (one standard deviation).
"""

import os

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from core.datasets import Split
from core.evaluation import perceptibility
from core.models.normalised import Normalised
from core.models.registry import create

SHIFT = int(os.environ.get("PLAINSIGHT_TEST_SEED_SHIFT") or 0)
"""Added to the seeds of what fixtures draw: what a test says may not depend on it (`make test-machines`)."""
CODE = torch.tensor([[1.0, 1, 1], [-1, 1, -1], [1, -1, -1], [-1, -1, 1]])
CLASSES = len(CODE)
SIDE = 12
IGNORE = 255
CONTRAST, BREAKS = 12 / 255, 9 / 255
GAIN = 1 / BREAKS
LEAD = 4 * GAIN * (CONTRAST - BREAKS)
IMAGE, AROUND = SIDE**2, 9
"""How many pixels the mean colour is taken of."""


def chance(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed + 1000 * SHIFT)


def towards(target: int, epsilon: float = BREAKS) -> Tensor:
    """The perturbation (1,3,12,12) of this size that makes most images look like one class."""
    return (epsilon * CODE[target]).reshape(1, 3, 1, 1).repeat(1, 1, SIDE, SIDE)


def classified(n: int, seed: int) -> Split:
    """Noisy pictures of four colours, as many of each."""
    generator = chance(seed)
    labels = torch.arange(n)[torch.randperm(n, generator=generator)] % CLASSES
    noise = torch.randn(n, 3, SIDE, SIDE, generator=generator)
    return Split(_eight_bits(0.5 + CONTRAST * CODE[labels][..., None, None] + 0.15 * noise), labels)


def segmented(n: int, seed: int) -> Split:
    """Noisy pictures of two halves; the first row is ignored, and so are some pixels elsewhere."""
    generator = chance(seed)
    pair = torch.arange(n)[torch.randperm(n, generator=generator)] % CLASSES**2
    halves = torch.stack([pair // CLASSES, pair % CLASSES], 1)
    labels = halves.repeat_interleave(SIDE // 2, 1)[:, None].repeat(1, SIDE, 1)
    noise = torch.randn(n, 3, SIDE, SIDE, generator=generator)
    images = _eight_bits(0.5 + CONTRAST * CODE[labels].permute(0, 3, 1, 2) + 0.0375 * noise)
    ignored = torch.rand(labels.shape, generator=generator) < 0.05
    ignored[:, 0] = True
    return Split(images, labels.masked_fill(ignored, IGNORE))


def _eight_bits(images: Tensor) -> Tensor:
    return (images.clamp(0, 1) * 255).round().to(torch.uint8)


@torch.no_grad()
def classifier() -> nn.Module:
    """Logits (N,4) of images (N,3,12,12)."""
    model = nn.Sequential(
        *(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(72, CLASSES)),
    )
    _signed_colours(model, 0.5)
    model[-1].weight.copy_((_templates() / 9)[..., None].expand(-1, -1, 9).flatten(1))
    model[-1].bias.copy_(_biases(IMAGE))
    return model.eval()


@torch.no_grad()
def segmenter() -> nn.Module:
    """Logits (N,8,12,12) of images (N,3,12,12), from the mean around each pixel; classes 4 to 7 never appear."""
    # 8 channels at least: oneDNN's channels-last kernels (torch 2.11) write out of bounds on 4
    model = nn.Sequential(
        *(nn.Conv2d(3, 8, 3, padding=1, padding_mode="replicate"), nn.BatchNorm2d(8), nn.ReLU()),
        nn.Conv2d(8, 2 * CLASSES, 1),
    )
    _signed_colours(model, 0.5, around=True)
    model[-1].weight.zero_()[:CLASSES, :, 0, 0] = _templates()
    model[-1].bias.fill_(-20)[:CLASSES] = _biases(AROUND)
    return model.eval()


@torch.no_grad()
def resnet(code: Tensor = CODE) -> Normalised:
    """The classifier as a `resnet8/8`, which a model folder can hold; of other colours nobody has a lead."""
    model = create("resnet8/8", len(code), (0.5,) * 3, (1.0,) * 3)
    network = model.network
    _signed_colours(network, 0.0)
    for block in network[3:-3]:
        for layer in (block.norm1, block.norm2):
            layer.weight.fill_(0.0)
        if len(block.shortcut):  # halves the sides: the mean of four pixels, along the convolutions
            block.shortcut[1].weight.zero_()
            for convolution, taps in ((block.convolution1, slice(1, 3)), (block.convolution2, slice(1, 2))):
                convolution.weight.zero_()
                for channel in range(8):
                    convolution.weight[channel, channel, taps, taps] = 1 / len(range(3)[taps]) ** 2
            for layer in (block.norm1, block.norm2):
                layer.weight.fill_((1 + layer.eps) ** 0.5)
    network[-1].weight.zero_()[:, :8] = _templates(code)
    network[-1].bias.copy_(_biases(IMAGE) if code is CODE else torch.zeros(len(code)))
    return model.eval()


class Pyramid(nn.Module):
    """Logits for each pixel, from a network that pools to several sizes and resizes back, as those of scenes do."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.pool = nn.MaxPool2d(2)
        self.small = nn.ModuleList(nn.Sequential(nn.AdaptiveAvgPool2d(side), nn.Conv2d(8, 4, 1)) for side in (1, 3))
        self.norm = nn.Sequential(nn.Dropout2d(), nn.BatchNorm2d(16), nn.ReLU())
        self.head = nn.Conv2d(16, classes, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.stem(x))
        resized = [interpolate(part(x), x.shape[-2:], mode="bilinear", align_corners=True) for part in self.small]
        logits = self.head(self.norm(torch.cat([x, *resized], 1)))
        return interpolate(logits, scale_factor=4, mode="bilinear")


def _biases(pixels: int) -> Tensor:
    """The lead of class 0, and a quarter, half and three of the smallest step of a score: so no two are ever equal."""
    step = 2 * GAIN / (255 * pixels)
    return torch.tensor([LEAD, step / 4, step / 2, 3 * step / 4])


def _templates(code: Tensor = CODE) -> Tensor:
    """The weights (K,8) of red, green and blue, of each what lies above grey and what lies below."""
    return GAIN * torch.cat([torch.stack([code, -code], 2).flatten(1), torch.zeros(len(code), 2)], 1)


def _signed_colours(model: nn.Sequential, grey: float, around: bool = False) -> None:
    """What each pixel, or the mean `around` it, has of a colour above grey and below it."""
    convolution, norm = model[0], model[1]
    convolution.weight.zero_()
    for channel in range(6):
        taps = slice(None) if around else slice(1, 2)
        convolution.weight[channel, channel // 2, taps, taps] = (1 - 2 * (channel % 2)) / (AROUND if around else 1)
    if convolution.bias is not None:
        convolution.bias.zero_()
    norm.running_mean.copy_(grey * torch.tensor([1.0, -1, 1, -1, 1, -1, 0, 0]))
    norm.weight.fill_((1 + norm.eps) ** 0.5)


def judge_quickly(patch: pytest.MonkeyPatch) -> None:
    """Let a measure of small pictures stand for ColorVideoVDP, which takes 0.3 s: 10 less the mean difference."""

    def judged(attacked: np.ndarray, original: np.ndarray) -> float:
        return 10 - 50 * float(abs(attacked - original).mean())

    patch.setattr(perceptibility, "_predictor", lambda: judged)
    patch.setattr(perceptibility, "DRAWN", 12)
