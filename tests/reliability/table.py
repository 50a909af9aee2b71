"""A pytest plugin: the size that the suite runs in, and the one table that every test of it writes its figure into.

`--long` runs the long size. `--reliability-table FILE` also writes the table to a file, Markdown or JSON by its suffix.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import grpc
import pytest

T = TypeVar("T")

HELD, NOT_HELD, REPORTED = "held", "NOT HELD", "only reported"

# Hazards whose tests stand in other rooms; the table says how those ended where they ran in the same session.
REFERRED: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        "R11": ("same request, same bytes", ("tests/server/test_same_bytes.py",)),
        "R13": (
            "clinical hazards: an independent oracle, units, awkward panels",
            ("tests/spec", "tests/units", "tests/ctcae", "tests/unit/engine/test_properties.py"),
        ),
        "R16": ("supply chain", ("tests/deploy",)),
    }
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    id: str
    what: str
    size: str
    figure: str
    target: str
    control: str
    held: str


class Table:
    """The rows so far. `long` is whether the long size runs."""

    def __init__(self, long: bool) -> None:
        self.long = long
        self.rows: list[Row] = []

    def size(self, ci: T, long: T) -> T:
        """The one of both that runs."""
        return long if self.long else ci

    def settle(
        self, ident: str, what: str, *, size: str, figure: str, target: str, held: bool, control: str, found: bool
    ) -> None:
        """A row of a figure that is gated: it must hold, and the control must have been found."""
        self.rows.append(Row(ident, what, size, figure, target, control, HELD if held and found else NOT_HELD))
        assert held, f"{ident}, {what}: {figure}; the target is {target}"
        assert found, f"{ident}, {what}: the control was not found, so the figure says nothing: {control}"

    def report(self, ident: str, what: str, *, size: str, figure: str, target: str, control: str = "") -> None:
        """A row of a figure that a loaded machine can move: printed, never gated."""
        self.rows.append(Row(ident, what, size, figure, target, control, REPORTED))


_TABLE = pytest.StashKey[Table]()
_OUTCOMES = pytest.StashKey[dict[str, list[int]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("reliability", "the reliability suite")
    group.addoption("--long", action="store_true", help="run tests/reliability in its long size: hours, not minutes")
    group.addoption("--reliability-table", metavar="FILE", type=Path, help="write its table to FILE (.md or .json)")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TABLE] = Table(config.getoption("--long"))
    config.stash[_OUTCOMES] = {}


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest) -> Table:
    """The table of this session."""
    return request.config.stash[_TABLE]


class _Counting:
    """Counts how the tests ended that the table refers to: passed, failed."""

    def __init__(self, outcomes: dict[str, list[int]]) -> None:
        self._outcomes = outcomes

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for ident, (_, places) in REFERRED.items():
            if report.nodeid.startswith(places) and (report.when == "call" or report.failed):
                counted = self._outcomes.setdefault(ident, [0, 0])
                counted[0] += report.passed
                counted[1] += report.failed


def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.pluginmanager.register(_Counting(session.config.stash[_OUTCOMES]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    table = config.stash[_TABLE]
    if not table.rows:
        return
    rows = sorted(
        [*table.rows, *_referred(config.stash[_OUTCOMES])], key=lambda row: (int(row.id[1:].rstrip("ab")), row.id)
    )
    terminalreporter.section("reliability")
    for line in (*markdown(rows), "", machine(table.long)):
        terminalreporter.write_line(line)
    if file := config.getoption("--reliability-table"):
        _write(file, rows, table.long)


def _referred(outcomes: Mapping[str, list[int]]) -> Iterator[Row]:
    for ident, (what, places) in REFERRED.items():
        passed, failed = outcomes.get(ident, (0, 0))
        figure = f"{passed} passed, {failed} failed" if passed + failed else "not in this session"
        held = (HELD if not failed else NOT_HELD) if passed + failed else REPORTED
        yield Row(ident, what, "its own", figure, "0 failed", f"in {', '.join(places)}", held)


def markdown(rows: list[Row]) -> list[str]:
    """The rows as a Markdown table."""
    head = ("id", "what", "size", "figure", "target", "control", "")
    cells = [head, *((row.id, row.what, row.size, row.figure, row.target, row.control, row.held) for row in rows)]
    lines = [f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in cells]
    return [lines[0], f"|{'---|' * len(head)}", *lines[1:]]


def machine(long: bool) -> str:
    """What is needed to read the figures."""
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    size = "long" if long else "CI"
    python, cores = platform.python_version(), os.cpu_count()
    return f"Size {size}; {cores} cores, Python {python}, grpcio {grpc.__version__}, load average at the end {load}."


def _write(file: Path, rows: list[Row], long: bool) -> None:
    if file.suffix == ".json":
        file.write_text(json.dumps({"machine": machine(long), "rows": [asdict(row) for row in rows]}, indent=2) + "\n")
    else:
        file.write_text("\n".join([*markdown(rows), "", machine(long)]) + "\n")
