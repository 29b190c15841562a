"""Replays on disk: how one delta of a model forms, frame by frame, with the accuracy under each frame.

F frames, C channels, H W height and width. Epsilon is in whole units of 1/255, as deltas are stored and measured.
"""

import json
import lzma
import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from torch import Tensor

from core.checkpoints.perturbations import int8, packed, unpacked
from core.evaluation.report import Rate
from core.files import FileError, fits, read_metadata, read_tensors, sealed, write_tensors
from core.threat import from_units

FILE = "replay.safetensors"
MOST_FRAMES = 200
MOST_EPSILON = 127
"""In units of 1/255: what a byte holds."""
MOST_VALUES = 2**26
"""Values of all frames together: whatever a file says of its shape, no more are ever unpacked."""


@dataclass(frozen=True, eq=False)
class Replay:
    """The deltas (F,C,H,W) of one attack after `steps[frame]` steps, and the accuracy on held-out images under each.

    The first frame is the random start, after 0 steps. `sha256` is that of the attacked weights.
    """

    deltas: Tensor
    attack: str
    epsilon: int
    steps: tuple[int, ...]
    accuracy: tuple[Rate, ...]
    seed: int
    crafted_on: int
    batch_size: int
    sha256: str
    versions: dict[str, str]

    def __post_init__(self) -> None:
        """Raise ValueError where the parts do not fit together."""
        if odd := [field.name for field in fields(self) if not fits(getattr(self, field.name), field.type)]:
            raise ValueError(f"{odd[0]} holds values of other types")
        frames = len(self.steps)
        if not 2 <= frames <= MOST_FRAMES or any(a >= b for a, b in zip(self.steps, self.steps[1:], strict=False)):
            raise ValueError(f"a replay has 2 to {MOST_FRAMES} frames in their order, and there are {frames}")
        if self.steps[0] < 0 or len(self.accuracy) != frames or self.deltas.shape[:1] != (frames,):
            raise ValueError(f"each of {frames} frames needs a delta and an accuracy")
        if not 1 <= self.epsilon <= MOST_EPSILON or not all(rate.n == self.accuracy[0].n > 0 for rate in self.accuracy):
            raise ValueError(f"epsilon is 1 to {MOST_EPSILON}, and every frame is measured on the same images")
        if (largest := (255 * self.deltas.abs().max()).round().item()) > self.epsilon:
            raise ValueError(f"a frame reaches {largest:.0f}/255, and epsilon is {self.epsilon}/255")


def save(folder: Path, replay: Replay) -> None:
    """Write the replay of a model folder, at most 127/255 strong: int8 in units of 1/255, packed by lzma.

    The frames of a pixel lie beside each other, which packs best. All else stands in the file's head.
    """
    units = int8("replay", replay.deltas)
    head = {field.name: getattr(replay, field.name) for field in fields(replay) if field.name != "deltas"}
    head |= {"accuracy": [rate.to_json() for rate in replay.accuracy], "shape": list(units.shape)}
    frames_last = packed(units.movedim(0, -1).contiguous())
    metadata = {"unit": "1/255", "packed": "lzma", "replay": json.dumps(head)}
    write_tensors(folder / FILE, {"frames": frames_last}, sealed({"frames": frames_last}, metadata))


def load(folder: Path) -> Replay | None:
    """The replay of a model folder; None where there is none. Raises FileError on damage."""
    path = folder / FILE
    if not path.is_file():
        return None
    tensors = read_tensors(path)
    try:
        head = json.loads(read_metadata(path)["replay"])
        frames, *size = _shape(head.pop("shape"))
        deltas = from_units(unpacked(tensors["frames"], [*size, frames]).movedim(-1, 0).contiguous())
        rates = tuple(Rate.from_json(rate) for rate in head.pop("accuracy"))
        return Replay(deltas, accuracy=rates, steps=tuple(head.pop("steps")), **head)
    except (ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError, lzma.LZMAError) as error:
        raise FileError(
            f"{path} holds no replay as PlainSight stores it ({error}); remove it and make it anew with: "
            f"plainsight replay {folder}"
        ) from error


def _shape(shape: Any) -> list[int]:
    """The shape (F,C,H,W) as it stands in a file. Raises ValueError."""
    if not fits(shape, list[int]) or len(shape) != 4 or min(shape) < 1 or math.prod(shape) > MOST_VALUES:
        raise ValueError(f"{shape} is not the shape of a replay")
    return list(shape)
