"""Data sets by name, and the two that read files: torchvision's CIFAR-10 and anybody's folders."""

import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import CIFAR10

from core import datasets
from core.datasets import Dataset, Split, cifar10


def paint(path, level=0, size=(32, 32)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (level, level, level)).save(path)


# ---------------------------------------------------------------------------------------------------------------------
# The registry and what every data set does


def test_every_file_is_an_entry_and_helpers_are_not():
    assert list(datasets.registry()) == ["camvid", "cifar10", "cityscapes", "folder", "pairs", "signs", "streets"]
    assert datasets.get("signs").name == "signs"


@pytest.mark.parametrize("name", ["mnist", "", "_folders", "CIFAR10"])
def test_an_unknown_name_is_named_with_the_known_ones(name):
    with pytest.raises(ValueError, match=rf"no data set named '{name}'; known are {', '.join(datasets.registry())}"):
        datasets.get(name)
    with pytest.raises(ValueError, match="no data set named"):
        datasets.fetcher(name)


def test_only_what_must_be_downloaded_has_a_fetcher():
    assert [name for name in datasets.registry() if datasets.fetcher(name)] == ["camvid", "cifar10"]


def test_folders_follow_the_environment(own_folders, monkeypatch):
    assert datasets.data_root() == own_folders
    assert datasets.cache_root() == own_folders.parent / "cache"
    monkeypatch.delenv("PLAINSIGHT_DATA")
    monkeypatch.delenv("PLAINSIGHT_CACHE")
    assert datasets.data_root().parent == datasets.cache_root()


def spying(asked, **settings):
    def load(split, limit=None):
        asked.append((split, limit))
        return Split(torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.zeros(2, dtype=torch.long))

    return Dataset("x", "X", "classification", ("cat", "dog", "7"), (4, 4), "nowhere", load, **settings)


def test_a_split_is_asked_for_by_name_and_limit():
    asked = []
    assert len(spying(asked).split("train")) == 2
    spying(asked).split("test", 1)
    assert asked == [("train", None), ("test", 1)]


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (("validation",), ValueError, "has the splits train and test, and 'validation'"),
        (("train", 0), ValueError, "At least 1 image must be taken, and 0"),
        (("train", -3), ValueError, "and -3 was given"),
        (("train",), FileNotFoundError, "get it there"),
    ],
)
def test_a_bad_split_is_named_and_nothing_is_read(arguments, error, says):
    asked = []
    with pytest.raises(error, match=says):
        spying(asked, missing="get it there").split(*arguments)
    assert asked == []


@pytest.mark.parametrize(("given", "number"), [("cat", 0), ("dog", 1), ("1", 1), ("7", 2)])
def test_a_class_is_found_by_name_or_number(given, number):
    assert spying([]).index(given) == number


@pytest.mark.parametrize("given", ["bird", "3", "-1", ""])
def test_an_unknown_class_is_named_with_the_known_ones(given):
    with pytest.raises(ValueError, match=f"has the classes cat, dog, 7, and '{given}' was given"):
        spying([]).index(given)


class TestSplit:
    SPLIT = Split(torch.arange(24, dtype=torch.uint8).reshape(4, 3, 1, 2) * 10, torch.arange(4))

    def test_a_batch_is_in_zero_to_one(self):
        images, labels = self.SPLIT.batch(torch.tensor([3, 0]))
        assert torch.allclose(images[1].flatten(), torch.arange(6) * 10 / 255)
        assert labels.tolist() == [3, 0]
        assert self.SPLIT.batch(slice(1, 3))[1].tolist() == [1, 2]

    def test_the_first_few(self):
        assert self.SPLIT.first(2).labels.tolist() == [0, 1]
        assert len(self.SPLIT.first(2).images) == 2

    @pytest.mark.parametrize("n", [0, 5])
    def test_more_or_less_than_there_are_is_refused(self, n):
        with pytest.raises(ValueError, match=f"has 4 images, so 1 to 4 can be taken, not {n}"):
            self.SPLIT.first(n)

    def test_statistics_are_per_channel(self):
        mean, std = self.SPLIT.statistics()
        pixels = self.SPLIT.images.numpy().transpose(1, 0, 2, 3).reshape(3, -1) / 255
        assert mean == pytest.approx(pixels.mean(1), abs=1e-6)
        assert std == pytest.approx(pixels.std(1, ddof=1), abs=1e-6)


# ---------------------------------------------------------------------------------------------------------------------
# CIFAR-10


def as_folders(root, each=3):
    for split in ("train", "test"):
        for label, name in enumerate(cifar10.CLASSES):
            for number in range(each):
                paint(root / "cifar10" / split / name / f"{number}.png", 20 * label + number)


def as_torchvision(root, monkeypatch, each=6):
    """The files of torchvision with a few images; their checksums are torchvision's business."""
    base = root / "cifar10" / CIFAR10.base_folder
    base.mkdir(parents=True)
    monkeypatch.setattr(CIFAR10, "_check_integrity", lambda self: True)
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda path, md5=None: True)
    for place, (name, _) in enumerate(CIFAR10.train_list + CIFAR10.test_list):
        labels = [(place + number) % 10 for number in range(each)]
        data = np.array([np.full(3072, 20 * label, np.uint8) for label in labels])
        (base / name).write_bytes(pickle.dumps({"data": data, "labels": labels}))
    (base / CIFAR10.meta["filename"]).write_bytes(pickle.dumps({"label_names": list(cifar10.CLASSES)}))


@pytest.mark.parametrize("layout", ["folders", "torchvision"])
def test_cifar10_is_read_from_either_layout(layout, own_folders, monkeypatch):
    if layout == "folders":
        as_folders(own_folders)
    else:
        as_torchvision(own_folders, monkeypatch)
    found = datasets.get("cifar10")
    assert (found.missing, found.classes, found.size, found.mirror) == (None, cifar10.CLASSES, (32, 32), True)
    train, test = found.split("train"), found.split("test")
    assert (len(train), len(test)) == ((30, 30) if layout == "folders" else (30, 6))
    assert (train.images.shape[1:], train.images.dtype, train.labels.dtype) == ((3, 32, 32), torch.uint8, torch.int64)
    assert torch.equal(train.images[:, 0, 0, 0].long() // 20, train.labels)
    assert train.labels.tolist() != sorted(train.labels.tolist())
    first = found.split("train", 7)
    assert torch.equal(first.images, train.images[:7])
    assert torch.equal(first.labels, train.labels[:7])
    assert torch.equal(found.split("train").images, train.images)


def test_absent_cifar10_says_which_command_gets_it(own_folders):
    found = datasets.get("cifar10")
    with pytest.raises(FileNotFoundError, match=r"not under .*cifar10; get it with: python -m core data fetch cifar10"):
        found.split("test")


def test_half_a_cifar10_is_absent(own_folders):
    as_folders(own_folders, each=1)
    for path in (own_folders / "cifar10" / "test" / "truck").iterdir():
        path.unlink()
    (own_folders / "cifar10" / "test" / "truck").rmdir()
    assert datasets.get("cifar10").missing


def test_damaged_files_of_torchvision_are_named(own_folders):
    (own_folders / "cifar10" / CIFAR10.base_folder).mkdir(parents=True)
    with pytest.raises(ValueError, match=r"under .*cifar10 are damaged; fetch them again"):
        datasets.get("cifar10").split("train")


def test_cifar10_takes_no_argument(own_folders):
    with pytest.raises(ValueError, match="takes no argument, and 'x' was given"):
        datasets.get("cifar10:x")


def test_fetch_downloads_through_torchvision(own_folders, monkeypatch):
    asked = []
    monkeypatch.setattr("torchvision.datasets.CIFAR10", lambda root, download: asked.append((root, download)))
    assert datasets.fetcher("cifar10")() == own_folders / "cifar10"
    assert asked == [(str(own_folders / "cifar10"), True)]


# ---------------------------------------------------------------------------------------------------------------------
# Anybody's folder


@pytest.fixture
def tree(tmp_path):
    """Cats are black and dogs are white, 20 wide and 16 high; two of each to train on and one to test."""
    for split, each in (("train", 2), ("test", 1)):
        for name, level in (("cat", 0), ("dog", 255)):
            for number in range(each):
                paint(tmp_path / split / name / f"{number}.png", level, (20, 16))
    (tmp_path / "train" / "cat" / "notes.txt").write_text("not an image")
    return tmp_path


def test_a_folder_is_a_data_set(tree):
    found = datasets.get(f"folder:{tree}")
    assert (found.name, found.title, found.classes, found.size) == (
        f"folder:{tree}",
        tree.name,
        ("cat", "dog"),
        (16, 20),
    )
    train = found.split("train")
    assert train.images.shape == (4, 3, 16, 20)
    assert torch.equal(train.images[:, 0, 0, 0].long(), train.labels * 255)
    assert len(found.split("test")) == 2
    assert len(found.split("train", 3)) == 3


@pytest.mark.parametrize("suffix", [".png", ".JPG", ".jpeg", ".bmp", ".webp"])
def test_usual_formats_and_grey_images_are_read(tree, suffix):
    Image.new("L", (20, 16), 255).save(tree / "test" / "dog" / f"grey{suffix}")
    assert len(datasets.get(f"folder:{tree}").split("test")) == 3


def test_other_sizes_are_scaled_to_cover_and_cropped_in_the_middle(tree):
    strip = np.zeros((16, 48, 3), np.uint8)
    strip[:, 16:32] = 200  # the middle third
    for path in (tree / "test" / "dog").iterdir():
        Image.fromarray(strip).save(path)
    found = datasets.get(f"folder:{tree}@8").split("test")
    assert found.images.shape == (2, 3, 8, 8)
    dog = found.images[found.labels == 1].float()
    assert dog[..., 1:-1].mean() == pytest.approx(200, abs=6)


@pytest.mark.parametrize("size", [8, 33, 50])
def test_the_size_can_be_asked_for(tree, size):
    found = datasets.get(f"folder:{tree}@{size}")
    assert found.size == (size, size)
    assert found.split("train").images.shape == (4, 3, size, size)


def test_every_prefix_is_a_fair_sample(tmp_path):
    for split in ("train", "test"):
        for name in ("a", "b", "c", "d"):
            for number in range(40):
                paint(tmp_path / split / name / f"{number:02}.png", size=(2, 2))
    labels = datasets.get(f"folder:{tmp_path}").split("train", 40).labels
    assert labels.bincount(minlength=4).min() >= 4


def unreadable(tree):
    (tree / "train" / "dog" / "1.png").write_bytes(b"no image")


def truncated(tree):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tree / "train" / "dog" / "1.png")
    whole = (tree / "train" / "dog" / "1.png").read_bytes()
    (tree / "train" / "dog" / "1.png").write_bytes(whole[: len(whole) // 2])


def unreadable_first(tree):
    (tree / "train" / "cat" / "0.png").write_bytes(b"no image")


def remove(folder):
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("damage", "name", "error", "says"),
    [
        (None, "folder", ValueError, "is named as folder:PATH"),
        (None, "folder:", ValueError, "is named as folder:PATH"),
        (None, "folder:{}@", ValueError, "size after @ is a number of pixels, and '' was given"),
        (None, "folder:{}@0", ValueError, "and '0' was given"),
        (None, "folder:{}@-8", ValueError, "and '-8' was given"),
        (None, "folder:{}@big", ValueError, "and 'big' was given"),
        (None, "folder:{}/nowhere", FileNotFoundError, "There is no folder .*nowhere/train; expected"),
        (
            lambda t: (t / "test").rename(t / "exam"),
            "folder:{}",
            FileNotFoundError,
            "There is no folder .*test; expected",
        ),
        (lambda t: (t / "test" / "cat").rename(t / "test" / "cow"), "folder:{}", ValueError, "the same class folders"),
        (lambda t: (t / "test" / "cow").mkdir(), "folder:{}", ValueError, "the same class folders"),
        (
            lambda t: [(t / s / "dog").rename(t / f"{s}-dog") for s in ("train", "test")],
            *("folder:{}", ValueError, "at least two"),
        ),
        (unreadable, "folder:{}", ValueError, r"dog.1\.png cannot be read as an image"),
        (truncated, "folder:{}", ValueError, r"dog.1\.png cannot be read as an image"),
        (unreadable_first, "folder:{}", ValueError, r"cat.0\.png cannot be read as an image"),
        (
            lambda t: [remove(t / "train" / c) for c in ("cat", "dog")],
            "folder:{}",
            ValueError,
            "There are no images under",
        ),
        (lambda t: [remove(t / "train" / c) for c in ("cat", "dog")], "folder:{}@8", ValueError, "There are no images"),
    ],
)
def test_a_bad_folder_is_named(tree, damage, name, error, says):
    if damage:
        damage(tree)
    with pytest.raises(error, match=says):
        datasets.get(name.format(tree)).split("train")
