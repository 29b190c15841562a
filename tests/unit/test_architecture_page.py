"""The table of behaviours in docs/explanation/architecture.md: every file and name exists, the guesses are counted."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/explanation/architecture.md").read_text("utf-8")
SECTION = PAGE.partition("## Where to find behaviour\n")[2].partition("\n## ")[0]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")] for line in SECTION.splitlines() if line.startswith("| ")
][1:]
NAMED = re.findall(r"`([\w./]+\.\w+)`(?:\s\(`([\w.]+)`\))?", SECTION)


def defined(body: list[ast.stmt], prefix: str = "") -> set[str]:
    """What the body of a module or a class defines; methods as `Class.method`."""
    names: set[str] = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(prefix + node.name)
        if isinstance(node, ast.ClassDef):
            names |= defined(node.body, f"{prefix}{node.name}.")
        if isinstance(node, ast.Assign):
            names |= {prefix + target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_the_file_and_the_name_exist(path, name):
    assert (ROOT / path).is_file()
    assert not name or name in defined(ast.parse((ROOT / path).read_text("utf-8")).body)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_guess_is_marked_right_where_it_is(row):
    guess, where, right = row[1:]
    assert (ROOT / guess.strip("`")).exists()
    assert right == ("yes" if guess in where else "no")


def test_the_page_counts_its_right_guesses():
    assert len(ROWS) >= 20
    assert f"{sum(row[3] == 'yes' for row in ROWS)} of {len(ROWS)} guesses were right" in SECTION
