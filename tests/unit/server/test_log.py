"""The log holds listed events and keys, and nothing that anybody binds under another."""

from __future__ import annotations

import io
import json
import logging

import pytest

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
