"""Each status of the service becomes the exception that stands for it, with everything that the status says."""

from __future__ import annotations

import pickle
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2

from labgloss.v1 import error_reason_pb2 as reasons
from labgloss.v1 import interpretation_pb2 as interpretation
from labgloss.v1 import report_pb2
from labgloss_client import (
    DeadlineExceeded,
    InvalidPanel,
    InvalidRequest,
    LabglossError,
    MessageTooLarge,
    Overloaded,
    PanelFailure,
    PermissionDenied,
    ReleaseNotLoaded,
    RuleNotFound,
    ServiceDefect,
    Unauthenticated,
    Unavailable,
    Violation,
    panel,
)
from labgloss_client._status import _BY_REASON
from tests.unit.client.fake_labgloss import FakeService, ask, end, info, report

Code = grpc.StatusCode


def bad_request(*violations: tuple[str, str, str]) -> Message:
    sent: Message = error_details_pb2.BadRequest(
        field_violations=[
            {"field": field, "reason": reason, "description": description} for field, reason, description in violations
        ]
    )
    return sent


def interpret(client: Any) -> Any:
    return client.interpret(panel(id="p1"))


STATUSES = [
    pytest.param(
        Code.INVALID_ARGUMENT,
        "2 fields of the panel are wrong",
        [
            bad_request(
                ("panel.results[2].collected", "BAD_FORM", "a date, or RFC 3339 with offset"),
                ("panel.patient.trimester", "OUT_OF_RANGE", "1 to 3"),
            ),
            info("INVALID_FIELDS", violations="2"),
        ],
        InvalidPanel(
            "2 fields of the panel are wrong",
            "INVALID_FIELDS",
            Code.INVALID_ARGUMENT,
            (
                Violation("panel.results[2].collected", "BAD_FORM", "a date, or RFC 3339 with offset"),
                Violation("panel.patient.trimester", "OUT_OF_RANGE", "1 to 3"),
            ),
        ),
        "2 fields of the panel are wrong\n"
        "  panel.results[2].collected: a date, or RFC 3339 with offset (BAD_FORM)\n"
        "  panel.patient.trimester: 1 to 3 (OUT_OF_RANGE)",
        id="bad fields of a panel",
    ),
    pytest.param(
        Code.INVALID_ARGUMENT,
        "1 field is wrong",
        [info("INVALID_FIELDS", violations="1"), bad_request(("page_size", "OUT_OF_RANGE", "1 to 1000"))],
        InvalidRequest(
            "1 field is wrong",
            "INVALID_FIELDS",
            Code.INVALID_ARGUMENT,
            (Violation("page_size", "OUT_OF_RANGE", "1 to 1000"),),
        ),
        "1 field is wrong\n  page_size: 1 to 1000 (OUT_OF_RANGE)",
        id="bad fields of something that is no panel",
    ),
    pytest.param(
        Code.INVALID_ARGUMENT,
        "the bytes are no message",
        [info("MALFORMED_MESSAGE")],
        InvalidRequest("the bytes are no message", "MALFORMED_MESSAGE", Code.INVALID_ARGUMENT),
        "the bytes are no message",
        id="malformed message",
    ),
    pytest.param(
        Code.RESOURCE_EXHAUSTED,
        "the message has 70000 bytes; at most 65536 are taken",
        [info("MESSAGE_TOO_LARGE", bytes="70000", limit_bytes="65536")],
        MessageTooLarge(
            "the message has 70000 bytes; at most 65536 are taken",
            "MESSAGE_TOO_LARGE",
            Code.RESOURCE_EXHAUSTED,
            70000,
            65536,
        ),
        "the message has 70000 bytes; at most 65536 are taken",
        id="message too large",
    ),
    pytest.param(
        Code.RESOURCE_EXHAUSTED,
        "too large",
        [info("MESSAGE_TOO_LARGE", bytes="many")],
        MessageTooLarge("too large", "MESSAGE_TOO_LARGE", Code.RESOURCE_EXHAUSTED, None, None),
        "too large",
        id="message too large, with sizes that are no numbers",
    ),
    pytest.param(
        Code.FAILED_PRECONDITION,
        "release 0.9.0 is not loaded",
        [info("RELEASE_NOT_LOADED", loaded_version="1.0.0", loaded_digest="ab12")],
        ReleaseNotLoaded(
            "release 0.9.0 is not loaded", "RELEASE_NOT_LOADED", Code.FAILED_PRECONDITION, "1.0.0", "ab12"
        ),
        "release 0.9.0 is not loaded",
        id="release not loaded",
    ),
    pytest.param(
        Code.NOT_FOUND,
        "no rule has this id",
        [info("RULE_NOT_FOUND")],
        RuleNotFound("no rule has this id", "RULE_NOT_FOUND", Code.NOT_FOUND),
        "no rule has this id",
        id="rule not found",
    ),
    pytest.param(
        Code.RESOURCE_EXHAUSTED,
        "too many streams",
        [
            error_details_pb2.RetryInfo(retry_delay=Duration(seconds=1, nanos=500_000_000)),
            info("TOO_MANY_STREAMS"),
        ],
        Overloaded("too many streams", "TOO_MANY_STREAMS", Code.RESOURCE_EXHAUSTED, 1.5),
        "too many streams",
        id="overloaded, with a time to retry",
    ),
    pytest.param(
        Code.RESOURCE_EXHAUSTED,
        "too many streams",
        [info("TOO_MANY_STREAMS")],
        Overloaded("too many streams", "TOO_MANY_STREAMS", Code.RESOURCE_EXHAUSTED, None),
        "too many streams",
        id="overloaded, without one",
    ),
    pytest.param(
        Code.DEADLINE_EXCEEDED,
        "the deadline passed",
        [info("DEADLINE_EXCEEDED")],
        DeadlineExceeded("the deadline passed", "DEADLINE_EXCEEDED", Code.DEADLINE_EXCEEDED),
        "the deadline passed",
        id="deadline, said by the service",
    ),
    pytest.param(
        Code.INTERNAL,
        "internal error id=7f3a",
        [info("INTERNAL", error_id="7f3a")],
        ServiceDefect("internal error id=7f3a", "INTERNAL", Code.INTERNAL, "7f3a"),
        "internal error id=7f3a",
        id="defect",
    ),
    pytest.param(
        Code.UNAUTHENTICATED,
        "no credentials",
        [info("UNAUTHENTICATED")],
        Unauthenticated("no credentials", "UNAUTHENTICATED", Code.UNAUTHENTICATED),
        "no credentials",
        id="unauthenticated",
    ),
    pytest.param(
        Code.PERMISSION_DENIED,
        "not this method",
        [info("PERMISSION_DENIED")],
        PermissionDenied("not this method", "PERMISSION_DENIED", Code.PERMISSION_DENIED),
        "not this method",
        id="permission denied",
    ),
    pytest.param(
        Code.UNAVAILABLE,
        "the service is stopping",
        [info("SHUTTING_DOWN")],
        Unavailable("the service is stopping", "SHUTTING_DOWN", Code.UNAVAILABLE),
        "the service is stopping",
        id="shutting down",
    ),
    pytest.param(
        Code.UNIMPLEMENTED,
        "Method not found!",
        [],
        LabglossError(
            "what answers at the target is not this version of labgloss (Method not found!)", "", Code.UNIMPLEMENTED
        ),
        "what answers at the target is not this version of labgloss (Method not found!)",
        id="another service",
    ),
    pytest.param(
        Code.RESOURCE_EXHAUSTED,
        "Concurrent RPC limit exceeded!",
        [],
        Overloaded(
            "the service takes no more calls just now: call again later (Concurrent RPC limit exceeded!)",
            "",
            Code.RESOURCE_EXHAUSTED,
        ),
        "the service takes no more calls just now: call again later (Concurrent RPC limit exceeded!)",
        id="overloaded, said by gRPC",
    ),
    pytest.param(
        Code.CANCELLED,
        "CANCELLED",
        [],
        Unavailable(
            "the call was cancelled: the service is stopping, or this client was closed; the call may be made again "
            "(CANCELLED)",
            "",
            Code.CANCELLED,
        ),
        "the call was cancelled: the service is stopping, or this client was closed; the call may be made again "
        "(CANCELLED)",
        id="cancelled by a server that stops",
    ),
    pytest.param(
        Code.UNKNOWN,
        "something",
        [info("INTERNAL", domain="elsewhere", error_id="1")],
        ServiceDefect("the service failed and gave no reason (something)", "", Code.UNKNOWN),
        "the service failed and gave no reason (something)",
        id="the reason of another domain is not ours",
    ),
    pytest.param(
        Code.UNAUTHENTICATED,
        "said by a later service",
        [info("TOKEN_EXPIRED")],
        Unauthenticated(
            "the call carried no valid credentials (said by a later service)", "TOKEN_EXPIRED", Code.UNAUTHENTICATED
        ),
        "the call carried no valid credentials (said by a later service)",
        id="a reason of a later service keeps its name",
    ),
]


@pytest.mark.parametrize(("code", "text", "details", "expected", "shown"), STATUSES)
def test_a_status_becomes_the_exception_that_stands_for_it(
    service: FakeService,
    kind: str,
    code: grpc.StatusCode,
    text: str,
    details: list[Message],
    expected: LabglossError,
    shown: str,
) -> None:
    service.refuse("InterpretPanel", code, text, *details)
    with pytest.raises(LabglossError) as raised:
        ask(kind, service.target, interpret)
    error = raised.value
    assert (type(expected), vars(expected), shown) == (type(error), vars(error), str(error))
    assert isinstance(error.__cause__, grpc.RpcError)
    assert error.__cause__.code() is code


def test_every_reason_of_the_api_has_its_exception() -> None:
    names = {name.removeprefix("ERROR_REASON_") for name, number in reasons.ErrorReason.items() if number}
    assert names == set(_BY_REASON)


def test_details_that_are_no_status_leave_code_and_text(service: FakeService, kind: str) -> None:
    def garbled(_sent: object, context: grpc.ServicerContext) -> Any:
        context.set_trailing_metadata((("grpc-status-details-bin", b"\xff\xff\xff"),))
        end(context, Code.PERMISSION_DENIED, "not you")

    service.answers["InterpretPanel"] = garbled
    with pytest.raises(PermissionDenied, match=r"^the caller may not use this method \(not you\)$"):
        ask(kind, service.target, interpret)


def test_an_answer_beyond_what_one_message_may_hold_says_how_to_make_it_smaller(
    service: FakeService, kind: str
) -> None:
    service.answer(
        "InterpretPanel",
        interpretation.InterpretPanelResponse(report=report_pb2.Report(panel_id="p1", summary="x" * 4 * 1024 * 1024)),
    )
    with pytest.raises(MessageTooLarge) as raised:
        ask(kind, service.target, interpret)
    assert str(raised.value).startswith(
        "the message or its answer is larger than gRPC takes: send fewer panels at once, or ask for no trace ("
    )
    assert (raised.value.size_bytes, raised.value.limit_bytes, raised.value.reason) == (None, None, "")


def item_error(code: int, reason: str, message: str, *violations: tuple[str, str, str]) -> reasons.ItemError:
    return reasons.ItemError(
        code=code,
        reason=reasons.ErrorReason.Value(f"ERROR_REASON_{reason}"),
        message=message,
        violations=[
            reasons.FieldViolation(
                field=field, reason=reasons.ViolationReason.Value(f"VIOLATION_REASON_{why}"), description=description
            )
            for field, why, description in violations
        ],
    )


ITEMS = [
    pytest.param(
        item_error(
            code_pb2.INVALID_ARGUMENT, "INVALID_FIELDS", "1 field is wrong", ("results[0].id", "DUPLICATE", "x")
        ),
        InvalidPanel(
            "1 field is wrong",
            "INVALID_FIELDS",
            Code.INVALID_ARGUMENT,
            (Violation("results[0].id", "DUPLICATE", "x"),),
        ),
        id="bad fields",
    ),
    pytest.param(
        item_error(code_pb2.FAILED_PRECONDITION, "RELEASE_NOT_LOADED", "release 0.9.0 is not loaded"),
        ReleaseNotLoaded("release 0.9.0 is not loaded", "RELEASE_NOT_LOADED", Code.FAILED_PRECONDITION),
        id="release not loaded",
    ),
    pytest.param(
        item_error(code_pb2.INTERNAL, "INTERNAL", "internal error id=1"),
        ServiceDefect("internal error id=1", "INTERNAL", Code.INTERNAL),
        id="defect",
    ),
    pytest.param(
        reasons.ItemError(code=code_pb2.ABORTED, reason=99, message="said by a later service"),  # type: ignore[arg-type]  # no name yet
        LabglossError(
            "what answers at the target is not this version of labgloss (said by a later service)", "99", Code.ABORTED
        ),
        id="a reason of a later service",
    ),
    pytest.param(
        reasons.ItemError(code=code_pb2.INTERNAL),
        ServiceDefect("the service failed and gave no reason (INTERNAL)", "", Code.INTERNAL),
        id="no reason and no message",
    ),
]


@pytest.mark.parametrize(("sent", "expected"), ITEMS)
@pytest.mark.parametrize("method", ["interpret_batch", "interpret_stream"])
def test_one_bad_panel_fails_alone(
    service: FakeService, kind: str, method: str, sent: reasons.ItemError, expected: LabglossError
) -> None:
    outcomes = [
        interpretation.PanelOutcome(panel_id="a", report=report("a")),
        interpretation.PanelOutcome(panel_id="b", error=sent),
    ]
    service.answer("BatchInterpretPanels", interpretation.BatchInterpretPanelsResponse(outcomes=outcomes))
    service.answer("StreamInterpretPanels", interpretation.StreamInterpretPanelsResponse(outcomes=outcomes))
    panels = [panel(id="a"), panel(id="b")]
    good, bad = ask(kind, service.target, lambda client: getattr(client, method)(panels))
    assert good.panel_id == "a"
    assert isinstance(bad, PanelFailure)
    assert ("b", type(expected), vars(expected)) == (bad.panel_id, type(bad.error), vars(bad.error))


@pytest.mark.parametrize("expected", [case.values[3] for case in STATUSES], ids=[case.id for case in STATUSES])
def test_an_error_survives_the_way_between_processes(expected: LabglossError) -> None:
    copy = pickle.loads(pickle.dumps(expected))
    assert (type(expected), vars(expected), str(expected)) == (type(copy), vars(copy), str(copy))
