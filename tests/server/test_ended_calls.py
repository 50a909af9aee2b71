"""A call that has ended holds nothing: gRPC's core keeps its stream open for as long as Python keeps the call."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator

import grpc
import pytest

from labgloss.knowledge.release import Release
from labgloss.server.app import start
from labgloss.server.settings import read_settings

SERVICE = "/labgloss.v1.InterpretationService"
NO_MESSAGE = b"\xff\xff\xff"
ROUNDS, AT_ONCE = 12, 8


@pytest.fixture
def channel(release: Release) -> Iterator[grpc.Channel]:
    settings = read_settings({}, {"port": "0", "log_level": "error"})
    with start(settings, release) as running, grpc.insecure_channel(f"127.0.0.1:{running.port}") as channel:
        yield channel


@pytest.fixture
def no_collection() -> Iterator[None]:
    """Without Python's search for circles, which would let go of a call some time later."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("method", ["InterpretPanel", "BatchInterpretPanels"])
def test_refused_calls_leave_room_for_the_next(channel: grpc.Channel, method: str) -> None:
    ended: Counter[str] = Counter()
    for _ in range(ROUNDS):
        calls = [channel.unary_unary(f"{SERVICE}/{method}").future(NO_MESSAGE, timeout=10) for _ in range(AT_ONCE)]
        ended.update(call.code().name for call in calls)
    allowed = {"INVALID_ARGUMENT"} if method == "InterpretPanel" else {"INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"}
    assert set(ended) <= allowed
    assert ended["INVALID_ARGUMENT"] > ROUNDS


@pytest.mark.usefixtures("no_collection")
def test_streams_of_refused_messages_leave_room_for_the_next(channel: grpc.Channel) -> None:
    stream = channel.stream_stream(f"{SERVICE}/StreamInterpretPanels")
    assert [len(list(stream(iter([NO_MESSAGE]), timeout=10))) for _ in range(ROUNDS * AT_ONCE)] == [1] * 96
