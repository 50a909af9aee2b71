"""What is kept of InterpretBundle: a decision record, a line of the log, figures; nothing of the Bundle."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import grpc
import pytest

from labgloss.access.file import METHODS
from labgloss.knowledge.release import Release
from labgloss.server.calls import RECORD
from labgloss.v1.fhir_pb2 import InterpretBundleRequest, InterpretBundleResponse
from tests.server.canaries import DEFECT, raising
from tests.server.wire import serving

METHOD = "/labgloss.v1.FhirService/InterpretBundle"
MARK = "qzcanary"
LOINC = "http://loinc.org"


def marked(value: Any, place: list[int]) -> Any:
    """The value with a mark in the place of each question mark."""
    if isinstance(value, dict):
        return {name: marked(item, place) for name, item in value.items()}
    if isinstance(value, list):
        return [marked(item, place) for item in value]
    if value == "?":
        place[0] += 1
        return f"{MARK}{place[0]}"
    return value


OBSERVATION = {
    "resourceType": "Observation",
    "id": "?",
    "status": "final",
    "code": {
        "coding": [{"system": LOINC, "code": "2823-3", "display": "?"}, {"system": "?", "code": "?"}],
        "text": "?",
    },
    "subject": {"reference": "Patient/p"},
    "valueQuantity": {"value": 4.2, "unit": "mmol/L"},
    "note": [{"text": "?"}],
    "interpretation": [{"text": "?"}],
    "referenceRange": [{"text": "?"}],
}
BUNDLE = {
    "resourceType": "Bundle",
    "type": "collection",
    "id": "?",
    "?": "?",
    "entry": [
        {"fullUrl": "http://a.example/Patient/p", "resource": {"resourceType": "Patient", "id": "p", "name": "?"}},
        {"fullUrl": "http://a.example/Observation/1", "resource": OBSERVATION},
        {"resource": {**OBSERVATION, "subject": {"reference": "?"}, "effectiveDateTime": "?", "status": "?"}},
        {"resource": {**OBSERVATION, "valueQuantity": {"value": "?", "unit": "?", "comparator": "?"}}},
        {"resource": {"resourceType": "Condition", "subject": {"reference": "Patient/p"}, "code": {"text": "?"}}},
        {"resource": {"resourceType": "?", "id": "?"}},
    ],
}


def requests() -> list[InterpretBundleRequest]:
    """One that is answered, one that a defect meets, and some that are refused, each in its own way."""
    place = [0]
    whole = json.dumps(marked(BUNDLE, place)).replace('"?"', f'"{MARK}"').encode()
    nothing = json.dumps(marked({**BUNDLE, "entry": [{"resource": {**OBSERVATION, "focus": "?"}}]}, place)).encode()
    return [
        InterpretBundleRequest(bundle=whole, subject="Patient/p"),
        InterpretBundleRequest(bundle=whole, source=DEFECT),
        InterpretBundleRequest(bundle=whole, subject=f"{MARK}/1", recorded=MARK, as_of=MARK),
        InterpretBundleRequest(bundle=whole, as_of=MARK),
        InterpretBundleRequest(bundle=whole[:-5]),
        InterpretBundleRequest(bundle=f'{{"{MARK}": 1, "{MARK}": 2}}'.encode()),
        InterpretBundleRequest(bundle=f'"{MARK}'.encode()),
        InterpretBundleRequest(bundle=nothing),
    ]


def test_nothing_of_a_bundle_is_kept_or_told_in_an_error(release: Release, tmp_path: Path) -> None:
    (folder := tmp_path / "records").mkdir()
    told: list[str] = []
    answers: list[bytes] = []
    with serving(release, raising, audit=str(folder)) as served:
        channel: Any = served.channel
        method = channel.unary_unary(METHOD)
        for request in requests():
            try:
                answer, call = method.with_call(request.SerializeToString(), timeout=30)
            except grpc.RpcError as error:
                told.append(repr((error.code(), error.details(), error.trailing_metadata())))
            else:
                answers.append(answer)
                assert RECORD in dict(call.trailing_metadata())
        log = served.stream.getvalue().decode()
    assert len(answers) == 1
    assert MARK in InterpretBundleResponse.FromString(answers[0]).report.results[0].as_sent.codings[0].display
    records = "".join(path.read_text() for path in folder.iterdir())
    for kept in (log, records, *told):
        assert not re.search(MARK, kept)
    kinds = [json.loads(line)["kind"] for line in records.splitlines()]
    assert kinds.count("decision") >= 1
    ended = [line for line in map(json.loads, log.splitlines()) if line["event"] == "call"]
    assert [line["status"] for line in ended] == ["OK", "INTERNAL", *["INVALID_ARGUMENT"] * 6]
    assert {line["method"] for line in ended} == {"InterpretBundle"}


def test_a_caller_may_be_given_this_method_alone() -> None:
    assert METHODS["FhirService"] == {"InterpretBundle"}


@pytest.mark.parametrize("seconds", [0.000_1])
def test_its_deadline_is_kept(release: Release, seconds: float) -> None:
    with serving(release) as served, pytest.raises(grpc.RpcError) as refused:
        served.call(METHOD, requests()[0].SerializeToString(), timeout=seconds)
    assert refused.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
