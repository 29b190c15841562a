"""The blind test: the pictures and patterns that the browser puts together, and what is known of their visibility.

Nothing of a person's answers ever comes here. Epsilons are in units of 1/255. H W height and width.
"""

import math
from dataclasses import dataclass

from app.service import catalogue, pictures, segmentation
from app.service.compare import noun
from app.service.packing import packed_delta, packed_image
from app.service.types import BlindSide, BlindTest, StoredPattern
from app.session import Session
from core import datasets
from core.checkpoints import perturbations
from core.checkpoints.results import Results
from core.checkpoints.store import Checkpoint
from core.evaluation.perceptibility import UNSEEN
from core.reports.visibility import STRENGTHS, noticed_from, visible_points

CRAFTED = (4, 8, 16, 32)
"""Of the stored patterns those nearest to these epsilons are sent: each tested strength is near one of them."""
PICTURES, SCENES = 8, 4
"""How many held-out images are sent; of scenes fewer, since they are larger."""


@dataclass(frozen=True)
class BlindSession(Session):
    """The blind test's choices: the seed is that of the series of pairs."""

    tab = "blind"
    addressed = ("data", "a", "b", "seed")
    needs = "trained models with stored patterns"

    @classmethod
    def shows(cls, model: Checkpoint) -> bool:
        """Whether a pattern of S-PGD is stored; records without weights are shown too."""
        found = catalogue.results(model)
        return bool(found and found.curve() and (model.folder / perturbations.FILE).is_file())


def blind_test(session: BlindSession) -> BlindTest:
    """Everything on the page. Raises NoModels, or FileError where a model folder is damaged."""
    a, b = (_side(session, side) for side in "ab")
    data = datasets.get(catalogue.dataset(session))
    scenic, absent = data.task == "segmentation", pictures.missing(data.name)
    return BlindTest(
        things="pixels" if scenic else "images",
        size=(data.size[0], data.size[1]),
        coarse=min(data.size) < pictures.COARSE,
        pictures=() if absent else _pictures(data.name, scenic),
        a=a,
        b=b,
        seed=session.seed,
        query=session.query(),
        missing=absent or _unstored(a, b),
    )


def _unstored(*sides: BlindSide) -> str:
    letters = [side.letter for side in sides if not side.patterns]
    return f"No pattern is stored of {' and '.join(letters)}; choose another model." if letters else ""


def _pictures(data: str, scenic: bool) -> tuple[str, ...]:
    """The first held-out images; of scenes those that the Segmentation tab draws first too."""
    count = SCENES if scenic else PICTURES
    found = pictures.split(data, "test", segmentation.FEW[0]) if scenic else pictures.held_out(data, count)[0]
    images = found.batch(slice(count))[0]
    return tuple(packed_image(image) for image in images)


def _side(session: BlindSession, side: str) -> BlindSide:
    model = catalogue.checkpoint(session, side)
    results = catalogue.results(model)
    found = results.robustness if results else None
    points = visible_points(results) if results else []
    known = len(points) >= STRENGTHS
    absent = "" if model.has_weights else " (left out to save room)"
    return BlindSide(
        letter="A" if side == "a" else "B",
        title=catalogue.title(model),
        noun=noun(session, side),
        patterns=_patterns(model, results) if results else (),
        breaks=None if found is None or found.epsilon is None else round(found.epsilon, 2),
        reaches=None if found is None else round(found.curve[-1].epsilon, 2),
        level=found.level if found else None,
        jod=((0.0, UNSEEN), *((point.epsilon, round(point.jod.value, 3)) for point in points)) if known else (),
        noticed=noticed_from(results) if results else None,
        origin=f"{model.title}: {model.architecture}, weights {model.sha256[:6]}{absent}",
        has_weights=model.has_weights,
    )


def _patterns(model: Checkpoint, results: Results) -> tuple[StoredPattern, ...]:
    """The stored patterns of S-PGD whose epsilons are nearest, by ratio, to those that are wanted."""
    stored = {m.epsilon: delta for m in results.curve() if (delta := catalogue.delta(model, m.key)) is not None}
    chosen = {min(stored, key=lambda epsilon: abs(math.log(epsilon / wanted))) for wanted in CRAFTED if stored}
    return tuple(StoredPattern(e, packed_delta(stored[e])) for e in sorted(chosen))
