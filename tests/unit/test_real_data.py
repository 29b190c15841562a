"""Real images: CIFAR-10 loaded, attacked, evaluated on the model that ships; CamVid through a network."""

import pytest
import torch

from core import attacks, datasets
from core.checkpoints import store
from core.datasets import camvid
from core.evaluation.report import evaluate
from core.models.registry import create
from core.threat import Budget

pytestmark = pytest.mark.real_data

BUDGET = Budget(10 / 255)


@pytest.fixture(scope="module")
def cifar10():
    found = datasets.get("cifar10")
    if found.missing:
        pytest.skip(found.missing)
    return found


def test_the_images_are_those_of_cifar10(cifar10):
    split = cifar10.split("test", 500)
    assert split.images.shape == (500, 3, 32, 32)
    assert split.labels.bincount(minlength=10).min() >= 25
    mean, std = split.statistics()
    assert mean == pytest.approx((0.4914, 0.4822, 0.4465), abs=0.02)
    assert std == pytest.approx((0.2470, 0.2435, 0.2616), abs=0.02)
    assert cifar10.source.endswith("lossless)")


def test_one_perturbation_breaks_the_standard_model_on_images_it_never_saw(cifar10):
    folder = store.default_root() / "cifar10" / "standard"
    model, classes = store.load(folder), store.read(folder).classes
    assert classes == cifar10.classes
    crafting, held_out = cifar10.split("train", 300), cifar10.split("test", 500)
    clean, attacked, control = (
        evaluate(model, held_out, delta)
        for delta in (
            None,
            attacks.get("spgd")(BUDGET, steps=20).craft(model, crafting),
            attacks.get("random-signs")(BUDGET).craft(model, crafting),
        )
    )
    assert clean.accuracy.value > 0.8
    assert clean.fooling.successes == 0
    assert attacked.accuracy.value < control.accuracy.value - 0.1
    assert attacked.fooling.value > control.fooling.value + 0.1


def test_a_checkerboard_harms_the_standard_model_as_it_does_public_ones_but_not_a_hardened_one(cifar10):
    """A public ResNet-18 keeps 14% at 10/255; on copies that JPEG had smoothed ours kept 89%."""
    kept = {}
    for name in ("standard", "shared-s64-e24-w0.5"):
        model = store.load(store.default_root() / "cifar10" / name)
        delta = attacks.get("checkerboard")(BUDGET).craft(model, cifar10.split("train", 64))
        kept[name] = evaluate(model, cifar10.split("test", 500), delta).accuracy.value
    assert kept["standard"] < 0.45
    assert kept["shared-s64-e24-w0.5"] > 0.7


def test_a_stored_model_is_the_same_in_every_batch_size(cifar10):
    model = store.load(store.default_root() / "cifar10" / "standard")
    images, _ = cifar10.split("test", 16).batch(slice(None))
    with torch.inference_mode():
        assert torch.allclose(model(images), torch.cat([model(image[None]) for image in images]), atol=1e-3)


def test_camvid_is_the_published_one_and_can_be_labelled():
    data = datasets.get("camvid:96x128")
    if data.missing:
        pytest.skip(data.missing)
    camvid.check(datasets.data_root() / "camvid")
    assert [len(data.split(name)) for name in data.splits] == [367, 101, 233]
    split = data.split("test", 6)
    assert set(split.labels.unique().tolist()) <= {*range(11), 255}
    model = create("smp:PSPNet/resnet18", 11, *split.statistics()).eval()
    report = evaluate(model, split, classes=11)
    assert report.accuracy.n == 6
    assert len(report.overlaps) == 11
