"""What axe-core, the rules behind most accessibility checkers, finds on every tab, light and dark."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Visit = Callable[..., Any]
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"


def serious(page: Any, *rules: str) -> list[str]:
    """The violations that keep people from using the page, of these rules or of all."""
    only = f", runOnly: {list(rules)}" if rules else ""
    found = page.evaluate(f"() => axe.run(document, {{ resultTypes: ['violations']{only} }})")["violations"]
    return [
        f"{violation['id']}: {node['html'][:200]}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not here; install it with: npm ci")
def test_nothing_serious_on_any_tab_light_or_dark(visit: Visit) -> None:
    page, found = visit("?epsilon=16"), {}
    page.wait_for_selector(".facts .plotly-figure .main-svg")
    page.evaluate(AXE.read_text("utf-8"))
    titles = page.locator("#tabs [role=tab]").all_inner_texts()
    assert len(titles) >= 6
    for title in titles:
        page.click(f"#tabs [role=tab]:has-text('{title}')")
        page.wait_for_function("title => document.title.startsWith(title)", arg=title)
        page.wait_for_timeout(300)  # what fades in is of low contrast meanwhile
        found[title, "light"] = serious(page)
        page.click("[data-theme-toggle]")
        page.wait_for_timeout(300)
        found[title, "dark"] = serious(page, "color-contrast")
        page.click("[data-theme-toggle]")
    assert {where: violations for where, violations in found.items() if violations} == {}
    page.evaluate("document.querySelector('.shot img').removeAttribute('alt')")
    page.evaluate("document.querySelector('h1').style.color = '#eee'")
    page.click(f"#tabs [role=tab]:has-text('{titles[0]}')")
    wrong = {violation.partition(":")[0] for violation in serious(page, "color-contrast", "image-alt")}
    assert wrong == {"color-contrast", "image-alt"}, "the checker finds what is wrong"
