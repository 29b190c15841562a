"""The blind test in a real Chromium: to its end by keyboard and by touch, with its result and the card."""

import base64
import hashlib
import io
import random
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from PIL import Image

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Visit = Callable[..., Any]
PAIRS = 20
DIGESTS = """async () => {
  const digests = [];
  for (const canvas of document.querySelectorAll('.pair canvas')) {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', data));
    digests.push([...digest].map(byte => byte.toString(16).padStart(2, '0')).join(''));
  }
  return digests;
}"""
"""What tells the two pictures of a pair from others, pixel by pixel."""


@pytest.fixture(scope="module")
def originals(tiny_models: Path) -> set[str]:
    """The digests of the held-out images, as canvases hold them."""
    import tiny

    from app import service

    with pytest.MonkeyPatch.context() as patch:
        tiny.surround(patch, tiny_models)
        page = service.blind_test(service.first(service.BlindSession, "signs"))
    sizes = {"size": (page.size[1], page.size[0])}
    plain = [zlib.decompress(base64.b64decode(picture)) for picture in page.pictures]
    whole = [Image.frombytes("RGB", data=data, **sizes).convert("RGBA").tobytes() for data in plain]
    return {hashlib.sha256(pixels).hexdigest() for pixels in whole}


def started(visit: Visit, **options: object) -> Any:
    page = visit("?tab=blind&data=signs", **options)
    page.wait_for_selector(".blind .go")
    return page


def asked(page: Any, pair: int) -> None:
    """Wait until the pair (from 1) is shown."""
    page.wait_for_function(
        f"document.querySelector('.blind .count')?.textContent === '{pair} of {PAIRS}'"
        " && !document.querySelector('.blind .masked')"
    )


def fits(page: Any) -> bool:
    return page.evaluate(
        "document.documentElement.scrollHeight <= innerHeight && document.body.scrollWidth <= innerWidth"
    )


def test_who_sees_every_change_is_told_so_and_takes_a_card_home(visit: Visit, originals: set[str]) -> None:
    page = started(visit)
    assert page.locator(".blind .examples canvas").count() == 3
    assert fits(page)
    page.focus(".blind .go")
    page.keyboard.press("Enter")
    asked(page, 1)
    assert fits(page)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    places = []
    for pair in range(1, PAIRS + 1):
        asked(page, pair)
        first, second = (digest not in originals for digest in page.evaluate(DIGESTS))
        assert first != second  # one of the two is the image itself
        places.append(first)
        keys = ("ArrowLeft", "f") if first else ("ArrowRight", "j")
        page.keyboard.press(keys[pair % 2])
    page.wait_for_selector(".blind .found")
    assert [url for url in requests if not url.startswith(("data:", "blob:"))] == []
    assert len(set(places)) == 2
    told = page.inner_text(".blind h1")
    assert "You see A’s pattern already at 1/255; the " in told
    assert "You see B’s pattern already at 1/255; the " in told
    assert page.evaluate("document.activeElement.tagName") == "H1"
    assert page.locator(".blind svg.seen-curve").get_attribute("aria-label").startswith("A: 10 of 10 right, you see it")
    page.wait_for_function("document.querySelector('.blind .taken').naturalWidth === 1200")
    assert fits(page)
    with page.expect_download() as taken:
        page.click("text=Download picture")
    card = Image.open(io.BytesIO(Path(taken.value.path()).read_bytes()))
    assert (card.format, card.size, card.convert("RGB").getpixel((5, 5))) == ("PNG", (1200, 630), (255, 255, 255))
    assert len(card.convert("RGB").getcolors(1 << 20)) > 20  # it is drawn
    link = page.get_attribute("[data-copy*='tab=blind']", "data-copy")
    where = {"tab": "blind", "data": "signs", "a": "standard", "b": "shared-s64-e16-w0.5", "seed": "0"}
    assert dict(parse_qsl(urlsplit(link).query)) == where
    page.click(".blind .again")
    asked(page, 1)
    page.wait_for_function("location.search.includes('seed=1')")
    page.keyboard.press("Escape")
    page.wait_for_function("document.activeElement.classList.contains('go')")
    page.wait_for_selector(".blind-tab .aside:visible")


def test_a_guess_by_touch_comes_to_an_honest_end_on_a_phone(visit: Visit) -> None:
    page = started(visit, size=(390, 844), dark=True)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.click(".blind .go")
    guess = random.Random(5)
    for pair in range(1, PAIRS + 1):
        asked(page, pair)
        page.click(f".blind [data-which={guess.choice(('first', 'second'))}]")
        assert page.locator(".blind .masked").count() == 0  # no flash where less motion is asked for
        if pair == 1:
            boxes = [page.locator(".blind .pair canvas").nth(place).bounding_box() for place in range(2)]
            assert all(box["width"] >= 160 and box["x"] + box["width"] <= 390 for box in boxes)
            assert boxes[1]["y"] + boxes[1]["height"] <= 844
    page.wait_for_selector(".blind .found")
    told = page.inner_text(".blind h1")
    assert re.match(r"You (see|do not see) A’s pattern .*\. You (see|do not see) B’s pattern .*\.$", told)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert "Here they were 2" in page.inner_text(".blind .found")  # 291 pixels, where a JOD takes 384
    rights = page.locator(".blind tbody td:first-of-type").all_inner_texts()
    assert all(re.fullmatch(r"\d+ of 10", right) for right in rights)
