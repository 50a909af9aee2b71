"""Answers sent on, in the order in which they were kept, each until its receiver has accepted it."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from typing import TypeVar

from structlog.typing import FilteringBoundLogger

from labgloss.hl7.faults import MessageError
from labgloss.hl7.message import parse
from labgloss.mllp.framing import Frames, Kind, framed
from labgloss.mllp.spool import Spool, SpoolError, Waiting

_T = TypeVar("_T")
_CONNECT_S = 10.0
# For the receiver to acknowledge one answer.
_ACKNOWLEDGE_S = 30.0
_ACKNOWLEDGEMENT_BYTES = 1_048_576
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
_ACCEPTED, _REFUSED = frozenset({"AA", "CA"}), frozenset({"AE", "CE"})


class _NotTakenError(Exception):
    """The receiver did not take an answer, for now; its text says why, without any of it."""


class Sender:
    """Sends what waits in the spool; woken by `more`."""

    def __init__(
        self,
        receiver: tuple[str, int],
        context: ssl.SSLContext | None,
        spool: Spool,
        disk: Executor,
        log: FilteringBoundLogger,
    ) -> None:
        self._receiver = receiver
        self._context = context
        self._spool = spool
        self._disk = disk
        self._log = log
        self._awake = asyncio.Event()
        self._idle = asyncio.Event()
        self._frames: Frames | None = None
        self._writer: asyncio.StreamWriter | None = None

    def more(self) -> None:
        """There is something to send."""
        self._idle.clear()
        self._awake.set()

    async def all_sent(self) -> None:
        """Returns when nothing waits."""
        await self._idle.wait()

    async def run(self) -> None:
        """Sends, for as long as it is not cancelled."""
        pause_s, said = _FIRST_PAUSE_S, ""
        try:
            while True:
                self._awake.clear()
                try:
                    sent = await self._send_waiting()
                except (_NotTakenError, SpoolError, OSError, TimeoutError) as error:
                    self._disconnect()
                    why = str(error) if isinstance(error, _NotTakenError) else type(error).__name__
                    # Once for as long as it stays the same.
                    if why != said:
                        self._log.error("not_sent", cause=why)
                    said = why
                    await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
                    pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                    continue
                if sent and said:
                    self._log.info("sent", records=sent)
                if sent:
                    pause_s, said = _FIRST_PAUSE_S, ""
                if not self._awake.is_set():
                    self._idle.set()
                    await self._awake.wait()
        finally:
            self._disconnect()

    async def _send_waiting(self) -> int:
        """How many answers were sent until none waited."""
        sent = 0
        while (waiting := await self._on_disk(self._spool.next_waiting)) is not None:
            code = await self._send(waiting)
            if code in _ACCEPTED:
                await self._on_disk(self._spool.sent, waiting.number)
            elif code in _REFUSED:
                # Sent again it would be refused again, and what is behind it must not wait for that.
                await self._on_disk(self._spool.refuse, waiting.number)
                self._log.error("answer_refused", record=waiting.number, status=code)
            else:
                raise _NotTakenError("rejected" if code else "no_acknowledgement")
            sent += 1
        return sent

    async def _send(self, waiting: Waiting) -> str:
        """MSA-1 of the receiver's acknowledgement; empty for what acknowledges something else, or nothing."""
        frames, writer = await self._connected()
        writer.write(framed(waiting.content))
        async with asyncio.timeout(_ACKNOWLEDGE_S):
            await writer.drain()
            frame = await frames.next()
        if frame is None or frame.kind is not Kind.MESSAGE:
            return ""
        try:
            answer, asked = parse(frame.content), parse(waiting.content)
        except MessageError:
            return ""
        acknowledgement = next((segment for segment in answer.segments if segment.name == "MSA"), None)
        if acknowledgement is None or acknowledgement.text(2).strip() != asked.control_id:
            return ""
        return acknowledgement.code(1).upper()

    async def _connected(self) -> tuple[Frames, asyncio.StreamWriter]:
        if self._frames is None or self._writer is None or self._writer.is_closing():
            self._disconnect()
            host, port = self._receiver
            async with asyncio.timeout(_CONNECT_S):
                reader, self._writer = await asyncio.open_connection(
                    host, port, ssl=self._context, server_hostname=host if self._context else None
                )
            self._frames = Frames(reader, _ACKNOWLEDGEMENT_BYTES, _ACKNOWLEDGE_S, _ACKNOWLEDGE_S)
        return self._frames, self._writer

    def _disconnect(self) -> None:
        if self._writer is not None:
            with suppress(OSError):
                self._writer.transport.abort()
        self._frames = self._writer = None

    async def _on_disk(self, function: Callable[..., _T], *values: object) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._disk, function, *values)
