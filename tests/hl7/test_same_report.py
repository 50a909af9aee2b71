"""Every sample panel as an ORU^R01: the same report as of the panel itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from labgloss.engine.interpret import interpret
from labgloss.hl7.exchange import opened
from labgloss.knowledge.release import Release
from labgloss.panels.reader import PanelCase, read_panels
from labgloss.v1.panel_pb2 import Panel
from labgloss.v1.report_pb2 import Report
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
    assert without_what_was_sent(report_on(read.panel, release)) == without_what_was_sent(
        report_on(case.panel, release)
    )
