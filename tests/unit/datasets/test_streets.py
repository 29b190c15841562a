"""The built-in data set `streets`: reproducible, labelled to the pixel, with all its classes, cached."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from core import datasets
from core.datasets import _procedural, streets
from core.datasets.streets.canvas import LIGHTS, VOID
from core.datasets.streets.houses import facade, style


@pytest.fixture(scope="module")
def scenes():
    """Twelve scenes: pictures (12,192,256,3) and labels (12,192,256)."""
    return tuple(map(np.stack, zip(*(streets.render("train", index) for index in range(12)), strict=True)))


def test_a_scene_depends_on_split_and_index_alone(scenes):
    np.random.seed(3)  # noqa: NPY002 (the point: the global state must not matter)
    picture, labels = streets.render("train", 7)
    assert np.array_equal(picture, scenes[0][7])
    assert np.array_equal(labels, scenes[1][7])
    assert not np.array_equal(streets.render("test", 7)[0], picture)
    assert (picture.shape, picture.dtype, labels.shape, labels.dtype) == ((192, 256, 3), np.uint8, (192, 256), np.uint8)


def test_scenes_look_as_they_did(scenes):
    # means and not hashes: another Pillow or numpy may round a pixel differently, a changed drawing moves the mean
    assert [picture.mean() for picture in scenes[0][:4]] == pytest.approx([108.85, 111.97, 109.95, 128.18], abs=0.7)


@pytest.mark.parametrize("kind", ["terrace", "house", "block", "office"])
def test_fronts_of_any_width_can_be_drawn(kind):
    for seed in range(60):
        generator = np.random.default_rng(seed)
        width = float(generator.uniform(0.5, 6))
        front = facade(generator, style(generator, kind), width, 7.0, density=2.0, glow=0.2)
        assert front.width == max(4, round(2 * width))


def test_every_class_appears_and_none_fills_the_street(scenes):
    labels = scenes[1]
    known = labels[labels != VOID]
    shares = np.bincount(known, minlength=11) / known.size
    assert len(shares) == 11
    assert shares.min() > 0.001
    assert shares.max() < 0.5
    assert 0 < (labels == VOID).mean() < 0.02


def test_a_scene_is_laid_out_like_a_street(scenes):
    """Sky above, road below, and the road is darker than the sky by day."""
    labels = scenes[1]
    assert (labels[:, 150:] == 0).mean() < 0.01
    assert (labels[:, 150:] == 3).mean() > 0.4
    assert (labels[:, :40] == 3).sum() == 0


def test_labels_lie_on_what_they_name(scenes):
    """Trees are greener or browner than the sky, whose blue is strongest: pictures and labels fit together."""
    pictures, labels = scenes[0].astype(float), scenes[1]
    warmth = pictures[..., 0] - pictures[..., 2]
    differences = [warmth[i][labels[i] == 5].mean() - warmth[i][labels[i] == 0].mean() for i in range(12)
                   if (labels[i] == 5).sum() > 500 and (labels[i] == 0).sum() > 500]  # fmt: skip
    assert len(differences) > 8
    assert np.mean(differences) > 10


def test_the_shares_of_weather_add_up():
    assert sum(light.probability for light in LIGHTS) == pytest.approx(1)


@pytest.mark.slow
def test_helpers_draw_the_same_scenes_and_the_cache_gives_them_back(monkeypatch, tmp_path):
    for split, count in (("train", 4), ("test", 2)):
        monkeypatch.setitem(streets.COUNTS, split, count)
    monkeypatch.setattr(_procedural, "cache_root", lambda: tmp_path)
    monkeypatch.setattr(_procedural.os, "cpu_count", lambda: 2)
    alone = streets.DRAWN.load("train", 4)
    assert [path.name for path in tmp_path.rglob("*.safetensors")] == ["train.safetensors"]
    assert torch.equal(replace(streets.DRAWN, render=None).load("train").labels, alone.labels)
    (tmp_path / f"streets-v{streets.DRAWN.version}" / "train.safetensors").unlink()
    pooled = replace(streets.DRAWN, alone=0, chunk=2).load("train")
    assert torch.equal(alone.images, pooled.images)
    assert torch.equal(alone.labels, pooled.labels)
    assert pooled.labels.dtype == torch.uint8
    images, labels = pooled.batch(slice(2))
    assert (images.shape, labels.dtype) == ((2, 3, 192, 256), torch.int64)


def test_the_registry_entry():
    entry = datasets.get("streets")
    assert (entry.task, entry.size, len(entry.classes), len(entry.palette)) == ("segmentation", (192, 256), 11, 11)
    assert entry.mirror
    with pytest.raises(ValueError, match="streets takes no argument, but was given 'large'"):
        datasets.get("streets:large")
    with pytest.raises(ValueError, match="no train picture -1"):
        streets.render("train", -1)
