"""The log holds listed events and keys, and nothing that anybody binds under another."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import BinaryIO

import pytest
import structlog

from labgloss import log as log_module
from labgloss import output as output_module
from labgloss.log import EVENTS, KEYS, LINES, lines_lost, make_log, quieten_libraries, write_gathered

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


MANY_WRITERS = """
import os, sys, threading, time
from labgloss.log import make_log, write_gathered

log = make_log(sys.stdout.buffer, "info", shared=True, gathers=True)

def say(event):
    for number in range(600):
        log.info(event, calls=number, reason="x" * 400)

for _ in range(2):
    if not os.fork():
        threads = [threading.Thread(target=say, args=(event,)) for event in ("call", "overloaded", "overdue")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for _ in range(10):
            write_gathered(log)
        os._exit(0)
for _ in range(2):
    os.wait()
"""


def test_lines_of_processes_and_their_threads_are_never_mixed() -> None:
    """The kernel's lock is a process's: a thread that let go of it early let another process in between."""
    written = subprocess.run((sys.executable, "-c", MANY_WRITERS), check=True, capture_output=True, timeout=60).stdout
    lines = [json.loads(line) for line in written.splitlines()]
    # As many as find room where threads write faster than this process reads.
    assert 2 * 3 * 600 == len(lines)


# ------------------------------------------------------------------------------------------------ lines lost


@pytest.fixture(autouse=True)
def nothing_torn() -> Iterator[None]:
    yield
    LINES.torn = False


def said_of_lost(lines: list[dict[str, object]]) -> list[object]:
    """What lines are left: the number of each, and, of a line that says how many were lost, the negative of that."""
    assert all(line["pid"] == os.getpid() for line in lines if line["event"] == "lines_lost")
    return [-int(str(line["lines"])) if line["event"] == "lines_lost" else line["calls"] for line in lines]


@pytest.mark.parametrize("long", ["", "x" * 20_000])
@pytest.mark.parametrize("gone", ["reader", "disk"])
def test_lines_that_could_not_be_written_are_counted_and_said_once_when_writing_works_again(
    gone: str, long: str, tmp_path: Path
) -> None:
    """Python's buffer would keep some of them, and write them later; which, depends on how long they are."""
    reader, writer = os.pipe()
    if gone == "disk":
        os.close(writer)
        writer = os.open("/dev/full", os.O_WRONLY)
    os.close(reader)
    back = tmp_path / "back"
    with os.fdopen(writer, "wb") as stream:
        log = make_log(stream, "info")
        for number in range(3):
            log.warning("overloaded", calls=number, reason=long)
        assert 3 == lines_lost(log)
        with back.open("wb") as file:
            os.dup2(file.fileno(), log_module._lines_of(log)._output._descriptor)
        for number in (3, 4):
            log.warning("overloaded", calls=number, reason=long)
        assert 3 == lines_lost(log)
    assert [-3, 3, 4] == said_of_lost([json.loads(line) for line in back.read_bytes().splitlines()])


class Takes(io.BytesIO):
    """Takes so many bytes of each write, in turn, or all but the last (-1).

    None: it raises, or as a stream that does not wait, takes nothing.
    """

    def __init__(self, *counts: int | None, error: Exception | None = None) -> None:
        super().__init__()
        self.counts = list(counts)
        self.error = error

    def write(self, line: object) -> int:
        # The test may give it others meanwhile.
        counts = self.counts
        count = counts.pop(0) if counts else len(line)  # type: ignore[arg-type]
        if count is None:
            if self.error is not None:
                raise self.error
            return None  # type: ignore[return-value]
        return super().write(line[:count])  # type: ignore[index]


@pytest.mark.parametrize("error", [OSError(28, "full"), ValueError("closed"), None])
def test_a_line_that_was_written_in_part_is_lost_and_its_rest_of_the_log_is_not(error: Exception | None) -> None:
    stream = Takes(9, None, error=error)
    log = make_log(stream, "info")
    for number in range(2):
        log.warning("overloaded", calls=number)
    write_gathered(log)
    torn, *whole = stream.getvalue().splitlines()
    assert 9 == len(torn)
    assert [-1, 1] == said_of_lost([json.loads(line) for line in whole])
    # What a stream takes piece by piece is no less whole.
    stream.counts = [5, 7, 1]
    log.warning("overloaded", calls=2)
    write_gathered(log)
    assert 2 == json.loads(stream.getvalue().splitlines()[-1])["calls"]
    assert not LINES.torn


def test_a_line_of_which_only_the_break_is_missing_is_not_lost() -> None:
    stream = Takes(-1, None)
    log = make_log(stream, "info")
    for number in range(2):
        log.warning("overloaded", calls=number)
    write_gathered(log)
    assert [0, 1] == said_of_lost(lines_of(stream))
    assert 0 == lines_lost(log)


def test_every_line_is_there_or_counted_however_writing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(7)
    # It is tried again so often, where a stream takes nothing.
    monkeypatch.setattr(log_module, "GATHER_SECONDS", 0.000_1)
    for _ in range(300):
        LINES.torn = False
        stream = Takes(*(random.choice((None, 0, 1, -1, -1, 60, 95, 200, 500)) for _ in range(random.randrange(30))))
        log = make_log(stream, "info", gathers=True)
        said = random.randrange(1, 20)
        for number in range(said):
            log.info(random.choice(("call", "call", "call", "overdue")), calls=number)
        stream.counts = []
        write_gathered(log)
        lines = []
        for line in stream.getvalue().splitlines():
            try:
                lines.append(json.loads(line))
            except ValueError:
                continue  # torn
        left = said_of_lost(lines)
        kept = [number for number in left if number >= 0]
        lost = -sum(number for number in left if number < 0)
        # A line that says how many were lost may be torn too: then the next says it again, with more.
        assert said == len(kept) + lost
        assert sorted(set(kept)) == kept
        assert lost == lines_lost(log)


def test_where_there_is_no_room_for_a_thread_lines_of_calls_are_written_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_room(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    stream = io.BytesIO()
    log = make_log(stream, "info", gathers=True)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_room)
        for number in range(2):
            log.info("call", calls=number)
        assert [0, 1] == [line["calls"] for line in lines_of(stream)]
    log.info("call", calls=2)
    write_gathered(log)
    assert [0, 1, 2] == [line["calls"] for line in lines_of(stream)]


@pytest.mark.parametrize("ending", ["", "sys.exit(3)", "raise RuntimeError"])
def test_what_is_gathered_when_a_process_ends_is_written(ending: str) -> None:
    program = f"""
import sys
from labgloss.log import make_log
make_log(sys.stdout.buffer, "info", gathers=True).info("call", calls=1)
{ending}
"""
    written = subprocess.run((sys.executable, "-c", program), check=False, capture_output=True, timeout=60).stdout
    assert 1 == json.loads(written)["calls"]


TEARS = """
import errno, io, os, sys
from labgloss.log import make_log

class Full(io.RawIOBase):
    room = 5

    def write(self, content):
        if not self.room:
            raise OSError(errno.ENOSPC, "")
        written = os.write(1, content[:self.room])
        self.room -= written
        return written

stream = Full()
log = make_log(stream, "info", shared=True)
log.warning("overloaded", calls=0)
if not os.fork():
    stream.room = 10_000
    log.warning("overloaded", calls=1)
    os._exit(0)
os.wait()
stream.room = 10_000
log.warning("overloaded", calls=2)
"""


def test_a_line_that_one_worker_tore_is_ended_by_the_next_and_said_by_itself() -> None:
    written = subprocess.run((sys.executable, "-c", TEARS), check=True, capture_output=True, timeout=60).stdout
    torn, *whole = written.splitlines()
    assert 5 == len(torn)
    lines = [json.loads(line) for line in whole]
    assert [("overloaded", 1), ("lines_lost", None), ("overloaded", 2)] == [
        (line["event"], line.get("calls")) for line in lines
    ]
    assert 1 == lines[1]["lines"]


# ------------------------------------------------------------------------------------------------ nobody reads


def read_until_ended(reader: int) -> list[dict[str, object]]:
    """The lines of a pipe that nobody writes to any more."""
    content = b""
    while select.select([reader], [], [], 0.3)[0] and (more := os.read(reader, 1 << 20)):
        content += more
    return [json.loads(line) for line in content.splitlines()]


@pytest.fixture(params=["ours", "another's"])
def pipe(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, BinaryIO]]:
    """A pipe that nobody reads yet, as it is, and as one of another user, which cannot be opened anew."""
    reader, writer = os.pipe()
    if request.param == "another's":

        def refused(*_: object) -> int:
            raise PermissionError

        monkeypatch.setattr(output_module.os, "open", refused)
    with os.fdopen(writer, "wb") as stream:
        yield reader, stream
        assert os.get_blocking(writer), "whoever else has it wants it so"
    os.close(reader)


@pytest.mark.parametrize("gathers", [True, False])
def test_nobody_waits_for_a_reader_and_what_finds_no_room_is_counted_in_its_place(
    gathers: bool, pipe: tuple[int, BinaryIO]
) -> None:
    reader, stream = pipe
    log = make_log(stream, "info", gathers=gathers)
    begun = time.monotonic()
    for number in range(10_000):
        # Also lines that are not gathered.
        log.info("call" if number % 10 else "overloaded", calls=number, reason="x" * 99)
    assert time.monotonic() - begun < 5
    assert 1_048_576 / 400 < 10_000 - lines_lost(log) < 10_000
    lines = read_until_ended(reader)
    log.warning("draining", calls=10_000)
    number = 0
    for left in said_of_lost([*lines, *read_until_ended(reader)]):
        assert isinstance(left, int)
        assert left in (number, min(left, -1))
        number += -left if left < 0 else 1
    assert 10_001 == number


def test_a_log_of_a_process_that_forks_has_no_thread_and_waits_once_for_a_reader(
    pipe: tuple[int, BinaryIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "_WAIT_SECONDS", 0.5)
    reader, stream = pipe
    log = make_log(stream, "info", shared=True)
    took = []
    for number in range(2_000):
        begun = time.monotonic()
        log.warning("overloaded", calls=number)
        took.append(time.monotonic() - begun)
    assert 1 == len([seconds for seconds in took if seconds > 0.4])
    assert [] == [seconds for seconds in took if seconds > 2]
    assert log_module._lines_of(log)._thread is None
    assert 0 == lines_lost(log)
    lines = read_until_ended(reader)
    for number in range(2_000, 2_010):
        log.warning("stopped", calls=number)
        lines += read_until_ended(reader)
    assert list(range(2_010)) == said_of_lost(lines)


def test_a_line_longer_than_a_pipe_takes_is_torn_and_counted(pipe: tuple[int, BinaryIO]) -> None:
    reader, stream = pipe
    log = make_log(stream, "info", gathers=True)
    log.info("call", calls=0)
    log.warning("overloaded", calls=1, reason="x" * 100_000)
    assert 1 == lines_lost(log)
    content = os.read(reader, 1 << 20)
    log.warning("overloaded", calls=2)
    while select.select([reader], [], [], 0.3)[0]:
        content += os.read(reader, 1 << 20)
    first, torn, *rest = content.splitlines()
    assert torn.startswith(b'{"event": "overloaded"')
    assert [0, -1, 2] == said_of_lost([json.loads(line) for line in (first, *rest)])


HALTED = """
import os, signal, sys, time
from labgloss import log as module
from labgloss.log import make_log

log = make_log(sys.stdout.buffer, "info", shared=True)
reading, writing = os.pipe()
if not (halted := os.fork()):
    with module._lines_of(log)._alone():
        os.write(writing, b".")
        time.sleep(60)
    os._exit(0)
os.read(reading, 1)
os.kill(halted, signal.SIGSTOP)
begun = time.monotonic()
log.warning("overloaded", calls=0)
log.warning("overloaded", calls=1)
print(time.monotonic() - begun, file=sys.stderr)
os.kill(halted, signal.SIGKILL)
os.waitpid(halted, 0)
"""


def test_a_worker_that_is_halted_while_it_writes_halts_no_other() -> None:
    done = subprocess.run((sys.executable, "-c", HALTED), check=True, capture_output=True, timeout=60)
    assert [0, 1] == said_of_lost([json.loads(line) for line in done.stdout.splitlines()])
    assert float(done.stderr) < 5
