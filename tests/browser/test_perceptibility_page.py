"""The Perceptibility tab in a real Chromium: by mouse and by keyboard, on one screen, and on to Compare."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Visit = Callable[..., Any]
FIGURES = (".seen-curves", ".seen-needed", ".seen-spectrum")


def opened(visit: Visit, query: str = "", **options: object) -> Any:
    page = visit(f"?tab=perceptibility{query}", **options)
    page.wait_for_function("location.search.includes('data=')")  # the whole view, though only its tab was asked for
    for figure in FIGURES:
        page.wait_for_selector(f"{figure} .plotly-figure svg.main-svg")
    page.wait_for_selector(".seen-needed .points path.point")
    return page


def test_the_tab_fits_one_screen_and_leads_to_compare(visit: Visit) -> None:
    for data, dark in (("signs", False), ("streets", True)):
        page = opened(visit, f"&data={data}", dark=dark)
        assert page.locator(".seen img:visible").count() == 2
        assert page.locator("img:visible:not([alt])").count() == 0
        for figure in FIGURES:
            assert len(page.get_attribute(f"{figure} .plotly-figure", "aria-label")) > 40
        footer = page.locator(".block.footer:visible").bounding_box()
        assert footer["y"] + footer["height"] <= 716
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    page.click("button:has-text('Open in Compare'):visible")
    page.wait_for_selector(".stripbox:visible")
    page.wait_for_function("!location.search.includes('tab=') && location.search.includes('data=streets')")


def test_a_press_and_the_keyboard_choose_a_model_for_the_side_that_is_being_chosen(visit: Visit) -> None:
    page = opened(visit, "&data=signs")
    points = page.locator(".seen-needed .points path.point")
    page.click(".seen-side label:has-text('Model A')")
    page.wait_for_function("location.search.includes('side=a')")
    page.click("button:has-text('As a table'):visible")
    page.focus("[data-model^=shared]")
    page.keyboard.press("Enter")
    page.wait_for_function("location.search.includes('a=shared')")
    page.wait_for_function("document.activeElement.dataset.model?.startsWith('shared')")
    page.wait_for_function("document.querySelector('.seen .models .chosen').innerText.includes('A ● B ▲')")
    box = points.first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector(".seen-needed .hovertext")
    named = page.text_content(".seen-needed .hovertext")
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_function(f"location.search.includes('a={'standard' if 'Standard' in named else 'shared'}')")
    page.click(".seen-bar label:has-text('A and B')")
    page.wait_for_function("location.search.includes('shown=pair')")


def test_a_phone_needs_no_sideways_scrolling(visit: Visit) -> None:
    page = opened(visit, size=(390, 844))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
