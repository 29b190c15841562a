"""Taking a view home: the report of a tab, its figures and the postcard, in a real Chromium."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Visit = Callable[..., Any]


def saved(page: Any, kind: str, folder: Path) -> Path:
    """What an entry of the menu gives."""
    page.click(".save summary")
    with page.expect_download() as download:
        page.click(f"[data-save={kind}]")
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    page.wait_for_function("!document.querySelector('.save').open")
    return path


def test_a_tab_goes_home_as_report_figure_and_postcard(visit: Visit, tmp_path: Path) -> None:
    page = visit("?epsilon=16")
    page.wait_for_selector(".facts .plotly-figure .main-svg")
    heading = page.inner_text("h1")
    report = saved(page, "report", tmp_path)
    assert report.name == "plainsight-compare.html"
    picture = saved(page, "figures", tmp_path)
    assert picture.name == "plainsight-compare.svg"
    assert picture.read_text("utf-8").startswith("<svg")
    card = saved(page, "postcard", tmp_path)
    with Image.open(io.BytesIO(card.read_bytes())) as frames:
        assert (frames.format, frames.n_frames) == ("WEBP", 3)
    page.click(".save summary")
    page.keyboard.press("Escape")
    assert not page.evaluate("document.querySelector('.save').open")
    assert page.evaluate("document.activeElement.textContent") == "Save"

    asked: list[str] = []
    page = page.context.new_page()  # not one of the visit's, which are to stay with the app
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())
    assert page.inner_text("h1") == heading
    assert page.locator(".shot img").evaluate_all("all => all.map(one => one.naturalWidth)") == [96, 96, 96]
    assert page.locator("figure svg").count() == 1
    assert re.search(r"weights [0-9a-f]{6}.*n = \d", page.inner_text("body"), re.DOTALL)
    assert page.inner_text("tr:has(th:text-is('epsilon')) td") == "16"
    assert "epsilon=16" in page.get_attribute("header a", "href")
    assert page.locator("button, input, select").count() == 0
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    printed = page.pdf(format="A4")
    assert 1 <= len(re.findall(rb"/Type /Page\b", printed)) <= 2, "a report is a sheet of paper or two"
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 718, "height": 1000})  # A4 less its margins
    assert page.evaluate("document.documentElement.scrollWidth") <= 718
    assert page.locator(".shot img").evaluate_all("all => all.every(one => one.getBoundingClientRect().right <= 718)")
    page.close()
