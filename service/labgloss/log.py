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
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, BinaryIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger


class OneAtATime(AbstractContextManager[None]):
    """Held by whoever writes a line to standard output; `torn` when the last one there is not whole."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.torn = False

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()


# A pipe that is full would mix the long ones.
LINES = OneAtATime()

# The event that each call leaves. A write for each costs a call of two milliseconds 70 microseconds: it wakes whoever
# reads, and lets other threads take Python's interpreter.
CALL = "call"
GATHER_SECONDS = 0.02
_MOST_GATHERED = 1_000

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
        # So many lines could not be written before this one.
        "lines_lost",
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

    One that is `shared` by processes that are forked later keeps their lines apart. One that `gathers` writes the lines
    of calls several at a time, GATHER_SECONDS after the first at most, and before any other line.
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
    """Writes what a logger has gathered: for a process that ends without Python's own end."""
    _lines_of(log).write_gathered()


def lines_lost(log: FilteringBoundLogger) -> int:
    """How many lines of this process a logger could not write."""
    return _lines_of(log).lost


def _lines_of(log: FilteringBoundLogger) -> _Lines:
    return cast("_Lines", cast("structlog.BoundLoggerBase", log)._logger)


class _Lines:
    """Writes lines to a stream whose reader may be gone: an answer is worth more than its line in the log.

    A line that cannot be written is dropped and counted, and the next that can be has the count before it.
    """

    def __init__(self, stream: BinaryIO, shared: bool, gathers: bool) -> None:
        # Past Python's buffer, which keeps what it could not write, writes it later or at the end, and says neither
        # what came of it nor how much it holds; a process that is forked would write it again.
        self._stream = getattr(stream, "raw", stream)
        # A pipe takes up to 4 KiB in one piece, and a batch's line can be longer. A lock of the kernel, which a process
        # that is killed lets go of. The file is empty but when the last line is torn.
        self._lock = os.fdopen(os.memfd_create("labgloss-log"), "wb") if shared else None
        self._gathers = gathers
        self._gathered: list[bytes] = []
        self._some = Event()
        self._thread: Thread | None = None
        self.lost = 0
        self._unsaid = 0
        if shared:
            os.register_at_fork(after_in_child=self._forked)

    def msg(self, line: bytes, may_wait: bool) -> None:
        """Writes a line, or gathers one that may wait. Where nobody reads, the callers come to wait, as for a write."""
        if not (may_wait and self._gathers and len(self._gathered) < _MOST_GATHERED):
            self._write([line])
            return
        self._gathered.append(line)
        if not self._some.is_set():
            self._some.set()
            if self._thread is None:
                self._start()

    # What structlog calls a method of, by the level.
    debug = info = warning = error = critical = msg

    def write_gathered(self) -> None:
        """Writes what is gathered, and how many lines were lost before."""
        self._write([])

    def _forked(self) -> None:
        # What the process that was forked lost is its own to say.
        self.lost = self._unsaid = 0

    def _start(self) -> None:
        # Not earlier: a process that forks has no thread.
        with LINES:
            if self._thread is not None:
                return
            thread = Thread(target=self._run, name="log", daemon=True)
            with suppress(RuntimeError):
                thread.start()
                self._thread = thread
                atexit.register(self.write_gathered)
                return
        # The machine has no room for a thread now; the next call's line tries again.
        self._some.clear()
        self.write_gathered()

    def _run(self) -> None:
        while self._some.wait():
            time.sleep(GATHER_SECONDS)
            self._some.clear()
            self.write_gathered()

    def _write(self, last: list[bytes]) -> None:
        with LINES:
            # Others may append meanwhile: what is taken is what is removed.
            gathered = self._gathered[:]
            del self._gathered[: len(gathered)]
            lines = [*gathered, *last]
            if lines or self._unsaid:
                # Within: the kernel's lock is the process's, and whichever thread lets go of it lets go for all.
                with self._alone():
                    self._put(lines)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process that shares the log writes meanwhile."""
        if self._lock is None:
            yield
            return
        # Where the kernel has no more locks, lines that may be mixed are better than none.
        with suppress(OSError):
            fcntl.lockf(self._lock, fcntl.LOCK_EX)
        yield
        with suppress(OSError):
            fcntl.lockf(self._lock, fcntl.LOCK_UN)

    def _put(self, lines: list[bytes]) -> None:
        """Writes lines, and counts those that are not whole where it ends."""
        torn = self._is_torn()
        before = ([b"\n"] if torn else []) + ([_lost(self._unsaid)] if self._unsaid else [])
        content = b"".join([*before, *lines])
        written = self._written(content)
        if written == len(content) and not before:
            return
        # Each is one line with one break: its JSON escapes those within. One that lacks its break alone is given it.
        whole = content.count(b"\n", 0, written) + (written > 0 and content[written : written + 1] == b"\n")
        lost = len(lines) - max(0, whole - len(before))
        self._unsaid = lost if whole >= len(before) else self._unsaid + lost
        self.lost += lost
        if written and torn != (content[written - 1 : written] != b"\n"):
            self._tear(not torn)

    def _written(self, content: bytes) -> int:
        """How many of the bytes could be written."""
        written = 0
        # ValueError: the stream is closed.
        with suppress(OSError, ValueError):
            while written < len(content):
                # None: a stream that does not wait takes nothing now.
                count = self._stream.write(content[written:])
                if not count:
                    break
                written += count
        return written

    def _is_torn(self) -> bool:
        return LINES.torn if self._lock is None else os.fstat(self._lock.fileno()).st_size > 0

    def _tear(self, torn: bool) -> None:
        if self._lock is None:
            LINES.torn = torn
        else:
            os.ftruncate(self._lock.fileno(), int(torn))


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
