"""The guard around every call: bytes in, bytes or a status out, one line in the log, and nothing else ever leaves."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import BoundedSemaphore
from typing import NoReturn, TypeAlias

import grpc
from grpc_status import rpc_status
from structlog.typing import FilteringBoundLogger

from labgloss.errors import (
    AccessError,
    CallError,
    DeadlineExceededError,
    InternalError,
    TooManyStreamsError,
    without_frames,
)
from labgloss.evidence.call import STREAM, Call, Method
from labgloss.evidence.evidence import Evidence
from labgloss.frozen import dataclass
from labgloss.server.handlers import Answer, Deadline, OnDefect
from labgloss.server.identity import Gate, say_refused
from labgloss.server.overdue import Awaited, Patience, awaited_of
from labgloss.server.releases import Releases, Serving
from labgloss.server.turns import Turns
from labgloss.wire.status import code_of, status_of

# A slot is free again when a batch or stream ends; batches take a fraction of a second.
RETRY_SECONDS = 1.0

# Trailer of a unary answer: the id of its record, or of the first where there are several.
RECORD = "labgloss-record"

# How many batches and streams compute at a time, beside the one short call (lane.py): so they get half of the
# interpreter while there are others.
LONG_TURNS = 1

# A message up to this size takes no longer than a panel that is as large as it may be: its slot is not asked for.
SHORT_BYTES = 131_072


@dataclass(frozen=True, slots=True)
class Seconds:
    """What a call may take of each kind, and how long a stream may be idle."""

    unary: float
    batch: float
    stream_idle: float


# From the release that the call, or the message of a stream, took.
Answering = Callable[[Serving, bytes, Deadline], Answer]
Handler: TypeAlias = "grpc.RpcMethodHandler[bytes, bytes]"


class _CallerGoneError(Exception):
    """The caller cancelled, or the connection broke."""


def logging_defects(log: FilteringBoundLogger) -> OnDefect:
    """What gives the error that a defect becomes. The log has its id and type; its text may hold a patient's value."""

    def on_defect(error: BaseException) -> InternalError:
        error_id = uuid.uuid4().hex
        log.error("defect", error_id=error_id, error_type=type(error).__name__)
        return InternalError(error_id)

    return on_defect


class Calls:
    """Makes gRPC handlers of what answers from a release, for callers whom the gate lets in.

    `slots` bounds the streams and batches under way.
    """

    def __init__(
        self,
        log: FilteringBoundLogger,
        slots: int,
        releases: Releases,
        on_defect: OnDefect,
        evidence: Evidence,
        gate: Gate,
        seconds: Seconds,
    ) -> None:
        self._seconds = seconds
        self._log = log
        self._gate = gate
        self._slots = BoundedSemaphore(slots)
        self._long_turns = Turns(LONG_TURNS)
        self._releases = releases
        self._on_defect = on_defect
        self._evidence = evidence
        # By their paths.
        self.methods: dict[bytes, Method] = {}

    def unary(self, service: str, name: str, answering: Answering) -> Handler:
        """A handler of one message."""
        return self._handler(service, name, _awaited(answering), self._seconds.unary, math.inf)

    def batch(self, service: str, name: str, answering: Answering) -> Handler:
        """A handler of one message that may take long: it needs a slot."""
        return self._handler(service, name, self._in_slot(answering), self._seconds.batch)

    def sized(self, service: str, name: str, answering: Answering) -> Handler:
        """A handler of one message, which needs a slot where it is so large that it may take long."""
        short, long = _awaited(answering), self._in_slot(answering)

        def by_size(serving: Serving, body: bytes, deadline: Deadline) -> Answer:
            return (short if len(body) <= SHORT_BYTES else long)(serving, body, deadline)

        return self._handler(service, name, by_size, self._seconds.batch, SHORT_BYTES)

    def _in_slot(self, answering: Answering) -> Answering:
        in_turn = _in_turn(self._long_turns, answering)

        def in_slot(serving: Serving, body: bytes, deadline: Deadline) -> Answer:
            if not self._slots.acquire(blocking=False):
                raise TooManyStreamsError(RETRY_SECONDS)
            try:
                return in_turn(serving, body, deadline)
            finally:
                self._slots.release()

        return in_slot

    def stream(self, service: str, name: str, answering: Answering) -> Handler:
        """A handler of a stream, each message answered by one, in order: it needs a slot."""
        patience = self._served(Patience(Method(service, name, STREAM), self._seconds.stream_idle))
        in_turn = _in_turn(self._long_turns, answering)

        def behaviour(bodies: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            try:
                yield from self._stream(patience, in_turn, bodies, context)
            except BaseException as error:
                if _has_ended(context):
                    raise
                self._end_badly(without_frames(error), context)

        behaviour.patience = patience  # type: ignore[attr-defined]
        return grpc.stream_stream_rpc_method_handler(behaviour)

    def _handler(
        self, service: str, name: str, answering: Answering, seconds: float, short_bytes: float = -1
    ) -> Handler:
        patience = self._served(Patience(Method(service, name), seconds, short_bytes))

        def behaviour(body: bytes, context: grpc.ServicerContext) -> bytes:
            try:
                return self._unary(patience, answering, body, context)
            except BaseException as error:
                if _has_ended(context):
                    raise
                self._end_badly(without_frames(error), context)

        behaviour.patience = patience  # type: ignore[attr-defined]
        return grpc.unary_unary_rpc_method_handler(behaviour)

    def _served(self, patience: Patience) -> Patience:
        method = patience.method
        self._evidence.serves(method)
        self.methods[f"/{method.service}/{method.name}".encode()] = method
        return patience

    def _unary(self, patience: Patience, answering: Answering, body: bytes, context: grpc.ServicerContext) -> bytes:
        serving = self._releases.current
        call = self._begun(patience.method, serving, context)
        if (not_let_in := self._not_let_in(call, context)) is not None:
            return self._refuse(call, not_let_in, context)
        answer = self._answer(call, answering, serving, body, _deadline(context, awaited_of(context, patience)))
        if isinstance(answer, BaseException):
            return self._refuse(call, answer, context, body)
        if call.record:
            context.set_trailing_metadata(((RECORD, call.record),))
        self._end(call, "OK")
        return answer.body

    def _stream(
        self, patience: Patience, answering: Answering, bodies: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[bytes]:
        call, awaited = self._begun(patience.method, self._releases.current, context), awaited_of(context, patience)
        deadline = _deadline(context, awaited)
        refused = self._not_let_in(call, context)
        body: bytes | None = None
        if refused is not None:
            self._refuse(call, refused, context)
        if not self._slots.acquire(blocking=False):
            self._refuse(call, TooManyStreamsError(RETRY_SECONDS), context)
        awaited.wait()
        try:
            for body in bodies:
                awaited.hold()
                serving = self._releases.current
                call.release = serving.reference
                answer = self._answer(call, answering, serving, body, deadline)
                if isinstance(answer, BaseException):
                    refused = answer
                    break
                awaited.wait()
                yield answer.body
        except GeneratorExit:  # the caller went away while an answer was on its way, or did not take it
            error = awaited.error
            self._end(call, "CANCELLED" if error is None else code_of(error), error)
            raise
        except grpc.RpcError:  # the caller went away while its next message was awaited, or sent none
            refused = awaited.error or _CallerGoneError()
        finally:
            self._slots.release()
        # A stream that the watchdog ended may look as if its caller had closed it.
        if refused is None and awaited.ended:
            refused = awaited.error
        if refused is None and context.is_active():
            self._end(call, "OK")
        else:
            self._refuse(call, refused or _CallerGoneError(), context, body)

    def _begun(self, method: Method, serving: Serving, context: grpc.ServicerContext) -> Call:
        call = Call(method, serving.reference, traceparent=_traceparent(context) if self._evidence.traced else "")
        self._evidence.begun(call)
        return call

    def _not_let_in(self, call: Call, context: grpc.ServicerContext) -> BaseException | None:
        """Why the gate refuses the caller; None where it lets it in. What is known of it stands in the call."""
        try:
            call.caller = self._gate.admit(call.method.name, context)
        except AccessError as error:
            call.caller = error.caller
            return without_frames(error)
        except BaseException as error:  # noqa: BLE001 - what leaves a pool's thread leaves a caller waiting
            return without_frames(error)
        return None

    def _answer(
        self, call: Call, answering: Answering, serving: Serving, body: bytes, deadline: Deadline
    ) -> Answer | BaseException:
        """The answer, once it is recorded, or what was raised: what leaves a pool's thread leaves a caller waiting."""
        try:
            call.request_bytes += len(body)
            self._evidence.received(call)
            answer = answering(serving, body, deadline)
            if type(answer.body) is not bytes:
                # gRPC would fail on it after us, and the caller would wait.
                raise TypeError
            self._evidence.answered(call, body, answer.decisions, answer.refused)
            call.add(answer.body, answer.decisions)
        except BaseException as error:  # noqa: BLE001 - in a pool's thread not even SystemExit may end more than its call
            return without_frames(error)
        return answer

    def _refuse(
        self, call: Call, refused: BaseException, context: grpc.ServicerContext, body: bytes | None = None
    ) -> NoReturn:
        """Ends the call with the status of what went wrong, by the exception that gRPC needs for it."""
        if isinstance(refused, _CallerGoneError):
            self._end(call, "CANCELLED")
            context.abort(grpc.StatusCode.CANCELLED, "The caller cancelled the call.")
        error = refused if isinstance(refused, CallError) else self._on_defect(refused)
        self._end(call, code_of(error), error, body)
        context.abort_with_status(rpc_status.to_status(status_of(error)))

    def _end_badly(self, error: BaseException, context: grpc.ServicerContext) -> NoReturn:
        """Ends a call that nothing else ended: gRPC would tell the caller the text of an Exception, and nothing of
        another BaseException, for which the caller would wait until its deadline.
        """
        with suppress(BaseException):
            self._on_defect(error)
        context.abort(grpc.StatusCode.INTERNAL, "A defect of the service.")

    def _end(self, call: Call, status: str, error: CallError | None = None, body: bytes | None = None) -> None:
        """Says how a call ends, before its caller knows: `body` is the message that was refused, if one was."""
        self._evidence.ended(call, status, error, body)
        if isinstance(error, AccessError):
            say_refused(self._log, call.method.name, error)
            return
        self._log.info(
            "call",
            method=call.method.name,
            caller=call.caller,
            release=call.release.version,
            digest=call.release.digest,
            **({"overlay_digest": call.release.overlay_digest} if call.release.overlay else {}),
            status=status,
            duration_ms=round(call.seconds * 1_000, 3),
            request_bytes=call.request_bytes,
            response_bytes=call.response_bytes,
            panels=call.panels,
            rule_ids=sorted(call.rule_ids),
            **({} if error is None else {"reason": error.reason}),
            **({"error_id": error.error_id} if isinstance(error, InternalError) else {}),
            **({"record": call.record} if call.record else {}),
        )


def _has_ended(context: grpc.ServicerContext) -> bool:
    """Whether a call has its status, or nobody waits for one any more."""
    return context.code() is not None or not context.is_active()  # type: ignore[attr-defined]


def _traceparent(context: grpc.ServicerContext) -> str:
    return next((str(value) for name, value in context.invocation_metadata() if name == "traceparent"), "")


def _awaited(answering: Answering) -> Answering:
    """What answers, unless nobody waits for the answer any more."""

    def answering_awaited(serving: Serving, body: bytes, deadline: Deadline) -> Answer:
        deadline()
        return answering(serving, body, deadline)

    return answering_awaited


def _in_turn(turns: Turns, answering: Answering) -> Answering:
    """What answers in its turn, unless nobody waits for the answer any more by then."""

    def answering_in_turn(serving: Serving, body: bytes, deadline: Deadline) -> Answer:
        with turns:
            deadline()
            return answering(serving, body, deadline)

    return answering_in_turn


def _deadline(context: grpc.ServicerContext, awaited: Awaited) -> Deadline:
    def check() -> None:
        if context.time_remaining() <= 0:
            raise DeadlineExceededError
        if (overdue := awaited.error) is not None:
            raise overdue
        if not context.is_active():
            raise _CallerGoneError

    return check
