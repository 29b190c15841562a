"""The talk in a browser: keys, address, what is swapped and played, the window with the notes; and it fits."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Visit = Callable[..., Any]
PATIENCE = 60_000

AT = "document.querySelector('.step.shown')?.id"
OVERFLOW = """() => {
    const low = Math.max(...[...document.querySelectorAll('.step.shown .slide *')]
        .filter(one => one.getClientRects().length).map(one => one.getBoundingClientRect().bottom))
    const bar = document.querySelector('.bar').getBoundingClientRect().top
    return document.documentElement.scrollHeight > innerHeight || document.documentElement.scrollWidth > innerWidth
        || low > bar + 1
}"""
SMALLEST = """least => [...document.querySelectorAll('.step.shown .slide *')]
    .filter(one => [...one.childNodes].some(part => part.nodeType === 3 && part.textContent.trim()))
    .filter(one => !one.closest('svg, kbd, [hidden]'))
    .filter(one => parseFloat(getComputedStyle(one).fontSize) < (one.closest('.fine') ? 18 : 28))
    .map(one => one.outerHTML.slice(0, 80))"""


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)])
def test_every_step_fits_and_can_be_read_from_the_last_row(visit: Visit, size: tuple[int, int]) -> None:
    page = visit("?talk=1", size, dark=size[0] == 1920)
    count = page.locator(".step").count()
    assert count >= 8
    for number in range(1, count + 1):
        assert page.evaluate(AT) == f"step-{number}"
        assert page.inner_text(".bar output").startswith(f"{number} / {count}")
        assert not page.evaluate(OVERFLOW), number
        assert page.evaluate(SMALLEST) == [], number
        page.keyboard.press("ArrowRight" if number % 2 else " ")
    assert page.evaluate(AT) == f"step-{count}"


SWIPE = """([from, to, down]) => {
    const touch = (x, y) => new Touch({ identifier: 1, target: document.body, clientX: x, clientY: y })
    const send = (kind, touches, changed) => document.body.dispatchEvent(
        new TouchEvent(kind, { touches, changedTouches: changed, bubbles: true }))
    send('touchstart', [touch(from, 300)], [touch(from, 300)])
    send('touchend', [], [touch(to, 300 + down)])
}"""


def test_a_swipe_turns_the_step_and_a_slanted_one_does_not(visit: Visit) -> None:
    page = visit("?talk=2", (390, 844))
    for swipe, step in (([300, 100, 10], 3), ([300, 270, 0], 3), ([300, 200, 200], 3), ([100, 300, 0], 2)):
        page.evaluate(SWIPE, swipe)
        assert page.evaluate(AT) == f"step-{step}"


def test_keys_address_blank_and_hold(visit: Visit) -> None:
    page = visit("?talk=3")
    count = page.locator(".step").count()
    assert page.evaluate(AT) == "step-3"
    then = page.locator(".step.shown .then").first
    assert then.is_visible()
    page.keyboard.down("h")
    assert not then.is_visible()
    page.keyboard.up("h")
    assert then.is_visible()
    box = page.locator(".step.shown .swap").first.bounding_box()
    page.mouse.move(box["x"] + 9, box["y"] + 9)
    page.mouse.down()
    assert not then.is_visible()
    page.mouse.up()
    assert then.is_visible()
    page.keyboard.press("b")
    assert page.is_visible(".blank")
    page.keyboard.press("b")
    assert not page.is_visible(".blank")
    for key, number in (("End", count), ("ArrowLeft", count - 1), ("Home", 1), ("ArrowLeft", 1), ("ArrowDown", 2)):
        page.keyboard.press(key)
        assert page.evaluate(AT) == f"step-{number}"
        assert page.evaluate("new URLSearchParams(location.search).get('talk')") == str(number)
    page.reload()
    page.wait_for_function(f"{AT} === 'step-2'")
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.keyboard.press("d")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    for query, number in (("?talk=99", count), ("?talk=0", 1), ("?talk=no", 1)):
        page.goto(page.url.split("?")[0] + query)
        page.wait_for_function(f"{AT} === 'step-{number}'")


def test_the_replay_plays_is_scrubbed_and_stepped(visit: Visit) -> None:
    page = visit("?talk=2")
    output, canvas = page.locator(".step.shown output"), page.locator(".step.shown canvas.pattern")
    page.wait_for_function("document.querySelector('.step.shown output').innerText === 'step 6'")  # it plays by itself
    page.wait_for_function("document.querySelector('.step.shown [data-play]').innerText === 'Play'")
    last = canvas.evaluate("one => one.toDataURL()")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    slider = page.locator(".step.shown input[type=range]")
    slider.fill("0")
    assert output.inner_text() == "random start"
    assert canvas.evaluate("one => one.toDataURL()") != last
    page.keyboard.press(".")
    assert output.inner_text() == "step 1"
    slider.focus()
    page.keyboard.press("ArrowRight")  # it belongs to the slider here
    assert page.evaluate(AT) == "step-2"
    assert output.inner_text() == "step 2"
    page.click(".step.shown [data-play]")
    page.wait_for_function("document.querySelector('.step.shown output').innerText === 'step 6'")
    assert canvas.evaluate("one => one.toDataURL()") == last
    assert [url for url in asked if not url.startswith("data:")] == []


def test_the_notes_follow_and_lead(visit: Visit) -> None:
    page = visit("?talk=1")
    with page.expect_popup() as opened:
        page.keyboard.press("n")
    notes = opened.value
    notes.wait_for_selector(".desk-notes")
    titles = page.locator(".step").evaluate_all("all => all.map(one => one.dataset.title)")
    page.keyboard.press("ArrowRight")
    notes.wait_for_function("title => document.querySelector('.desk-title').innerText === title", arg=titles[1])
    assert titles[2] in notes.inner_text(".desk-next")
    assert notes.locator(".desk-next img").get_attribute("src").startswith("data:image")
    assert ":" in notes.inner_text(".clock")
    notes.keyboard.press("ArrowRight")
    page.wait_for_function(f"{AT} === 'step-3'")
    notes.keyboard.press("b")
    page.wait_for_selector(".blank", state="visible")
    notes.close()


def test_the_header_leads_to_the_talk_and_escape_back_to_the_same_view(address: str, context: Any) -> None:
    page = context.new_page()  # not `visit`: Gradio complains of its own connections when its page is left
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}?epsilon=16&equal=strength")
    page.wait_for_function("document.querySelector('.card-a .shot .over') && location.search.includes('epsilon=16')")
    page.click(".tools a:has-text('Talk')")
    page.wait_for_function(f"{AT} === 'step-1'")
    page.keyboard.press("Escape")
    page.wait_for_function("document.querySelector('.card-a .often')?.innerText.includes('at 16/255')")
    page.close()


def test_compare_plays_a_stored_run_over_its_pictures(visit: Visit) -> None:
    page = visit()
    page.wait_for_selector(".card-a .shot .over")
    height = page.evaluate("document.documentElement.scrollHeight")
    page.click("#compare-replay")
    page.wait_for_selector(".replay")
    page.wait_for_function("document.querySelector('.replay output').innerText === 'step 6'")
    assert page.evaluate("document.documentElement.scrollHeight") == height
    page.wait_for_timeout(300)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator(".replay input").fill("0")
    assert page.inner_text(".replay output") == "random start"
    page.click(".replay [data-play]")
    page.wait_for_function("document.querySelector('.replay output').innerText === 'step 6'")
    assert [url for url in asked if "/queue/" in url and "heartbeat" not in url] == []
    page.keyboard.press("Escape")
    page.wait_for_selector(".replay", state="hidden")
    assert page.evaluate("document.activeElement.id") == "compare-replay"
    page.keyboard.press("Enter")
    page.wait_for_selector(".replay", state="visible")
    page.click("label:has-text('Equal strength')")
    page.wait_for_selector(".replay", state="detached")
