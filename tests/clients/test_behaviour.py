"""What every client does when the service is not there, refuses, is slow or answers something else."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import RetryInfo

from labgloss.v1 import error_reason_pb2, interpretation_pb2, knowledge_pb2
from labgloss_client import panel, result, symptom
from tests.clients.languages import Language
from tests.unit.client.fake_labgloss import FakeService, info, report

UNAVAILABLE, RESOURCE_EXHAUSTED = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED
PANEL = panel(result("magnesium", "0.41", "mmol/L"), id="p1")
REPORT = interpretation_pb2.InterpretPanelResponse(report=report("p1"))


@pytest.fixture
def service() -> Iterator[FakeService]:
    """A service that listens and reports on every panel."""
    fake = FakeService().start()
    yield fake
    fake.stop()


class Exchanges:
    """A folder of exchanges about one panel."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def report(self, name: str = "one") -> None:
        """The panel is reported on."""
        self._write(name, {"responses": [recorded(REPORT)]})

    def error(self, name: str = "one", **expected: Any) -> None:
        """The call fails so; what is not given is not compared."""
        self._write(name, {"error": expected})

    def _write(self, name: str, outcome: dict[str, Any]) -> None:
        request = interpretation_pb2.InterpretPanelRequest(panel=PANEL)
        method = "labgloss.v1.InterpretationService/InterpretPanel"
        content = {"method": method, "requests": [recorded(request)], **outcome}
        (self.folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


def recorded(message: Message) -> dict[str, Any]:
    return {"json": MessageToDict(message), "bytes": base64.b64encode(message.SerializeToString()).decode()}


@pytest.fixture
def exchanges(tmp_path: Path) -> Exchanges:
    return Exchanges(tmp_path)


def as_recorded(client: Language, target: str, exchanges: Exchanges, *flags: str) -> None:
    ran = client.replayed(target, exchanges.folder, *flags)
    assert ran.returncode == 0, ran


# ------------------------------------------------------------------------------------------------ retries


def test_a_service_that_stops_is_asked_again(client: Language, service: FakeService, exchanges: Exchanges) -> None:
    service.refuse("InterpretPanel", UNAVAILABLE, "stopping", info("SHUTTING_DOWN"), times=2)
    exchanges.report()
    as_recorded(client, service.target, exchanges)
    assert len(service.calls) == 3


def test_four_attempts_are_all(client: Language, service: FakeService, exchanges: Exchanges) -> None:
    service.refuse("InterpretPanel", UNAVAILABLE, "stopping", info("SHUTTING_DOWN"))
    exchanges.error(code=14, reason="SHUTTING_DOWN", message="stopping")
    as_recorded(client, service.target, exchanges)
    assert len(service.calls) == 4


def test_retries_end_while_most_calls_fail(client: Language, service: FakeService, exchanges: Exchanges) -> None:
    service.refuse("InterpretPanel", UNAVAILABLE, "stopping", info("SHUTTING_DOWN"))
    for number in range(20):
        exchanges.error(f"{number}", code=14, reason="SHUTTING_DOWN")
    as_recorded(client, service.target, exchanges)
    assert 20 < len(service.calls) < 30


def test_nothing_else_is_retried(client: Language, service: FakeService, exchanges: Exchanges) -> None:
    service.refuse("InterpretPanel", grpc.StatusCode.INTERNAL, "a defect", info("INTERNAL", error_id="e1"))
    exchanges.error(code=13, reason="INTERNAL", message="a defect")
    as_recorded(client, service.target, exchanges)
    assert len(service.calls) == 1


def test_a_connection_that_breaks_is_made_anew(client: Language, service: FakeService, exchanges: Exchanges) -> None:
    exchanges.report()
    with closing(Relay(service.target, broken=2)) as relay:
        as_recorded(client, relay.target, exchanges)
    assert relay.connections >= 3


def test_a_service_that_is_starting_is_waited_for(client: Language, service: FakeService, exchanges: Exchanges) -> None:
    exchanges.report()
    with closing(Relay(service.target, after_s=2.0)) as relay:
        as_recorded(client, relay.target, exchanges)


# ------------------------------------------------------------------------------------------------ time


def test_a_deadline_ends_a_call(client: Language, service: FakeService, exchanges: Exchanges) -> None:
    over = threading.Event()

    def never(sent: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Message]:
        over.wait(20)
        yield REPORT

    service.answers["InterpretPanel"] = never
    exchanges.error(code=4, reason="", details=[])
    begin = time.monotonic()
    as_recorded(client, service.target, exchanges, "--timeout-ms", "400")
    over.set()
    assert time.monotonic() - begin < 10


def test_the_service_is_told_the_deadline(client: Language, service: FakeService, exchanges: Exchanges) -> None:
    left: list[float] = []

    def noting(sent: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Message]:
        left.append(context.time_remaining())
        yield REPORT

    service.answers["InterpretPanel"] = noting
    exchanges.report()
    as_recorded(client, service.target, exchanges, "--timeout-ms", "7000")
    assert 4 < left[0] < 7.1


# ------------------------------------------------------------------------------------------------ overload


def test_an_overload_says_when_to_call_again(client: Language, service: FakeService, exchanges: Exchanges) -> None:
    delay = RetryInfo(retry_delay=Duration(seconds=1, nanos=500_000_000))
    service.refuse("InterpretPanel", RESOURCE_EXHAUSTED, "too much", info("OVERLOADED"), delay)
    exchanges.error(code=8, reason="OVERLOADED", message="too much", retryAfterMs=1500)
    as_recorded(client, service.target, exchanges)
    assert len(service.calls) == 1


def test_a_service_that_refuses_most_calls_gets_fewer(
    client: Language, service: FakeService, exchanges: Exchanges
) -> None:
    service.refuse("InterpretPanel", RESOURCE_EXHAUSTED, "too much", info("OVERLOADED"))
    for number in range(60):
        exchanges.error(f"{number}", code=8)
    as_recorded(client, service.target, exchanges)
    assert 5 <= len(service.calls) < 50


# ------------------------------------------------------------------------------------------------ answers


def test_a_report_on_another_panel_is_never_given(client: Language, service: FakeService, exchanges: Exchanges) -> None:
    service.answer("InterpretPanel", interpretation_pb2.InterpretPanelResponse(report=report("p2")))
    exchanges.error(code=13, reason="", message="the service answered for another panel than was asked: the ids differ")
    as_recorded(client, service.target, exchanges)


def outcome(panel_id: str, of: str | None = None) -> interpretation_pb2.PanelOutcome:
    """That of a panel, with the report on it or on another."""
    return interpretation_pb2.PanelOutcome(panel_id=panel_id, report=report(of or panel_id))


# What a service, or something before it, answers for the panels p1 and p2.
WRONG = {
    "of other panels": [outcome("p2"), outcome("p1")],
    "with a report on another": [outcome("p1"), outcome("p2", of="p1")],
    "too few": [outcome("p1")],
    "too many": [outcome("p1"), outcome("p2"), outcome("p3")],
    "with neither report nor error": [outcome("p1"), interpretation_pb2.PanelOutcome(panel_id="p2")],
}


def test_outcomes_that_are_not_those_of_the_panels_are_never_given(
    client: Language, service: FakeService, exchanges: Exchanges
) -> None:
    """Of batches and streams alike; each exchange gets the next answer."""
    panels = [PANEL, panel(id="p2")]
    batches = [interpretation_pb2.BatchInterpretPanelsResponse(outcomes=outcomes) for outcomes in WRONG.values()]
    streams = [interpretation_pb2.StreamInterpretPanelsResponse(outcomes=outcomes) for outcomes in WRONG.values()]
    service.answer("BatchInterpretPanels", *batches)
    service.answer("StreamInterpretPanels", *streams)
    requests = {
        "BatchInterpretPanels": interpretation_pb2.BatchInterpretPanelsRequest(panels=panels),
        "StreamInterpretPanels": interpretation_pb2.StreamInterpretPanelsRequest(panels=panels),
    }
    for method, request in requests.items():
        for name in WRONG:
            content = {
                "method": f"labgloss.v1.InterpretationService/{method}",
                "requests": [recorded(request)],
                "error": {"code": 13, "reason": "", "details": []},
            }
            (exchanges.folder / f"{method} {name}.json").write_text(json.dumps(content))
    as_recorded(client, service.target, exchanges)
    assert len(service.calls) == 2 * len(WRONG)


def test_a_stream_that_ends_early_or_late_is_a_defect(
    client: Language, service: FakeService, exchanges: Exchanges
) -> None:
    answers = iter(
        [
            [],
            [interpretation_pb2.StreamInterpretPanelsResponse(outcomes=[outcome("p1")])] * 2,
        ]
    )

    def answered(sent: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Message]:
        list(sent)
        yield from next(answers)

    service.answers["StreamInterpretPanels"] = answered
    for name in ("early", "late"):
        content = {
            "method": "labgloss.v1.InterpretationService/StreamInterpretPanels",
            "requests": [recorded(interpretation_pb2.StreamInterpretPanelsRequest(panels=[PANEL]))],
            "error": {"code": 13, "reason": "", "details": []},
        }
        (exchanges.folder / f"{name}.json").write_text(json.dumps(content))
    as_recorded(client, service.target, exchanges)


def test_a_message_of_a_stream_that_is_refused_is_the_outcome_of_each_of_its_panels(
    client: Language, service: FakeService, exchanges: Exchanges
) -> None:
    refused = error_reason_pb2.ItemError(
        code=8, reason=error_reason_pb2.ERROR_REASON_MESSAGE_TOO_LARGE, message="too large"
    )
    service.answer("StreamInterpretPanels", interpretation_pb2.StreamInterpretPanelsResponse(error=refused))
    request = interpretation_pb2.StreamInterpretPanelsRequest(panels=[PANEL, panel(id="p2")])
    outcomes = [interpretation_pb2.PanelOutcome(panel_id=name, error=refused) for name in ("p1", "p2")]
    content = {
        "method": "labgloss.v1.InterpretationService/StreamInterpretPanels",
        "requests": [recorded(request)],
        # As the client gives it, which is not how it came.
        "responses": [{"json": MessageToDict(interpretation_pb2.StreamInterpretPanelsResponse(outcomes=outcomes))}],
    }
    (exchanges.folder / "stream.json").write_text(json.dumps(content))
    as_recorded(client, service.target, exchanges)


def test_a_long_stream_of_large_panels_is_answered_in_order(
    client: Language, service: FakeService, exchanges: Exchanges
) -> None:
    """More messages than are sent ahead, and more bytes than gRPC takes before an answer is taken."""
    words = [symptom("word " * 190) for _ in range(20)]
    panels = [panel(id=f"p{number}", symptoms=words) for number in range(120)]
    outcomes = [interpretation_pb2.PanelOutcome(panel_id=each.id, report=report(each.id)) for each in panels]
    content = {
        "method": "labgloss.v1.InterpretationService/StreamInterpretPanels",
        "requests": [recorded(interpretation_pb2.StreamInterpretPanelsRequest(panels=panels))],
        "responses": [{"json": MessageToDict(interpretation_pb2.StreamInterpretPanelsResponse(outcomes=outcomes))}],
    }
    (exchanges.folder / "stream.json").write_text(json.dumps(content))
    as_recorded(client, service.target, exchanges)
    assert service.calls == ["StreamInterpretPanels"]


LISTED = {
    "ListAnalytes": (knowledge_pb2.ListAnalytesResponse, "analytes"),
    "ListReferenceIntervals": (knowledge_pb2.ListReferenceIntervalsResponse, "intervals"),
    "ListRules": (knowledge_pb2.ListRulesResponse, "rules"),
    "ListSymptoms": (knowledge_pb2.ListSymptomsResponse, "symptoms"),
    "ListSources": (knowledge_pb2.ListSourcesResponse, "sources"),
}


def test_lists_are_read_to_their_last_page(client: Language, service: FakeService, exchanges: Exchanges) -> None:
    for method, (response, items) in LISTED.items():

        def pages(
            sent: Iterator[bytes], context: grpc.ServicerContext, kind: Any = response, field: str = items
        ) -> Iterator[Message]:
            # Every request of a page has its token as field 2.
            token = knowledge_pb2.ListAnalytesRequest.FromString(next(sent)).page_token
            yield kind(
                **{field: [{"id": f"{token}a"}, {"id": f"{token}b"}]}, next_page_token={"": "2", "2": "3"}.get(token)
            )

        service.answers[method] = pages
        whole = response(**{items: [{"id": f"{page}{name}"} for page in ("", "2", "3") for name in "ab"]})
        content = {
            "method": f"labgloss.v1.KnowledgeService/{method}",
            "requests": [{"json": {}, "bytes": ""}],
            "responses": [{"json": MessageToDict(whole)}],
        }
        (exchanges.folder / f"{method}.json").write_text(json.dumps(content))
    as_recorded(client, service.target, exchanges)
    assert service.calls == sorted(method for method in LISTED for _ in range(3))


def test_what_is_not_labgloss_says_gives_no_reason(
    client: Language, service: FakeService, exchanges: Exchanges
) -> None:
    proxy = info("QUOTA", domain="proxy.example")
    service.refuse("InterpretPanel", grpc.StatusCode.FAILED_PRECONDITION, "elsewhere", proxy)
    exchanges.error(code=9, reason="", violations=[])
    as_recorded(client, service.target, exchanges)


# ------------------------------------------------------------------------------------------------ connection


def test_health_is_told(client: Language, service: FakeService, exchanges: Exchanges) -> None:
    service.serve(False)
    assert client.replayed(service.target, exchanges.folder).stdout == "not healthy\n"
    service.serve(True)
    assert client.replayed(service.target, exchanges.folder).stdout == "healthy\n"


def test_panels_travel_to_another_machine_encrypted_or_not_at_all(client: Language, exchanges: Exchanges) -> None:
    exchanges.report()
    ran = client.replayed("192.0.2.1:50051", exchanges.folder)
    assert ran.returncode != 0
    assert ran.stdout == ""
    assert "is not on this machine, and panels must not travel unencrypted" in ran.stderr


class Relay:
    """A port before a service: its first connections break, or nothing listens there for a while."""

    def __init__(self, target: str, broken: int = 0, after_s: float = 0.0) -> None:
        host, _, port = target.partition(":")
        self._to = host, int(port)
        self._broken = broken
        self.connections = 0
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self.target = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._listen, args=(after_s,), daemon=True).start()

    def close(self) -> None:
        # A thread that accepts is not woken by a close alone.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _listen(self, after_s: float) -> None:
        time.sleep(after_s)
        self._listener.listen()
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            if self.connections <= self._broken:
                # Read first, so that the caller has sent its call.
                caller.recv(65536)
                time.sleep(0.1)
                caller.close()
            else:
                service = socket.create_connection(self._to)
                for source, sink in ((caller, service), (service, caller)):
                    threading.Thread(target=_pipe, args=(source, sink), daemon=True).start()


def _pipe(source: socket.socket, sink: socket.socket) -> None:
    with source, sink:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_RDWR)
        except OSError:
            return
