"""A report as FHIR R4 resources beside the laboratory's own, which stay as they came."""

from __future__ import annotations

import base64
from uuid import NAMESPACE_URL, uuid5

from google.protobuf.json_format import MessageToJson

from labgloss.fhir.json_text import Json, Object, write
from labgloss.fhir.reading import ReadPanel
from labgloss.v1 import report_pb2

_INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"


def answer_bundle(read: ReadPanel, report: report_pb2.Report, recorded: str) -> bytes:
    """The answer's Bundle as JSON; the same content gives the same bytes."""
    entries: list[Json] = []
    if read.patient is not None and read.patient.resource is not None:
        entries.append({"fullUrl": read.patient.url, "resource": read.patient.resource.element.body})
    seen: dict[str, Json] = {each.full_url: each.element.body for each in read.observations}
    entries.extend({"fullUrl": url, "resource": body} for url, body in seen.items())
    ours = [_observation(read, each) for each in report.results if each.HasField("index")]
    entries.extend(_entry(each) for each in ours)
    entries.append(_entry(_diagnostic_report(read, report, [_url(each) for each in ours], recorded)))
    return write({"resourceType": "Bundle", "type": "collection", "entry": entries})


def _entry(resource: Object) -> Json:
    return {"fullUrl": _url(resource), "resource": resource}


def _url(resource: Object) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, write(resource).decode())}"


def _observation(read: ReadPanel, result: report_pb2.ResultInterpretation) -> Object:
    source = read.observations[result.index]
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": source.element.body["code"],
        **_subject(read),
        "interpretation": [{"coding": [{"system": _INTERPRETATION, "code": result.flag}]}],
        "note": [{"text": result.explanation}],
        "derivedFrom": [{"reference": source.full_url}],
    }


def _diagnostic_report(read: ReadPanel, report: report_pb2.Report, results: list[str], recorded: str) -> Object:
    canonical = MessageToJson(report, preserving_proto_field_name=True, ensure_ascii=False, indent=None)
    return {
        "resourceType": "DiagnosticReport",
        "status": "final",
        "code": {"text": "Interpretation of a laboratory panel"},
        **_subject(read),
        "issued": recorded,
        "result": [{"reference": url} for url in results],
        "conclusion": report.summary,
        "presentedForm": [
            {
                "contentType": "application/json",
                "data": base64.b64encode(canonical.encode()).decode(),
                "title": "Report",
            }
        ],
    }


def _subject(read: ReadPanel) -> Object:
    return {} if read.patient is None else {"subject": {"reference": read.patient.url}}
