"""The pinned versions: each file holds what it is for, all of it and nothing else, and no two files disagree."""

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
pytestmark = pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the pins are for Python 3.11")
CUDA = re.compile(r"cuda-|nvidia-|triton$")


def pins(name: str) -> dict[str, str]:
    """Versions by package, of `requirements.txt` or of a file beside it."""
    lines = (ROOT / name).read_text("utf-8").splitlines()
    found = dict(line.split("==") for line in lines if not line.startswith("#"))
    return {canonicalize_name(package): version for package, version in found.items()}


def needed(given: list[str]) -> set[str]:
    """These packages and all that they ask for here, as far as they are installed."""
    todo, seen = [Requirement(one) for one in given], set()
    while todo:
        asked = todo.pop()
        key = (canonicalize_name(asked.name), frozenset(asked.extras))
        if key in seen:
            continue
        seen.add(key)
        try:
            further = metadata.requires(asked.name) or []
        except metadata.PackageNotFoundError:  # `make env-test` installs no peers of benchmarks/
            continue
        for one in map(Requirement, further):
            if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in ("", *asked.extras)):
                one.marker = None
                todo.append(one)
    return {name for name, _ in seen}


FILES = {path.name: pins(f"requirements/{path.name}") for path in sorted((ROOT / "requirements").iterdir())}
APP, CARD = pins("requirements.txt"), FILES["cuda.txt"]


def test_the_app_has_a_file_of_its_own() -> None:
    asked = needed(PROJECT["dependencies"])
    processor = {name for name in asked if not CUDA.match(name)}
    assert processor <= set(APP), f"requirements.txt lacks {sorted(processor - set(APP))}"
    assert not [name for name in APP if CUDA.match(name)]
    assert asked - processor <= set(CARD)
    others = set().union(*(needed(extra) for extra in EXTRAS.values())) - asked
    assert not others & set(APP), f"requirements.txt has what only extras need: {sorted(others & set(APP))}"


@pytest.mark.parametrize("extra", EXTRAS)
def test_every_extra_has_a_file_of_its_own(extra: str) -> None:
    asked, own = needed(EXTRAS[extra]), FILES[f"{extra}.txt"]
    lacking = asked - set(APP) - set(CARD) - set(own)
    assert not lacking, f"requirements/{extra}.txt lacks {sorted(lacking)}"
    assert not set(own) & set(APP)
    assert {canonicalize_name(Requirement(one).name) for one in EXTRAS[extra]} <= set(APP) | set(own)


def test_there_is_a_file_for_nothing_else() -> None:
    assert set(FILES) == {f"{name}.txt" for name in (*EXTRAS, "cuda", "tools")}


def test_all_of_them_are_audited() -> None:
    job = (ROOT / ".github" / "workflows" / "audit.yml").read_text("utf-8")
    (audited,) = re.findall(r"pins: \[(.*)\]", job)
    assert {f"{name}.txt" for name in audited.split(", ")} == {*FILES, "app.txt"}


def test_no_two_files_disagree() -> None:
    versions: dict[str, set[str]] = {}
    for file in (APP, *FILES.values()):
        assert list(file) == sorted(file)
        for name, version in file.items():
            versions.setdefault(name, set()).add(version)
    assert not {name: found for name, found in versions.items() if len(found) > 1}


def test_what_is_pinned_is_what_is_tested() -> None:
    installed = {name: metadata.version(name) for name in APP}
    assert {name: version.partition("+")[0] for name, version in installed.items()} == APP
