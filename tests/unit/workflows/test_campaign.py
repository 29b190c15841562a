"""A queue of trainings: what is read, which run begins when, what the time cuts off, and what is packed."""

import tarfile
import time
from dataclasses import replace

import pytest
import torch
from known import resnet
from PIL import Image

from core.checkpoints import store
from core.files import FileError
from core.training.recipe import Recipe
from core.workflows import campaign as module
from core.workflows.campaign import Run, campaign, pack, read

QUEUE = """
[usual]
data = "tiny"
architecture = "resnet8/8"
epochs = 2

[[run]]
folder = "tiny/standard"

[[run]]
folder = "wide/tiny/shared"
architecture = "resnet8/16"
sigma = 0.5
heap = 4
epsilon = 16.0
start = "tiny/standard"
cpu = true
"""
BASE = Recipe("tiny", "resnet8/8", epochs=2)


@pytest.fixture
def queue(tmp_path):
    def written(text):
        (tmp_path / "queue.toml").write_text(text, "utf-8")
        return tmp_path / "queue.toml"

    return written


def test_a_queue_is_read_with_what_all_runs_share(queue):
    first, second = read(queue(QUEUE))
    assert first == Run("tiny/standard", BASE)
    shared = Recipe("tiny", "resnet8/16", epochs=2, sigma=0.5, heap=4, epsilon=16.0)
    assert second == Run("wide/tiny/shared", shared, "tiny/standard", cpu=True)


def test_the_queue_that_ships_is_whole():
    runs = read(store.default_root().parent / "campaign.toml")
    assert [run.folder for run in runs[:2]] == ["medium/cifar10/standard", "wide/cifar10/standard"]
    assert any(run.cpu for run in runs)
    for run in runs:
        before = next((other for other in runs if other.folder == run.start), run)
        assert before.recipe.architecture == run.recipe.architecture
        assert not run.cpu or before.cpu, "what it starts from can be trained on a processor too"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('folder = "tiny/standard"', 'folder = "standard"', r"run 1: the folder ends with the data set"),
        ('folder = "tiny/standard"', 'folder = "other/standard"', r"run 1: .* and is 'other/standard'"),
        ('folder = "tiny/standard"', 'folder = "tiny/standard"\nheaps = 1', r"run 1: there is no setting 'heaps'"),
        (
            'start = "tiny/standard"',
            'start = "tiny/later"',
            r"run 2: it starts from tiny/later, which is no earlier run",
        ),
        ("wide/tiny/shared", "tiny/standard", r"run 2: tiny/standard is there more than once"),
        ("epsilon = 16.0", "epsilon = 0.06", r"run 2: epsilon takes numbers from 0 to 255 .* 0\.06"),
        ("epochs = 2", 'epochs = "two"', r"run 1: epochs cannot be 'two'"),
        ("epochs = 2", "epochs = true", r"run 1: epochs cannot be True"),
        ("[usual]", "[usual", r"is no queue of runs"),
        ("[[run]]", "[[runs]]", r"is no queue of runs: it needs tables \[\[run\]\]"),
    ],
)
def test_what_does_not_fit_is_named(queue, old, new, words):
    with pytest.raises(FileError, match=words):
        read(queue(QUEUE.replace(old, new)))


class Process:
    """A process of the tests' own: over after so many looks, with this exit code."""

    def __init__(self, looks, exitcode, work):
        self.looks, self.exitcode, self.work, self.ended = looks, exitcode, work, False

    def is_alive(self):
        self.looks -= 1
        if self.looks == 0:
            self.work()
        return self.looks > 0

    def terminate(self):
        self.ended = True

    def join(self):
        assert self.ended


class Trained:
    """Begins processes that only write their model folder, and remembers them; runs in `broken` fail."""

    def __init__(self):
        self.begun, self.most, self.broken, self.looks = [], 0, (), 3

    def __call__(self, run, root, device, workers):
        def work():
            if run.folder not in self.broken:
                store.save(root / run.folder, resnet(), {**CONFIG, "recipe": vars(run.rooted(root))})

        process = Process(self.looks, int(run.folder in self.broken), work)
        self.begun.append((run.folder, process))
        self.most = max(self.most, sum(one.looks > 0 for _, one in self.begun))
        return process


@pytest.fixture
def trained(monkeypatch, tiny_dataset):
    monkeypatch.setattr(module, "PAUSE", 0.001)
    return Trained()


CONFIG = {"architecture": "resnet8/8", "data": "tiny", "classes": list("abcd"), "source": "drawn in conftest.py"}
RUNS = [
    Run("tiny/standard", BASE),
    Run("tiny/s1", Recipe("tiny", "resnet8/8", 0.5, 1, 8.0, epochs=2), "tiny/standard"),
    Run("tiny/s64", Recipe("tiny", "resnet8/8", 0.5, 64, 8.0, epochs=2), "tiny/standard", cpu=True),
    Run("tiny/alone", Recipe("tiny", "resnet8/8", epochs=3)),
]


def started(runs, root, trained, **options):
    told = []
    usual = {"seconds": 60, "workers": 2, "device": "cuda"}
    done = campaign(runs, root, **usual | options, report=told.append, begin=trained)
    return [run.folder for run in done], told


def test_runs_begin_in_order_once_what_they_start_from_is_done(tmp_path, trained):
    done, _ = started(RUNS, tmp_path, trained)
    assert done == [run.folder for run in RUNS]
    assert [folder for folder, _ in trained.begun] == ["tiny/standard", "tiny/alone", "tiny/s1", "tiny/s64"]
    assert trained.most == 2
    assert store.read(tmp_path / "tiny/s1").recipe["start"] == str(tmp_path / "tiny/standard")
    trained.begun.clear()
    assert started(RUNS, tmp_path, trained) == (done, [])
    assert trained.begun == []


def test_no_more_run_at_once_than_there_are_workers(tmp_path, trained):
    assert len(started(RUNS, tmp_path, trained, workers=1)[0]) == len(RUNS)
    assert trained.most == 1


def test_what_was_trained_on_other_images_is_not_built_on(tmp_path, trained):
    old = {**CONFIG, "source": "drawn elsewhere", "recipe": vars(BASE)}
    store.save(tmp_path / "tiny/standard", resnet(), old)
    with pytest.raises(
        ValueError, match=r"tiny/standard was trained on drawn elsewhere, and here is drawn in conftest"
    ):
        started(RUNS, tmp_path, trained)
    assert trained.begun == []


def test_a_run_that_fails_is_told_and_what_starts_from_it_is_left(tmp_path, trained):
    trained.broken = ("tiny/standard",)
    done, told = started(RUNS, tmp_path, trained)
    assert done == ["tiny/alone"]
    assert [folder for folder, _ in trained.begun] == ["tiny/standard", "tiny/alone"]
    assert any(line.startswith("tiny/standard: failed after") and "tiny-standard.log" in line for line in told)


def test_when_the_time_is_over_what_trains_is_ended_and_nothing_begins(tmp_path, trained):
    trained.looks = 10**9
    began = time.monotonic()
    done, told = started(RUNS, tmp_path, trained, seconds=0.05)
    assert time.monotonic() - began < 5
    assert done == []
    assert [(folder, process.ended) for folder, process in trained.begun] == [
        ("tiny/standard", True),
        ("tiny/alone", True),
    ]
    assert told[-1] == "tiny/alone: cut off; it goes on next time"


def test_a_processor_takes_the_small_runs_only(tmp_path, trained):
    store.save(tmp_path / "tiny/standard", resnet(), {**CONFIG, "recipe": vars(BASE)})
    assert started(RUNS, tmp_path, trained, device="cpu")[0] == ["tiny/standard", "tiny/s64"]


@pytest.mark.slow
def test_a_run_trains_in_a_process_of_its_own(tmp_path):
    for split, count in (("train", 8), ("test", 4)):
        for name in "ab":
            (tmp_path / "images" / split / name).mkdir(parents=True)
            for number in range(count):
                shade = 60 if name == "a" else 190
                picture = Image.new("RGB", (8, 8), (shade + number,) * 3)
                picture.save(tmp_path / "images" / split / name / f"{number}.png")
    recipe = Recipe(f"folder:{tmp_path / 'images'}", "resnet8/8", epochs=1, batch_size=8)
    runs, told = [Run("folder/one", recipe), Run("folder/odd", replace(recipe, architecture="resnet9/8"))], []
    runs = [replace(run, cpu=True) for run in runs]
    done = campaign(runs, tmp_path, seconds=120, workers=2, device="cpu", report=told.append)
    assert done == runs[:1], told
    assert store.read(tmp_path / "folder" / "one").recipe["epochs"] == 1
    assert "epoch 1 of 1: loss " in (tmp_path / "logs" / "folder-one.log").read_text("utf-8")
    assert "'resnet9'; known are resnet8" in (tmp_path / "logs" / "folder-odd.log").read_text("utf-8")


def test_finished_folders_are_packed_whole_and_without_what_resumes(tmp_path, trained, monkeypatch):
    done, _ = started(RUNS, tmp_path, trained)
    (tmp_path / "tiny/s1/resume.safetensors").write_bytes(b"x")
    size = sum(path.stat().st_size for path in (tmp_path / "tiny/standard").iterdir())
    monkeypatch.setattr(module, "PART", 2 * size + 400)
    packed = pack([run for run in RUNS if run.folder in done], tmp_path, tmp_path / "out")
    assert [path.name for path in packed] == ["campaign-1.tar", "campaign-2.tar"]
    for path in packed:
        with tarfile.open(path) as archive:
            archive.extractall(tmp_path / "unpacked", filter="data")
    for run in RUNS:
        assert {path.name for path in (tmp_path / "unpacked" / run.folder).iterdir()} == {
            "config.json",
            "model.safetensors",
        }
        model = store.load(tmp_path / "unpacked" / run.folder)
        assert torch.equal(model.network[-1].bias, store.load(tmp_path / run.folder).network[-1].bias)
