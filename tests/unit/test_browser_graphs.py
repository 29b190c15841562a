"""The graphs that a browser runs give what PyTorch gives: logits, and S-PGD step by step."""

import copy
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from known import Pyramid
from torch import Tensor, nn

from core import browser_graphs
from core.attacks.base import mini_batches
from core.attacks.objectives import Objective, Targeted, Towards, Untargeted
from core.attacks.spgd import SPGD
from core.checkpoints import store
from core.datasets import Split
from core.datasets.labels import IGNORE
from core.files import FileError, read_tensors
from core.models.normalised import Normalised
from core.models.registry import create
from core.models.state import assign
from core.threat import Budget, apply

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.numerics

SIDE, CLASSES, IMAGES = 20, 5, 24
EPSILON = 8 / 255


class Stored(NamedTuple):
    """A model, its folder, and both graphs ready to run."""

    model: Normalised
    folder: Path
    predict: Any
    step: Any
    drawn: Callable[..., Split]


@pytest.fixture(scope="module", params=["resnet8/8", "resnet18/8", "pyramid"])
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """Each kind of network that ships, with random weights and statistics."""
    torch.manual_seed(3)
    normalisation = ((0.4, 0.5, 0.6), (0.2, 0.25, 0.3))
    pixels = request.param == "pyramid"
    model = Normalised(Pyramid(CLASSES), *normalisation) if pixels else create(request.param, CLASSES, *normalisation)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.3)
            layer.running_var.uniform_(0.5, 2)
            layer.weight.data.uniform_(0.5, 1.5)
            layer.bias.data.normal_(0, 0.3)
    images = partial(drawn, pixels=pixels)
    head = model.network.head if pixels else model.network[-1]
    with torch.no_grad():  # sure of some images of each class
        head.bias.zero_()
        logits = model.eval()(images().images.float() / 255).transpose(0, 1).flatten(1)
        factor = 2 / logits.std(1).mean()
        head.weight.mul_(factor)
        head.bias.copy_(-factor * logits.mean(1))
    folder = tmp_path_factory.mktemp("models") / "model"
    config = {"architecture": request.param, "data": "tiny", "classes": list("abcde")}
    store.save(folder, model, config)
    assign(model, read_tensors(folder / store.WEIGHTS), folder)  # rounded to 16 bits
    model.requires_grad_(False)
    graphs = browser_graphs.export(model, folder, (SIDE, SIDE))
    return Stored(model, folder, session(graphs.predict, folder), session(graphs.step, folder), images)


def session(graph: bytes, folder: Path) -> Any:
    """A graph with the weights of a folder, as the browser opens it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    weights = (folder / store.WEIGHTS).read_bytes()
    options.add_external_initializers_from_files_in_memory([store.WEIGHTS], [weights], [len(weights)])
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def drawn(n: int = IMAGES, pixels: bool = False) -> Split:
    """Random images, many values of which are 0 or 255, so that clipping matters."""
    generator = torch.Generator().manual_seed(4)
    images = torch.randint(-60, 316, (n, 3, SIDE, SIDE), generator=generator).clamp(0, 255).to(torch.uint8)
    labels = torch.randint(0, CLASSES, (n, SIDE, SIDE) if pixels else (n,), generator=generator)
    if pixels:
        labels[:, :3] = IGNORE
    return Split(images, labels)


def taken(
    graph: Any, split: Split, labels: Tensor, delta: Tensor, velocity: Tensor, size: float, aim: Objective
) -> Any:
    """What one step of the graph gives."""
    numbers = {"epsilon": EPSILON, "size": size, "direction": 1.0, "least": 0.0}
    if aim.targeted:
        numbers |= {"direction": -1.0, "least": float(-np.log(Targeted().confidence))}
    given = {"images": split.images, "labels": labels.int(), "delta": delta, "velocity": velocity}
    return graph.run(
        ["next_delta", "next_velocity", "logits"],
        {name: value.numpy() for name, value in given.items()}
        | {name: np.array(value, np.float32) for name, value in numbers.items()},
    )


@pytest.mark.parametrize("n", [1, 7])
def test_predictions_are_those_of_torch_for_any_number_of_images(stored: Stored, n: int) -> None:
    split, delta = stored.drawn(n), Budget(EPSILON).random_start((1, 3, SIDE, SIDE), torch.Generator().manual_seed(1))
    logits, classes = stored.predict.run(None, {"images": split.images.numpy(), "delta": delta.numpy()})
    with torch.no_grad():
        expected = stored.model(apply(split.images.float() / 255, delta))
    assert expected.abs().max() > 0.05
    torch.testing.assert_close(torch.from_numpy(logits), expected, atol=2e-4, rtol=1e-3)
    assert np.array_equal(classes, logits.argmax(1))


@pytest.mark.parametrize("targeted", [False, True])
def test_steps_are_those_of_spgd(stored: Stored, targeted: bool) -> None:
    split = stored.drawn()
    with torch.no_grad():
        likely = stored.model(split.images.float() / 255).softmax(1).transpose(0, 1).flatten(1)
    sure = (likely > 0.75).sum(1)  # these images or pixels earn a targeted attack no more
    assert 0 < sure.max() < likely.shape[1]
    aim: Objective = Towards(int(sure.argmax())) if targeted else Untargeted()
    attack = SPGD(Budget(EPSILON), aim, steps=6, seed=5, batch_size=9, precision="32-true")
    delta = attack.budget.random_start((1, 3, SIDE, SIDE), torch.Generator().manual_seed(5))
    velocity, batches = torch.zeros_like(delta), mini_batches(IMAGES, 9, 5)
    for expected in attack.stream(stored.model, split, track=False):
        index = next(batches)
        part = Split(split.images[index], split.labels[index])
        labels = aim.aimed(part.labels, lambda: part.labels)  # noqa: B023
        size = attack._length(expected.iteration) * EPSILON
        found, momentum, logits = taken(stored.step, part, labels, delta, velocity, size, aim)
        with torch.no_grad():
            before = stored.model(apply(part.images.float() / 255, delta))
        torch.testing.assert_close(torch.from_numpy(logits), before, atol=2e-4, rtol=1e-3)
        # a pixel whose gradients cancel may step either way
        assert ((torch.from_numpy(found) - expected.delta).abs() > 1e-6).float().mean() < 0.005
        assert np.abs(found).max() <= np.float32(EPSILON)
        delta, velocity = expected.delta, torch.from_numpy(momentum)
    assert velocity.abs().mean() > 0.1


def test_an_image_labelled_minus_one_counts_nowhere(stored: Stored) -> None:
    split, start = stored.drawn(6), torch.zeros(1, 3, SIDE, SIDE)
    some = Split(split.images[:4], split.labels[:4])
    labels = torch.cat([some.labels, torch.full_like(split.labels[4:], -1)])
    whole = taken(stored.step, some, some.labels, start, start, 0.01, Untargeted())
    filled = taken(stored.step, split, labels, start, start, 0.01, Untargeted())
    np.testing.assert_allclose(filled[1], whole[1], atol=2e-4, rtol=1e-3)
    assert np.abs(taken(stored.step, split, split.labels, start, start, 0.01, Untargeted())[1] - whole[1]).max() > 0.1


def test_graphs_hold_no_weights_and_serve_every_model_of_the_architecture(stored: Stored, tmp_path: Path) -> None:
    retrained = copy.deepcopy(stored.model)
    for weight in retrained.parameters():
        weight.mul_(1.5)
    store.save(tmp_path, retrained, store.read(stored.folder).config)
    one, other = (
        browser_graphs.export(model, folder, (SIDE, SIDE))
        for model, folder in ((stored.model, stored.folder), (retrained, tmp_path))
    )
    assert one == other
    assert len(one.step) < 60_000


def test_what_cannot_run_there_is_named(stored: Stored) -> None:
    model = Normalised(nn.Sequential(nn.Conv2d(3, 8, 3), nn.GELU()), (0.5,) * 3, (0.5,) * 3)
    with pytest.raises(ValueError, match=r"cannot run in the browser: it needs gelu in a form .* made of .*conv2d"):
        browser_graphs.export(model, stored.folder, (SIDE, SIDE))


def test_a_network_that_decides_while_it_runs_is_named(stored: Stored) -> None:
    class Deciding(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(ValueError, match="cannot run in the browser"):
        browser_graphs.export(Normalised(Deciding(), (0.5,) * 3, (0.5,) * 3), stored.folder, (SIDE, SIDE))


def test_a_damaged_weights_file_is_named(stored: Stored, tmp_path: Path) -> None:
    (tmp_path / store.WEIGHTS).write_bytes(b"\x10\0\0\0\0\0\0\0{broken")
    with pytest.raises(FileError, match=r"model\.safetensors cannot be read"):
        browser_graphs.export(stored.model, tmp_path, (SIDE, SIDE))


def test_without_onnx_one_sentence_says_what_installs_it(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'plainsight\[export\]'"):
        browser_graphs.export(stored.model, stored.folder, (SIDE, SIDE))
