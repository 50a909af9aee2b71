"""A pytest plugin: the run ends with how many tools were missing, and for how many modules of tests."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.external_tools import skipped


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if skipped:
        counted = Counter(skipped)
        tools = ", ".join(f"{problem} ({modules} skipped)" for problem, modules in sorted(counted.items()))
        terminalreporter.write_line(f"tools missing: {len(counted)}: {tools}; with CI=true tests/run installs them")
