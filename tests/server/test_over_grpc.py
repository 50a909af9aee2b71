"""The service over a real connection: every call ends with an answer or a status that says what to do."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from labgloss.domain import panel as domain_panel
from labgloss.domain import report as domain_report
from labgloss.engine.interpret import interpret
from labgloss.errors import SettingsError
from labgloss.knowledge.loader import load
from labgloss.knowledge.release import Release
from labgloss.server.app import start
from labgloss.server.handlers import Interpret
from labgloss.server.settings import Settings
from labgloss.v1 import error_reason_pb2, fhir_pb2, interpretation_pb2, knowledge_pb2
from labgloss.v1 import interpretation_pb2 as pb
from tests.server.wire import (
    BATCH,
    HEALTH,
    INTERPRET,
    REFLECTION,
    STREAM,
    WATCH,
    Served,
    StalledWatcher,
    batch,
    detail,
    panel,
    reason_of,
    serving,
    unary,
)

CANARY = "canary7391"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.fixture(scope="module")
def release() -> Release:
    return load()


@pytest.fixture(scope="module")
def served(release: Release) -> Iterator[Served]:
    with serving(release) as running:
        yield running


def methods() -> list[str]:
    """The path of every method of both services, from the schema."""
    return [
        f"/{service.full_name}/{method.name}"
        for file in (fhir_pb2.DESCRIPTOR, interpretation_pb2.DESCRIPTOR, knowledge_pb2.DESCRIPTOR)
        for service in file.services_by_name.values()
        for method in service.methods
    ]


UNARY = [method for method in methods() if method != STREAM]


def refused(call: object, *arguments: object, **keywords: object) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as raised:
        call(*arguments, **keywords)  # type: ignore[operator]
    return raised.value


class SlowEngine:
    """An engine that waits before each panel until it is let go, and counts what it was asked."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked = threading.Semaphore(0)

    def __call__(self, release: Release, decoded: domain_panel.Panel) -> domain_report.Report:
        self.asked.release()
        self.go.wait(10)
        return interpret(release, decoded)


def raising(error: BaseException) -> Interpret:
    """An engine that meets a defect in a panel named bad."""

    def engine(release: Release, decoded: domain_panel.Panel) -> domain_report.Report:
        if decoded.id == "bad":
            raise error
        return interpret(release, decoded)

    return engine


# ------------------------------------------------------------------------------------------------ answers


def test_a_panel_is_answered_and_its_rules_can_be_looked_up(served: Served) -> None:
    request = pb.InterpretPanelRequest(panel=panel("p1"))
    request.panel.patient.age_years = 67
    report = pb.InterpretPanelResponse.FromString(served.call(INTERPRET, request.SerializeToString())).report
    (result,) = report.results
    assert ("p1", "L", "moderate_low", "0.29 below the lower limit 0.70") == (
        report.panel_id,
        result.flag,
        result.band,
        result.intervals[0].position,
    )
    named = {*result.rule_ids, *(finding.rule_id for finding in report.findings)}
    named |= {item.id for item in (*report.findings, *report.patterns, *report.red_flags, *report.recommendations)}
    named |= {caution.id for caution in result.cautions}
    for ident in sorted(named):
        body = knowledge_pb2.GetRuleRequest(id=ident).SerializeToString()
        served.call("/labgloss.v1.KnowledgeService/GetRule", body)


def test_a_stream_answers_each_message_in_order_and_outlives_a_bad_one(served: Served) -> None:
    answers = [
        pb.StreamInterpretPanelsResponse.FromString(body)
        for body in served.open(iter([batch("a", "b"), b"\xff", batch("c")]))
    ]
    assert [["a", "b"], [], ["c"]] == [[outcome.panel_id for outcome in answer.outcomes] for answer in answers]
    assert error_reason_pb2.ERROR_REASON_MALFORMED_MESSAGE == answers[1].error.reason


def test_every_method_of_the_schema_is_served(served: Served) -> None:
    for method in UNARY:
        try:
            served.call(method, b"")
        except grpc.RpcError as error:
            assert grpc.StatusCode.INVALID_ARGUMENT == error.code()  # noqa: PT017 - some answer nothing asked
    assert [] == list(served.open(iter([])))


def test_a_call_leaves_one_line_in_the_log_without_a_value(release: Release) -> None:
    with serving(release) as served:
        served.call(INTERPRET, unary("MRN-4711", "0.4137"))
        refused(served.call, BATCH, b"")
        first, second = served.log
    assert b"0.4137" not in served.stream.getvalue()
    assert b"MRN-4711" not in served.stream.getvalue()
    assert ("call", "InterpretPanel", "OK", 1, len(unary("MRN-4711", "0.4137")), release.reference.version) == (
        first["event"],
        first["method"],
        first["status"],
        first["panels"],
        first["request_bytes"],
        first["release"],
    )
    assert "magnesium.band.moderate_low" in first["rule_ids"]
    assert first["digest"] == release.reference.digest
    assert ("call", "BatchInterpretPanels", "INVALID_ARGUMENT", "INVALID_FIELDS", 0) == (
        second["event"],
        second["method"],
        second["status"],
        second["reason"],
        second["panels"],
    )


# ------------------------------------------------------------------------------------------------ refusals


def test_every_bad_field_is_named_at_once(served: Served) -> None:
    request = pb.InterpretPanelRequest(panel=panel())
    request.panel.as_of = CANARY
    request.panel.results[0].collected = CANARY
    request.panel.patient.age_years = 200
    error = refused(served.call, INTERPRET, request.SerializeToString())
    assert (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELDS") == (error.code(), reason_of(error))
    bad = detail(error, error_details_pb2.BadRequest)
    assert [
        ("panel.patient.age_years", "OUT_OF_RANGE"),
        ("panel.results[0].collected", "BAD_FORM"),
        ("panel.as_of", "BAD_FORM"),
    ] == [(each.field, each.reason) for each in bad.field_violations]
    assert CANARY not in str(error.trailing_metadata()) + error.details()


def test_hundreds_of_bad_fields_still_reach_a_client_with_default_limits(served: Served) -> None:
    request = pb.InterpretPanelRequest(panel=panel())
    for _ in range(199):
        request.panel.results.add(analyte="magnesium", collected="x", status=99)  # type: ignore[arg-type]
    for _ in range(20):
        error = refused(served.call, INTERPRET, request.SerializeToString())
        assert grpc.StatusCode.INVALID_ARGUMENT == error.code()
    assert {"violations": "398"} == dict(detail(error, error_details_pb2.ErrorInfo).metadata)
    assert len(detail(error, error_details_pb2.BadRequest).field_violations) > 100


@pytest.mark.parametrize("method", [*UNARY, HEALTH])
def test_bytes_that_are_no_message_are_the_callers_fault(method: str, served: Served) -> None:
    error = refused(served.call, method, b"\xff\xff" + CANARY.encode())
    assert grpc.StatusCode.INVALID_ARGUMENT == error.code()
    assert CANARY not in str(error.trailing_metadata()) + error.details()


@pytest.mark.parametrize("method", [REFLECTION, WATCH])
def test_bytes_that_are_no_message_of_a_stream_are_too(method: str, served: Served) -> None:
    error = refused(lambda: list(served.open(iter([b"\xff\xff"]), method)))
    assert grpc.StatusCode.INVALID_ARGUMENT == error.code()


def test_a_message_beyond_its_methods_limit_is_refused_with_the_limit(served: Served) -> None:
    error = refused(served.call, INTERPRET, b"\x00" * 65_537)
    assert (grpc.StatusCode.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE") == (error.code(), reason_of(error))
    (named,) = detail(error, error_details_pb2.BadRequest).field_violations
    assert ("message", "at most 65536 bytes are allowed; send fewer results, or several panels") == (
        named.field,
        named.description,
    )


def test_a_message_beyond_the_cores_limit_is_refused_without_details(served: Served) -> None:
    assert grpc.StatusCode.RESOURCE_EXHAUSTED == refused(served.call, BATCH, b"\x00" * 4_194_305).code()


def test_a_pinned_release_that_is_not_loaded_is_a_failed_precondition(served: Served, release: Release) -> None:
    request = pb.InterpretPanelRequest(panel=panel())
    request.panel.options.release = "0.0.0-none"
    error = refused(served.call, INTERPRET, request.SerializeToString())
    assert (grpc.StatusCode.FAILED_PRECONDITION, "RELEASE_NOT_LOADED") == (error.code(), reason_of(error))
    assert release.reference.digest == detail(error, error_details_pb2.ErrorInfo).metadata["loaded_digest"]


def test_an_unknown_method_is_unimplemented(served: Served) -> None:
    error = refused(served.call, "/labgloss.v1.InterpretationService/Diagnose", b"")
    assert grpc.StatusCode.UNIMPLEMENTED == error.code()


def test_compressed_messages_are_refused(served: Served) -> None:
    call = served.channel.unary_unary(INTERPRET)
    error = refused(call, unary() * 50, compression=grpc.Compression.Gzip, timeout=5)
    assert grpc.StatusCode.UNIMPLEMENTED == error.code()


def test_metadata_beyond_its_limit_is_refused(served: Served) -> None:
    call = served.channel.unary_unary(INTERPRET)
    error = refused(call, unary(), metadata=[("x-long", "x" * 9_000)], timeout=5)
    assert grpc.StatusCode.RESOURCE_EXHAUSTED == error.code()


# ------------------------------------------------------------------------------------------------ defects


@pytest.mark.parametrize(
    "defect", [RuntimeError(CANARY), SystemExit(CANARY), KeyboardInterrupt(CANARY), GeneratorExit(CANARY)], ids=repr
)
def test_a_defect_is_internal_with_an_id_and_its_text_goes_nowhere(
    defect: BaseException, release: Release, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(release, raising(defect)) as served:
        error = refused(served.call, INTERPRET, unary("bad"))
        assert (grpc.StatusCode.INTERNAL, "INTERNAL") == (error.code(), reason_of(error))
        error_id = detail(error, error_details_pb2.ErrorInfo).metadata["error_id"]
        assert f"A defect of the service; its log names it by error id {error_id}." == error.details()
        assert [("defect", error_id, type(defect).__name__)] == [
            (line["event"], line["error_id"], line["error_type"]) for line in served.log if line["event"] == "defect"
        ]
        assert [("INTERNAL", error_id)] == [
            (line["reason"], line["error_id"]) for line in served.log if line["event"] == "call"
        ]
        sinks = served.stream.getvalue().decode() + str(error.trailing_metadata()) + str(capfd.readouterr())
        assert CANARY not in sinks
        served.call(INTERPRET, unary())


@pytest.mark.parametrize("defect", [SystemExit(CANARY), GeneratorExit(CANARY)], ids=repr)
def test_a_defect_in_a_stream_ends_it_and_frees_its_slot(defect: BaseException, release: Release) -> None:
    with serving(release, raising(defect), threads=2) as served:
        for _ in range(3):
            answers = served.open(iter([batch("a"), batch("bad")]))
            assert pb.StreamInterpretPanelsResponse.FromString(next(answers)).outcomes[0].panel_id == "a"
            error = refused(next, answers)
            assert (grpc.StatusCode.INTERNAL, "INTERNAL") == (error.code(), reason_of(error))
            assert CANARY not in error.details()


def test_a_defect_that_one_panel_of_a_batch_meets_costs_no_other_its_answer(release: Release) -> None:
    with serving(release, raising(ValueError(CANARY))) as served:
        body = served.call(BATCH, batch("a", "bad", "c"))
        outcomes = pb.BatchInterpretPanelsResponse.FromString(body).outcomes
        assert ["report", "error", "report"] == [outcome.WhichOneof("outcome") for outcome in outcomes]
        (line,) = [line for line in served.log if line["event"] == "defect"]
        assert line["error_id"] in outcomes[1].error.message
        assert CANARY.encode() not in body + served.stream.getvalue()


# ------------------------------------------------------------------------------------------------ slots and health


def wait_until(holds: object, seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come to hold in time"
        time.sleep(0.005)


def check(served: Served, service: str = "") -> int:
    body = served.call(HEALTH, health_pb2.HealthCheckRequest(service=service).SerializeToString(), timeout=2)
    return int(health_pb2.HealthCheckResponse.FromString(body).status)


def open_stream(served: Served) -> tuple[queue.SimpleQueue[bytes | None], object]:
    """A stream that has answered once and stays open until None is put."""
    bodies: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    bodies.put(batch("a"))
    answers = served.open(iter(bodies.get, None))
    next(answers)
    return bodies, answers


def test_streams_and_batches_get_half_of_the_threads_and_the_next_is_told_when_to_retry(release: Release) -> None:
    with serving(release, threads=4) as served:
        held = [open_stream(served) for _ in range(2)]
        for refusal in (
            refused(served.call, BATCH, batch("a")),
            refused(lambda: list(served.open(iter([batch("a")])))),
        ):
            assert (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS") == (refusal.code(), reason_of(refusal))
            assert 1_000 == detail(refusal, error_details_pb2.RetryInfo).retry_delay.ToMilliseconds()
        served.call(INTERPRET, unary())
        assert SERVING == check(served)
        held[0][0].put(None)
        assert [] == list(held[0][1])  # type: ignore[call-overload]
        wait_until(lambda: served.log[-1]["method"] == "StreamInterpretPanels" and served.log[-1]["status"] == "OK")
        served.call(BATCH, batch("a"))
        held[1][0].put(None)


def test_a_batch_frees_its_slot(release: Release) -> None:
    with serving(release, raising(RuntimeError()), threads=2) as served:
        for _ in range(3):
            served.call(BATCH, batch("a", "bad"))
            refused(served.call, BATCH, b"")


def test_a_stream_that_its_caller_cancels_frees_its_slot(release: Release) -> None:
    with serving(release, threads=2) as served:
        bodies, answers = open_stream(served)
        answers.cancel()  # type: ignore[attr-defined]
        wait_until(lambda: bool(served.log))
        served.call(BATCH, batch("a"))
        bodies.put(None)


def test_health_answers_while_every_thread_is_busy(release: Release) -> None:
    engine = SlowEngine()
    with serving(release, engine, threads=4) as served:
        calls = [served.channel.unary_unary(INTERPRET).future(unary(), timeout=10) for _ in range(12)]
        for _ in range(4):
            assert engine.asked.acquire(timeout=5)
        started = time.monotonic()
        assert SERVING == check(served)
        assert time.monotonic() - started < 1
        engine.go.set()
        for call in calls:
            call.result()


def test_a_watcher_that_does_not_read_stops_no_check_and_no_other_watch(served: Served) -> None:
    port = served.server.port
    with StalledWatcher(port), StalledWatcher(port), StalledWatcher(port):
        time.sleep(0.2)
        assert SERVING == check(served)
        served.call(INTERPRET, unary())
        watch = served.channel.unary_stream(WATCH)(b"", timeout=2)
        assert SERVING == health_pb2.HealthCheckResponse.FromString(next(watch)).status
        watch.cancel()


@pytest.mark.parametrize(
    "service", ["", "labgloss.v1.InterpretationService", "labgloss.v1.KnowledgeService", "labgloss.v1.FhirService"]
)
def test_health_knows_each_service(service: str, served: Served) -> None:
    assert SERVING == check(served, service)


def test_health_of_an_unknown_service_is_not_found(served: Served) -> None:
    assert grpc.StatusCode.NOT_FOUND == refused(check, served, "labgloss.v2.Other").code()


def test_a_health_check_names_a_service_and_no_more(served: Served) -> None:
    """A watch keeps the name that it was sent for as long as it lasts."""
    body = health_pb2.HealthCheckRequest(service="x" * 1_024).SerializeToString()
    assert grpc.StatusCode.INVALID_ARGUMENT == refused(served.call, HEALTH, body).code()
    watch = served.channel.unary_stream(WATCH)(body, timeout=2)
    assert grpc.StatusCode.INVALID_ARGUMENT == refused(next, watch).code()


def test_a_watch_tells_the_status_and_its_change_and_ends_with_the_server(release: Release) -> None:
    with serving(release) as served:
        watch = served.channel.unary_stream(WATCH)
        statuses = watch(health_pb2.HealthCheckRequest(service="").SerializeToString(), timeout=5)
        unknown = watch(health_pb2.HealthCheckRequest(service="x").SerializeToString(), timeout=5)

        def status(answers: Iterator[bytes]) -> int:
            return int(health_pb2.HealthCheckResponse.FromString(next(answers)).status)

        assert SERVING == status(statuses)
        assert health_pb2.HealthCheckResponse.SERVICE_UNKNOWN == status(unknown)
        served.server.stop_taking()
        assert NOT_SERVING == status(statuses)
        assert NOT_SERVING == check(served)
        # What still comes is answered: connections move away first.
        served.call(INTERPRET, unary())
        started = time.monotonic()
        served.server.stop(5)
        assert time.monotonic() - started < 2
        assert [] == list(statuses)


# ------------------------------------------------------------------------------------------------ deadlines


def test_a_batch_stops_soon_after_its_callers_deadline(release: Release) -> None:
    asked = []

    def engine(release: Release, decoded: domain_panel.Panel) -> domain_report.Report:
        asked.append(decoded.id)
        time.sleep(0.05)
        return interpret(release, decoded)

    with serving(release, engine) as served:
        error = refused(served.call, BATCH, batch(*["p"] * 100), timeout=0.3)
        assert grpc.StatusCode.DEADLINE_EXCEEDED == error.code()
        wait_until(lambda: bool(served.log))
        assert ("BatchInterpretPanels", "DEADLINE_EXCEEDED") == (served.log[0]["method"], served.log[0]["status"])
        assert len(asked) < 20


def test_a_call_that_waited_past_its_deadline_is_not_interpreted(release: Release) -> None:
    engine = SlowEngine()
    with serving(release, engine, threads=2) as served:
        call = served.channel.unary_unary(INTERPRET)
        first = [call.future(unary("first"), timeout=10) for _ in range(2)]
        assert all(engine.asked.acquire(timeout=5) for _ in first)
        assert grpc.StatusCode.DEADLINE_EXCEEDED == refused(call, unary("late"), timeout=0.2).code()
        engine.go.set()
        for each in first:
            each.result()
        time.sleep(0.1)
        assert not engine.asked.acquire(blocking=False)


# ------------------------------------------------------------------------------------------------ port and reflection


def test_a_busy_port_is_a_wrong_setting_said_in_one_line(served: Served, release: Release) -> None:
    port = served.server.port
    with pytest.raises(SettingsError) as raised:
        start(Settings(port=port), release)
    assert (
        f"127.0.0.1:{port} cannot be listened on: Address already in use; choose another by --host and --port, "
        "or LABGLOSS_HOST and LABGLOSS_PORT (port 0 takes any free one)",
    ) == raised.value.faults


def test_a_second_server_never_shares_a_port(served: Served, release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the port was taken between the question and gRPC's own attempt."""
    monkeypatch.setattr("labgloss.server.app.why_not_bound", lambda *_: None)
    with pytest.raises(SettingsError, match="cannot be listened on: gRPC could not open it; choose another by --host"):
        start(Settings(port=served.server.port), release)


def test_a_host_that_is_not_this_machine_is_a_wrong_setting(
    release: Release, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SettingsError) as raised:
        start(Settings(host="192.0.2.1", port=0, plaintext=True), release)
    assert raised.value.faults[0].startswith("192.0.2.1:0 cannot be listened on: Cannot assign requested address; ")
    assert capfd.readouterr().err == ""


def reflected(served: Served) -> set[str]:
    request = reflection_pb2.ServerReflectionRequest(list_services="").SerializeToString()
    answer = reflection_pb2.ServerReflectionResponse.FromString(next(served.open(iter([request]), REFLECTION)))
    return {service.name for service in answer.list_services_response.service}


def test_reflection_lists_the_services_on_loopback(served: Served) -> None:
    assert {
        "labgloss.v1.InterpretationService",
        "labgloss.v1.FhirService",
        "labgloss.v1.KnowledgeService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    } == reflected(served)


def test_reflection_can_be_switched_off(release: Release) -> None:
    with serving(release, reflection=False) as served:
        assert grpc.StatusCode.UNIMPLEMENTED == refused(reflected, served).code()
