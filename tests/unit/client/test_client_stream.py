"""Streams: any number of panels, in order, read no further ahead than was asked for."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from labgloss.v1 import error_reason_pb2 as reasons
from labgloss.v1.interpretation_pb2 import PanelOutcome, StreamInterpretPanelsRequest, StreamInterpretPanelsResponse
from labgloss.v1.panel_pb2 import Panel
from labgloss.v1.report_pb2 import Report
from labgloss_client import (
    AsyncClient,
    Client,
    MessageTooLarge,
    Overloaded,
    PanelFailure,
    ServiceDefect,
    Unavailable,
    panel,
    symptom,
)
from tests.unit.client.fake_labgloss import FakeService, ask, end, info, report


def numbered(count: int) -> list[Panel]:
    return [panel(id=str(number)) for number in range(count)]


def answered(count: int) -> list[Message]:
    return [report(str(number)) for number in range(count)]


@pytest.fixture
def cut(service: FakeService) -> list[list[str]]:
    """The ids of the panels of each message that the service was sent."""
    messages: list[list[str]] = []
    otherwise = service.answers["StreamInterpretPanels"]

    def noted(sent: Iterator[bytes]) -> Iterator[bytes]:
        for message in sent:
            messages.append([one.id for one in StreamInterpretPanelsRequest.FromString(message).panels])
            yield message

    service.answers["StreamInterpretPanels"] = lambda sent, context: otherwise(noted(sent), context)
    return messages


def test_outcomes_come_in_the_order_of_the_panels(service: FakeService, kind: str, cut: list[list[str]]) -> None:
    assert answered(260) == ask(kind, service.target, lambda client: client.interpret_stream(iter(numbered(260))))
    assert [len(message) for message in cut] == [50, 50, 50, 50, 50, 10]


def test_a_stream_of_no_panels_has_no_outcomes(service: FakeService, kind: str) -> None:
    assert ask(kind, service.target, lambda client: client.interpret_stream([])) == []


@pytest.mark.parametrize(("per_message", "under_way"), [(1, 1), (2, 3), (50, 4)])
def test_panels_are_read_only_so_far_ahead(service: FakeService, kind: str, per_message: int, under_way: int) -> None:
    read = 0

    def reading() -> Iterator[Panel]:
        nonlocal read
        for one in numbered(1000):
            read += 1
            yield one

    def stream(client: Any) -> Any:
        return client.interpret_stream(reading(), panels_per_message=per_message, messages_under_way=under_way)

    ahead = ask(kind, service.target, stream, taken=lambda outcome: read - int(outcome.panel_id))
    assert per_message * under_way == max(ahead)


def test_a_list_of_panels_does_not_wait_for_what_follows(service: FakeService, kind: str, cut: list[list[str]]) -> None:
    a, b, c, d, e, f, g, h, i, j = (panel(id=letter) for letter in "abcdefghij")
    panels = [a, [b, c], [d], (e, f, g, h), [], i, j]
    outcomes = ask(kind, service.target, lambda client: client.interpret_stream(panels, panels_per_message=3))
    assert [report(letter) for letter in "abcdefghij"] == outcomes
    assert cut == [["a", "b", "c"], ["d"], ["e", "f", "g"], ["h"], ["i", "j"]]


def test_no_message_is_larger_than_the_service_takes(service: FakeService, kind: str, cut: list[list[str]]) -> None:
    def large(name: str, size: int) -> Panel:
        one = panel(id=name, symptoms=[symptom("x")])
        one.symptoms[0].text += "x" * (size - one.ByteSize() - 20)
        return one

    limit = 1024 * 1024
    panels = [large("a", limit // 2), large("b", limit // 2), large("c", 10_000), large("d", limit * 2), panel(id="e")]
    sizes: list[int] = []
    otherwise = service.answers["StreamInterpretPanels"]

    def measured(sent: Iterator[bytes]) -> Iterator[bytes]:
        for message in sent:
            sizes.append(len(message))
            yield message

    service.answers["StreamInterpretPanels"] = lambda sent, context: otherwise(measured(sent), context)
    ask(kind, service.target, lambda client: client.interpret_stream(panels))
    assert cut == [["a", "b"], ["c"], ["d"], ["e"]]
    assert sizes[0] <= limit < sizes[2]


def test_when_a_message_is_refused_each_of_its_panels_is(service: FakeService, kind: str) -> None:
    refused = StreamInterpretPanelsResponse(
        error=reasons.ItemError(
            code=grpc.StatusCode.RESOURCE_EXHAUSTED.value[0],
            reason=reasons.ERROR_REASON_MESSAGE_TOO_LARGE,
            message="the message has 2000000 bytes; at most 1048576 are taken",
        )
    )
    otherwise = service.answers["StreamInterpretPanels"]

    def first_refused(sent: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Message]:
        next(sent)
        yield refused
        yield from otherwise(sent, context)

    service.answers["StreamInterpretPanels"] = first_refused
    first, second, third = ask(
        kind, service.target, lambda client: client.interpret_stream(numbered(3), panels_per_message=2)
    )
    for number, failure in enumerate([first, second]):
        assert isinstance(failure, PanelFailure)
        assert (str(number), MessageTooLarge) == (failure.panel_id, type(failure.error))
        assert str(failure.error) == "the message has 2000000 bytes; at most 1048576 are taken"
    assert report("2") == third


def test_an_error_of_the_callers_own_iterator_reaches_the_caller(service: FakeService, kind: str) -> None:
    # A status of some other service, which must not be taken for one of labgloss.
    class Elsewhere(grpc.RpcError):
        pass

    def failing() -> Iterator[Panel]:
        yield from numbered(3)
        raise Elsewhere

    gone = service.hold_stream()
    with pytest.raises(Elsewhere):
        ask(
            kind,
            service.target,
            lambda client: client.interpret_stream(failing(), panels_per_message=1, messages_under_way=1),
        )
    assert gone.wait(2)


def test_outcomes_before_a_stream_breaks_stand(service: FakeService, kind: str) -> None:
    otherwise = service.answers["StreamInterpretPanels"]
    outcomes: list[Any] = []
    arrived = threading.Event()

    def breaking(sent: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Message]:
        yield from otherwise(iter([next(sent)]), context)
        # gRPC drops a message that was not read when an error follows it.
        arrived.wait(10)
        end(context, grpc.StatusCode.RESOURCE_EXHAUSTED, "too many streams", info("TOO_MANY_STREAMS"))

    def taken(outcome: Any) -> None:
        outcomes.append(outcome)
        arrived.set()

    service.answers["StreamInterpretPanels"] = breaking
    with pytest.raises(Overloaded, match=r"^too many streams$"):
        ask(
            kind,
            service.target,
            lambda client: client.interpret_stream(numbered(30), panels_per_message=10),
            taken=taken,
        )
    assert answered(10) == outcomes


@pytest.mark.parametrize(
    ("responses", "message"),
    [
        pytest.param([], "the stream ended with 2 panels unanswered", id="none"),
        pytest.param([{"outcomes": []}], "the service answered 0 of 2 panels", id="too few outcomes"),
        pytest.param(
            [{"outcomes": [{"panel_id": name, "report": {"panel_id": name}} for name in "01"]}, {}],
            "the service answered more messages than it was sent",
            id="one too many",
        ),
    ],
)
def test_a_stream_that_does_not_answer_each_message_once_is_a_defect(
    service: FakeService, kind: str, responses: list[dict[str, Any]], message: str
) -> None:
    def wrong(sent: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Message]:
        list(sent)
        for response in responses:
            yield StreamInterpretPanelsResponse(**response)

    service.answers["StreamInterpretPanels"] = wrong
    with pytest.raises(ServiceDefect) as raised:
        ask(kind, service.target, lambda client: client.interpret_stream(numbered(2)))
    assert message == str(raised.value)


def test_a_stream_that_is_refused_at_first_is_tried_again(service: FakeService, kind: str) -> None:
    service.refuse("StreamInterpretPanels", grpc.StatusCode.UNAVAILABLE, "starting", times=2)
    assert answered(3) == ask(kind, service.target, lambda client: client.interpret_stream(numbered(3)))


def test_large_answers_and_large_messages_do_not_wait_for_each_other(service: FakeService, kind: str) -> None:
    # Neither side may stop reading because its own writing waits: 8 messages of nearly 1 MiB against answers of 3 MiB.
    def large(sent: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Message]:
        for message in sent:
            name = StreamInterpretPanelsRequest.FromString(message).panels[0].id
            large_report = Report(panel_id=name, summary="x" * 3 * 1024 * 1024)
            yield StreamInterpretPanelsResponse(outcomes=[PanelOutcome(panel_id=name, report=large_report)])

    service.answers["StreamInterpretPanels"] = large
    panels = [panel(id=str(number), symptoms=["x" * 1_000_000]) for number in range(8)]
    ids = ask(
        kind,
        service.target,
        lambda client: client.interpret_stream(panels, messages_under_way=8, timeout_s=10),
        taken=lambda outcome: outcome.panel_id,
    )
    assert list("01234567") == ids


def test_a_stream_without_a_deadline_does_not_wait_for_a_service_that_is_down(kind: str) -> None:
    started = time.monotonic()
    with pytest.raises(Unavailable):
        ask(kind, "127.0.0.1:1", lambda client: client.interpret_stream(numbered(1)))
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"panels_per_message": 0}, "panels_per_message is from 1 to 100, the most that the service takes"),
        ({"panels_per_message": 101}, "panels_per_message is from 1 to 100, the most that the service takes"),
        ({"messages_under_way": 0}, "messages_under_way is 1 or more"),
    ],
)
def test_a_stream_that_cannot_be_cut_is_refused_before_it_begins(
    service: FakeService, kind: str, settings: dict[str, int], message: str
) -> None:
    def refused(client: Any) -> str:
        with pytest.raises(ValueError) as raised:  # the whole message is compared
            client.interpret_stream([], **settings)
        return str(raised.value)

    assert message == ask(kind, service.target, refused)


def test_a_stream_that_is_left_is_cancelled(service: FakeService) -> None:
    gone = service.hold_stream()
    with Client(service.target) as client:
        outcomes = client.interpret_stream(numbered(10), panels_per_message=1)
        assert report("0") == next(outcomes)
        outcomes.close()  # type: ignore[attr-defined]  # an iterator to callers, a generator here
        assert gone.wait(2)


def test_a_stream_whose_panels_fail_is_cancelled_though_its_error_is_kept(service: FakeService) -> None:
    gone = service.hold_stream()

    def failing() -> Iterator[Panel]:
        yield from numbered(1)
        raise LookupError

    with Client(service.target) as client:
        with pytest.raises(LookupError) as raised:
            list(client.interpret_stream(failing(), panels_per_message=1, messages_under_way=1))
        assert gone.wait(2)
        assert raised.tb is not None  # It holds on to the call, which is therefore not cancelled by being forgotten.


def test_an_asynchronous_stream_that_is_left_is_cancelled(service: FakeService) -> None:
    gone = service.hold_stream()

    async def left() -> bool:
        async with AsyncClient(service.target) as client:
            outcomes = client.interpret_stream(numbered(10), panels_per_message=1)
            assert report("0") == await anext(outcomes)
            await outcomes.aclose()  # type: ignore[attr-defined]  # an iterator to callers, a generator here
            return await asyncio.to_thread(gone.wait, 2)

    assert asyncio.run(left())


def test_the_asynchronous_client_takes_asynchronous_panels(service: FakeService) -> None:
    async def reading() -> AsyncIterator[Panel | list[Panel]]:
        yield panel(id="0")
        await asyncio.sleep(0)
        yield [panel(id="1"), panel(id="2")]

    assert answered(3) == ask("async", service.target, lambda client: client.interpret_stream(reading()))
