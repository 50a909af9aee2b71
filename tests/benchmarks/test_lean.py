"""The caller of the benchmarks: it reads what a server says, and times from the instant at which a call was due."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from labgloss.knowledge.release import Release
from labgloss.server.app import start
from labgloss.server.settings import Settings
from labgloss.v1.interpretation_pb2 import InterpretPanelRequest, InterpretPanelResponse, StreamInterpretPanelsResponse
from tests.benchmarks import hello
from tests.benchmarks.lean import MOST_IN_FLIGHT, Connection, LoadError, closed_loop, open_loop
from tests.benchmarks.sent import Panels, check_answers, do_nothing
from tests.benchmarks.server_process import METHOD, ServerProcess, python_command

SLOW_SECONDS = 0.02
# More than one connection may have under way.
CALLS = MOST_IN_FLIGHT + 6
STREAM = METHOD.replace("InterpretPanel", "StreamInterpretPanels")


@pytest.fixture(scope="module")
def port(release: Release) -> Iterator[int]:
    with start(Settings(port=0), release) as server:
        yield server.port


@pytest.fixture
def slow_port() -> Iterator[int]:
    """A server that answers one call after another, each after a while."""

    def answer(body: bytes, _: grpc.ServicerContext) -> bytes:
        time.sleep(SLOW_SECONDS)
        return body

    with ThreadPoolExecutor(1) as pool:
        handlers: dict[str, Any] = {"Call": grpc.unary_unary_rpc_method_handler(answer)}
        server = grpc.server(pool, handlers=[grpc.method_handlers_generic_handler("slow", handlers)])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield port
        server.stop(None).wait()


def test_answers_are_those_that_the_service_gives(port: int) -> None:
    requests = Panels(64).fresh(3)
    with Connection(port, METHOD) as connection:
        answers = [InterpretPanelResponse.FromString(connection.ask(request)) for request in requests]
    assert [answer.report.panel_id for answer in answers] == ["r000000000", "r000000001", "r000000002"]


def test_a_refused_call_says_why(port: int) -> None:
    with Connection(port, METHOD) as connection, pytest.raises(LoadError, match=r"^a call was refused: status 3 "):
        connection.ask(b"")


def test_all_calls_of_a_closed_loop_are_answered(port: int) -> None:
    requests = Panels(64).fresh(20)
    with Connection(port, METHOD) as one, Connection(port, METHOD) as other:
        load = closed_loop([one, other], requests, 4)
    assert load.calls == 20
    assert load.answer_bytes > 20 * 1_000


def test_messages_of_a_stream_are_answered_in_their_order(port: int) -> None:
    with Connection(port, STREAM) as connection:
        answers = [
            StreamInterpretPanelsResponse.FromString(answer)
            for answer in connection.exchange(Panels(64).stream(4, 3), ahead=2)
        ]
    idents = [outcome.panel_id for answer in answers for outcome in answer.outcomes]
    assert idents == [f"r{number:09d}" for number in range(12)]


def test_an_open_loop_times_from_the_instant_at_which_a_call_was_due(slow_port: int) -> None:
    """All are due at once, and the server takes one after the other: each waits for those before it, also those that
    can only be sent once others were answered."""
    with Connection(slow_port, "/slow/Call") as connection:
        connection.ask(b"first")
        waited = open_loop([connection], [b"x"] * CALLS, [0.0] * CALLS)
    assert waited.late == 0
    for place, seconds in enumerate(sorted(waited.seconds)):
        assert seconds >= 0.9 * SLOW_SECONDS * (place + 1)


def test_calls_that_a_server_cannot_answer_in_time_are_late(slow_port: int) -> None:
    with Connection(slow_port, "/slow/Call") as connection:
        waited = open_loop([connection], [b"x"] * 120, [0.01] * 120)
    assert waited.late > 0
    assert waited.late + len(waited.seconds) == 120


def test_the_server_that_does_nothing_gives_the_answers_that_it_was_told(tmp_path: Path) -> None:
    requests, answers = [b"one", b"two"], [b"first", b"second"]
    with ServerProcess(do_nothing(tmp_path / "told.json", requests, answers)) as server:
        check_answers(server, requests, answers)
        with pytest.raises(ValueError, match=r"^1 of 2 answers are not the same bytes: nothing can be compared$"):
            check_answers(server, requests, [b"first", b"other"])


def test_the_hello_world_sends_back_what_it_was_sent() -> None:
    greetings = hello.requests(5)
    assert len(set(greetings)) == 5
    with ServerProcess(python_command("hello.py"), hello.METHOD) as server:
        assert [server.answer(greeting) for greeting in greetings] == greetings


def test_no_request_comes_twice_and_all_are_about_as_long_as_the_fixed_ones() -> None:
    panels = Panels(64)
    fixed, first, second = panels.fixed(), panels.fresh(64), panels.fresh(64)
    without_ids = {_without_id(body) for body in (*fixed, *first, *second)}
    # Not every panel has a number that can be another.
    assert len(without_ids) > 0.9 * 3 * 64
    assert [sum(map(len, bodies)) for bodies in (first, second)] == pytest.approx([sum(map(len, fixed))] * 2, rel=0.2)


def _without_id(body: bytes) -> bytes:
    request = InterpretPanelRequest.FromString(body)
    request.panel.id = ""
    return request.SerializeToString()
