"""Connections of senders: one frame after the other, each answered before the next is read."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import time

from structlog.typing import FilteringBoundLogger

from labgloss.hl7.acknowledgement import REJECTED
from labgloss.mllp.exchanges import Exchanges, Replied
from labgloss.mllp.framing import Frame, Frames, Kind, framed
from labgloss.mllp.settings import MllpSettings

_HANDSHAKE_S = 5.0
# For a sender to read a reply.
_WRITE_S = 30.0


class Listener:
    """Takes connections and answers their frames until it is told to stop."""

    def __init__(self, settings: MllpSettings, exchanges: Exchanges, log: FilteringBoundLogger) -> None:
        self._settings = settings
        self._exchanges = exchanges
        self._log = log
        self._connections: set[asyncio.Task[None]] = set()
        self._under_way: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._stopping = False

    async def start(self, end: socket.socket, context: ssl.SSLContext | None) -> None:
        """Listens at a socket."""
        self._server = await asyncio.start_server(
            self._serve, sock=end, ssl=context, ssl_handshake_timeout=None if context is None else _HANDSHAKE_S
        )

    def stop_taking(self) -> None:
        """Takes no more connections and no more messages; what is under way goes on."""
        self._stopping = True
        if self._server is not None:
            self._server.close()
        for task in self._connections - self._under_way:
            task.cancel()

    async def ended(self, seconds: float) -> None:
        """Returns when every connection has ended; what has not by then is cut off."""
        if self._connections:
            await asyncio.wait(self._connections, timeout=seconds)
        left = list(self._connections)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if self._stopping or len(self._connections) >= self._settings.connections:
            self._log.warning("refused", cause="too_many_connections", transport=self._settings.transport)
            writer.transport.abort()
            return
        self._connections.add(task)
        try:
            await self._frames(task, reader, writer)
        except (asyncio.CancelledError, ConnectionError, TimeoutError, OSError):
            # Of the sender or of our end: what was acknowledged is kept, the rest is sent again.
            pass
        finally:
            self._connections.discard(task)
            self._under_way.discard(task)
            writer.transport.abort() if self._stopping else writer.close()

    async def _frames(
        self, task: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        settings = self._settings
        frames = Frames(reader, settings.message_bytes, settings.idle_seconds, settings.message_seconds)
        while not self._stopping:
            frame = await frames.next()
            if frame is None:
                return
            self._under_way.add(task)
            begun = time.monotonic()
            replied = await self._reply(frame)
            writer.write(framed(replied.content))
            async with asyncio.timeout(_WRITE_S):
                await writer.drain()
            self._note(frame, replied, begun)
            self._under_way.discard(task)
            if frame.kind is Kind.INCOMPLETE:
                return

    async def _reply(self, frame: Frame) -> Replied:
        try:
            return await self._exchanges.reply(frame)
        except Exception as error:  # noqa: BLE001 - a defect of ours must not take the connection, nor its text leave
            error_id = os.urandom(8).hex()
            self._log.error("defect", error_id=error_id, error_type=type(error).__name__)
            return self._exchanges.failed(frame.content, error_id)

    def _note(self, frame: Frame, replied: Replied, begun: float) -> None:
        note = self._log.warning if replied.code == REJECTED else self._log.info
        note(
            "message",
            status=replied.code,
            reason=replied.reason,
            panels=replied.panels,
            request_bytes=len(frame.content),
            response_bytes=len(replied.content),
            duration_ms=round((time.monotonic() - begun) * 1_000, 1),
        )
