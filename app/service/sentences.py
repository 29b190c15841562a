"""What people are told of an error: one sentence, without where things lie on the machine that runs the app."""

import logging
import re
import traceback
from pathlib import Path

PATH = re.compile(r"(?<![\w.:/~])(?:/[^\s/'\",;:()]+){2,}/?|\b[A-Za-z]:\\[^\s'\",;()]+")
UNKNOWN = "Something went wrong here, and the app's log says where."


def told(error: BaseException) -> str:
    """The sentence of an error that was raised for people; for any other one that leads to the log.

    >>> told(ValueError("/home/ada/models/signs/a/config.json is missing."))
    'a/config.json is missing.'
    >>> told(OSError(28, "No space left on device", "/home/ada/x"))
    'The machine that runs the app reports: no space left on device.'
    """
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        logged(error)
        return f"The machine that runs the app reports: {error.strerror[:1].lower()}{error.strerror[1:]}."
    if not isinstance(error, OSError | ValueError) or isinstance(error, UnicodeError):
        logged(error)
        return UNKNOWN
    return PATH.sub(lambda found: "/".join(re.split(r"[/\\]", found[0].rstrip("/"))[-2:]), str(error))


def logged(error: BaseException) -> None:
    """One line for the log: the kind of an error, its words, and the last places in the code that it came through."""
    calls = traceback.extract_tb(error.__traceback__)[-3:]
    places = " < ".join(f"{Path(call.filename).name}:{call.lineno}" for call in reversed(calls))
    logging.getLogger("plainsight").error("%s: %s (%s)", type(error).__name__, str(error)[:300], places)
