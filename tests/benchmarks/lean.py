"""A caller that costs next to nothing: HTTP/2 frames on plain sockets, one thread, no gRPC on this side.

gRPC's Python client costs as much as a server that does nothing, so that with it both cores of a small machine measure
the caller. This one sends what was laid out before, looks for the status in what ends an answer, and counts. It reads
on behind each answer only, never decodes one, and keeps to the windows that the server gives.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType

from hpack import Decoder, Encoder

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _ACK, _END_HEADERS, _PADDED = 0x1, 0x1, 0x4, 0x8
_TABLE_SIZE, _INITIAL_WINDOW = 1, 4
_FRAME_BYTES, _WINDOW, _LARGEST = 16_384, 65_535, 2**31 - 1
_REPLENISH = 2**24
_OK = b"\x0bgrpc-status\x010"
_READ_BYTES = 262_144
# What the service lets one connection have under way (Settings.connection_calls).
MOST_IN_FLIGHT = 16
_SILENCE_SECONDS = 60.0


class LoadError(Exception):
    """The server refused a call, ended a connection, or was silent for too long."""


@dataclass(frozen=True)
class Load:
    """What a turn of calls took: how many answers, seconds from the first to the last, bytes of all answers."""

    calls: int
    seconds: float
    answer_bytes: int


@dataclass(frozen=True)
class Waited:
    """Seconds from the instant at which each call was due to its answer, and how many were never answered in time."""

    seconds: Sequence[float]
    late: int


class Connection:
    """A greeted connection on which calls of one method are made, several at once if wanted."""

    def __init__(self, port: int, method: str, tls: ssl.SSLContext | None = None) -> None:
        plain = socket.create_connection(("127.0.0.1", port), timeout=_SILENCE_SECONDS)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = plain if tls is None else tls.wrap_socket(plain, server_hostname="localhost")
        self._rest = bytearray()
        self._next = 1
        self._window = _WINDOW
        self._stream_window = _WINDOW
        self._unread = 0
        self._settled = False
        self._open: dict[int, bytearray] = {}
        self._finished: list[tuple[int, bytes]] = []
        scheme = "http" if tls is None else "https"
        fields = [
            (":method", "POST"),
            (":scheme", scheme),
            (":path", method),
            (":authority", "localhost"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        ]
        # The first block fills the server's table, and from the second on each field is one byte.
        encoder = Encoder()
        self._blocks = [bytes(encoder.encode(fields)), bytes(encoder.encode(fields))]
        settings = struct.pack("!HIHI", _TABLE_SIZE, 0, _INITIAL_WINDOW, _LARGEST)
        more = struct.pack("!I", _LARGEST - _WINDOW)
        self._socket.sendall(_PREFACE + _frame(_SETTINGS, 0, 0, settings) + _frame(_WINDOW_UPDATE, 0, 0, more))

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def close(self) -> None:
        """Ends it."""
        self._socket.close()

    def fileno(self) -> int:
        """The socket's, for a selector."""
        return self._socket.fileno()

    @property
    def in_flight(self) -> int:
        """How many calls are under way."""
        return len(self._open)

    def settle(self) -> None:
        """Returns when the server has taken the connection, so that what this cost is behind it."""
        self._socket.sendall(_frame(_PING, 0, 0, b"settling"))
        while not self._settled:
            self.read()

    def ask(self, body: bytes) -> bytes:
        """The answer to one call. Raises LoadError when it is not OK."""
        self.begin(body)
        while not self._finished:
            self.read()
        ((_, answer),) = self.finished()
        return answer

    def begin(self, body: bytes) -> int:
        """The stream of a call that was sent and whose answer `finished` gives later."""
        stream = self._open_stream()
        self._send(stream, message(body), _END_STREAM)
        return stream

    def exchange(self, bodies: Iterable[bytes], ahead: int) -> Iterator[bytes]:
        """The answers to the messages of one stream both ways, with so many messages sent ahead."""
        waiting = iter(bodies)
        stream = self._open_stream()
        opened = self._open[stream]
        under_way = 0
        for body in waiting:
            self._send(stream, message(body))
            under_way += 1
            if under_way == ahead:
                break
        while under_way:
            while (answer := _first_message(opened)) is None:
                if stream not in self._open:
                    raise LoadError("the stream ended before its last answer")
                self.read()
            yield answer
            under_way -= 1
            if (following := next(waiting, None)) is not None:
                self._send(stream, message(following))
                under_way += 1
        self._socket.sendall(_frame(_DATA, _END_STREAM, stream, b""))
        while stream in self._open:
            self.read()
        self._finished.clear()

    def finished(self) -> list[tuple[int, bytes]]:
        """Streams that ended since this was asked last, and their answers."""
        ended, self._finished = self._finished, []
        return ended

    def read(self) -> None:
        """Waits for bytes, and takes in whatever came. Raises LoadError when a call was refused."""
        try:
            more = self._socket.recv(_READ_BYTES)
            while more and isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
                more += self._socket.recv(_READ_BYTES)
        except TimeoutError:
            raise LoadError(f"the server was silent for {_SILENCE_SECONDS:.0f} s") from None
        if not more:
            raise LoadError("the server closed the connection")
        rest = self._rest
        rest += more
        place = 0
        while len(rest) - place >= 9:
            size = int.from_bytes(rest[place : place + 3], "big")
            end = place + 9 + size
            if len(rest) < end:
                break
            kind, flags = rest[place + 3], rest[place + 4]
            stream = int.from_bytes(rest[place + 5 : place + 9], "big") & _LARGEST
            self._take(kind, flags, stream, bytes(rest[place + 9 : end]))
            place = end
        del rest[:place]

    def _take(self, kind: int, flags: int, stream: int, content: bytes) -> None:
        if kind == _DATA:
            self._unread += len(content)
            if self._unread > _REPLENISH:
                self._socket.sendall(_frame(_WINDOW_UPDATE, 0, 0, struct.pack("!I", self._unread)))
                self._unread = 0
            self._open[stream] += content
        elif kind == _HEADERS:
            if flags & _END_STREAM:
                if _OK not in content:
                    raise LoadError(f"a call was refused: {_told(content)}")
                answer = self._open.pop(stream)
                self._finished.append((stream, bytes(answer[5:])))
        elif kind == _SETTINGS:
            if not flags & _ACK:
                self._obey(content)
                self._socket.sendall(_frame(_SETTINGS, _ACK, 0, b""))
        elif kind == _PING:
            if flags & _ACK:
                self._settled = True
            else:
                self._socket.sendall(_frame(_PING, _ACK, 0, content))
        elif kind == _WINDOW_UPDATE:
            if stream == 0:
                self._window += int.from_bytes(content, "big")
        elif kind == _RESET and stream in self._open:
            raise LoadError(f"a call was reset, code {int.from_bytes(content, 'big')}")
        elif kind == _GOAWAY:
            reason = content[8:].decode(errors="replace")
            raise LoadError(f"the server ended the connection, code {int.from_bytes(content[4:8], 'big')}: {reason}")

    def _obey(self, settings: bytes) -> None:
        for name, value in struct.iter_unpack("!HI", settings):
            if name == _INITIAL_WINDOW:
                self._stream_window = value

    def _open_stream(self) -> int:
        stream = self._next
        self._next += 2
        self._open[stream] = bytearray()
        block = self._blocks[stream > 1]
        self._socket.sendall(_frame(_HEADERS, _END_HEADERS, stream, block))
        return stream

    def _send(self, stream: int, content: bytes, end: int = 0) -> None:
        # Of a stream whose other messages were answered the window is open again.
        if len(content) > self._stream_window:
            raise LoadError(f"a message of {len(content)} bytes is larger than the window of a stream")
        while self._window < len(content):
            self.read()
        self._window -= len(content)
        frames = bytearray()
        for begin in range(0, len(content), _FRAME_BYTES):
            part = content[begin : begin + _FRAME_BYTES]
            last = begin + _FRAME_BYTES >= len(content)
            frames += _frame(_DATA, end if last else 0, stream, part)
        self._socket.sendall(frames)


def message(body: bytes) -> bytes:
    """The body as gRPC frames it: not compressed, with its length."""
    return b"\0" + struct.pack("!I", len(body)) + body


def _frame(kind: int, flags: int, stream: int, content: bytes) -> bytes:
    return struct.pack("!I", len(content))[1:] + bytes((kind, flags)) + struct.pack("!I", stream) + content


def _first_message(received: bytearray) -> bytes | None:
    """The first whole message, which is taken away; None while it is not whole."""
    if len(received) < 5:
        return None
    end = 5 + int.from_bytes(received[1:5], "big")
    if len(received) < end:
        return None
    found = bytes(received[5:end])
    del received[:end]
    return found


def _told(block: bytes) -> str:
    """Status and message of an answer that is not OK."""
    decoder = Decoder()
    fields = {str(name): str(value) for name, value in decoder.decode(block)}
    return f"status {fields.get('grpc-status', 'none')} {fields.get('grpc-message', '')}".strip()


# ------------------------------------------------------------------------------------------------- loads


def closed_loop(connections: Sequence[Connection], bodies: Iterable[bytes], in_flight: int) -> Load:
    """Makes all calls, `in_flight` at any time, spread evenly: each answer is followed by the next call."""
    waiting = iter(bodies)
    each = -(-in_flight // len(connections))
    if each > MOST_IN_FLIGHT:
        raise ValueError(f"{in_flight} calls in flight need more than {len(connections)} connections")
    calls = answer_bytes = 0
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection, selectors.EVENT_READ)
        begun = time.perf_counter()
        started = 0
        for connection in [*connections] * each:
            if started < in_flight and (body := next(waiting, None)) is not None:
                connection.begin(body)
                started += 1
        while any(connection.in_flight for connection in connections):
            for connection in _readable(selector):
                connection.read()
                for _, answer in connection.finished():
                    calls += 1
                    answer_bytes += len(answer)
                    if (body := next(waiting, None)) is not None:
                        connection.begin(body)
        return Load(calls, time.perf_counter() - begun, answer_bytes)


def open_loop(connections: Sequence[Connection], bodies: Iterable[bytes], due: Sequence[float]) -> Waited:
    """Makes a call at each instant of `due` (seconds from the beginning), whether others are answered or not.

    The time of a call runs from its instant, also where it could only be sent later. A server that answers more slowly
    than it is asked ends the turn: after three times its length what is left counts as late.
    """
    waiting = iter(bodies)
    begun_at: dict[tuple[int, int], float] = {}
    seconds: list[float] = []
    at = 0
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection, selectors.EVENT_READ)
        begun = time.perf_counter()
        over = begun + 3 * due[-1] + 1.0
        while len(seconds) < len(due) and (now := time.perf_counter()) < over:
            while at < len(due) and due[at] <= now - begun:
                free = min(connections, key=lambda connection: connection.in_flight)
                if free.in_flight >= MOST_IN_FLIGHT:
                    break
                begun_at[id(free), free.begin(next(waiting))] = begun + due[at]
                at += 1
            left = max(0.0, begun + due[at] - time.perf_counter()) if at < len(due) else 0.05
            for key, _ in selector.select(min(left, 0.05)):
                answered = key.fileobj
                assert isinstance(answered, Connection)
                answered.read()
                ended = time.perf_counter()
                seconds += [ended - begun_at.pop((id(answered), stream)) for stream, _ in answered.finished()]
    return Waited(seconds, len(due) - len(seconds))


def _readable(selector: selectors.BaseSelector) -> list[Connection]:
    found = selector.select(_SILENCE_SECONDS)
    if not found:
        raise LoadError(f"the server was silent for {_SILENCE_SECONDS:.0f} s")
    return [key.fileobj for key, _ in found if isinstance(key.fileobj, Connection)]
