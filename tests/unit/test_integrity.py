"""Files that are damaged are noticed, killed writes leave nothing, and a full disk costs no result."""

import errno
import io
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from core import datasets, files
from core.checkpoints import perturbations, store
from core.cli import data_fetch
from core.datasets import _procedural, cache_root, signs
from core.files import FileError, read_tensors, sealed, write_bytes, write_tensors
from core.models.registry import create
from core.training.resume import ResumeFile
from core.workflows import train_model

DELTA = torch.arange(-12, 12).reshape(1, 2, 3, 4) / 255


def network() -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    return model, torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


def resumed(folder: Path) -> tuple[Path, Callable[[], object]]:
    """A resume file, and what is read from it."""
    model, optimizer = network()
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    state = ResumeFile(folder / "resume.safetensors", {"seed": 1})
    state.save(model, optimizer, 3, [{"loss": 0.5}])

    def read() -> object:
        model, optimizer = network()
        found = state.load(model, optimizer)
        slots = optimizer.state_dict()["state"].values()
        return found, [p.tolist() for p in model.parameters()], [slot["momentum_buffer"].tolist() for slot in slots]

    return state.path, read


def delta_file(folder: Path) -> tuple[Path, Callable[[], object]]:
    path = folder / "delta.safetensors"
    path.write_bytes(perturbations.delta_file(DELTA, {"model": "standard"}))
    return path, lambda: perturbations.read_delta(path).tolist()


def stored(folder: Path) -> tuple[Path, Callable[[], object]]:
    perturbations.save(folder, {"spgd-e8": DELTA, "spgd-e4": DELTA / 2})
    read = perturbations.load
    return folder / perturbations.FILE, lambda: {name: value.tolist() for name, value in read(folder).items()}


@pytest.mark.parametrize("make", [resumed, delta_file, stored], ids=lambda make: make.__name__)
def test_no_flipped_byte_goes_unnoticed(make: Callable[..., tuple[Path, Callable[[], object]]], tmp_path: Path) -> None:
    path, read = make(tmp_path)
    whole, right = path.read_bytes(), read()
    assert right == read()
    places = range(0, len(whole), max(1, len(whole) // 60))
    for place in [*places, len(whole) - 1]:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        with suppress(FileError):
            assert read() == right, f"byte {place} of {len(whole)}"


@pytest.fixture
def few(own_folders: Path) -> _procedural.Drawn:
    """A data set of four grey pictures."""

    def render(split: str, index: int) -> _procedural.Picture:
        return np.full((8, 8, 3), 10 * index, np.uint8), index

    return replace(signs.DRAWN, name="few", size=(8, 8), counts={"train": 4}, render=render)


def cache_of(few: _procedural.Drawn) -> Path:
    return cache_root() / f"few-v{few.version}" / "train.safetensors"


def test_a_cached_picture_with_a_flipped_byte_is_drawn_again(few: _procedural.Drawn) -> None:
    first, path = few.load("train"), cache_of(few)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100] + bytes([whole[-100] ^ 1]) + whole[-99:])
    assert torch.equal(few.load("train").images, first.images)
    assert path.read_bytes() == whole


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What is logged (`make test-fast` leaves out what pytest has for that)."""
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    logging.getLogger().addHandler(handler)
    yield heard
    logging.getLogger().removeHandler(handler)


def test_a_cache_that_cannot_be_written_costs_only_time(
    few: _procedural.Drawn, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    def full(*given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_procedural, "_write", full)
    assert len(few.load("train")) == 4
    assert not cache_of(few).exists()
    assert "No space left on device" in log.getvalue()


def test_fetching_says_where_pictures_cannot_be_kept(few: _procedural.Drawn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signs, "DRAWN", few)
    monkeypatch.setattr(_procedural, "_write", lambda *given: None)
    monkeypatch.setattr(datasets, "get", lambda name: signs.DRAWN.entry(None, "Few", tuple("abcd")))
    with pytest.raises(OSError, match="cannot be written: let PLAINSIGHT_CACHE name a folder"):
        data_fetch.data_fetch("signs")


def test_files_without_a_checksum_are_still_read(tmp_path: Path) -> None:
    tensors = {"x": torch.ones(3)}
    write_tensors(tmp_path / "old.safetensors", tensors, {"unit": "1/255"})
    assert read_tensors(tmp_path / "old.safetensors")["x"].tolist() == [1, 1, 1]
    write_tensors(tmp_path / "new.safetensors", {"x": torch.zeros(3)}, sealed(tensors, {}))
    with pytest.raises(FileError, match="is damaged: its content does not fit its checksum"):
        read_tensors(tmp_path / "new.safetensors")


def test_what_killed_writes_left_is_removed_and_is_no_model(tmp_path: Path) -> None:
    left, fresh = tmp_path / "signs" / ".writing-killed", tmp_path / "signs" / ".writing-now"
    for folder in (left, fresh):
        folder.mkdir(parents=True)
        (folder / store.CONFIG).write_text("{")
    os.utime(left, (time.time() - 2 * files.STALE,) * 2)
    assert store.find(tmp_path) == []
    write_bytes(tmp_path / "signs" / "x", b"whole")
    assert sorted(path.name for path in (tmp_path / "signs").iterdir()) == [".writing-now", "x"]


def test_a_finished_training_leaves_nothing_of_a_resume_file_that_was_half_written(tmp_path: Path) -> None:
    for folder, name in ((".writing-killed", "resume.safetensors"), (".writing-now", "results.json")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text("half")
    (tmp_path / "resume.safetensors").write_text("whole")
    ResumeFile(tmp_path / "resume.safetensors", {}).remove()
    assert [path.name for path in tmp_path.iterdir()] == [".writing-now"]


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on a disk that is full, as far as `write_bytes` can tell."""
    folder, moved = tmp_path / "full", os.replace

    def no_space(source: object, target: object) -> None:
        if Path(str(target)).is_relative_to(folder):
            raise OSError(errno.ENOSPC, "No space left on device")
        moved(str(source), str(target))

    monkeypatch.setattr(files.os, "replace", no_space)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return folder


def test_a_training_goes_on_without_its_resume_file(full: Path, log: io.StringIO) -> None:
    model, optimizer = network()
    ResumeFile(full / "resume.safetensors", {}).save(model, optimizer, 1, [])
    assert "resume.safetensors cannot be written (No space left on device)" in log.getvalue()


def test_a_trained_model_is_kept_elsewhere(full: Path) -> None:
    config = {"architecture": "resnet8/8", "data": "signs", "classes": ["a", "b"]}
    with pytest.raises(OSError, match="; the trained model is kept in") as e:
        train_model._save(full / "standard", create("resnet8/8", 2), config)
    assert str(e.value).startswith(f"{full / 'standard'} cannot be written (No space left on device);")
    kept = Path(str(e.value).partition("kept in ")[2].partition(": move")[0])
    assert store.load(kept).network is not None
    assert kept.name == "standard"


def test_a_crafted_perturbation_is_kept_elsewhere(full: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from core.cli import attack

    full.mkdir()
    kept = attack._kept(full, DELTA, {"attack": "spgd"})
    assert kept is not None
    assert perturbations.read_delta(kept / "delta.safetensors").tolist() == DELTA.tolist()
    assert (
        f"{full} cannot be written (No space left on device), everything is kept in {kept}" in capsys.readouterr().err
    )
    with pytest.raises(attack.typer.Exit):
        attack._saved(full, kept)
