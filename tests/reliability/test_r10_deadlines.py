"""R10: nobody computes for a caller whose deadline has passed."""

from __future__ import annotations

import threading
import time

import grpc
import pytest

from labgloss.domain import panel as domain_panel
from labgloss.domain import report as domain_report
from labgloss.engine.interpret import interpret
from labgloss.knowledge.release import Release
from tests.reliability.table import Table
from tests.server.wire import INTERPRET, serving, unary

THREADS = 8
# Less than what a call waits for its turn at most (turns.py): none begins before its deadline.
LATE_SECONDS = 0.1


class Held:
    """An engine that waits until it is let go, and counts what it was asked, by whether it was late."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = threading.Semaphore(0)
        self.asked: list[str] = []

    def __call__(self, release: Release, panel: domain_panel.Panel) -> domain_report.Report:
        self.asked.append(panel.id)
        self.begun.release()
        self.go.wait(30)
        return interpret(release, panel)


def asked_late(release: Release, waiting: int, timeout: float) -> tuple[int, int]:
    """How many calls of so many ended late, and how many of them the engine was asked all the same."""
    engine = Held()
    with serving(release, engine, threads=THREADS) as served:
        call = served.channel.unary_unary(INTERPRET)
        # One call computes at a time, so that one keeps all others waiting.
        busy = call.future(unary("busy"), timeout=60)
        assert engine.begun.acquire(timeout=30)
        queued = [call.future(unary("late"), timeout=timeout) for _ in range(waiting)]
        end = time.monotonic() + 5
        while time.monotonic() < end and not all(each.done() for each in queued):
            time.sleep(0.01)
        late = sum(each.done() and each.code() is grpc.StatusCode.DEADLINE_EXCEEDED for each in queued)
        engine.go.set()
        for each in (busy, *queued):
            each.exception()
        # A call after all of them has its turn only when theirs is over.
        call(unary("last"), timeout=30)
    return late, engine.asked.count("late")


@pytest.mark.timeout(3600)
def test_what_waited_past_its_deadline_is_not_interpreted(table: Table, release: Release) -> None:
    # As many as find a thread to wait in.
    waiting, times = table.size((THREADS - 1, 8), (THREADS - 1, 2_000))
    late = asked = 0
    for _ in range(times):
        of_these, in_vain = asked_late(release, waiting, LATE_SECONDS)
        late, asked = late + of_these, asked + in_vain
    _, control = asked_late(release, waiting, 60)
    table.settle(
        "R10",
        "calls that expired while they waited",
        size=f"{late} calls",
        figure=f"{asked} interpreted",
        target="0 interpreted",
        held=asked == 0 and late == waiting * times,
        control=f"with a deadline that does not pass {control} of {waiting} are",
        found=control == waiting,
    )
    table.report(
        "R10",
        "calls without a deadline",
        size="",
        figure="no cap in time: bounded by what a message may hold (R4: the slowest)",
        target="a cap of 2 s",
    )
