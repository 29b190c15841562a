"""Store how the perturbation of a model forms, so that showing it needs no run.

F frames, C channels, H W height and width.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from core.attacks.spgd import NAME, SPGD
from core.checkpoints import perturbations, replay
from core.checkpoints.replay import MOST_EPSILON, MOST_FRAMES, Replay
from core.checkpoints.store import ModelFolder
from core.datasets import Split
from core.evaluation.evaluator import Evaluator
from core.evaluation.report import Rate
from core.numbers import at_least_one
from core.runtime import versions
from core.threat import Budget
from core.workflows.protocol import AttackSuite

WRONG = 0.5
"""On what fraction the model is to be wrong in the end, as on the app's first screen."""
STEPS, FRAMES = 120, 40
EARLY = 1.6
"""Frames lie closer together at the start, where most happens: the n-th of F after steps x (n / F) ** EARLY."""


def record(
    folder: ModelFolder,
    suite: AttackSuite,
    *,
    epsilon: int | None = None,
    frames: int = FRAMES,
    report: Callable[[int, Rate], None] = lambda step, accuracy: None,
) -> Replay:
    """Attack the model by S-PGD from a random start, measure every frame on held-out images, and store the replay.

    `epsilon` is in units of 1/255; without one it is the smallest stored one that makes the model wrong on half of the
    images, else the largest stored one. An earlier replay is replaced. Raises ValueError where the model labels scenes,
    nothing is stored yet, or the frames are too many; FileNotFoundError where the images are absent.
    """
    at_least_one(images=suite.crafting_images, batch_size=suite.batch_size, steps=suite.steps)
    checkpoint, data = folder.checkpoint, folder.checkpoint.dataset()
    if data.task != "classification":
        raise ValueError(f"A replay is of a model that classifies images, and {checkpoint.name} labels scenes.")
    if not 1 <= frames <= min(suite.steps, MOST_FRAMES - 1):
        most = min(suite.steps, MOST_FRAMES - 1)
        raise ValueError(f"{suite.steps} steps have 1 to {most} frames, and {frames} were asked for.")
    epsilon = _enough(folder) if epsilon is None else epsilon
    if not 1 <= epsilon <= MOST_EPSILON:
        raise ValueError(f"The epsilon of a replay is 1 to {MOST_EPSILON} (n/255), and {epsilon} was given.")
    crafting = data.split("train", suite.crafting_images)
    evaluator = Evaluator(folder.model, data.split("test"), len(checkpoint.classes))
    steps, deltas, rates = shown_steps(suite.steps, frames), [], []
    for step, delta in enumerate(_forming(folder, crafting, suite, epsilon)):
        if step in steps:
            deltas.append(perturbations.as_stored(delta))
            accuracy = evaluator(deltas[-1]).accuracy
            assert isinstance(accuracy, Rate)
            rates.append(accuracy)
            report(step, accuracy)
    found = Replay(
        deltas=torch.cat(deltas),
        attack=NAME,
        epsilon=epsilon,
        steps=steps,
        accuracy=tuple(rates),
        seed=suite.seed,
        crafted_on=len(crafting),
        batch_size=suite.batch_size,
        sha256=checkpoint.sha256,
        versions=versions(),
    )
    replay.save(folder.path, found)
    return found


def shown_steps(steps: int, frames: int) -> tuple[int, ...]:
    """After which steps there is a frame; 0 is the random start.

    >>> shown_steps(10, 4), shown_steps(3, 3)
    ((0, 1, 3, 6, 10), (0, 1, 2, 3))
    """
    return (0, *(max(frame, round(steps * (frame / frames) ** EARLY)) for frame in range(1, frames + 1)))


def _forming(folder: ModelFolder, crafting: Split, suite: AttackSuite, epsilon: int) -> Iterator[Tensor]:
    """The random start (1,C,H,W), and the delta after each step."""
    budget = Budget.from_255(epsilon)
    attack = SPGD(budget, steps=suite.steps, seed=suite.seed, batch_size=suite.batch_size)
    generator = torch.Generator(folder.device).manual_seed(suite.seed)
    start = budget.random_start((1, *crafting.images.shape[1:]), generator)
    yield start
    yield from (step.delta for step in attack.stream(folder.model, crafting, start, track=False))


def _enough(folder: ModelFolder) -> int:
    found = folder.results
    if found is None or not found.curve():
        raise ValueError(f"Nothing is stored of {folder.path} yet; run plainsight precompute first, or give --epsilon.")
    return (found.enough(WRONG) or found.curve()[-1]).epsilon
