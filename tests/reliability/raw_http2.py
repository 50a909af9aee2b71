"""A peer that speaks HTTP/2 frame by frame, right or wrong, with nothing between it and the socket."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterable, Iterator
from types import TracebackType

from hpack import Decoder, Encoder
from hyperframe.exceptions import HyperframeError
from hyperframe.frame import DataFrame, Frame, HeadersFrame, PingFrame, SettingsFrame

from tests.reliability.messages import PATHS

MAGIC = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
PREFACE = MAGIC + SettingsFrame(0).serialize()
ACK = SettingsFrame(0, flags=["ACK"]).serialize()

Header = tuple[bytes, bytes]


def headers(path: str = PATHS["InterpretPanel"], *more: tuple[str, str], without: Iterable[str] = ()) -> list[Header]:
    """The headers of a gRPC request; `more` come behind, those `without` are left out."""
    usual = (
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "x"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    )
    left_out = set(without)
    return [(name.encode(), value.encode()) for name, value in (*usual, *more) if name not in left_out]


def block(fields: Iterable[Header]) -> bytes:
    """The fields in HPACK without the dynamic table: the same bytes on every stream, however many there are."""
    encoder = Encoder()
    encoder.header_table_size = 0
    # The first block would begin with the change of the table's size, which is none of the fields.
    encoder.encode([(b"x", b"x")])
    return bytes(encoder.encode([(name, value, True) for name, value in fields], huffman=False))


def raw(kind: int, flags: int, stream: int, payload: bytes, length: int | None = None) -> bytes:
    """Any frame, its length a lie where one is given."""
    size = len(payload) if length is None else length
    return struct.pack("!I", size)[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + payload


def message(body: bytes) -> bytes:
    """The body as gRPC sends it: not compressed, with its length."""
    return b"\0" + struct.pack("!I", len(body)) + body


def request(stream: int, fields: bytes, body: bytes) -> bytes:
    """A whole request on a stream."""
    head = HeadersFrame(stream, fields, flags=["END_HEADERS"]).serialize()
    return bytes(head + DataFrame(stream, message(body), flags=["END_STREAM"]).serialize())


class Peer:
    """A connection that was greeted and has read the server's settings, so that the server did answer."""

    def __init__(self, port: int, preface: bytes = PREFACE + ACK, seconds: float = 10.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self._rest = b""
        self._decoder = Decoder()
        if preface:
            self.socket.sendall(preface)
            first = next(self.frames(seconds), None)
            assert isinstance(first, SettingsFrame), "the server did not greet, so that nothing can be said of it"

    def __enter__(self) -> Peer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, content: bytes) -> bool:
        """Whether the server still took it all."""
        try:
            self.socket.sendall(content)
        except (ConnectionError, TimeoutError):
            return False
        return True

    def frames(self, seconds: float) -> Iterator[Frame]:
        """What comes until the server closes or the time is over."""
        end = time.monotonic() + seconds
        while True:
            while len(self._rest) >= 9:
                frame, length = Frame.parse_frame_header(memoryview(self._rest[:9]))
                if len(self._rest) < 9 + length:
                    break
                content, self._rest = self._rest[9 : 9 + length], self._rest[9 + length :]
                frame.parse_body(memoryview(content))
                yield frame
            if (left := end - time.monotonic()) <= 0:
                return
            self.socket.settimeout(left)
            try:
                more = self.socket.recv(65_536)
            except (TimeoutError, ConnectionError):
                return
            if not more:
                return
            self._rest += more

    def fields_of(self, frame: HeadersFrame) -> dict[str, str]:
        """The fields of a block that came; blocks must be read in the order in which they came."""
        decoded = self._decoder.decode(frame.data, raw=True)
        return {bytes(field[0]).decode(): bytes(field[1]).decode() for field in decoded}

    def status(self, stream: int, seconds: float = 10.0) -> str | None:
        """The grpc-status of a stream, or None where it was reset, or no end came in time."""
        for frame in self.frames(seconds):
            if isinstance(frame, HeadersFrame):
                fields = self.fields_of(frame)
                if frame.stream_id == stream and "grpc-status" in fields:
                    return fields["grpc-status"]
        return None

    def closed_after(self, seconds: float) -> float | None:
        """Seconds until the server closed the connection, or None when it did not."""
        begun = time.monotonic()
        self.socket.settimeout(seconds)
        try:
            while self.socket.recv(65_536):
                left = seconds - (time.monotonic() - begun)
                if left <= 0:
                    return None
                self.socket.settimeout(left)
        except TimeoutError:
            return None
        except ConnectionError:
            pass
        return time.monotonic() - begun

    def answers_ping(self, seconds: float = 5.0) -> bool:
        """Whether the connection is alive."""
        if not self.send(PingFrame(0, b"reliable").serialize()):
            return False
        try:
            return any(isinstance(frame, PingFrame) and "ACK" in frame.flags for frame in self.frames(seconds))
        except HyperframeError:
            return False
