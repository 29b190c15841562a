"""What several unit tests share."""

import pytest
from stored import CONFIG, network

from core import checkpoints


@pytest.fixture
def folder(tmp_path):
    """A model folder for the data set `tiny`, not measured yet."""
    checkpoints.save(tmp_path / "tiny" / "standard", network(), CONFIG)
    return tmp_path / "tiny" / "standard"
