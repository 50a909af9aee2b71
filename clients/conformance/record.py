"""Writes the exchanges of this folder anew, or those of another, as this checkout's service answers them."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2

from labgloss.cli.service_process import ServiceProcess
from labgloss.v1 import fhir_pb2, interpretation_pb2, knowledge_pb2
from labgloss.v1.interpretation_pb2 import (
    BatchInterpretPanelsRequest,
    InterpretPanelRequest,
    StreamInterpretPanelsRequest,
)
from labgloss.v1.panel_pb2 import Panel, Patient, Result
from labgloss_client import coding, interval, panel, patient, result, specimen, symptom

_METHODS: Mapping[str, MethodDescriptor] = {
    method.name: method
    for file in (interpretation_pb2.DESCRIPTOR, fhir_pb2.DESCRIPTOR, knowledge_pb2.DESCRIPTOR)
    for service in file.services_by_name.values()
    for method in service.methods
}
_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Exchange:
    """What is asked, by which method, and why it stands here."""

    name: str
    title: str
    method: str
    requests: Sequence[Message]


def exchanges() -> Iterator[Exchange]:
    """All that every client must be able to send and to read."""
    interpret, batch, stream = "InterpretPanel", "BatchInterpretPanels", "StreamInterpretPanels"
    yield Exchange(
        "report", "a report with patterns, red flags, symptoms and recommendations", interpret, [_asked(_FULL)]
    )
    yield Exchange("report-with-trace", "a report with its trace, without an id", interpret, [_asked(_TRACED)])
    yield Exchange(
        "report-of-awkward-results",
        "results that are refused, open or bounds, and texts that are not recognised",
        interpret,
        [_asked(_AWKWARD)],
    )
    yield Exchange("every-bad-field", "three bad fields, all named", interpret, [_asked(_BAD)])
    yield Exchange(
        "release-not-loaded",
        "a pinned release that is not loaded",
        interpret,
        [_asked(panel(result("potassium", "4.1", "mmol/L"), release="0.0.1"))],
    )
    yield Exchange(
        "batch", "reports around an error", batch, [BatchInterpretPanelsRequest(panels=[_SHORT, _BAD, _OTHER])]
    )
    yield Exchange("batch-of-nothing", "a batch without panels", batch, [BatchInterpretPanelsRequest()])
    yield Exchange(
        "stream",
        "two messages of a stream, with reports and errors",
        stream,
        [StreamInterpretPanelsRequest(panels=panels) for panels in ([_SHORT, _BAD], [_OTHER])],
    )
    yield Exchange("bundle", "a FHIR Bundle", "InterpretBundle", [_bundle(_BUNDLE)])
    yield Exchange("bundle-of-nothing", "a FHIR Bundle without results", "InterpretBundle", [_bundle({})])
    yield Exchange("release", "the loaded release", "GetRelease", [knowledge_pb2.GetReleaseRequest()])
    yield Exchange("rule", "one rule", "GetRule", [knowledge_pb2.GetRuleRequest(id="magnesium.band.moderate_low")])
    yield Exchange("rule-not-found", "a rule that is not there", "GetRule", [knowledge_pb2.GetRuleRequest(id="none")])
    yield Exchange(
        "reference-intervals",
        "the intervals of one analyte",
        "ListReferenceIntervals",
        [knowledge_pb2.ListReferenceIntervalsRequest(analyte="magnesium")],
    )
    yield Exchange(
        "rules-of-a-kind",
        "the critical limits of one analyte",
        "ListRules",
        [knowledge_pb2.ListRulesRequest(kind=knowledge_pb2.RULE_KIND_CRITICAL_LIMIT, analyte="potassium")],
    )


_FULL = panel(
    result("magnesium", "0.41", "mmol/L", id="mg", interval=interval("0.70", "1.00"), flags=["L"]),
    result("2823-3", "2.9", "mmol/L", specimen=specimen("serum", id="s1", haemolysis="none")),
    result("calcium_adjusted", "1.82", "mmol/L", collected="2026-01-15T08:30:00+01:00"),
    id="full",
    patient=patient(birth_date="1958-11", sex="female"),
    symptoms=["cramps in both calves", "PARAESTHESIA_PERIORAL", symptom("palpitations", present=False)],
    conditions=["heart_failure"],
    medications=["ppi", "furosemide"],
    as_of="2026-01-15",
    trace=False,
)
_TRACED = panel(result("potassium", "4.1", "mmol/L"), patient=patient(age_years=40, sex="male"), trace=True)
_AWKWARD = panel(
    result("potassium", "<5.0", "mmol/L", id="bound"),
    result("magnesium", "0.80", id="no unit"),
    result("calcium_total", None, "mmol/L", id="pending", status="registered"),
    result("", "12", "µg/L", id="unknown", codings=[coding("LOCAL-1", system="urn:example", display="Größe")]),
    id="räthselhaft ☂",
    symptoms=["unwell, and Kopfweh seit 3 Tagen"],
    conditions=[],
    trace=False,
)
_SHORT = panel(result("potassium", "4.1", "mmol/L"), id="short", trace=False)
_OTHER = panel(result("magnesium", "0.30", "mmol/L"), id="other", trace=False)
_BAD = Panel(
    id="bad",
    patient=Patient(age_years=-4),
    results=[Result(value="4.1", unit="mmol/L"), Result(analyte="potassium", value="4.1", collected="gestern")],
)


# The fewest resources: what the answer to a Bundle holds is a matter of tests/fhir, not of clients.
_BUNDLE = {
    "entry": [
        {"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Patient", "id": "1", "birthDate": "1958-11"}},
        {
            "fullUrl": "urn:uuid:2",
            "resource": {
                "resourceType": "Observation",
                "id": "2",
                "status": "final",
                "subject": {"reference": "urn:uuid:1"},
                "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]},
                "effectiveDateTime": "2026-01-15T08:30:00+01:00",
                "valueQuantity": {
                    "value": 4.1,
                    "unit": "mmol/L",
                    "system": "http://unitsofmeasure.org",
                    "code": "mmol/L",
                },
            },
        },
    ]
}


def _bundle(content: Mapping[str, Any]) -> fhir_pb2.InterpretBundleRequest:
    bundle = json.dumps({"resourceType": "Bundle", "type": "collection", **content}).encode()
    request = fhir_pb2.InterpretBundleRequest(bundle=bundle, panel_id="bundle", recorded="2026-01-15T10:00:00Z")
    request.options.trace = False
    return request


def _asked(asked: Panel) -> InterpretPanelRequest:
    return InterpretPanelRequest(panel=asked)


def recorded(channel: grpc.Channel, exchange: Exchange) -> Mapping[str, Any]:
    """The exchange with what the service answers."""
    method = _METHODS[exchange.method]
    path = f"{method.containing_service.full_name}/{method.name}"
    content: dict[str, Any] = {"title": exchange.title, "method": path}
    content["requests"] = [_message(request, request.SerializeToString()) for request in exchange.requests]
    try:
        content["responses"] = [
            _message(_read(method, answer), answer) for answer in _answers(channel, method, exchange)
        ]
    except grpc.RpcError as failure:
        content["error"] = _error(failure)
    return content


def _answers(channel: grpc.Channel, method: MethodDescriptor, exchange: Exchange) -> list[bytes]:
    path = f"/{method.containing_service.full_name}/{method.name}"
    sent = [request.SerializeToString() for request in exchange.requests]
    if method.client_streaming:
        return list(channel.stream_stream(path)(iter(sent), timeout=_TIMEOUT_S))
    return [channel.unary_unary(path)(sent[0], timeout=_TIMEOUT_S)]


def _read(method: MethodDescriptor, answer: bytes) -> Message:
    return GetMessageClass(method.output_type).FromString(answer)


def _message(message: Message, written: bytes) -> Mapping[str, Any]:
    return {"json": MessageToDict(message), "bytes": base64.b64encode(written).decode()}


def _error(failure: Any) -> Mapping[str, Any]:
    status = status_pb2.Status.FromString(dict(failure.trailing_metadata())["grpc-status-details-bin"])
    info, bad_request, retry = (
        error_details_pb2.ErrorInfo(),
        error_details_pb2.BadRequest(),
        error_details_pb2.RetryInfo(),
    )
    for detail in status.details:
        for known in (info, bad_request, retry):
            if detail.Is(known.DESCRIPTOR):
                detail.Unpack(known)
    return {
        "code": failure.code().value[0],
        "message": failure.details(),
        "reason": info.reason,
        "metadata": dict(sorted(info.metadata.items())),
        "violations": [
            {"field": bad.field, "reason": bad.reason, "description": bad.description}
            for bad in bad_request.field_violations
        ],
        "retryAfterMs": retry.retry_delay.ToMilliseconds() if retry.HasField("retry_delay") else None,
        "details": [
            {"type": detail.type_url.rpartition("/")[2], "bytes": base64.b64encode(detail.value).decode()}
            for detail in status.details
        ],
    }


def main(folder: Path) -> None:
    """Writes NAME.json for each, and removes what is none of them."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    with ServiceProcess() as service, grpc.insecure_channel(service.wait()) as channel:
        for exchange in exchanges():
            text = json.dumps(recorded(channel, exchange), ensure_ascii=False, indent=2)
            (folder / f"{exchange.name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
