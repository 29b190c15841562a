"""Classifiers of timm, by name: `timm:resnet50` and the like.

N images, K classes. Logits are (N,K).
"""

from torch import nn


def timm(classes: int, variant: str = "", weights: str | None = None) -> nn.Module:
    """Any image classifier of timm by its name there; `weights` None or `imagenet` (downloaded).

    Raises ValueError that names what fits.
    """
    import timm as library  # here, since importing it takes seconds

    if not library.is_model(variant):
        near = library.list_models(f"*{variant[:6]}*")[:5] if variant else []
        hint = f"; near it are {', '.join(near)}" if near else ""
        raise ValueError(f"timm has no model named {variant!r} (timm.list_models() lists them){hint}.")
    try:
        return library.create_model(variant, pretrained=bool(weights), num_classes=classes)
    except Exception as error:  # whatever a download can end in
        if not weights:
            raise
        raise ValueError(
            f"The {weights} weights of {variant} could not be fetched; is there a network? {error}"
        ) from error
