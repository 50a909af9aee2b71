"""Floods: what is right frame by frame, and wrong by how often it comes or by what it makes the server keep."""

from __future__ import annotations

import gzip
import selectors
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from tests.reliability.bystander import CHEAP
from tests.reliability.hostile_frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    FIELDS,
    HEADERS,
    MOST,
    PING,
    PRIORITY,
    RST,
    WINDOW,
    setting,
    u32,
)
from tests.reliability.messages import PATHS
from tests.reliability.raw_http2 import ACK, PREFACE, Peer, block, headers, raw, request

_BURST = 64
_IDLE_SECONDS = 0.2

Flood = Callable[[int], Iterator[bytes]]


def flood(port: int, bursts: Iterator[bytes], seconds: float) -> tuple[int, int]:
    """How many bursts the server took, over how many connections; a new one follows each that it closed."""
    taken = connections = 0
    end = time.monotonic() + seconds
    burst = next(bursts, None)
    while burst is not None and time.monotonic() < end:
        connections += 1
        with Peer(port) as peer, selectors.DefaultSelector() as ready:
            peer.socket.setblocking(False)
            ready.register(peer.socket, selectors.EVENT_READ | selectors.EVENT_WRITE)
            left = memoryview(burst)
            while burst is not None and time.monotonic() < end:
                try:
                    if not (events := ready.select(_IDLE_SECONDS)):
                        continue
                    # What comes is read and thrown away: a peer that reads nothing floods nobody for long.
                    if events[0][1] & selectors.EVENT_READ and not peer.socket.recv(1 << 20):
                        break
                    if events[0][1] & selectors.EVENT_WRITE:
                        left = left[peer.socket.send(left) :]
                except BlockingIOError:
                    continue
                except ConnectionError:
                    break
                if not left:
                    taken += 1
                    burst = next(bursts, None)
                    left = memoryview(burst or b"")
            # The burst on which a connection ended is not sent again: it may be what ended it.
            if burst is not None:
                burst = next(bursts, None)
    return taken, connections


def _streams(amount: int) -> Iterator[range]:
    """Ids of so many streams, a burst at a time; none grows beyond what there can be."""
    for first in range(0, amount, _BURST):
        yield range(2 * first + 1, 2 * min(first + _BURST, amount) + 1, 2)


def rapid_reset(amount: int) -> Iterator[bytes]:
    """Requests that are reset as soon as they were made (CVE-2023-44487)."""
    for ids in _streams(amount):
        yield b"".join(raw(HEADERS, END_HEADERS, n, FIELDS) + raw(RST, 0, n, u32(8)) for n in ids)


def made_to_reset(amount: int) -> Iterator[bytes]:
    """Requests that the server must reset itself, by a wrong WINDOW_UPDATE (CVE-2025-8671)."""
    for ids in _streams(amount):
        yield b"".join(request(n, FIELDS, CHEAP) + raw(WINDOW, 0, n, u32(0)) for n in ids)


def continuation(amount: int) -> Iterator[bytes]:
    """Headers that never end (CVE-2024-27316 and its kin)."""
    field = b"\x00\x01x\x7f\x81\x7e" + b"y" * 16_253
    yield raw(HEADERS, 0, 1, FIELDS)
    for _ in range(amount):
        yield raw(CONTINUATION, 0, 1, field)


def hpack_bomb(amount: int) -> Iterator[bytes]:
    """One large field put into the table once, and named thousands of times with a byte each."""
    usual = block(headers())
    entry = b"\x40\x01x\x7f\x81\x1f" + b"y" * 4_000
    yield raw(HEADERS, END_HEADERS | END_STREAM, 1, usual + entry)
    for number in range(1, amount):
        yield raw(HEADERS, END_HEADERS | END_STREAM, 2 * number + 1, usual + b"\xbe" * 16_000)


def settings_flood(amount: int) -> Iterator[bytes]:
    """SETTINGS, each of which must be acknowledged."""
    for number in range(amount // _BURST):
        yield setting(4, 65_535 + number % 2) * _BURST


def ping_flood(amount: int) -> Iterator[bytes]:
    """PINGs, each of which must be answered."""
    for _ in range(amount // _BURST):
        yield raw(PING, 0, 0, bytes(8)) * _BURST


def nothing(amount: int) -> Iterator[bytes]:
    """DATA without data, PRIORITY and WINDOW_UPDATE that change nothing: frames that cost and mean nothing."""
    yield raw(HEADERS, END_HEADERS, 1, FIELDS)
    for _ in range(amount // _BURST):
        yield (raw(DATA, 0, 1, b"") + raw(PRIORITY, 0, 3, bytes(5)) + raw(WINDOW, 0, 0, u32(1))) * _BURST


def window_overflow(amount: int) -> Iterator[bytes]:
    """The connection's window pushed over its end."""
    for _ in range(amount // _BURST):
        yield raw(WINDOW, 0, 0, u32(MOST)) * _BURST


def many_tables(amount: int) -> Iterator[bytes]:
    """The header table resized and filled, over and over."""
    for number in range(amount // _BURST):
        fill = b"".join(b"\x40\x01" + bytes([97 + n % 26]) + b"\x20" + b"z" * 32 for n in range(_BURST))
        yield raw(HEADERS, END_HEADERS | END_STREAM, 2 * number + 1, b"\x20\x3f\xe1\x1f" + FIELDS + fill)


def gzip_bombs(amount: int) -> Iterator[bytes]:
    """Messages of some kilobytes that would be megabytes: compression is not accepted."""
    bomb = gzip.compress(bytes(4_000_000))
    fields = block(headers(PATHS["InterpretPanel"], ("grpc-encoding", "gzip")))
    content = b"\x01" + u32(len(bomb)) + bomb
    for number in range(amount):
        stream = 2 * number + 1
        yield raw(HEADERS, END_HEADERS, stream, fields) + raw(DATA, END_STREAM, stream, content)


# Each with how many of its thing a run of size one sends.
FLOODS: Mapping[str, tuple[Flood, int]] = MappingProxyType(
    {
        "rapid reset": (rapid_reset, 10_000),
        "made to reset": (made_to_reset, 1_000),
        "CONTINUATION": (continuation, 500),
        "HPACK bomb": (hpack_bomb, 500),
        "SETTINGS": (settings_flood, 10_000),
        "PING": (ping_flood, 10_000),
        "empty frames": (nothing, 10_000),
        "window overflow": (window_overflow, 5_000),
        "header tables": (many_tables, 20_000),
        "gzip bombs": (gzip_bombs, 500),
    }
)


def stalled(port: int, connections: int, streams: int) -> list[socket.socket]:
    """Connections that ask on many streams and take not one byte of an answer; the caller closes them."""
    held = []
    fields = block(headers())
    for _ in range(connections):
        peer = Peer(port, PREFACE + setting(4, 0) + ACK)
        peer.send(b"".join(request(2 * n + 1, fields, CHEAP) for n in range(streams)))
        held.append(peer.socket)
    return held
