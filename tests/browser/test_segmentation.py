"""The Segmentation tab in a real Chromium, on drawn streets."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Visit = Callable[..., Any]
AS_LONG_AS_IT_GETS = """all => all.forEach(one => {
    one.textContent = 'Resembles the target more than 199 of 199 other scenes (standard: 199)'
})"""


def opened(visit: Visit, query: str = "", **options: object) -> Any:
    page = visit(f"?tab=segmentation{query}", **options)
    page.wait_for_selector(".scene-model.card-b img.labels")
    return page


def source(page: Any, selector: str) -> str:
    return str(page.locator(selector).first.get_attribute("src"))


def test_the_tab_opens_complete_from_the_first_one(visit: Visit) -> None:
    page = visit()
    page.wait_for_selector(".patterns img.pattern")
    page.click("[role=tab]:has-text('Segmentation')")
    page.wait_for_selector(".scene-model.card-b img.labels")
    assert "scene 5 on" in page.inner_text("h1:visible")
    assert page.locator(".map-row figure:visible").count() == 8
    assert page.locator(".map-row img.pattern:visible").count() == 2
    assert page.locator(".legend-classes button:visible").count() == 11
    assert page.locator(".resemblance:visible").count() == 2
    assert page.locator("img:visible:not([alt])").count() == 0
    page.wait_for_function("location.search.includes('tab=segmentation')")
    page.click("[role=tab]:has-text('Compare')")
    page.wait_for_function("!location.search.includes('tab=')")


def test_a_class_stands_alone_and_comes_back(visit: Visit) -> None:
    page = opened(visit)
    truth = ".street img.labels"
    everything = source(page, truth)
    page.click(".legend-classes button:has-text('road')")
    page.wait_for_selector(".legend-classes button[aria-pressed=true]")
    page.wait_for_function("all => document.querySelector('.street img.labels').src !== all", arg=everything)
    page.wait_for_function("location.search.includes('only=3')")
    page.click(".legend-classes button:has-text('road')")
    page.wait_for_function("all => document.querySelector('.street img.labels').src === all", arg=everything)


def test_the_name_of_a_class_is_shown_where_one_points(visit: Visit) -> None:
    page = opened(visit)
    box = page.locator(".street figure:nth-child(2) img.labels").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 0.95 * box["height"])
    page.wait_for_selector("#classname:visible")
    names = page.locator(".legend-classes b").all_inner_texts()
    assert page.inner_text("#classname") in names


def test_flips_opacity_and_another_scene(visit: Visit) -> None:
    page = opened(visit, "&data=streets&scene=0")
    after = ".scene-model.card-a figure:nth-child(3) img.labels"
    seen = source(page, after)
    page.click(".view-options label:has-text('Flipped pixels')")
    page.wait_for_selector(".scene-model.card-a .stack.grey")
    assert source(page, after) != seen
    page.locator(".overlay input").fill("20")
    assert page.locator(after).evaluate("one => getComputedStyle(one).opacity") == "0.2"
    page.click("#scene-later")
    page.wait_for_function("document.querySelector('.legend-column .place').innerText.includes('scene 2 of 7')")


def test_a_run_on_scenes_forms_and_is_measured(visit: Visit) -> None:
    page = opened(visit, "&data=streets&steps=10&images=64&epsilon=6&target=remove-8")
    page.wait_for_selector(".scene-model.card-a img.pattern")
    done = "[...document.querySelectorAll('.status')].some(one => one.innerText.includes('Done in'))"
    page.wait_for_function(done)
    assert "of car pixels overlooked" in page.inner_text(".scene-model.card-a .big")
    assert "live in" in page.inner_text(".footer:visible")


def test_scenes_fit_one_screen_in_both_tabs(visit: Visit) -> None:
    for query, ready, size in (
        ("?data=streets", ".strip.scenes img", "21px"),
        ("?tab=segmentation", ".scene-model.card-b img.labels", "19px"),
    ):
        page = visit(query)
        page.wait_for_selector(ready)
        assert page.locator("h1:visible").evaluate("one => getComputedStyle(one).fontSize") == size
        page.locator(".resemblance:visible").evaluate_all(AS_LONG_AS_IT_GETS)
        bottom = page.locator(".footer:visible .foot").bounding_box()
        assert bottom["y"] + bottom["height"] <= 720


def test_a_phone_needs_no_sideways_scrolling(visit: Visit) -> None:
    page = opened(visit, size=(390, 844))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
