"""What a Gradio Space runs: `python -m app space --sdk gradio` writes it beside this package, as `app.py`."""

import os
from contextlib import suppress

with suppress(ImportError):
    import spaces  # noqa: F401 (before torch, which it prepares for ZeroGPU; only Spaces have it)

from app.__main__ import command

if __name__ == "__main__":
    os.environ.setdefault("GRADIO_SERVER_NAME", "0.0.0.0")
    command()
