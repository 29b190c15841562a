"""How the app stops: at SIGTERM and Ctrl+C runs end, streams close, and the process is gone within `SECONDS`."""

import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

SECONDS = 4.0
FOLDER = "plainsight-app-"
"""How the folders begin that Gradio may write into, each of one process."""


class Stopping:
    """Waits until somebody asks the process to stop, inside a `with`.

    Process 1 of a container hears of no signal that it has no handler for, so both have one.
    """

    def __enter__(self) -> "Stopping":
        self._reading, self._writing = os.pipe()
        self._asked = self._serving = False
        self._before = {number: signal.signal(number, self._heard) for number in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._reading)
        os.close(self._writing)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if self._asked or not self._serving:  # asked twice, or nothing has begun
            leave(1 if self._asked else 0)
        self._asked = True
        os.write(self._writing, b".")

    def begin(self) -> None:
        """From here on a signal does not end the process at once, but lets `wait` return."""
        self._serving = True

    def wait(self) -> None:
        """Return once the process is asked to stop."""
        os.read(self._reading, 1)


def stop(*ends: Callable[[], object]) -> None:
    """Call these one after the other, and leave; whatever takes longer than `SECONDS` is left behind."""
    watch = threading.Timer(SECONDS, leave)
    watch.daemon = True
    watch.start()
    for end in ends:
        with suppress(Exception):  # the next one has its turn whatever became of this one
            end()
    leave()


def leave(status: int = 0) -> None:
    """End the process at once: threads that compute in PyTorch would abort it where Python ends beneath them."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(status)


def own_folder() -> Callable[[], object]:
    """Give Gradio a folder of this process, and remove those of processes that were killed; what removes it again.

    Does nothing where GRADIO_TEMP_DIR names a folder, or where no folder can be written.
    """
    if os.environ.get("GRADIO_TEMP_DIR"):
        return _nothing
    try:
        import fcntl

        root = Path(tempfile.gettempdir())
        for left in root.glob(f"{FOLDER}*"):
            with suppress(OSError), (left / "lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails where its process is alive
                shutil.rmtree(left)
        own = Path(tempfile.mkdtemp(prefix=FOLDER))
        held = (own / "lock").open("w")
        fcntl.flock(held, fcntl.LOCK_EX)
    except (ImportError, OSError):
        return _nothing
    os.environ["GRADIO_TEMP_DIR"] = str(own)

    def removed() -> None:
        held.close()
        shutil.rmtree(own, ignore_errors=True)

    return removed


def _nothing() -> None:
    """There is no folder to remove."""
