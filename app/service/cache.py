"""What all visitors share in memory: entries are found by what they were made from, never by who asked."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from torch import Tensor, nn

from app.service.types import Look, Visibility
from core.checkpoints.replay import Replay
from core.checkpoints.results import Results
from core.checkpoints.store import Checkpoint
from core.datasets import Split
from core.evaluation import resemblance

if TYPE_CHECKING:
    from app.service.outcomes import Outcome

Value = TypeVar("Value")
Stamps = tuple[int, ...]
"""When each file of a model folder was last written."""


class LRUCache(Generic[Value]):
    """At most `size` values; the one that nobody has asked for longest goes first."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._entries: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> Value | None:
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def put(self, key: Hashable, value: Value) -> Value:
        with self._lock:
            self._entries[key] = value
            self._entries.move_to_end(key)
            while len(self._entries) > self.size:
                self._entries.popitem(last=False)
        return value

    def get_or_make(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value under `key`; made outside the lock, so that a slow one keeps nobody waiting."""
        found = self.get(key)
        return self.put(key, make()) if found is None else found

    def clear(self) -> None:
        """Forget every value."""
        with self._lock:
            self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)


class Caches:
    """Every cache of the app in one place; each is bounded, and everything in them can be made again.

    `left_out` is no cache: the model folders that cannot be read, with the state of their files, their name and why.
    """

    def __init__(self) -> None:
        self.places: LRUCache[tuple[tuple[Path, int], ...]] = LRUCache(2)
        """The folders that models are looked for in, and when they were last changed, as it was a moment ago."""
        self.checkpoints: LRUCache[list[Checkpoint]] = LRUCache(2)
        self.models: LRUCache[nn.Module] = LRUCache(12)
        self.results: LRUCache[Results] = LRUCache(512)
        self.deltas: LRUCache[dict[str, Tensor]] = LRUCache(48)
        self.replays: LRUCache[Replay] = LRUCache(8)
        self.sprites: LRUCache[str] = LRUCache(8)
        """The frames of replays as one picture each."""
        self.talks: LRUCache[str] = LRUCache(2)
        """The talk as a page of its own."""
        self.splits: LRUCache[Split] = LRUCache(8)
        self.visibilities: LRUCache[Visibility] = LRUCache(512)
        self.answers: LRUCache[tuple[list[int], list[int]]] = LRUCache(512)
        """Predicted classes of a sheet of images, clean and attacked."""
        self.label_maps: LRUCache[Tensor] = LRUCache(256)
        """Predicted label maps of a sheet of scenes."""
        self.patterns: LRUCache[str] = LRUCache(256)
        """Patterns alone, as addresses of pictures."""
        self.files: LRUCache[str] = LRUCache(64)
        """Patterns with what is known of them, as addresses of files to take home."""
        self.drawn: LRUCache[str] = LRUCache(1024)
        """Held-out images with stored patterns, as addresses of pictures."""
        self.forming_answers: LRUCache[tuple[list[int], list[int]]] = LRUCache(16)
        self.forming_drawn: LRUCache[str] = LRUCache(32)
        """The same under patterns that are still forming: they change often, and would push out what lasts."""
        self.looks: LRUCache[Look] = LRUCache(32)
        """What models see in a scene, drawn, without its numbers."""
        self.scenes_with: LRUCache[tuple[int, ...]] = LRUCache(64)
        """Which held-out scenes have a class, counted from 0."""
        self.scenes: LRUCache[resemblance.Scenes] = LRUCache(2)
        """The held-out scenes of a data set, prepared to be compared with patterns."""
        self.crafted: LRUCache[Outcome] = LRUCache(128)
        """The outcomes of finished live runs."""
        self.clean_predictions: LRUCache[Tensor] = LRUCache(16)
        """Predicted classes of all held-out images without a perturbation."""
        self.derived: LRUCache[Any] = LRUCache(128)
        """What pages derive from the results of all models of a group (`catalogue.derived`)."""
        self.left_out: dict[Path, tuple[Stamps, str, str]] = {}
        self.lock = Lock()
        """Guards `left_out`."""

    def clear(self) -> None:
        """Forget everything, as a new process would have it."""
        for cache in vars(self).values():
            if isinstance(cache, LRUCache):
                cache.clear()
        with self.lock:
            self.left_out.clear()


caches = Caches()
"""The caches of this process."""
