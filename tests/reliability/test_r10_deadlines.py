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
CAP_SECONDS = 1.0
# The watchdog looks once a second, or ten times in a cap; a busy machine makes it late.
LOOK_SECONDS = 3.0


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


def ended_by_itself(release: Release, count: int, **cap: float) -> int:
    """How many calls of so many end at whose engine nothing comes back, and that have no deadline."""
    engine = Held()
    with serving(release, engine, threads=THREADS, **cap) as served:
        calls = [served.channel.unary_unary(INTERPRET).future(unary("endless")) for _ in range(count)]
        end = time.monotonic() + CAP_SECONDS + LOOK_SECONDS
        while time.monotonic() < end and not all(each.done() for each in calls):
            time.sleep(0.05)
        ended = sum(each.done() and each.code() is grpc.StatusCode.DEADLINE_EXCEEDED for each in calls)
        engine.go.set()
    return ended


@pytest.mark.timeout(3600)
def test_a_call_without_a_deadline_ends_when_its_time_is_over(table: Table, release: Release) -> None:
    count = table.size(THREADS, 16)
    ended = ended_by_itself(release, count, unary_seconds=CAP_SECONDS)
    control = ended_by_itself(release, count, unary_seconds=3_600)
    table.settle(
        "R10",
        "calls without a deadline, at an engine that never answers",
        size=f"{count} calls, a cap of {CAP_SECONDS:g} s (by default 30 s; a batch 120 s)",
        figure=f"{ended} ended DEADLINE_EXCEEDED within {LOOK_SECONDS:g} s of it",
        target=f"{count}",
        held=ended == count,
        control=f"with a cap of an hour {control}",
        found=control == 0,
    )
