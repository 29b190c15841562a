"""The Content-Security-Policy is in force and fits the page.

What it blocks is an error in the console, and no test of a tab allows one.
"""

import pytest

PAGES = ("", "?talk=1")


@pytest.mark.browser
def test_no_page_asks_for_what_the_policy_forbids(context: object, address: str) -> None:
    page = context.new_page()  # type: ignore[attr-defined]
    broken: list[str] = []
    page.on("console", lambda message: broken.append(message.text) if "Content Security" in message.text else None)
    try:
        for tab in PAGES:
            policy = page.goto(address + tab).headers["content-security-policy"]
            assert "object-src 'none'" in policy
            page.wait_for_function("document.querySelector('.status p, .step, .desk')", timeout=60_000)
            page.wait_for_timeout(300)
        assert page.evaluate("fetch('https://elsewhere.example/').then(() => '', () => 'blocked')") == "blocked"
    finally:
        page.close()
    assert [text for text in broken if "elsewhere.example" not in text] == []
    assert broken, "the policy is not in force"
