"""The talk: what its steps tell, from stored results of the pair of the first screen. Nothing here runs an attack.

N images, C channels, H W height and width.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from app.service import catalogue, compare, pictures
from app.service.cache import caches
from app.service.outcomes import Outcome, Outcomes, outcomes
from app.service.perceptibility import PerceptibilitySession, perceptibility
from app.service.pictures import CompareSession
from app.service.replay import replay
from app.service.segmentation import SegmentationSession
from app.service.tradeoff import TradeoffSession, tradeoff
from app.service.types import Alone, Fraction, Heap, Mosaic, Recognition, ScenePage, Shows, Talk
from app.session import AnySession, Session
from core import rendering
from core.attacks.targets import Target
from core.checkpoints.store import kind
from core.reports.tradeoff import advantage
from core.threat import apply

MANY = 1000
"""Images of the mosaic."""
TILE, COLUMNS = 20, 40
"""Pixels of a tile of the mosaic, and tiles in a row."""
COLOURS = 256
"""Colours of many images together: tiles are too small to show a pattern exactly, and with all colours take 1 MB."""
PART = 100
"""Images that are looked at together."""
HEAP, HEAP_COLUMNS, HEAP_TILE = 64, 8, 60
"""Images of a heap that are drawn, at most; how many in a row, and the pixels of each."""


def talk() -> Talk:
    """All that the talk tells. Raises NoModels, or FileNotFoundError where the images are absent."""
    session = catalogue.first(CompareSession)
    data = catalogue.dataset(session)
    if absent := pictures.missing(data):
        raise FileNotFoundError(f"The talk is not there. {absent}")
    if catalogue.scenic(catalogue.checkpoint(session, "a")):
        raise catalogue.NoModels("The talk shows models that classify images, and there are only models of scenes.")
    found = outcomes(session)
    a, b = compare.cards(session, found)
    if not (a.measured and b.measured and a.visibility and b.visibility):
        raise catalogue.NoModels("The talk shows stored results, and none are stored; run: plainsight precompute MODEL")
    traded = _page(TradeoffSession, session)
    return Talk(
        subject=compare.subject(session, found),
        data=catalogue.checkpoint(session, "a").group_title,
        a=a,
        b=b,
        large=compare.large(session, found),
        replay=replay(session),
        mosaic=_mosaic(session, found["a"]),
        heap=_heap(session, found),
        shows=_shows(session),
        tradeoff=tradeoff(traded) if traded else None,
        alone=_alone(session),
        scene=_scene(),
    )


def remembered(key: str, make: Callable[[], str]) -> str:
    """What is made of the talk; made again once a model folder has changed."""
    models = tuple((model.folder, catalogue.stamps(model.folder)) for model in catalogue.all_models())
    return caches.talks.get_or_make((key, models), make)


def _page(of: type[AnySession], session: Session) -> AnySession | None:
    """The same pair on another tab; None where that cannot show one of them."""
    names = {model.name for model in catalogue.fitting(of) if model.group == session.data}
    return session.on(of) if {session.a, session.b} <= names else None


def _mosaic(session: CompareSession, found: Outcome | None) -> Mosaic | None:
    assert found is not None
    of = catalogue.checkpoint(session, "a")
    whole, results, model = (
        pictures.split(catalogue.dataset(session), "test"),
        catalogue.results(of),
        catalogue.model(of),
    )
    if results is None or len(results.hits) != len(whole):
        return None
    images, labels = whole.batch(slice(0, MANY))
    under, model = apply(images, found.delta), catalogue.model(of)
    with torch.inference_mode():
        said = torch.cat([model(part).argmax(1) for part in under.split(PART)])
    return Mosaic(
        attacked=_tiles(under, TILE, COLUMNS),
        clean=_tiles(images, TILE, COLUMNS),
        tile=TILE,
        columns=COLUMNS,
        count=len(images),
        fooled=tuple((said != labels).nonzero().flatten().tolist()),
        before=tuple(number for number, right in enumerate(results.hits[: len(images)]) if not right),
    )


def _tiles(images: Tensor, tile: int, columns: int) -> str:
    """Images (N,C,H,W) side by side, each `tile` pixels wide and high, in rows of `columns`; white where they end."""
    small = (255 * interpolate(images, size=(tile, tile), mode="area")).round().byte().permute(0, 2, 3, 1).numpy()
    rows = -(-len(small) // columns)
    whole = np.full((rows * columns, tile, tile, 3), 255, np.uint8)
    whole[: len(small)] = small
    sheet = whole.reshape(rows, columns, tile, tile, 3).swapaxes(1, 2).reshape(rows * tile, columns * tile, 3)
    picture = Image.fromarray(np.ascontiguousarray(sheet))
    return rendering.data_url(picture.quantize(COLOURS, Image.Quantize.FASTOCTREE))


def _heap(session: CompareSession, found: Outcomes) -> Heap | None:
    """Training images under one pattern; None where model B was not trained against any."""
    of, own = catalogue.checkpoint(session, "b"), found["b"]
    epsilon = of.recipe.get("epsilon")
    if not of.heap or epsilon is None or own is None:
        return None
    shown = min(of.heap, HEAP)
    images, _ = pictures.split(catalogue.dataset(session), "train", session.images).batch(slice(0, shown))
    results, strength = catalogue.results(of), catalogue.at(session, "a").epsilon
    measured = results.find(session.attack, strength) if results else None
    return Heap(
        picture=_tiles(apply(images, own.delta), HEAP_TILE, HEAP_COLUMNS),
        shown=len(images),
        size=of.heap,
        trained=epsilon,
        same=Fraction.of(measured.report.accuracy) if measured else None,
    )


def _shows(session: CompareSession) -> Shows | None:
    """The patterns towards the first class for which they are stored against both models."""
    of = catalogue.checkpoint(session, "a")
    for number in range(len(of.classes)):
        aimed = replace(session, target=Target("class", number))
        found = outcomes(aimed)
        wanted = compare.wanted(aimed)
        if wanted and all(one and one.report for one in found.values()):
            a, b = compare.cards(aimed, found)
            plain = [rendering.data_url(rendering.perturbation(one.delta)) for one in found.values() if one]
            return Shows(of.classes[number], wanted, a, b, (plain[0], plain[1]), _recognition(session))
    return None


def _recognition(session: CompareSession) -> tuple[Recognition, ...]:
    page = _page(PerceptibilitySession, session)
    return perceptibility(page).recognition if page else ()


def _alone(session: CompareSession) -> Alone | None:
    """How the training of B compares with heap 1 of the same schedule; None where it is that, or nothing tells."""
    of = catalogue.checkpoint(session, "b")
    if of.heap < 2:
        return None
    models = [model for model in catalogue.all_models() if model.group == session.data]
    own = [(model, results) for model in models if (results := catalogue.results(model))]
    found = advantage(own, kind(1, of.schedule), of.kind)
    if found is None or found.bound:
        return None
    return Alone(found.low, found.high, found.text, found.accuracy_text)


def _scene() -> ScenePage | None:
    """The first view of the Segmentation tab; None without models, images, or patterns for it."""
    try:
        session = catalogue.first(SegmentationSession)
    except catalogue.NoModels:
        return None
    session = replace(session, equal="strength")  # of the views with this target that in which A and B differ most
    found = outcomes(session)
    if pictures.missing(catalogue.dataset(session)) or not all(one and one.report for one in found.values()):
        return None
    return compare.scene_page(session, found)
