"""What was measured on a model: `results.json`, beside the deltas in `perturbations.safetensors`.

Every number carries its attack, seed, n and the number of crafting images. M deltas, C channels, H W height, width.
"""

import base64
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from core import files
from core.attacks.targets import Target
from core.evaluation.pattern_score import PatternScore
from core.evaluation.perceptibility import Jod, Perceptibility
from core.evaluation.report import AnyRate, Report
from core.evaluation.resemblance import Resemblance
from core.robustness.result import Robustness
from core.robustness.risks import Risks

FILE = "results.json"
ABOUT: dict[str, Any] = {"sha256": str, "source": str, "held_out": int, "versions": dict[str, str]}
"""The types of what `Results.about` holds; not all of it must be there."""


@dataclass(frozen=True)
class Assessment:
    """How far `core.workflows.assess` is with a model.

    `donors` are the models whose perturbations were tried, each with the digest of the one that was; None before the
    first search. `replaced` is how many stored perturbations were replaced by stronger ones of other epsilons or of
    other models; None until that and the search after it are over. `variants` says that the last search tried other
    ways to climb too (`core.attacks.spgd.VARIANTS`).
    """

    donors: dict[str, str] | None = None
    replaced: int | None = None
    variants: bool | None = None

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Measurement:
    """One delta and what it did. `epsilon` is in whole units of 1/255, as the delta is stored and measured.

    `pattern` tells how much of the target scene the delta shows (None without a target scene), `jod` how visible the
    delta is (None where that was not measured).
    """

    attack: str
    epsilon: int
    target: Target | None
    steps: int
    seed: int
    crafted_on: int
    report: Report
    seconds: float = 0.0
    pattern: Resemblance | None = None
    jod: Jod | None = None

    @property
    def key(self) -> str:
        return key(self.attack, self.epsilon, self.target)

    def to_json(self) -> dict[str, Any]:
        whole = {**vars(self), "target": self.target and self.target.to_json(), "report": self.report.to_json()}
        optional = {"pattern": self.pattern, "jod": self.jod}
        present = {name: value.to_json() for name, value in optional.items() if value}
        return {name: value for name, value in whole.items() if name not in optional} | present

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Measurement":
        pattern = Resemblance(**content["pattern"]) if content.get("pattern") else None
        jod = Jod(**content["jod"]) if content.get("jod") else None
        report, target = Report.from_json(content["report"]), Target.parse(content["target"])
        return cls(**{**content, "target": target, "report": report, "pattern": pattern, "jod": jod})


@dataclass(frozen=True)
class Results:
    """The clean report and every measurement of one model, on `n` held-out images of `source`.

    `robustness` and `risks` are its universal robustness and its four risks, `published` is its robustness under S-PGD
    as its authors describe it, without transfers (`core.workflows.protocol.Protocol.as_published`). `visibility` tells
    how visible the perturbation at the breaking point is; None where they were not measured. `hits` tells for each of
    the n images what fraction of it the model has right without a perturbation (0 or 1, of a scene's labelled pixels
    what lies between), so that models can be compared image by image; empty in results made before this was kept.
    `about` says which weights and data were measured, and with which versions. `pattern_score` tells how often other
    models see the target in the perturbations towards classes; None where that was not measured.
    """

    clean: Report
    measurements: tuple[Measurement, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)
    robustness: Robustness | None = None
    risks: Risks | None = None
    visibility: Perceptibility | None = None
    hits: tuple[float, ...] = ()
    assessment: Assessment = Assessment()
    pattern_score: PatternScore | None = None
    published: Robustness | None = None

    def as_published(self) -> "Results | None":
        """The same model as the attack as published finds it, to be compared with others; None if not measured."""
        return replace(self, robustness=self.published, measurements=()) if self.published else None

    def find(self, attack: str, epsilon: int, target: Target | None = None) -> Measurement | None:
        wanted = key(attack, epsilon, target)
        return next((m for m in self.measurements if m.key == wanted), None)

    def curve(self, attack: str = "spgd", target: Target | None = None) -> list[Measurement]:
        """The measurements of one attack over epsilon, weakest first."""
        return sorted(
            (m for m in self.measurements if (m.attack, m.target) == (attack, target)), key=lambda m: m.epsilon
        )

    def enough(self, share: float, attack: str = "spgd", target: Target | None = None) -> Measurement | None:
        """The weakest measurement of an attack that succeeds on at least this share; None where none does.

        Success is what the target asks for, of what is not so without any attack (much of a target scene is: streets
        look alike); without a target, the fraction misclassified (of scenes: of pixels).
        """
        succeeds = (m for m in self.curve(attack, target) if m.report.gained >= share)
        return next(succeeds, None)

    def searched(self, measurement: Measurement) -> bool:
        """Whether its perturbation took the place of a weaker one, as far as the steps tell.

        Only untargeted S-PGD is ever replaced (`core.workflows.cross_epsilon`), and then has the steps of all attacks
        that led to it. So more steps than a measurement that is never replaced tell of a search, unless they are as
        many as some attack took at once.
        """
        settings = ("spgd", None)
        once = {m.steps for m in self.measurements if (m.attack, m.target) != settings}
        replaceable = (measurement.attack, measurement.target) == settings
        return replaceable and bool(once) and measurement.steps > min(once) and measurement.steps not in once

    def still_right(self) -> list[tuple[float, AnyRate]]:
        """The accuracy at every epsilon (units of 1/255) under the strongest untargeted perturbation found up to it.

        Perturbations of the search for the breaking point count too: each is admissible at every larger epsilon.
        """
        points: dict[float, AnyRate] = {0.0: self.clean.accuracy}
        points |= {float(m.epsilon): m.report.accuracy for m in self.curve()}
        for point in self.robustness.curve if self.robustness else ():
            epsilon, rate = round(point.epsilon, 4), point.report.accuracy
            points[epsilon] = min(rate, points.get(epsilon, rate), key=lambda rate: rate.value)
        found: list[tuple[float, AnyRate]] = []
        for epsilon, rate in sorted(points.items()):
            weaker = found and found[-1][1].value < rate.value
            found.append((epsilon, found[-1][1] if weaker else rate))
        return found

    def breaks_between(self) -> tuple[float, float | None]:
        """Between which measured epsilons (units of 1/255) the model may break, for all that n tells.

        Like `Robustness.interval`, and with the stored perturbations too, which are measured on other images than the
        search: so the breaking epsilon that it found is always enclosed. Raises ValueError where nothing was searched.
        """
        if self.robustness is None:
            raise ValueError("The universal robustness of this model was not measured.")
        right, curve = 1 - self.robustness.level, self.still_right()
        low = max((epsilon for epsilon, rate in curve if rate.interval[0] > right), default=0.0)
        high = next((epsilon for epsilon, rate in curve if rate.interval[1] <= right), None)
        return low, high if high is None else max(high, self.robustness.epsilon or 0.0)

    def to_json(self) -> dict[str, Any]:
        assessment = self.assessment.to_json()
        content = {
            "about": self.about,
            **({"assessment": assessment} if assessment else {}),
            "clean": self.clean.to_json(),
            "measurements": [measurement.to_json() for measurement in self.measurements],
        }
        content |= {"robustness": self.robustness.to_json()} if self.robustness else {}
        content |= {"published": self.published.to_json()} if self.published else {}
        content |= {"risks": self.risks.to_json()} if self.risks else {}
        content |= {"visibility": self.visibility.to_json()} if self.visibility else {}
        content |= {"pattern_score": self.pattern_score.to_json()} if self.pattern_score else {}
        return content | ({"hits": _packed(self.hits)} if self.hits else {})

    def save(self, folder: Path) -> None:
        files.write_json(folder / FILE, self.to_json(), indent=None)  # a third of their size was blanks

    @classmethod
    def load(cls, folder: Path) -> "Results | None":
        """The results of a model folder, or None where nothing was measured. Raises FileError."""
        path = folder / FILE
        if not path.is_file():
            return None
        content = files.read_json(path)
        try:
            measurements = tuple(Measurement.from_json(entry) for entry in content["measurements"])
            robustness = Robustness.from_json(content["robustness"]) if content.get("robustness") else None
            risks = Risks.from_json(content["risks"]) if content.get("risks") else None
            visibility = Perceptibility.from_json(content["visibility"]) if content.get("visibility") else None
            clean, about = Report.from_json(content["clean"]), content.get("about", {})
            hits = _unpacked(content.get("hits", ""))
            assessment = Assessment(**content.get("assessment", {}))
            score = PatternScore.from_json(content["pattern_score"]) if content.get("pattern_score") else None
            published = Robustness.from_json(content["published"]) if content.get("published") else None
            parts = (clean, measurements, about, robustness, risks, visibility, hits, assessment, score, published)
            found = cls(*parts)
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError, zlib.error) as error:
            raise files.FileError(f"{path} is no list of results: {error} is missing or odd.") from error
        typed = {f.name: (getattr(found, f.name), f.type) for f in fields(cls)}
        typed |= (
            {name: (value, ABOUT.get(name, Any)) for name, value in about.items()} if isinstance(about, dict) else {}
        )
        if odd := [name for name, (value, kind) in typed.items() if not files.fits(value, kind)]:
            raise files.FileError(f"{path} is no list of results: {odd[0]} holds values of other types.")
        if any(found and not found.curve for found in (robustness, published)) or (risks and not risks.levels):
            raise files.FileError(f"{path} is no list of results: a curve or risks without a point.")
        return found


WHOLE = 65535
"""All of an image is right, as it is stored: base64 of zlib of 16 bits an image, little-endian."""


def _packed(hits: Sequence[float]) -> str:
    numbers = np.rint(np.array(hits) * WHOLE).astype("<u2")
    return base64.b64encode(zlib.compress(numbers.tobytes(), 9)).decode()


def _unpacked(text: str) -> tuple[float, ...]:
    if not text:
        return ()
    numbers = np.frombuffer(zlib.decompress(base64.b64decode(text, validate=True)), "<u2")
    return tuple((numbers / WHOLE).tolist())


def key(attack: str, epsilon: int, target: Target | None = None) -> str:
    """The name of a stored delta: `spgd-e16`, `spgd-e16-t3` towards class 3, `spgd-e10-scene-5`."""
    if target is None:
        return f"{attack}-e{epsilon}"
    return f"{attack}-e{epsilon}-{'t' if target.kind == 'class' else ''}{target}"
