"""Every sample panel as an ORU^R01: the same report as of the panel itself, and an answer that says all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from labgloss.engine.interpret import interpret
from labgloss.hl7.acknowledgement import Stamp
from labgloss.hl7.answer import Answered
from labgloss.hl7.exchange import opened
from labgloss.hl7.message import Message, parse
from labgloss.knowledge.release import Release
from labgloss.panels.reader import PanelCase, read_panels
from labgloss.v1.panel_pb2 import Panel
from labgloss.v1.report_pb2 import RESULT_STATE_NOT_RECOGNISED, Report, Urgency
from labgloss.wire.decode import decode_panel
from labgloss.wire.encode import encode_report
from tests.hl7.writer import message_of

CASES = read_panels([Path(__file__).parents[1] / "panels"])


def report_on(panel: Panel, release: Release) -> Report:
    return encode_report(interpret(release, decode_panel(panel, "panel", release)), panel, release)


def without_what_was_sent(report: Report) -> Report:
    """The report without what each wire writes in its own way: systems of codes, an interval as text, a time's Z."""
    copy = Report()
    copy.CopyFrom(report)
    for result in copy.results:
        result.ClearField("as_sent")
        result.trend.previous_collected = result.trend.previous_collected.replace("Z", "+00:00")
    return copy


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_same_panel_gives_the_same_report_as_a_message(case: PanelCase, release: Release) -> None:
    exchange = opened(message_of(case.panel))
    (read,) = exchange.patients
    report, direct = report_on(read.panel, release), report_on(case.panel, release)
    assert without_what_was_sent(report) == without_what_was_sent(direct)
    answer = parse(exchange.answer([Answered(read, report)], Stamp("20260115100000+0000", "LG1"), True))
    assert flags(answer) == [
        entry.flag or "IND"
        for entry in report.results
        if entry.HasField("index") and entry.state != RESULT_STATE_NOT_RECOGNISED
    ]
    assert coded(answer, "URGENCY") == [Urgency.Name(report.urgency).removeprefix("URGENCY_")]
    assert coded(answer, "RECOMMENDATION") == [step.id for step in report.recommendations]
    assert coded(answer, "RED_FLAG") == [flag.id for flag in report.red_flags]
    assert len(coded(answer, "FINDING") + coded(answer, "FINDING_POSSIBLE")) == len(report.findings)
    assert len(coded(answer, "PATTERN") + coded(answer, "PATTERN_POSSIBLE")) == len(report.patterns)


def flags(answer: Message) -> list[str]:
    """OBX-8 of the results, in the orders before the interpretation."""
    found: list[str] = []
    for segment in answer.segments:
        if segment.name == "OBR" and segment.code(4) == "INTERPRETATION":
            break
        if segment.name == "OBX":
            found.append(segment.code(8))
    return found


def coded(answer: Message, code: str) -> list[str]:
    """The codes of our own observations of a kind."""
    return [one.code(5) for one in answer.segments if one.name == "OBX" and one.code(3) == code]
