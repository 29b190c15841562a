"""What the tests of the app see: tiny models, and the first view of a tab."""

from dataclasses import replace
from pathlib import Path

import pytest
import tiny

from app import service
from app.service import catalogue
from app.session import Session


@pytest.fixture(autouse=True)
def models(tiny_models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test of the app sees these models, and no other test does."""
    tiny.surround(monkeypatch, tiny_models)
    monkeypatch.setattr(catalogue, "FRESH", 1e-6)  # what a test writes is seen at once
    return tiny_models


@pytest.fixture
def session() -> Session:
    """The first view, at equal strength."""
    return replace(service.opened({}, service.CompareSession)[0], equal="strength")


@pytest.fixture
def scenes() -> Session:
    """The first view of the Segmentation tab, at equal strength and on the first scene."""
    return replace(service.opened({}, service.SegmentationSession)[0], equal="strength", scene=0)
