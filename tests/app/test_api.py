"""The public endpoints and the postcard: what they answer and refuse, and that the documentation's examples run."""

import base64
import io
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import tiny
import torch
from PIL import Image
from torch import Tensor

from app import service
from app.__main__ import start
from app.edition.postcard import MOST, postcard
from core import datasets
from core.checkpoints import store
from core.threat import apply

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "endpoints.md"
CHOSEN = {"data": "signs", "model": "standard", "attack": "spgd", "epsilon": 16}


def pixels(url: str) -> Tensor:
    """The levels (1,3,H,W) of a picture in a data URL."""
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
        return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)[None]


@pytest.fixture
def images(models: Path) -> Tensor:
    """A held-out sign (1,3,H,W)."""
    return datasets.get("signs").split("test").batch(slice(0, 1))[0]


def file(images: Tensor) -> bytes:
    """The sign as the bytes of a PNG."""
    levels = (images[0] * 255).round().byte().permute(1, 2, 0).numpy()
    found = io.BytesIO()
    Image.fromarray(levels).save(found, "PNG")
    return found.getvalue()


def test_a_picture_is_perturbed_and_judged_by_what_is_stored(models: Path, images: Tensor) -> None:
    picture = base64.b64encode(file(images)).decode()
    found, answer = service.perturb(picture, **CHOSEN), service.predict(f"data:image/png;base64,{picture}", **CHOSEN)
    delta = (pixels(found["pattern"]).float() - 128) / 255
    assert 0 < delta.abs().max() <= 16 / 255 + 1e-6
    assert torch.equal(pixels(found["perturbed"]), (apply(images, delta) * 255).round().byte())
    assert torch.equal(pixels(found["clean"]), (images * 255).round().byte())
    assert found["report"]["accuracy"]["n"] > 0
    folder = store.default_root() / "signs" / "standard"
    checkpoint, model = store.read(folder), store.load(folder)
    for said, seen in ((answer["clean"], images), (answer["attacked"], apply(images, delta))):
        with torch.inference_mode():
            confidence, place = model(seen)[0].softmax(0).max(0)
        assert said[0]["class"] == checkpoint.classes[int(place)]
        assert said[0]["confidence"] == pytest.approx(float(confidence), abs=1e-3)
    assert service.predict(picture, data="signs", model="standard")["attacked"] is None
    assert set(service.perturb(**CHOSEN)) == {"pattern", "safetensors", "epsilon", "report"}


def test_of_a_scene_the_fractions_of_all_pixels_are_told(models: Path) -> None:
    scene, _ = datasets.get("streets").split("test").batch(slice(0, 1))
    said = service.predict(base64.b64encode(file(scene)).decode(), data="streets", model="standard")["clean"]
    assert sum(one["fraction"] for one in said) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("work", "given", "says"),
    [
        ("perturb", {"epsilon": 3}, "Nothing is known here for the given epsilon; models are"),
        ("perturb", {"model": "nobody"}, "Nothing is known here for the given"),
        ("perturb", {"attack": "deepfool", "epsilon": 32}, "No such perturbation is stored at 32/255"),
        ("perturb", {"image": "no base64!"}, "The image is no base64"),
        ("predict", {"image": base64.b64encode(b"%PDF-1.7").decode()}, "The image is a PDF"),
        ("predict", {"image": ""}, "An image is wanted"),
        ("robustness", {"data": "birds"}, "Nothing is known here for the given"),
    ],
    ids=str,
)
def test_what_fits_nothing_is_refused(models: Path, work: str, given: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        getattr(service, work)(**given)


def test_a_postcard_loops_through_clean_and_both_patterns(models: Path) -> None:
    session = service.opened({"epsilon": "16", "large": "3"}, service.CompareSession)[0]
    made = postcard(session)
    assert len(made) <= MOST
    with Image.open(io.BytesIO(made)) as card:
        assert (card.format, card.n_frames, card.info["loop"]) == ("WEBP", 3, 0)
        frames = []
        for number in range(3):
            card.seek(number)
            frames.append(np.array(card.convert("RGB")).astype(int))
    large = service.comparison(session, service.outcomes(session)).large
    sizes = []
    for frame, url in zip(frames, (large.picture, large.a.picture, large.b.picture), strict=True):
        shown = pixels(url)[0].permute(1, 2, 0).int().numpy()
        times = frame.shape[1] // shown.shape[1]
        below = frame[-shown.shape[0] * times :]
        whole = np.abs(below[times // 2 :: times, times // 2 :: times] - shown).max()
        sizes.append(whole)
    assert max(sizes) <= 40, "the pictures are those of the page, enlarged"
    assert np.abs(frames[0] - frames[1]).max() > 0


@pytest.fixture
def server(models: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    tiny.surround(monkeypatch, models)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    page = start("127.0.0.1", port)
    yield f"http://127.0.0.1:{port}"
    page.close()


def test_the_examples_run_and_the_postcard_is_handed_out(
    server: str, images: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("picture.png").write_bytes(file(images))
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        exec(example.replace("http://127.0.0.1:7860", server), {})
    told = capsys.readouterr().out
    assert "signs standard" in told
    assert "confidence" in told
    with Image.open("perturbed.png") as perturbed:
        assert perturbed.size == (96, 96)
    answer = httpx.get(f"{server}/postcard.webp", params={"epsilon": 16}, timeout=60)
    assert answer.headers["content-type"] == "image/webp"
    missing = httpx.get(f"{server}/postcard.webp", params={"epsilon": 32, "attack": "deepfool"}, timeout=60)
    assert missing.status_code == 404
    assert "no pattern" in missing.json()["detail"]
