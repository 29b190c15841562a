"""The tab of one's own pictures in a real Chromium: files, drops, pastes, the crop, the strength and the camera."""

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Visit = Callable[..., Any]
CELLS = "document.querySelectorAll('.strip.own li').length"


def png(width: int, height: int, seed: int) -> bytes:
    buffer = io.BytesIO()
    values = np.random.default_rng(seed).integers(0, 255, (height // 10, width // 10, 3), dtype=np.uint8)
    Image.fromarray(values).resize((width, height)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    found = {"wide.png": png(400, 200, 1), "tall.png": png(200, 500, 2), "paper.pdf": b"%PDF-1.7 no picture"}
    for name, data in found.items():
        (tmp_path / name).write_bytes(data)
    return {name: tmp_path / name for name in found}


def kept(page: Any, count: int) -> None:
    page.wait_for_function(f"{CELLS} === {count}")


def bring(page: Any, kind: str, name: str, data: bytes) -> None:
    """Drop or paste a file."""
    page.evaluate(
        """([kind, name, data]) => {
          const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0));
          const carried = new DataTransfer();
          carried.items.add(new File([bytes], name));
          const given = kind === 'drop' ? { dataTransfer: carried } : { clipboardData: carried };
          const event = new (kind === 'drop' ? DragEvent : ClipboardEvent)(kind, { bubbles: true, ...given });
          document.body.dispatchEvent(event);
        }""",
        [kind, name, base64.b64encode(data).decode()],
    )


def test_pictures_come_in_by_every_way_and_can_be_cropped_and_attacked(visit: Visit, files: dict[str, Path]) -> None:
    page = visit("?tab=pictures&data=signs")
    page.wait_for_selector(".invite")
    assert "never on a disk" in page.inner_text(".invite")
    page.click("[data-example] >> nth=0")
    kept(page, 1)
    page.wait_for_function("document.querySelector('.invite') === null")
    page.set_input_files(".yours input[type=file]", [files[name] for name in ("wide.png", "paper.pdf", "tall.png")])
    kept(page, 3)
    page.wait_for_function("document.querySelector('.yours .status')?.innerText.includes('paper.pdf is a PDF')")
    bring(page, "drop", "dropped.png", png(100, 100, 3))
    kept(page, 4)
    bring(page, "paste", "pasted.png", png(100, 100, 4))
    kept(page, 5)
    page.wait_for_function("document.querySelector('.yours .read').innerText === 'pasted.png'")
    assert page.locator(".yours .guesses li:visible").count() == 12
    assert page.locator("img:visible:not([alt])").count() == 0
    # the crop, by keyboard and by mouse: the picture that the models see is another one each time
    page.click(".strip.own button[title^='wide.png']")
    page.wait_for_function("document.querySelector('.yours .read').innerText === 'wide.png'")
    style = "document.querySelector('.live-clean style').textContent"
    seen = page.evaluate(style)
    page.focus(".crop")
    page.keyboard.press("End")
    page.wait_for_function(f"before => {style} !== before", arg=seen)
    page.wait_for_function("document.querySelector('.whole figure').dataset.at === '100'")
    assert page.evaluate("document.activeElement.className") == "crop"
    frame, seen = page.locator(".crop").bounding_box(), page.evaluate(style)
    page.mouse.move(frame["x"] + 20, frame["y"] + 20)
    page.mouse.down()
    page.mouse.move(frame["x"] - 80, frame["y"] + 20, steps=4)
    page.mouse.up()
    page.wait_for_function(f"before => {style} !== before", arg=seen)
    page.wait_for_function("(at => at > 0 && at < 60)(Number(document.querySelector('.whole figure').dataset.at))")
    # the strength, dragged: equal strength, and the address keeps it
    page.locator(".yours .strength input[type=range]").focus()
    page.keyboard.press("End")
    page.wait_for_function("location.search.includes('epsilon=32') && location.search.includes('equal=strength')")
    page.wait_for_function("document.querySelector('.live-a .often').innerText.includes('32/255')")
    # the original while a key is held, here as in Compare
    assert page.locator(".live-a .over").evaluate("one => getComputedStyle(one).visibility") == "visible"
    page.evaluate("document.activeElement.blur()")
    page.keyboard.down("Space")
    assert page.locator(".live-a .over").evaluate("one => getComputedStyle(one).visibility") == "hidden"
    page.keyboard.up("Space")
    assert page.evaluate("document.documentElement.scrollHeight") <= 720
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1280, "height": 720})
    page.click("[data-picture='-']")
    page.wait_for_selector(".invite")


def test_the_camera_is_answered_without_being_kept_and_stops_with_the_tab(visit: Visit) -> None:
    page = visit("?tab=pictures&data=signs")
    page.wait_for_selector(".invite")
    page.evaluate(
        """() => {
          window.asked = [];
          const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
          navigator.mediaDevices.getUserMedia = async wish => {
            const stream = await open(wish);
            window.asked.push(stream);
            return stream;
          };
        }"""
    )
    page.click(".invite [data-camera]")
    page.wait_for_function("document.querySelector('.pace').innerText.includes('pictures a second')")
    first = page.get_attribute(".live-a .over", "src")
    page.wait_for_function("first => document.querySelector('.live-a .over').src !== first", arg=first)
    assert page.locator(".yours .guesses li:visible").count() == 12
    assert page.evaluate(CELLS) == 0
    page.click("[data-keep]")
    kept(page, 1)
    page.wait_for_function("document.querySelector('.yours .read').innerText.startsWith('camera')")
    live = "window.asked.at(-1).getTracks()[0].readyState"
    assert page.evaluate(live) == "ended"
    page.click(".intakebox [data-camera]")
    page.wait_for_function(f"window.asked.length === 2 && {live} === 'live'")
    page.click("[role=tab]:has-text('Compare')")
    page.wait_for_function(f"{live} === 'ended'")
    refusal = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError'))"
    page.evaluate(f"() => {{ {refusal} }}")
    page.click("[role=tab]:has-text('Your pictures')")
    page.click(".intakebox [data-camera]")
    page.wait_for_function("document.querySelector('.yours .status')?.innerText.startsWith('The camera was refused')")
