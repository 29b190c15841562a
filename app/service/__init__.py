"""What the app can do, without Gradio: the only place that calls the engine. One function per thing a person does.

Returns plain values (numbers, sentences, addresses of pictures), so that a test or a script can use it as it is.
"""

import logging
from dataclasses import asdict
from typing import Any

from app.service.addresses import opened, understood
from app.service.catalogue import Menu, changed, menu
from app.service.comparison import card, comparison, device, estimate_text, scene_page, strip, subject
from app.service.facts import (
    Answer,
    Card,
    Cell,
    Comparison,
    Control,
    Curve,
    File,
    Forming,
    Labelled,
    Legend,
    Look,
    SceneCell,
    ScenePage,
    Share,
    Street,
    Strip,
    Subject,
)  # fmt: skip
from app.service.live import Tick, estimate, run, started, stop
from app.service.outcomes import current, drawn, ended, look, waits
from app.service.scenes import legend, scene
from app.service.takehome import numbers
from app.service.trade_facts import Front, Ladder, Mark, Risk, Traded, Tradeoff
from app.service.tradeoff import chosen, snapped, tradeoff
from app.session import EPSILONS, Session
from core.breaking import Robustness
from core.scale import place, ticks

__all__ = [
    "Answer", "Card", "Cell", "Comparison", "Control", "Curve", "File", "Forming", "Front", "Labelled", "Ladder",
    "Legend", "Look", "Mark", "Menu", "Risk", "SceneCell", "ScenePage", "Share", "Street", "Strip", "Subject",
    "Tick", "Traded", "Tradeoff", "card", "changed", "chosen", "compare_models", "comparison", "current", "device",
    "drawn", "ended", "estimate", "legend", "list_models", "look", "menu", "numbers", "opened", "place", "ready",
    "run", "scene", "scene_page", "snapped", "started", "status", "stop", "strip", "subject", "ticks", "tradeoff",
    "waits", "warm_up",
]  # fmt: skip


def status(session: Session) -> str:
    """What the status line says when nothing runs."""
    return estimate_text(estimate(session))


def ready(tab: str = "compare") -> bool:
    """Whether there is at least one model for a tab to show."""
    from app.service.catalogue import fitting

    return bool(fitting(tab))


def warm_up() -> None:
    """Make each tab's first view once, then draw the images that a run needs, so that nobody waits for them."""
    from app.service import pictures
    from app.service.catalogue import first

    views = {"compare": comparison, "segmentation": scene_page, "tradeoff": tradeoff}
    try:
        sessions = [first(tab=tab) for tab in views if tab == "compare" or ready(tab)]
        for session in sessions:
            views[session.tab](session)
        for session in sessions:
            if session.tab != "tradeoff":  # it shows no images
                pictures.prepare(session)
    except (OSError, ValueError) as error:  # the page itself says so to whoever opens it
        logging.getLogger(__name__).warning("Nothing to prepare: %s", error)


def list_models() -> list[dict[str, Any]]:
    """All trained models: data set, name, title, weights hash, clean accuracy with its interval, and what breaks each.

    `data` names the architecture too where it is an unusual one, like `cifar10|resnet20/64`.
    Without `has_weights` there is only the record of a training run and of what was measured.
    `breaks_at` names the epsilon in n/255, None where nothing was found that breaks the model.
    """
    from app.service.catalogue import all_models, results

    found = []
    for model in all_models():
        measured = results(model)
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


def _breaks_at(found: Robustness) -> dict[str, Any]:
    whole = found.to_json()
    return {name: whole[name] for name in ("epsilon", "level", "crafted_on", "seed")}


def compare_models(
    data: str = "signs", a: str = "", b: str = "", attack: str = "spgd", target: str = "", epsilon: int = 16
) -> dict[str, Any]:
    """The measured numbers of one attack on two models: accuracy (or target rate), interval, control, breaking point.

    `epsilon` is in units of 1/255; an empty `a`, `b` or `target` means the usual pair and no target. Raises ValueError
    that names what fits nothing.
    """
    query = {"data": data, "attack": attack, "epsilon": str(epsilon)}
    query |= {name: value for name, value in (("a", a), ("b", b), ("target", target)) if value}
    session, odd = understood(query)
    if odd:
        known = ", ".join(f"{model['data']}/{model['model']}" for model in list_models() if model["has_weights"])
        fits = f"models are {known}; epsilon is an even number from {EPSILONS[0]} to {EPSILONS[-1]}"
        raise ValueError(f"Nothing is known here for the given {odd}; {fits}.")
    cards = {side: asdict(card(session, side)) for side in "ab"}
    left_out = ("pattern", "files", "forming")
    return {side: {k: v for k, v in found.items() if k not in left_out} for side, found in cards.items()}
