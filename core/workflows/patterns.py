"""Fill a model folder with its pattern score; what is there already is not measured again.

The models beside it read its stored perturbations towards classes. The model itself, its data and its weights are not
needed.
"""

from collections.abc import Callable
from dataclasses import replace

from core.checkpoints import perturbations, store
from core.checkpoints.donors import other_models
from core.checkpoints.groups import ELSEWHERE
from core.checkpoints.results import Measurement
from core.checkpoints.store import Checkpoint, ModelFolder
from core.evaluation.pattern_score import PatternScore, Reader, score_patterns

ATTACK = "spgd"
"""The attack whose perturbations towards classes are read."""


def judge_patterns(folder: ModelFolder, report: Callable[[str], None] = lambda line: None) -> bool:
    """Let the other models of the data set read the stored perturbations towards classes, and save the pattern score.

    It is measured again where a perturbation was replaced or the readers changed. Nothing is done where no such
    perturbation is stored, which holds for models of scenes, and where no other model has weights. Returns whether it
    was measured. Raises FileError where a reader cannot be loaded.
    """
    results, shown = folder.results, breaking_patterns(folder)
    readers = readers_of(folder.checkpoint) if shown else {}
    if results is None or not readers:
        return False
    patterns = {m.key: perturbations.digest(folder.deltas[m.key]) for m in shown}
    digests = {name: reader.sha256[:12] for name, reader in readers.items()}
    known = results.pattern_score
    if known and (known.patterns, known.readers) == (patterns, digests):
        return False
    loaded = [
        Reader(name, kind_of(reader), store.load(reader.folder, folder.device)) for name, reader in readers.items()
    ]
    own, noise = score_patterns(loaded, [(_number(m), folder.deltas[m.key]) for m in shown])
    score = PatternScore(own, noise, shown[0].epsilon, patterns, digests)
    folder.save(replace(results, pattern_score=score))
    report(f"Pattern score: {score}")
    return True


def breaking_patterns(folder: ModelFolder) -> list[Measurement]:
    """The stored measurements towards classes at one epsilon, by class.

    It is the smallest stored epsilon at which the model is broken without a target, so that models are compared at
    equal effect. Where none is that large, or the model's robustness was not measured, it is the largest one.
    """
    results = folder.results
    stored = [m for m in results.measurements if m.key in folder.deltas and _aims(m)] if results else []
    if results is None or not stored:
        return []
    epsilons = sorted({m.epsilon for m in stored})
    breaks = results.robustness.breaking_epsilon if results.robustness else epsilons[-1]
    epsilon = next((epsilon for epsilon in epsilons if epsilon >= breaks), epsilons[-1])
    return sorted((m for m in stored if m.epsilon == epsilon), key=_number)


def readers_of(checkpoint: Checkpoint) -> dict[str, Checkpoint]:
    """The other models of the same data with weights and the same classes, by their names."""
    others = other_models(checkpoint)
    return {name: others[name] for name in sorted(others) if _reads(others[name], checkpoint)}


def kind_of(reader: Checkpoint) -> str:
    """The kind of a reader: `standard`, `heap 1`, `larger heaps`, or `trained elsewhere`, which no table shows.

    >>> from pathlib import Path
    >>> kind_of(Checkpoint(Path("a"), "resnet20", "signs", ("stop", "yield"), "", {"sigma": 0.5, "heap": 64}))
    'larger heaps'
    """
    return ELSEWHERE if reader.converted else KINDS[min(reader.heap, 2)]


KINDS = ("standard", "heap 1", "larger heaps")
"""The kinds of readers that tables show, in their order."""


def _reads(other: Checkpoint, checkpoint: Checkpoint) -> bool:
    return other.has_weights and other.classes == checkpoint.classes


def _aims(m: Measurement) -> bool:
    return m.attack == ATTACK and m.target is not None and m.target.kind == "class" and m.report.overlap is None


def _number(m: Measurement) -> int:
    assert m.target
    return m.target.number
