"""R6: peers that come and do nothing, or half of something, for ever: they are put out, and cost the others nothing."""

from __future__ import annotations

import resource
import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc
import pytest
from hyperframe.frame import DataFrame, HeadersFrame

from tests.reliability.bystander import CHEAP, Bystander
from tests.reliability.messages import PATHS
from tests.reliability.processes import ServiceProcess
from tests.reliability.raw_http2 import MAGIC, Peer, block, headers, message
from tests.reliability.table import Table
from tests.server.wire import HEALTH

SOCKETS = 1_000
# What the server allows: connections, and a few files of its own.
DESCRIPTORS = 512 + 64
CLOSED_SECONDS = 3.5
# On a busy machine a timer of 3 s fires late.
SLACK_SECONDS = 6.0
FORMS = (b"", MAGIC[:10], MAGIC, MAGIC + b"\0\0", b"\x16\x03\x01")
# Half-sent calls on one connection: as many as it may carry.
STREAMS = 60
# Generous: without a thread that is free no time is enough.
ANSWER_SECONDS = 30.0


@pytest.fixture(autouse=True)
def _room_for_sockets() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 4 * SOCKETS), hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def closing_times(port: int, seconds: float) -> list[float]:
    """Seconds after which each of a thousand silent or half-spoken connections was closed; those left are missing."""
    closed: list[float] = []
    with ExitStack() as stack, selectors.DefaultSelector() as ready:
        opened = {}
        for number in range(SOCKETS):
            peer = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
            peer.send(FORMS[number % len(FORMS)])
            peer.setblocking(False)
            ready.register(peer, selectors.EVENT_READ)
            opened[peer] = time.monotonic()
        end = time.monotonic() + seconds
        while opened and time.monotonic() < end:
            for key, _ in ready.select(0.1):
                peer = key.fileobj
                assert isinstance(peer, socket.socket)
                try:
                    gone = not peer.recv(4_096)
                except ConnectionError:
                    gone = True
                if gone:
                    closed.append(time.monotonic() - opened.pop(peer))
                    ready.unregister(peer)
    return closed


@pytest.mark.timed
def test_a_thousand_connections_that_say_nothing(table: Table, tmp_path: Path) -> None:
    with ServiceProcess(tmp_path / "service") as service:
        before = service.pids
        with Bystander(service.target) as bystander:
            time.sleep(1)
        quiet = bystander.seen
        with Bystander(service.target) as bystander:
            closed = closing_times(service.port, CLOSED_SECONDS + SLACK_SECONDS)
            most = service.descriptors
        same = before == service.pids
        begun = time.monotonic()
        with grpc.insecure_channel(service.target) as channel:
            channel.unary_unary(PATHS["InterpretPanel"])(CHEAP, timeout=30, wait_for_ready=True)
        back = time.monotonic() - begun
    with ServiceProcess(tmp_path / "unbounded", broken="unbounded_core") as service:
        control = closing_times(service.port, CLOSED_SECONDS)
    table.settle(
        "R6",
        "idle and half-open connections",
        size=f"{SOCKETS} connections",
        figure=f"{len(closed)} closed, the last after {max(closed):.1f} s; at most {most} descriptors; "
        f"bystander lost {bystander.seen.lost}; {'same' if same else 'another'} process",
        target=f"{SOCKETS} closed by {CLOSED_SECONDS} s (gated at {CLOSED_SECONDS + SLACK_SECONDS} s), 0 lost, "
        f"{DESCRIPTORS} descriptors",
        held=len(closed) == SOCKETS and same and bystander.seen.lost == 0 and most <= DESCRIPTORS,
        control=f"with the core's default options {len(control)} are closed by {CLOSED_SECONDS} s",
        found=len(control) < SOCKETS,
    )
    table.report(
        "R6",
        "the bystander among them; a new client afterwards",
        size=f"{sum(bystander.seen.ended.values())} calls",
        figure=f"p99 {bystander.seen.p99:.0f} ms, quiet {quiet.p99:.0f} ms; answered after {back:.2f} s",
        target="1.2 times",
    )


@contextmanager
def half_sent(port: int, path: str, connections: int) -> Iterator[None]:
    """Connections full of calls whose message never ends."""
    fields = block(headers(path))
    half = message(CHEAP)[:9]
    with ExitStack() as stack:
        peers = [stack.enter_context(Peer(port)) for _ in range(connections)]
        for peer in peers:
            for number in range(STREAMS):
                head = HeadersFrame(2 * number + 1, fields, flags=["END_HEADERS"])
                peer.send(head.serialize() + DataFrame(2 * number + 1, half).serialize())
            # The answer to a ping comes after what was sent before it.
            assert peer.answers_ping()
        yield


def answered(target: str, calls: int, seconds: float) -> int:
    """How many calls of each of two methods, asked one after the other, are answered in so many seconds."""
    count = 0
    with grpc.insecure_channel(target, [("grpc.enable_retries", 0)]) as channel:
        for path, body in ((PATHS["InterpretPanel"], CHEAP), (HEALTH, b"")):
            for _ in range(calls):
                try:
                    channel.unary_unary(path)(body, timeout=seconds)
                except grpc.RpcError:
                    break
                count += 1
    return count


@pytest.mark.parametrize("path", [PATHS["InterpretPanel"], HEALTH])
def test_messages_that_never_end(path: str, table: Table, tmp_path: Path) -> None:
    """Each would hold a thread until its connection's age and grace are over, eleven minutes, if it could."""
    connections = table.size(4, 100)
    with ServiceProcess(tmp_path / "service") as service:
        before = service.pids
        with half_sent(service.port, path, connections):
            count = answered(service.target, 20, ANSWER_SECONDS)
        same = before == service.pids
    with (
        ServiceProcess(tmp_path / "waiting", broken="threads_wait_for_messages") as service,
        half_sent(service.port, path, connections),
    ):
        waiting = answered(service.target, 5, 2.0)
    table.settle(
        "R6",
        f"calls of {path.rpartition('/')[2]} whose message never ends",
        size=f"{connections} connections with {STREAMS} each",
        figure=f"{count} of 40 others answered meanwhile, unary and health; {'same' if same else 'another'} process",
        target="40 answered",
        held=count == 40 and same,
        control=f"where threads wait for messages {waiting} of 10 are answered",
        found=waiting < 10,
    )
