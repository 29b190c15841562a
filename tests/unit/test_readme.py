"""The Python examples of README and docs run as they stand there."""

import ast
import importlib
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from stored import class_folders

from core.models.registry import create

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)


FOUND = [(str(page.relative_to(ROOT)), code) for page in PAGES for code in blocks(str(page.relative_to(ROOT)))]


@pytest.mark.parametrize(
    ("page", "code"),
    [
        # Gradio takes seconds to import
        pytest.param(page, code, id=page, marks=[pytest.mark.slow] * ("from app" in code))
        for page, code in FOUND
    ],
)
def test_what_an_example_imports_is_there(page, code):
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            for name in node.names:
                module = importlib.import_module(node.module)
                assert hasattr(module, name.name) or importlib.import_module(f"{node.module}.{name.name}")


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/reference/api/index.md"])
def test_the_first_example_attacks_what_ships(page, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    (example,) = blocks(page)
    code = example.replace("steps=50", "steps=4")
    assert code != example
    exec(code, {})
    assert re.search(r"Rate\(successes=\d+, n=500\)", capsys.readouterr().out)


@pytest.mark.slow
def test_the_second_takes_anybodys_weights_and_images(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    class_folders(tmp_path / "birds", 3, 3, ("robin", "wren"))
    save_file(create("timm:resnet10t", 2).network.state_dict(), tmp_path / "my.safetensors")
    torch.manual_seed(0)
    (example,) = blocks("docs/how-to/own-model.md")
    code = example.replace("timm:resnet50", "timm:resnet10t").replace("@224", "@64")
    assert len([line for line in code.splitlines() if line]) < 10
    exec(code.replace("Search()", "Search(steps=2, warm_steps=2)"), {})
    assert re.search(r"^(None|[\d.]+) \(", capsys.readouterr().out)


def test_the_results_reader_reads_what_ships(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    exec(blocks("docs/reference/results-schema.md")[0], {})
    assert re.fullmatch(r"[\d.]+ \[[\d.]+, [\d.]+\]\n", capsys.readouterr().out)


@pytest.mark.parametrize(("page", "name"), [("add-an-attack", "ATTACK"), ("add-a-data-set", "dataset")])
def test_the_files_that_how_tos_show_are_entries_of_a_registry(page, name):
    found: dict = {}
    exec(blocks(f"docs/how-to/{page}.md")[0], found)
    assert "NAME" in found
    assert name in found
