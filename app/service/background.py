"""Runs compute behind the views: in one thread that gives way to those that answer visitors."""

import functools
import os
import sys
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import ParamSpec, TypeVar, cast

BEHIND = 10
"""How much nicer that thread is than the others: where both want a processor, it gets about a tenth."""
Given = ParamSpec("Given")
Found = TypeVar("Found")
Steps = Generator[Found, None, None]


def computed(work: Callable[Given, Steps[Found]]) -> Callable[Given, Steps[Found]]:
    """Decorate a generator that computes: what it does between two values it does in the thread for runs.

    The threads that PyTorch starts there give way too.
    """

    @functools.wraps(work)
    def there(*args: Given.args, **kwargs: Given.kwargs) -> Steps[Found]:
        steps, end = work(*args, **kwargs), object()
        try:
            while (found := _thread.submit(next, steps, end).result()) is not end:
                yield cast(Found, found)
        finally:
            try:
                closed = _thread.submit(steps.close)
            except RuntimeError:  # Python itself ends, and the thread has ended before
                steps.close()
            else:
                closed.result()

    return there


def _give_way() -> None:
    """Let the other threads of this process go first; only on Linux has a thread a priority of its own."""
    if sys.platform == "linux":
        with suppress(OSError):
            own = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, own, min(19, os.getpriority(os.PRIO_PROCESS, own) + BEHIND))


_thread = ThreadPoolExecutor(1, "run", _give_way)
