"""The examples in the README run as they stand there."""

import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from stored import class_folders

from core.models.architectures import create

pytestmark = pytest.mark.slow
BLOCKS = re.findall(r"```python\n(.*?)```", (Path(__file__).parents[2] / "README.md").read_text("utf-8"), re.DOTALL)


def test_the_first_example_attacks_what_ships(monkeypatch, capsys):
    monkeypatch.chdir(Path(__file__).parents[2])
    code = BLOCKS[0].replace("steps=50", "steps=4")
    assert code != BLOCKS[0]
    exec(code, {})
    assert re.search(r"Rate\(successes=\d+, n=500\)", capsys.readouterr().out)


def test_the_second_takes_anybodys_weights_and_images(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    class_folders(tmp_path / "birds", 3, 3, ("robin", "wren"))
    save_file(create("timm:resnet10t", 2).network.state_dict(), tmp_path / "my.safetensors")
    torch.manual_seed(0)
    code = BLOCKS[1].replace("timm:resnet50", "timm:resnet10t").replace("@224", "@64")
    assert len([line for line in code.splitlines() if line]) < 10
    exec(code.replace("Search()", "Search(steps=2, warm_steps=2)"), {})
    assert re.search(r"^(None|[\d.]+) \(", capsys.readouterr().out)
