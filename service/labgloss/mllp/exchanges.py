"""One frame to its reply: read, asked about, kept on disk, acknowledged."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import TypeVar

from labgloss.hl7 import acknowledgement
from labgloss.hl7.acknowledgement import Stamp
from labgloss.hl7.answer import Answered
from labgloss.hl7.exchange import Exchange, Violation, faults_of, opened, unavailable
from labgloss.hl7.faults import Fault, MessageError, Table0357
from labgloss.hl7.message import Message
from labgloss.mllp.framing import Frame, Kind
from labgloss.mllp.spool import Key, Spool, SpoolError
from labgloss.v1.panel_pb2 import Panel
from labgloss.v1.report_pb2 import Report
from labgloss_client import AsyncClient, InvalidRequest, LabglossError, MessageTooLarge, PanelFailure

_T = TypeVar("_T")
# Below what a call about one panel may hold (64 KiB); a batch holds sixteen times as much.
_UNARY_BYTES = 60_000
# A control id of ours: letters that say whose it is, and of a digest as many as older versions hold (20).
_PREFIX, _DIGITS = "LG", 18
_SEND_AGAIN = "nothing is wrong with the message; send it again later"
_KINDS = {
    Kind.STRAY: Fault(None, Table0357.SEGMENT_SEQUENCE, "what came is no MLLP frame: VT, the message, FS CR"),
    Kind.TOO_LARGE: Fault(None, Table0357.DATA_TYPE, "the message is larger than is taken here"),
    Kind.INCOMPLETE: Fault(None, Table0357.SEGMENT_SEQUENCE, "the message did not end; send it whole"),
}


@dataclass(frozen=True, slots=True)
class Replied:
    """What goes back, and what the log may hold of it: code of MSA-1, why, how many panels."""

    content: bytes
    code: str
    reason: str = ""
    panels: int = 0


@dataclass(frozen=True, slots=True)
class Exchanges:
    """Replies to frames. `onward`: answers go another way, and the reply acknowledges alone."""

    client: AsyncClient
    spool: Spool
    # Of the one thread that uses the spool.
    disk: Executor
    onward: bool
    character_set: str
    zone: tzinfo | None
    timeout_s: float
    most_waiting: int
    # Told of each answer that was kept.
    kept: Callable[[], None]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def reply(self, frame: Frame) -> Replied:
        """The reply to a frame; never raises for what is in it, nor for the service or the disk."""
        content = frame.content
        if frame.kind is not Kind.MESSAGE:
            return self._refused(content, MessageError((_KINDS[frame.kind],)), frame.kind.value)
        try:
            exchange = await asyncio.to_thread(opened, content, self.character_set, self.zone)
            key = _key(exchange.message)
        except MessageError as error:
            return self._refused(content, error, "not_taken")
        stamp = Stamp(self._time(), _control_id(key))
        try:
            if (known := await self._on_disk(self.spool.reply_to, key)) is not None:
                return Replied(known, acknowledgement.ACCEPTED, "duplicate")
            if not exchange.patients:
                return Replied(exchange.accept(stamp), acknowledgement.ACCEPTED, "no_result")
            if self.onward and await self._on_disk(self.spool.waiting) >= self.most_waiting:
                return _rejected(exchange, stamp, unavailable(f"too many answers wait; {_SEND_AGAIN}"), "spool_full")
            return await self._interpreted(exchange, key, stamp)
        except SpoolError:
            return _rejected(exchange, stamp, unavailable(f"no answer can be kept; {_SEND_AGAIN}"), "spool_failed")

    async def _interpreted(self, exchange: Exchange, key: Key, stamp: Stamp) -> Replied:
        """The reply with the reports, once they are on disk; why there is none, where no patient has one."""
        answered: list[Answered] = []
        faults: list[Fault] = []
        for patient in exchange.patients:
            try:
                answered.append(Answered(patient, await self._report(patient.panel)))
            except InvalidRequest as error:
                found = faults_of(patient, [Violation(one.field, one.description) for one in error.violations])
                found = found or (Fault(None, Table0357.DATA_TYPE, error.message),)
                faults += found
                answered.append(Answered(patient, None, tuple(map(str, found))))
            except MessageTooLarge:
                fault = Fault(None, Table0357.DATA_TYPE, "one patient has more results or texts than are taken at once")
                faults.append(fault)
                answered.append(Answered(patient, None, (str(fault),)))
            except LabglossError as error:
                # For one patient or for all: a message is answered whole, or sent again.
                reason = error.reason.lower() or type(error).__name__.lower()
                fault = unavailable(f"the service gives no report just now; {_SEND_AGAIN}")
                return _rejected(exchange, stamp, fault, reason)
        if all(one.report is None for one in answered):
            content = exchange.reject(stamp, faults)
            return Replied(content, acknowledgement.code_of(faults), "invalid_fields", len(answered))
        answer = exchange.answer(answered, stamp, acknowledging=not self.onward)
        reply = exchange.accept(stamp) if self.onward else answer
        kept = await self._on_disk(self.spool.keep, key, reply, answer if self.onward else None)
        self.kept()
        return Replied(kept, acknowledgement.ACCEPTED, "", len(answered))

    def failed(self, content: bytes, error_id: str) -> Replied:
        """The reply to a frame on which something of ours failed."""
        fault = unavailable(f"something failed here that is no fault of the message; error {error_id}")
        return self._refused(content, MessageError((fault,)), "defect")

    async def _report(self, panel: Panel) -> Report:
        sent = Panel()
        sent.CopyFrom(panel)
        # The trace is for whoever asks why; no answer holds it.
        sent.options.trace = False
        if sent.ByteSize() <= _UNARY_BYTES:
            return await self.client.interpret(sent, timeout_s=self.timeout_s)
        (outcome,) = await self.client.interpret_batch([sent], timeout_s=self.timeout_s)
        if isinstance(outcome, PanelFailure):
            raise outcome.error
        return outcome

    def _refused(self, content: bytes, error: MessageError, reason: str) -> Replied:
        stamp = Stamp(self._time(), _PREFIX + hashlib.sha256(content).hexdigest()[:_DIGITS].upper())
        refusal = acknowledgement.refuse(content, stamp, error, self.character_set)
        return Replied(refusal.content, refusal.code, reason)

    def _time(self) -> str:
        return f"{self.now():%Y%m%d%H%M%S}+0000"

    async def _on_disk(self, function: Callable[..., _T], *values: object) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self.disk, function, *values)


def _rejected(exchange: Exchange, stamp: Stamp, fault: Fault, reason: str) -> Replied:
    return Replied(exchange.reject(stamp, [fault]), acknowledgement.code_of([fault]), reason)


def _key(message: Message) -> Key:
    """By what the message is known again. Raises MessageError when it has no control id, to be acknowledged by."""
    header = message.header
    if not message.control_id:
        missing = Fault(header.place(10), Table0357.REQUIRED_MISSING, "is empty; an acknowledgement could not name it")
        raise MessageError((missing,))
    # A message that is sent again may carry another time (MSH-7); everything else of it is the same.
    fields = [field for number, field in enumerate(header.fields, 1) if number != 7]
    segments = ["|".join(fields), *(segment.written for segment in message.segments[1:])]
    digest = hashlib.sha256("\r".join(segments).encode("utf-8", "surrogatepass")).digest()
    return Key("|".join((header.raw(3), header.raw(4))), message.control_id, digest)


def _control_id(key: Key) -> str:
    """The control id of our answer: the same whenever the same message is answered."""
    named = "\n".join((key.sender, key.control_id)).encode() + key.digest
    return _PREFIX + hashlib.sha256(named).hexdigest()[:_DIGITS].upper()
