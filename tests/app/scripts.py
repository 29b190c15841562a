"""Runs the page's scripts without a browser, by Node, which `make lint` needs too."""

import json
import shutil
import subprocess
from typing import Any

import pytest

from app.components import BLIND, bundled


def ran(code: str, given: Any = None) -> Any:
    """What `code` returns, with the modules of the blind test before it, as the page has them; `given` is its input."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("There is no Node here; tests/browser runs the same scripts.")
    modules = bundled(*(f"blind/{name}.js" for name in BLIND))
    run = f"(async () => {{ {code} }})().then(found => console.log(JSON.stringify(found)));"
    whole = f"{modules}\nconst given = {json.dumps(given)};\n{run}"
    done = subprocess.run([node, "-"], input=whole, capture_output=True, text=True, timeout=120, check=False)
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)
