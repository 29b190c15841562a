"""Segmentation networks from segmentation-models-pytorch, by name: `smp:PSPNet/resnet18` and the like.

N images, K classes, H W height and width. Logits are (N,K,H,W) for images of any size.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad


class AnySize(nn.Module):
    """A network that wants sides divisible by `multiple`, for images of any size: the rim is repeated, then cut off."""

    def __init__(self, network: nn.Module, multiple: int) -> None:
        super().__init__()
        self.network = network
        self.multiple = multiple

    def forward(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        below, right = -height % self.multiple, -width % self.multiple
        if below or right:
            images = pad(images, (0, right, 0, below), mode="replicate")
        logits: Tensor = self.network(images)
        return logits[..., :height, :width]


def smp(classes: int, variant: str = "PSPNet/resnet18", weights: str | None = None) -> nn.Module:
    """ARCHITECTURE/ENCODER of segmentation-models-pytorch; `weights` None or `imagenet` (downloaded) for the encoder.

    Encoder stages that the decoder does not use are left out, so that they are neither stored nor updated.
    Raises ValueError that names what fits.
    """
    import segmentation_models_pytorch as library  # here, since importing it takes seconds

    architecture, _, encoder = variant.partition("/")
    known = {found.__name__.lower(): found.__name__ for found in library.MODEL_ARCHITECTURES_MAPPING.values()}
    if architecture.lower() not in known:
        names = ", ".join(known.values())
        raise ValueError(f"smp knows the architectures {names}, and {architecture!r} was given.")
    try:
        network = library.create_model(architecture, encoder or "resnet18", weights, 3, classes)
    except (KeyError, ValueError) as error:
        reason = str(error).strip("\"'").split(", supported")[0]
        raise ValueError(f"smp cannot build {architecture} on the encoder {encoder!r}: {reason}.") from error
    multiple = network.encoder.output_stride if network.requires_divisible_input_shape else 1
    return AnySize(_without_idle(network), multiple)


def _without_idle(network: nn.Module) -> nn.Module:
    """The network without the modules that a forward pass neither calls nor takes weights from."""
    called: set[str] = set()
    hooks = [
        module.register_forward_hook(lambda *_, name=name: called.add(name)) for name, module in network.named_modules()
    ]
    network.eval()
    for side in (64, 128, 224):  # some networks have a size of their own, or need a larger one
        try:
            network(torch.zeros(1, 3, side, side)).sum().backward()
            break
        except (AssertionError, RuntimeError, ValueError):
            called.clear()
    for hook in hooks:
        hook.remove()
    left_out: list[str] = []
    for name, module in list(network.named_modules()):
        weights = list(module.parameters())
        inside = any(name.startswith(f"{outer}.") for outer in left_out)
        if called and name not in called and weights and not inside and all(weight.grad is None for weight in weights):
            parent, _, leaf = name.rpartition(".")
            setattr(network.get_submodule(parent), leaf, nn.Identity())
            left_out.append(name)
    network.zero_grad(set_to_none=True)
    return network.train()
