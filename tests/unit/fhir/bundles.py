"""Small Bundles, and what the service makes of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from labgloss.errors import RequestError
from labgloss.v1.fhir_pb2 import InterpretBundleRequest, InterpretBundleResponse, IssueSeverity
from labgloss.v1.panel_pb2 import Panel, Result
from tests.fhir.corpus import RECORDED, ask

BASE = "http://ward.example/fhir"
LOINC = "http://loinc.org"
POTASSIUM = {"coding": [{"system": LOINC, "code": "2823-3"}]}
MAGNESIUM = {"coding": [{"system": LOINC, "code": "2601-3"}]}
TEXT = {"coding": [{"system": "urn:lab", "code": "TXT"}], "text": "Comment"}

Resource = dict[str, Any]


def patient(ident: str = "1", **members: Any) -> Resource:
    return {"resourceType": "Patient", "id": ident, **members}


def observation(ident: str = "k", **members: Any) -> Resource:
    return {
        "resourceType": "Observation",
        "id": ident,
        "status": "final",
        "code": POTASSIUM,
        "subject": {"reference": "Patient/1"},
        "effectiveDateTime": "2026-01-15T08:30:00+01:00",
        "valueQuantity": {"value": 4.2, "unit": "mmol/L"},
        **members,
    }


def without(resource: Resource, *names: str) -> Resource:
    return {name: value for name, value in resource.items() if name not in names}


def specimen(ident: str = "s", **members: Any) -> Resource:
    return {"resourceType": "Specimen", "id": ident, **members}


def coded(code: str, system: str = "http://snomed.info/sct", display: str = "") -> Resource:
    return {"coding": [{"system": system, "code": code, **({"display": display} if display else {})}]}


def condition(text: str = "", **members: Any) -> Resource:
    return {
        "resourceType": "Condition",
        "clinicalStatus": coded("active", "http://terminology.hl7.org/CodeSystem/condition-clinical"),
        "code": {"text": text},
        "subject": {"reference": "Patient/1"},
        **members,
    }


def medication(text: str = "", status: str = "active", **members: Any) -> Resource:
    return {
        "resourceType": "MedicationStatement",
        "status": status,
        "medicationCodeableConcept": {"text": text},
        "subject": {"reference": "Patient/1"},
        **members,
    }


def entry(resource: Resource) -> Resource:
    named = {"fullUrl": f"{BASE}/{resource['resourceType']}/{resource['id']}"} if "id" in resource else {}
    return {**named, "resource": resource}


def bundle(*resources: Resource, kind: str = "collection", **members: Any) -> Resource:
    return {"resourceType": "Bundle", "type": kind, "entry": [entry(each) for each in resources], **members}


def answer(content: Resource | bytes, **request: Any) -> InterpretBundleResponse:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return ask(InterpretBundleRequest(bundle=body, **{"recorded": RECORDED, **request}))


def panel(*resources: Resource, **request: Any) -> Panel:
    return answer(bundle(*resources), **request).panel


def result(*resources: Resource) -> Result:
    """The only result of what was read of a patient's resources."""
    (found,) = panel(patient(), *resources).results
    return found


def issues(response: InterpretBundleResponse) -> list[tuple[str, str]]:
    """Severity and path of what was not read."""
    return [
        (IssueSeverity.Name(each.severity).removeprefix("ISSUE_SEVERITY_").lower(), each.path)
        for each in response.issues
    ]


def refused(content: Resource | bytes, **request: Any) -> list[tuple[str, str]]:
    """Field and reason of what was wrong."""
    with pytest.raises(RequestError) as error:
        answer(content, **request)
    return [(violation.field, violation.reason) for violation in error.value.violations]


def resources_of(response: InterpretBundleResponse, kind: str) -> list[Resource]:
    entries = json.loads(response.bundle)["entry"]
    return [each["resource"] for each in entries if each["resource"]["resourceType"] == kind]
