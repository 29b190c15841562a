"""Views as text that is stored once: many of them share rows, figures and pictures.

A text is cut where markup begins anew, and around long runs of base64; each piece is kept once, and a view holds the
numbers of its pieces (`static/edition/store.js` puts them together).
"""

import base64
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

CUTS = re.compile(
    r'([A-Za-z0-9+/]{300,}=*)|(?=<tr|<figure|<h[123]|<p[ >]|<li)|(?=\{"x":|"layout":|"xaxis":|"yaxis":|"meta":)'
    r'|(?="annotations":)|(?=\n  ")'
)


def pieces(text: str) -> list[str]:
    """The pieces of a text, which together are the text.

    >>> pieces("<h1>One</h1><p>Two</p>")
    ['<h1>One</h1>', '<p>Two</p>']
    """
    return [piece for piece in CUTS.split(text) if piece]


class Strings:
    """Pieces of text by number; a `common` one is looked up first."""

    def __init__(self, common: "Strings | None" = None) -> None:
        self.common = common
        self._numbers: dict[str, int] = {}

    def number(self, piece: str) -> int:
        """The number of a piece: negative, from -1 down, for those of the common strings."""
        if self.common is not None and piece in self.common._numbers:
            return -1 - self.common._numbers[piece]
        return self._numbers.setdefault(piece, len(self._numbers))

    def put(self, text: str) -> int | list[int]:
        """A text as the numbers of its pieces; alone where it is one piece."""
        found = [self.number(piece) for piece in pieces(text)]
        return found[0] if len(found) == 1 else found

    def all(self) -> list[str]:
        return list(self._numbers)


class Slot(float):
    """A number that the browser will know: in a text it is `@name@`, with one digit `@name_1@`.

    What is left of 1 is `@not_name@`, and a ratio `@name_by_other@`.
    """

    def __new__(cls, name: str) -> "Slot":
        return super().__new__(cls, 0.5)

    def __init__(self, name: str) -> None:
        self.name = name

    def __format__(self, spec: str) -> str:
        digits = spec.removeprefix(".").removesuffix("f")
        return f"@{self.name}_{digits}@" if digits in ("1", "3", "4") else f"@{self.name}@"

    def __truediv__(self, other: Any) -> "Slot":
        return Slot(f"{self.name}_by_{other.name}")

    def __str__(self) -> str:
        return f"@{self.name}@"

    def __rmul__(self, other: float) -> "Slot":
        return self

    def __rsub__(self, other: float) -> "Slot":
        return Slot(f"not_{self.name}")

    def __round__(self, digits: Any = None) -> Any:
        return self


def shared(texts: Iterable[Iterable[str]]) -> Strings:
    """The pieces that more than one of these files would hold."""
    counts: Counter[str] = Counter()
    for one in texts:
        counts.update({piece for text in one for piece in pieces(text)})
    found = Strings()
    for piece, count in counts.items():
        if count > 1:
            found.number(piece)
    return found


def slug(name: str) -> str:
    """A name as part of a file's name.

    >>> slug("cifar10|resnet20/32")
    'cifar10-resnet20-32'
    """
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-")


def write(folder: Path, name: str, value: Any) -> None:
    """A value as a script that hands it to the page, compressed: unlike JSON, a browser also reads that from a disk."""
    path = folder / "data" / f"{name}.js"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    packed = base64.b64encode(zlib.compress(text.encode(), 9)).decode()
    path.write_text(f'plainsightData({json.dumps(name)},"{packed}");\n', "utf-8")
