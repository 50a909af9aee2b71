"""R1: instances are replaced one after the other behind a balancer of connections, under load, and no call is lost."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.reliability.callers import Callers, said
from tests.reliability.chooser import Chooser
from tests.reliability.processes import ServiceProcess
from tests.reliability.table import Table

# Connections that live for a second, so that a restart takes seconds and not minutes. The drain is more than twice as
# long as a connection can live; by default it is 5 s more than that.
AGE = ("--connection-age-seconds", "1")
DRAIN = ("--drain-seconds", "2.5")
CHANNELS = 2
# In the control as many as need not wait long for a stop that hits one of them.
MANY = 12
# Without any retry a call may meet the end of its connection; the target is for 30,000.
MOST_WITHOUT_RETRIES = 10
# Over fewer restarts nothing can be said; the control stops once something was lost.
RESTARTS, MOST_STOPS = 3, 10


def rolled(
    folder: Path, ways: Sequence[str], channels: int, enough: Callable[[list[Callers], int], bool], *flags: str
) -> tuple[list[Callers], int]:
    """What callers of each way of retrying saw until it was enough, and over how many restarts."""
    with Chooser() as chooser, ExitStack() as services, ExitStack() as calling:
        old = services.enter_context(ServiceProcess(folder / "0", *AGE, *flags))
        chooser.backends = [old.port]
        callers = [calling.enter_context(Callers(chooser.target, way, channels)) for way in ways]
        for number in itertools.count(1):
            new = services.enter_context(ServiceProcess(folder / str(number), *AGE, *flags))
            chooser.backends = [new.port]
            old.process.send_signal(signal.SIGTERM)
            assert old.process.wait(120) == 0
            old = new
            if enough(callers, number):
                # The last one serves until none of them calls any more.
                calling.close()
                return callers, number
    raise AssertionError


@pytest.mark.timeout(24 * 3600)
def test_no_call_is_lost_while_instances_are_replaced(table: Table, tmp_path: Path) -> None:
    calls = table.size(30_000, 1_000_000)
    callers, restarts = rolled(
        tmp_path / "drained",
        ("shipped", "transparent", "none"),
        CHANNELS,
        lambda callers, restarts: restarts >= RESTARTS and all(each.count >= calls for each in callers),
        *DRAIN,
    )
    shipped, transparent, none = callers
    # Each stop without a drain loses some of what is under way.
    (control,), stops = rolled(
        tmp_path / "control",
        ("none",),
        MANY,
        lambda callers, stops: callers[0].failed > 0 or stops >= MOST_STOPS,
        "--drain-seconds",
        "0",
    )
    limit = MOST_WITHOUT_RETRIES * none.count // 30_000
    table.settle(
        "R1",
        "rolling restarts under load",
        size=f"{restarts} restarts; {shipped.count}, {transparent.count} and {none.count} calls",
        figure=f"shipped client {said(shipped)}; transparent retries only {said(transparent)}; no retries {said(none)}",
        target=f"0; 0; at most {limit}",
        held=shipped.failed == 0 and transparent.failed == 0 and none.failed <= limit,
        control=f"{stops} restarts without a drain, no retries: {said(control)}",
        found=control.failed > 0,
    )
