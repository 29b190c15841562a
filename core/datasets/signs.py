"""The built-in data set `signs`: photographs of traffic signs that nobody took, 32 x 32 RGB, 12 classes.

Picture i of a split depends on nothing but the split and i; see `_signs_photograph.py` for how one is made.

Legend: N images, C channels, H W of a picture (32).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from uuid import uuid4

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from core.datasets import Dataset, Split, cache_root
from core.datasets._signs_drawing import FACES
from core.datasets._signs_photograph import SIDE, photograph

NAME = "signs"
VERSION = 2  # part of the cache folder's name: bump it when a change alters any picture
CLASSES = tuple(FACES)
COUNTS = {"train": 10000, "test": 2000}
_SEED = 1812
_SPLITS = {"train": 0, "test": 1}
_CHUNK = 125  # pictures per piece of work, so that progress is told at least this often
_IN_PROCESS = 500  # up to here helper processes, which each import torch, cost more than they save

Progress = Callable[[int, int], None]


@lru_cache(maxsize=64)
def _order(split: str, block: int) -> np.ndarray:
    """Every block of twelve pictures holds each class once, in random order."""
    return np.random.default_rng([_SEED, _SPLITS[split], block, 1]).permutation(len(CLASSES))


def _label(split: str, index: int) -> int:
    return int(_order(split, index // len(CLASSES))[index % len(CLASSES)])


def render(split: str, index: int) -> tuple[np.ndarray, int]:
    """Picture `index` of a split: uint8 (H,W,3) and its class, the same whenever and wherever it is drawn."""
    _check(split, None)
    if not 0 <= index < COUNTS[split]:
        raise ValueError(f"signs has no {split} picture {index}; the index goes from 0 to {COUNTS[split] - 1}.")
    generator = np.random.default_rng([_SEED, _SPLITS[split], index])
    label = _label(split, index)
    return photograph(generator, label), label


def _check(split: str, limit: int | None) -> None:
    if split not in COUNTS:
        raise ValueError(f"signs has no split {split!r}; choose one of {', '.join(COUNTS)}.")
    if limit is not None and limit < 1:
        raise ValueError(f"limit is {limit}, but it must be at least 1 (or None for all {COUNTS[split]} images).")


def _pixels(split: str, start: int, stop: int) -> np.ndarray:
    """Pictures start..stop as uint8 (N,H,W,3)."""
    return np.stack([render(split, index)[0] for index in range(start, stop)])


def _chunks(split: str, count: int) -> Iterator[np.ndarray]:
    """All pieces of work in order, drawn here or by helper processes."""
    pieces = [(start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]
    workers = min(os.cpu_count() or 1, 8, len(pieces))
    if count <= _IN_PROCESS or workers == 1:
        yield from (_pixels(split, *piece) for piece in pieces)
        return
    # Plain processes that write pixels to a pipe: forking under threads can hang, and a spawned pool would run
    # the caller's main script again.
    with ExitStack() as stack:
        helpers = [stack.enter_context(_helper(split, pieces[place::workers])) for place in range(workers)]
        for number, (start, stop) in enumerate(pieces):
            output, size = helpers[number % workers].stdout, (stop - start) * SIDE * SIDE * 3
            assert output is not None
            pixels = output.read(size)
            if len(pixels) < size:
                raise RuntimeError("A process that draws the data set signs ended early; try again.")
            yield np.frombuffer(pixels, np.uint8).reshape(-1, SIDE, SIDE, 3)


def _helper(split: str, pieces: list[tuple[int, int]]) -> subprocess.Popen[bytes]:
    """A process that draws these pieces and writes their bytes one after the other."""
    program = (
        "import sys; from core.datasets import signs\n"
        f"for piece in {pieces!r}: sys.stdout.buffer.write(signs._pixels({split!r}, *piece).tobytes())"
    )
    paths = os.pathsep.join(filter(None, (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": paths}
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment)


def _draw(split: str, count: int, progress: Progress | None) -> Split:
    """The first `count` pictures of a split, drawn now."""
    pieces: list[np.ndarray] = []
    for piece in _chunks(split, count):
        pieces.append(piece)
        if progress:
            progress(sum(map(len, pieces)), count)
    pictures = torch.from_numpy(np.concatenate(pieces)).permute(0, 3, 1, 2).contiguous()
    return Split(pictures, torch.tensor([_label(split, index) for index in range(count)]))


def _read(path: Path, count: int) -> Split | None:
    """The cached split, or None where the file is missing, damaged or not what we wrote."""
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError):
        return None
    images, labels = tensors.get("images"), tensors.get("labels")
    if images is None or labels is None or images.shape != (count, 3, SIDE, SIDE) or labels.shape != (count,):
        return None
    return Split(images, labels) if images.dtype == torch.uint8 and labels.dtype == torch.int64 else None


def _write(path: Path, split: Split) -> None:
    """Write beside the target, then rename: a reader never meets half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{uuid4().hex}.tmp")
    try:
        save_file({"images": split.images, "labels": split.labels}, unfinished)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def load(split: str, limit: int | None = None, progress: Progress | None = None) -> Split:
    """The first `limit` pictures (all: None) of "train" or "test": images uint8 (N,C,H,W), labels int64 (N).

    The whole split is drawn once and cached; a few pictures are drawn on the spot. `progress` is told
    (done, total). Raises ValueError for an unknown split or a limit below 1.
    """
    _check(split, limit)
    total = COUNTS[split]
    count = total if limit is None else min(limit, total)
    path = cache_root() / f"{NAME}-v{VERSION}" / f"{split}.safetensors"
    known = _read(path, total)
    if known is None:
        known = _draw(split, count, progress)
        if count == total:
            _write(path, known)
    return Split(known.images[:count], known.labels[:count])


def dataset(argument: str | None = None) -> Dataset:
    """The data set as the registry hands it out; it has no variants, so `argument` must be empty."""
    if argument:
        raise ValueError(f"signs takes no argument, but was given {argument!r}: write just 'signs'.")
    return Dataset(
        name=NAME,
        title="Traffic signs (drawn)",
        task="classification",
        classes=CLASSES,
        size=(SIDE, SIDE),
        load=load,
        source="Drawn by PlainSight itself: free to use, nothing to download, the same pictures everywhere.",
    )
