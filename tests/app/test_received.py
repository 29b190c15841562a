"""What visitors send becomes an upright picture in 8-bit RGB, or one sentence that says what it is and what fits."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from app.service import received


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def corners(image: Image.Image) -> list[tuple[int, ...]]:
    return [image.getpixel(place) for place in ((0, 0), (image.width - 1, 0))]


RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


@pytest.fixture
def halves() -> Image.Image:
    """Red on the left, blue on the right, twice as wide as high."""
    image = Image.new("RGB", (40, 20), RED)
    image.paste(BLUE, (20, 0, 40, 20))
    return image


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "TIFF", "PPM", "WEBP", "JPEG2000", "AVIF", "JPEG"])
def test_each_kind_that_the_sentence_names_is_read(kind: str, halves: Image.Image) -> None:
    lossless = {"WEBP": {"lossless": True}, "AVIF": {"quality": 100}, "JPEG": {"quality": 100}}.get(kind, {})
    found = received.read(encoded(halves, kind, **lossless), f"halves.{kind.lower()}")
    assert (found.image.mode, found.image.size, found.width, found.height) == ("RGB", (40, 20), 40, 20)
    assert np.abs(np.subtract(corners(found.image), [RED, BLUE])).max() < 12


@pytest.mark.parametrize(("orientation", "size"), [(1, (40, 20)), (3, (40, 20)), (6, (20, 40)), (8, (20, 40))])
def test_a_picture_stands_as_its_exif_data_says(orientation: int, size: tuple[int, int], halves: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = received.read(encoded(halves, "JPEG", exif=exif, quality=100), "photo.jpg").image
    assert image.size == size
    red_first = {1: True, 3: False, 6: True, 8: False}[orientation]
    assert np.abs(np.subtract(image.getpixel((2, 2)), RED if red_first else BLUE)).max() < 12


def test_transparent_pixels_lie_over_white() -> None:
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    clear.putpixel((0, 0), (255, 0, 0, 255))
    assert corners(received.read(encoded(clear, "PNG"), "clear.png").image) == [RED, WHITE]
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([*RED, *BLUE])
    found = received.read(encoded(palette, "PNG", transparency=1), "palette.png").image
    assert corners(found) == [WHITE, WHITE]


def test_sixteen_bits_grey_and_cmyk_become_eight_bits_in_colour() -> None:
    ramp = Image.fromarray(np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16))
    found = np.asarray(received.read(encoded(ramp, "PNG"), "deep.png").image)
    assert np.array_equal(found[..., 0], np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16) >> 8)
    assert np.ptp(found, axis=2).max() == 0
    grey = received.read(encoded(Image.new("L", (4, 4), 77), "PNG"), "grey.png").image
    assert corners(grey) == [(77, 77, 77)] * 2
    printed = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    assert np.abs(np.subtract(corners(received.read(encoded(printed, "JPEG"), "print.jpg").image)[0], RED)).max() < 12


def test_twelve_bits_in_sixteen_are_refused_instead_of_shown_black() -> None:
    dark = Image.fromarray(np.full((8, 8), 4000, np.uint16))
    with pytest.raises(ValueError, match=r"reach only 4000 of 65535 \(in dark.png\)"):
        received.read(encoded(dark, "PNG"), "dark.png")


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("IMG_1.HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64), "a HEIC picture"),
        ("live.heif", b"\0\0\0\x18ftypmif1\0\0\0\0mif1heix" + bytes(64), "a HEIC picture"),
        ("film.mp4", b"\0\0\0\x20ftypisom\0\0\x02\0" + bytes(64), "a film"),
        ("film.webm", b"\x1a\x45\xdf\xa3" + bytes(64), "a film"),
        ("paper.pdf", b"%PDF-1.7\n" + bytes(64), "a PDF"),
        ("sign.svg", b'<?xml version="1.0"?>\n<svg xmlns="x"></svg>', "a drawing (SVG)"),
        ("notes.txt", b"These are only words, and no picture.", "a text"),
        ("letter.docx", b"PK\x03\x04" + bytes(64), "an archive or a document"),
        ("figure.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n", "a PostScript file"),
        ("layers.psd", b"8BPS\0\1" + bytes(64), "a Photoshop file"),
        ("song.mp3", b"ID3\4" + bytes(64), "a sound"),
    ],
)
def test_other_files_are_refused_in_one_sentence(name: str, data: bytes, kind: str) -> None:
    with pytest.raises(ValueError) as refused:
        received.read(data, name)
    assert str(refused.value) == f"{name} is {kind}, and {received.FIT} can be read."


def test_what_is_damaged_empty_unknown_or_too_large_is_refused(halves: Image.Image) -> None:
    whole = encoded(halves, "PNG")
    for data, says in (
        (whole[: len(whole) // 2], r"^half.png cannot be read as an image: .*truncated"),
        (b"", r"^half.png is empty, and JPEG"),
        (bytes(range(1, 256)), r"^half.png cannot be read as an image: its format is unknown\.$"),
        (bytes(received.LARGEST + 1_000_000), r"^half.png has 21 MB, and JPEG"),
    ):
        with pytest.raises(ValueError, match=says):
            received.read(data, "half.png")


def bomb(width: int, height: int) -> bytes:
    """A PNG file of a few bytes that speaks of very many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("size", "says"),
    [((10_000, 9_000), "has 10,000 x 9,000 pixels"), ((60_000, 60_000), "has very many pixels")],
)
def test_a_bomb_is_refused_before_it_goes_off(size: tuple[int, int], says: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=f"^bomb.png {says}, and up to 64 million can be read"):
            received.read(bomb(*size), "bomb.png")


@pytest.mark.parametrize("size", [(1, 1), (3000, 2000), (5000, 40)])
def test_large_pictures_are_scaled_down_and_keep_their_shape(size: tuple[int, int]) -> None:
    found = received.read(encoded(Image.new("RGB", size, BLUE), "PNG"), "size.png")
    assert (found.width, found.height) == size
    assert found.image.width * found.image.height <= received.KEPT * 1.01
    assert found.image.width / found.image.height == pytest.approx(size[0] / size[1], rel=0.02)
    assert corners(found.image) == [BLUE, BLUE]


def test_a_name_shows_no_folders_and_is_not_too_long() -> None:
    assert received.named("C:\\secret\\cat.jpg") == "cat.jpg"
    long = received.named("a" * 300 + ".jpeg")
    assert len(long) == received.NAMED
    assert long.endswith(".jpeg")
    assert received.named("a\x00b\n") == "ab"
