"""Reading pictures: which files are read, how each becomes 8-bit RGB, and how it is fitted to a size."""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

SUFFIXES = frozenset(
    [
        *(".avif", ".bmp", ".gif", ".jfif", ".jp2", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif"),
        *(".tiff", ".webp"),
    ]
)
BACKGROUND = (255, 255, 255)
"""The colour behind transparent pixels: white, as in most viewers."""
LARGEST = 10_000
"""The largest side that can be asked for, in pixels."""
_DIM = 4096
"""16-bit pictures that never exceed this sixteenth of their range hold fewer bits and would be almost black."""


class Levels(NamedTuple):
    """How a picture with more than 8 bits was read: kind of numbers, value of white, and highest value."""

    kind: str
    white: int
    highest: float


class Picture(NamedTuple):
    """A picture in 8-bit RGB; `levels` is None unless it was stored with more than 8 bits."""

    image: Image.Image
    levels: Levels | None


def opened(source: Path | BinaryIO, name: str = "", formats: tuple[str, ...] | None = None) -> Picture:
    """The first frame of a file in 8-bit RGB, rotated as its EXIF data says, with transparent pixels over white.

    `name` is what messages call an open file; `formats` are the kinds that are read, as Pillow names them (default:
    all). Raises ValueError that names the file and what is wrong with it.
    """
    image, levels = loaded(source, name, formats), None
    try:
        if image.mode.startswith("I") or image.mode == "F":
            image, levels = _eight_bits(image)
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, (*BACKGROUND, 255)), image)
        return Picture(image.convert("RGB"), levels)
    except ValueError as error:
        raise ValueError(f"{name or source} cannot be read as an image: {error}.") from error


def loaded(source: Path | BinaryIO, name: str = "", formats: tuple[str, ...] | None = None) -> Image.Image:
    """The first frame of a file, rotated as its EXIF data says, in its own mode. Raises ValueError as `opened` does."""
    named = name or source
    try:
        with Image.open(source, formats=formats) as image:
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
    except UnidentifiedImageError as error:
        raise ValueError(f"{named} cannot be read as an image: its format is unknown.") from error
    except Exception as error:  # damaged files end in OSError, SyntaxError, DecompressionBombError, struct.error, ...
        raise ValueError(f"{named} cannot be read as an image: {error}") from error
    return image


def _eight_bits(image: Image.Image) -> tuple[Image.Image, Levels]:
    """A grey picture of 16 or 32 bits in 8 bits: 16-bit values lose their low byte, floats are 0 to 1 or 0 to 255."""
    values = np.asarray(image)
    low, high = float(values.min()), float(values.max())
    if image.mode != "F" and (image.mode != "I" or image.format in ("PNG", "PPM")):  # as Pillow opens these 16 bits
        kind, white = "16-bit numbers", 65535
    elif image.mode == "I":
        kind, white = "32-bit numbers", 255 if high <= 255 else 65535
    else:
        kind, white = "floats", 1 if high <= 1 else 255
    if not 0 <= low <= high <= white:  # also where a value is no number
        fits = "0 to 1, or 0 to 255" if kind == "floats" else "0 to 255, or 0 to 65535"
        raise ValueError(f"it holds {kind} from {low:g} to {high:g}, and {fits} can be read")
    grey = values >> 8 if white == 65535 else np.round(values * (255 / white))
    return Image.fromarray(grey.astype(np.uint8)), Levels(kind, white, high)


def agree(read: Iterable[tuple[Path, Levels | None]]) -> None:
    """Raises ValueError if it is unclear which value is white in the pictures of a set."""
    known = [(path, levels) for path, levels in read if levels and levels.highest > 0]
    for kind in {levels.kind for _, levels in known}:
        whites = {levels.white: path for path, levels in known if levels.kind == kind}
        if len(whites) > 1:
            small, large = min(whites), max(whites)
            raise ValueError(
                f"It is unclear which value is white: {whites[small]} holds {kind} up to {small}, and {whites[large]} "
                f"up to {large}; save the pictures of a set alike, with 8 or 16 bits."
            )
    deep = [(levels.highest, path) for path, levels in known if levels.white == 65535]
    if deep and max(deep)[0] < _DIM:
        highest, path = max(deep)
        raise ValueError(
            f"The 16-bit pictures reach only {highest:g} of 65535 (in {path}) and would be almost black; scale them to "
            "all 16 bits, or save them with 8."
        )


def fitted(image: Image.Image, size: tuple[int, int], method: Image.Resampling, at: float = 0.5) -> Image.Image:
    """The image scaled to cover (height, width) and cropped; unchanged if it has that size.

    `at` is where along the longer side the crop lies: 0 at the left or top, 1 at the right or bottom.
    """
    height, width = size
    if (image.height, image.width) == size:
        return image
    scale = max(height / image.height, width / image.width)
    image = image.resize((max(width, round(image.width * scale)), max(height, round(image.height * scale))), method)
    left, top = int((image.width - width) * at), int((image.height - height) * at)
    return image.crop((left, top, left + width, top + height))


def skipped(name: str) -> bool:
    """Whether a file or folder belongs to the operating system and not to the data set."""
    return name.startswith(".") or name in ("__MACOSX", "@eaDir")


def is_picture(name: str) -> bool:
    """Whether a file of this name is read as a picture."""
    return not skipped(name) and os.path.splitext(name)[1].lower() in SUFFIXES


def pictures_in(folder: Path, what: str) -> list[Path]:
    """The pictures in a folder, sorted by name; `what` is the subject of error messages.

    Raises FileNotFoundError if the folder is missing, ValueError if it has no pictures or its subfolders have some.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{what} has no pictures: there is no folder {folder}.")
    with os.scandir(folder) as entries:
        inside = [(entry.name, entry.is_dir()) for entry in entries if not skipped(entry.name)]
    found = sorted(folder / name for name, is_folder in inside if not is_folder and is_picture(name))
    for deeper in sorted(folder / name for name, is_folder in inside if is_folder):
        if any(is_picture(path.name) for path in deeper.rglob("*")):
            some = "more pictures" if found else "its pictures"
            raise ValueError(
                f"{what} has {some} one folder deeper, in {deeper}; move them into {folder} itself, or elsewhere."
            )
    if not found:
        kinds = sorted({os.path.splitext(name)[1].lower() or name for name, is_folder in inside if not is_folder})
        holds = f"holds only {', '.join(kinds)}, and what is read is {', '.join(sorted(SUFFIXES))}"
        raise ValueError(f"{what} has no pictures: {folder} {holds if kinds else 'is empty'}.")
    return found


def split_size(argument: str) -> tuple[Path, str | None]:
    """Split `PATH@SIZE` into the path and the text after the @, None without one; the path itself may hold an @."""
    path, at, given = argument.rpartition("@")
    whole, root = Path(argument).expanduser(), Path(path).expanduser()
    if not at or "/" in given or os.sep in given or (whole.is_dir() and not root.is_dir()):
        return whole, None
    return root, given


def parsed_side(given: str) -> tuple[int, int]:
    """SIZE as (height, width), both equal. Raises ValueError."""
    side = _pixels(given)
    if not side:
        raise ValueError(f"The size after @ is a number of pixels from 1 to {LARGEST:,}, and {given!r} was given.")
    return side, side


def parsed_size(given: str) -> tuple[int, int]:
    """`HEIGHTxWIDTH` as two numbers of pixels. Raises ValueError."""
    height, _, width = given.partition("x")
    if not (_pixels(height) and _pixels(width)):
        raise ValueError(
            f"The working size is HEIGHTxWIDTH, like 192x256, in pixels from 1 to {LARGEST:,}, and {given!r} was given."
        )
    return _pixels(height), _pixels(width)


def _pixels(given: str) -> int:
    """The number of pixels, or 0 if it is not valid."""
    return int(given) if re.fullmatch("[0-9]{1,5}", given) and int(given) <= LARGEST else 0
