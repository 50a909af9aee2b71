"""P10: what is left of the rate with decision records, and with records and metrics, of what it is without."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from tests.benchmarks.figures import Row
from tests.benchmarks.groups import GROUPS, IN_FLIGHT
from tests.benchmarks.sent import Panels
from tests.benchmarks.server_process import SERVICE_COMMAND, ServerProcess
from tests.benchmarks.size import Size
from tests.benchmarks.turns import cpu_microseconds, evidence_flags, in_turn

ROWS = GROUPS["P10"].rows


def measure(size: Size, folder: Path) -> Iterator[Row]:
    """P10: three servers, in turn, with the same panels."""
    panels = Panels(size.panels)
    flags = ((), evidence_flags(folder, metrics=False), evidence_flags(folder))
    with ExitStack() as stack:
        servers = [stack.enter_context(ServerProcess((*SERVICE_COMMAND, *given))) for given in flags]
        neither, records, both = in_turn(size.pairs, *(partial(_cost, server, panels, size) for server in servers))
    yield ROWS[0].measured(records, neither, faster=True)
    yield ROWS[1].measured(both, neither, faster=True)


def _cost(server: ServerProcess, panels: Panels, size: Size) -> float:
    return cpu_microseconds(server, panels.fresh(size.calls), IN_FLIGHT)
