"""What several unit tests share."""

import shutil
from pathlib import Path

import pytest

NUMERICS = {
    *("attacks", "models", "robustness"),
    *("checkpoints/test_store.py", "evaluation/test_report.py"),
    *("training/test_cudagraph.py", "training/test_loop.py"),
    *("workflows/test_assess.py", "workflows/test_cross_epsilon.py", "workflows/test_precompute.py"),
    *("test_distributed.py", "test_machines.py", "test_threat.py"),
}
"""What these tests, or all in a folder, say rests on what models and attacks compute."""


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("numprocesses", None):
        return
    from hypothesis import settings

    settings.register_profile("plainsight", max_examples=60, deadline=None, derandomize=True)
    settings.load_profile("plainsight")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            own = item.path.relative_to(here)
            if NUMERICS & {own.parts[0], own.as_posix()}:
                item.add_marker(pytest.mark.numerics)


@pytest.fixture(scope="session")
def _saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `folder` copies."""
    from stored import CONFIG, network

    from core.checkpoints import store

    saved = tmp_path_factory.mktemp("saved") / "standard"
    store.save(saved, network(), CONFIG)
    return saved


@pytest.fixture
def folder(tmp_path, _saved):
    """A model folder for the data set `tiny`, not measured yet."""
    return shutil.copytree(_saved, tmp_path / "tiny" / "standard")
