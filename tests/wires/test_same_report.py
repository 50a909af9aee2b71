"""The same panel gives the same report whichever way it comes: gRPC, HL7 v2, FHIR, JSON, CDS Hooks, the command."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToDict, Parse, ParseDict

from labgloss.hl7.message import parse
from labgloss.hl7.reading import read
from labgloss.http.hook_call import REPORT_EXTENSION
from labgloss.knowledge.release import Release
from labgloss.panels.reader import read_panels
from labgloss.v1 import fhir_pb2, interpretation_pb2, report_pb2
from labgloss.v1 import panel_pb2 as pb
from tests.fhir.writer import bundle_of, dumps, raw
from tests.hl7.writer import message_of
from tests.http.served import App, asked
from tests.server.wire import BATCH, INTERPRET, STREAM, Served, serving

PANELS = Path(__file__).parents[1] / "panels"
LEAST_PANELS = 500
BUNDLE = "/labgloss.v1.FhirService/InterpretBundle"
RECORDED = "2026-06-01T12:00:00Z"
HOOK = "/cds-services/labgloss-patient-view"

Reports = Mapping[str, report_pb2.Report]


@pytest.fixture(scope="module")
def served(release: Release) -> Iterator[Served]:
    with serving(release, log_level="error") as running:
        yield running


@pytest.fixture(scope="module")
def panels() -> Sequence[pb.Panel]:
    """Three of four sample panels; a wish for no trace has no place in HL7."""
    found = [case.panel for place, case in enumerate(read_panels([PANELS])) if place % 4]
    for panel in found:
        panel.options.ClearField("trace")
    assert len(found) >= LEAST_PANELS, "too few are left"
    return found


@pytest.fixture(scope="module")
def expected(served: Served, panels: Sequence[pb.Panel]) -> Reports:
    return {panel.id: _interpreted(served, panel) for panel in panels}


def _interpreted(served: Served, panel: pb.Panel) -> report_pb2.Report:
    request = interpretation_pb2.InterpretPanelRequest(panel=panel)
    answer = served.call(INTERPRET, request.SerializeToString(), timeout=20)
    return interpretation_pb2.InterpretPanelResponse.FromString(answer).report


def reduced(report: report_pb2.Report) -> dict[str, object]:
    """The report without what was sent, which each wire spells its own way; everything else is the service's."""
    kept = report_pb2.Report.FromString(report.SerializeToString())
    for result in kept.results:
        result.ClearField("as_sent")
        if result.HasField("trend"):
            # 09:00Z, 09:00:00Z and 09:00:00+00:00 are one time.
            result.trend.previous_collected = result.trend.previous_collected.replace("Z", "+00:00")
    for item in (*kept.conditions, *kept.medications):
        item.ClearField("as_sent")
    return MessageToDict(kept)


def check(expected: Reports, found: Reports) -> None:
    assert expected.keys() == found.keys()
    differing = [ident for ident, report in found.items() if reduced(report) != reduced(expected[ident])]
    assert not differing, f"{len(differing)} of {len(expected)} differ, such as {differing[:5]}"


def in_hundreds(panels: Sequence[pb.Panel]) -> Iterator[bytes]:
    for start in range(0, len(panels), 100):
        yield interpretation_pb2.BatchInterpretPanelsRequest(panels=panels[start : start + 100]).SerializeToString()


def of_outcomes(outcomes: Sequence[interpretation_pb2.PanelOutcome]) -> Reports:
    return {outcome.panel_id: outcome.report for outcome in outcomes}


def test_batch(served: Served, panels: Sequence[pb.Panel], expected: Reports) -> None:
    answers = [served.call(BATCH, body, timeout=60) for body in in_hundreds(panels)]
    read_answers = [interpretation_pb2.BatchInterpretPanelsResponse.FromString(answer) for answer in answers]
    check(expected, of_outcomes([outcome for answer in read_answers for outcome in answer.outcomes]))


def test_stream(served: Served, panels: Sequence[pb.Panel], expected: Reports) -> None:
    answers = served.open(in_hundreds(panels), STREAM, timeout=120)
    read_answers = [interpretation_pb2.StreamInterpretPanelsResponse.FromString(answer) for answer in answers]
    check(expected, of_outcomes([outcome for answer in read_answers for outcome in answer.outcomes]))


def test_hl7_v2(served: Served, panels: Sequence[pb.Panel], expected: Reports) -> None:
    found = {}
    for panel in panels:
        (patient,) = read(parse(message_of(panel)))
        found[panel.id] = _interpreted(served, patient.panel)
    check(expected, found)


def test_fhir(served: Served, panels: Sequence[pb.Panel], expected: Reports) -> None:
    found = {}
    for panel in panels:
        request = fhir_pb2.InterpretBundleRequest(
            bundle=bundle_of(panel),
            panel_id=panel.id,
            source=panel.source,
            as_of=panel.as_of,
            options=panel.options,
            recorded=RECORDED,
        )
        answer = served.call(BUNDLE, request.SerializeToString(), timeout=20)
        found[panel.id] = fhir_pb2.InterpretBundleResponse.FromString(answer).report
    check(expected, found)


def test_json_over_http(served: Served, panels: Sequence[pb.Panel], expected: Reports) -> None:
    async def asking(app: App) -> Reports:
        found = {}
        for panel in panels:
            answer = await app.http.post("/v1/panels:interpret", json={"panel": MessageToDict(panel)}, timeout=20)
            assert 200 == answer.status_code, answer.text
            found[panel.id] = Parse(answer.text, interpretation_pb2.InterpretPanelResponse()).report
        return found

    check(expected, asked(f"127.0.0.1:{served.server.port}", asking))


def test_cds_hooks(served: Served, panels: Sequence[pb.Panel], expected: Reports) -> None:
    """The report beside the cards; what the cards say of it is in tests/http."""
    # What a hook has no place for: options, a feed, a date that an age is read against, an id.
    chosen = [panel for panel in panels if not (panel.options.ListFields() or panel.source or panel.as_of)]
    assert len(chosen) > 4 * LEAST_PANELS // 5

    async def asking(app: App) -> Reports:
        headers, found = {"content-type": "application/json"}, {}
        for panel in chosen:
            answer = await app.http.post(HOOK, content=_hook_call(panel), headers=headers, timeout=20)
            assert 200 == answer.status_code, answer.text
            report = ParseDict(answer.json()["extension"][REPORT_EXTENSION], report_pb2.Report())
            report.panel_id = panel.id
            found[panel.id] = report
        return found

    found = asked(f"127.0.0.1:{served.server.port}", asking)
    check({panel.id: expected[panel.id] for panel in chosen}, found)


KEYS = {
    "Observation": "observations",
    "Specimen": "specimens",
    "Condition": "conditions",
    "MedicationStatement": "medicationStatements",
}


def _hook_call(panel: pb.Panel) -> bytes:
    """The panel as an EHR prefetches it: by searches, each for one kind; numbers keep their digits."""
    written = bundle_of(panel).replace(b"urn:uuid:patient", b"Patient/p1")
    entries = json.loads(written, parse_float=raw, parse_int=raw)["entry"]
    for entry in entries:
        entry["resource"].setdefault("id", "p1" if entry["fullUrl"] == "Patient/p1" else entry["fullUrl"][9:])
    patient = next(entry["resource"] for entry in entries if entry["resource"]["resourceType"] == "Patient")
    searches: dict[str, list[object]] = {"observations": []}
    for entry in entries:
        kind = entry["resource"]["resourceType"]
        if kind == "List":
            # Of conditions or of medications, that there are none: it stands with what it speaks of.
            kind = "Condition" if entry["fullUrl"].endswith("problems") else "MedicationStatement"
        if kind != "Patient":
            searches.setdefault(KEYS[kind], []).append(entry)
    bundles = {key: {"resourceType": "Bundle", "type": "searchset", "entry": found} for key, found in searches.items()}
    return dumps(
        {
            "hook": "patient-view",
            "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
            "context": {"userId": "Practitioner/d1", "patientId": "p1"},
            "prefetch": {"patient": patient, **bundles},
            "extension": {REPORT_EXTENSION: True},
        }
    )


def test_the_command(panels: Sequence[pb.Panel], expected: Reports) -> None:
    command = [sys.executable, "-m", "labgloss", "interpret", str(PANELS), "--format", "json"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    answer = Parse(printed, interpretation_pb2.BatchInterpretPanelsResponse())
    found = of_outcomes(answer.outcomes)
    check(expected, {ident: found[ident] for ident in expected})


BREAKING: Mapping[str, Callable[[report_pb2.Report], None]] = {
    "an urgency": lambda report: setattr(report, "urgency", report_pb2.URGENCY_UNSPECIFIED),
    "a flag": lambda report: setattr(report.results[0], "flag", ""),
    "a recommendation": lambda report: report.recommendations.pop(),
}


@pytest.mark.parametrize("breaking", BREAKING)
def test_a_difference_is_found(expected: Reports, breaking: str) -> None:
    ident, report = next((ident, each) for ident, each in expected.items() if len(each.recommendations) > 1)
    changed = report_pb2.Report.FromString(report.SerializeToString())
    BREAKING[breaking](changed)
    with pytest.raises(AssertionError, match=r"1 of \d+ differ"):
        check(expected, {**expected, ident: changed})
