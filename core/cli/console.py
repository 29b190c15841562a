"""Where the commands print: results on standard output, progress and messages on standard error."""

from typing import Any

from rich.console import Console

PLAIN: dict[str, Any] = {"markup": False, "emoji": False}
"""Names of files and classes are printed as they are: `[x]` is no style, `:car:` no picture."""
out, err = Console(**PLAIN), Console(stderr=True, **PLAIN)
