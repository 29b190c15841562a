"""One folder of tiny models for all tests of the app."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny

from app import service
from app.session import Session
from core.datasets import signs


@pytest.fixture(scope="session", autouse=True)
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder, counts, before = tmp_path_factory.mktemp("app"), dict(signs.COUNTS), dict(os.environ)
    os.environ.update(tiny.environment(folder))
    tiny.few()
    tiny.make(folder)
    yield folder
    signs.COUNTS.update(counts)
    for name in tiny.environment(folder):
        os.environ.pop(name)
    os.environ.update({name: value for name, value in before.items() if name.startswith("PLAINSIGHT_")})


@pytest.fixture
def session() -> Session:
    """The first view."""
    return service.opened({})[0]
