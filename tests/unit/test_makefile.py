"""`make help` names every target."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make here")
def test_help_lists_every_target():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split()
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^  make (\S+) +\S", told, re.MULTILINE) == targets
    rules = re.findall(r"^([a-z][a-z-]*)[^:=\n]*:(?!=)", text.partition("\ndefine ")[0], re.MULTILINE)
    assert set(rules) <= set(targets)
