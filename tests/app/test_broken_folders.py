"""Model folders that cannot be read: they are left out, with a line in the log and a notice; all else works."""

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
import shows
import torch

from app import service
from app.page import discovered, in_a_loop
from app.service import CompareSession
from app.service.cache import LRUCache, caches
from app.service.runs import RunRegistry
from app.session import Session
from app.tabs import compare, events
from core import files
from core.checkpoints import perturbations

FILES = ("config.json", "results.json", "model.safetensors", "perturbations.safetensors")
BROKEN = "broken"
TABS = ["Compare", "Perceptibility", "Segmentation", "Trade-off", "Your pictures", "Can you see it?"]


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


@pytest.fixture
def copy(models: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A third model of signs, a copy of the shared one, of which nothing is in memory."""
    monkeypatch.setattr(caches, "models", LRUCache(4))
    monkeypatch.setattr(caches, "answers", LRUCache(4))
    root = models / "checkpoints" / "signs"
    folder = root / BROKEN
    shutil.copytree(root / "shared-s64-e16-w0.5", folder)
    yield folder
    shutil.rmtree(folder)
    os.utime(root)


@pytest.fixture(params=[truncated, emptied], ids=lambda spoil: spoil.__name__)
def spoil(request: pytest.FixtureRequest) -> Callable[[Path], None]:
    return request.param


@pytest.fixture(scope="module")
def view() -> Any:
    """The Compare tab on a page of its own."""

    def built() -> Any:
        with gr.Blocks():
            return compare.build(RunRegistry())

    return in_a_loop(built)


@pytest.mark.parametrize("file", FILES)
def test_what_is_damaged_is_left_out_with_a_word_and_the_rest_works(
    copy: Path, view: Any, spoil: Callable[[Path], None], file: str, caplog: pytest.LogCaptureFixture
) -> None:
    spoil(copy / file)
    with caplog.at_level(logging.WARNING):
        assert [tab.TITLE for tab in discovered()] == TABS  # the app starts
        for _ in range(2):
            shown = events.opened(view, {"data": "signs", "b": BROKEN})
    assert "model B" in shown[view.status]
    assert f"signs/{BROKEN} ({file}" in shown[view.notice]
    assert str(copy.parent) not in shown[view.notice]
    assert shown[view.session].b == "shared-s64-e16-w0.5"
    health = service.health()
    assert health["status"] == "ok"
    assert [one.partition(":")[0] for one in health["unreadable"]] == [f"signs/{BROKEN}"]
    assert [record.message.count(f"signs/{BROKEN} is left out") for record in caplog.records] == [1]
    assert BROKEN not in [name for _, name in service.menu(CompareSession(data="signs")).models]
    assert BROKEN not in [entry["model"] for entry in service.list_models()]


def test_choosing_damaged_weights_says_so_and_the_page_stays(copy: Path, view: Any, session: Session) -> None:
    session = replace(session, b="shared-s64-e16-w0.5")
    assert service.changed(session, "b", BROKEN).b == BROKEN
    truncated(copy / "model.safetensors")
    sentence = f"signs/{BROKEN} is left out: model.safetensors has"  # and not where it lies
    with pytest.warns(UserWarning, match=f"^{sentence}"):  # as Gradio says it where no page is open
        shown = events._chosen(view, "b")(session, BROKEN)
    assert sentence in shown[view.status]
    assert str(copy) not in shown[view.status]
    assert shown[view.session].b == session.b
    assert shown[view.controls["b"]]["value"] == session.b
    assert BROKEN not in [name for _, name in shown[view.controls["b"]]["choices"]]
    assert shows.comparison(session).b.measured is not None


def test_a_repaired_folder_is_back(copy: Path) -> None:
    whole = (copy / "results.json").read_bytes()
    truncated(copy / "results.json")
    assert list(service.unreadable()) == [f"signs/{BROKEN}"]
    (copy / "results.json").write_bytes(whole)
    os.utime(copy / "results.json", ns=(1, 1))
    assert service.unreadable() == {}
    assert service.notice() == ""
    assert BROKEN in [name for _, name in service.menu(CompareSession(data="signs")).models]


def test_perturbations_of_another_size_are_no_dead_end(copy: Path) -> None:
    deltas = perturbations.load(copy)
    perturbations.save(copy, dict.fromkeys(deltas, torch.zeros(1, 3, 8, 8)))
    page = service.settled(lambda: shows.comparison(service.opened({"data": "signs", "b": BROKEN}, CompareSession)[0]))
    assert page.b.measured is not None
    assert "8x8 pixels, and the images are 96x96" in service.unreadable()[f"signs/{BROKEN}"]


def test_a_data_set_that_is_not_known_costs_its_models_only(copy: Path) -> None:
    config = copy / "config.json"
    config.write_text(config.read_text().replace('"signs"', '"nothing"'))
    os.utime(copy.parent)
    assert "nothing" in service.unreadable()[f"signs/{BROKEN}"]
    assert service.ready()


def test_only_damaged_folders_leave_a_page_that_says_so(
    models: Path, view: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(models / "checkpoints" / "signs" / "standard", tmp_path / "signs" / "standard")
    monkeypatch.setenv("PLAINSIGHT_CHECKPOINTS", str(tmp_path))
    truncated(tmp_path / "signs" / "standard" / "config.json")
    shown = events.opened(view, {})
    assert "There are no trained models" in shown[view.status]
    assert "signs/standard (config.json is not JSON)" in shown[view.notice]
    assert service.health()["status"] == "no models"


def test_a_model_of_other_classes_than_its_data_is_left_out(copy: Path) -> None:
    config = files.read_json(copy / "config.json")
    files.write_json(copy / "config.json", config | {"classes": config["classes"][::-1]})
    (reason,) = service.health()["unreadable"]
    assert reason == f"signs/{BROKEN}: its classes are not those of signs, in their order"
