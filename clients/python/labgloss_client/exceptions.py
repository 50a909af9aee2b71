"""Every error that a call can raise. `reason` is empty where the service gave none."""

# The names say what happened, as those of gRPC's codes do; an `Error` at the end of each would add nothing.
# ruff: noqa: N818

from __future__ import annotations

from dataclasses import dataclass

import grpc


@dataclass(frozen=True, slots=True)
class Violation:
    """One bad field: its path, why (a name of `ViolationReason` without prefix), what is allowed and how to mend it."""

    field: str
    reason: str
    description: str

    def __str__(self) -> str:
        return f"{self.field}: {self.description} ({self.reason})"


class LabglossError(Exception):
    """A call without an answer, or an item of a batch or stream without a report.

    The base of all others; raised itself only for a status that none of them stands for. The gRPC error is its
    `__cause__`. No text of it repeats a value of the panel.

    Attributes:
        message: one sentence for people.
        reason: name of the `ErrorReason` without prefix, such as "INVALID_FIELDS"; empty when the service gave none.
        code: the gRPC status code.
    """

    # The three go to `args`, with which every class can be made again: so an error survives pickling.
    def __init__(self, message: str, reason: str, code: grpc.StatusCode) -> None:
        super().__init__(message, reason, code)
        self.message = message
        self.reason = reason
        self.code = code

    def __str__(self) -> str:
        return self.message


class InvalidRequest(LabglossError):
    """The service does not take the request as it is.

    Attributes:
        violations: every bad field, all at once; empty when the bytes could not be read as a message.
    """

    def __init__(
        self, message: str, reason: str, code: grpc.StatusCode, violations: tuple[Violation, ...] = ()
    ) -> None:
        super().__init__(message, reason, code)
        self.violations = violations

    def __str__(self) -> str:
        return "\n  ".join([self.message, *map(str, self.violations)])


class InvalidPanel(InvalidRequest):
    """Fields of a panel, or of a list of panels, are wrong. `violations` and the text name every one."""


class MessageTooLarge(LabglossError):
    """The message, or the answer to it, is larger than one message may be.

    Attributes:
        size_bytes: size of the message; None when the service did not say.
        limit_bytes: size that is allowed; None when the service did not say.
    """

    def __init__(
        self,
        message: str,
        reason: str,
        code: grpc.StatusCode,
        size_bytes: int | None = None,
        limit_bytes: int | None = None,
    ) -> None:
        super().__init__(message, reason, code)
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class ReleaseNotLoaded(LabglossError):
    """The release that the panel pins is not the one that is loaded.

    Attributes:
        loaded_version: version of the release that is loaded.
        loaded_digest: its digest.
    """

    def __init__(
        self, message: str, reason: str, code: grpc.StatusCode, loaded_version: str = "", loaded_digest: str = ""
    ) -> None:
        super().__init__(message, reason, code)
        self.loaded_version = loaded_version
        self.loaded_digest = loaded_digest


class Overloaded(LabglossError):
    """The service takes no more calls just now.

    Attributes:
        retry_after_s: seconds after which the service asks to be tried again; None when it did not say.
    """

    def __init__(self, message: str, reason: str, code: grpc.StatusCode, retry_after_s: float | None = None) -> None:
        super().__init__(message, reason, code)
        self.retry_after_s = retry_after_s


class Throttled(Overloaded):
    """The call was not made, because the service refuses most calls just now; it is made easier for it so.

    Call again after `retry_after_s`, with fewer calls at a time; some get through all the while, so that the client
    notices when the service takes them again.
    """


class DeadlineExceeded(LabglossError):
    """The deadline passed before the answer was there; the service was slow or was not reached."""


class Unavailable(LabglossError):
    """The service was not reached, or is stopping. A call has no side effect: it may always be made again."""


class Unauthenticated(LabglossError):
    """The call carried no credentials, or none that are valid."""


class PermissionDenied(LabglossError):
    """The caller may not use this method."""


class RuleNotFound(LabglossError):
    """The release has no rule of this id."""


class ServiceDefect(LabglossError):
    """The service failed, or answered something other than what was asked; never a fault of the panel.

    Attributes:
        error_id: id that the service's log repeats; empty when there is none.
    """

    def __init__(self, message: str, reason: str, code: grpc.StatusCode, error_id: str = "") -> None:
        super().__init__(message, reason, code)
        self.error_id = error_id
