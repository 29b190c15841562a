"""What several unit tests share."""

import pytest
from hypothesis import settings
from stored import CONFIG, network

from core import checkpoints

settings.register_profile("plainsight", max_examples=60, deadline=None, derandomize=True)
settings.load_profile("plainsight")

NUMERICS = {
    *("attacks", "capture", "checkpoints", "evaluation", "exchange", "foreign", "ladder", "lent", "models"),
    *("objectives", "precompute", "robustness"),
    *("machines", "team", "threat", "training"),
}
"""What tests of these modules say rests on what models and attacks compute."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.stem.removeprefix("test_") in NUMERICS and item.path.parent.name == "unit":
            item.add_marker(pytest.mark.numerics)


@pytest.fixture
def folder(tmp_path):
    """A model folder for the data set `tiny`, not measured yet."""
    checkpoints.save(tmp_path / "tiny" / "standard", network(), CONFIG)
    return tmp_path / "tiny" / "standard"
