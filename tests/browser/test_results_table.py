"""The searchable table of the results pages: `docs/assets/results.js` filters and sorts it."""

from pathlib import Path

import pytest

from core.reports.searchable_page import RecordTable, searchable_page

SCRIPT = Path(__file__).parents[2] / "docs" / "assets" / "results.js"

pytestmark = pytest.mark.browser


@pytest.fixture
def page(context):
    models = [
        {"data": data, "model": f"heap {heap}", "epsilon": text}
        for data, heap, text in (("CIFAR-10", 1, "9/255"), ("CIFAR-10", 64, "12.5/255"), ("CamVid", 64, ""))
    ]
    text = searchable_page([RecordTable("Models", "", models), RecordTable("Training", "", models[:1])])
    page = context.new_page()
    page.set_content(text[text.index("<div id") :])
    page.add_script_tag(path=SCRIPT)
    yield page
    page.close()


def shown(page, column):
    rows = page.locator("tbody tr:visible")
    return [rows.nth(number).locator("td").nth(column).inner_text() for number in range(rows.count())]


def test_the_filter_keeps_rows_with_all_words(page):
    assert shown(page, 0) == ["CIFAR-10", "CIFAR-10", "CamVid"]
    page.fill("input", "64 cifar")
    assert [shown(page, 0), shown(page, 1)] == [["CIFAR-10"], ["heap 64"]]
    assert page.inner_text("output") == "1 of 3 rows"
    page.select_option("select", label="Training")
    assert page.inner_text("output") == "0 of 1 rows"


def test_a_column_sorts_by_number_both_ways_with_empty_cells_last(page):
    page.click("th:has-text('epsilon')")
    assert shown(page, 2) == ["9/255", "12.5/255", ""]
    page.click("th:has-text('epsilon')")
    assert shown(page, 2) == ["12.5/255", "9/255", ""]
