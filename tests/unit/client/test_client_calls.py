"""Both clients give the same answers to the same questions."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import Message

from labgloss.v1 import interpretation_pb2 as interpretation
from labgloss.v1 import knowledge_pb2 as knowledge
from labgloss_client import AsyncClient, Client, ServiceDefect, panel
from tests.unit.client.fake_labgloss import FakeService, ask, report

# Method and its answers; what is asked; what comes back; what was sent.
KNOWLEDGE = [
    pytest.param(
        "GetRelease",
        [knowledge.GetReleaseResponse(release=knowledge.Release(version="1.0.0"))],
        lambda client: client.release(),
        knowledge.Release(version="1.0.0"),
        [knowledge.GetReleaseRequest()],
        id="release",
    ),
    pytest.param(
        "GetRule",
        [knowledge.GetRuleResponse(rule=knowledge.Rule(id="magnesium.band.mild_low"))],
        lambda client: client.rule("magnesium.band.mild_low"),
        knowledge.Rule(id="magnesium.band.mild_low"),
        [knowledge.GetRuleRequest(id="magnesium.band.mild_low")],
        id="rule",
    ),
    pytest.param(
        "ListAnalytes",
        [
            knowledge.ListAnalytesResponse(
                analytes=[knowledge.Analyte(id="albumin"), knowledge.Analyte(id="calcium_total")], next_page_token="a"
            ),
            knowledge.ListAnalytesResponse(next_page_token="b"),
            knowledge.ListAnalytesResponse(analytes=[knowledge.Analyte(id="magnesium")]),
        ],
        lambda client: client.analytes(),
        [knowledge.Analyte(id="albumin"), knowledge.Analyte(id="calcium_total"), knowledge.Analyte(id="magnesium")],
        [
            knowledge.ListAnalytesRequest(),
            knowledge.ListAnalytesRequest(page_token="a"),
            knowledge.ListAnalytesRequest(page_token="b"),
        ],
        id="analytes over three pages, one of them empty",
    ),
    pytest.param(
        "ListReferenceIntervals",
        [
            knowledge.ListReferenceIntervalsResponse(
                intervals=[knowledge.ReferenceInterval(id="one")], next_page_token="a"
            ),
            knowledge.ListReferenceIntervalsResponse(intervals=[knowledge.ReferenceInterval(id="two")]),
        ],
        lambda client: client.reference_intervals(analyte="magnesium", variant="mayo"),
        [knowledge.ReferenceInterval(id="one"), knowledge.ReferenceInterval(id="two")],
        [
            knowledge.ListReferenceIntervalsRequest(analyte="magnesium", variant="mayo"),
            knowledge.ListReferenceIntervalsRequest(analyte="magnesium", variant="mayo", page_token="a"),
        ],
        id="reference intervals keep their filters from page to page",
    ),
    pytest.param(
        "ListRules",
        [knowledge.ListRulesResponse(rules=[knowledge.Rule(id="one")])],
        lambda client: client.rules(kind="red_flag", analyte="potassium"),
        [knowledge.Rule(id="one")],
        [knowledge.ListRulesRequest(kind=knowledge.RULE_KIND_RED_FLAG, analyte="potassium")],
        id="rules",
    ),
    pytest.param(
        "ListSymptoms",
        [knowledge.ListSymptomsResponse(symptoms=[knowledge.VocabularySymptom(id="FALLS")])],
        lambda client: client.symptoms(),
        [knowledge.VocabularySymptom(id="FALLS")],
        [knowledge.ListSymptomsRequest()],
        id="symptoms",
    ),
    pytest.param(
        "ListSources",
        [knowledge.ListSourcesResponse()],
        lambda client: client.sources(),
        [],
        [knowledge.ListSourcesRequest()],
        id="sources, of which there are none",
    ),
]


@pytest.mark.parametrize(("method", "answers", "question", "expected", "sent"), KNOWLEDGE)
def test_the_knowledge_is_read_to_its_last_page(
    service: FakeService,
    kind: str,
    method: str,
    answers: list[Message],
    question: Callable[[Any], Any],
    expected: Any,
    sent: list[Message],
) -> None:
    service.answer(method, *answers)
    assert expected == ask(kind, service.target, question)
    assert [type(request).FromString(got) for request, got in zip(sent, service.requests, strict=True)] == sent


def test_a_panel_is_answered_by_its_report(service: FakeService, kind: str) -> None:
    assert report("p1") == ask(kind, service.target, lambda client: client.interpret(panel(id="p1")))


def test_a_batch_is_answered_in_its_order(service: FakeService, kind: str) -> None:
    panels = [panel(id="b"), panel(), panel(id="a"), panel(id="b")]
    expected = [report("b"), report(""), report("a"), report("b")]
    assert expected == ask(kind, service.target, lambda client: client.interpret_batch(iter(panels)))


def outcome(panel_id: str, **answer: Any) -> interpretation.PanelOutcome:
    return interpretation.PanelOutcome(panel_id=panel_id, **answer)


WRONG_ANSWERS = [
    pytest.param(
        "InterpretPanel",
        interpretation.InterpretPanelResponse(),
        lambda client: client.interpret(panel(id="p1")),
        "the service answered without a report",
        id="no report",
    ),
    pytest.param(
        "InterpretPanel",
        interpretation.InterpretPanelResponse(report=report("p2")),
        lambda client: client.interpret(panel(id="p1")),
        "the service answered for another panel than was asked: the ids differ",
        id="the report of another panel",
    ),
    pytest.param(
        "BatchInterpretPanels",
        interpretation.BatchInterpretPanelsResponse(outcomes=[outcome("p1", report=report("p1"))]),
        lambda client: client.interpret_batch([panel(id="p1"), panel(id="p2")]),
        "the service answered 1 of 2 panels",
        id="too few outcomes",
    ),
    pytest.param(
        "BatchInterpretPanels",
        interpretation.BatchInterpretPanelsResponse(outcomes=[outcome("p2", report=report("p1"))]),
        lambda client: client.interpret_batch([panel(id="p1")]),
        "the service answered for another panel than was asked: the ids differ",
        id="the outcome of another panel",
    ),
    pytest.param(
        "BatchInterpretPanels",
        interpretation.BatchInterpretPanelsResponse(outcomes=[outcome("p1", report=report("p2"))]),
        lambda client: client.interpret_batch([panel(id="p1")]),
        "the service answered for another panel than was asked: the ids differ",
        id="the report of another panel in the right outcome",
    ),
    pytest.param(
        "BatchInterpretPanels",
        interpretation.BatchInterpretPanelsResponse(outcomes=[outcome("p1")]),
        lambda client: client.interpret_batch([panel(id="p1")]),
        "the service answered a panel with neither report nor error",
        id="an empty outcome",
    ),
]


@pytest.mark.parametrize(("method", "answer", "question", "message"), WRONG_ANSWERS)
def test_an_answer_to_something_else_is_a_defect_and_no_report(
    service: FakeService, kind: str, method: str, answer: Message, question: Callable[[Any], Any], message: str
) -> None:
    service.answer(method, answer)
    with pytest.raises(ServiceDefect) as raised:
        ask(kind, service.target, question)
    assert message == str(raised.value)


def test_both_clients_have_the_same_methods_with_the_same_parameters() -> None:
    # Only these differ, because one waits and the other is awaited.
    asynchronous = {"__aenter__": "__enter__", "__aexit__": "__exit__"}

    def surface(client: type) -> dict[str, list[str]]:
        return {
            asynchronous.get(name, name): [
                str(parameter.replace(annotation=inspect.Parameter.empty))
                for parameter in inspect.signature(member).parameters.values()
            ]
            for name, member in vars(client).items()
            if callable(member) and (not name.startswith("_") or name.endswith("__"))
        }

    assert surface(Client) == surface(AsyncClient)
    assert {"interpret", "interpret_batch", "interpret_stream", "healthy", "__init__", "__exit__"} < set(
        surface(Client)
    )


def test_a_kind_of_rule_that_does_not_exist_is_refused_with_those_that_do(service: FakeService, kind: str) -> None:
    with pytest.raises(ValueError, match="kind is one of 'interval', 'band', 'critical_limit', 'ctcae_grade'"):
        ask(kind, service.target, lambda client: client.rules(kind="BAND"))
