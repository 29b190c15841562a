"""A visitor's own pictures: what both models say, who can see them, and that nothing of them is left."""

import gc
import io
import json
import os
import socket
import tempfile
import time
import weakref
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest
import tiny
import torch
from PIL import Image
from test_endpoints import Visitor, free_port

from app import intake, service
from app.__main__ import start
from app.markup import pictures as markup
from app.service import album as albums
from app.service import catalogue, pictures_of_yours
from app.service.album import Albums
from app.service.received import Received
from core.attacks.targets import Target
from core.threat import apply


def pixels(url: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(b64decode(url.partition(",")[2])))).astype(int)


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    values = np.random.default_rng(seed).integers(40, 216, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def own() -> Iterator[service.PicturesSession]:
    """The tab's first view of a visitor, at equal strength."""
    session = service.first(service.PicturesSession, "signs")
    yield replace(session, visitor="me", equal="strength", epsilon=16)
    service.albums.clear()


def put(session: service.PicturesSession, image: Image.Image, name: str = "mine.png") -> service.OwnPage:
    key = service.own_pictures(session).intake.key
    assert service.take_picture(key, png(image), name)
    return service.own_pictures(session)


def test_the_models_see_the_crop_and_the_pattern_at_its_true_strength(own: service.PicturesSession) -> None:
    image = noise(96, 96)
    page = put(own, image)
    assert np.array_equal(pixels(page.large.picture), np.asarray(image))
    crop = torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)[None].float() / 255
    for side, shot in (("a", page.large.a), ("b", page.large.b)):
        delta = service.outcomes(own)[side].delta
        assert np.array_equal(pixels(shot.picture), (255 * apply(crop, delta))[0].permute(1, 2, 0).round().numpy())
        checkpoint = catalogue.checkpoint(own, side)
        for guesses, images in ((shot.said.clean, crop), (shot.said.attacked, apply(crop, delta))):
            confidences = catalogue.model(checkpoint)(images).softmax(1)[0]
            best = confidences.topk(3)
            assert [one.name for one in guesses] == [checkpoint.classes[index] for index in best.indices]
            assert [one.confidence for one in guesses] == pytest.approx(best.values.tolist(), abs=1e-4)
    for side in (page.a, page.b):
        assert (side.crafted_at, side.card.epsilon, side.card.measured is not None) == (16, 16, True)
    assert page.a.changed == page.large.a.said.changed


def test_a_strength_that_is_not_stored_is_the_next_stronger_pattern_scaled_and_says_so(
    own: service.PicturesSession,
) -> None:
    for epsilon, crafted in ((10, 16), (16, 16), (32, 32), (2, 4)):
        session = replace(own, epsilon=epsilon)
        page = put(session, noise(96, 96))
        stored = pictures_of_yours.stored(replace(session, epsilon=crafted), catalogue.checkpoint(own, "a")).delta
        drawn = pictures_of_yours.pattern(session, "a").delta
        assert (page.a.crafted_at, page.a.card.epsilon) == (crafted, epsilon)
        assert torch.equal(255 * drawn, (255 * stored * epsilon / crafted + stored.sign() * 1e-4).trunc())
        told = markup.stage(page, page.a, page.large.a)
        assert (f"crafted at {crafted}/255, drawn at" in told) == (crafted != epsilon)
        assert (page.a.card.measured is None) == (crafted != epsilon)
        if crafted != epsilon:
            assert f"spgd-e{crafted}" in page.a.card.command
    targeted = service.own_pictures(replace(own, target=Target("class", 0), epsilon=24))
    assert (targeted.a.crafted_at, targeted.a.card.epsilon) == (16, 24)  # none is stronger: scaled up
    missing = service.own_pictures(replace(own, target=Target("class", 7)))
    assert (missing.a.crafted_at, missing.large.a.picture, missing.large.a.said.attacked) == (None, None, None)
    assert "No pattern of this attack is stored" in markup.stage(missing, missing.a, missing.large.a)


def test_the_crop_moves_along_the_longer_side(own: service.PicturesSession) -> None:
    image = Image.new("RGB", (288, 96))
    for third, colour in enumerate(((200, 0, 0), (0, 200, 0), (0, 0, 200))):
        image.paste(colour, (96 * third, 0, 96 * third + 96, 96))
    page = put(own, image)
    whole = page.large.whole
    assert (whole.width, whole.height, whole.across, whole.at) == (288, 96, True, 50)
    assert whole.span == pytest.approx(1 / 3)
    for at, colour in ((50, (0, 200, 0)), (0, (200, 0, 0)), (100, (0, 0, 200))):
        service.move_crop(own, at)
        found = pixels(service.own_pictures(own).large.picture)
        assert np.unique(found.reshape(-1, 3), axis=0).tolist() == [list(colour)]
    assert not put(own, noise(50, 200)).large.whole.across
    for odd in (-1, 101):
        with pytest.raises(ValueError, match=f"at 0 to 100 percent, and {odd} was given"):
            service.move_crop(own, odd)


def test_the_last_eight_are_kept_and_one_can_be_chosen_and_removed(own: service.PicturesSession) -> None:
    for number in range(9):
        page = put(own, noise(40, 40, number), f"{number}.png")
    assert [cell.name for cell in page.cells] == [f"{number}.png" for number in range(8, 0, -1)]
    assert page.large.whole.name == "8.png"
    service.choose_picture(own, page.cells[3].token)
    assert service.own_pictures(own).large.whole.name == "5.png"
    service.remove_picture(own, page.cells[3].token)
    after = service.own_pictures(own)
    assert (len(after.cells), after.large.whole.name) == (7, "8.png")
    with pytest.raises(ValueError, match="This picture is gone"):
        service.choose_picture(own, page.cells[3].token)
    service.remove_picture(own)
    empty = service.own_pictures(own)
    assert (empty.cells, empty.large, len(empty.examples)) == ((), None, 3)
    service.add_example(own, empty.examples[1].number)
    assert service.own_pictures(own).large.whole.name == empty.examples[1].title
    with pytest.raises(ValueError, match="no such example"):
        service.add_example(own, 999)


def test_what_cannot_be_read_is_said_once_and_the_rest_stays(own: service.PicturesSession) -> None:
    page = put(own, noise(40, 40))
    assert service.take_picture(page.intake.key, b"%PDF-1.7", "<b>paper.pdf")
    assert service.refuse_picture(page.intake.key, "big.png", 30_000_000)
    assert len(service.own_pictures(own).cells) == 1
    said = service.picture_sentences(own)
    assert said.startswith("<b>paper.pdf is a PDF, and JPEG")
    assert "big.png has 30 MB" in said
    assert service.picture_sentences(own) == ""
    named = put(own, noise(40, 40), "<script>x</script>.png")
    for html in (markup.original(named), markup.whole(named), markup.strip(named)):
        assert "<script>" not in html


def test_scenes_have_label_maps_clean_and_attacked() -> None:
    session = replace(service.first(service.PicturesSession, "streets"), visitor="me", equal="strength", epsilon=10)
    session = replace(session, target=None)
    page = put(session, noise(200, 90))
    data = pictures_of_yours._data(session)
    assert page.large.whole.across
    assert page.legend[0].name == data.classes[0]
    for shot in (page.large.a, page.large.b):
        clean, attacked = pixels(shot.said.clean), pixels(shot.said.attacked)
        assert clean.shape == attacked.shape == (*data.size, 4)
        assert shot.said.changed == pytest.approx((clean != attacked).any(-1).mean())
    shown = markup.stage(page, page.a, page.large.a)
    assert shown.count('class="labels"') == 2
    assert "of pixels" in shown
    service.albums.clear()


def test_a_frame_of_the_camera_is_answered_like_a_picture_and_is_kept_nowhere(own: service.PicturesSession) -> None:
    image = noise(96, 96)
    page = put(own, image)
    frame = np.dstack([np.asarray(image), np.full((96, 96), 255, np.uint8)]).tobytes()
    before = len(service.albums)
    shots = service.filmed(page.intake.key, frame)
    assert shots["a"].picture is not None
    assert len(service.albums) == before
    assert np.array_equal(pixels(shots["b"].picture), pixels(page.large.b.picture))
    names = [[guess.name for guess in shot.said.attacked] for shot in (shots["a"], page.large.a)]
    assert names[0] == names[1]
    assert service.filmed("nobody", frame) is None
    with pytest.raises(ValueError, match="96 x 96 pixels of 4 bytes, and 7 bytes were given"):
        service.filmed(page.intake.key, b"1234567")


class Clock:
    """A clock that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def received(side: int = 10) -> Received:
    image = noise(side, side)
    return Received(image, side, side)


def test_pictures_go_with_the_page_and_after_an_hour() -> None:
    clock = Clock()
    found = Albums(clock)
    mine, other = found.open("me"), found.open("other")
    assert len({mine.key, other.key}) == 2
    assert len(mine.key) >= 32
    picture = weakref.ref(found.add(mine, "mine", received()).received.image)
    found.add(other, "other", received())
    with found.connection("me"):
        clock.now += albums.GRACE * 10
        assert found.by_key(mine.key) is mine
        with found.connection("me"):  # connects anew before the old connection is noticed to be gone
            pass
        clock.now += albums.GRACE * 10
        assert found.by_key(mine.key) is mine
    clock.now += albums.GRACE - 1
    with found.connection("me"):
        clock.now += albums.GRACE * 2
        assert len(found) == 2
    clock.now += albums.GRACE
    assert len(found) == 1
    assert found.by_key(mine.key) is None
    del mine
    gc.collect()
    assert picture() is None
    clock.now += albums.HOUR
    assert len(found) == 0
    assert found.open("other").said() == "Pictures are kept for an hour at most; some of yours are gone."


def test_pictures_are_dropped_without_anybody_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(albums, "GRACE", 0.05)
    found = Albums()
    picture = weakref.ref(found.add(found.open("me"), "mine", received()).received.image)
    with found.connection("me"):
        pass
    for _ in range(100):
        gc.collect()
        if picture() is None:
            break
        time.sleep(0.05)
    assert picture() is None


def test_memory_is_bounded_and_the_longest_unused_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(albums, "BYTES", 3 * 100 * 4)  # four pictures of ten by ten pixels
    found = Albums(Clock())
    first, second = found.open("first"), found.open("second")
    for _ in range(3):
        found.add(first, "x", received())
    found.open("second")
    for _ in range(3):
        found.add(second, "y", received())
    assert (len(first.pictures), len(second.pictures)) == (1, 3)
    assert "too many people" in first.said()
    monkeypatch.setattr(albums, "ALBUMS", 2)
    found.open("third")
    assert found.by_key(first.key) is None


# over HTTP, as the page's scripts ask


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return tmp_path_factory.mktemp("temporary"), tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="module")
def client(tiny_models: Path, folders: tuple[Path, Path]) -> Iterator[httpx.Client]:
    """The real app, whose temporary files and whose uploads would lie in folders of their own."""
    with pytest.MonkeyPatch.context() as patch:
        tiny.surround(patch, tiny_models)
        for name in ("TMPDIR", "TEMP", "TMP"):
            patch.setenv(name, str(folders[0]))
        patch.setattr(tempfile, "tempdir", str(folders[0]))
        patch.setenv("GRADIO_TEMP_DIR", str(folders[1]))
        patch.setattr(albums, "GRACE", 0.2)
        port = free_port()
        page = start("127.0.0.1", port)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as found:
            yield found
        page.close()
    service.albums.clear()


@pytest.fixture
def visitor(client: httpx.Client) -> Iterator[Visitor]:
    found = Visitor(client, client.get("/config").json())
    yield found
    found.leave()


def opened(visitor: Visitor) -> str:
    """Open the tab as its address does; the key of the album."""
    loaded = next(d for d in visitor.config["dependencies"] if [to[1] for to in d["targets"]] == ["load"])
    visitor.client.get("/?tab=pictures")
    visitor.send(loaded)
    visitor.told()
    turned = next(d for d in visitor.config["dependencies"] if len(d["inputs"]) > 8 and d["targets"][0][1] == "select")
    tabs = len(turned["inputs"]) // 2
    body = {"fn_index": turned["id"], "session_hash": visitor.session_hash, "data": [None] * tabs + [""] * tabs}
    body["event_data"] = {"index": 0, "value": "?tab=pictures&data=signs"}
    answer = visitor.client.post("/gradio_api/queue/join", json=body)
    answer.raise_for_status()
    query = {"session_hash": visitor.session_hash}
    with visitor.client.stream("GET", "/gradio_api/queue/data", params=query) as stream:
        whole = "".join(line for line in stream.iter_lines())
    return service.albums.open(visitor.session_hash).key if "largest" in whole else ""


def send(client: httpx.Client, key: str, body: bytes, name: str = "mine.png", **headers: str) -> httpx.Response:
    given = {"x-plainsight-album": key, "x-plainsight-name": name, **headers}
    return client.post("/pictures", content=body, headers=given)


def files(*folders: Path) -> list[str]:
    return sorted(str(path) for folder in folders for path in folder.rglob("*") if path.is_file())


def test_no_file_is_written_and_only_the_own_page_sees_a_picture(
    client: httpx.Client, visitor: Visitor, folders: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    key = opened(visitor)
    assert len(key) >= 32
    before = files(*folders, Path.cwd() / ".gradio")
    secret = png(noise(900, 700, seed=5))
    assert send(client, key, secret, "secret-name.png").status_code == 200
    own = service.albums.by_key(key)
    assert [picture.name for picture in own.pictures.values()] == ["secret-name.png"]
    frame = client.post("/pictures/frame", content=bytes(96 * 96 * 4), headers={"x-plainsight-album": key})
    assert set(frame.json()) == {"a", "b"}
    assert "guesses" in frame.json()["a"]["said"]
    assert files(*folders, Path.cwd() / ".gradio") == before
    logged = [each.getMessage() for each in caplog.records if not each.name.startswith(("httpx", "httpcore"))]
    assert not [line for line in logged if "secret-name" in line or key in line]
    assert send(client, "x" * 32, secret).status_code == 410
    other = Visitor(client, visitor.config)
    assert opened(other) not in ("", key)
    for path in (f"/pictures/{key}", "/pictures", f"/pictures?key={key}"):
        assert client.get(path).status_code in (404, 405)
    with client.stream("GET", f"/gradio_api/heartbeat/{visitor.session_hash}") as page:
        lines = page.iter_lines()
        next(lines)
        time.sleep(0.4)
        assert service.albums.by_key(key) is own
    for _ in range(100):
        if service.albums.by_key(key) is None:
            break
        time.sleep(0.05)
    assert service.albums.by_key(key) is None
    assert files(*folders, Path.cwd() / ".gradio") == before
    assert os.environ["GRADIO_TEMP_DIR"] == str(folders[1])


def test_the_routes_take_no_more_than_they_should(client: httpx.Client, visitor: Visitor) -> None:
    key = opened(visitor)
    own = service.albums.by_key(key)
    assert send(client, key, bytes(20_000_001), "big.png").status_code == 200
    assert (
        own.said() == "big.png has 20 MB, and JPEG, PNG, WebP, GIF, BMP, TIFF, JPEG 2000 and AVIF pictures of up "
        "to 20 MB can be read."
    )
    assert send(client, key, b"few", "vast.png", **{"x-plainsight-size": "99000000"}).status_code == 200
    assert own.said().startswith("vast.png has 99 MB, and JPEG")
    assert send(client, key, png(noise(9, 9)), "n%C3%A4me%20%3Cb%3E.png").status_code == 200
    assert own.large.name == "näme <b>.png"
    for headers in ({"origin": "https://elsewhere.example"}, {"sec-fetch-site": "cross-site"}):
        assert send(client, key, png(noise(9, 9)), **headers).status_code == 403
    long = client.post("/pictures/frame", content=bytes(2_000_001), headers={"x-plainsight-album": key})
    short = client.post("/pictures/frame", content=b"1234", headers={"x-plainsight-album": key})
    assert (long.status_code, short.status_code) == (413, 422)
    assert "96 x 96 pixels" in json.dumps(short.json())
    assert client.post("/pictures/frame", content=b"1234").status_code == 410


def test_pictures_that_do_not_come_are_not_waited_for(
    client: httpx.Client, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "SECONDS", 0.3)
    key, host = opened(visitor), (client.base_url.host, client.base_url.port)
    for path in ("/pictures", "/pictures/frame"):
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nx-plainsight-album: {key}\r\nContent-Length: 500\r\n\r\nabc"
        with socket.create_connection(host, timeout=10) as slow:
            slow.sendall(head.encode())
            assert slow.recv(1000).startswith(b"HTTP/1.1 408")
    assert service.albums.by_key(key).said() == ""


def test_behind_a_password_nobody_else_gets_in(tiny_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.surround(monkeypatch, tiny_models)
    service.albums.clear()
    port = free_port()
    page = start("127.0.0.1", port, auth=("name", "password"))
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            key = service.albums.open("me").key
            for path in ("/pictures", "/pictures/frame"):
                assert client.post(path, content=b"", headers={"x-plainsight-album": key}).status_code == 401
            client.post("/login", data={"username": "name", "password": "password"})
            assert send(client, key, png(noise(9, 9))).status_code == 200
            assert len(service.albums) == 1
    finally:
        page.close()
        service.albums.clear()


def test_the_page_says_what_its_scripts_found_amiss(own: service.PicturesSession) -> None:
    assert markup.trouble({"left": 4}).startswith("4 more pictures were left out")
    assert markup.trouble({"trouble": "NotAllowedError"}).startswith("The camera was refused")
    for nothing in ({}, {"left": 0}, {"left": "x"}, {"trouble": ["x"]}, {"trouble": "constructor"}):
        assert markup.trouble(nothing) == ""
    script = (Path(service.__file__).parents[1] / "static" / "pictures.js").read_text("utf-8")
    assert all(f"'{word}'" in script or f"{word}: 1" in script for word in markup.TROUBLES)
    assert "never on a disk" in markup.invitation(service.own_pictures(own))
