"""One frame to its reply, with a service and a disk that do what a test tells them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import grpc
import pytest

from labgloss.hl7.message import Message, parse
from labgloss.mllp.exchanges import Exchanges, Replied
from labgloss.mllp.framing import Frame, Kind
from labgloss.mllp.spool import Spool, SpoolError
from labgloss.v1.panel_pb2 import Panel
from labgloss.v1.report_pb2 import URGENCY_NONE, Report
from labgloss_client import (
    AsyncClient,
    DeadlineExceeded,
    InvalidPanel,
    LabglossError,
    MessageTooLarge,
    Overloaded,
    PanelFailure,
    PermissionDenied,
    ServiceDefect,
    Throttled,
    Unavailable,
    Violation,
)
from tests.unit.hl7.messages import OBR, PID, POTASSIUM, message

MESSAGE = message(PID, OBR, POTASSIUM)


class Service:
    """Answers each panel, or raises."""

    def __init__(self, decide: Callable[[Panel], Report]) -> None:
        self.decide = decide
        self.asked: list[tuple[str, Panel]] = []

    async def interpret(self, panel: Panel, *, timeout_s: float) -> Report:
        self.asked.append(("interpret", panel))
        return self.decide(panel)

    async def interpret_batch(self, panels: list[Panel], *, timeout_s: float) -> list[Report | PanelFailure]:
        self.asked += [("batch", panel) for panel in panels]
        return [self.decide(panel) for panel in panels]


def reported(panel: Panel) -> Report:
    return Report(panel_id=panel.id, urgency=URGENCY_NONE, summary="A summary.")


def raising(error: LabglossError) -> Callable[[Panel], Report]:
    def decide(_: Panel) -> Report:
        raise error

    return decide


class Bench:
    """Exchanges over a service and a spool."""

    def __init__(self, folder: Path, decide: Callable[[Panel], Report] = reported, onward: bool = False) -> None:
        self.service = Service(decide)
        self.spool = Spool(folder)
        self.kept = 0
        self.onward = onward

    def reply(self, content: bytes, kind: Kind = Kind.MESSAGE) -> Replied:
        def kept() -> None:
            self.kept += 1

        async def ask() -> Replied:
            with ThreadPoolExecutor(1) as disk:
                exchanges = Exchanges(
                    cast("AsyncClient", self.service),
                    self.spool,
                    disk,
                    self.onward,
                    "",
                    None,
                    1.0,
                    2,
                    kept,
                    lambda: datetime(2026, 1, 15, tzinfo=UTC),
                )
                return await exchanges.reply(Frame(kind, content))

        return asyncio.run(ask())

    def segments(self, content: bytes) -> list[str]:
        return [segment.written for segment in self.parsed(content).segments]

    def parsed(self, content: bytes) -> Message:
        return parse(self.reply(content).content)


def status(code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE) -> tuple[str, str, grpc.StatusCode]:
    return "in words", "", code


@pytest.mark.parametrize(
    ("error", "code", "reason", "text"),
    [
        (Unavailable(*status()), "AR", "unavailable", "the service gives no report just now"),
        (DeadlineExceeded(*status()), "AR", "deadlineexceeded", "the service gives no report just now"),
        (Overloaded("in words", "OVERLOADED", grpc.StatusCode.RESOURCE_EXHAUSTED), "AR", "overloaded", "just now"),
        (Throttled(*status()), "AR", "throttled", "just now"),
        (PermissionDenied(*status()), "AR", "permissiondenied", "just now"),
        (ServiceDefect("in words", "INTERNAL", grpc.StatusCode.INTERNAL), "AR", "internal", "just now"),
        (MessageTooLarge(*status()), "AE", "invalid_fields", "one patient has more results or texts than are taken"),
        (
            InvalidPanel(*status(), violations=(Violation("panel.results[0].unit", "TOO_LONG", "at most 128"),)),
            "AE",
            "invalid_fields",
            "at most 128",
        ),
        (InvalidPanel(*status()), "AE", "invalid_fields", "in words"),
    ],
)
def test_an_error_of_the_service_is_an_ack_and_nothing_is_kept(
    error: LabglossError, code: str, reason: str, text: str, tmp_path: Path
) -> None:
    bench = Bench(tmp_path, raising(error))
    replied = bench.reply(MESSAGE)
    assert (replied.code, replied.reason) == (code, reason)
    acknowledgement, fault = parse(replied.content).segments[1:]
    assert (acknowledgement.code(1), acknowledgement.code(2)) == (code, "M1")
    assert text in fault.text(8)
    assert bench.kept == 0
    bench.service.decide = reported
    assert bench.reply(MESSAGE).code == "AA"
    bench.spool.close()


def test_a_patient_who_waits_makes_the_whole_message_wait(tmp_path: Path) -> None:
    """Half an answer, acknowledged, would be the last word on the other half."""
    two = message("PID|1||A||ADA", OBR, POTASSIUM, "PID|2||B||BOB", OBR, POTASSIUM)

    def decide(panel: Panel) -> Report:
        if panel.id == "M1-2":
            raise Unavailable(*status())
        return reported(panel)

    bench = Bench(tmp_path, decide)
    assert bench.reply(two).code == "AR"
    assert bench.kept == 0
    bench.spool.close()


def test_a_large_panel_goes_the_way_that_takes_it_and_none_asks_for_a_trace(tmp_path: Path) -> None:
    lines = (line for _ in range(100) for line in (POTASSIUM, "NTE|1||" + "word " * 190))
    bench = Bench(tmp_path)
    assert bench.reply(MESSAGE).code == "AA"
    assert bench.reply(message(PID, OBR, *lines)).code == "AA"
    assert [(way, panel.options.trace) for way, panel in bench.service.asked] == [
        ("interpret", False),
        ("batch", False),
    ]
    bench.spool.close()


def test_what_goes_onward_is_kept_and_the_reply_acknowledges_alone(tmp_path: Path) -> None:
    bench = Bench(tmp_path, onward=True)
    assert bench.segments(MESSAGE)[1:] == ["MSA|AA|M1"]
    waiting = bench.spool.next_waiting()
    assert waiting is not None
    answer = parse(waiting.content)
    assert [segment.name for segment in answer.segments[:2]] == ["MSH", "PID"]
    assert bench.kept == 1
    # The same again: the same reply, and nothing more to send.
    assert bench.reply(MESSAGE).reason == "duplicate"
    assert (bench.spool.waiting(), bench.kept, len(bench.service.asked)) == (1, 1, 1)
    bench.spool.close()


def test_the_control_id_of_an_answer_is_the_same_whenever_it_is_made(tmp_path: Path) -> None:
    one, two = Bench(tmp_path / "one"), Bench(tmp_path / "two")
    assert one.parsed(MESSAGE).control_id == two.parsed(MESSAGE).control_id
    assert len(one.parsed(MESSAGE).control_id) == 20
    assert one.parsed(MESSAGE).control_id != one.parsed(MESSAGE.replace(b"4.1", b"4.2")).control_id
    one.spool.close()
    two.spool.close()


def test_a_spool_that_fails_acknowledges_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path)

    def full(*_: Any) -> bytes:
        raise SpoolError("database or disk is full")

    monkeypatch.setattr(bench.spool, "keep", full)
    replied = bench.reply(MESSAGE)
    assert (replied.code, replied.reason) == ("AR", "spool_failed")
    assert "no answer can be kept" in parse(replied.content).segments[2].text(8)
    bench.spool.close()


def test_too_many_that_wait_acknowledge_no_more(tmp_path: Path) -> None:
    bench = Bench(tmp_path, onward=True)
    contents = [MESSAGE.replace(b"|M1|", f"|M{number}|".encode()) for number in range(4)]
    assert [bench.reply(content).reason for content in contents] == ["", "", "spool_full", "spool_full"]
    assert len(bench.service.asked) == 2
    bench.spool.close()


@pytest.mark.parametrize("kind", [Kind.STRAY, Kind.TOO_LARGE, Kind.INCOMPLETE])
def test_what_is_no_whole_message_is_answered_by_what_it_is(kind: Kind, tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for content in (MESSAGE[:90], b"", b"\xff\xfe\x00"):
        replied = bench.reply(content, kind)
        assert replied.code in ("AE", "AR")
        assert replied.reason == kind.value
    bench.spool.close()
