"""What the tests share: tiny models whose answers are known, and the guard that required tests really ran.

PyTorch and what needs it are imported where they are used: the process that only hands out tests
does not wait for them.
"""

import atexit
import copy
import gc
import importlib
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from filelock import FileLock, Timeout
from guard import (  # noqa: F401 (hooks)
    pytest_runtest_logreport,
    pytest_runtest_makereport,
    pytest_sessionfinish,
    pytest_terminal_summary,
)

if TYPE_CHECKING:
    from torch import nn

    from core.datasets import Dataset, Split

UNIT = Path(__file__).parent / "unit"


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("numprocesses", None):
        return
    gc.disable()  # until all is imported, which leaves no garbage
    import torch

    os.environ["GRADIO_MCP_SERVER"] = "false"  # only tests/app/test_mcp.py asks for it: a second of import
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or 2))
    if precision := os.environ.get("PLAINSIGHT_TEST_PRECISION"):
        # as on a processor that multiplies 16 bits natively, or on one that does not: see core/runtime.py
        torch.cpu._is_avx512_bf16_supported = lambda: precision == "bf16"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of the unit tests, files with slow ones come first: no process is left with a long one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (1 + (item.path not in slow)) * (UNIT in item.path.parents))


def pytest_collection_finish() -> None:
    """Leave what was imported out of every later search for garbage, that at the end of the process included."""
    gc.freeze()
    gc.enable()


def pytest_unconfigure(config: pytest.Config) -> None:
    """A process that was handed tests ends without taking PyTorch apart, which takes it two seconds."""
    if hasattr(config, "workerinput"):
        atexit.register(os._exit, 0)


class Victim(NamedTuple):
    """A model in evaluation mode, images to craft on, and held-out images."""

    model: "nn.Module"
    train: "Split"
    test: "Split"


@pytest.fixture(autouse=True)
def _jod(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not request.node.get_closest_marker("jod"):
        import known

        known.judge_quickly(monkeypatch)


@pytest.fixture(scope="session")
def _victims() -> dict[str, Victim]:
    import known

    kinds = {
        "classifier": (known.classifier(), known.classified),
        "segmenter": (known.segmenter(), known.segmented),
    }
    return {kind: Victim(model, draw(96, seed=2), draw(128, seed=3)) for kind, (model, draw) in kinds.items()}


def _own(victim: Victim) -> Victim:
    return victim._replace(model=copy.deepcopy(victim.model))


@pytest.fixture
def tiny_classifier(_victims: dict[str, Victim]) -> Victim:
    """Logits (N,4) of images (N,3,12,12)."""
    return _own(_victims["classifier"])


@pytest.fixture
def tiny_segmenter(_victims: dict[str, Victim]) -> Victim:
    """Logits (N,8,12,12) of images (N,3,12,12); only the first 4 classes ever appear."""
    return _own(_victims["segmenter"])


@pytest.fixture(params=["classifier", "segmenter"])
def victim(request: pytest.FixtureRequest, _victims: dict[str, Victim]) -> Victim:
    """Each tiny model in turn."""
    return _own(_victims[request.param])


@pytest.fixture
def tiny_dataset(_victims: dict[str, Victim], monkeypatch: pytest.MonkeyPatch) -> "Dataset":
    """A data set named `tiny` that is the only one there is: 96 and 128 images (3,12,12) of 4 classes."""
    import known

    from core import datasets

    splits = {"train": _victims["classifier"].train, "test": _victims["classifier"].test}

    def load(split: str, limit: int | None = None) -> "Split":
        return splits[split] if limit is None else splits[split].first(limit)

    found = datasets.Dataset(
        "tiny", "Tiny", "classification", tuple("abcd"), (known.SIDE, known.SIDE), "drawn in conftest.py", load
    )
    monkeypatch.setattr(datasets, "get", lambda name: found)
    return found


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models of `tiny` for the tests of the app and those in a browser.

    Each part is made by the first test process that gets to it, so two processes make two at the same time; each works
    on a copy.
    """
    import tiny

    worker, base = os.environ.get("PYTEST_XDIST_WORKER"), tmp_path_factory.getbasetemp()
    shared = base.parent if worker else base
    parts = sorted(tiny.PARTS, reverse=worker == "gw1")
    for patience in (0, -1):  # at first without waiting for what another process is making
        for part in parts:
            with suppress(Timeout), FileLock(shared / f"tiny-{part}.lock", timeout=patience):
                _make_tiny(shared / f"tiny-{part}", tiny.PARTS[part])
    for part in parts:
        shutil.copytree(shared / f"tiny-{part}", base / "tiny", dirs_exist_ok=True)
    return base / "tiny"


@pytest.fixture(scope="session")
def edition(tiny_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The static edition of the tiny models, written once by the first test process that needs it."""
    import tiny

    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "edition"
    with FileLock(f"{folder}.lock"), pytest.MonkeyPatch.context() as patch:
        if not folder.is_dir():
            from app.edition.export.folder import write

            tiny.surround(patch, tiny_models)
            talk = importlib.import_module("app.service.talk")
            patch.setattr(talk, "_heap", lambda *_: None)  # it would draw many training images
            write(folder)
    return folder


def _make_tiny(folder: Path, make: Callable[[Path], None]) -> None:
    import tiny

    if not folder.is_dir():
        making = folder.with_name(f"{folder.name}-making")
        with pytest.MonkeyPatch.context() as patch:
            tiny.surround(patch, making)
            make(making)
        making.rename(folder)


@pytest.fixture
def own_folders(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """A data folder and a cache folder of the test's own; returns the data folder."""
    monkeypatch.setenv("PLAINSIGHT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PLAINSIGHT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "data"
