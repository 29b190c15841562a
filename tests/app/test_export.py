"""The static edition: what is in its folder, that its numbers are the service's, and which folders are refused."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from tiny import CLASSIFIER  # noqa: F401 (the models are tiny)

from app import service
from app.edition.export import document, folder, store
from app.edition.export.store import CUTS, Strings, pieces, shared, slug
from app.markup import common, compare


def test_one(edition: Path) -> None:
    print(sorted(path.name for path in edition.iterdir()))
