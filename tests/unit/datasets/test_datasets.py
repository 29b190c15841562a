"""Data sets by name, how a picture is read, and what reads class folders: CIFAR-10, GTSRB and anybody's."""

import pickle
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from core import datasets
from core.datasets import LEAST_DEVIATION, Dataset, Split, cifar10, gtsrb


def paint(path, level=0, size=(32, 32)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (level, level, level)).save(path)


# ---------------------------------------------------------------------------------------------------------------------
# The registry and what every data set does


def test_every_file_is_an_entry_and_helpers_are_not():
    assert list(datasets.registry()) == [
        *("camvid", "cifar10", "cityscapes", "folder", "gtsrb", "pairs", "signs", "streets")
    ]
    assert datasets.get("signs").name == "signs"


@pytest.mark.parametrize("name", ["mnist", "", "_folders", "CIFAR10"])
def test_an_unknown_name_is_named_with_the_known_ones(name):
    with pytest.raises(ValueError, match=rf"no data set named '{name}'; known are {', '.join(datasets.registry())}"):
        datasets.get(name)
    with pytest.raises(ValueError, match="no data set named"):
        datasets.fetcher(name)


def test_only_what_must_be_downloaded_has_a_fetcher():
    assert [name for name in datasets.registry() if datasets.fetcher(name)] == [*("camvid", "cifar10", "gtsrb")]


@pytest.mark.parametrize("name", ["gtsrb@48", "gtsrb:48"])
def test_what_a_data_set_is_asked_for_stands_after_a_colon_or_an_at(name, own_folders):
    assert (datasets.get(name).name, datasets.get(name).size) == (name, (48, 48))
    assert datasets.fetcher(name) is gtsrb.fetch


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


@pytest.mark.parametrize(
    ("names", "given", "number"),
    [
        (("1", "10", "2"), "2", 2),
        (("1", "10", "2"), "10", 1),
        (("1", "10", "2"), "0", None),
        (("00", "01"), "1", None),
        (("a", "1", "2"), "0", 0),
        (("a", "1", "2"), "1", 1),
    ],
)
def test_a_name_goes_before_a_number_and_among_numbers_only_names_count(names, given, number):
    data = replace(spying([]), classes=names)
    if number is None:
        with pytest.raises(ValueError, match=f"has the classes {', '.join(names)}, and '{given}' was given"):
            data.index(given)
    else:
        assert data.index(given) == number


@pytest.mark.parametrize(
    ("task", "shape", "labels", "says"),
    [
        ("classification", (2, 3, 4, 4), torch.tensor([0, 3]), "has 3 classes, numbers 0 to 2, and the label 3"),
        ("classification", (2, 3, 4, 4), torch.tensor([0, -1]), "and the label -1"),
        ("classification", (2, 3, 4, 4), torch.tensor([0, 255]), "and the label 255"),
        ("segmentation", (1, 3, 4, 4), torch.full((1, 4, 4), 9), "and the label 9"),
        ("segmentation", (1, 3, 4, 4), torch.full((1, 4, 4), 255), None),
        ("segmentation", (1, 3, 4, 4), torch.tensor([0]), r"is for segmentation at the size \(4, 4\), and images"),
        ("classification", (2, 3, 4, 5), torch.tensor([0, 1]), r"images \(2, 3, 4, 5\) with labels \(2,\) were loaded"),
    ],
)
def test_what_is_loaded_fits_what_is_known(task, shape, labels, says):
    split = Split(torch.zeros(shape, dtype=torch.uint8), labels)
    data = replace(spying([]), task=task, load=lambda name, limit: split)
    if says:
        with pytest.raises(ValueError, match=says):
            data.split("train")
    else:
        assert data.split("train") is split


@pytest.mark.parametrize("given", ["bird", "3", "-1", ""])
def test_an_unknown_class_is_named_with_the_known_ones(given):
    with pytest.raises(ValueError, match=f"has the classes cat, dog, 7, and '{given}' was given"):
        spying([]).index(given)


IMAGES = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)


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

    @pytest.mark.parametrize("pixels", [1, 16])
    def test_a_constant_channel_can_be_divided_by(self, pixels):
        images = torch.zeros(1, 3, 1, pixels, dtype=torch.uint8)
        images[:, 0, :, ::2] = 200
        mean, std = Split(images, torch.zeros(1, dtype=torch.long)).statistics()
        assert mean[1:] == (0, 0)
        assert std[1:] == pytest.approx([8 / 255] * 2)
        assert std[0] == pytest.approx(LEAST_DEVIATION if pixels == 1 else 100 / 255 * (16 / 15) ** 0.5)

    @pytest.mark.parametrize(
        ("images", "labels", "says"),
        [
            (torch.rand(2, 3, 4, 4), torch.zeros(2, dtype=torch.long), r"uint8 \(N,C,H,W\) .* of torch.float32 and"),
            (torch.zeros(2, 4, 4, dtype=torch.uint8), torch.zeros(2, dtype=torch.long), r"and images \(2, 4, 4\) of"),
            (
                IMAGES,
                torch.zeros(3, dtype=torch.long),
                r"Labels are whole numbers \(N\), .* labels \(3,\)",
            ),
            (IMAGES, torch.zeros(2), r"labels \(2,\) of torch.float32"),
            (IMAGES, torch.zeros(2, 4, 5, dtype=torch.uint8), r"labels \(2, 4, 5\) of torch.uint8"),
            (IMAGES, torch.zeros(2, 4, dtype=torch.uint8), r"labels \(2, 4\)"),
        ],
    )
    def test_what_would_give_wrong_numbers_without_a_word_is_refused(self, images, labels, says):
        with pytest.raises(ValueError, match=says):
            Split(images, labels)


# ---------------------------------------------------------------------------------------------------------------------
# CIFAR-10


def as_folders(root, each=3):
    for split in ("train", "test"):
        for label, name in enumerate(cifar10.CLASSES):
            for number in range(each):
                paint(root / "cifar10" / split / name / f"{number}.png", 20 * label + number)


def as_torchvision(root, monkeypatch, each=6):
    """The files of torchvision with a few images; their checksums are torchvision's business."""
    from torchvision.datasets import CIFAR10  # here, since importing it takes seconds

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
    assert found.source.endswith(", lossless)")
    train, test = found.split("train"), found.split("test")
    assert (len(train), len(test)) == ((30, 30) if layout == "folders" else (30, 6))
    assert (train.images.shape[1:], train.images.dtype, train.labels.dtype) == ((3, 32, 32), torch.uint8, torch.int64)
    assert torch.equal(train.images[:, 0, 0, 0].long() // 20, train.labels)
    assert train.labels.tolist() != sorted(train.labels.tolist())
    first = found.split("train", 7)
    assert torch.equal(first.images, train.images[:7])
    assert torch.equal(first.labels, train.labels[:7])
    assert torch.equal(found.split("train").images, train.images)


def test_cifar10_from_jpeg_files_is_told_from_the_original(own_folders):
    as_folders(own_folders)
    for path in (own_folders / "cifar10" / "test" / "airplane").iterdir():
        Image.open(path).save(path.with_suffix(".JPG"))
        path.unlink()
    assert datasets.get("cifar10").source == "CIFAR-10 (class folders, as re-encoded there)"


def test_absent_cifar10_says_which_command_gets_it(own_folders):
    found = datasets.get("cifar10")
    with pytest.raises(FileNotFoundError, match=r"not under .*cifar10; get it with: plainsight data fetch cifar10"):
        found.split("test")


def test_half_a_cifar10_is_absent(own_folders):
    as_folders(own_folders, each=1)
    for path in (own_folders / "cifar10" / "test" / "truck").iterdir():
        path.unlink()
    (own_folders / "cifar10" / "test" / "truck").rmdir()
    assert datasets.get("cifar10").missing


def test_damaged_files_of_torchvision_are_named(own_folders):
    from torchvision.datasets import CIFAR10

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


@pytest.mark.parametrize("split", ["train", "test"])
def test_an_empty_class_of_cifar10_is_named(own_folders, split):
    as_folders(own_folders, each=1)
    (own_folders / "cifar10" / split / "ship" / "0.png").unlink()
    with pytest.raises(ValueError, match=rf"Class 'ship' of the {split} split has no pictures: .*ship is empty"):
        datasets.get("cifar10").split(split)


# ---------------------------------------------------------------------------------------------------------------------
# GTSRB

LAYOUTS = {
    "torchvision's": ("GTSRB/Training", "GTSRB/Final_Test/Images", gtsrb.TRUTH),
    "unpacked by hand": ("GTSRB/Final_Training/Images", "GTSRB/Final_Test/Images", f"GTSRB/{gtsrb.TRUTH}"),
    "beside the test images": ("Final_Training/Images", "Final_Test/Images", f"Final_Test/Images/{gtsrb.TRUTH}"),
    "under its own name": ("../GTSRB/Final_Training/Images", "../GTSRB/Final_Test/Images", f"../GTSRB/{gtsrb.TRUTH}"),
}


def as_gtsrb(root, layout="torchvision's"):
    """One picture of each class, as grey as four times its number; the last test file is the first class."""
    train, test, truth = (root / "gtsrb" / place for place in LAYOUTS[layout])
    lines = ["Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"]
    for number in range(43):
        paint(train / f"{number:05}" / "00000_00000.ppm", 4 * number, (30, 31))
        (train / f"{number:05}" / f"GT-{number:05}.csv").write_text("")
        paint(test / f"{42 - number:05}.ppm", 4 * number, (40, 37))
        lines.append(f"{42 - number:05}.ppm;40;37;5;5;35;32;{number}")
    truth.write_text("\n".join(lines))
    return train, test, truth


@pytest.mark.parametrize("layout", LAYOUTS)
def test_gtsrb_is_read_from_each_layout(layout, own_folders):
    as_gtsrb(own_folders, layout)
    found = datasets.get("gtsrb@16")
    assert (found.missing, found.size, len(found.classes), found.mirror) == (None, (16, 16), 43, False)
    assert (datasets.get("gtsrb").size, found.classes[14], found.classes[33]) == ((32, 32), "stop", "turn right ahead")
    for name in ("train", "test"):
        split = found.split(name)
        assert split.images.shape == (43, 3, 16, 16)
        assert torch.equal(split.images[:, 0, 8, 8].long(), 4 * split.labels)
        assert split.labels.sort().values.tolist() == list(range(43))


def test_gtsrb_is_what_torchvision_reads(own_folders):
    from torchvision.datasets import GTSRB

    as_gtsrb(own_folders)
    for name in ("train", "test"):
        ours, theirs = datasets.get("gtsrb").split(name), GTSRB(str(own_folders), split=name)
        found = zip(ours.images[:, 0, 0, 0].tolist(), ours.labels.tolist(), strict=True)
        assert sorted(found) == sorted((np.asarray(image)[0, 0, 0], label) for image, label in theirs)


@pytest.mark.parametrize(
    ("damage", "split", "error", "says"),
    [
        (
            lambda train, test, truth: truth.unlink(),
            *("train", FileNotFoundError, r"under .* lacks its table GT-final_test\.csv; get it with: .* fetch gtsrb"),
        ),
        (
            lambda train, test, truth: test.rename(test.with_name("x")),
            *("train", FileNotFoundError, "under .* lacks its test images; get it"),
        ),
        (
            lambda train, test, truth: truth.write_text(truth.read_text().replace("ClassId", "Class")),
            *("test", ValueError, r"has no column ClassId, .* of GTSRB_Final_Test_GT\.zip"),
        ),
        (
            lambda train, test, truth: (test / "00003.ppm").unlink(),
            *("test", ValueError, r"csv lists 00003\.ppm, which is not in"),
        ),
        (
            lambda train, test, truth: truth.write_text(truth.read_text() + "3"),
            *("test", ValueError, "the class '423', and classes go from 0 to 42"),
        ),
        (
            lambda train, test, truth: truth.write_text(truth.read_text()[:-2] + "41"),
            *("test", ValueError, r"'end of no passing for trucks' \(number 42\) of the test split has no pictures"),
        ),
        (
            lambda train, test, truth: (train / "00007").rename(train / "7"),
            *("train", FileNotFoundError, "Class 'speed limit 100' of the train split .* no folder .*00007"),
        ),
    ],
)
def test_what_gtsrb_lacks_is_named(own_folders, damage, split, error, says):
    damage(*as_gtsrb(own_folders))
    with pytest.raises(error, match=says):
        datasets.get("gtsrb").split(split)


def test_gtsrb_is_fetched_through_torchvision(own_folders, monkeypatch):
    asked = []
    monkeypatch.setattr("torchvision.datasets.GTSRB", lambda root, split, download: asked.append((root, split)))
    assert datasets.fetcher("gtsrb")() == own_folders / "gtsrb"
    assert asked == [(str(own_folders), "train"), (str(own_folders), "test")]


# ---------------------------------------------------------------------------------------------------------------------
# How a picture is read


def two(a, b, kind=np.uint8):
    """A picture of 8x8 whose left half is a and whose right half is b."""
    pixels = np.empty((8, 8, *np.shape(a)), kind)
    pixels[:, :4], pixels[:, 4:] = a, b
    return pixels


def with_transparent_colour(mode, hidden):
    image = Image.new(mode, (8, 8), hidden)
    image.paste(0, (4, 0, 8, 8))
    return image, {"transparency": hidden}


def in_palette():
    image = Image.fromarray(two(1, 0)).convert("P")
    image.putpalette([0, 0, 200, 255, 0, 0])
    return image, {"transparency": bytes([255, 0])}


def turned(exif):
    return Image.fromarray(two(200, 10)).convert("RGB"), {"exif": exif}


UPSIDE_DOWN = Image.Exif()
UPSIDE_DOWN[0x0112] = 3
WHITE = (255,) * 3
PICTURES = {
    "1": ("png", Image.fromarray(two(True, False, bool)), WHITE, (0, 0, 0)),
    "L": ("pgm", Image.fromarray(two(9, 200)), (9,) * 3, (200,) * 3),
    "16 bits": ("png", Image.fromarray(two(0x8000, 0x12FF, np.uint16)), (0x80,) * 3, (0x12,) * 3),
    "16 bits, TIFF": ("tif", Image.fromarray(two(0x8000, 0x12FF, np.uint16)), (0x80,) * 3, (0x12,) * 3),
    "16 bits, PGM": ("pgm", Image.fromarray(two(0x8000, 0x12FF, np.uint16)), (0x80,) * 3, (0x12,) * 3),
    "I, 16 bits": ("tif", Image.fromarray(two(0x8000, 0x12FF, np.int32)), (0x80,) * 3, (0x12,) * 3),
    "I, 8 bits": ("tif", Image.fromarray(two(255, 3, np.int32)), WHITE, (3,) * 3),
    "F to 1": ("tif", Image.fromarray(two(1, 0.2, np.float32)), WHITE, (51,) * 3),
    "F to 255": ("tif", Image.fromarray(two(255, 50.6, np.float32)), WHITE, (51,) * 3),
    "CMYK": ("tif", Image.fromarray(two((0, 0, 0, 0), (0, 255, 255, 0)), "CMYK"), WHITE, (255, 0, 0)),
    "LA": ("png", Image.fromarray(two((7, 0), (7, 255)), "LA"), WHITE, (7,) * 3),
    "RGBA": ("png", Image.fromarray(two((255, 0, 0, 0), (0, 90, 0, 255))), WHITE, (0, 90, 0)),
    "half transparent": ("png", Image.fromarray(two((255, 0, 0, 51), (0, 0, 0, 255))), (255, 204, 204), (0, 0, 0)),
    "P": ("png", Image.fromarray(two(30, 60)).convert("P"), (30,) * 3, (60,) * 3),
    "P, transparent": ("png", *in_palette(), WHITE, (0, 0, 200)),
    "L, transparent": ("png", *with_transparent_colour("L", 77), WHITE, (0, 0, 0)),
    "RGB, transparent": ("png", *with_transparent_colour("RGB", (255, 0, 0)), WHITE, (0, 0, 0)),
    "upside down": ("png", *turned(UPSIDE_DOWN), (10,) * 3, (200,) * 3),
    "GIF that moves": (
        *("gif", Image.fromarray(two(30, 60)), {"save_all": True, "append_images": [Image.fromarray(two(99, 88))]}),
        *((30,) * 3, (60,) * 3),
    ),
}


@pytest.fixture
def one_picture(tmp_path):
    """A tree of two classes; each class has one picture in both splits, saved from the same image."""

    def made(suffix, image, **options):
        for place in ("train/a", "train/b", "test/a", "test/b"):
            (tmp_path / place).mkdir(parents=True)
            with warnings.catch_warnings(action="ignore"):
                image.save(tmp_path / place / f"0.{suffix}", **options)
        return f"folder:{tmp_path}"

    return made


@pytest.mark.parametrize("kind", PICTURES)
def test_a_picture_is_read_as_it_is_meant(one_picture, kind):
    suffix, image, *options, left, right = PICTURES[kind]
    found = datasets.get(one_picture(suffix, image, **(options[0] if options else {}))).split("test").images[0]
    assert found.shape == (3, 8, 8)
    assert found[:, 4, 1].tolist() == pytest.approx(left, abs=1)
    assert found[:, 4, 6].tolist() == pytest.approx(right, abs=1)


def test_a_picture_on_its_side_is_turned_and_its_size_with_it(one_picture):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    image = Image.fromarray(np.vstack([np.full((10, 20, 3), 200), np.zeros((10, 20, 3))]).astype(np.uint8))
    found = datasets.get(one_picture("png", image.crop((0, 0, 12, 20)), exif=exif))
    assert found.size == (12, 20)
    assert found.split("train").images[0, 0, 6, [2, 17]].tolist() == [0, 200]


@pytest.mark.parametrize(
    ("kind", "values", "says"),
    [
        (
            np.float32,
            (0.5, -0.1),
            "read as an image: it holds floats from -0.1 to 0.5, and 0 to 1, or 0 to 255",
        ),
        (np.float32, (0.5, 300), "floats from 0.5 to 300"),
        (np.float32, (0.5, np.nan), "floats from nan to nan"),
        (np.float32, (0.5, np.inf), "floats from 0.5 to inf"),
        (np.int32, (5, -1), "32-bit numbers from -1 to 5, and 0 to 255, or 0 to 65535"),
        (np.int32, (5, 70000), "32-bit numbers from 5 to 70000"),
        (np.uint16, (5, 4095), r"reach only 4095 of 65535 \(in .*0\.tif\) and would be almost black"),
    ],
)
def test_a_picture_whose_white_is_unclear_is_refused(one_picture, kind, values, says):
    with pytest.raises(ValueError, match=says):
        datasets.get(one_picture("tif", Image.fromarray(two(*values, kind)))).split("train")


@pytest.mark.parametrize(("kind", "dim", "bright"), [(np.float32, 0.9, 250), (np.int32, 200, 40000)])
def test_the_pictures_of_a_set_have_one_white(one_picture, tmp_path, kind, dim, bright):
    name = one_picture("tif", Image.fromarray(two(0, dim, kind)))
    Image.fromarray(two(0, bright, kind)).save(tmp_path / "train" / "b" / "1.tif")
    Image.fromarray(two(0, bright, kind)).save(tmp_path / "test" / "a" / "0.tif")
    Image.fromarray(two(0, 0, kind)).save(tmp_path / "test" / "b" / "0.tif")
    assert datasets.get(name).split("test").images.amax() > 150  # black alone tells nothing
    with pytest.raises(ValueError, match=r"unclear which value is white: .*0\.tif holds .* and .*b.1\.tif up to"):
        datasets.get(name).split("train")


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


def junk(tree):
    """What operating systems and programs leave behind, everywhere."""
    for folder in (tree / "train", tree / "train" / "cat", tree / "test" / "dog"):
        for name in ("._0.png", ".DS_Store", "Thumbs.db", "desktop.ini", ".hidden.png"):
            (folder / name).write_bytes(b"no image")
        for name in (".thumbnails", ".ipynb_checkpoints", "__MACOSX", "@eaDir"):
            paint(folder / name / "0.png", 99, (5, 5))
    paint(tree / "train" / "A stray picture.png", 99, (5, 5))


def test_what_operating_systems_leave_behind_is_skipped(tree):
    before = datasets.get(f"folder:{tree}").split("train")
    junk(tree)
    found = datasets.get(f"folder:{tree}")
    assert (found.classes, found.size, len(found.split("test"))) == (("cat", "dog"), (16, 20), 2)
    assert torch.equal(found.split("train").images, before.images)


def test_names_may_hold_anything(tmp_path):
    root = tmp_path / "Meine Bilder (Kopie) me@home"
    for split, encoded in (("train", "U\u0308ber [70]"), ("test", "\xdcber [70]")):  # as macOS and others write it
        for name in (encoded, "Stop Schild"):
            paint(root / split / name / "Bild 1.PPM", 50, (9, 9))
    found = datasets.get(f"folder:{root}")
    assert found.classes == ("Stop Schild", "\xdcber [70]")
    assert len(found.split("train")) == len(found.split("test")) == 2
    assert datasets.get(f"folder:{root}@4").size == (4, 4)


def unreadable(tree):
    (tree / "train" / "dog" / "1.png").write_bytes(b"no image")


def truncated(tree):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tree / "train" / "dog" / "1.png")
    whole = (tree / "train" / "dog" / "1.png").read_bytes()
    (tree / "train" / "dog" / "1.png").write_bytes(whole[: len(whole) // 2])


def unreadable_first(tree):
    (tree / "train" / "cat" / "0.png").write_bytes(b"no image")


def broken_inside(tree):
    whole = bytearray((tree / "train" / "dog" / "1.png").read_bytes())
    whole[29] ^= 255  # the checksum of its head: Pillow raises SyntaxError, which is no OSError
    (tree / "train" / "dog" / "1.png").write_bytes(whole)


def remove(folder):
    for path in folder.iterdir():
        path.unlink()


def deeper(folder, keep):
    for path in list(folder.iterdir())[keep:]:
        path.rename(_made(folder / "batch1") / path.name)


def _made(folder):
    folder.mkdir(exist_ok=True)
    return folder


@pytest.mark.parametrize(
    ("damage", "name", "error", "says"),
    [
        (None, "folder", ValueError, "is named as folder:PATH"),
        (None, "folder:", ValueError, "is named as folder:PATH"),
        (None, "folder:{}@", ValueError, "size after @ is a number of pixels from 1 to 10,000, and '' was given"),
        (None, "folder:{}@0", ValueError, "from 1 to 10,000, and '0' was given"),
        (None, "folder:{}@10001", ValueError, "and '10001' was given"),
        (None, "folder:{}@1e9", ValueError, "and '1e9' was given"),
        (None, "folder:{}@nan", ValueError, "and 'nan' was given"),
        (None, "folder:{}@64x", ValueError, "and '64x' was given"),
        (None, "folder:{}@-8", ValueError, "and '-8' was given"),
        (None, "folder:{}@big", ValueError, "and 'big' was given"),
        (None, "folder:{}/nowhere", FileNotFoundError, "There is no folder .*nowhere/train; expected"),
        (
            lambda t: (t / "test").rename(t / "exam"),
            "folder:{}",
            FileNotFoundError,
            "There is no folder .*test; expected",
        ),
        (
            lambda t: (t / "test" / "cat").rename(t / "test" / "cow"),
            *("folder:{}", ValueError, "Class 'cat' of train is missing in test: .*test has no such folder"),
        ),
        (
            lambda t: (t / "test" / "cow").mkdir(),
            *("folder:{}", ValueError, "Class 'cow' of test is missing in train: .*train has no such folder"),
        ),
        (
            lambda t: [(t / s / "dog").rename(t / f"{s}-dog") for s in ("train", "test")],
            *("folder:{}", ValueError, "at least two"),
        ),
        (unreadable, "folder:{}", ValueError, r"dog.1\.png cannot be read as an image: its format is unknown"),
        (truncated, "folder:{}", ValueError, r"dog.1\.png cannot be read as an image: "),
        (broken_inside, "folder:{}", ValueError, r"dog.1\.png cannot be read as an image: "),
        (unreadable_first, "folder:{}", ValueError, r"cat.0\.png cannot be read as an image"),
        (
            lambda t: (t / "train" / "dog" / "2.png").symlink_to(t / "nowhere.png"),
            *("folder:{}", ValueError, r"dog.2\.png cannot be read as an image: "),
        ),
        (
            lambda t: remove(t / "test" / "dog"),
            *("folder:{}", ValueError, "Class 'dog' of the test split has no pictures: .*dog is empty"),
        ),
        (
            lambda t: [p.rename(p.with_suffix(".xyz")) for p in (t / "train" / "cat").glob("*.png")],
            *("folder:{}@8", ValueError, r"'cat' of the train .*cat holds only \.txt, \.xyz, and what is read is \.av"),
        ),
        (
            lambda t: deeper(t / "train" / "dog", 0),
            *("folder:{}", ValueError, "'dog' of the train split has its pictures one folder deeper, in .*batch1; "),
        ),
        (
            lambda t: deeper(t / "train" / "dog", 1),
            *("folder:{}", ValueError, "'dog' of the train split has more pictures one folder deeper, in .*batch1"),
        ),
        (
            lambda t: [(t / "train" / name).mkdir() for name in ("\xdc", "U\u0308")],
            *("folder:{}", ValueError, "Two class folders in .*train have the same name"),
        ),
    ],
)
def test_a_bad_folder_is_named(tree, damage, name, error, says):
    if damage:
        damage(tree)
    with pytest.raises(error, match=says):
        datasets.get(name.format(tree)).split("train")


def test_a_picture_with_more_pixels_than_can_be_trusted_is_named(tree, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ValueError, match=r"cat.0\.png cannot be read as an image: .*320 pixels"):
        datasets.get(f"folder:{tree}")
