"""What the app can do, without Gradio: the only place that calls the engine. One function per thing a person does.

Returns plain values (numbers, sentences, addresses of pictures), so that a test or a script can use it as it is.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from app.service import catalogue, devices
from app.service.album import PICTURES, albums
from app.service.api import compare_models, list_models, perturb, predict, robustness
from app.service.blind import BlindSession, blind_test
from app.service.catalogue import Menu, NoModels, first, fitting, menu, model_files, offer, strengths, unreadable
from app.service.compare import (
    beside,
    card,
    cards,
    comparison,
    large,
    scene_page,
    status_text,
    strip,
    subject,
    wanted,
)
from app.service.devices import title as device
from app.service.downloads import numbers
from app.service.fields import NAMES as FIELD_NAMES
from app.service.live import Tick, estimate, run, stop, waiting_time
from app.service.outcomes import Outcomes, outcomes
from app.service.perceptibility import PerceptibilitySession, perceptibility
from app.service.pictures import PER_SHEET, CompareSession, prepare
from app.service.pictures_of_yours import (
    PicturesSession,
    add_example,
    choose_picture,
    drawn_at,
    filmed,
    move_crop,
    own_pictures,
    picture_sentences,
    refuse_picture,
    remove_picture,
    take_picture,
)
from app.service.received import LARGEST as LARGEST_FILE
from app.service.replay import replay, replayable
from app.service.runs import RunRegistry
from app.service.segmentation import SegmentationSession, leafed, leaves, legend, looks, scene, street, telling, unseen
from app.service.sentences import told
from app.service.stored import (
    Aim,
    HeldOut,
    HeldScenes,
    StoredPattern,
    aims,
    command,
    held_out,
    held_scenes,
    patterns,
    reads,
    sees,
)
from app.service.stored import groups as exported_groups
from app.service.talk import remembered as remembered_talk
from app.service.talk import talk
from app.service.tradeoff import TradeoffSession, chosen, snapped, stepped, tradeoff
from app.service.types import (
    Alone,
    Answer,
    BlindSide,
    BlindTest,
    BreakingPattern,
    Card,
    Comparison,
    Control,
    Curve,
    Example,
    File,
    Forming,
    Fraction,
    Guess,
    Heap,
    Intake,
    Labelled,
    Large,
    Legend,
    Look,
    Mark,
    Mosaic,
    OwnAnswer,
    OwnCell,
    OwnLarge,
    OwnMaps,
    OwnPage,
    OwnShot,
    OwnSide,
    ParetoFront,
    Perceptibility,
    PerceptibilityCard,
    PerceptibilityModel,
    PerceptibilityPoint,
    Recognition,
    Replay,
    ReplaySide,
    RiskLevel,
    Risks,
    ScenePage,
    Shot,
    Shows,
    Street,
    Strip,
    StripImage,
    StripScene,
    Subject,
    Talk,
    Tradeoff,
    TradeoffCard,
    Visibility,
    Whole,
)  # fmt: skip
from app.service.url import UNKNOWN, changed, looked, opened, parameters, recalled, refreshed
from app.session import Session
from core.evaluation.perceptibility import UNSEEN, VIEWING_IN_WORDS
from core.evaluation.perceptibility import WORDS as VISIBILITY_WORDS
from core.evaluation.spectrum import LONG_WAVES, RING, RadialSpectrum
from core.reports.accuracy_axis import axis_position, axis_ticks
from core.reports.visibility import STRENGTHS, NeededVisibility

__all__ = [
    "FIELD_NAMES", "LARGEST_FILE", "LONG_WAVES", "PER_SHEET", "PICTURES", "RING", "STRENGTHS", "UNKNOWN", "UNSEEN",
    "VIEWING_IN_WORDS", "VISIBILITY_WORDS", "Aim", "Alone", "Answer", "BlindSession", "BlindSide", "BlindTest",
    "BreakingPattern", "Card", "CompareSession", "Comparison", "Control", "Curve", "Example", "File", "Forming",
    "Fraction", "Guess", "Heap", "HeldOut", "HeldScenes", "Intake", "Labelled", "Large", "Legend", "Look", "Mark",
    "Menu", "Mosaic", "NeededVisibility", "NoModels", "Outcomes", "OwnAnswer", "OwnCell", "OwnLarge", "OwnMaps",
    "OwnPage", "OwnShot", "OwnSide", "ParetoFront", "Perceptibility", "PerceptibilityCard", "PerceptibilityModel",
    "PerceptibilityPoint", "PerceptibilitySession", "PicturesSession", "RadialSpectrum", "Recognition", "Replay",
    "ReplaySide", "RiskLevel", "Risks", "RunRegistry", "ScenePage", "SegmentationSession", "Shot", "Shows",
    "StoredPattern", "Street", "Strip", "StripImage", "StripScene", "Subject", "Talk", "Tick", "Tradeoff",
    "TradeoffCard", "TradeoffSession", "Visibility", "Whole", "add_example", "aims", "albums", "axis_position",
    "axis_ticks", "beside", "blind_test", "card", "cards", "changed", "choose_picture", "chosen", "command",
    "compare_models", "comparison", "device", "drawn_at", "estimate", "exported_groups", "filmed", "first",
    "health", "held_out", "held_scenes", "large", "leafed", "leaves", "legend", "list_models", "looked", "looks",
    "menu", "model_files", "move_crop", "notice", "numbers", "offer", "opened", "outcomes", "own_pictures",
    "parameters", "patterns", "perceptibility", "perturb", "picture_sentences", "predict", "prepare", "reads",
    "ready", "recalled", "refreshed", "refuse_picture", "remembered_talk", "remove_picture", "replay", "replayable",
    "robustness", "run", "run_on", "scene", "scene_page", "sees", "settled", "snapped", "status", "stepped", "stop",
    "street", "strengths", "strip", "subject", "take_picture", "talk", "telling", "told", "tradeoff", "unreadable",
    "unseen", "waiting_time", "wanted",
]  # fmt: skip

Shown = TypeVar("Shown")
NAMED = 3
"""Model folders that the notice on the page names."""


def settled(show: Callable[[], Shown]) -> Shown:
    """What `show` returns; it is called anew where it found a model folder unreadable, which is left out then.

    Raises what `show` raises for other reasons.
    """
    while True:
        known = unreadable()
        try:
            return show()
        except (OSError, ValueError):
            if unreadable() == known:
                raise


def run_on(device: str) -> None:
    """Run models on this device from now on: `auto`, or what torch calls one. In the main thread, before the page.

    On a ZeroGPU Space they are also put where runs find them. Raises ValueError where there is no such device.
    """
    devices.machine.choose(device)
    if not devices.zero():
        return
    with ThreadPoolExecutor(1) as other:  # the package `spaces` makes PyTorch slow in the main thread
        for of in fitting(Session):
            with suppress(catalogue.LeftOut):
                devices.lend(of.sha256, other.submit(catalogue.network, of).result())


def notice() -> str:
    """What is amiss, in few sentences: models that are left out, a GPU that falls short; empty where all is well."""
    return " ".join(filter(None, (_left_out(), devices.machine.notice())))


def _left_out() -> str:
    """Which model folders are left out and why, in one sentence; empty where all can be read."""
    found = unreadable()
    if not found:
        return ""
    each = [f"{name} ({why.partition(':')[0]})" for name, why in found.items()]
    each = each if len(each) <= NAMED else [*each[:NAMED], f"and {len(each) - NAMED} more"]
    words = "A model folder cannot be read and is" if len(found) == 1 else "Some model folders cannot be read and are"
    return f"{words} left out: {'; '.join(each)}."


def health(runs: RunRegistry | None = None) -> dict[str, Any]:
    """Whether there is anything to show: the number of models, runs under way and waiting, and what is left out."""
    models = len(fitting(Session))
    return {
        "status": "ok" if models else "no models",
        "models": models,
        "runs": runs.counts() if runs else {},
        "device": devices.title(),
        "unreadable": [f"{name}: {why}" for name, why in unreadable().items()],
    }


def status(session: Session, runs: RunRegistry) -> str:
    """What the status line says when nothing runs."""
    return status_text(session, outcomes(session, runs), estimate(session, runs))


def ready(kind: type[Session] = Session) -> bool:
    """Whether there is at least one model for a tab to show; without a tab, one with weights."""
    return bool(fitting(kind))
