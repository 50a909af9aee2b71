"""HTTP/2 as it must not be: single cases by the section of RFC 9113 (9.x: gRPC), after a greeting that was right.

`CASES` are the bytes that follow the greeting. `FORMS` are connections that do not even greet.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from itertools import product
from types import MappingProxyType

from tests.reliability.bystander import CHEAP
from tests.reliability.raw_http2 import MAGIC, PREFACE, block, headers, message, raw, request

DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, END_HEADERS, PADDED, PRIORITISED, ACK = 0x1, 0x4, 0x8, 0x20, 0x1
MOST = 2**31 - 1

FIELDS = block(headers())
OPEN = raw(HEADERS, END_HEADERS, 1, FIELDS)
DONE = raw(HEADERS, END_HEADERS | END_STREAM, 1, FIELDS)


def u16(number: int) -> bytes:
    return struct.pack("!H", number)


def u32(number: int) -> bytes:
    return struct.pack("!I", number)


def setting(name: int, value: int) -> bytes:
    return raw(SETTINGS, 0, 0, u16(name) + u32(value))


def sent(*more: tuple[str, str], without: tuple[str, ...] = (), body: bytes | None = None) -> bytes:
    """A request whose headers are changed, or whose DATA is this."""
    fields = block(headers(without=without) + [(name.encode(), value.encode()) for name, value in more])
    data = message(CHEAP) if body is None else body
    return raw(HEADERS, END_HEADERS, 1, fields) + raw(DATA, END_STREAM, 1, data)


def _framing() -> Iterator[tuple[str, bytes]]:
    yield "4.1 a frame of an unknown type", raw(0xFA, 0xFF, 0, b"unknown")
    yield "4.1 a PING with every flag", raw(PING, 0xFE, 0, bytes(8))
    yield "4.1 the reserved bit of the stream id", raw(PING, 0, 0x8000_0000, bytes(8))
    yield "4.2 DATA beyond the largest frame", OPEN + raw(DATA, END_STREAM, 1, bytes(4_300_000))
    yield "4.2 HEADERS beyond the largest frame", raw(HEADERS, END_HEADERS, 1, bytes(65_000))
    yield "4.2 SETTINGS beyond the largest frame", raw(SETTINGS, 0, 0, (u16(0xF0) + bytes(4)) * 11_000)
    yield "4.2 a frame that says it has 16 MiB", raw(DATA, 0, 1, b"x", length=0xFF_FFFF)
    yield "4.3 an index of zero", raw(HEADERS, 5, 1, b"\x80")
    yield "4.3 an index beyond the tables", raw(HEADERS, 5, 1, b"\xff\xff\xff\xff\x0f")
    yield "4.3 an index without end", raw(HEADERS, 5, 1, b"\xff" * 60)
    yield "4.3 a block that is cut off", raw(HEADERS, 5, 1, FIELDS[:-3])
    yield "4.3 a text longer than its block", raw(HEADERS, 5, 1, b"\x00\x7f\xff\xff\xff\x07x")
    yield "4.3 a table larger than allowed", raw(HEADERS, 5, 1, b"\x3f\xe1\xff\xff\x07" + FIELDS)
    yield "4.3 a change of the table's size within a block", raw(HEADERS, 5, 1, FIELDS + b"\x20")
    yield "4.3 Huffman's end of string", raw(HEADERS, 5, 1, b"\x00\x84\xff\xff\xff\xff\x01x")
    yield "4.3 Huffman padded with zeros", raw(HEADERS, 5, 1, b"\x00\x81\x00\x01x")


def _states() -> Iterator[tuple[str, bytes]]:
    yield "5.1 DATA on an idle stream", raw(DATA, END_STREAM, 1, b"x")
    yield "5.1 RST_STREAM on an idle stream", raw(RST, 0, 1, u32(8))
    yield "5.1 WINDOW_UPDATE on an idle stream", raw(WINDOW, 0, 1, u32(100))
    yield "5.1 CONTINUATION on an idle stream", raw(CONTINUATION, END_HEADERS, 1, FIELDS)
    yield "5.1 DATA on a half-closed stream", DONE + raw(DATA, END_STREAM, 1, b"x")
    yield "5.1 HEADERS on a half-closed stream", DONE + DONE
    yield "5.1 CONTINUATION on a half-closed stream", DONE + raw(CONTINUATION, END_HEADERS, 1, FIELDS)
    yield "5.1 DATA on a stream that was reset", OPEN + raw(RST, 0, 1, u32(8)) + raw(DATA, END_STREAM, 1, b"x")
    yield "5.1 HEADERS on a stream that was reset", OPEN + raw(RST, 0, 1, u32(8)) + DONE
    yield "5.1.1 a stream of the server's", raw(HEADERS, 5, 2, FIELDS)
    yield "5.1.1 a stream older than the last", raw(HEADERS, 5, 5, FIELDS) + raw(HEADERS, 5, 3, FIELDS)
    yield "5.1.1 the last stream there can be", raw(HEADERS, 5, MOST, FIELDS) + raw(HEADERS, 5, 1, FIELDS)
    yield "5.1.2 more streams than allowed", b"".join(raw(HEADERS, 4, 2 * n + 1, FIELDS) for n in range(300))
    yield "5.3 a stream that waits for itself", raw(HEADERS, 0x25, 1, u32(1) + b"\xff" + FIELDS)
    yield "5.3 PRIORITY of a stream for itself", raw(PRIORITY, 0, 1, u32(1) + b"\xff")
    yield "5.4 a GOAWAY and then a request", raw(GOAWAY, 0, 0, u32(0) + u32(0)) + request(1, FIELDS, CHEAP)


def _kinds() -> Iterator[tuple[str, bytes]]:
    yield "6.1 DATA on stream 0", raw(DATA, 0, 0, b"x")
    yield "6.1 DATA with more padding than bytes", OPEN + raw(DATA, PADDED | END_STREAM, 1, b"\xff" + bytes(10))
    yield "6.1 DATA, padded, empty", OPEN + raw(DATA, PADDED | END_STREAM, 1, b"")
    yield "6.2 HEADERS on stream 0", raw(HEADERS, 5, 0, FIELDS)
    yield "6.2 HEADERS with more padding than bytes", raw(HEADERS, 5 | PADDED, 1, b"\xff" + FIELDS[:10])
    yield "6.2 HEADERS, and another frame before their end", raw(HEADERS, 0, 1, FIELDS[:9]) + raw(PING, 0, 0, bytes(8))
    yield "6.2 HEADERS with a priority that is cut off", raw(HEADERS, 5 | PRIORITISED, 1, b"\0\0")
    yield "6.3 PRIORITY on stream 0", raw(PRIORITY, 0, 0, bytes(5))
    yield "6.3 PRIORITY of four bytes", raw(PRIORITY, 0, 1, bytes(4))
    yield "6.4 RST_STREAM on stream 0", raw(RST, 0, 0, u32(8))
    yield "6.4 RST_STREAM of three bytes", OPEN + raw(RST, 0, 1, bytes(3))
    yield "6.5 SETTINGS acknowledged with content", raw(SETTINGS, ACK, 0, bytes(6))
    yield "6.5 SETTINGS on a stream", raw(SETTINGS, 0, 1, bytes(6))
    yield "6.5 SETTINGS of seven bytes", raw(SETTINGS, 0, 0, bytes(7))
    yield "6.5.2 push that is neither on nor off", setting(2, 2)
    yield "6.5.2 a window of 2^31", setting(4, 2**31)
    yield "6.5.2 a largest frame that is too small", setting(5, 100)
    yield "6.5.2 a largest frame that is too large", setting(5, 2**24)
    yield "6.5.2 a header table of 4 GiB", setting(1, 2**32 - 1) + request(1, FIELDS, CHEAP)
    yield "6.5.2 no headers allowed in the answer", setting(6, 0) + request(1, FIELDS, CHEAP)
    yield "6.5.3 SETTINGS acknowledged that nobody sent", raw(SETTINGS, ACK, 0, b"") * 50
    yield "6.6 PUSH_PROMISE of a client", OPEN + raw(PUSH, END_HEADERS, 1, u32(2) + FIELDS)
    yield "6.7 PING on a stream", raw(PING, 0, 1, bytes(8))
    yield "6.7 PING of seven bytes", raw(PING, 0, 0, bytes(7))
    yield "6.7 PING acknowledged that nobody sent", raw(PING, ACK, 0, bytes(8)) * 50
    yield "6.8 GOAWAY on a stream", raw(GOAWAY, 0, 1, bytes(8))
    yield "6.8 GOAWAY of four bytes", raw(GOAWAY, 0, 0, bytes(4))
    yield "6.8 GOAWAY with a long reason", raw(GOAWAY, 0, 0, bytes(8) + b"x" * 16_000)
    yield "6.9 WINDOW_UPDATE by nothing", raw(WINDOW, 0, 0, u32(0))
    yield "6.9 WINDOW_UPDATE of a stream by nothing", OPEN + raw(WINDOW, 0, 1, u32(0))
    yield "6.9 WINDOW_UPDATE of three bytes", raw(WINDOW, 0, 0, bytes(3))
    yield "6.9.1 a window beyond 2^31 - 1", raw(WINDOW, 0, 0, u32(MOST)) * 3
    yield "6.9.1 a stream's window beyond 2^31 - 1", OPEN + raw(WINDOW, 0, 1, u32(MOST)) * 3
    yield "6.9.2 a window made negative", request(1, FIELDS, CHEAP) + setting(4, 0) + setting(4, MOST) + setting(4, 0)
    yield "6.10 CONTINUATION on stream 0", raw(CONTINUATION, END_HEADERS, 0, FIELDS)
    yield "6.10 CONTINUATION of another stream", raw(HEADERS, 0, 1, FIELDS[:9]) + raw(CONTINUATION, 4, 3, FIELDS[9:])
    yield "6.10 CONTINUATION after the end", OPEN + raw(CONTINUATION, END_HEADERS, 1, FIELDS)
    yield "6.10 CONTINUATION of nothing, 200 times", raw(HEADERS, 0, 1, FIELDS) + raw(CONTINUATION, 0, 1, b"") * 200


def _meaning() -> Iterator[tuple[str, bytes]]:
    for name in (":method", ":scheme", ":path", ":authority", "te", "content-type"):
        yield f"8.3 without {name}", sent(without=(name,))
    for name, value in (
        (":status", "200"),
        (":unknown", "x"),
        (":path", "/twice"),
        (":method", "GET"),
        ("Upper", "case"),
        ("connection", "keep-alive"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        ("content-length", "1"),
        ("content-length", "-1"),
        ("content-length", "9" * 30),
        ("", "empty"),
        ("x", "a\r\nb: c"),
        ("x", "\0"),
        ("x y", "blank"),
        ("expect", "100-continue"),
        ("host", "other"),
    ):
        yield f"8.2 also {name!r}: {value[:12]!r}", sent((name, value))
    for path in ("", "*", "x", "/", "//", "/a/b/c", "/" + "a" * 3_000, "/%00", "/labgloss.v1.InterpretationService/"):
        yield f"8.3.1 the path {path[:20]!r}", sent((":path", path), without=(":path",))
    yield "8.1 trailers that end nothing", OPEN + raw(DATA, 0, 1, message(CHEAP)) + raw(HEADERS, END_HEADERS, 1, FIELDS)
    yield (
        "8.1 trailers of a request",
        OPEN + raw(DATA, 0, 1, message(CHEAP)) + raw(HEADERS, 5, 1, block([(b"a", b"b")])),
    )


def _grpc() -> Iterator[tuple[str, bytes]]:
    for value in ("", "text/html", "application/grpc-web", "application/json", "application/grpc+" + "x" * 200):
        yield f"9 content-type {value[:24]!r}", sent(("content-type", value), without=("content-type",))
    for value in ("", "1", "S", "-1S", "0n", "1n", "999999999H", "99999999H", "1e3S", "١S", "9" * 400 + "S"):
        yield f"9 grpc-timeout {value[:12]!r}", sent(("grpc-timeout", value))
    for value in ("gzip", "deflate", "identity", "zstd", "", ",,,", "x" * 1_000):
        yield f"9 grpc-encoding {value[:12]!r}", sent(("grpc-encoding", value))
    yield "9 compressed, and no encoding said", sent(body=b"\1" + message(CHEAP)[1:])
    yield "9 an unknown flag of the message", sent(body=b"\xff" + message(CHEAP)[1:])
    yield "9 a message shorter than it says", sent(body=message(CHEAP)[:-4])
    yield "9 a message longer than it says", sent(body=message(CHEAP) + b"more")
    yield "9 a message of 4 GiB, it says", sent(body=b"\0\xff\xff\xff\xff")
    yield "9 a message beyond the limit, it says", sent(body=b"\0" + u32(4_194_305))
    yield "9 two messages of one", sent(body=message(CHEAP) * 2)
    yield "9 no message", DONE
    yield "9 four bytes of a length", sent(body=bytes(4))
    yield "9 nothing, in many frames", OPEN + raw(DATA, 0, 1, b"") * 500 + raw(DATA, END_STREAM, 1, message(CHEAP))
    yield "9 a message, byte by byte", OPEN + b"".join(raw(DATA, 0, 1, bytes([byte])) for byte in message(CHEAP))
    for name, value in (("x-bin", "not base64!"), ("x-bin", "="), ("grpc-status", "0"), ("grpc-message", "%ff")):
        yield f"9 metadata {name}: {value}", sent((name, value))
    yield "9 metadata of a hundred names", sent(*((f"x-{number}", "y" * 30) for number in range(100)))
    yield "9 metadata beyond the limit", sent(("x", "y" * 20_000))


def _grid() -> Iterator[tuple[str, bytes]]:
    """Every kind of frame, and two that do not exist, on every kind of stream, with every flag or none."""
    for kind, stream, flags, length in product((*range(10), 0x0A, 0xFF), (0, 1, 2, MOST), (0, 0xFF), (0, 1, 5, 8, 100)):
        yield (
            f"grid: frame {kind}, stream {stream}, flags {flags}, {length} bytes",
            raw(kind, flags, stream, bytes(length)),
        )


CASES: Mapping[str, bytes] = MappingProxyType(
    dict(case for group in (_framing, _states, _kinds, _meaning, _grpc, _grid) for case in group())
)

# What is sent instead of a greeting.
FORMS: Mapping[str, bytes] = MappingProxyType(
    {
        "3.4 HTTP/1.1": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "3.4 an upgrade": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n",
        "3.4 the hello of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(509),
        "3.4 noise": bytes(range(256)) * 16,
        "3.4 zeros": bytes(4_096),
        "3.4 half of the preface": MAGIC[:12],
        "3.4 a preface with one letter wrong": PREFACE.replace(b"SM", b"SN"),
        "3.4 a preface, then HEADERS for SETTINGS": MAGIC + DONE,
        "3.4 a preface, then noise": MAGIC + bytes(range(255, -1, -1)) * 8,
        "3.4 a preface twice": PREFACE + PREFACE,
        "3.4 nothing": b"",
    }
)
