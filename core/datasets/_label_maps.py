"""Pictures and their label maps on disk, read as a split; shared by `camvid`, `cityscapes` and `pairs`.

N images, C channels, H W height and width.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from core.datasets import Split
from core.datasets._pictures import Levels, agree, fitted, loaded, opened, pictures_in
from core.datasets.labels import IGNORE

Colour = tuple[int, int, int]
Pairs = Sequence[tuple[Path, Path]]
IMAGE_ENDING = "_leftImg8bit"
LABEL_ENDINGS = (
    *("_L", "_gt", "_label", "_labels", "_mask", "_labelIds", "_labelTrainIds"),
    *("_gtFine_labelIds", "_gtFine_labelTrainIds"),
)
"""What may follow the name of an image in the name of its label map."""
_LOSSY = ("AVIF", "JPEG", "JPEG2000", "MPO", "WEBP")


@dataclass(frozen=True)
class Coding:
    """How the values of label maps are read."""

    classes: int
    decode: Callable[[np.ndarray], np.ndarray]
    """Turns stored numbers (H,W) into class numbers, IGNORE for pixels without a class; other values are kept."""
    colours: Mapping[Colour, int] = field(default_factory=dict)
    """The class number, or IGNORE, of each colour; empty if label maps hold numbers only."""
    hint: str = ""
    """Advice that is appended to the message about a value that is no class."""
    declared: bool = True
    """Whether the user declared that IGNORE is no class; if not, it may be the white of a mask."""


def matched(images: Path, labels: Path) -> list[tuple[Path, Path]]:
    """(image, label map) pairs, sorted by name; names are equal apart from suffixes and LABEL_ENDINGS.

    Raises FileNotFoundError for a missing folder; ValueError for a folder without pictures, an image with no label
    map or several, and two images of the same name.
    """
    found, maps = (pictures_in(folder, f"The folder {folder.name}") for folder in (images, labels))
    maps_by_stem = _by_stem(maps)
    for path, *others in _by_stem(found).values():
        if others:
            raise ValueError(f"Two images have the same name: {path} and {others[0].name}.")
    stems = {path.stem for path in found}
    pairs, unmatched = [], []
    for path in found:
        base = path.stem.removesuffix(IMAGE_ENDING)
        names = {path.stem, base} | {f"{base}{ending}" for ending in LABEL_ENDINGS} - stems
        fitting = sorted(label_map for name in names for label_map in maps_by_stem.get(name, []))
        if len(fitting) > 1:
            raise ValueError(f"{path} has several label maps: {fitting[0]} and {fitting[1].name}; keep one of them.")
        pairs += [(path, label_map) for label_map in fitting]
        unmatched += [] if fitting else [path]
    if unmatched:
        raise ValueError(
            f"{len(unmatched)} of {len(found)} images lack a label map: there is no {labels / unmatched[0].stem}.png."
        )
    return pairs


def _by_stem(paths: Iterable[Path]) -> dict[str, list[Path]]:
    stems: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        stems[path.stem].append(path)
    return stems


def read(pairs: Pairs, size: tuple[int, int], limit: int | None, coding: Coding) -> Split:
    """Read the first `limit` pairs of image and label map, in a fixed shuffled order.

    Both are scaled to cover (height, width) and cropped in the middle; label maps are not interpolated.
    Raises ValueError that names the file.
    """
    order = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(0)).tolist()[:limit]
    chosen = [pairs[index] for index in order]

    def load(pair: tuple[Path, Path]) -> tuple[np.ndarray, np.ndarray, Levels | None]:
        (image, levels), labels = opened(pair[0]), numbers(pair[1], coding)
        (down, across), (w, h) = labels.shape, image.size
        if (w, h) != (across, down):
            raise ValueError(f"{pair[0]} is {w}x{h} pixels and its label map {pair[1].name} {across}x{down}.")
        picture = fitted(image, size, Image.Resampling.BILINEAR)
        scaled = fitted(Image.fromarray(labels), size, Image.Resampling.NEAREST)
        return np.asarray(picture), np.asarray(scaled), levels

    with ThreadPoolExecutor(4) as pool:
        images, labels, levels = zip(*pool.map(load, chosen), strict=True)
    agree(zip((image for image, _ in chosen), levels, strict=True))
    return Split(
        torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(np.stack(labels))
    )


def unlabelled(split: Split, pairs: Pairs, coding: Coding) -> list[int]:
    """The classes that no pixel of the split or of the label maps in `pairs` has, if that is suspicious.

    It is suspicious if no pixel has any class, or if pixels of value IGNORE occur and were not declared to have no
    class. Label maps are read only until every class was seen.
    """
    unseen = {number for number in range(coding.classes) if not (split.labels == number).any()}
    suspicious = False
    for _, path in pairs:
        if not unseen or (coding.declared and len(unseen) < coding.classes):
            return []
        stored = _stored(path, coding)
        labels = _decoded(path, stored, coding)
        unseen -= {number for number in unseen if (labels == number).any()}
        suspicious |= stored.ndim == 2 and bool((stored == IGNORE).any())
    return sorted(unseen) if suspicious or len(unseen) == coding.classes else []


def numbers(path: Path, coding: Coding) -> np.ndarray:
    """The class numbers uint8 (H,W) of a label map, IGNORE for pixels without a class. Raises ValueError."""
    labels = _decoded(path, _stored(path, coding), coding)
    odd = labels[((labels < 0) | (labels >= coding.classes)) & (labels != IGNORE)]
    if odd.size:
        value = odd.min() if odd.min() < 0 else odd.max()
        raise ValueError(
            f"{path} has the value {value}; a label map holds class numbers 0 to {coding.classes - 1}, or {IGNORE} for "
            f"none{coding.hint}."
        )
    return labels.astype(np.uint8)


def _decoded(path: Path, stored: np.ndarray, coding: Coding) -> np.ndarray:
    """Class numbers (H,W), IGNORE for pixels without a class; numbers that are no class are kept."""
    return _by_colour(path, stored, coding.colours) if stored.ndim == 3 else coding.decode(stored)


def _stored(path: Path, coding: Coding) -> np.ndarray:
    """The content of a label map: numbers (H,W), or colours (H,W,3) if these are to be decoded. Raises ValueError."""
    image = loaded(path)
    if image.format in _LOSSY or image.info.get("compression") == "jpeg":
        raise ValueError(f"{path} is a {image.format} file, which changes labels when it is saved; use PNG.")
    values = np.asarray(image)
    if image.mode in ("LA", "PA", "RGBA"):
        if (values[..., -1] != 255).any():
            raise ValueError(f"{path} has transparent pixels; a pixel without a class has the value {IGNORE}.")
        values = values[..., :-1]
    elif values.ndim == 3 and image.mode != "RGB":
        raise ValueError(f"{path} is a {image.mode} picture; a label map has one band, or the colours of a palette.")
    if values.ndim == 3 and values.shape[-1] == 3:
        if coding.colours:
            return values
        if (values != values[..., :1]).any():
            raise ValueError(
                f"{path} has no single band; colours are read where classes.json gives each class its own in `palette`."
            )
    if image.mode == "P" and coding.colours:
        _check_palette(path, image, coding)
    band = _as_stored(path, values[..., 0] if values.ndim == 3 else values)
    if band.dtype.kind == "f":
        whole = np.isfinite(band) & (band == np.round(band)) & (np.abs(band) < 2**31)
        if not whole.all():
            raise ValueError(f"{path} has the value {band[~whole][0]:g}, which is no class number.")
        band = band.astype(np.int64)
    return band.astype(np.uint8) if band.dtype == bool else band


def _by_colour(path: Path, values: np.ndarray, colours: Mapping[Colour, int]) -> np.ndarray:
    """The class numbers (H,W) of colours (H,W,3). Raises ValueError that names a colour which is not listed."""
    red, green, blue = np.moveaxis(values.astype(np.int32), -1, 0)
    codes, labels = _code(red, green, blue), np.full(red.shape, -1, np.int16)
    for colour, number in colours.items():
        labels[codes == _code(*colour)] = number
    if (labels < 0).any():
        unknown, counts = np.unique(codes[labels < 0], return_counts=True)
        code = int(unknown[counts.argmax()])
        raise ValueError(
            f"{path} has colours that no class has in the `palette` of classes.json, {len(unknown)} in number, mostly "
            f"{[code >> 16, code >> 8 & 255, code & 255]}; `ignore` lists colours without a class."
        )
    return labels


def _code(red: Any, green: Any, blue: Any) -> Any:
    return red << 16 | green << 8 | blue


def _check_palette(path: Path, image: Image.Image, coding: Coding) -> None:
    """Raises ValueError if the colours of a palette picture stand for other classes than its numbers."""
    own = np.array(image.getpalette("RGB")).reshape(-1, 3).tolist()
    held = [number for number in np.unique(np.asarray(image)).tolist() if number < len(own)]
    meant = [coding.colours.get(tuple(own[number])) for number in held]
    # the number for no class often has the black of a class, and colours of no class are for viewing only
    if None not in meant and len(set(meant)) == len(meant) and meant != coding.decode(np.array(held)).tolist():
        raise ValueError(
            f"{path} holds the numbers {held} in the colours of the classes {meant}; save it as RGB if colours count."
        )


def _as_stored(path: Path, values: np.ndarray) -> np.ndarray:
    """The values (H,W) as the file stores them; Pillow stretches those of grey pictures with few bits."""
    with Image.open(path) as image:
        codec, args = (image.tile[0][0], image.tile[0][3]) if image.tile else ("", None)
    if codec.startswith("ppm") and isinstance(args, tuple):
        return np.round(values * (args[1] / (65535 if image.mode == "I" else 255))).astype(np.int64)
    raw = args[0] if isinstance(args, tuple) else args
    return values // {"L;2": 85, "L;4": 17}[raw] if raw in ("L;2", "L;4") else values
