"""Every error of the service: who is at fault, what was wrong, what is allowed. None carries a value of a panel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of the knowledge: file, key, reason, and a patient or value that meets it."""

    file: str
    key: str
    reason: str
    witness: str = ""

    def __str__(self) -> str:
        place = f"{self.file}: {self.key}: " if self.key else f"{self.file}: "
        return f"{place}{self.reason}{f' (witness: {self.witness})' if self.witness else ''}"


class KnowledgeError(Exception):
    """The knowledge is faulty: start-up stops. Its text lists every fault, one a line."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        super().__init__("\n".join(str(fault) for fault in faults))


class SettingsError(Exception):
    """Settings are wrong: start-up stops. Its text lists every fault, one a line."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


@dataclass(frozen=True, slots=True)
class Violation:
    """One bad field: its path, the name of its ViolationReason, and what is allowed, never the value sent."""

    field: str
    reason: str
    description: str


class CallError(Exception):
    """A call, or an item of a batch, that gets an error instead of a report.

    `reason` is the name of its ErrorReason; `metadata` is what that reason documents; `violations` are the bad fields.
    """

    reason: ClassVar[str]

    def __init__(
        self, message: str, metadata: Mapping[str, str] | None = None, violations: tuple[Violation, ...] = ()
    ) -> None:
        self.message = message
        self.metadata: Mapping[str, str] = metadata or {}
        self.violations = violations
        super().__init__(message)


class MalformedMessageError(CallError):
    """The bytes are not a message of the method."""

    reason = "MALFORMED_MESSAGE"

    def __init__(self) -> None:
        super().__init__(
            "The bytes are not a message of this method; encode the request with the published schema, labgloss.v1."
        )


class RequestError(CallError):
    """Fields are wrong by the caller's fault; names every one."""

    reason = "INVALID_FIELDS"

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        count = len(violations)
        fields = "1 field is wrong" if count == 1 else f"{count} fields are wrong"
        message = f"{fields}; mend each as its description says, and send the request again."
        super().__init__(message, {"violations": str(count)}, violations)


class MessageTooLargeError(CallError):
    """A message is larger than the method takes."""

    reason = "MESSAGE_TOO_LARGE"

    def __init__(self, size: int, limit: int, mend: str) -> None:
        violation = Violation("message", "OUT_OF_RANGE", f"at most {limit} bytes are allowed; {mend}")
        message = f"The message has {size} bytes, {limit} are allowed; {mend}."
        super().__init__(message, {"bytes": str(size), "limit_bytes": str(limit)}, (violation,))


class AnswerTooLargeError(CallError):
    """An answer would be larger than clients take."""

    reason = "MESSAGE_TOO_LARGE"

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            f"The answer would have {size} bytes, and clients take {limit}; send this panel again in a message with "
            "fewer panels, or switch its trace off.",
            {"bytes": str(size), "limit_bytes": str(limit)},
        )


class ReleaseNotLoadedError(CallError):
    """The release that the caller pinned is not the one loaded."""

    reason = "RELEASE_NOT_LOADED"

    def __init__(self, version: str, digest: str) -> None:
        super().__init__(
            f"The pinned release is not loaded; version {version}, digest {digest}, is. "
            "Pin that one, or leave options.release empty.",
            {"loaded_version": version, "loaded_digest": digest},
        )


class RuleNotFoundError(CallError):
    """No rule has the id that was asked for."""

    reason = "RULE_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("No rule of the loaded release has this id; ListRules lists them all.")


class TooManyStreamsError(CallError):
    """Streams and batches take all the threads that they may; try again after `retry_seconds`."""

    reason = "TOO_MANY_STREAMS"

    def __init__(self, retry_seconds: float) -> None:
        self.retry_seconds = retry_seconds
        super().__init__("Too many streams and batches are under way; try again after the delay that RetryInfo names.")


class DeadlineExceededError(CallError):
    """The caller's deadline passed before the answer was ready."""

    reason = "DEADLINE_EXCEEDED"

    def __init__(self) -> None:
        super().__init__("The deadline passed before the answer was ready; allow more time or send fewer panels.")


class RecordNotWrittenError(CallError):
    """The decision record of an answer could not be written, and without one no answer may leave."""

    reason = "RECORD_NOT_WRITTEN"

    def __init__(self) -> None:
        super().__init__(
            "The record of this answer could not be written, so that it is not given; try again, at another replica."
        )


class InternalError(CallError):
    """A defect of the service; the log repeats the id."""

    reason = "INTERNAL"

    def __init__(self, error_id: str) -> None:
        self.error_id = error_id
        super().__init__(f"A defect of the service; its log names it by error id {error_id}.", {"error_id": error_id})
