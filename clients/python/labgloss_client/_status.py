"""From a status of gRPC, or the error of one item, to the exception that stands for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import cast

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from labgloss.v1 import error_reason_pb2
from labgloss_client.exceptions import (
    DeadlineExceeded,
    InvalidPanel,
    InvalidRequest,
    LabglossError,
    MessageTooLarge,
    Overloaded,
    PermissionDenied,
    ReleaseNotLoaded,
    RuleNotFound,
    ServiceDefect,
    Unauthenticated,
    Unavailable,
    Violation,
)

DOMAIN = "labgloss"

_BY_REASON: Mapping[str, type[LabglossError]] = MappingProxyType(
    {
        "MALFORMED_MESSAGE": InvalidRequest,
        "INVALID_FIELDS": InvalidRequest,
        "MESSAGE_TOO_LARGE": MessageTooLarge,
        "RELEASE_NOT_LOADED": ReleaseNotLoaded,
        "RULE_NOT_FOUND": RuleNotFound,
        "TOO_MANY_STREAMS": Overloaded,
        "OVERLOADED": Overloaded,
        "DEADLINE_EXCEEDED": DeadlineExceeded,
        "INTERNAL": ServiceDefect,
        "UNAUTHENTICATED": Unauthenticated,
        "PERMISSION_DENIED": PermissionDenied,
        "SHUTTING_DOWN": Unavailable,
        "RECORD_NOT_WRITTEN": Unavailable,
    }
)

# Without a reason the status comes from gRPC itself or from something on the way. CANCELLED is there because a server
# that stops answers the calls still in its queue with it (grpc/grpc#41785).
_BY_CODE: Mapping[grpc.StatusCode, tuple[type[LabglossError], str]] = MappingProxyType(
    {
        grpc.StatusCode.DEADLINE_EXCEEDED: (
            DeadlineExceeded,
            "no answer before the deadline: the service is slow or was not reached; see healthy(), or give a longer "
            "timeout_s",
        ),
        grpc.StatusCode.UNAVAILABLE: (
            Unavailable,
            "the service was not reached, or reports that it does not serve: check target, TLS and its health",
        ),
        grpc.StatusCode.CANCELLED: (
            Unavailable,
            "the call was cancelled: the service is stopping, or this client was closed; the call may be made again",
        ),
        grpc.StatusCode.RESOURCE_EXHAUSTED: (Overloaded, "the service takes no more calls just now: call again later"),
        grpc.StatusCode.UNAUTHENTICATED: (Unauthenticated, "the call carried no valid credentials"),
        grpc.StatusCode.PERMISSION_DENIED: (PermissionDenied, "the caller may not use this method"),
        grpc.StatusCode.INTERNAL: (ServiceDefect, "the service failed and gave no reason"),
        grpc.StatusCode.UNKNOWN: (ServiceDefect, "the service failed and gave no reason"),
        grpc.StatusCode.DATA_LOSS: (ServiceDefect, "the service failed and gave no reason"),
    }
)
_OTHER_CODE = "what answers at the target is not this version of labgloss"
_TOO_LARGE = "the message or its answer is larger than gRPC takes: send fewer panels at once, or ask for no trace"
# gRPC's core tells an oversized message from an overload by this text alone.
_TOO_LARGE_TEXT = "larger than max"

_CODES: Mapping[int, grpc.StatusCode] = MappingProxyType({code.value[0]: code for code in grpc.StatusCode})
_ERROR_REASONS = error_reason_pb2.ErrorReason.DESCRIPTOR
_VIOLATION_REASONS = error_reason_pb2.ViolationReason.DESCRIPTOR


@dataclass(frozen=True, slots=True)
class _Fault:
    """What a status or an item says, before it is known which exception stands for it."""

    code: grpc.StatusCode
    message: str
    reason: str = ""
    violations: tuple[Violation, ...] = ()
    about_panels: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)
    retry_after_s: float | None = None


def error_of_call(failure: grpc.RpcError) -> LabglossError:
    """The exception for a call that failed."""
    code = failure.code()
    message = failure.details() or code.name
    try:
        info, bad_request, retry = _details(failure)
    except DecodeError:
        # Something on the way garbled the details; code and text still stand.
        return _error(_Fault(code, message))
    if info.domain != DOMAIN:
        return _error(_Fault(code, message))
    violations = tuple(Violation(bad.field, bad.reason, bad.description) for bad in bad_request.field_violations)
    return _error(
        _Fault(
            code,
            message,
            info.reason,
            violations,
            about_panels=any(violation.field.startswith("panel") for violation in violations),
            metadata=dict(info.metadata),
            retry_after_s=retry.retry_delay.ToTimedelta().total_seconds() if retry.HasField("retry_delay") else None,
        )
    )


def error_of_item(item: error_reason_pb2.ItemError) -> LabglossError:
    """The exception for one panel of a batch or stream, or for one message of a stream."""
    violations = tuple(
        Violation(bad.field, _name(_VIOLATION_REASONS, bad.reason), bad.description) for bad in item.violations
    )
    code = _CODES.get(item.code, grpc.StatusCode.UNKNOWN)
    reason = _name(_ERROR_REASONS, item.reason)
    return _error(_Fault(code, item.message or code.name, reason, violations, about_panels=bool(violations)))


def defect(message: str) -> ServiceDefect:
    """The exception for an answer that is not the answer to what was asked."""
    return ServiceDefect(message, "", grpc.StatusCode.INTERNAL)


def _error(fault: _Fault) -> LabglossError:
    kind = _BY_REASON.get(fault.reason)
    if kind is None:
        return _error_by_code(fault)
    base = (fault.message, fault.reason, fault.code)
    if kind is InvalidRequest:
        return (InvalidPanel if fault.about_panels else InvalidRequest)(*base, fault.violations)
    if kind is MessageTooLarge:
        return MessageTooLarge(*base, _number(fault.metadata, "bytes"), _number(fault.metadata, "limit_bytes"))
    if kind is ReleaseNotLoaded:
        metadata = fault.metadata
        return ReleaseNotLoaded(*base, metadata.get("loaded_version", ""), metadata.get("loaded_digest", ""))
    if kind is Overloaded:
        return Overloaded(*base, fault.retry_after_s)
    if kind is ServiceDefect:
        return ServiceDefect(*base, fault.metadata.get("error_id", ""))
    return kind(*base)


def _error_by_code(fault: _Fault) -> LabglossError:
    if fault.code is grpc.StatusCode.RESOURCE_EXHAUSTED and _TOO_LARGE_TEXT in fault.message:
        return MessageTooLarge(f"{_TOO_LARGE} ({fault.message})", fault.reason, fault.code)
    kind, hint = _BY_CODE.get(fault.code, (LabglossError, _OTHER_CODE))
    return kind(f"{hint} ({fault.message})", fault.reason, fault.code)


def _details(
    failure: grpc.RpcError,
) -> tuple[error_details_pb2.ErrorInfo, error_details_pb2.BadRequest, error_details_pb2.RetryInfo]:
    found = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    for sent in _sent_details(failure):
        for detail in found:
            if sent.Is(detail.DESCRIPTOR):
                sent.Unpack(detail)
    return found


def _sent_details(failure: grpc.RpcError) -> Iterable[Any]:
    # grpc.aio gives plain pairs where grpc gives pairs with names; None, where the call never left this machine.
    metadata = cast("Iterable[tuple[str, str | bytes]]", failure.trailing_metadata() or ())
    status = dict(metadata).get("grpc-status-details-bin")
    return cast("Iterable[Any]", status_pb2.Status.FromString(status).details) if status else ()


def _name(names: EnumDescriptor, number: int) -> str:
    """The name without prefix, none for the unspecified; the number itself where a later service sent a new one."""
    unspecified = names.values_by_number[0].name
    value = names.values_by_number.get(number)
    if value is None:
        return str(number)
    return "" if number == 0 else value.name.removeprefix(unspecified.removesuffix("UNSPECIFIED"))


def _number(metadata: Mapping[str, str], key: str) -> int | None:
    text = metadata.get(key, "")
    return int(text) if text.isdecimal() else None
