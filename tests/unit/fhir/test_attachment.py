"""The report that is attached: as protobuf puts the whole message into JSON, and nothing of a caller is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToJson

from labgloss.engine.interpret import interpret
from labgloss.fhir import attachment
from labgloss.fhir.attachment import canonical
from labgloss.knowledge.loader import load
from labgloss.knowledge.release import Release
from labgloss.panels.reader import read_panels
from labgloss.v1 import panel_pb2, report_pb2
from labgloss.wire.decode import decode_panel
from labgloss.wire.encode import encode_report

PANELS = Path(__file__).parents[2] / "panels"
CANARY = "canary7391"
# Steps that repeat values, ids or paths.
WITH_A_CALLERS_WORDS = ("convert", "issue", "recommendation", "urgency")


@pytest.fixture(scope="module")
def shipped() -> Release:
    return load()


def report_on(panel: panel_pb2.Panel, release: Release) -> report_pb2.Report:
    panel.options.trace = True
    return encode_report(interpret(release, decode_panel(panel, "panel", release)), panel, release)


def whole(report: report_pb2.Report) -> str:
    return MessageToJson(report, preserving_proto_field_name=True, ensure_ascii=False, indent=None)


def test_the_report_is_put_into_json_as_protobuf_puts_it(shipped: Release) -> None:
    for case in read_panels([PANELS]):
        report = report_on(case.panel, shipped)
        assert report.trace
        assert report.sources
        assert canonical(report, traced=True) == whole(report), case.panel.id
        without = canonical(report, traced=False)
        report.ClearField("trace")
        assert without == whole(report)


@pytest.mark.parametrize(
    "report",
    [
        report_pb2.Report(),
        report_pb2.Report(sources=[report_pb2.SourceReference()]),
        report_pb2.Report(trace=[report_pb2.TraceStep(result=0, step="band", expression='"\\ µ <\u2028>')]),
    ],
)
def test_a_report_with_little_in_it_too(report: report_pb2.Report) -> None:
    assert canonical(report, traced=True) == whole(report)
    assert json.loads(canonical(report, traced=False)) is not None


def test_nothing_that_a_caller_said_is_kept(shipped: Release) -> None:
    for case in read_panels([PANELS])[::3]:
        panel = case.panel
        panel.id = CANARY
        for place, result in enumerate(panel.results):
            result.id = f"{CANARY}{place}"
            if result.HasField("interval"):
                result.interval.low, result.interval.high = "0.117391", "99.7391"
        for item in (*panel.conditions.conditions, *panel.medications.medications):
            item.text = f"{item.text} {CANARY}"
        panel.symptoms.add(text=CANARY)
        canonical(report_on(panel, shipped), traced=True)
    kept = repr((attachment._SOURCES.entries, attachment._STEPS.entries))
    assert len(kept) > 100_000
    for word in (CANARY, "7391", *(f'"step": "{kind}"' for kind in WITH_A_CALLERS_WORDS)):
        assert word not in kept
