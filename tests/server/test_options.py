"""What a peer can exhaust is bounded before any of our code runs: by the options of gRPC's core."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack

import grpc
import pytest

from labgloss.knowledge.loader import load
from tests.server.test_serve import process, served_port
from tests.server.wire import INTERPRET, Served, serving, unary

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
ACKNOWLEDGE = bytes([0, 0, 0, 4, 1, 0, 0, 0, 0])
SETTINGS_FRAME, MAX_CONCURRENT_STREAMS = 4, 3


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(load()) as running:
        yield running


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def received(peer: socket.socket, size: int) -> bytes:
    """So many bytes, or fewer where the server closed the connection."""
    content = b""
    while len(content) < size and (more := peer.recv(size - len(content))):
        content += more
    return content


def settings_of(peer: socket.socket) -> dict[int, int]:
    """The settings that the server announces in its first frame."""
    header = received(peer, 9)
    assert header[3] == SETTINGS_FRAME
    return dict(struct.iter_unpack("!HI", received(peer, int.from_bytes(header[:3], "big"))))


def read_until_closed(peer: socket.socket) -> bytes:
    """What the server still sends; raises TimeoutError when it does not close the connection."""
    content = b""
    try:
        while more := peer.recv(4_096):
            content += more
    except ConnectionResetError:
        pass
    return content


def test_a_connection_announces_how_many_calls_it_carries_and_a_margin_of_one_for_each_thread(served: Served) -> None:
    with connected(served.server.port) as peer:
        peer.sendall(PREFACE)
        assert settings_of(peer)[MAX_CONCURRENT_STREAMS] == 16 + 8


def test_a_connection_that_says_nothing_is_closed(served: Served) -> None:
    begin = time.monotonic()
    with connected(served.server.port) as peer:
        read_until_closed(peer)
    assert 2 < time.monotonic() - begin < 8


def test_connections_that_ask_for_nothing_keep_nobody_out_for_long() -> None:
    with serving(load(), connections=8, connection_idle_seconds=1) as served, ExitStack() as peers:
        # The channel of the tests is not connected yet.
        held = [peers.enter_context(connected(served.server.port)) for _ in range(8)]
        for peer in held:
            peer.sendall(PREFACE + ACKNOWLEDGE)
            settings_of(peer)
        begun = time.monotonic()
        answered = served.channel.unary_unary(INTERPRET)(unary(), timeout=20, wait_for_ready=True)
        assert answered
        # A client waits a second and more before it tries again.
        assert time.monotonic() - begun < 10


def test_metadata_beyond_8_kib_is_refused(served: Served) -> None:
    call = served.channel.unary_unary(INTERPRET)
    with pytest.raises(grpc.RpcError) as raised:
        call(unary(), metadata=[("x", "y" * 9_000)], timeout=5)
    assert grpc.StatusCode.RESOURCE_EXHAUSTED == raised.value.code()
    call(unary(), metadata=[("x", "y" * 3_000)], timeout=5)


def test_a_server_takes_512_connections_and_the_next_when_one_has_gone() -> None:
    with process(drain_seconds="0") as started, ExitStack() as peers:
        port = served_port(started)
        held = [peers.enter_context(connected(port)) for _ in range(512)]
        for peer in held:
            peer.sendall(PREFACE)
        for peer in held:
            settings_of(peer)
        with connected(port) as one_more:
            assert read_until_closed(one_more) == b""
        held[0].close()
        end = time.monotonic() + 5
        while True:
            with connected(port) as next_one:
                next_one.sendall(PREFACE)
                if received(next_one, 9):
                    break
            assert time.monotonic() < end, "a connection that has gone makes no room"
            time.sleep(0.05)
