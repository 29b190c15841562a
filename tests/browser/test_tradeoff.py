"""The Trade-off tab in a real Chromium: by mouse and by keyboard, and on to Compare."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Visit = Callable[..., Any]


def opened(visit: Visit, query: str = "", **options: object) -> Any:
    page = visit(f"?tab=tradeoff{query}", **options)
    page.wait_for_selector(".tradeoff-figure .plotly-figure .points path.point")
    return page


def chosen(page: Any, letter: str, name: str) -> None:
    """Wait until the card of that side shows the model."""
    page.wait_for_function(
        "([letter, name]) => document.querySelector(`.cards .card-${letter} h2`)?.innerText.includes(name)",
        arg=[letter, name],
    )


def test_the_tab_opens_complete_and_leads_to_compare(visit: Visit) -> None:
    page = visit()
    page.wait_for_selector(".patterns img.pattern")
    page.click("[role=tab]:has-text('Trade-off')")
    page.wait_for_selector(".tradeoff-figure .plotly-figure .points path.point")
    chosen(page, "a", "Standard")
    chosen(page, "b", "Shared-trained, 64 images")
    assert page.locator(".risks tr:visible").count() == 5
    assert page.locator(".cards img.pattern:visible").count() == 2
    assert page.locator("img:visible:not([alt])").count() == 0
    page.wait_for_function("location.search.includes('tab=tradeoff')")
    page.wait_for_function("document.title === 'Trade-off · signs · PlainSight'")
    page.wait_for_timeout(1000)  # changes within a second are one step of Back
    page.click("#onward")
    page.wait_for_selector(".stripbox:visible")
    page.wait_for_function("!location.search.includes('tab=')")
    page.go_back()
    page.wait_for_selector(".tradeoff-figure:visible")
    page.wait_for_function("document.title === 'Trade-off · signs · PlainSight'")
    assert "tab=tradeoff" in page.url
    page.go_back()
    page.wait_for_selector(".stripbox:visible")
    page.wait_for_function("document.title === 'Compare · signs · PlainSight'")


def test_an_arrow_key_goes_to_the_next_model_and_stays_there(visit: Visit) -> None:
    page = opened(visit, "&data=signs")
    epsilon = page.locator("input[type=range]:visible").nth(1)
    epsilon.focus()
    for key, name, step, words in (
        ("ArrowLeft", "Standard", "0", "none"),
        ("ArrowRight", "Shared-trained, 64 images", "1", "16/255"),
    ):
        page.keyboard.press(key)
        chosen(page, "b", name)
        page.wait_for_function(
            "text => document.querySelector('.aside:has(#side)').innerText.includes(text)", arg=words
        )
        assert (epsilon.input_value(), epsilon.get_attribute("max")) == (step, "1")


def test_the_keyboard_chooses_a_model_and_stays_there(visit: Visit) -> None:
    page = opened(visit, "&data=signs")
    page.click("button:has-text('All models as a list'):visible")
    page.focus("[data-model=standard]")
    page.keyboard.press("Enter")
    chosen(page, "b", "Standard")
    page.wait_for_function("document.activeElement.dataset.model === 'standard'")
    page.wait_for_function("location.search.includes('b=standard')")
    page.set_viewport_size({"width": 1280, "height": 480})
    page.locator(".models tr").last.scroll_into_view_if_needed()
    card = page.locator(".cards .card-b h2").bounding_box()  # what was chosen is in view beside the list
    assert page.evaluate("scrollY") > 0
    assert 0 <= card["y"] < 480
    rows = page.locator(".models tbody tr:visible")
    page.fill(".filter input", "heap 64")
    assert [text.partition(",")[0] for text in rows.all_inner_texts()] == ["Shared"]
    page.fill(".filter input", "")
    in_order = rows.all_inner_texts()
    page.click(".models th:has-text('model')")
    assert rows.all_inner_texts() == in_order[::-1]
    assert page.get_attribute(".models th >> nth=0", "aria-sort") == "descending"


def test_a_clicked_point_is_chosen_for_the_side_that_the_settings_move(visit: Visit) -> None:
    page = opened(visit, "&data=streets")
    page.click("#side label:has-text('A')")
    page.wait_for_function("location.search.includes('side=a')")
    points = page.locator(".tradeoff-figure .plotly-figure .points path.point")
    box = points.last.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector(".tradeoff-figure .hovertext")
    named = page.text_content(".tradeoff-figure .hovertext")
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    chosen(page, "a", "Standard" if "Standard" in named else "Shared-trained, 4 images")
    page.click("#onward")
    page.wait_for_selector(".stripbox:visible")
    page.wait_for_function("!location.search.includes('tab=') && location.search.includes('data=streets')")


def test_a_title_of_a_long_name_is_not_cut(visit: Visit) -> None:
    page = opened(visit, size=(1280, 720))
    title = page.locator(".cards h2 .name").last
    title.evaluate("(one, text) => one.textContent = text", "B ▲ Shared, 64 images, 16/255, 15 epochs, σ 0.7, seed 2")
    assert title.evaluate("one => one.scrollWidth <= one.clientWidth")


def test_a_phone_needs_no_sideways_scrolling(visit: Visit) -> None:
    page = opened(visit, size=(390, 844))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
