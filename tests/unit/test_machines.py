"""The variants of `make test-machines`: every value occurs, and each reaches the tests."""

import os

import machines
import pytest
import torch
from known import SHIFT

from core.runtime import default_precision


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("ATEN_CPU_CAPABILITY", {"default", "avx2", None}),
        ("ONEDNN_MAX_CPU_ISA", {"SSE41", "AVX2", None}),
        ("OMP_NUM_THREADS", {"1", "2"}),
        ("PLAINSIGHT_TEST_PRECISION", {"fp32", "bf16"}),
        ("PLAINSIGHT_TEST_SEED_SHIFT", {"0", "1", "2", "3"}),
    ],
)
def test_every_value_occurs(name, values):
    assert {variant.get(name) for variant in machines.VARIANTS.values()} == values


def test_the_surroundings_are_those_that_were_asked_for():
    capability = os.environ.get("ATEN_CPU_CAPABILITY")
    assert capability in (None, torch.backends.cpu.get_cpu_capability().lower())
    assert os.environ.get("OMP_NUM_THREADS") in (None, str(torch.get_num_threads()))
    assert os.environ.get("PLAINSIGHT_TEST_SEED_SHIFT", "0") == str(SHIFT)
    precision = {"bf16": "bf16-mixed", "fp32": "32-true"}.get(os.environ.get("PLAINSIGHT_TEST_PRECISION"))
    assert precision in (None, default_precision("cpu"))


@pytest.mark.parametrize(("status", "ends"), [(0, 0), (1, 1), (5, 1)])
def test_one_variant_that_fails_fails_all(monkeypatch, capsys, status, ends):
    last = list(machines.VARIANTS)[-1]
    monkeypatch.setattr(machines, "run", lambda variant, words: status if variant is machines.VARIANTS[last] else 0)
    assert machines.main([]) == ends
    assert f"{last:22}  {'FAIL' if ends else 'pass'}" in capsys.readouterr().out


def test_a_variant_that_is_not_there_is_named():
    with pytest.raises(SystemExit, match=r"No variant is named arm; known are sse4-1-bf16-seeds1, "):
        machines.main(["arm"])
