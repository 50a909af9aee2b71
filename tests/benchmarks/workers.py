"""P6: calls a second of two workers beside one, with callers enough for both."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.figures import Row
from tests.benchmarks.groups import GROUPS
from tests.benchmarks.lean import closed_loop
from tests.benchmarks.sent import Panels
from tests.benchmarks.server_process import SERVICE_COMMAND, ServerProcess, cpu_of
from tests.benchmarks.size import Size
from tests.benchmarks.turns import evidence_flags, in_turn

# The kernel deals connections out by chance: with so many neither worker is left with few.
CONNECTIONS = 24

ROWS = GROUPS["P6"].rows


def measure(size: Size, folder: Path) -> Iterator[Row]:
    """P6, by the clock on the wall: what others take of the machine counts against two workers."""
    if len(os.sched_getaffinity(0)) < 2:
        yield from (row.not_measured("needs two cores") for row in ROWS)
        return
    panels = Panels(size.panels)
    (folder / "one").mkdir()
    (folder / "two").mkdir()
    with (
        ServerProcess((*SERVICE_COMMAND, *evidence_flags(folder / "one")), everywhere=True) as one,
        ServerProcess(
            (*SERVICE_COMMAND, "--workers", "2", *evidence_flags(folder / "two")), everywhere=True, workers=2
        ) as two,
    ):
        workers = two.pids[1:]
        busier: list[float] = []
        both: list[float] = []

        def rate(server: ServerProcess) -> float:
            # Made anew: how they are dealt out is part of what varies.
            with server.connected(CONNECTIONS) as connections:
                before = [cpu_of(pid) for pid in workers]
                load = closed_loop(connections, panels.fresh(size.calls), CONNECTIONS)
            if server is two:
                spent = [cpu_of(pid) - begun for pid, begun in zip(workers, before, strict=True)]
                busier.append(max(spent))
                both.append(sum(spent))
            return load.calls / load.seconds

        rates = in_turn(size.pairs, lambda: rate(two), lambda: rate(one))
    yield ROWS[0].measured(
        *rates, note=f"{CONNECTIONS} connections, made anew for each turn, one call at a time on each"
    )
    yield ROWS[1].measured(busier[1:], both[1:])
