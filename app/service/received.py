"""Pictures that visitors send: from the bytes of a file to 8-bit RGB, in memory only. Nothing here writes a file."""

import io
import re
import warnings
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from PIL import Image

from core.datasets._pictures import agree, opened

LARGEST = 20_000_000
"""Bytes of a file that are taken."""
MOST = 64_000_000
"""Pixels of a picture that are read: what a camera makes, at 200 MB of memory while it is scaled down."""
KEPT = 1_000_000
"""Pixels of a picture that are kept; models see fewer."""
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
"""The kinds that are read, as Pillow names them: none that other programs are called for, as for PostScript."""
FIT = "JPEG, PNG, WebP, GIF, BMP, TIFF, JPEG 2000 and AVIF pictures of up to 20 MB"
KINDS = (
    (rb"^.{4}ftyp(?!.{0,60}avi[fs])(hei|hev|mif1|msf1)", "a HEIC picture"),
    (rb"^.{4}ftyp(?!.{0,60}avi[fs])(?!jp[2x])|^\x1a\x45\xdf\xa3|^RIFF....AVI |^\x00\x00\x01[\xb3\xba]", "a film"),
    (rb"^%PDF", "a PDF"),
    (rb"^\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?(<!DOCTYPE svg[^>]*>\s*)?<svg", "a drawing (SVG)"),
    (rb"^PK\x03\x04", "an archive or a document"),
    (rb"^%!PS|^\xc5\xd0\xd3\xc6", "a PostScript file"),
    (rb"^8BPS", "a Photoshop file"),
    (rb"^(ID3|OggS|fLaC|RIFF....WAVE)", "a sound"),
    (rb"^(?!P[1-6]\s)[\t\n\r\x20-\x7e]{16,}$", "a text"),
)
"""How files of other kinds begin, and what they are."""
NAMED = 40
"""Characters of a file's name that are shown."""
_decoding = Lock()
"""One picture is decoded at a time, so that several large ones do not fill the memory together."""


class Received(NamedTuple):
    """A picture in 8-bit RGB, scaled down to what is kept, and the width and height that it came with."""

    image: Image.Image
    width: int
    height: int


def named(name: str) -> str:
    """A file's name as the page shows it: without folders and control characters, and not too long.

    >>> named("../../etc/passwd"), named("")
    ('passwd', 'The picture')
    """
    name = "".join(letter for letter in re.split(r"[/\\]", name)[-1] if letter.isprintable()).strip()
    return (name if len(name) <= NAMED else f"{name[: NAMED - 8]}…{name[-7:]}") or "The picture"


def too_large(name: str, size: int) -> str:
    """The sentence for a file of so many bytes."""
    return f"{named(name)} has {size / 1e6:,.0f} MB, and {FIT} can be read."


def read(data: bytes, name: str) -> Received:
    """The picture in the bytes of a file: upright, over white, of at most KEPT pixels.

    Raises ValueError with one sentence that names the file, what it is and what can be read.
    """
    name = named(name)
    if not data:
        raise ValueError(f"{name} is empty, and {FIT} can be read.")
    if len(data) > LARGEST:
        raise ValueError(too_large(name, len(data)))
    for begin, kind in KINDS:
        if re.match(begin, data[:1024], re.DOTALL):
            raise ValueError(f"{name} is {kind}, and {FIT} can be read.")
    Image.init()  # knows all formats from here on; the usual ones alone are known before
    with _decoding, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # _check draws a closer line
        _check(data, name)
        image, levels = opened(io.BytesIO(data), name, FORMATS)
        agree([(Path(name), levels)])
        return Received(_smaller(image), image.width, image.height)


def _check(data: bytes, name: str) -> None:
    """Raise ValueError for a picture of too many pixels, before these are made."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            pixels = image.width * image.height
            size = f"has {image.width:,} x {image.height:,} pixels"
    except Image.DecompressionBombError:
        pixels, size = MOST + 1, "has very many pixels"
    except Exception:  # what is wrong, `opened` says
        return
    if pixels > MOST:
        raise ValueError(f"{name} {size}, and up to {MOST // 1_000_000} million can be read.")


def _smaller(image: Image.Image) -> Image.Image:
    """The image scaled down to KEPT pixels, if it has more."""
    scale = (KEPT / (image.width * image.height)) ** 0.5
    if scale >= 1:
        return image
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
