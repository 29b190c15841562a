"""The files of the attack in the browser: each part is what it says, and a sentence tells what cannot be written."""

import base64
import gzip
import io
import json
import re
import zlib
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.edition import live
from app.service.browser import browser_group
from core import browser_graphs
from core.checkpoints import store

PAIR = ("standard", "shared-s64-e16-w0.5")


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files in place of onnxruntime-web, which need not be installed here."""
    files = {name: tmp_path / name for name in live.RUNTIME}
    for path in files.values():
        path.write_text(f"// {path.name}", "utf-8")
    monkeypatch.setattr(live, "browser_runtime", lambda: files)


def part(folder: Path, name: str) -> bytes:
    """What a part hands over, which names itself."""
    found = re.fullmatch(
        r'plainsightPack\("([\w-]+)","([\w+/=]+)"\)\n', (folder / f"live/{name}.js").read_text("ascii")
    )
    assert found is not None
    assert found[1] == name
    return gzip.decompress(base64.b64decode(found[2]))


def pictures(folder: Path, facts: dict[str, Any], size: tuple[int, int]) -> np.ndarray:
    """The images (N,3,H,W) of a sheet, cut as the browser cuts it."""
    sheet, (height, width) = np.asarray(Image.open(io.BytesIO(part(folder, facts["pack"])))), size
    cut = []
    for i in range(facts["n"]):
        row, column = divmod(i, facts["columns"])
        cut.append(sheet[row * height : (row + 1) * height, column * width : (column + 1) * width])
    return np.stack(cut).transpose(0, 3, 1, 2)


@pytest.mark.usefixtures("runtime")
def test_every_part_is_written_and_is_what_it_says(tmp_path: Path, models: Path) -> None:
    pytest.importorskip("onnx")
    manifest = json.loads(json.dumps(live.write(tmp_path, ["signs"], crafting=10, held_out=7)))
    group = manifest["groups"]["signs"]
    assert set(group["models"]) == set(PAIR)
    for name, facts in group["models"].items():
        weights = part(tmp_path, facts["weights"])
        assert sha256(weights).hexdigest() == facts["sha256"] == store.read(models / f"checkpoints/signs/{name}").sha256
        assert part(tmp_path, facts["predict"])
        assert part(tmp_path, facts["step"])
    one, other = group["models"].values()
    assert (one["predict"], one["step"]) == (other["predict"], other["step"]), "equal architectures share their graphs"
    data = store.read(models / "checkpoints/signs/standard").dataset()
    for facts, split in ((group["crafting"], data.split("train", 10)), (group["held_out"], data.split("test", 7))):
        cut = pictures(tmp_path, facts, data.size)
        assert np.array_equal(cut, split.images.numpy())
        assert facts["adler32"] == zlib.adler32(cut.tobytes())
        assert facts["labels"] == split.labels.tolist()
    assert b"InferenceSession" in part(tmp_path, manifest["runtime"]["code"])
    written = sum(path.stat().st_size for path in (tmp_path / "live").glob("*.js"))
    assert sum(one["bytes"] for one in (manifest["runtime"], group, *group["models"].values())) == written
    assert "Microsoft" in (tmp_path / "live/LICENSE-onnxruntime.txt").read_text("utf-8")

    page = live.standalone(tmp_path, manifest).read_text("utf-8")
    assert "http:" not in page.replace("http://www.w3.org", "")


@pytest.mark.usefixtures("runtime")
def test_models_that_the_browser_cannot_run_are_left_out_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnx")
    export = browser_graphs.export

    def refusing(model: Any, folder: Path, size: tuple[int, int]) -> browser_graphs.Graphs:
        if folder.name == PAIR[1]:
            raise ValueError("This architecture cannot run in the browser.")
        return export(model, folder, size)

    monkeypatch.setattr(browser_graphs, "export", refusing)
    manifest = live.write(tmp_path, ["signs"], crafting=1, held_out=1)
    assert set(manifest["groups"]["signs"]["models"]) == {PAIR[0]}
    assert manifest["left_out"] == {f"signs/{PAIR[1]}": "This architecture cannot run in the browser."}
    with pytest.raises(ValueError, match="No model of signs can be attacked in the browser: This architecture"):
        browser_group("signs", [PAIR[1]])


def test_what_cannot_be_written_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"need onnxruntime-web, which `npm ci` in .* installs\."):
        live.browser_runtime(tmp_path)
    with pytest.raises(ValueError, match=r"No model of streets can be attacked in the browser: .* it needs "):
        browser_group("streets", ["standard"], crafting=1, held_out=1)
    with pytest.raises(ValueError, match=r"no such model of 'sings' with weights; there are models of .*signs"):
        browser_group("sings")
    with pytest.raises(ValueError, match="At least 1 image must be taken, and 0 was given"):
        browser_group("signs", crafting=0)
    with pytest.raises(FileNotFoundError, match="CIFAR-10"):
        browser_group("cifar10")
