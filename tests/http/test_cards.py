"""The card of every fifth sample panel: short, urgent as the report, with its basis, and without a forbidden word."""

from __future__ import annotations

from pathlib import Path

import pytest

from labgloss.engine.interpret import interpret
from labgloss.forbidden import found_in
from labgloss.http.cards import Card, cards_of
from labgloss.http.hook_call import HookCall
from labgloss.http.hooks import HOOKS
from labgloss.knowledge.release import Release
from labgloss.panels.reader import read_panels
from labgloss.v1 import fhir_pb2
from labgloss.v1 import report_pb2 as pb
from labgloss.wire.decode import decode_panel
from labgloss.wire.encode import encode_report
from tests.http.test_cds_hooks import check_card
from tests.http.test_markdown import shown

PANELS = [case.panel for case in read_panels([Path(__file__).parents[1] / "panels"])][::5]
CALL = HookCall("an instance", "p1", "", b"{}", frozenset(), False, (), False)
# In the detail of a card, the elements that its Markdown makes.
ELEMENTS = {"p", "strong", "ul", "li", "table", "thead", "tbody", "tr", "th", "td"}


@pytest.fixture(scope="module")
def answers(release: Release) -> list[fhir_pb2.InterpretBundleResponse]:
    made = []
    for panel in PANELS:
        report = encode_report(interpret(release, decode_panel(panel, "panel", release)), panel, release)
        made.append(fhir_pb2.InterpretBundleResponse(report=report, panel=panel))
    return made


def cards(answer: fhir_pb2.InterpretBundleResponse) -> list[Card]:
    return cards_of(HOOKS[0], CALL, answer, "")


def test_a_card_is_short_urgent_as_its_report_and_says_nothing_that_is_forbidden(
    answers: list[fhir_pb2.InterpretBundleResponse],
) -> None:
    assert len(answers) > 100
    indicators = set()
    for answer in answers:
        for card in cards(answer):
            check_card(dict(card))
            summary, detail = str(card["summary"]), str(card["detail"])
            assert summary.isprintable(), answer.panel.id
            assert not found_in(summary), (answer.panel.id, found_in(summary))
            assert not found_in(detail), (answer.panel.id, found_in(detail))
            assert answer.report.intended_use.split(";")[0] in detail
            indicators.add((answer.report.urgency, card["indicator"]))
    assert {"critical"} == {said for urgency, said in indicators if urgency == pb.URGENCY_EMERGENCY}
    assert {"warning", "critical"} >= {said for urgency, said in indicators if urgency == pb.URGENCY_SAME_DAY}
    assert "info" in {said for urgency, said in indicators if urgency == pb.URGENCY_ROUTINE}


def test_no_critical_is_without_its_card_and_each_stands_in_the_summary(
    answers: list[fhir_pb2.InterpretBundleResponse],
) -> None:
    """Of two at least: more may not find room, and are counted."""
    seen = 0
    for answer in answers:
        critical = [entry for entry in answer.report.results if entry.critical == pb.CRITICAL_YES and not entry.earlier]
        if not critical:
            continue
        seen += 1
        (card,) = cards(answer)
        assert "critical" == card["indicator"]
        said = str(card["summary"]).count(", critical)") + str(card["summary"]).count("not judged, critical")
        assert said >= min(len(critical), 2) or "more;" in str(card["summary"]), (answer.panel.id, card["summary"])
        assert said >= 1, (answer.panel.id, card["summary"])
    assert seen > 10


def test_without_a_card_every_result_lies_inside_its_interval(
    answers: list[fhir_pb2.InterpretBundleResponse],
) -> None:
    none = [answer.report for answer in answers if not cards(answer)]
    assert none
    for report in none:
        assert report.urgency <= pb.URGENCY_NONE
        # What was cancelled or is awaited has no value that could lie anywhere.
        valued = [entry for entry in report.results if entry.refusal_reason != pb.REFUSAL_REASON_NO_VALUE]
        assert {"N"} >= {entry.flag for entry in valued if not entry.earlier}


def test_a_detail_is_markdown_of_a_few_elements_whatever_stands_in_it(
    answers: list[fhir_pb2.InterpretBundleResponse],
) -> None:
    for answer in answers[::10]:
        for card in cards(answer):
            for page in shown(str(card["detail"])):
                assert set(page.names) <= ELEMENTS, (answer.panel.id, set(page.names) - ELEMENTS)
