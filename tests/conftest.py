"""What the tests share: tiny models that have learned tiny data, and the guard that required tests really ran."""

import copy
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import tiny
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

from core import datasets
from core.datasets import Dataset, Split

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or 2))

CLASSES = 4
SIDE = 12
IGNORE = 255


class Victim(NamedTuple):
    """A trained model in evaluation mode, images to craft on, and held-out images."""

    model: nn.Module
    train: Split
    test: Split


def _eight_bits(images: Tensor) -> Tensor:
    return (images.clamp(0, 1) * 255).round().to(torch.uint8)


def _classified(n: int, seed: int) -> Split:
    """Noisy pictures of four faint patterns."""
    patterns = torch.rand(CLASSES, 3, 3, 3, generator=torch.Generator().manual_seed(1))
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, CLASSES, (n,), generator=generator)
    faint = interpolate(patterns, scale_factor=SIDE // 3)[labels]
    noise = torch.randn(n, 3, SIDE, SIDE, generator=generator)
    return Split(_eight_bits(0.5 + 0.2 * (faint - 0.5) + 0.1 * noise), labels)


def _segmented(n: int, seed: int) -> Split:
    """Noisy patchworks of four colours; the first row is ignored, and so are some pixels elsewhere."""
    colours = torch.tensor([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0], [0.6, 0.6, 0.6]])
    generator = torch.Generator().manual_seed(seed)
    patches = torch.randint(0, CLASSES, (n, 3, 3), generator=generator)
    labels = patches.repeat_interleave(SIDE // 3, 1).repeat_interleave(SIDE // 3, 2)
    noise = torch.randn(n, 3, SIDE, SIDE, generator=generator)
    images = _eight_bits(0.5 + 0.12 * (colours[labels].permute(0, 3, 1, 2) - 0.5) + 0.05 * noise)
    ignored = torch.rand(labels.shape, generator=generator) < 0.05
    ignored[:, 0] = True
    return Split(images, labels.masked_fill(ignored, IGNORE))


def _learned(model: nn.Module, split: Split) -> nn.Module:
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    images, labels = split.batch(slice(None))
    for _ in range(80):
        optimizer.zero_grad()
        cross_entropy(model(images), labels, ignore_index=IGNORE).backward()
        optimizer.step()
    optimizer.zero_grad()
    return model.eval()


@pytest.fixture(scope="session")
def _trained() -> dict[str, Victim]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        classifier = nn.Sequential(
            *(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()),
            *(nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(72, CLASSES)),
        )
        # 8 channels at least: oneDNN's channels-last kernels (torch 2.11) write out of bounds on 4
        segmenter = nn.Sequential(
            *(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 2 * CLASSES, 1)),
        )
        data = {"classifier": _classified, "segmenter": _segmented}
        splits = {kind: (draw(96, seed=2), draw(128, seed=3)) for kind, draw in data.items()}
        return {
            kind: Victim(_learned(model, splits[kind][0]), *splits[kind])
            for kind, model in (("classifier", classifier), ("segmenter", segmenter))
        }


def _own(victim: Victim) -> Victim:
    return victim._replace(model=copy.deepcopy(victim.model))


@pytest.fixture
def tiny_classifier(_trained: dict[str, Victim]) -> Victim:
    """Logits (N,4) of images (N,3,12,12)."""
    return _own(_trained["classifier"])


@pytest.fixture
def tiny_segmenter(_trained: dict[str, Victim]) -> Victim:
    """Logits (N,8,12,12) of images (N,3,12,12); only the first 4 classes ever appear."""
    return _own(_trained["segmenter"])


@pytest.fixture(params=["classifier", "segmenter"])
def victim(request: pytest.FixtureRequest, _trained: dict[str, Victim]) -> Victim:
    """Each tiny model in turn."""
    return _own(_trained[request.param])


@pytest.fixture
def tiny_dataset(_trained: dict[str, Victim], monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """A data set named `tiny` that is the only one there is: 96 and 128 images (3,12,12) of 4 classes."""
    splits = {"train": _trained["classifier"].train, "test": _trained["classifier"].test}

    def load(split: str, limit: int | None = None) -> Split:
        return splits[split] if limit is None else splits[split].first(limit)

    found = Dataset("tiny", "Tiny", "classification", tuple("abcd"), (SIDE, SIDE), "drawn in conftest.py", load)
    monkeypatch.setattr(datasets, "get", lambda name: found)
    return found


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the models of `tiny`, made once for the tests of the app and for those in a browser."""
    folder = tmp_path_factory.mktemp("tiny")
    with pytest.MonkeyPatch.context() as patch:
        tiny.surround(patch, folder)
        tiny.make(folder)
    return folder


@pytest.fixture
def own_folders(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """A data folder and a cache folder of the test's own; returns the data folder."""
    monkeypatch.setenv("PLAINSIGHT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PLAINSIGHT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "data"


# PLAINSIGHT_REQUIRE=browser,real_data: a test with one of these markers may not be skipped, and one must have passed.

_REQUIRED = {name.strip() for name in os.environ.get("PLAINSIGHT_REQUIRE", "").split(",")} - {""}
_passed: set[str] = set()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    markers = _REQUIRED & {mark.name for mark in item.iter_markers()}
    if report.when == "call" and report.passed:
        _passed.update(markers)
    if markers and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"PLAINSIGHT_REQUIRE forbids to skip {', '.join(sorted(markers))}: {report.longrepr}"
    return report


def _absent(config: pytest.Config) -> list[str]:
    return [] if config.option.collectonly else sorted(_REQUIRED - _passed)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _absent(session.config) and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for name in _absent(config):
        terminalreporter.write_line(f"PLAINSIGHT_REQUIRE: no test marked {name} has passed", red=True)
