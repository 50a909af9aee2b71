"""Every error as problem details (RFC 9457), with the reasons that gRPC has. None carries a value of a panel."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import grpc

from labgloss.errors import AccessError, CallError, UnauthenticatedError, Violation
from labgloss_client import (
    InvalidRequest,
    LabglossError,
    MessageTooLarge,
    Overloaded,
    PermissionDenied,
    ReleaseNotLoaded,
    ServiceDefect,
    Unauthenticated,
)

MEDIA_TYPE = "application/problem+json"
# So many bad fields are named; `violations_total` tells how many there are.
MOST_VIOLATIONS = 200
# Beyond so many faults nothing more is looked at.
MOST_FAULTS = 1_000
_RETRY_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Kind:
    """A reason: the HTTP status that it has, and what it says in general."""

    status: int
    title: str


# Those of error_reason.proto first, then those that only this service has.
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "MALFORMED_MESSAGE": Kind(400, "The body is not a message of this method."),
        "INVALID_FIELDS": Kind(400, "Fields are wrong."),
        "MESSAGE_TOO_LARGE": Kind(413, "The message, or the answer to it, is too large."),
        "RELEASE_NOT_LOADED": Kind(409, "The pinned release is not the one that is loaded."),
        "RULE_NOT_FOUND": Kind(404, "No rule has this id."),
        "TOO_MANY_STREAMS": Kind(503, "Too many streams and batches are under way."),
        "OVERLOADED": Kind(503, "More calls come than can be answered."),
        "DEADLINE_EXCEEDED": Kind(504, "No answer in time."),
        "INTERNAL": Kind(500, "A defect of the service."),
        "UNAUTHENTICATED": Kind(401, "No or no valid credentials."),
        "PERMISSION_DENIED": Kind(403, "The caller may not do this."),
        "SHUTTING_DOWN": Kind(503, "The service is stopping."),
        "RECORD_NOT_WRITTEN": Kind(503, "The decision record could not be written."),
        "SERVICE_UNAVAILABLE": Kind(503, "The service that interprets was not reached, or does not serve."),
        "NOT_LET_IN": Kind(502, "The service that interprets does not let this one in."),
        "PREFETCH_MISSING": Kind(412, "The call lacks data that the service needs."),
        "REQUEST_TIMEOUT": Kind(408, "The request did not come in time."),
        "NOT_FOUND": Kind(404, "There is nothing at this path."),
        "METHOD_NOT_ALLOWED": Kind(405, "The path does not take this method."),
        "NOT_ACCEPTABLE": Kind(406, "There is only JSON."),
        "UNSUPPORTED_MEDIA_TYPE": Kind(415, "Only JSON is taken."),
    }
)


@dataclass(eq=False)
class Problem(Exception):  # noqa: N818 - the word of RFC 9457
    """What is answered instead of what was asked.

    Attributes:
        reason: a key of KINDS.
        detail: what is wrong in this case, what is allowed, how to mend it.
        violations: every bad field.
        members: what else the reason documents.
        headers: of the answer.
        caller: its name as far as it is known, for the log alone.
    """

    reason: str
    detail: str
    violations: tuple[Violation, ...] = ()
    members: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    caller: str = ""

    @property
    def status(self) -> int:
        """The HTTP status."""
        return KINDS[self.reason].status

    def body(self, request_id: str) -> bytes:
        """The problem as JSON."""
        kind = KINDS[self.reason]
        document: dict[str, Any] = {
            "type": f"urn:labgloss:problem:{self.reason}",
            "title": kind.title,
            "status": kind.status,
            "detail": self.detail,
            "instance": f"urn:uuid:{request_id}",
            "reason": self.reason,
            **self.members,
        }
        if self.violations:
            document["violations"] = [
                {"field": each.field, "reason": each.reason, "description": each.description}
                for each in self.violations[:MOST_VIOLATIONS]
            ]
            document["violations_total"] = len(self.violations)
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def retry_after(seconds: float) -> Mapping[str, str]:
    """The header that asks a caller to wait so long, in whole seconds."""
    return {"retry-after": str(max(1, -int(-seconds // 1)))}


def problem_of_access(error: AccessError) -> Problem:
    """The problem of a caller who is not let in here."""
    headers = {"www-authenticate": 'Bearer realm="labgloss"'} if isinstance(error, UnauthenticatedError) else {}
    return Problem(error.reason, error.message, members=dict(error.metadata), headers=headers, caller=error.caller)


def problem_of(error: CallError) -> Problem:
    """The problem of an error that this service itself found."""
    return Problem(error.reason, error.message, error.violations, dict(error.metadata))


def problem_of_call(error: LabglossError) -> Problem:
    """The problem of a call that the service that interprets did not answer as asked."""
    match error:
        case Unauthenticated() | PermissionDenied():
            # Its credentials are this service's, not the caller's.
            detail = (
                "The service that interprets does not let this one in; its operator lists it in the access file, and "
                "gives it credentials by target_tls_certificate or target_token_file."
            )
            return Problem("NOT_LET_IN", detail)
        case InvalidRequest(reason=reason) if reason:
            return Problem(reason, error.message, _violations(error))
        case MessageTooLarge():
            sizes = {"bytes": error.size_bytes, "limit_bytes": error.limit_bytes}
            members = {name: str(size) for name, size in sizes.items() if size is not None}
            return Problem("MESSAGE_TOO_LARGE", error.message, members=members)
        case ReleaseNotLoaded():
            members = {"loaded_version": error.loaded_version, "loaded_digest": error.loaded_digest}
            return Problem("RELEASE_NOT_LOADED", error.message, members=members)
        case Overloaded():
            waiting = retry_after(error.retry_after_s or _RETRY_SECONDS)
            return Problem(error.reason or "OVERLOADED", error.message, headers=waiting)
        case ServiceDefect(error_id=error_id) if error_id:
            return Problem("INTERNAL", error.message, members={"error_id": error_id})
    if error.code is grpc.StatusCode.DEADLINE_EXCEEDED:
        detail = "The service that interprets did not answer in time; try again, or send fewer results."
        return Problem("DEADLINE_EXCEEDED", detail, headers=retry_after(_RETRY_SECONDS))
    if error.reason in KINDS:
        headers = retry_after(_RETRY_SECONDS) if KINDS[error.reason].status == 503 else {}
        return Problem(error.reason, error.message, headers=headers)
    detail = "The service that interprets was not reached, or says that it does not serve; try again after the delay."
    return Problem("SERVICE_UNAVAILABLE", detail, headers=retry_after(_RETRY_SECONDS))


def _violations(error: InvalidRequest) -> tuple[Violation, ...]:
    return tuple(Violation(each.field, each.reason, each.description) for each in error.violations)


def counted(count: int, one: str, several: str) -> str:
    """A number with its noun."""
    return f"{count} {one if count == 1 else several}"


def fields_are_wrong(violations: Sequence[Violation]) -> Problem:
    """The problem of these bad fields."""
    wrong = counted(len(violations), "field is", "fields are")
    detail = f"{wrong} wrong; mend each as its description says, and send the request again."
    return Problem("INVALID_FIELDS", detail, tuple(violations))
