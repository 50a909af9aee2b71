"""Bytes to answers: sizes before parsing, one outcome for each panel, and one bad panel spoils no other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from google.protobuf.unknown_fields import UnknownFieldSet

from labgloss.engine.interpret import interpret
from labgloss.errors import (
    AnswerTooLargeError,
    CallError,
    DeadlineExceededError,
    MalformedMessageError,
    MessageTooLargeError,
    RequestError,
    RuleNotFoundError,
)
from labgloss.knowledge.release import Release
from labgloss.server.handlers import Answer, InterpretationHandlers, KnowledgeHandlers
from labgloss.server.settings import Settings
from labgloss.v1 import error_reason_pb2, knowledge_pb2
from labgloss.v1 import interpretation_pb2 as pb
from labgloss.v1.panel_pb2 import Panel, Result
from tests.unit.server.conftest import Bench

CANARY = "canary7391"


def in_time() -> None:
    """A deadline that has not passed."""


def panel(ident: str) -> Panel:
    return Panel(id=ident, results=[Result(analyte="magnesium", value="0.41", unit="mmol/L")])


def unary(ident: str = "p") -> bytes:
    return pb.InterpretPanelRequest(panel=panel(ident)).SerializeToString()


def batch(*idents: str) -> bytes:
    return pb.BatchInterpretPanelsRequest(panels=[panel(ident) for ident in idents]).SerializeToString()


Method = Callable[[InterpretationHandlers, bytes], Answer]
METHODS: dict[str, tuple[Method, int]] = {
    "unary": (lambda handlers, body: handlers.interpret_panel(body), 65_536),
    "batch": (lambda handlers, body: handlers.batch(body, in_time), 1_048_576),
}


def test_a_panel_is_answered_by_its_report(bench: Bench) -> None:
    answer = bench.handlers.interpret_panel(unary("p1"))
    response = pb.InterpretPanelResponse.FromString(answer.body)
    assert ("p1", "p1") == (response.report.panel_id, response.report.summary)
    (decision,) = answer.decisions
    assert frozenset({"magnesium.class"}) == decision.rule_ids
    assert (response.report.SerializeToString(deterministic=True), "p1") == (decision.report, decision.panel.id)


def test_a_request_without_a_panel_names_it(bench: Bench) -> None:
    with pytest.raises(RequestError) as raised:
        bench.handlers.interpret_panel(b"")
    (violation,) = raised.value.violations
    assert ("panel", "REQUIRED", "the panel to interpret is needed") == (
        violation.field,
        violation.reason,
        violation.description,
    )


@pytest.mark.parametrize("method", METHODS)
def test_bytes_that_are_no_message_are_malformed(method: str, bench: Bench) -> None:
    call, _ = METHODS[method]
    with pytest.raises(MalformedMessageError) as raised:
        call(bench.handlers, b"\xff\xff" + CANARY.encode())
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("method", METHODS)
def test_a_message_larger_than_its_method_takes_is_refused_before_it_is_parsed(method: str, bench: Bench) -> None:
    call, limit = METHODS[method]
    with pytest.raises(MessageTooLargeError) as raised:
        call(bench.handlers, b"\xff" * (limit + 1))
    assert {"bytes": str(limit + 1), "limit_bytes": str(limit)} == raised.value.metadata
    assert "message" == raised.value.violations[0].field
    with pytest.raises(MalformedMessageError):
        call(bench.handlers, b"\xff" * limit)


def test_fields_that_this_version_does_not_know_are_not_repeated(release: Release) -> None:
    handlers = InterpretationHandlers(release, interpret, Settings(), lambda _: pytest.fail("a defect"))
    unknown = b"\xfa\x3f" + bytes([len(CANARY)]) + CANARY.encode()
    result = Result(analyte="magnesium").SerializeToString() + unknown
    body = pb.InterpretPanelRequest(panel=Panel.FromString(Panel(id="p").SerializeToString()))
    body.panel.results.add().MergeFromString(result)
    assert len(UnknownFieldSet(body.panel.results[0])) == 1
    answer = handlers.interpret_panel(body.SerializeToString()).body
    assert "magnesium" == pb.InterpretPanelResponse.FromString(answer).report.results[0].as_sent.analyte
    assert CANARY.encode() not in answer


def outcomes_of(answer: Answer) -> list[tuple[str, str]]:
    """The caller's id and summary or reason of each outcome."""
    return [
        (
            outcome.panel_id,
            outcome.report.summary
            if outcome.HasField("report")
            else error_reason_pb2.ErrorReason.Name(outcome.error.reason),
        )
        for outcome in pb.BatchInterpretPanelsResponse.FromString(answer.body).outcomes
    ]


def test_a_batch_answers_each_panel_in_the_order_sent(bench: Bench) -> None:
    answer = bench.handlers.batch(batch("a", "b", "c"), in_time)
    assert [("a", "a"), ("b", "b"), ("c", "c")] == outcomes_of(answer)
    assert 3 == len(answer.decisions)


def test_a_bad_panel_of_a_batch_spoils_no_other(bench: Bench) -> None:
    request = pb.BatchInterpretPanelsRequest(panels=[panel("a"), panel("b"), panel("c"), panel("d")])
    request.panels[1].as_of = "tomorrow"
    request.panels[2].options.release = "0"
    answer = bench.handlers.batch(request.SerializeToString(), in_time)
    assert [
        ("a", "a"),
        ("b", "ERROR_REASON_INVALID_FIELDS"),
        ("c", "ERROR_REASON_RELEASE_NOT_LOADED"),
        ("d", "d"),
    ] == outcomes_of(answer)
    error = pb.BatchInterpretPanelsResponse.FromString(answer.body).outcomes[1].error
    assert ["panels[1].as_of"] == [violation.field for violation in error.violations]


def test_a_defect_that_one_panel_meets_costs_no_other_its_answer(bench: Bench) -> None:
    defect = RuntimeError(CANARY)
    bench.engine.defects["b"] = defect
    answer = bench.handlers.batch(batch("a", "b", "c"), in_time)
    assert [("a", "a"), ("b", "ERROR_REASON_INTERNAL"), ("c", "c")] == outcomes_of(answer)
    assert [defect] == bench.defects
    assert CANARY.encode() not in answer.body


@pytest.mark.parametrize(
    ("count", "violation"),
    [
        (0, ("panels", "REQUIRED", "1 to 100 panels are needed")),
        (101, ("panels", "TOO_MANY", "at most 100 panels are allowed; send several messages")),
    ],
)
def test_a_batch_holds_1_to_100_panels(count: int, violation: tuple[str, str, str], bench: Bench) -> None:
    with pytest.raises(RequestError) as raised:
        bench.handlers.batch(batch(*["p"] * count), in_time)
    assert [violation] == [(each.field, each.reason, each.description) for each in raised.value.violations]
    assert not bench.engine.asked


def test_a_batch_stops_between_panels_when_its_deadline_has_passed(bench: Bench) -> None:
    left = iter([None, None])

    def passes_after_two() -> None:
        if next(left, DeadlineExceededError()) is not None:
            raise DeadlineExceededError

    with pytest.raises(DeadlineExceededError):
        bench.handlers.batch(batch("a", "b", "c", "d"), passes_after_two)
    assert ["a", "b"] == bench.engine.asked


def test_reports_that_do_not_fit_into_an_answer_are_refused_one_by_one(bench: Bench) -> None:
    bench.engine.summary = "x" * 100_000
    answer = bench.handlers.batch(batch(*(f"p{n}" for n in range(100))), in_time)
    assert len(answer.body) <= 4_194_304
    outcomes = pb.BatchInterpretPanelsResponse.FromString(answer.body).outcomes
    assert [f"p{n}" for n in range(100)] == [outcome.panel_id for outcome in outcomes]
    kinds = [outcome.WhichOneof("outcome") for outcome in outcomes]
    reported = kinds.count("report")
    assert 30 < reported < 45
    assert ["report"] * reported + ["error"] * (100 - reported) == kinds
    assert {error_reason_pb2.ERROR_REASON_MESSAGE_TOO_LARGE} == {each.error.reason for each in outcomes[reported:]}
    assert outcomes[-1].error.message.endswith(
        "bytes, and clients take 4194304; send this panel again in a message with fewer panels, "
        "or switch its trace off."
    )
    # What does not fit any more is not interpreted either, but for the first.
    assert len(bench.engine.asked) == reported + 1


def test_one_report_larger_than_clients_take_is_refused(bench: Bench) -> None:
    bench.engine.summary = "x" * 5_000_000
    with pytest.raises(AnswerTooLargeError) as raised:
        bench.handlers.interpret_panel(unary())
    assert "4194304" == raised.value.metadata["limit_bytes"]


def test_a_stream_message_is_answered_like_a_batch(bench: Bench) -> None:
    response = pb.StreamInterpretPanelsResponse.FromString(bench.handlers.stream_message(batch("a", "b"), in_time).body)
    assert ["a", "b"] == [outcome.report.summary for outcome in response.outcomes]
    assert not response.HasField("error")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\xff", error_reason_pb2.ERROR_REASON_MALFORMED_MESSAGE),
        (b"", error_reason_pb2.ERROR_REASON_INVALID_FIELDS),
        (b"\x00" * 1_048_577, error_reason_pb2.ERROR_REASON_MESSAGE_TOO_LARGE),
    ],
)
def test_a_stream_message_that_is_refused_says_why_and_the_stream_goes_on(
    body: bytes, reason: int, bench: Bench
) -> None:
    response = pb.StreamInterpretPanelsResponse.FromString(bench.handlers.stream_message(body, in_time).body)
    assert reason == response.error.reason
    assert not response.outcomes


def test_a_stream_ends_when_its_deadline_has_passed(bench: Bench) -> None:
    def passed() -> None:
        raise DeadlineExceededError

    with pytest.raises(DeadlineExceededError):
        bench.handlers.stream_message(batch("a"), passed)


def test_unary_batch_and_stream_give_the_same_report_bytes(bench: Bench) -> None:
    def report(answer: Answer, kind: type) -> bytes:
        message = kind.FromString(answer.body)
        found = message.report if kind is pb.InterpretPanelResponse else message.outcomes[0].report
        return found.SerializeToString(deterministic=True)

    one = report(bench.handlers.interpret_panel(unary("a")), pb.InterpretPanelResponse)
    assert one == report(bench.handlers.batch(batch("a"), in_time), pb.BatchInterpretPanelsResponse)
    assert one == report(bench.handlers.stream_message(batch("a"), in_time), pb.StreamInterpretPanelsResponse)


def test_only_ids_of_the_release_reach_the_log(bench: Bench, release: Release) -> None:
    """An engine that names an entry by the caller's id must not carry that id into the log."""
    plain = bench.engine

    def naming_the_caller(release: Release, decoded: object) -> object:
        report = plain(release, decoded)  # type: ignore[arg-type]
        finding = report.findings[0]
        return type(report)(
            panel_id="",
            urgency=report.urgency,
            summary="",
            findings=(finding, type(finding)("X", "", "", finding.truth, (), "", CANARY)),
        )

    handlers = InterpretationHandlers(release, naming_the_caller, Settings(), lambda _: pytest.fail("a defect"))
    (decision,) = handlers.interpret_panel(unary()).decisions
    assert frozenset({"magnesium.class"}) == decision.rule_ids


def test_knowledge_methods_answer_by_name(release: Release) -> None:
    methods = KnowledgeHandlers(release, Settings()).methods
    service = knowledge_pb2.DESCRIPTOR.services_by_name["KnowledgeService"]
    assert {method.name for method in service.methods} == set(methods)
    answer = methods["GetRelease"](b"")
    said = knowledge_pb2.GetReleaseResponse.FromString(answer.body).release
    assert release.reference.digest == said.digest
    assert () == answer.decisions


@pytest.mark.parametrize(
    ("name", "body", "error"),
    [
        ("GetRelease", b"\xff", MalformedMessageError),
        ("ListRules", b"\x00" * 65_537, MessageTooLargeError),
        ("ListRules", knowledge_pb2.ListRulesRequest(page_size=-1).SerializeToString(), RequestError),
        ("GetRule", knowledge_pb2.GetRuleRequest(id="x").SerializeToString(), RuleNotFoundError),
    ],
)
def test_knowledge_methods_refuse_what_is_wrong(
    name: str, body: bytes, error: type[CallError], release: Release
) -> None:
    with pytest.raises(error):
        KnowledgeHandlers(release, Settings()).methods[name](body)
