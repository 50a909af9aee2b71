"""A pytest plugin: the run ends with how many modules were skipped for want of a tool."""

from __future__ import annotations

import pytest

from tests.external_tools import skipped


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if skipped:
        missing = ", ".join(sorted({problem for reason in skipped for problem in reason.split("; ")}))
        modules = "1 module was" if len(skipped) == 1 else f"{len(skipped)} modules were"
        terminalreporter.write_line(f"{modules} skipped for want of a tool ({missing}); CI=true tests/run installs it")
