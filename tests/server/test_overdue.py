"""Calls that nothing else would end, and what they hold: ended after a time that is set, said, and free again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import grpc
import pytest

from labgloss.domain import panel as domain_panel
from labgloss.domain import report as domain_report
from labgloss.engine.interpret import interpret
from labgloss.knowledge.release import Release
from tests.reliability.floods import setting
from tests.reliability.raw_http2 import ACK, PREFACE, Peer, block, headers, message, raw, request
from tests.server.wire import (
    BATCH,
    HEALTH,
    INTERPRET,
    STREAM,
    WATCH,
    Served,
    StalledWatcher,
    batch,
    serving,
    unary,
)

SLOTS = 4
WATCHERS = 8
# More than a busy machine makes of a wait of 0.3 s.
LATE_SECONDS = 10.0
NO_WINDOW = PREFACE + setting(4, 0) + ACK


def until(true: Callable[[], bool]) -> bool:
    """Whether it becomes true in time."""
    end = time.monotonic() + LATE_SECONDS
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def said(served: Served, event: str, **others: object) -> bool:
    return any(line["event"] == event and others.items() <= line.items() for line in served.log)


def never(over: threading.Event, *first: bytes) -> Iterator[bytes]:
    yield from first
    over.wait(LATE_SECONDS)


@pytest.fixture
def over() -> Iterator[threading.Event]:
    """Set at the end, so that no iterator keeps a client's thread."""
    event = threading.Event()
    yield event
    event.set()


def test_streams_whose_callers_fall_silent_are_ended_and_their_slots_are_free(
    release: Release, over: threading.Event
) -> None:
    with serving(release, stream_idle_seconds=1) as served:
        streams = [served.open(never(over, batch("a")), timeout=60) for _ in range(SLOTS)]
        for stream in streams:
            next(stream)
        for stream in streams:
            with pytest.raises(grpc.RpcError) as raised:
                next(stream)
            assert grpc.StatusCode.DEADLINE_EXCEEDED == raised.value.code()
            assert "For 1 s no message of this stream came" in raised.value.details()
        assert until(lambda: can_batch(served))
        assert said(served, "overdue", method="StreamInterpretPanels", cause="NO_MESSAGE")
        ended = {"method": "StreamInterpretPanels", "status": "DEADLINE_EXCEEDED", "reason": "DEADLINE_EXCEEDED"}
        assert until(lambda: said(served, "call", **ended, panels=1))


def can_batch(served: Served) -> bool:
    return served.channel.unary_unary(BATCH).future(batch("b"), timeout=5).exception() is None


def test_streams_whose_callers_take_no_answer_are_ended_and_their_slots_are_free(release: Release) -> None:
    with serving(release, stream_idle_seconds=1) as served, ExitStack() as peers:
        for _ in range(SLOTS):
            peer = peers.enter_context(Peer(served.server.port, NO_WINDOW))
            head = raw(1, 4, 1, block(headers(STREAM)))
            peer.send(head + raw(0, 0, 1, message(batch("a")) * 2))
        assert until(lambda: said(served, "overdue", method="StreamInterpretPanels", cause="NOT_TAKEN"))
        assert until(lambda: can_batch(served))
        assert "4" == peer.status(1)
        assert until(lambda: said(served, "call", method="StreamInterpretPanels", status="DEADLINE_EXCEEDED"))


def slow(release: Release, panel: domain_panel.Panel) -> domain_report.Report:
    time.sleep(1.0)
    return interpret(release, panel)


def test_a_stream_is_not_idle_while_it_waits_for_us(release: Release) -> None:
    with serving(release, slow, stream_idle_seconds=0.7) as served:
        assert 2 == len(list(served.open(iter([batch("a"), batch("b")]))))
        assert not said(served, "overdue")


@pytest.mark.parametrize("path", [INTERPRET, HEALTH])
def test_a_call_whose_message_never_ends_is_ended(release: Release, path: str) -> None:
    with serving(release, unary_seconds=0.3) as served, Peer(served.server.port) as peer:
        peer.send(raw(1, 4, 1, block(headers(path))) + raw(0, 0, 1, message(unary())[:9]))
        assert "4" == peer.status(1, LATE_SECONDS)
        assert said(served, "overdue", method=path.rpartition("/")[2], cause="NO_MESSAGE", seconds=0.3)


def test_a_call_without_a_deadline_ends_when_the_service_takes_too_long(release: Release) -> None:
    with serving(release, slow, unary_seconds=0.3) as served:
        begun = time.monotonic()
        with pytest.raises(grpc.RpcError) as raised:
            served.channel.unary_unary(INTERPRET)(unary())
        assert grpc.StatusCode.DEADLINE_EXCEEDED == raised.value.code()
        assert "A call of this method may take 0.3 s" in raised.value.details()
        assert time.monotonic() - begun < 0.9
        assert said(served, "overdue", method="InterpretPanel", cause="NOT_ANSWERED")


def test_a_batch_without_a_deadline_ends_at_the_panel_at_which_it_takes_too_long(release: Release) -> None:
    asked = []

    def counting(taken: Release, panel: domain_panel.Panel) -> domain_report.Report:
        asked.append(panel.id)
        time.sleep(0.2)
        return interpret(taken, panel)

    with serving(release, counting, batch_seconds=0.5) as served:
        with pytest.raises(grpc.RpcError) as raised:
            served.channel.unary_unary(BATCH)(batch(*map(str, range(50))))
        assert grpc.StatusCode.DEADLINE_EXCEEDED == raised.value.code()
        time.sleep(0.5)
        assert len(asked) < 10
        ended = {"method": "BatchInterpretPanels", "status": "DEADLINE_EXCEEDED", "reason": "DEADLINE_EXCEEDED"}
        assert said(served, "call", **ended)


def test_an_answer_that_nobody_takes_is_thrown_away(release: Release) -> None:
    with serving(release, unary_seconds=0.5) as served, Peer(served.server.port, NO_WINDOW) as peer:
        peer.send(request(1, block(headers(INTERPRET)), unary()))
        assert "4" == peer.status(1, LATE_SECONDS)
        assert said(served, "call", method="InterpretPanel", status="OK")
        assert said(served, "overdue", method="InterpretPanel", cause="NOT_TAKEN")


def test_watchers_that_take_nothing_keep_no_other_waiting(release: Release) -> None:
    with serving(release, stream_idle_seconds=1) as served, ExitStack() as stalled:
        for _ in range(WATCHERS):
            stalled.enter_context(StalledWatcher(served.server.port))
        watch: Any = served.channel.unary_stream(WATCH)(b"", timeout=LATE_SECONDS)
        assert b"\x08\x01" == next(watch)
        # It may be silent for longer than a stream.
        time.sleep(2)
        watch.cancel()
        assert not [line for line in served.log if line["event"] == "overdue" and line["cause"] != "NOT_TAKEN"]
