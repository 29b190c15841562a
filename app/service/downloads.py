"""Downloads: the pattern as a picture and as numbers, every figure as JSON, and the command line."""

import base64
import json
import shlex
from dataclasses import asdict
from typing import Any

from app.service import catalogue, pictures
from app.service.cache import caches
from app.service.outcomes import Outcome, batch
from app.service.types import Card, File
from app.session import HIDDEN, Session
from core import attacks
from core.attacks.targets import title
from core.checkpoints import perturbations
from core.checkpoints.results import key
from core.checkpoints.store import Checkpoint


def files(session: Session, checkpoint: Checkpoint, found: Outcome, drawn: bool = True) -> tuple[File, ...]:
    """The pattern at true strength as PNG (128 is zero, one level is 1/255) and as safetensors (int8, 1/255).

    Unless `drawn`, the PNG has no content.
    """
    name = f"{checkpoint.data.partition(':')[0]}-{checkpoint.name}-"
    name += key(session.attack, session.epsilon, session.target)
    about = _about(session, checkpoint, found)

    def packed() -> str:
        return _url(perturbations.delta_file(found.delta, about), "application/octet-stream")

    return (
        File("PNG", f"{name}.png", pictures.pattern(found, 1) if drawn else ""),
        File(
            "safetensors",
            f"{name}.safetensors",
            caches.files.get_or_make((found.mark, found.delta.shape, *about.values()), packed),
        ),
    )


def _about(session: Session, checkpoint: Checkpoint, found: Outcome) -> dict[str, str]:
    about: dict[str, Any] = {
        "data": checkpoint.data,
        "model": checkpoint.name,
        "weights_sha256": checkpoint.sha256,
        "attack": session.attack,
        "epsilon": f"{session.epsilon}/255",
        "target": title(session.target, checkpoint.classes) or "none",
        "steps": found.steps,
        "crafting_images": found.crafted_on,
        "seed": found.seed,
        "report": json.dumps(found.report.to_json()) if found.report else "not measured",
    }
    return {name: str(value) for name, value in about.items()}


def numbers(session: Session, a: Card, b: Card) -> File:
    """Every number on the page as JSON."""
    left_out = {"pattern", "files", "forming"}
    cards = [{name: value for name, value in asdict(card).items() if name not in left_out} for card in (a, b)]
    left_out_too = {*HIDDEN, "steps", "images", "seed"}  # a stored result has its own: they stand with each card
    left_out_too |= {"epsilon"} if session.equal == "effect" else {"wrong"}
    chosen = {name: value for name, value in session.to_json().items() if name not in left_out_too}
    content = {"unit_of_epsilon": "1/255", "interval": "95%", "chosen": chosen, "a": cards[0], "b": cards[1]}
    text = json.dumps(content, indent=1, ensure_ascii=False)
    return File(
        "JSON",
        f"plainsight-{catalogue.dataset(session).partition(':')[0]}.json",
        _url(text.encode(), "application/json"),
    )


def command(session: Session, checkpoint: Checkpoint, found: Outcome | None) -> str:
    """The command line that repeats the numbers of a card, from the folder above `checkpoints`.

    A stored delta is measured as it is, since it may come from a search with several starts, from patterns of other
    strengths or models, or from other hardware; no single attack makes it again. A live one is crafted and measured
    anew.
    """
    folder = catalogue.spelled(checkpoint.folder)
    if found is not None and not found.live:
        words = ["plainsight", "evaluate", folder, "--delta", f"{folder}/{perturbations.FILE}"]
        words += ["--key", key(session.attack, session.epsilon, session.target)]
        return shlex.join([*words, *_target(session, checkpoint)])
    steps, images, seed = session.steps, session.images, session.seed
    if found is not None:
        steps, images, seed = found.steps, found.crafted_on or session.images, found.seed
    words = ["plainsight", "attack", folder, "--attack", session.attack, "--epsilon", str(session.epsilon)]
    words += ["--steps", str(steps), "--images", str(images), "--seed", str(seed)]
    if attacks.get(session.attack).takes("batch_size"):
        words += ["--batch-size", str(batch(checkpoint))]
    return shlex.join([*words, *_target(session, checkpoint)])


def _target(session: Session, checkpoint: Checkpoint) -> list[str]:
    """The option that names the session's target; empty without one."""
    target = session.target
    if target is None:
        return []
    return ["--target", checkpoint.classes[target.number] if target.kind == "class" else str(target)]


def _url(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
