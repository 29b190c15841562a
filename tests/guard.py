"""PLAINSIGHT_REQUIRE=browser,real_data: a test with one of these markers may not be skipped, and one must have passed.

conftest.py takes its hooks from here. They work in one process as in several (pytest-xdist).
"""

import os
from collections.abc import Iterator

import pytest

_REQUIRED = {name.strip() for name in os.environ.get("PLAINSIGHT_REQUIRE", "").split(",")} - {""}
_passed: set[str] = set()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    markers = _REQUIRED & {mark.name for mark in item.iter_markers()}
    report.required = sorted(markers)  # travels with the report where tests run in several processes
    if markers and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"PLAINSIGHT_REQUIRE forbids to skip {', '.join(sorted(markers))}: {report.longrepr}"
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and report.passed:
        _passed.update(report.required)


def _absent(config: pytest.Config) -> list[str]:
    """What has not passed; a worker, which runs a part of the tests, cannot tell."""
    part = config.option.collectonly or hasattr(config, "workerinput")
    return [] if part else sorted(_REQUIRED - _passed)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _absent(session.config) and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for name in _absent(config):
        terminalreporter.write_line(f"PLAINSIGHT_REQUIRE: no test marked {name} has passed", red=True)
