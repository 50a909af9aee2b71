"""The log: one JSON object a line, of listed events and keys only, so that no patient's value can stand in it.

The logger is made, not configured globally, so that a server inside another program leaves that program's log alone.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from select import PIPE_BUF
from threading import Event, Lock, Thread
from typing import Any, BinaryIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from labgloss.output import OneAtATime, Output

# A pipe that is full would mix the long ones.
LINES = OneAtATime()
# Beyond that, who holds it waits for a reader that is slow, and a line waits in memory.
_HELD_SECONDS = 0.2

# The event that each call leaves. A write for each costs a call of two milliseconds 70 microseconds: it wakes whoever
# reads, and lets other threads take Python's interpreter.
CALL = "call"
GATHER_SECONDS = 0.02
# What a line says of lines lost is no longer.
_LOST_BYTES = 160
# What waits for whoever reads; a line beyond is lost.
_MOST_WAITING_BYTES = 1_048_576
# How long a process waits for a reader: where it forks, and so has no thread for that; and at its end.
_WAIT_SECONDS = 1.0

# As structlog's JSONRenderer, which makes an encoder for each line.
_encode = json.JSONEncoder(default=repr).encode

EVENTS = frozenset(
    {
        "proving", "proved", "supervising", "serving", "metrics", CALL, "defect", "audit_head", "record_not_written",
        "draining", "stopped", "library", "worker_ended", "overloaded", "overdue",
        # Another release: the check of it began; what came of that; and each fault for which the old one was kept.
        "reloading", "reloaded", "unchanged", "kept", "fault",
        # Callers: one that was not let in; files that changed, and those whose change was refused.
        "refused", "certificate_loaded", "certificate_kept", "access_loaded", "access_kept",
        # A worker whose page of metrics cannot be opened for now; one that is killed because it says nothing any more.
        "metrics_closed", "worker_silent",
        # So many lines could not be written before this one.
        "lines_lost",
        # A file of records was removed or moved away while it was written.
        "records_gone",
        # What became of a card of CDS Hooks.
        "feedback",
        # HL7 v2: a message and what was replied; an answer that its receiver does not take, for now or for good.
        "message", "not_sent", "sent", "answer_refused",
    }
)  # fmt: skip

# Every key that may stand in the log. Whatever is bound under another is dropped, exceptions included.
KEYS = frozenset(
    {
        "event", "level", "timestamp", "logger",
        "method", "status", "reason", "duration_ms", "request_bytes", "response_bytes", "panels", "rule_ids",
        "release", "digest", "overlay", "overlay_digest", "error_id", "error_type",
        "port", "pid", "signal", "seconds", "worker", "record", "chain", "head", "records",
        "caller", "cause", "transport", "health_port", "access", "not_after", "faults",
        "workers", "calls", "exit_code", "wait_seconds", "file", "key", "lines",
        # Of requests over HTTP.
        "request_id", "cards", "card", "outcome", "suggestions", "override",
    }
)  # fmt: skip


def make_log(stream: BinaryIO, level: str, shared: bool = False, gathers: bool = False) -> FilteringBoundLogger:
    """A logger that writes to a stream, from a level (debug, info, warning, error) upwards.

    One that is `shared` by processes that are forked later keeps their lines apart, and starts no thread before. One
    that `gathers` writes the lines of calls several at a time, GATHER_SECONDS after the first at most, and before any
    other line.
    """
    bound = structlog.wrap_logger(
        _Lines(stream, shared, gathers),
        processors=[structlog.processors.add_log_level, _line],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    # Bound: what wrap_logger gives would make itself anew for each line.
    return cast("FilteringBoundLogger", bound.bind())


def quieten_libraries(log: FilteringBoundLogger) -> None:
    """Sends what libraries log to our log: which library, and the type of error, never its text."""
    logging.basicConfig(handlers=[_Library(log)], level=logging.WARNING, force=True)


class _Library(logging.Handler):
    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0] if record.exc_info else None
        self._log.warning("library", logger=record.name, error_type=error.__name__ if error else "")


def write_gathered(log: FilteringBoundLogger) -> None:
    """Writes what a logger has gathered, unless nobody reads: for a process that ends without Python's own end."""
    _lines_of(log).write_gathered()


def lines_lost(log: FilteringBoundLogger) -> int:
    """How many lines of this process a logger has given up."""
    return _lines_of(log).lost


def _lines_of(log: FilteringBoundLogger) -> _Lines:
    return cast("_Lines", cast("structlog.BoundLoggerBase", log)._logger)


class _Lines:
    """Writes lines to a stream whose reader may be slow, stalled or gone: an answer is worth more than its line.

    Nobody waits for a reader but the log's own thread. Lines that are not taken wait in memory, in order. One that
    finds no room there, or cannot be written, is dropped and counted, and a line in its place says how many were.
    """

    def __init__(self, stream: BinaryIO, shared: bool, gathers: bool) -> None:
        self._stream = stream
        self._output = _output_of(stream)
        # A pipe takes up to 4 KiB in one piece, and a batch's line can be longer. A lock of the kernel, which a process
        # that is killed lets go of. The file is empty but when the last line is torn.
        self._lock = os.fdopen(os.memfd_create("labgloss-log"), "wb") if shared else None
        self._gathers = gathers
        self._forks = shared
        # A number stands for so many lines that were lost there. Whoever holds the lock of these waits for nobody.
        self._waiting: list[bytes | int] = []
        self._bytes = 0
        self._room = Lock()
        self._some = Event()
        self._thread: Thread | None = None
        self._at_end = False
        self._stalled = False
        self.lost = 0
        if shared:
            os.register_at_fork(after_in_child=self._forked)

    def msg(self, line: bytes, may_wait: bool) -> None:
        """Writes a line, or gathers one that may wait."""
        with self._room:
            if self._bytes + len(line) <= _MOST_WAITING_BYTES:
                self._waiting.append(line)
                self._bytes += len(line)
            else:
                self._drop(line)
        if not (may_wait and self._gathers):
            self._write()
        elif not self._some.is_set():
            self._some.set()
            if not self._has_thread():
                self._some.clear()
                self._write()

    # What structlog calls a method of, by the level.
    debug = info = warning = error = critical = msg

    def write_gathered(self) -> None:
        """Writes what waits, as far as it is taken within _WAIT_SECONDS."""
        self._write_within(_WAIT_SECONDS)

    def _forked(self) -> None:
        # What the process that was forked did not write is its own to write and say.
        self._waiting, self._bytes, self.lost, self._stalled, self._forks = [], 0, 0, False, False

    def _has_thread(self) -> bool:
        """Whether the log has its thread, from now on: not before it is needed, and not where a process may fork."""
        with self._room:
            if self._thread is None and not self._forks:
                thread = Thread(target=self._run, name="log", daemon=True)
                # The machine may have no room for a thread now; the next line that needs one tries again.
                with suppress(RuntimeError):
                    thread.start()
                    self._thread = thread
        if self._thread is not None:
            self._write_at_end()
        return self._thread is not None

    def _run(self) -> None:
        while self._some.wait():
            time.sleep(GATHER_SECONDS)
            self._some.clear()
            while not self._written():
                self._output.ready(_WAIT_SECONDS)

    def _write(self) -> None:
        """Writes what waits, or leaves it to the thread; without one it waits, but once until something is read."""
        stalled = self._stalled
        if (not stalled or self._thread is None) and self._written():
            return
        if self._has_thread():
            self._some.set()
            return
        self._write_at_end()
        if not stalled:
            self._write_within(_WAIT_SECONDS)

    def _write_at_end(self) -> None:
        if not self._at_end:
            self._at_end = True
            atexit.register(self.write_gathered)

    def _write_within(self, seconds: float) -> bool:
        """Whether nothing waits any more, after so many seconds at most."""
        until = time.monotonic() + seconds
        while not self._written():
            if (left := until - time.monotonic()) <= 0:
                return False
            self._output.ready(left)
        return True

    def _written(self) -> bool:
        """Whether nothing waits any more for whoever reads, once all that is taken now is written."""
        # Within: the kernel's lock is the process's, and whichever thread lets go of it lets go for all.
        with LINES.hold(_HELD_SECONDS) as held:
            if not held:
                return False
            with self._alone() as alone:
                return alone and self._put()

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Whether no other process that shares the log writes meanwhile; one may be halted while it does."""
        if self._lock is None:
            yield True
            return
        alone = False
        until = time.monotonic() + _HELD_SECONDS
        while not alone and time.monotonic() < until:
            try:
                fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                alone = True
            except (BlockingIOError, PermissionError):
                time.sleep(0.000_2)
            except OSError:
                # Where the kernel has no more locks, lines that may be mixed are better than none.
                alone = True
        try:
            yield alone
        finally:
            with suppress(OSError):
                fcntl.lockf(self._lock, fcntl.LOCK_UN)

    def _put(self) -> bool:
        """Writes what waits, piece by piece; whether none of it is left, because it is written, or lost."""
        while taken := self._take():
            said = [_lost(each) if isinstance(each, int) else each for each in taken]
            torn = self._is_torn()
            content = b"".join([b"\n", *said] if torn else said)
            written, error = (0, ValueError()) if self._stream.closed else self._output.write(content)
            self._stalled = written < len(content)
            if written and torn != (content[written - 1 : written] != b"\n"):
                self._tear(not torn)
            if written == len(content):
                continue
            written -= torn
            whole = 0
            # One that lacks its break alone is whole: the next one brings it.
            while whole < len(said) and written >= len(said[whole]) - 1:
                written -= len(said[whole])
                whole += 1
            self._give_back(taken[whole:], torn=written > 0, lost=error is not None)
            return error is not None
        return True

    def _take(self) -> list[bytes | int]:
        """The first lines that wait, as many as a pipe takes in one piece, but one at least."""
        with self._room:
            count = size = 0
            for each in self._waiting:
                size += _LOST_BYTES if isinstance(each, int) else len(each)
                if count and size > PIPE_BUF:
                    break
                count += 1
            taken = self._waiting[:count]
            del self._waiting[:count]
            self._bytes -= _bytes(taken)
            return taken

    def _give_back(self, taken: list[bytes | int], torn: bool, lost: bool) -> None:
        """Takes lines back that were not written: the first is lost when it is `torn`, all that wait when `lost`."""
        with self._room:
            after, self._waiting = [*taken, *self._waiting], []
            count = len(after) if lost else int(torn)
            for each in after[:count]:
                self._drop(each)
            self._waiting += after[count:]
            self._bytes = _bytes(self._waiting)

    def _drop(self, each: bytes | int) -> None:
        """Counts a line as lost, or as many as a number says were lost before, after the last that waits."""
        lines = each if isinstance(each, int) else 1
        self.lost += 0 if isinstance(each, int) else 1
        if self._waiting and isinstance(last := self._waiting[-1], int):
            self._waiting[-1] = last + lines
        else:
            self._waiting.append(lines)

    def _is_torn(self) -> bool:
        return LINES.torn if self._lock is None else os.fstat(self._lock.fileno()).st_size > 0

    def _tear(self, torn: bool) -> None:
        if self._lock is None:
            LINES.torn = torn
        else:
            os.ftruncate(self._lock.fileno(), int(torn))


class _Stream:
    """A stream of a program that has no descriptor."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def ready(self, seconds: float) -> bool:
        """True, after a while: it does not say."""
        time.sleep(min(seconds, GATHER_SECONDS))
        return True

    def write(self, content: bytes) -> tuple[int, Exception | None]:
        """How many bytes were taken, and why no more."""
        written = 0
        try:
            while written < len(content):
                # None: a stream that does not wait takes nothing now.
                count = self._stream.write(content[written:])
                if not count:
                    break
                written += count
        except (OSError, ValueError) as error:  # ValueError: it is closed
            return written, error
        return written, None


def _output_of(stream: BinaryIO) -> Output | _Stream:
    """What takes the bytes of a stream: past Python's buffer, which keeps what it could not write, writes it later or
    at the end, and says neither what came of it nor how much it holds; a process that is forked would write it again.
    """
    try:
        return Output(stream.fileno())
    except (OSError, ValueError):
        return _Stream(getattr(stream, "raw", stream))


def _bytes(lines: list[bytes | int]) -> int:
    return sum(len(each) for each in lines if isinstance(each, bytes))


def _line(_: WrappedLogger, __: str, event: EventDict) -> tuple[tuple[bytes, bool], dict[str, Any]]:
    """The line of an event, and whether it may wait: what came of a call, of which there are many."""
    # structlog fills positional arguments into the event, so that its text is as free as any value.
    name = event["event"] if event["event"] in EVENTS else "unlisted"
    listed = {"event": name, **{key: value for key, value in event.items() if key in KEYS and key != "event"}}
    return (_encoded(listed), name == CALL), {}


def _lost(lines: int) -> bytes:
    return _encoded({"event": "lines_lost", "lines": lines, "pid": os.getpid(), "level": "error"})


def _encoded(listed: dict[str, Any]) -> bytes:
    # As structlog's TimeStamper.
    listed["timestamp"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return (_encode(listed) + "\n").encode()
