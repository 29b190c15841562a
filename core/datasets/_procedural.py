"""Data sets drawn by a program: a picture depends only on its split and number; a split is drawn once and cached.

N images, C channels, H W height and width.
"""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from core.datasets import Dataset, Split, cache_root
from core.files import STALE, FileError, read_tensors, sealed

Progress = Callable[[int, int], None]
Picture = tuple[np.ndarray, int | np.ndarray]


@dataclass(frozen=True)
class Drawn:
    """A data set that is drawn; the module `core.datasets.<name>` holds it as `DRAWN`.

    `render(split, index)` gives a picture uint8 (H,W,3) and its label: a class, or uint8 (H,W) where `pixelwise`.
    `version` is part of the name of the cache folder: raise it if a change alters any picture.
    """

    name: str
    version: int
    size: tuple[int, int]
    counts: dict[str, int]
    render: Callable[[str, int], Picture]
    pixelwise: bool = False
    chunk: int = 125
    """Pictures in one piece of work; progress is reported after each piece."""
    alone: int = 500
    """Up to this many pictures are drawn in this process: starting helpers, which import torch, would take longer."""

    def entry(
        self,
        argument: str | None,
        title: str,
        classes: tuple[str, ...],
        *,
        palette: tuple[tuple[int, int, int], ...] = (),
        mirror: bool = False,
    ) -> Dataset:
        """The data set for the registry. Raises ValueError for an argument, since there are no variants."""
        if argument:
            raise ValueError(f"{self.name} takes no argument, but was given {argument!r}: write just '{self.name}'.")
        things = "scenes" if self.pixelwise else "pictures"
        return Dataset(
            name=self.name,
            title=title,
            task="segmentation" if self.pixelwise else "classification",
            classes=classes,
            size=self.size,
            load=self.load,
            mirror=mirror,
            palette=palette,
            drawn=True,
            counts=self.counts,
            source=f"Drawn by PlainSight itself: free to use, nothing to download, the same {things} everywhere.",
        )

    def check(self, split: str, index: int = 0) -> None:
        """Raises ValueError for an unknown split or picture number."""
        if split not in self.counts:
            raise ValueError(f"{self.name} has no split {split!r}; choose one of {', '.join(self.counts)}.")
        if not 0 <= index < self.counts[split]:
            last = self.counts[split] - 1
            raise ValueError(f"{self.name} has no {split} picture {index}; the index goes from 0 to {last}.")

    def load(self, split: str, limit: int | None = None, progress: Progress | None = None) -> Split:
        """The first `limit` pictures of a split (None: all): images uint8 (N,C,H,W), labels (N) or uint8 (N,H,W).

        A whole split is drawn once and cached, where the disk allows; fewer pictures are drawn on the spot. `progress`
        is called with (done, total). Raises ValueError for an unknown split or a limit below 1.
        """
        self.check(split)
        total = self.counts[split]
        if limit is not None and limit < 1:
            raise ValueError(f"limit is {limit}, but it must be at least 1 (or None for all {total} images).")
        count = total if limit is None else min(limit, total)
        path = self.path(split)
        pictures = self._read(path, total)
        if pictures is None:
            pictures = self._draw(split, count, progress)
            if count == total:
                try:
                    _write(path, pictures)
                except OSError as error:  # a full or read-only disk: they are in memory
                    logging.getLogger(__name__).warning(
                        "%s cannot be cached (%s); it is drawn again whenever it is needed.", path, error
                    )
        return Split(pictures.images[:count], pictures.labels[:count])

    def path(self, split: str) -> Path:
        """The file in which a whole split is cached."""
        return cache_root() / f"{self.name}-v{self.version}" / f"{split}.safetensors"

    def piece(self, split: str, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Pictures `start` to `stop`, uint8 (N,H,W,3), and their labels."""
        images, labels = zip(*(self.render(split, index) for index in range(start, stop)), strict=True)
        return np.stack(images), np.array(labels, self._kind)

    @property
    def _kind(self) -> type[np.generic]:
        return np.uint8 if self.pixelwise else np.int64

    def _draw(self, split: str, count: int, progress: Progress | None) -> Split:
        images: list[np.ndarray] = []
        labels: list[np.ndarray] = []
        for some, classes in self._pieces(split, count):
            images.append(some)
            labels.append(classes)
            if progress:
                progress(sum(map(len, images)), count)
        pictures = torch.from_numpy(np.concatenate(images)).permute(0, 3, 1, 2).contiguous()
        return Split(pictures, torch.from_numpy(np.concatenate(labels)))

    def _pieces(self, split: str, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All pieces of work in order, drawn in this process or by helper processes."""
        spans = [(start, min(start + self.chunk, count)) for start in range(0, count, self.chunk)]
        workers = min(os.cpu_count() or 1, 8, len(spans))
        if count <= self.alone or workers == 1:
            yield from (self.piece(split, *span) for span in spans)
            return
        # Plain processes that write pixels to a pipe: forking under threads can hang, and a spawned pool would run
        # the caller's main script again.
        with ExitStack() as stack:
            helpers = [stack.enter_context(self._helper(split, spans[place::workers])) for place in range(workers)]
            for number, (start, stop) in enumerate(spans):
                n, helper = stop - start, helpers[number % workers]
                images = self._received(helper, np.uint8, (n, *self.size, 3))
                yield images, self._received(helper, self._kind, (n, *self.size) if self.pixelwise else (n,))

    def _helper(self, split: str, spans: list[tuple[int, int]]) -> "subprocess.Popen[bytes]":
        """A process that draws these spans and writes the bytes of pictures and labels in turn."""
        program = (
            # Ctrl+C is for the process that reads, whose end ends this one too
            "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
            "if hasattr(signal, 'SIGPIPE'): signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n"
            f"import sys; from core.datasets.{self.name} import DRAWN\n"
            f"for span in {spans!r}:\n"
            f"    for part in DRAWN.piece({split!r}, *span): sys.stdout.buffer.write(part.tobytes())"
        )
        paths = os.pathsep.join(filter(None, (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH"))))
        # One thread, since there is a helper for each core. The C library keeps freed memory: by default it gives the
        # arrays of each picture back to the system, which is slow.
        keep = str(2**27)
        tuned = {"OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": keep, "MALLOC_TRIM_THRESHOLD_": keep}
        environment = {**os.environ, **tuned, "PYTHONPATH": paths}
        return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment)

    def _received(
        self, helper: "subprocess.Popen[bytes]", kind: type[np.generic], shape: tuple[int, ...]
    ) -> np.ndarray:
        assert helper.stdout is not None
        size = int(np.prod(shape)) * np.dtype(kind).itemsize
        found = helper.stdout.read(size)
        if len(found) < size:
            raise RuntimeError(f"A process that draws the data set {self.name} ended early; try again.")
        return np.frombuffer(found, kind).reshape(shape)

    def _read(self, path: Path, count: int) -> Split | None:
        """The cached split, or None if the file is missing, damaged or of another layout."""
        try:
            tensors = read_tensors(path)
        except FileError:
            return None
        images, labels = tensors.get("images"), tensors.get("labels")
        shape = (count, *self.size) if self.pixelwise else (count,)
        if images is None or labels is None or images.shape != (count, 3, *self.size) or labels.shape != shape:
            return None
        kind = torch.uint8 if self.pixelwise else torch.int64
        return Split(images, labels) if images.dtype == torch.uint8 and labels.dtype == kind else None


def _write(path: Path, split: Split) -> None:
    """Write to a temporary file and rename it, so that no reader sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob("*.tmp"):
        with suppress(OSError):  # another process may have just removed it
            if time.time() - left.stat().st_mtime > STALE:  # of a process that was killed
                left.unlink()
    unfinished = path.with_name(f"{path.name}.{uuid4().hex}.tmp")
    tensors = {"images": split.images, "labels": split.labels}
    try:
        save_file(tensors, unfinished, sealed(tensors, {}))
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except SafetensorError as error:  # as which a full disk comes
        raise OSError(str(error)) from error
    finally:
        unfinished.unlink(missing_ok=True)
