"""Two processes that train one model find what one process finds, also where a heap spans both."""

import os
import subprocess
import sys
from pathlib import Path

import distributed_work
import pytest
import torch
from safetensors.torch import load_file

from core.distributed import ALONE, ProcessGroup
from core.training.loop import train
from core.training.recipe import Recipe

WORK = Path(distributed_work.__file__)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What each of two processes has found."""
    folder = tmp_path_factory.mktemp("processes")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(WORK)]
    root = str(WORK.parents[2])
    surroundings = os.environ | {"PYTHONPATH": f"{root}{os.pathsep}{root}/tests", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, str(folder)], env=surroundings, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return [load_file(folder / f"rank{rank}.safetensors") for rank in range(2)]


@pytest.mark.parametrize("heap", distributed_work.HEAPS)
@pytest.mark.parametrize("kind", ["heap", "varied"])
@pytest.mark.slow
def test_two_processes_find_the_deltas_of_one(two, heap, kind):
    alone = distributed_work.deltas(ALONE)[f"{kind} {heap}"]
    together = torch.cat([found[f"{kind} {heap}"] for found in two])
    assert together.shape == alone.shape
    # the order of a sum may turn the sign of a gradient that is all but zero
    assert (together - alone).abs().lt(1e-6).float().mean() > 0.995


@pytest.mark.slow
def test_a_heap_that_spans_both_has_one_delta(two):
    parts = [found["heap 16"] for found in two]
    assert torch.equal(parts[0], parts[1])
    assert torch.equal(parts[0], parts[0][:1].expand_as(parts[0]))


@pytest.mark.slow
def test_two_processes_end_with_the_weights_of_one(two, tmp_path):
    alone = distributed_work.weights(tmp_path)
    for name, tensor in alone.items():
        assert torch.equal(two[0][name], two[1][name])
        assert torch.allclose(two[0][name], tensor, atol=1e-4), name


def test_a_mini_batch_that_does_not_divide_is_named(monkeypatch, tmp_path):
    for name, value in (("TORCHELASTIC_RUN_ID", "x"), ("WORLD_SIZE", "6"), ("LOCAL_WORLD_SIZE", "3")):
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match="mini-batch of 16 cannot be divided by 6 processes"):
        train(
            distributed_work.network(),
            distributed_work.pictures(),
            Recipe("x", batch_size=16),
            resume=tmp_path / "r",
            device="cpu",
        )


def test_every_row_has_one_owner():
    rows = [list(range(12))[ProcessGroup(rank, 4).shard(12)] for rank in range(4)]
    assert [row for part in rows for row in part] == list(range(12))
    assert {len(part) for part in rows} == {3}
