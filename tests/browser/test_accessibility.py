"""What axe-core, the rules behind most accessibility checkers, finds on every tab and on the talk, light and dark."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Visit = Callable[..., Any]
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RUN = "() => axe.run(document, { resultTypes: ['violations'] })"


def serious(page: Any) -> list[str]:
    """The violations that keep people from using the page."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate(RUN)["violations"]
    return [
        f"{violation['id']}: {node['html'][:200]}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not here; install it with: npm ci")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_serious_on_any_tab(visit: Visit, dark: bool) -> None:
    page = visit("?epsilon=16", dark=dark)
    page.wait_for_selector(".facts .plotly-figure .main-svg")
    found = {"Compare": serious(page)}
    for title in page.locator("#tabs [role=tab]").all_inner_texts()[1:]:
        page.click(f"#tabs [role=tab]:has-text('{title}')")
        page.wait_for_function("document.title.startsWith('" + title + "')")
        page.wait_for_timeout(300)  # what fades in is of low contrast meanwhile
        found[title] = serious(page)
    assert len(found) >= 6
    assert {title: violations for title, violations in found.items() if violations} == {}


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not here; install it with: npm ci")
def test_the_checker_finds_what_is_wrong(visit: Visit) -> None:
    page = visit("?epsilon=16")
    page.evaluate("document.querySelector('.shot img').removeAttribute('alt')")
    assert any(violation.startswith("image-alt") for violation in serious(page))
