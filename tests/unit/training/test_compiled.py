"""Training with compiled passes: the same weights as without, and what cannot be compiled is refused."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from test_cudagraph import RECIPES, closeness, needs_gpu, weights
from tiny_training import ON_CPU, SHARED, tiny_network, tiny_split

from core.distributed import ProcessGroup
from core.training.loop import train
from core.training.step import Update


def trained(recipe, resume, **options):
    model = tiny_network()
    train(model, tiny_split(), recipe, resume=resume, mirror=True, **ON_CPU, **options)
    return weights(model)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # what torch says to itself
@pytest.mark.parametrize("kind", RECIPES)
def test_compiled_passes_train_as_the_usual_ones(kind, tmp_path, monkeypatch):
    """Traced as for a compiler, and run as traced."""
    recipe, seen = RECIPES[kind], set()

    def as_it_is(graph, examples):
        seen.update(len(given) for given in examples if given.ndim == 4 and given.shape[2:] == (8, 8))
        return graph.forward

    usual = trained(recipe, tmp_path / "usual")
    monkeypatch.setattr("core.training.step.torch.compile", partial(torch.compile, backend=as_it_is))
    found = trained(recipe, tmp_path / "compiled", compiled=True)
    assert closeness(usual, found) < 1e-5
    assert seen, "passes were compiled"
    assert seen <= {recipe.batch_size, 2 * recipe.batch_size}, "for whole mini-batches only"


@needs_gpu
def test_compiled_passes_in_a_graph_train_as_the_usual_ones(tmp_path):
    found = []
    for compiled in (False, True):
        model = tiny_network()
        options = {"device": "cuda", "precision": "32-true", "compiled": compiled}
        train(model, tiny_split(), SHARED, resume=tmp_path / str(compiled), mirror=True, **options)
        found.append(weights(model))
    assert closeness(*found) < 0.02


@pytest.mark.parametrize(
    ("recipe", "group", "fits"),
    [
        (replace(SHARED, jacobian=0.1), ProcessGroup(0, 1), "the Jacobian is not regularised"),
        (SHARED, ProcessGroup(0, 2), "one process trains"),
    ],
)
def test_what_cannot_be_compiled_is_refused(recipe, group, fits):
    model = torch.nn.Module()
    model.module = tiny_network()
    with pytest.raises(ValueError, match=f"only where {fits}; leave --compile out"):
        Update(None, model, None, recipe, group, compiled=True)
