"""The public endpoints: what programs, notebooks and agents may ask of the app (gradio_client, HTTP, MCP tools).

Few and well named, with plain values in and out. Epsilons are in units of 1/255, fractions lie in [0, 1], pictures are
data URLs. Each raises ValueError with one sentence that names what was given and what fits.
"""

import base64
import binascii
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from app.service import catalogue, received
from app.service.compare import cards
from app.service.outcomes import Outcome, outcomes, stored
from app.service.pictures import CompareSession
from app.service.pictures_of_yours import as_seen
from app.service.url import understood
from app.session import EPSILONS, SIDES, Session
from core import datasets, rendering
from core.checkpoints import perturbations
from core.robustness.result import Robustness
from core.threat import apply

TOP = 5
"""Classes that `predict` tells."""


def list_models() -> list[dict[str, Any]]:
    """All trained models: data set, name, title, weights hash, clean accuracy with its interval, and what breaks each.

    `data` names the architecture too where it is an unusual one, like `cifar10|resnet20/64`.
    Without `has_weights` there is only the record of a training run and of what was measured.
    `breaks_at` names the epsilon in n/255, None where nothing was found that breaks the model.
    """
    found = []
    for model in catalogue.all_models():
        measured = catalogue.results(model)
        broken = measured.robustness if measured else None
        found.append(
            {
                "data": model.group,
                "model": model.name,
                "title": model.title,
                "sha256": model.sha256,
                "has_weights": model.has_weights,
                "clean_accuracy": measured.clean.accuracy.to_json() if measured else None,
                "breaks_at": _breaks_at(broken) if broken else None,
            }
        )
    return found


def compare_models(
    data: str = "signs", a: str = "", b: str = "", attack: str = "spgd", target: str = "", epsilon: int = 16
) -> dict[str, Any]:
    """The measured numbers of one attack on two models: accuracy (or target rate), interval, control, breaking point.

    `epsilon` is in units of 1/255; an empty `a`, `b` or `target` means the usual pair and no target. Raises ValueError
    that names what fits nothing.
    """
    session = _asked(data=data, a=a, b=b, attack=attack, target=target, epsilon=epsilon)
    left_out = ("pattern", "files", "forming")
    both = zip(SIDES, cards(session, outcomes(session)), strict=True)
    return {side: {k: v for k, v in asdict(card).items() if k not in left_out} for side, card in both}


def robustness(data: str = "signs", model: str = "standard") -> dict[str, Any]:
    """All that was measured of a model's robustness against one perturbation for all images.

    `breaks_at` with its interval and the curve behind it, `as_published` the same under the attack as its authors
    describe it, `curve` the accuracy under every stored S-PGD, `risks` loss and accuracy from no perturbation to one
    for each image.
    """
    session = _asked(data=data, a=model, b=model)
    measured = catalogue.results(catalogue.checkpoint(session, "a"))
    if measured is None:
        raise ValueError(f"{data}/{model} was not measured; run: plainsight precompute --assess on its folder.")
    return {
        "breaks_at": measured.robustness and measured.robustness.to_json(),
        "as_published": measured.published and measured.published.to_json(),
        "clean": measured.clean.to_json(),
        "curve": {str(m.epsilon): m.report.to_json() for m in measured.curve()},
        "risks": measured.risks and measured.risks.to_json(),
    }


def perturb(
    image: str = "",
    data: str = "signs",
    model: str = "standard",
    attack: str = "spgd",
    target: str = "",
    epsilon: int = 16,
) -> dict[str, Any]:
    """A stored universal perturbation of a model, and a picture with it added at true strength.

    `image` is a picture as base64 or data URL (PNG, JPEG, ...), scaled and cropped to what the model sees; without one
    only the perturbation comes: `pattern`, a PNG in which 128 is zero and one level is 1/255, and `safetensors`, the
    same numbers as int8 in units of 1/255.
    """
    session, found = _stored(data, model, attack, target, epsilon)
    numbers = base64.b64encode(perturbations.delta_file(found.delta, {"model": f"{data}/{model}"})).decode()
    answer = {
        "pattern": rendering.data_url(rendering.perturbation(found.delta)),
        "safetensors": f"data:application/octet-stream;base64,{numbers}",
        "epsilon": session.epsilon,
        "report": found.report and found.report.to_json(),
    }
    if image:
        seen = _seen(image, session)
        answer["clean"] = rendering.data_url(rendering.picture(seen[0]))
        answer["perturbed"] = rendering.data_url(rendering.attacked(seen[0], found.delta))
    return answer


def predict(
    image: str,
    data: str = "signs",
    model: str = "standard",
    attack: str = "",
    target: str = "",
    epsilon: int = 16,
) -> dict[str, Any]:
    """What a model makes of a picture: its first classes with confidence; of a scene the fraction of pixels of each.

    `image` is a picture as base64 or data URL. With an `attack` also what it makes of the same picture under the stored
    perturbation of that attack, target and epsilon.
    """
    session = _asked(data=data, a=model, b=model, attack=attack or "spgd", target=target, epsilon=epsilon)
    seen = _seen(image, session)
    answer: dict[str, Any] = {"clean": _told(seen, session), "attacked": None}
    if attack:
        _, found = _stored(data, model, attack, target, epsilon)
        answer["attacked"] = _told(apply(seen, found.delta), session)
    return answer


def _breaks_at(found: Robustness) -> dict[str, Any]:
    whole = found.to_json()
    return {name: whole[name] for name in ("epsilon", "level", "crafted_on", "seed")}


def _asked(**given: Any) -> CompareSession:
    """The session of these choices at equal strength. Raises ValueError that names what fits nothing."""
    left_out = [name for name in ("a", "b", "target") if not given.get(name)]  # the usual ones are meant
    query = {name: str(value) for name, value in given.items() if name not in left_out}  # over HTTP anything comes
    session, odd = understood({"epsilon": "16", **query}, CompareSession)
    if odd:
        known = ", ".join(f"{model['data']}/{model['model']}" for model in list_models() if model["has_weights"])
        fits = f"models are {known}; epsilon is an even number from {EPSILONS[0]} to {EPSILONS[-1]}"
        raise ValueError(f"Nothing is known here for the given {odd.replace('the ', '')}; {fits}.")
    return session


def _stored(data: str, model: str, attack: str, target: str, epsilon: int) -> tuple[Session, Outcome]:
    session = _asked(data=data, a=model, b=model, attack=attack, target=target, epsilon=epsilon)
    found = stored(session, catalogue.checkpoint(session, "a"))
    if found is None:
        known = ", ".join(str(epsilon) for epsilon in catalogue.strengths(session)) or "none"
        raise ValueError(f"No such perturbation is stored at {session.epsilon}/255; strengths that are: {known}.")
    return session, found


def _seen(image: str, session: Session) -> Tensor:
    """What the model sees of a picture (1,C,H,W) in [0, 1]."""
    if not isinstance(image, str) or not image:
        raise ValueError("An image is wanted: a picture as base64, or as a data URL.")
    try:
        data = base64.b64decode(image.partition(",")[2] if image.startswith("data:") else image, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("The image is no base64; give the bytes of a picture as base64, or a data URL.") from error
    return as_seen(received.read(data, "The image").image, datasets.get(catalogue.dataset(session)))


def _told(seen: Tensor, session: Session) -> list[dict[str, Any]]:
    of, model = datasets.get(catalogue.dataset(session)), catalogue.model(catalogue.checkpoint(session, "a"))
    with torch.inference_mode():  # the model must not be made in it, since others differentiate it
        logits = model(seen)
    if of.palette:
        fractions = torch.bincount(logits.argmax(1).flatten(), minlength=len(of.classes)) / logits[0, 0].numel()
        places = [number for number in fractions.argsort(descending=True).tolist() if fractions[number] > 0]
        return [{"class": of.classes[number], "fraction": round(float(fractions[number]), 4)} for number in places]
    values, classes = logits[0].softmax(0).topk(min(TOP, logits.shape[1]))
    pairs = zip(classes.tolist(), values.tolist(), strict=True)
    return [{"class": of.classes[number], "confidence": round(value, 4)} for number, value in pairs]
