"""The built-in data set `signs`: reproducible, balanced, cached, and clear about bad input."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.datasets import _procedural, signs
from core.datasets.signs.camera import CANVAS, SIDE, see, sensed
from core.datasets.signs.faces import face
from core.datasets.signs.pen import STYLES
from core.datasets.signs.scenery import KINDS, scene
from core.datasets.signs.textures import bordered, drawn
from core.datasets.signs.weathering import weathered


@pytest.fixture
def small(monkeypatch, tmp_path):
    """The data set with 48 and 24 pictures and a cache of its own."""
    for split, count in (("train", 48), ("test", 24)):
        monkeypatch.setitem(signs.COUNTS, split, count)
    monkeypatch.setattr(_procedural, "cache_root", lambda: tmp_path)
    return tmp_path / f"signs-v{signs.DRAWN.version}" / "train.safetensors"


@pytest.mark.parametrize(("split", "index"), [("train", 0), ("train", 9999), ("test", 0), ("test", 7)])
def test_a_picture_depends_on_split_and_index_alone(split, index):
    first, label = signs.render(split, index)
    np.random.seed(3)  # noqa: NPY002 (the point: the global state must not matter)
    signs.render("train", 11)
    again, same_label = signs.render(split, index)
    assert (first.shape, first.dtype, label) == ((96, 96, 3), np.uint8, same_label)
    assert np.array_equal(first, again)


def test_splits_and_indices_differ():
    pictures = [signs.render(split, index)[0] for split in ("train", "test") for index in range(6)]
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)


def test_pictures_look_as_they_did():
    # means and not hashes: another Pillow or numpy may round a pixel differently, a changed drawing moves the mean
    means = [signs.render("train", index)[0].mean() for index in range(4)]
    assert means == pytest.approx([55.25, 157.37, 92.94, 119.58], abs=0.5)


def test_each_block_of_24_holds_every_class_in_a_new_order():
    labels = np.array([signs._label("train", index) for index in range(240)]).reshape(10, 24)
    assert (np.sort(labels, axis=1) == np.arange(24)).all()
    assert len({tuple(block) for block in labels}) > 5


def test_pictures_have_contrast_and_no_two_classes_look_alike_when_clean():
    pictures = [signs.render("test", index)[0] for index in range(60)]
    assert min(picture.std() for picture in pictures) > 15
    faces = [np.asarray(face(name, 0), np.float32) for name in signs.CLASSES]
    differences = [np.abs(a - b).mean() for i, a in enumerate(faces) for b in faces[:i]]
    assert min(differences) > 2


@pytest.mark.parametrize("style", range(STYLES))
def test_years_outdoors_leave_the_outline_and_the_sign_recognisable(style):
    clean = [face(name, style) for name in signs.CLASSES]
    for label, sign in enumerate(clean):
        old = weathered(np.random.default_rng([label, style]), sign)
        assert np.array_equal(np.asarray(old)[..., 3], np.asarray(sign)[..., 3])
        differences = [np.abs(np.asarray(old, float) - np.asarray(other, float)).mean() for other in clean]
        lookalikes = {"speed limit 30", "speed limit 50", "speed limit 60", "speed limit 80"}
        nearest = signs.CLASSES[int(np.argmin(differences))]
        assert nearest == signs.CLASSES[label] or {nearest, signs.CLASSES[label]} <= lookalikes


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_scenery_has_detail_down_to_the_pixel(kind):
    pixels = np.asarray(scene(kind), np.float32)
    assert np.abs(np.diff(pixels, axis=1)).mean() > 0.2
    assert not np.array_equal(pixels, np.asarray(scene(kind + len(KINDS)), np.float32))


@pytest.mark.parametrize("side", [SIDE, CANVAS])
def test_a_lens_keeps_an_even_surface_and_the_position(side):
    even = np.full((3, CANVAS, CANVAS), 0.3, np.float32)
    assert see(even, side, 1.0, drag=(3, 0), fringe=(0.5, 0)) == pytest.approx(even[:, :side, :side], abs=1e-5)
    ramp = np.broadcast_to((np.arange(CANVAS, dtype=np.float32) + 0.5) / CANVAS, (3, CANVAS, CANVAS))
    middle = (np.arange(side) + 0.5) / side
    assert see(ramp, side, 0.5)[1, 5, 8:-8] == pytest.approx(middle[8:-8], abs=1e-3)
    assert see(ramp.swapaxes(1, 2), side, 0.5)[1, 8:-8, 5] == pytest.approx(middle[8:-8], abs=1e-3)


@pytest.mark.parametrize("mode", ["edge", "reflect"])
def test_a_border_is_that_of_numpy(mode):
    plane = np.random.default_rng(0).random((5, 7), np.float32)
    assert np.array_equal(bordered(plane, 2, mode), np.pad(plane, 2, mode))


def test_a_share_is_drawn_as_numpy_does():
    ours, theirs, shares = np.random.default_rng(5), np.random.default_rng(5), (0.5, 0.3, 0.15, 0.05)
    assert [drawn(ours, shares) for _ in range(200)] == [int(theirs.choice(4, p=shares)) for _ in range(200)]


def test_a_sensor_without_noise_gives_grey_ramps_back():
    ramp = np.broadcast_to(0.2 + 0.005 * np.arange(96, dtype=np.float32), (3, 96, 96))
    for picture in (ramp, ramp.swapaxes(1, 2)):
        found = sensed(np.random.default_rng(0), picture, grain=0)
        assert found[:, 4:-4, 4:-4] == pytest.approx(picture[:, 4:-4, 4:-4], abs=1e-5)
    assert sensed(np.random.default_rng(0), ramp, grain=0.001).std() > found.std()


def test_a_limit_gives_a_prefix_and_writes_no_cache(small):
    short = signs.DRAWN.load("train", 24)
    assert not small.exists()
    full = signs.DRAWN.load("train")
    assert small.exists()
    assert [path.name for path in small.parent.iterdir()] == [small.name]
    assert torch.equal(full.images[:24], short.images)
    assert torch.equal(full.labels[:24], short.labels)
    assert full.images.shape == (48, 3, 96, 96)
    assert full.images.dtype == torch.uint8
    assert full.labels.dtype == torch.int64
    assert full.labels.bincount().tolist() == [2] * 24
    assert np.array_equal(full.images[5].permute(1, 2, 0).numpy(), signs.render("train", 5)[0])


def test_the_cache_is_read_and_not_drawn_again(small, monkeypatch):
    first = signs.DRAWN.load("train")
    blind = replace(signs.DRAWN, render=None)
    assert torch.equal(blind.load("train").images, first.images)
    assert torch.equal(blind.load("train", 7).images, first.images[:7])


@pytest.mark.parametrize("damage", ["truncated", "garbage", "empty", "other tensors", "a folder's worth less"])
def test_a_damaged_cache_is_drawn_again(small, damage):
    first = signs.DRAWN.load("train")
    whole = small.read_bytes()
    if damage == "other tensors":
        _procedural.save_file({"pictures": first.images}, small)
    elif damage == "a folder's worth less":
        _procedural.save_file({"images": first.images[:5].contiguous(), "labels": first.labels[:5].contiguous()}, small)
    else:
        small.write_bytes({"truncated": whole[:-100], "garbage": b"x" * 500, "empty": b""}[damage])
    assert torch.equal(signs.DRAWN.load("train").images, first.images)
    assert small.read_bytes() == whole


@pytest.mark.slow
def test_other_processes_draw_the_same_pictures(small, monkeypatch):
    alone = signs.DRAWN.load("train", 24)
    monkeypatch.setattr(_procedural.os, "cpu_count", lambda: 2)
    told = []
    pooled = replace(signs.DRAWN, alone=0, chunk=12).load(
        "train", 24, progress=lambda done, total: told.append((done, total))
    )
    assert torch.equal(alone.images, pooled.images)
    assert torch.equal(alone.labels, pooled.labels)
    assert told == [(12, 24), (24, 24)]


def test_the_registry_entry(small):
    entry = signs.dataset()
    assert (entry.name, entry.size, len(entry.classes)) == ("signs", (96, 96), 24)
    assert len(entry.load("test", 3).labels) == 3
    assert not entry.mirror  # a mirrored "keep right" is another sign


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: signs.DRAWN.load("train", 0), "0"),
        (lambda: signs.DRAWN.load("train", -3), "-3"),
        (lambda: signs.DRAWN.load("validation"), "validation.*train, test"),
        (lambda: signs.render("validation", 0), "validation"),
        (lambda: signs.render("train", -1), "-1"),
        (lambda: signs.dataset("large"), "large"),
    ],
)
def test_bad_input_is_named(call, names):
    with pytest.raises(ValueError, match=names):
        call()
