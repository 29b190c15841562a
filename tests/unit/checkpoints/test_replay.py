"""Replays on disk: frames come back exactly, and every kind of damage is one sentence."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from core.checkpoints import replay
from core.checkpoints.replay import Replay
from core.evaluation.report import Rate
from core.files import FileError, read_metadata

FRAMES = 4


@pytest.fixture
def found() -> Replay:
    units = torch.randint(-8, 9, (FRAMES, 3, 5, 6), generator=torch.Generator().manual_seed(0))
    rates = tuple(Rate(right, 20) for right in (19, 12, 9, 8))
    return Replay(units / 255, "spgd", 8, (0, 1, 3, 9), rates, 0, 32, 16, "0" * 64, {"torch": "2"})


def test_frames_and_what_was_measured_come_back_exactly(tmp_path, found):
    assert replay.load(tmp_path) is None
    replay.save(tmp_path, found)
    again = replay.load(tmp_path)
    assert torch.equal(again.deltas, found.deltas.float())
    assert replace(again, deltas=found.deltas).__dict__ == found.__dict__
    assert [rate.value for rate in again.accuracy] == [0.95, 0.6, 0.45, 0.4]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": (0, 3, 1, 9)}, "in their order"),
        ({"steps": (0,)}, "2 to 200 frames"),
        ({"accuracy": (Rate(1, 2),)}, "needs a delta and an accuracy"),
        ({"accuracy": (Rate(1, 2), Rate(1, 2), Rate(1, 2), Rate(1, 3))}, "the same images"),
        ({"epsilon": 7}, "a frame reaches 8/255, and epsilon is 7/255"),
        ({"epsilon": 128}, "epsilon is 1 to 127"),
        ({"seed": "0"}, "seed holds values of other types"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(found, change, words):
    with pytest.raises(ValueError, match=words):
        replace(found, **change)


def spoiled(path, **change):
    """Write the file anew with another head or other frames."""
    head = json.loads(read_metadata(path)["replay"]) | {k: v for k, v in change.items() if k != "frames"}
    frames = change.get("frames", load_file(path)["frames"])
    save_file({"frames": frames}, path, {"replay": json.dumps(head)})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shape": [FRAMES, 3, 5, 7]}, "do not fill the shape"),
        ({"shape": [10**6, 3, 500, 500]}, "is not the shape of a replay"),
        ({"shape": "wide"}, "is not the shape of a replay"),
        ({"steps": [0, 1, 2]}, "needs a delta and an accuracy"),
        ({"steps": 9}, "replay as PlainSight stores it"),
        ({"accuracy": [{"successes": 3, "n": 2}] * FRAMES}, "3 of 2"),
        ({"frames": torch.zeros(9, dtype=torch.uint8)}, "plainsight replay"),
        ({"more": 1}, "more"),
    ],
)
def test_a_damaged_file_is_named_with_the_way_to_mend_it(tmp_path, found, change, words):
    replay.save(tmp_path, found)
    spoiled(tmp_path / replay.FILE, **change)
    with pytest.raises(FileError, match=words) as refusal:
        replay.load(tmp_path)
    assert str(tmp_path / replay.FILE) in str(refusal.value)
    assert "plainsight replay" in str(refusal.value)


def test_what_is_no_such_file_is_named(tmp_path):
    (tmp_path / replay.FILE).write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(FileError, match="Git LFS pointer"):
        replay.load(tmp_path)
