"""All that is kept of calls, behind what `server/calls.py` says of each: it began, it was answered, it ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from labgloss.errors import AccessError, CallError, RecordNotWrittenError
from labgloss.evidence.call import Call, Decision, Method
from labgloss.evidence.records import Records

# Callers who were not let in stand in the log: whoever has no rights must not be able to fill the disk of records.
_UNRECORDED = (RecordNotWrittenError, AccessError)


class Watcher(Protocol):
    """Is told of every call, and neither changes nor ends it."""

    def serves(self, method: Method) -> None:
        """There will be calls of a method."""

    def begun(self, call: Call) -> None:
        """A call came."""

    def received(self, call: Call) -> None:
        """A message of a call came."""

    def answered(self, call: Call, decisions: tuple[Decision, ...], refused: CallError | None) -> None:
        """A message is answered; `refused`: as a whole, while its stream goes on."""

    def ended(self, call: Call, status: str, error: CallError | None) -> None:
        """A call ends with the name of a gRPC code; `error` when it is refused."""

    def unread(self, method: Method, error: CallError, count: int) -> None:
        """So many calls ended before their message was read, and so without any of the above."""

    def unknown(self) -> None:
        """A call came of a method that there is not."""

    def unrecorded(self) -> None:
        """A record could not be written."""

    def close(self) -> None:
        """Nothing more comes."""


class Evidence:
    """What is kept of calls: records when `records` is given, and what the watchers make of them.

    `required`: no answer leaves without its record. `traced`: a watcher asks for the traceparent of a call.
    """

    def __init__(
        self,
        log: FilteringBoundLogger,
        records: Records | None = None,
        required: bool = True,
        watchers: tuple[Watcher, ...] = (),
        traced: bool = False,
    ) -> None:
        self.traced = traced
        self._log = log
        self._records = records
        self._required = required
        self._watchers = watchers

    def serves(self, method: Method) -> None:
        """There will be calls of a method."""
        self._tell(lambda watcher: watcher.serves(method))

    def begun(self, call: Call) -> None:
        """A call came."""
        self._tell(lambda watcher: watcher.begun(call))

    def received(self, call: Call) -> None:
        """A message of a call came."""
        self._tell(lambda watcher: watcher.received(call))

    def answered(
        self, call: Call, message: bytes, decisions: tuple[Decision, ...], refused: CallError | None = None
    ) -> None:
        """Before an answer leaves. Raises RecordNotWrittenError when it must not, for want of its record."""
        if self._records is not None and (decisions or refused):
            try:
                if refused is None:
                    call.record = self._records.decided(call, decisions)
                else:
                    call.record = self._records.refused(call, refused, message)
            except OSError as error:
                self._not_written(error)
                if self._required:
                    raise RecordNotWrittenError from None
        self._tell(lambda watcher: watcher.answered(call, decisions, refused))

    def ended(self, call: Call, status: str, error: CallError | None = None, message: bytes | None = None) -> None:
        """Before the status of a call leaves. `error`: the call is refused; `message`: what was refused with it."""
        if self._records is not None and error is not None and not isinstance(error, _UNRECORDED):
            # It is refused already: there is no answer to hold back.
            try:
                call.record = self._records.refused(call, error, message)
            except Exception as failure:  # noqa: BLE001 - nothing catches what leaves here
                self._not_written(failure)
        self._tell(lambda watcher: watcher.ended(call, status, error))

    def unread(self, method: Method, error: CallError, count: int) -> None:
        """So many calls ended, refused or too late, before their message was read."""
        self._tell(lambda watcher: watcher.unread(method, error, count))

    def unknown(self) -> None:
        """A call came of a method that there is not."""
        self._tell(lambda watcher: watcher.unknown())

    def close(self) -> None:
        """Ends what is kept, once no more calls come."""
        if self._records is not None:
            self._records.close()
        self._tell(lambda watcher: watcher.close())

    def _not_written(self, error: Exception) -> None:
        self._log.error("record_not_written", error_type=type(error).__name__)
        self._tell(lambda watcher: watcher.unrecorded())

    def _tell(self, what: Callable[[Watcher], None]) -> None:
        for watcher in self._watchers:
            try:
                what(watcher)
            except Exception as error:  # noqa: BLE001 - a figure or span that fails must not cost an answer
                self._log.error("defect", error_type=type(error).__name__)
