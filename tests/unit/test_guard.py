"""The guard of conftest.py: with PLAINSIGHT_REQUIRE a test that needs a browser or data cannot be skipped unseen."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

GUARD = Path(__file__).parent.parent / "guard.py"
MARKED = "import pytest\n@pytest.mark.browser\ndef test_page():\n    {body}\ndef test_other():\n    pass\n"


@pytest.mark.parametrize(
    ("processes", "required", "body", "status", "says"),
    [
        (0, "", "pytest.skip('none here')", 0, "1 passed, 1 skipped"),
        (0, "browser", "pass", 0, "2 passed"),
        (0, "browser", "pytest.skip('none here')", 1, "forbids to skip browser*none here"),
        (0, "browser,real_data", "pass", 1, "no test marked real_data has passed"),
        (0, " browser , ", "assert not 1", 1, "1 failed, 1 passed"),
        pytest.param(1, "browser", "pass", 0, "2 passed", marks=pytest.mark.slow),
        pytest.param(
            1,
            "browser,real_data",
            "pytest.skip('none here')",
            1,
            "forbids to skip browser*none here",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_required_tests_must_run(pytester, monkeypatch, processes, required, body, status, says):
    monkeypatch.setenv("PLAINSIGHT_REQUIRE", required)
    pytester.makeconftest(GUARD.read_text())
    pytester.makeini("[pytest]\nmarkers =\n    browser: x\n    real_data: x\n")
    pytester.makepyfile(MARKED.format(body=body))
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-n", str(processes))
    result.stdout.fnmatch_lines(f"*{says}*")
    assert result.ret == status
