"""Run the tests that rest on numerics as they would run on other processors: `make test-machines`.

Instruction set, number of threads and precision change how sums round, and so the trajectory of every training and
attack; shifted seeds are other pictures, weights and starts. A test that passes here by luck fails in one of these.

    python tests/machines.py                    # all variants, one after the other
    python tests/machines.py sse4-1-bf16-seeds1 # one of them; what follows -- goes to pytest
"""

import os
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

SETS = {
    "sse4": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"},
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "own": {},
}
"""Instruction sets of PyTorch and of oneDNN, up to the machine's own."""
OTHERS = [("bf16", 1), ("fp32", 2), ("fp32", 3), ("bf16", 2), ("bf16", 3), ("fp32", 0)]
"""Precision and shift of the seeds, for each set with one thread and with two: every value, and not every product."""
VARIANTS = {
    f"{name}-{threads}-{precision}-seeds{shift}": SETS[name]
    | {
        "OMP_NUM_THREADS": str(threads),
        "PLAINSIGHT_TEST_PRECISION": precision,
        "PLAINSIGHT_TEST_SEED_SHIFT": str(shift),
    }
    for (name, threads), (precision, shift) in zip(product(SETS, (1, 2)), OTHERS, strict=True)
}


def run(variant: dict[str, str], words: list[str]) -> int:
    """The exit status of the tests in these surroundings."""
    settings = {name for one in VARIANTS.values() for name in one} | {"PLAINSIGHT_REQUIRE"}
    surroundings = {name: value for name, value in os.environ.items() if name not in settings} | variant
    processes = "0" if variant["OMP_NUM_THREADS"] == "2" else "2"  # two processors, one way or the other
    command = [sys.executable, "-m", "pytest", "-n", processes, "-m", "numerics", "tests/unit", *words]
    return subprocess.run(command, env=surroundings, cwd=Path(__file__).parents[1]).returncode


def main(words: list[str]) -> int:
    """Run the variants named before `--`, or all; 1 where one has failed."""
    cut = words.index("--") if "--" in words else len(words)
    names, more = words[:cut] or list(VARIANTS), words[cut + 1 :]
    if unknown := [name for name in names if name not in VARIANTS]:
        sys.exit(f"No variant is named {', '.join(unknown)}; known are {', '.join(VARIANTS)}.")
    ended = {}
    for name in names:
        print(f"\n== {name}", flush=True)
        started = time.perf_counter()
        ended[name] = run(VARIANTS[name], more) == 0, time.perf_counter() - started
    print("\nvariant                 tests      seconds")
    for name, (passed, seconds) in ended.items():
        print(f"{name:22}  {'pass' if passed else 'FAIL'}  {seconds:12.0f}")
    return int(not all(passed for passed, _ in ended.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
