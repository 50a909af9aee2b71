"""The frames of MLLP: VT, a message, FS CR. What is no frame comes out too, so that it can be answered."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum

VT, FS, CR = b"\x0b", b"\x1c", b"\r"
_BLANKS = b" \t\r\n\0"
_MSH = b"MSH"
# What may stand outside a frame before it is answered, and how long it may go on without becoming one.
_STRAY_BYTES = 4_096
_SETTLE_S = 1.0
_CHUNK = 65_536
# Of a message that is too large only its head is kept, to answer it by its control id.
_HEAD_BYTES = 4_096


class Kind(Enum):
    """What came."""

    MESSAGE = "message"
    # Bytes outside any frame.
    STRAY = "stray"
    TOO_LARGE = "too_large"
    # A frame that did not end: the sender closed the connection, or stopped in the middle of it.
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class Frame:
    """What came, and its content without the framing."""

    kind: Kind
    content: bytes


def framed(content: bytes) -> bytes:
    """A message as it goes over the wire."""
    return b"".join((VT, content, FS, CR))


class Frames:
    """Reads frames from one connection.

    Args:
        most_bytes: of a message.
        idle_s: for which a connection may say nothing between frames.
        message_s: for which a frame may take from its first byte to its last.
    """

    def __init__(self, reader: asyncio.StreamReader, most_bytes: int, idle_s: float, message_s: float) -> None:
        self._reader = reader
        self._most_bytes = most_bytes
        self._idle_s = idle_s
        self._message_s = message_s
        self._buffer = bytearray()
        self._ended = False

    async def next(self) -> Frame | None:
        """The next frame; None when the connection is over, or was silent for too long."""
        try:
            async with asyncio.timeout(self._idle_s):
                stray = await self._until_start()
        except TimeoutError:
            return None
        if stray is not None:
            return stray
        if self._ended and not self._buffer:
            return None
        try:
            async with asyncio.timeout(self._message_s):
                return await self._message()
        except TimeoutError:
            self._ended = True
            return self._incomplete()

    async def _until_start(self) -> Frame | None:
        """Reads until a frame begins, or the connection ends; what stands before it, where that is no blank."""
        while True:
            blanks = len(self._buffer) - len(self._buffer.lstrip(_BLANKS))
            del self._buffer[:blanks]
            start = self._buffer.find(VT)
            if start == 0:
                return None
            end = self._buffer.find(FS)
            if start > 0 or end >= 0 or len(self._buffer) > _STRAY_BYTES:
                whole = len(self._buffer) if start < 0 else start
                return self._stray(min(whole, end + 1) if end >= 0 else whole)
            if self._ended:
                return self._stray(len(self._buffer)) if self._buffer else None
            if self._buffer and not await self._more_soon():
                return self._stray(len(self._buffer))
            if not self._buffer:
                await self._read()

    async def _message(self) -> Frame:
        """The frame that the buffer begins with."""
        # Where what was not looked at yet begins: bytes that come one by one are not looked at again and again.
        from_ = 1
        while True:
            from_ = self._begin_anew(from_)
            end = self._buffer.find(FS, from_)
            if end < 0:
                if len(self._buffer) > self._most_bytes + 1:
                    return await self._too_large()
                if self._ended:
                    return self._incomplete()
                from_ = max(1, len(self._buffer) - 1)
                await self._read()
                continue
            if end - 1 > self._most_bytes:
                return await self._too_large()
            if await self._ends(end):
                content = bytes(self._buffer[1:end])
                del self._buffer[: end + 1]
                return Frame(Kind.MESSAGE, content)
            # A byte of a text that happens to be FS.
            from_ = end + 1

    def _begin_anew(self, from_: int) -> int:
        """Drops a frame that was given up: its sender has begun another, which an unanswered one is sent again as.

        Where to look on.
        """
        # Its beginning may have come in pieces.
        at = self._buffer.rfind(VT + _MSH, max(from_ - len(_MSH), 1))
        if at < 0 or self._buffer.find(FS, 1, at) >= 0:
            return from_
        del self._buffer[:at]
        return 1

    async def _ends(self, at: int) -> bool:
        """Whether FS at a position ends the frame: CR follows it, or another frame, or nothing for a while."""
        while len(self._buffer) == at + 1:
            if self._ended or not await self._more_soon():
                return True
        return self._buffer[at + 1 : at + 2] in (CR, b"\n", VT)

    async def _too_large(self) -> Frame:
        """Skips the rest of a frame, however long, and keeps its head."""
        head = self._head()
        while (end := self._buffer.find(FS + CR)) < 0:
            # The last byte may be the FS whose CR is to come.
            del self._buffer[:-1]
            if self._ended:
                break
            await self._read()
        del self._buffer[: end + 2 if end >= 0 else len(self._buffer)]
        return Frame(Kind.TOO_LARGE, head)

    def _incomplete(self) -> Frame:
        head = self._head()
        self._buffer.clear()
        return Frame(Kind.INCOMPLETE, head)

    def _head(self) -> bytes:
        return bytes(self._buffer[1 : 1 + _HEAD_BYTES]).partition(FS)[0]

    def _stray(self, length: int) -> Frame:
        content = bytes(self._buffer[:length])
        del self._buffer[:length]
        return Frame(Kind.STRAY, content)

    async def _more_soon(self) -> bool:
        """Whether something more came within a moment."""
        try:
            async with asyncio.timeout(_SETTLE_S):
                await self._read()
        except TimeoutError:
            return False
        return True

    async def _read(self) -> None:
        try:
            chunk = await self._reader.read(_CHUNK)
        except (ConnectionError, OSError):
            chunk = b""
        self._ended = self._ended or not chunk
        self._buffer += chunk
