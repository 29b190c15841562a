"""The thread for runs: it gives way to views, and ends quietly with the process."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from app.service import background

HELD = """
from app.service import background

@background.computed
def run():
    try:
        yield 1
        yield 2
    finally:
        print("let go")

held = run()
print(next(held))
"""


def test_a_run_computes_behind_the_views_in_one_thread() -> None:
    seen, closed = [], []

    @background.computed
    def counting(n: int) -> Iterator[int]:
        try:
            for number in range(n):
                thread = threading.get_native_id()
                seen.append((thread, os.getpriority(os.PRIO_PROCESS, thread)))
                yield number
        finally:
            closed.append(threading.get_native_id())

    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert list(counting(3)) == [0, 1, 2]
    (thread, priority), *others = set(seen)
    assert not others, "one thread for all runs, so that PyTorch need not start its own again"
    assert thread != threading.get_native_id()
    assert priority == (min(19, own + background.BEHIND) if sys.platform == "linux" else own)
    stopped = counting(3)
    assert next(stopped) == 0
    stopped.close()
    assert closed == [thread, thread], "what a run holds is let go where it was taken"


def test_what_goes_wrong_there_is_told_here() -> None:
    with pytest.raises(ZeroDivisionError):
        list(background.computed(lambda: (1 // zero for zero in (0,)))())


def test_a_run_that_is_held_when_the_process_ends_is_let_go_without_a_word() -> None:
    ended = subprocess.run([sys.executable, "-c", HELD], capture_output=True, text=True, timeout=60, check=True)
    assert (ended.stdout.split("\n"), ended.stderr) == (["1", "let go", ""], "")
