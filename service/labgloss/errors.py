"""Every error of the service: who is at fault, what was wrong, what is allowed. None carries a value of a panel."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, TypeVar

from labgloss.frozen import dataclass

ErrorT = TypeVar("ErrorT", bound=BaseException)


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


class OverloadedError(CallError):
    """More calls come than can be answered; try again after `retry_seconds`."""

    reason = "OVERLOADED"

    def __init__(self, retry_seconds: float) -> None:
        self.retry_seconds = retry_seconds
        super().__init__("More calls come than can be answered; try again after the delay that RetryInfo names.")


class DeadlineExceededError(CallError):
    """The caller's deadline passed before the answer was ready."""

    reason = "DEADLINE_EXCEEDED"

    def __init__(self) -> None:
        super().__init__("The deadline passed before the answer was ready; allow more time or send fewer panels.")


class TakesTooLongError(DeadlineExceededError):
    """A call took as long as the service allows for one of its method; `seconds` is how long."""

    def __init__(self, seconds: float) -> None:
        CallError.__init__(
            self,
            f"A call of this method may take {seconds:g} s, until the last of its answer is taken, and this one took "
            "longer; send less in one call, or try again.",
        )


class StreamIdleError(DeadlineExceededError):
    """For so long the caller of a stream neither sent a message nor took an answer."""

    def __init__(self, seconds: float) -> None:
        CallError.__init__(
            self,
            f"For {seconds:g} s no message of this stream came and none of its answers was taken, so it is ended; open "
            "another when there is more to send.",
        )


class RecordNotWrittenError(CallError):
    """The decision record of an answer could not be written, and without one no answer may leave."""

    reason = "RECORD_NOT_WRITTEN"

    def __init__(self) -> None:
        super().__init__(
            "The record of this answer could not be written, so that it is not given; try again, at another replica."
        )


# Each cause of a refused caller: what is wrong, and how to mend it. error_reason.proto lists them.
NOT_AUTHENTICATED: Mapping[str, str] = MappingProxyType(
    {
        "NO_CREDENTIALS": "No credentials came with the call; present a client certificate, or a token in the metadata "
        '"authorization: Bearer TOKEN", as the operator of the service says.',
        "NO_IDENTITY": "The client certificate names nobody; it needs a URI or DNS name as subject alternative name.",
        "CERTIFICATE_EXPIRED": "The client certificate has expired; present the one that replaces it.",
        "TOKEN_NOT_TAKEN": "This service takes no tokens; send no authorization metadata.",
        "TOKEN_REPEATED": "The authorization metadata came more than once; send it once.",
        "TOKEN_MALFORMED": 'The authorization metadata is not "Bearer TOKEN" with a signed JSON web token.',
        "TOKEN_TOO_LONG": "The token is longer than 3,072 characters; ask its issuer for one with fewer claims.",
        "TOKEN_ALGORITHM": "The token names an algorithm that is not taken for its key.",
        "TOKEN_KEY": "The token names no key, or one that is not known here.",
        "TOKEN_SIGNATURE": "The signature of the token is not that of its key.",
        "TOKEN_CLAIM": "The token lacks a claim; it needs exp, iss, aud, and sub of up to 200 characters.",
        "TOKEN_EXPIRED": "The token has expired; get a new one from its issuer.",
        "TOKEN_NOT_YET_VALID": "The token is not valid yet; compare the clocks.",
        "TOKEN_ISSUER": "The token was issued by another than is taken here.",
        "TOKEN_AUDIENCE": "The token is for another audience than this service.",
        # Of an EHR that calls a hook, over HTTP.
        "TOKEN_LIFETIME": "The token is valid for longer than 10 minutes; make a shorter one for each call.",
        "TOKEN_REPLAYED": "The token (its jti) was used before; make a new one for each call.",
    }
)
NOT_PERMITTED: Mapping[str, str] = MappingProxyType(
    {
        "CALLER_NOT_LISTED": "The caller is known, and is not among those that the operator has listed.",
        "METHOD_NOT_ALLOWED": "The caller may not use this method; the operator lists which it may.",
    }
)


class AccessError(CallError):
    """A caller that is not let in. `caller` is its name as far as it is known, for the log alone."""

    def __init__(self, cause: str, message: str, caller: str) -> None:
        self.cause = cause
        self.caller = caller
        super().__init__(message, {"cause": cause})


class UnauthenticatedError(AccessError):
    """Nobody can say who calls; `cause` is a key of NOT_AUTHENTICATED."""

    reason = "UNAUTHENTICATED"

    def __init__(self, cause: str, caller: str = "unknown") -> None:
        super().__init__(cause, NOT_AUTHENTICATED[cause], caller)


class PermissionDeniedError(AccessError):
    """The caller is known, and may not do this; `cause` is a key of NOT_PERMITTED."""

    reason = "PERMISSION_DENIED"

    def __init__(self, cause: str, caller: str) -> None:
        super().__init__(cause, NOT_PERMITTED[cause], caller)


class InternalError(CallError):
    """A defect of the service; the log repeats the id."""

    reason = "INTERNAL"

    def __init__(self, error_id: str) -> None:
        self.error_id = error_id
        super().__init__(f"A defect of the service; its log names it by error id {error_id}.", {"error_id": error_id})


def without_frames(error: ErrorT) -> ErrorT:
    """The error without the frames that it and those before it passed through, for whoever keeps it.

    They hold the call, and the call's own frames hold the error: gRPC's core would keep the call's stream open until
    Python looks for such circles, and refuse the connection's next calls for that.
    """
    before: list[BaseException | None] = [error]
    while before:
        if (each := before.pop()) is not None:
            before += each.__cause__, each.__context__
            each.__traceback__ = each.__context__ = each.__cause__ = None
    return error
