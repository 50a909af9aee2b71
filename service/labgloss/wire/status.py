"""The one place that turns an error into a gRPC status or into the error of a batch item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from labgloss.errors import CallError, InternalError, OverloadedError, RequestError, TooManyStreamsError, Violation
from labgloss.v1 import error_reason_pb2 as pb

DOMAIN = "labgloss"

# As error_reason.proto documents each.
CODES: Mapping[str, code_pb2.Code] = MappingProxyType(
    {
        "MALFORMED_MESSAGE": code_pb2.INVALID_ARGUMENT,
        "INVALID_FIELDS": code_pb2.INVALID_ARGUMENT,
        "MESSAGE_TOO_LARGE": code_pb2.RESOURCE_EXHAUSTED,
        "RELEASE_NOT_LOADED": code_pb2.FAILED_PRECONDITION,
        "RULE_NOT_FOUND": code_pb2.NOT_FOUND,
        "TOO_MANY_STREAMS": code_pb2.RESOURCE_EXHAUSTED,
        "OVERLOADED": code_pb2.RESOURCE_EXHAUSTED,
        "DEADLINE_EXCEEDED": code_pb2.DEADLINE_EXCEEDED,
        "INTERNAL": code_pb2.INTERNAL,
        "UNAUTHENTICATED": code_pb2.UNAUTHENTICATED,
        "PERMISSION_DENIED": code_pb2.PERMISSION_DENIED,
        "SHUTTING_DOWN": code_pb2.UNAVAILABLE,
        "RECORD_NOT_WRITTEN": code_pb2.UNAVAILABLE,
    }
)

# A status travels in the trailers, in base64 to most clients, and a client drops trailers larger than its limit, 8 KiB
# by default in gRPC's core and in Java, answering RESOURCE_EXHAUSTED in our place. The rest of the 8 KiB is for the
# status text, which travels a second time, and the other trailers.
STATUS_LIMIT = 5_400


def code_of(error: CallError) -> str:
    """The name of the gRPC code of an error, such as INVALID_ARGUMENT."""
    return str(code_pb2.Code.Name(CODES[error.reason]))


def status_of(error: CallError) -> status_pb2.Status:
    """The status of a refused call: code, text, ErrorInfo, and BadRequest or RetryInfo where they say more.

    Violations that do not fit into the trailers of a call lose repeated descriptions first, then all descriptions;
    in the end only the first are named, and the text says so. ErrorInfo tells how many there are.
    """
    status = status_pb2.Status(code=CODES[error.reason], message=error.message)
    status.details.append(
        _packed(error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata))
    )
    if isinstance(error, (OverloadedError, TooManyStreamsError)):
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(round(error.retry_seconds * 1_000))
        status.details.append(_packed(error_details_pb2.RetryInfo(retry_delay=delay)))
    if error.violations:
        named = _named(error.violations, STATUS_LIMIT - status.ByteSize())
        if len(named) < len(error.violations):
            status.message += f" Only the first {len(named)} are named."
        status.details.append(_packed(error_details_pb2.BadRequest(field_violations=named)))
    return status


def item_error_of(error: CallError) -> pb.ItemError:
    """The error of one item of a batch or stream, with every violation."""
    violations = error.violations if isinstance(error, RequestError) else ()
    return pb.ItemError(
        code=CODES[error.reason],
        reason=pb.ErrorReason.Value(f"ERROR_REASON_{error.reason}"),
        message=error.message,
        error_id=error.error_id if isinstance(error, InternalError) else "",
        violations=[
            pb.FieldViolation(
                field=violation.field,
                reason=pb.ViolationReason.Value(f"VIOLATION_REASON_{violation.reason}"),
                description=violation.description,
            )
            for violation in violations
        ],
    )


def _named(violations: tuple[Violation, ...], room: int) -> list[error_details_pb2.BadRequest.FieldViolation]:
    for shorter in (violations, _described_once(violations), [replace(each, description="") for each in violations]):
        named = [
            error_details_pb2.BadRequest.FieldViolation(
                field=violation.field, reason=violation.reason, description=violation.description
            )
            for violation in shorter
        ]
        if error_details_pb2.BadRequest(field_violations=named).ByteSize() <= room:
            return named
    size = 0
    for count, violation in enumerate(named):
        # A tag and a length, of at most two bytes, frame each in its list.
        size += violation.ByteSize() + 3
        if size > room:
            return named[:count]
    return named


def _described_once(violations: tuple[Violation, ...]) -> list[Violation]:
    """The violations, each description only where it stands first."""
    first = {violation.description: violation for violation in reversed(violations)}
    return [each if first[each.description] is each else replace(each, description="") for each in violations]


def _packed(message: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message, deterministic=True)
    return packed
