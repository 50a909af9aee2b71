"""R2: one of two workers is killed each second; the other answers, and the supervisor brings it back."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.reliability.callers import Callers, said
from tests.reliability.processes import ServiceProcess
from tests.reliability.table import Table

CHANNELS = 4
SHARE_WITHOUT_RETRIES = 0.005
# Beyond this a worker is not late but gone.
BACK_SECONDS = 30.0


def served(service: ServiceProcess) -> int:
    """How often a worker began to serve. Its lines are not read one by one: of a minute they take a second."""
    return service.stdout.read_bytes().count(b'"event": "serving"')


def killed(service: ServiceProcess, kills: int, every: float) -> list[float]:
    """Seconds after which each worker that was killed served again."""
    back = []
    for number in range(kills):
        begun = time.monotonic()
        supervisor = service.process.pid
        workers = [pid for pid in service.pids if pid != supervisor]
        before = served(service)
        os.kill(workers[number % len(workers)], signal.SIGKILL)
        while served(service) == before:
            assert time.monotonic() - begun < BACK_SECONDS, "a worker that was killed does not come back"
            time.sleep(0.01)
        back.append(time.monotonic() - begun)
        time.sleep(max(0.0, begun + every - time.monotonic()))
    return back


@pytest.mark.timeout(3600)
def test_a_worker_is_killed_each_second(table: Table, tmp_path: Path) -> None:
    kills = table.size(10, 60)
    with ServiceProcess(tmp_path / "service", "--workers", "2") as service:
        with (
            Callers(service.target, "shipped", CHANNELS) as shipped,
            Callers(service.target, "none", CHANNELS) as none,
        ):
            back = killed(service, kills, 1.0)
        left = len(service.pids)
    table.settle(
        "R2",
        "one of two workers killed each second",
        size=f"{kills} kills, {shipped.count} calls of the shipped client",
        figure=f"shipped client {said(shipped)}; {left - 1} workers at the end",
        target="0 lost, 2 workers",
        held=shipped.failed == 0 and left == 3,
        control=f"without retries {said(none)}",
        found=none.failed > 0,
    )
    middle = sorted(back)[len(back) // 2]
    table.report(
        "R2",
        "without retries; until the worker serves again",
        size=f"{none.count} calls",
        figure=f"{none.failed / none.count:.2%}; at most {max(back):.2f} s, median {middle:.2f} s",
        target=f"{SHARE_WITHOUT_RETRIES:.1%}; 0.60 s",
    )
