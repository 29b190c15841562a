"""The static edition in a real Chromium: on a plain server below a path with the network cut, and from a disk."""

import base64
import functools
import io
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from PIL import Image
from test_accessibility import AXE, serious
from test_own_pictures_page import bring, png

from core import datasets
from core.attacks.spgd import SPGD
from core.checkpoints import perturbations, store
from core.evaluation.report import evaluate
from core.files import read_tensors
from core.threat import Budget, apply, from_units, quantise

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Open = Callable[..., Any]
FIRST = 2_000_000
COMPLETE = "document.documentElement.dataset.complete === ''"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """No line for each request."""


@pytest.fixture(scope="module")
def hosted(edition: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a plain server hands out the edition, below a path."""
    root = tmp_path_factory.mktemp("hosted")
    (root / "some").mkdir()
    (root / "some" / "path").symlink_to(edition)
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(root)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/some/path/"
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _tiny(tiny_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.surround(monkeypatch, tiny_models)


@pytest.fixture
def browse(context: Any) -> Iterator[Open]:
    """Open an address; every request elsewhere is stopped, and at the end there was none, and no error."""
    pages, troubles = [], []

    def look(address: str, query: str = "", size: tuple[int, int] = (1280, 720)) -> Any:
        page = context.new_page()
        pages.append(page)
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.asked = []
        home = address.removesuffix("index.html")

        def checked(route: Any) -> None:
            own = route.request.url.startswith((home, "data:", "blob:"))
            page.asked.append(route.request.url)
            route.continue_() if own else (troubles.append(route.request.url), route.abort())

        page.route("**/*", checked)
        page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto(address + query)
        page.wait_for_function(COMPLETE)
        return page

    yield look
    for page in pages:
        page.close()
    assert not troubles


def shown(page: Any) -> str:
    return page.inner_text("#panel-compare .card-a .often")


def on_compare(**chosen: Any) -> Any:
    """What the service tells of the first pair, with other choices."""
    from app import service

    session = replace(service.first(service.CompareSession, "signs"), **chosen)
    return service.comparison(session, service.outcomes(session))


def test_compare_on_a_server_below_a_path(browse: Open, hosted: str, edition: Path) -> None:
    page = browse(hosted)
    sizes = [edition / url.removeprefix(hosted) for url in page.asked if url != hosted]
    assert sum(path.stat().st_size for path in sizes) + (edition / "index.html").stat().st_size < FIRST
    _is_complete(page)
    _a_stored_forming_plays(page)
    _strength_by_keyboard(page)
    _another_model_and_target(page)
    before = page.inner_text("h1"), shown(page), page.inner_text(".strip")
    page.reload()
    page.wait_for_function(COMPLETE)
    assert (page.inner_text("h1"), shown(page), page.inner_text(".strip")) == before
    page.go_back()
    page.wait_for_function("!location.hash.includes('target')")
    page.wait_for_function("document.querySelector('.card-b .often').innerText.startsWith('wrong on')")


def _is_complete(page: Any) -> None:
    """All words and pictures of the first screen are those of the service."""
    from app.markup import common, compare

    found = on_compare()
    for selector, html in {
        "h1": common.headline(found.subject, found.a, found.b),
        ".visible": compare.visible(found.a, found.b),
        ".card-a .says": compare.stage(found.a, found.large, found.large.a),
        ".card-b .says": compare.stage(found.b, found.large, found.large.b),
        ".stage:first-child .says": compare.original(found.large),
        ".strip": compare.strip(found.strip, found.large.number),
        ".place .note": compare.position(found.strip, False),
    }.items():
        words = page.evaluate(
            "([html, selector]) => { const box = document.createElement('div'); box.innerHTML = html;"
            "return (box.querySelector(selector.split(' ').pop()) ?? box).textContent }",
            [html, selector],
        )
        assert page.locator(f"#panel-compare {selector}").first.text_content() == words, selector
    for side, shot in (("a", found.large.a), ("b", found.large.b)):
        assert _pixels(page, f"#panel-compare .card-{side} img.over") == _pixels_of(page, shot.picture)
    assert _pixels(page, "#panel-compare .patterns img >> nth=0") == _pixels_of(page, found.a.pattern)
    page.wait_for_selector(".facts .plotly-figure .main-svg")
    assert page.locator(".facts .plotly-figure > svg").count() == 0  # the still one has gone
    bottom = page.locator("#panel-compare .footer .foot").first.bounding_box()
    assert bottom["y"] + bottom["height"] <= 720


PIXELS = """async image => {
    await image.decode();
    const canvas = document.createElement('canvas');
    Object.assign(canvas, {width: image.naturalWidth, height: image.naturalHeight});
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    return String(context.getImageData(0, 0, canvas.width, canvas.height).data);
}"""


def _pixels(page: Any, selector: str) -> str:
    return page.locator(selector).evaluate(PIXELS)


def _pixels_of(page: Any, address: str) -> str:
    return page.evaluate(f"address => ({PIXELS})(Object.assign(new Image(), {{src: address}}))", address)


def _strength_by_keyboard(page: Any) -> None:
    page.locator("#panel-compare label", has_text="Equal strength").click()
    slider = page.locator("#panel-compare .strength input")
    slider.wait_for(state="visible")
    slider.focus()
    for key, epsilon in (("End", 32), ("Home", 4), ("ArrowRight", 8), ("ArrowRight", 16)):
        page.keyboard.press(key)
        page.wait_for_function(f"document.querySelector('.card-a .often').innerText.includes('at {epsilon}/255')")
        found = on_compare(equal="strength", epsilon=epsilon)
        assert f"{100 * (1 - found.a.measured.value):.0f}%" in shown(page)
        page.wait_for_function(f"location.hash.includes('epsilon={epsilon}')")
        assert _pixels(page, "#panel-compare .card-b img.over") == _pixels_of(page, found.large.b.picture)
    assert slider.get_attribute("aria-valuetext") == "16/255"


def _a_stored_forming_plays(page: Any) -> None:
    page.locator("#panel-compare").get_by_role("button", name="Replay").click()
    page.wait_for_selector("#panel-compare .replay")
    page.locator("#panel-compare .replay input").fill("0")
    assert page.inner_text("#panel-compare .replay output") == "random start"
    page.click("#panel-compare .replay [data-close]")
    page.wait_for_selector("#panel-compare .replay", state="hidden")


def _another_model_and_target(page: Any) -> None:
    models = page.locator("#panel-compare [aria-label='B ▲ Model']")
    models.select_option("standard")
    page.wait_for_function("location.hash.includes('b=standard')")
    page.wait_for_function("document.querySelector('h1').innerText.includes('model B')")
    models.select_option("shared-s64-e16-w0.5")
    target = page.locator("#panel-compare [aria-label=Target]")
    assert target.locator("option:disabled").count() == 23  # one is stored
    target.select_option("0")
    page.wait_for_function("document.querySelectorAll('.patterns figure').length === 3")
    page.locator("#panel-compare").get_by_text("B ▲ added").click()
    page.wait_for_function("location.hash.includes('added=b')")


def test_what_is_taken_home_is_the_apps_own(browse: Open, hosted: str, tmp_path: Path) -> None:
    page = browse(hosted)
    found = on_compare()
    files = {"All numbers": None, **{file.label: file for file in found.a.files}}
    for label, file in files.items():
        with page.expect_download() as taken:
            page.locator(f"#panel-compare .footer a >> text={label}").first.click()
        path = tmp_path / taken.value.suggested_filename
        taken.value.save_as(path)
        if file is None:
            assert json.loads(path.read_text()) == json.loads(_bytes(found.numbers.url))
        elif label == "PNG":
            made = "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
            assert (path.name, _pixels_of(page, made)) == (file.name, _pixels_of(page, file.url))
        else:
            made, own = (_parted(content) for content in (path.read_bytes(), _bytes(file.url)))
            assert (path.name, made) == (file.name, own)


def _parted(content: bytes) -> tuple[Any, bytes]:
    """The header of a safetensors file, whose fields have no order, and its values."""
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


def _bytes(url: str) -> bytes:
    return base64.b64decode(url.partition(",")[2])


RUNS = "#panel-compare .status"


def _read(page: Any) -> str:
    return page.inner_text(RUNS)


def _watched(page: Any, words: str) -> None:
    page.wait_for_function(f"document.querySelector('{RUNS}').innerText.startsWith('{words}')", timeout=60_000)


def test_patterns_form_in_compare_with_the_effect_of_torchs(browse: Open, edition: Path, tmp_path: Path) -> None:
    if not (edition / "live").is_dir():
        pytest.skip("The edition was written without attacks in the browser.")
    page = browse((edition / "index.html").as_uri(), "#data=signs&equal=strength&epsilon=16&steps=10&images=64&seed=3")
    assert "runs in this browser: 10 steps, 64 images, seed 3, up to" in _read(page)
    assert not [url for url in page.asked if "/live/" in url]
    pattern = "#panel-compare .patterns img >> nth=0"
    stored = shown(page), _pixels(page, pattern)
    page.wait_for_selector(".facts .plotly-figure .main-svg")  # to read the library that draws it takes long
    page.evaluate("window.gaps = []; let last = performance.now(); setInterval(() => {"
                  "gaps.push(performance.now() - last); last = performance.now(); }, 50)")  # fmt: skip
    page.click("#compare-run")
    page.wait_for_function("document.querySelector('.card-b .often').innerText.includes('step')")
    assert page.inner_text("h1").startswith("One pattern per model, forming now on 64 training images")
    assert page.evaluate("document.activeElement.id") == "compare-stop"
    page.click("#panel-compare .strip [data-number='3']")
    _watched(page, "Done in")
    assert "Held-out image 3" in page.locator("#panel-compare .stage:first-child .shot").get_attribute("aria-label")
    assert max(page.evaluate("gaps")) < 2000, "the page never stalls"
    assert (shown(page), _pixels(page, pattern)) != stored
    with page.expect_download() as taken:
        page.locator("#panel-compare .footer a >> text=All numbers").click()
    taken.value.save_as(tmp_path / "numbers.json")
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    for side, name in (("a", "standard"), ("b", "shared-s64-e16-w0.5")):
        accuracy = _of_torch(name, steps=10, images=64, seed=3)
        found = numbers[side]["measured"]
        assert abs(found["value"] - accuracy.value) <= 0.01
        assert (found["n"], numbers[side]["made"]["live"]) == (36, True)
        wrong = round(100 * (1 - found["value"]))
        assert page.inner_text(f"#panel-compare .card-{side} .often").startswith(f"wrong on {wrong}% (")
    assert "n = 36 held out · live in" in page.inner_text("#panel-compare .footer .origin")
    with page.expect_download() as taken:
        page.locator("#panel-compare .footer a >> text=safetensors").first.click()
    taken.value.save_as(tmp_path / taken.value.suggested_filename)
    assert taken.value.suggested_filename == "signs-standard-spgd-live-e16.safetensors"
    _is_measured_as(tmp_path / taken.value.suggested_filename, numbers["a"]["measured"])

    _yours_are_under_the_formed_pattern(page)
    page.locator("#panel-compare .more summary").click()
    compare = page.get_by_role("tabpanel", name="Compare")
    compare.get_by_label("Steps").select_option("200")
    page.wait_for_function("location.hash.includes('steps=200')")
    assert (shown(page), _pixels(page, pattern)) == stored
    page.click("#compare-run")
    page.wait_for_function("document.querySelector('.card-b .often').innerText.includes('step')")
    page.keyboard.press("Enter")  # Stop has the focus
    _watched(page, "Stopped at step")
    assert "stopped before it was done" in page.inner_text("h1")
    compare.get_by_text("Only fooled ones").click()
    page.wait_for_function("location.hash.includes('which=fooled')")
    compare.get_by_label("Attack", exact=True).select_option("random-signs")
    page.wait_for_function("document.querySelector('#compare-run').disabled")
    assert "The browser runs S-PGD only" in _read(page)


def _is_accessible(page: Any) -> None:
    if AXE.exists():
        page.evaluate(AXE.read_text("utf-8"))
        assert serious(page) == []


def _yours_are_under_the_formed_pattern(page: Any) -> None:
    page.get_by_role("tab", name="Your pictures").click()
    page.click(f"{YOURS} [data-example] >> nth=0")
    _kept(page, 1)
    assert "have just formed in Compare" in page.inner_text(f"{YOURS} .status")
    often = page.inner_text(f"{YOURS} .card-a .often")
    page.get_by_role("tab", name="Compare").click()
    assert often.partition(" at ")[0] == shown(page).partition(" at ")[0]


def _of_torch(name: str, *, steps: int, images: int, seed: int) -> Any:
    """How often a model is right on the edition's held-out images under PyTorch's delta of the same run."""
    from app.service.outcomes import BATCH

    attack = SPGD(Budget.from_255(16), steps=steps, seed=seed, batch_size=BATCH, precision="32-true")
    model = store.load(store.default_root() / "signs" / name)
    delta = from_units(quantise(attack.craft(model, datasets.get("signs").split("train", images))))
    return evaluate(model, datasets.get("signs").split("test"), delta).accuracy


def _is_measured_as(path: Path, measured: dict[str, Any]) -> None:
    """A pattern taken home has the effect that the page has told."""
    found = read_tensors(path)["delta"]
    model = store.load(store.default_root() / "signs" / "standard")
    report = evaluate(model, datasets.get("signs").split("test"), from_units(found))
    assert report.accuracy.value == pytest.approx(measured["value"], abs=0.01)


YOURS = "#panel-pictures"


def _kept(page: Any, count: int) -> None:
    page.wait_for_function(f"document.querySelectorAll('{YOURS} .strip.own li').length === {count}", timeout=60_000)


def test_own_pictures_are_answered_in_the_page_as_torch_does(browse: Open, hosted: str, edition: Path) -> None:
    if not (edition / "live").is_dir():
        pytest.skip("The edition was written without attacks in the browser.")
    page = browse(hosted, "#tab=pictures&data=signs&equal=strength&epsilon=16")
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.url) if request.method != "GET" else None)
    assert not [url for url in page.asked if "/live/" in url]
    page.click(f"{YOURS} [data-example] >> nth=1")
    _kept(page, 1)
    exact = np.random.default_rng(5).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(exact).save(buffer, "PNG")
    files = {"wide.png": png(400, 200, 1), "paper.pdf": b"%PDF-1.7 no picture", "none.png": b"",
             "half.png": png(400, 200, 2)[:9000], "exact.png": buffer.getvalue()}  # fmt: skip
    given = [{"name": name, "mimeType": "image/png", "buffer": data} for name, data in files.items()]
    page.set_input_files(f"{YOURS} input[type=file]", given)
    _kept(page, 3)
    page.wait_for_function(f"document.querySelector('{YOURS} .status').innerText.includes('half.png cannot be read')")
    said = page.inner_text(f"{YOURS} .status")
    assert "paper.pdf is a PDF, and JPEG, PNG" in said
    assert "none.png is empty" in said
    assert page.inner_text(f"{YOURS} .read") == "exact.png"
    for side, name in (("a", "standard"), ("b", "shared-s64-e16-w0.5")):
        rows = page.locator(f"{YOURS} .card-{side} .guesses li").evaluate_all("all => all.map(one => one.title)")
        assert rows == _answers_of_torch(name, exact), name
    _is_accessible(page)
    bring(page, "drop", "dropped.png", png(100, 100, 3))
    _kept(page, 4)
    bring(page, "paste", "pasted.png", png(100, 100, 4))
    _kept(page, 5)
    assert " of your 5 pictures" in page.inner_text(f"{YOURS} h1")
    page.click(f"{YOURS} .strip.own button[title^='wide.png']")
    page.wait_for_function(f"document.querySelector('{YOURS} .read').innerText === 'wide.png'")
    seen = page.evaluate(f"document.querySelector('{YOURS} .live-clean style').textContent")
    page.focus(f"{YOURS} .crop")
    page.keyboard.press("End")
    page.wait_for_function(
        f"before => document.querySelector('{YOURS} .live-clean style').textContent !== before", arg=seen
    )
    page.click(f"{YOURS} .strip.own .drop >> nth=0")
    _kept(page, 4)

    page.click(f"{YOURS} .intakebox [data-camera]")
    page.wait_for_function(f"document.querySelector('{YOURS} .pace').innerText.includes('pictures a second')")
    assert page.locator(f"{YOURS} .guesses li:visible").count() == 12
    page.click(f"{YOURS} [data-keep]")
    _kept(page, 5)
    assert page.inner_text(f"{YOURS} .read").startswith("camera")
    page.click(f"{YOURS} [data-picture='-']")
    page.wait_for_selector(f"{YOURS} .invite")
    assert "nothing sends or stores them" in page.inner_text(f"{YOURS} .invite")
    assert posts == []


def _answers_of_torch(name: str, picture: Any) -> list[str]:
    """The three likeliest classes of a picture, clean and under the stored pattern, as the page titles them."""
    model, classes = store.load(store.default_root() / "signs" / name), datasets.get("signs").classes
    image = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    deltas = perturbations.load(store.default_root() / "signs" / name)
    found = []
    for images in (image, apply(image, deltas["spgd-e16"])):
        with torch.no_grad():
            values, numbers = model(images).softmax(1)[0].topk(3)
        pairs = zip(values.tolist(), numbers.tolist(), strict=True)
        found += [f"{classes[number]}: {100 * value:.1f}%" for value, number in pairs]
    return found


def test_the_other_tabs_and_what_an_address_gets_wrong(browse: Open, hosted: str) -> None:
    page = browse(hosted, "?tab=tradeoff&data=signs&a=standard&b=nobody")
    assert "model B a value unknown here" in page.inner_text("#panel-tradeoff .status")
    page.wait_for_selector("#panel-tradeoff .tradeoff-figure .main-svg")
    page.locator("#panel-tradeoff summary").click()
    page.locator("#panel-tradeoff .models [data-model=standard]").click()
    page.wait_for_function("location.hash.includes('b=standard')")
    assert (
        page.locator("#panel-tradeoff .card-b .big")
        .inner_text()
        .startswith(page.locator("#panel-tradeoff .card-a .big").inner_text().split()[0])
    )
    page.get_by_label("Kind of training").select_option(label="Shared by 64")
    page.wait_for_function("location.hash.includes('b=shared-s64-e16-w0.5')")
    page.locator("#panel-tradeoff").get_by_text("Open in Compare").click()
    page.wait_for_function("document.querySelector('#panel-compare .strip li')")
    page.get_by_role("tab", name="Perceptibility").click()
    page.wait_for_selector("#panel-perceptibility .seen-needed .main-svg")
    assert page.inner_text("#panel-perceptibility h1").startswith("To be wrong on")
    page.get_by_role("tab", name="Can you see it?").click()
    page.locator(".blind .go").click()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("document.querySelector('.blind .count').innerText.startsWith('2')")


def test_scenes_are_drawn_as_the_app_draws_them(browse: Open, hosted: str) -> None:
    from app import service
    from app.markup import segmentation

    first = service.first(service.SegmentationSession)
    page = browse(hosted, "#tab=segmentation")
    _shows_the_scene(page, first, segmentation, service)
    page.locator("#panel-segmentation").get_by_text("Flipped pixels").click()
    page.locator("#panel-segmentation").get_by_text("As added").click()
    page.locator("#panel-segmentation [data-class]").first.click()
    page.wait_for_function("location.hash.includes('only=0') && location.hash.includes('amplify=1')")
    _shows_the_scene(page, replace(first, show="flips", amplify=1, only=0), segmentation, service)
    page.locator("#scene-later").click()
    page.wait_for_function("location.hash.includes('scene=')")
    place = page.inner_text("#panel-segmentation .place")
    page.reload()
    page.wait_for_function(COMPLETE)
    assert page.inner_text("#panel-segmentation .place") == place
    page.locator("#panel-segmentation [aria-label=Target]").select_option(index=2)
    page.wait_for_function("!location.hash.includes('scene=')")


def _shows_the_scene(page: Any, session: Any, segmentation: Any, service: Any) -> None:
    found = service.scene_page(session, service.outcomes(session))
    (a, b), looks = found.cards, found.looks
    panel = "#panel-segmentation"
    assert page.locator(f"{panel} .streetbox figcaption").all_inner_texts()[:2] == ["the scene", "the truth"]
    assert page.inner_text(f"{panel} .place") in segmentation.position(found.street)
    for letter, card, look in (("a", a, looks[0]), ("b", b, looks[1])):
        row = f"{panel} .card-{letter} .model-maps"
        assert _pixels(page, f"{row} .stack:nth-child(1) img.labels >> nth=0") == _pixels_of(page, look.before)
        assert _pixels(page, f"{row} img.labels >> nth=1") == _pixels_of(page, look.after)
        assert _pixels(page, f"{row} img.pattern") == _pixels_of(page, card.pattern)
        shot = page.evaluate(f"getComputedStyle(document.documentElement).getPropertyValue('--shot-{letter}')")
        assert _pixels_of(page, shot.removeprefix('url("').removesuffix('")')) == _pixels_of(page, look.picture)
        alts = page.locator(f"{row} img.labels").evaluate_all("all => all.map(one => one.alt)")
        assert alts == [f"Model {letter.upper()}, {when}: {words}" for when, words in
                        zip(("clean", "attacked"), look.told, strict=True)]  # fmt: skip
        words = page.evaluate("html => { const one = new DOMParser().parseFromString(html, 'text/html');"
                              "return one.body.textContent }", segmentation.summary(card, look))  # fmt: skip
        assert page.locator(f"{panel} .card-{letter} .model-summary").last.text_content() == words


def test_from_a_disk(browse: Open, edition: Path) -> None:
    page = browse((edition / "index.html").as_uri(), "#data=signs&equal=strength&epsilon=8&sheet=1&nothing=1")
    assert "at 8/255" in shown(page)
    assert page.inner_text("#panel-compare .place").startswith("Held out: 11 to 20")
    page.get_by_role("tab", name="Trade-off").click()
    page.wait_for_selector("#panel-tradeoff .tradeoff-figure .main-svg")
    page.wait_for_function("location.hash.includes('tab=tradeoff')")
    with page.expect_navigation():
        page.get_by_role("link", name="Talk").click()
    assert page.locator(".step.shown h1").inner_text()
    page.keyboard.press("Escape")
    page.wait_for_function(COMPLETE)
