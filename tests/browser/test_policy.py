"""The Content-Security-Policy fits the page: nothing of it is blocked on any tab."""

import pytest

TABS = ("", "?tab=perceptibility", "?tab=segmentation", "?tab=tradeoff", "?tab=pictures", "?tab=blind", "?talk=1")


@pytest.mark.browser
def test_no_tab_asks_for_what_the_policy_forbids(context: object, address: str) -> None:
    page = context.new_page()  # type: ignore[attr-defined]
    broken: list[str] = []
    page.on("console", lambda message: broken.append(message.text) if "Content Security" in message.text else None)
    try:
        for tab in TABS:
            policy = page.goto(address + tab).headers["content-security-policy"]
            assert "object-src 'none'" in policy
            page.wait_for_function("document.querySelector('.status p, .step, .desk')", timeout=60_000)
            page.wait_for_timeout(300)
        assert page.evaluate("fetch('https://elsewhere.example/').then(() => '', () => 'blocked')") == "blocked"
    finally:
        page.close()
    assert [text for text in broken if "elsewhere.example" not in text] == []
    assert broken, "the policy is not in force"
