"""The pictures of visitors: in memory only, a few for each, gone with the page and after an hour at the latest.

An album is found by the visitor's session hash in events of the page, and by its secret key in requests of the page's
scripts (`app.intake`). No other cache of the app holds anything that was made from these pictures.
"""

import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import Any

from app.service.received import Received
from app.session import Session

PICTURES = 8
"""Pictures of a visitor that are kept, the last ones."""
ALBUMS = 256
"""Visitors whose albums are kept."""
BYTES = 256_000_000
"""Memory of all pictures together."""
HOUR = 3600.0
"""Seconds that a picture is kept."""
GRACE = 10.0
"""Seconds that a page may be without its connection: a browser connects anew after 3 to 5 seconds."""
ANSWERS = 48
"""What is remembered of a picture: crops, and answers under patterns."""


@dataclass(eq=False)
class OwnPicture:
    """One picture of a visitor; `at` is where along its longer side the crop lies, in percent."""

    token: str
    name: str
    received: Received
    added: float
    at: int = 50
    known: OrderedDict[Any, Any] = field(default_factory=OrderedDict)

    @property
    def size(self) -> int:
        """Bytes of memory."""
        return 3 * self.received.image.width * self.received.image.height

    def remembered(self, key: Any) -> Any:
        """What was made from this picture before; None if nothing was."""
        return self.known.get(key)

    def remember(self, key: Any, value: Any) -> None:
        """Keep what was made from this picture, as long as the picture is kept."""
        self.known[key] = value
        while len(self.known) > ANSWERS:
            self.known.popitem(last=False)


@dataclass(eq=False)
class Album:
    """The pictures of one visitor by their tokens, the latest last; `shown` is the page's session and both patterns."""

    key: str
    visitor: str
    pictures: OrderedDict[str, OwnPicture] = field(default_factory=OrderedDict)
    chosen: str = ""
    shown: tuple[Session, Mapping[str, Any]] | None = None
    sentences: list[str] = field(default_factory=list)
    """What is to be said to the visitor: files that could not be read, pictures that had to go."""
    turn: int = 0
    """Grows each time the page is drawn."""

    @property
    def large(self) -> OwnPicture | None:
        """The picture that is shown large: the chosen one, else the latest."""
        return self.pictures.get(self.chosen) or next(reversed(self.pictures.values()), None)

    def said(self) -> str:
        """The sentences, which are forgotten then."""
        sentences, self.sentences = self.sentences, []
        return " ".join(sentences)


class Albums:
    """The albums of all visitors under one lock; a thread of its own drops what is due."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = Condition()
        self._albums: OrderedDict[str, Album] = OrderedDict()
        self._connected: Counter[str] = Counter()
        self._leaving: dict[str, float] = {}
        self._sweeper: Thread | None = None

    def open(self, visitor: str) -> Album:
        """The visitor's album, empty if there was none; one without a visitor is kept nowhere."""
        with self._changed:
            self._drop_due()
            album = self._albums.get(visitor)
            if album is None:
                album = Album(secrets.token_urlsafe(24), visitor)
                if not visitor:
                    return album
                self._albums[visitor] = album
            self._albums.move_to_end(visitor)
            while len(self._albums) > ALBUMS:
                self._albums.popitem(last=False)
            return album

    def by_key(self, key: str) -> Album | None:
        """The album with this key; None where it is gone, or there was none."""
        with self._changed:
            self._drop_due()
            found = [
                album for album in self._albums.values() if secrets.compare_digest(album.key.encode(), key.encode())
            ]
            return found[0] if found else None

    def add(self, album: Album, name: str, received: Received) -> OwnPicture:
        """Put a picture into the album and make it the large one; the oldest go where there are too many."""
        with self._changed:
            picture = OwnPicture(secrets.token_hex(9), name, received, self._clock())
            album.pictures[picture.token] = picture
            album.chosen = picture.token
            while len(album.pictures) > PICTURES:
                album.pictures.popitem(last=False)
            self._make_room(album)
            self._wake()
            return picture

    def remove(self, album: Album, token: str | None = None) -> None:
        """Forget one picture of the album, or all."""
        with self._changed:
            for gone in [token] if token else list(album.pictures):
                album.pictures.pop(gone, None)

    @contextmanager
    def connection(self, visitor: str) -> Iterator[None]:
        """While this lasts the visitor's page is open; the album goes GRACE seconds after."""
        with self._changed:
            self._connected[visitor] += 1
            self._leaving.pop(visitor, None)
        try:
            yield
        finally:
            with self._changed:
                self._connected[visitor] -= 1
                self._connected += Counter()  # drops those at 0
                if not self._connected[visitor] and visitor in self._albums:
                    self._leaving[visitor] = self._clock() + GRACE
                    self._wake()

    def clear(self) -> None:
        """Forget every picture."""
        with self._changed:
            self._albums.clear()
            self._leaving.clear()

    def __len__(self) -> int:
        """How many pictures are kept."""
        with self._changed:
            self._drop_due()
            return sum(len(album.pictures) for album in self._albums.values())

    def _make_room(self, own: Album) -> None:
        """Drop the pictures of those who have used the app longest ago, until the rest fits."""
        size = sum(picture.size for album in self._albums.values() for picture in album.pictures.values())
        for album in [*(each for each in self._albums.values() if each is not own), own]:
            while size > BYTES and len(album.pictures) > (album is own):
                size -= album.pictures.popitem(last=False)[1].size
                album.sentences = ["Some of your pictures had to go: too many people use this app at once."]

    def _drop_due(self) -> float | None:
        """Drop what is due, and return when the next will be."""
        now = self._clock()
        for visitor in [visitor for visitor, at in self._leaving.items() if at <= now]:
            del self._leaving[visitor]
            self._albums.pop(visitor, None)
        for album in self._albums.values():
            for token in [picture.token for picture in album.pictures.values() if picture.added + HOUR <= now]:
                del album.pictures[token]
                album.sentences = ["Pictures are kept for an hour at most; some of yours are gone."]
        due = [picture.added + HOUR for album in self._albums.values() for picture in album.pictures.values()]
        return min([*due, *self._leaving.values()], default=None)

    def _wake(self) -> None:
        if self._sweeper is None:
            self._sweeper = Thread(target=self._sweep, name="albums", daemon=True)
            self._sweeper.start()
        self._changed.notify_all()

    def _sweep(self) -> None:
        """Drop what is due when it is, also where nobody asks."""
        with self._changed:
            while True:
                due = self._drop_due()
                self._changed.wait(None if due is None else max(0.05, due - self._clock()))


albums = Albums()
"""The albums of this process."""
