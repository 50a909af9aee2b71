"""The log: one JSON object a line, of listed events and keys only, so that no patient's value can stand in it.

The logger is made, not configured globally, so that a server inside another program leaves that program's log alone.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from threading import Lock
from typing import Any, BinaryIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

# Held by whoever writes a line to standard output: a pipe that is full would mix the long ones.
LINES = Lock()

EVENTS = frozenset(
    {
        "proving", "proved", "supervising", "serving", "metrics", "call", "defect", "audit_head", "record_not_written",
        "draining", "stopped", "library", "worker_ended", "overloaded", "overdue",
        # Another release: the check of it began; what came of that; and each fault for which the old one was kept.
        "reloading", "reloaded", "unchanged", "kept", "fault",
        # Callers: one that was not let in; files that changed, and those whose change was refused.
        "refused", "certificate_loaded", "certificate_kept", "access_loaded", "access_kept",
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
        "workers", "calls", "exit_code", "wait_seconds", "file", "key",
        # Of requests over HTTP.
        "request_id", "cards", "card", "outcome", "suggestions", "override",
    }
)  # fmt: skip


def make_log(stream: BinaryIO, level: str, shared: bool = False) -> FilteringBoundLogger:
    """A logger that writes to a stream, from a level (debug, info, warning, error) upwards.

    One that is `shared` by processes that are forked later keeps their lines apart.
    """
    bound = structlog.wrap_logger(
        structlog.BytesLogger(cast("BinaryIO", _Unfailing(stream, shared))),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _keep_listed,
            structlog.processors.JSONRenderer(_json_line),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    return cast("FilteringBoundLogger", bound)


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


class _Unfailing:
    """A stream whose reader may be gone: an answer is worth more than its line in the log."""

    def __init__(self, stream: BinaryIO, shared: bool) -> None:
        self._stream = stream
        # A pipe takes up to 4 KiB in one piece, and a batch's line can be longer. A lock of the kernel, which a process
        # that is killed lets go of.
        self._lock = os.fdopen(os.memfd_create("labgloss-log"), "wb") if shared else None

    def write(self, line: bytes) -> None:
        try:
            if self._lock is not None:
                fcntl.lockf(self._lock, fcntl.LOCK_EX)
            with LINES:
                self._stream.write(line)
                self._stream.flush()
        except (OSError, ValueError):
            return
        finally:
            if self._lock is not None:
                fcntl.lockf(self._lock, fcntl.LOCK_UN)

    def flush(self) -> None:
        """Nothing: each line was flushed as it was written."""


def _keep_listed(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    # structlog fills positional arguments into the event, so that its text is as free as any value.
    name = event["event"] if event["event"] in EVENTS else "unlisted"
    return {"event": name, **{key: value for key, value in event.items() if key in KEYS and key != "event"}}


def _json_line(event: EventDict, **options: Any) -> bytes:
    return json.dumps(event, **options).encode()
