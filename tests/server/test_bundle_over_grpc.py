"""InterpretBundle over gRPC: the Bundle that goes in is the Bundle that comes out, with ours beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from labgloss.knowledge.release import Release
from labgloss.server.app import start
from labgloss.server.settings import Settings
from labgloss.v1.report_pb2 import URGENCY_SAME_DAY
from labgloss_client import Client, InvalidRequest

BUNDLE = b"""{"resourceType": "Bundle", "type": "collection", "entry": [
 {"fullUrl": "urn:uuid:0b6d1a0c-9a53-4a0e-8d2a-111111111111",
  "resource": {"resourceType": "Patient", "birthDate": "1960-02-03", "gender": "female"}},
 {"fullUrl": "urn:uuid:0b6d1a0c-9a53-4a0e-8d2a-222222222222",
  "resource": {"resourceType": "Observation", "status": "final",
   "code": {"coding": [{"system": "http://loinc.org", "code": "2601-3"}]},
   "subject": {"reference": "urn:uuid:0b6d1a0c-9a53-4a0e-8d2a-111111111111"},
   "effectiveDateTime": "2026-01-15", "valueQuantity": {"value": 0.410, "unit": "mmol/L"}}}]}"""


@pytest.fixture(scope="module")
def client(release: Release) -> Iterator[Client]:
    with start(Settings(port=0), release) as server, Client(f"127.0.0.1:{server.port}") as client:
        yield client


def test_a_bundle_is_answered_with_its_report_and_a_bundle(client: Client) -> None:
    answer = client.interpret_bundle(BUNDLE)
    assert answer.report.urgency == URGENCY_SAME_DAY
    assert answer.report == client.interpret(answer.panel)
    kinds = [entry["resource"]["resourceType"] for entry in json.loads(answer.bundle)["entry"]]
    assert kinds[:2] == ["Patient", "Observation"]
    assert {"Observation", "DiagnosticReport"} <= set(kinds[2:])
    assert b'"value":0.410' in answer.bundle


def test_what_is_no_bundle_is_refused_by_its_field(client: Client) -> None:
    with pytest.raises(InvalidRequest) as refused:
        client.interpret_bundle(b"[")
    (violation,) = refused.value.violations
    assert (violation.field, violation.reason) == ("bundle", "BAD_FORM")
