"""Our ResNets (He et al. 2016): those for small images, and ResNet-18.

N images, K classes, H W height and width. Logits are (N,K) for images (N,3,H,W) of any size.
"""

from torch import Tensor, nn
from torch.nn.functional import relu


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut (He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.convolution1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.convolution2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = relu(self.norm1(self.convolution1(x)))
        return relu(self.norm2(self.convolution2(y)) + self.shortcut(x))


def resnet(depth: int, classes: int, width: str = "16") -> nn.Module:
    """ResNet of `depth` layers (6n + 2) for small images (He et al. 2016): `width`, 2 and 4 times as many filters.

    Width 16 is the original, depth 20 with width 64 the one of Mummadi et al. 2019.
    """
    filters = filters_of(f"resnet{depth}", width)
    stem = [nn.Conv2d(3, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters), nn.ReLU()]
    return _stages(stem, (filters, 2 * filters, 4 * filters), (depth - 2) // 6, classes)


def resnet18(classes: int, width: str = "64") -> nn.Module:
    """ResNet-18 for images of about 64 to 256 pixels (He et al. 2016): `width`, 2, 4 and 8 times as many filters.

    Width 64 is the original. Its stem, a convolution of 7x7 pixels and a pooling, makes images four times smaller.
    """
    filters = filters_of("resnet18", width)
    stem = [nn.Conv2d(3, filters, 7, 2, padding=3, bias=False), nn.BatchNorm2d(filters), nn.ReLU()]
    stem += [nn.MaxPool2d(3, 2, padding=1)]
    return _stages(stem, (filters, 2 * filters, 4 * filters, 8 * filters), 2, classes)


def resnet18_cifar(classes: int, width: str = "64") -> nn.Module:
    """ResNet-18 for images of about 32 pixels, as most work on CIFAR-10 has it: its stem keeps their size."""
    filters = filters_of("resnet18-cifar", width)
    stem = [nn.Conv2d(3, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters), nn.ReLU()]
    return _stages(stem, (filters, 2 * filters, 4 * filters, 8 * filters), 2, classes)


def filters_of(name: str, width: str) -> int:
    """The number of filters. Raises ValueError for widths that do not exist."""
    # oneDNN's channels-last kernels (torch 2.11, AVX2) write out of bounds on 4 channels, so widths go by eights
    if not width.isdecimal() or int(width) not in range(8, 257, 8):
        raise ValueError(f"The width of {name} is a multiple of 8 from 8 to 256, and {width!r} was given.")
    return int(width)


def _stages(stem: list[nn.Module], filters: tuple[int, ...], blocks: int, classes: int) -> nn.Module:
    """Stem, stages of so many blocks with these filters, each but the first at half the size, and classifier."""
    layers, inputs = [*stem], filters[0]
    for stage, outputs in enumerate(filters):
        for block in range(blocks):
            layers.append(Block(inputs, outputs, stride=2 if stage and not block else 1))
            inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))
