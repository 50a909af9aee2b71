"""The guard around every call: bytes in, bytes or a status out, one line in the log, and nothing else ever leaves."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import NoReturn, TypeAlias

import grpc
from google.rpc import code_pb2
from grpc_status import rpc_status
from structlog.typing import FilteringBoundLogger

from labgloss.errors import CallError, DeadlineExceededError, InternalError, TooManyStreamsError
from labgloss.knowledge.release import ReleaseReference
from labgloss.server.handlers import Answer, Deadline, OnDefect
from labgloss.server.releases import Releases, Serving
from labgloss.wire.status import CODES, status_of

# A slot is free again when a batch or stream ends; batches take a fraction of a second.
RETRY_SECONDS = 1.0

# From the release that the call, or the message of a stream, took.
Answering = Callable[[Serving, bytes, Deadline], Answer]
Handler: TypeAlias = "grpc.RpcMethodHandler[bytes, bytes]"


class _CallerGoneError(Exception):
    """The caller cancelled, or the connection broke."""


@dataclass(slots=True)
class _Line:
    """What the log says of one call."""

    method: str
    # Of the answer; of a stream, of its last one.
    release: ReleaseReference
    started: float = field(default_factory=time.perf_counter)
    request_bytes: int = 0
    response_bytes: int = 0
    panels: int = 0
    rule_ids: set[str] = field(default_factory=set)

    def add(self, answer: Answer) -> None:
        self.response_bytes += len(answer.body)
        self.panels += answer.panels
        self.rule_ids |= answer.rule_ids


def logging_defects(log: FilteringBoundLogger) -> OnDefect:
    """What gives the error that a defect becomes. The log has its id and type; its text may hold a patient's value."""

    def on_defect(error: BaseException) -> InternalError:
        error_id = uuid.uuid4().hex
        log.error("defect", error_id=error_id, error_type=type(error).__name__)
        return InternalError(error_id)

    return on_defect


class Calls:
    """Makes gRPC handlers of what answers from a release; `slots` bounds the streams and batches under way."""

    def __init__(self, log: FilteringBoundLogger, slots: int, releases: Releases, on_defect: OnDefect) -> None:
        self._log = log
        self._slots = BoundedSemaphore(slots)
        self._releases = releases
        self._on_defect = on_defect

    def unary(self, method: str, answering: Answering) -> Handler:
        """A handler of one message."""

        def behaviour(body: bytes, context: grpc.ServicerContext) -> bytes:
            return self._unary(method, answering, body, context)

        return grpc.unary_unary_rpc_method_handler(behaviour)

    def batch(self, method: str, answering: Answering) -> Handler:
        """A handler of one message that may take long: it needs a slot."""

        def in_slot(serving: Serving, body: bytes, deadline: Deadline) -> Answer:
            if not self._slots.acquire(blocking=False):
                raise TooManyStreamsError(RETRY_SECONDS)
            try:
                return answering(serving, body, deadline)
            finally:
                self._slots.release()

        return self.unary(method, in_slot)

    def stream(self, method: str, answering: Answering) -> Handler:
        """A handler of a stream, each message answered by one, in order: it needs a slot."""

        def behaviour(bodies: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            return self._stream(method, answering, bodies, context)

        return grpc.stream_stream_rpc_method_handler(behaviour)

    def _unary(self, method: str, answering: Answering, body: bytes, context: grpc.ServicerContext) -> bytes:
        serving = self._releases.current
        line = _Line(method, serving.reference, request_bytes=len(body))
        answer = _caught(answering, serving, body, _deadline(context))
        if isinstance(answer, BaseException):
            return self._refuse(line, answer, context)
        line.add(answer)
        self._say(line, "OK")
        return answer.body

    def _stream(
        self, method: str, answering: Answering, bodies: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[bytes]:
        line, deadline = _Line(method, self._releases.current.reference), _deadline(context)
        refused: BaseException | None = None
        if not self._slots.acquire(blocking=False):
            self._refuse(line, TooManyStreamsError(RETRY_SECONDS), context)
        try:
            for body in bodies:
                serving = self._releases.current
                line.release = serving.reference
                line.request_bytes += len(body)
                answer = _caught(answering, serving, body, deadline)
                if isinstance(answer, BaseException):
                    refused = answer
                    break
                line.add(answer)
                yield answer.body
        except GeneratorExit:  # the caller went away while an answer was on its way
            self._say(line, "CANCELLED")
            raise
        except grpc.RpcError:  # the caller went away while its next message was awaited
            refused = _CallerGoneError()
        finally:
            self._slots.release()
        if refused is None and context.is_active():
            self._say(line, "OK")
        else:
            self._refuse(line, refused or _CallerGoneError(), context)

    def _refuse(self, line: _Line, refused: BaseException, context: grpc.ServicerContext) -> NoReturn:
        """Ends the call with the status of what went wrong, by the exception that gRPC needs for it."""
        if isinstance(refused, _CallerGoneError):
            self._say(line, "CANCELLED")
            context.abort(grpc.StatusCode.CANCELLED, "The caller cancelled the call.")
        error = refused if isinstance(refused, CallError) else self._on_defect(refused)
        self._say(line, code_pb2.Code.Name(CODES[error.reason]), error)
        context.abort_with_status(rpc_status.to_status(status_of(error)))

    def _say(self, line: _Line, status: str, error: CallError | None = None) -> None:
        self._log.info(
            "call",
            method=line.method,
            release=line.release.version,
            digest=line.release.digest,
            **({"overlay_digest": line.release.overlay_digest} if line.release.overlay else {}),
            status=status,
            duration_ms=round((time.perf_counter() - line.started) * 1_000, 3),
            request_bytes=line.request_bytes,
            response_bytes=line.response_bytes,
            panels=line.panels,
            rule_ids=sorted(line.rule_ids),
            **({} if error is None else {"reason": error.reason}),
            **({"error_id": error.error_id} if isinstance(error, InternalError) else {}),
        )


def _caught(answering: Answering, serving: Serving, body: bytes, deadline: Deadline) -> Answer | BaseException:
    """The answer, or whatever was raised: an exception that leaves a thread of the pool leaves the caller waiting."""
    try:
        return answering(serving, body, deadline)
    except BaseException as error:  # noqa: BLE001 - in a pool's thread not even SystemExit may end more than its call
        return error


def _deadline(context: grpc.ServicerContext) -> Deadline:
    def check() -> None:
        if context.time_remaining() <= 0:
            raise DeadlineExceededError
        if not context.is_active():
            raise _CallerGoneError

    return check
