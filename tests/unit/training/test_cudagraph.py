"""Training as a CUDA graph: the same weights as without. What needs a GPU is skipped where there is none."""

import logging
from dataclasses import replace

import pytest
import torch
from tiny_training import ON_CPU, SHARED, tiny_network, tiny_split

from core.training import loop, step
from core.training.cudagraph import Captured, capture
from core.training.loop import train

without_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="records a CUDA graph, and there is no GPU")


def needs_gpu(test):
    """Skipped where there is no GPU, unless PLAINSIGHT_REQUIRE names `gpu`."""
    return pytest.mark.gpu(without_gpu(test))


RECIPES = {
    "shared": SHARED,
    "standard": replace(SHARED, sigma=0.0, heap=1, epsilon=0.0),
    "attacked only": replace(SHARED, sigma=1.0),
    "persistent": replace(SHARED, persist=True, steps=1),
    "ragged": replace(SHARED, batch_size=24, heap=5),
}


def weights(model):
    return {name: tensor.cpu() for name, tensor in model.state_dict().items()}


def closeness(one, other):
    """The largest difference of any two weights, in units of the largest of its tensor."""
    return max(
        ((one[name] - other[name]).abs().max() / one[name].abs().max().clamp(min=1e-6)).item()
        for name in one
        if one[name].is_floating_point()
    )


@pytest.mark.parametrize("kind", RECIPES)
def test_the_recorded_work_trains_as_the_direct_one(kind, tmp_path, monkeypatch):
    """On the CPU the work that would be recorded is run as it is, and must give the same weights."""
    direct, recorded = tiny_network(), tiny_network()
    train(direct, tiny_split(), RECIPES[kind], resume=tmp_path / "direct", mirror=True, **ON_CPU)
    calls = []

    def pretended(work, examples, model):
        shapes = [example.shape for example in examples]
        calls.append(shapes)

        def replayed(*inputs):
            assert [given.shape for given in inputs] == shapes, "a graph takes what it was recorded with"
            return work(*inputs)

        return replayed

    monkeypatch.setattr(step, "capture", pretended)
    monkeypatch.setattr(loop, "records", lambda device, process_group: True)
    train(recorded, tiny_split(), RECIPES[kind], resume=tmp_path / "recorded", mirror=True, **ON_CPU)
    assert len(calls) == 1, "recorded once, at the first whole mini-batch"
    assert closeness(weights(direct), weights(recorded)) < 1e-6


def test_a_graph_without_a_gpu_is_refused_in_words(tmp_path):
    with pytest.raises(ValueError, match="needs one process on a GPU, and here run 1 on cpu"):
        train(tiny_network(), tiny_split(), SHARED, resume=tmp_path / "resume", mirror=True, **ON_CPU, graph=True)


@needs_gpu
@pytest.mark.parametrize("kind", RECIPES)
def test_a_graph_trains_as_the_direct_work(kind, tmp_path):
    found = []
    for graph in (False, True):
        model = tiny_network()
        train(
            model,
            tiny_split(),
            RECIPES[kind],
            resume=tmp_path / str(graph),
            mirror=True,
            device="cuda",
            precision="32-true",
            graph=graph,
        )
        found.append(weights(model))
    assert closeness(*found) < 0.02
    start = weights(tiny_network())
    assert closeness(start, found[0]) > 0.1, "training changes the weights by more than that"


@needs_gpu
def test_recording_leaves_the_batch_statistics_alone():
    model, images = tiny_network().cuda().train(), torch.rand(8, 3, 8, 8, device="cuda")
    before = weights(model)
    recorded = Captured(lambda images: (model(images).sum(),), [images], model)
    assert closeness(before, weights(model)) == 0
    other = torch.rand_like(images)
    (found,) = recorded(other)
    assert torch.allclose(found, model(other).sum(), rtol=1e-3)


@needs_gpu
def test_what_cannot_be_recorded_runs_as_it_is(caplog):
    model, images = tiny_network().cuda(), torch.rand(8, 3, 8, 8, device="cuda")

    def waits(images):
        return (model(images).sum() * images.sum().item(),)

    with caplog.at_level(logging.WARNING):
        work = capture(waits, [images], model)
    assert work is waits
    assert "without a CUDA graph" in caplog.text
    assert torch.isfinite(work(images)[0])
