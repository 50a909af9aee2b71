"""The log holds listed events and keys, and nothing that anybody binds under another."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import structlog

from labgloss.log import EVENTS, KEYS, make_log, quieten_libraries

CANARY = "canary7391"


def lines_of(stream: io.BytesIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_time_and_level() -> None:
    stream = io.BytesIO()
    make_log(stream, "info").info("call", method="InterpretPanel", status="OK", panels=1)
    (line,) = lines_of(stream)
    assert str(line.pop("timestamp")).endswith("Z")
    assert {"event": "call", "level": "info", "method": "InterpretPanel", "status": "OK", "panels": 1} == line


def test_nothing_under_an_unlisted_key_stands_in_the_log() -> None:
    stream = io.BytesIO()
    log = make_log(stream, "debug").bind(value=CANARY, patient=CANARY)
    try:
        raise ValueError(CANARY)
    except ValueError:
        log.exception("defect", error_type="ValueError", detail=CANARY, stack_info=True)
        log.error("defect", exc_info=True)
    log.info("serving", unit=CANARY, text=CANARY, message=CANARY, exception=CANARY)
    log.info(f"value {CANARY}")
    log.info("value %s", CANARY)
    log.info("value %(x)s", {"x": CANARY})
    assert CANARY.encode() not in stream.getvalue()
    assert ["defect", "defect", "serving", "unlisted", "unlisted", "unlisted"] == [
        line["event"] for line in lines_of(stream)
    ]
    assert all(line.keys() <= KEYS for line in lines_of(stream))


def test_no_listed_key_is_the_name_of_a_field_that_a_patient_fills() -> None:
    assert not KEYS & {"value", "unit", "text", "message", "exception", "exc_info", "patient", "panel", "id", "field"}
    assert "unlisted" not in EVENTS


def test_what_is_below_the_level_is_not_written() -> None:
    stream = io.BytesIO()
    log = make_log(stream, "error")
    log.info("call")
    log.error("defect")
    assert ["defect"] == [line["event"] for line in lines_of(stream)]


@pytest.mark.parametrize("error", [BrokenPipeError(), ValueError("I/O operation on closed file")])
def test_a_log_that_nobody_reads_any_more_costs_no_answer(error: Exception) -> None:
    class Gone(io.BytesIO):
        def write(self, _: object) -> int:
            raise error

    make_log(Gone(), "info").info("call")


@pytest.fixture
def root_logger() -> logging.Logger:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_library_is_named_with_the_type_of_its_error_and_never_its_text(root_logger: logging.Logger) -> None:
    stream = io.BytesIO()
    quieten_libraries(make_log(stream, "info"))
    try:
        raise RuntimeError(CANARY)
    except RuntimeError:
        logging.getLogger("grpc._server").exception("Exception calling application: %s", CANARY)
    logging.getLogger("grpc._server").warning(CANARY)
    assert CANARY.encode() not in stream.getvalue()
    assert [("library", "grpc._server", "RuntimeError"), ("library", "grpc._server", "")] == [
        (line["event"], line["logger"], line["error_type"]) for line in lines_of(stream)
    ]


def test_lines_are_as_structlog_writes_them() -> None:
    stream, of_structlog = io.BytesIO(), io.BytesIO()
    theirs = structlog.wrap_logger(
        structlog.BytesLogger(of_structlog),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            lambda _, __, said: {"event": said["event"], **{key: said[key] for key in said if key in KEYS}},
            structlog.processors.JSONRenderer(lambda event, **options: json.dumps(event, **options).encode()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
    )
    said = {"method": "InterpretPanel", "status": "OK", "duration_ms": 0.5, "rule_ids": ["a", "ü"], "port": 1}
    for log in (make_log(stream, "info"), theirs):
        log.info("call", **said, record=None, overlay=Path("x"))
        log.bind(worker=1).warning("refused", cause='a "quoted" one', faults=("a", "b"))
        log.exception("defect", error_type="ValueError")
    moment = re.compile(rb'(?<="timestamp": ")\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z(?="\})')
    expected, number = moment.subn(b"", of_structlog.getvalue())
    assert (3, expected) == (number, moment.sub(b"", stream.getvalue()))


def test_lines_of_calls_are_gathered_and_none_is_lost_or_out_of_order() -> None:
    class Counting(io.BytesIO):
        writes = 0

        def write(self, line: object) -> int:
            self.writes += 1
            return super().write(line)  # type: ignore[arg-type]

    stream = Counting()
    log = make_log(stream, "info", gathers=True)
    for number in range(100):
        log.info("call", panels=number)
    log.warning("overloaded", calls=1)
    log.info("call", panels=100)
    assert [*range(100), None] == [line.get("panels") for line in lines_of(stream)][:101]
    until = time.monotonic() + 5
    while len(lines_of(stream)) < 102 and time.monotonic() < until:
        time.sleep(0.01)
    assert 100 == lines_of(stream)[-1]["panels"]
    assert stream.writes < 10


def test_lines_of_calls_are_not_gathered_without_end_where_nobody_reads() -> None:
    reading = threading.Event()

    class Stuck(io.BytesIO):
        def write(self, line: object) -> int:
            reading.wait(10)
            return super().write(line)  # type: ignore[arg-type]

    stream = Stuck()
    log = make_log(stream, "info", gathers=True)
    said: list[int] = []

    def say() -> None:
        for number in range(3_000):
            log.info("call", panels=number)
            said.append(number)

    saying = threading.Thread(target=say)
    saying.start()
    saying.join(0.5)
    assert saying.is_alive()
    # Those that are being written, and as many again.
    assert len(said) <= 2_001
    reading.set()
    saying.join()
    log.warning("overloaded", calls=1)
    assert [*range(3_000)] == [line["panels"] for line in lines_of(stream)[:-1]]


MANY_WRITERS = """
import os, sys, threading, time
from labgloss.log import make_log

log = make_log(sys.stdout.buffer, "info", shared=True, gathers=True)

def say(event):
    for number in range(2_000):
        log.info(event, calls=number, reason="x" * 400)

for _ in range(2):
    if not os.fork():
        threads = [threading.Thread(target=say, args=(event,)) for event in ("call", "overloaded", "overdue")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        time.sleep(0.1)
        os._exit(0)
for _ in range(2):
    os.wait()
"""


def test_lines_of_processes_and_their_threads_are_never_mixed() -> None:
    """The kernel's lock is a process's: a thread that let go of it early let another process in between."""
    written = subprocess.run((sys.executable, "-c", MANY_WRITERS), check=True, capture_output=True, timeout=60).stdout
    lines = written.splitlines()
    assert len(lines) == 2 * 3 * 2_000
    for line in lines:
        json.loads(line)
