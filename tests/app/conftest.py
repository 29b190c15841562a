"""One folder of tiny models for all tests of the app."""

from pathlib import Path

import pytest
import tiny

from app import service
from app.session import Session
from core.datasets import signs, streets


def _surround(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """The app's own models, cache and few signs, for as long as the patch lasts."""
    for name, value in tiny.environment(folder).items():
        patch.setenv(name, value)
    for counts, few in ((signs.COUNTS, tiny.SPLITS), (streets.COUNTS, tiny.SCENES)):
        for split, count in few.items():
            patch.setitem(counts, split, count)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the models, made once."""
    folder = tmp_path_factory.mktemp("app")
    with pytest.MonkeyPatch.context() as patch:
        _surround(patch, folder)
        tiny.make(folder)
    return folder


@pytest.fixture(autouse=True)
def models(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test of the app sees these models, and no other test does."""
    _surround(monkeypatch, made)
    return made


@pytest.fixture
def session() -> Session:
    """The first view."""
    return service.opened({})[0]


@pytest.fixture
def scenes() -> Session:
    """The first view of the Segmentation tab."""
    return service.opened({}, "segmentation")[0]
