"""Files of the engine, whatever bytes are in them: they are read, or refused in a sentence."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fuzz import altered, damaged, in_a_sentence, json_values, often
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.checkpoints import perturbations, store
from core.checkpoints.results import FILE, Results
from core.datasets import _label_maps
from core.files import FileError, read_json, to_text
from core.models import external
from core.models.registry import create

SHIPPED = Path(__file__).parents[2] / "checkpoints" / "signs" / "standard"
DELTA = torch.arange(-24, 24).reshape(1, 3, 4, 4) / 255


def as_bytes(write: Callable[[io.BytesIO], object]) -> bytes:
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


def picture(kind: str, mode: str) -> bytes:
    values = np.arange(8 * 8 * len(mode), dtype=np.uint8).reshape(8, 8, -1).squeeze()
    image = Image.fromarray(values % 4) if mode in "LP" else Image.fromarray(values)
    return as_bytes(lambda buffer: image.save(buffer, kind))


DELTAS = {
    ".safetensors": [perturbations.delta_file(DELTA, {})],
    ".npy": [perturbations.float_file(DELTA), as_bytes(lambda b: np.save(b, np.ones((3, 4, 4), np.int8)))],
    ".npz": [as_bytes(lambda b: np.savez(b, delta=np.ones((3, 4, 4), np.float32)))],
    ".pt": [as_bytes(lambda b: torch.save(DELTA, b))],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzzed")


@pytest.mark.parametrize("suffix", DELTAS)
def test_perturbations(suffix: str, folder: Path) -> None:
    path = folder / f"delta{suffix}"

    @often(40)
    @given(damaged(DELTAS[suffix]))
    def check(content: bytes) -> None:
        path.write_bytes(content)
        try:
            found = perturbations.read_delta(path, unit=None if suffix == ".safetensors" else "1")
        except FileError as error:
            in_a_sentence(error)
        else:
            assert found.shape[0] == 1
            assert found.isfinite().all()

    check()


def test_stored_perturbations(folder: Path) -> None:
    perturbations.save(folder, {"spgd-e8": DELTA, "spgd-e4": DELTA / 2})
    path = folder / perturbations.FILE

    @often(40)
    @given(damaged([path.read_bytes()]))
    def check(content: bytes) -> None:
        path.write_bytes(content)
        try:
            perturbations.load(folder)
        except FileError as error:
            in_a_sentence(error)

    check()


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_weights_of_other_programs(suffix: str, folder: Path) -> None:
    from safetensors.torch import save

    state = create("resnet8/8", 2).network.state_dict()
    path = folder / f"weights{suffix}"
    whole = save(state) if suffix == ".safetensors" else as_bytes(lambda buffer: torch.save(state, buffer))

    @often(25)
    @given(damaged([whole]))
    def check(content: bytes) -> None:
        path.write_bytes(content)
        try:
            external.read_state(path)
        except ValueError as error:
            in_a_sentence(error)

    check()


@often(150)
@given(st.text(max_size=60) | json_values.map(lambda value: json.dumps(value)))
def test_json(text: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as here:
        path = Path(here) / "x.json"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            assert isinstance(read_json(path), dict)
        except FileError as error:
            in_a_sentence(error)


def test_descriptions_of_models(folder: Path) -> None:
    own = folder / "config"
    own.mkdir()
    whole = json.loads((SHIPPED / store.CONFIG).read_text("utf-8"))

    @often(80)
    @given(altered(whole))
    def check(content: dict[str, Any]) -> None:
        (own / store.CONFIG).write_text(json.dumps(content), "utf-8")
        try:
            found = store.read(own)
            assert found.title
            assert found.kind
        except FileError as error:
            in_a_sentence(error)

    check()


def test_results_of_models(folder: Path) -> None:
    own = folder / "results"
    own.mkdir()
    shutil.copy(SHIPPED / store.CONFIG, own)
    whole = json.loads((SHIPPED / FILE).read_text("utf-8"))

    @often(40)
    @given(altered(whole))
    def check(content: dict[str, Any]) -> None:
        (own / FILE).write_text(json.dumps(content), "utf-8")
        try:
            found = Results.load(own)
        except FileError as error:
            in_a_sentence(error)
        else:
            assert found is not None
            to_text(found.to_json())

    check()


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "L"), ("PNG", "RGB"), ("TIFF", "L"), ("BMP", "L")])
def test_label_maps(kind: str, mode: str, folder: Path) -> None:
    path = folder / f"map.{kind.lower()}"
    coding = _label_maps.Coding(4, lambda values: values, {(0, 1, 2): 1} if mode == "RGB" else {})

    @often(40)
    @given(damaged([picture(kind, mode)]))
    def check(content: bytes) -> None:
        path.write_bytes(content)
        try:
            _label_maps.numbers(path, coding)
        except ValueError as error:
            in_a_sentence(error)

    check()
