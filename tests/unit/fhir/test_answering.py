"""What the answer's Bundle holds, and how it refers to what was sent."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from google.protobuf.json_format import Parse

from labgloss.v1.fhir_pb2 import BUNDLE_TYPE_COLLECTION, BUNDLE_TYPE_TRANSACTION, InterpretBundleResponse
from labgloss.v1.report_pb2 import Report
from tests.unit.fhir.bundles import (
    BASE,
    LOINC,
    MAGNESIUM,
    Resource,
    answer,
    bundle,
    coded,
    medication,
    observation,
    patient,
    resources_of,
    specimen,
    without,
)

CRAMP = coded("55300003")
HIS = {"subject": {"reference": "Patient/1"}}
LOW = {"value": 0.41, "unit": "mmol/L"}


def entries(response: InterpretBundleResponse) -> list[Any]:
    found: list[Any] = json.loads(response.bundle)["entry"]
    return found


def ours(response: InterpretBundleResponse) -> Resource:
    """Our Observation, of one."""
    (found,) = (each for each in resources_of(response, "Observation") if "derivedFrom" in each)
    return found


def test_our_reading_derives_from_the_laboratorys_observation() -> None:
    magnesium = observation(code=MAGNESIUM, valueQuantity=LOW, specimen={"reference": "Specimen/s"})
    response = answer(bundle(patient(birthDate="1960-02-03"), magnesium, specimen()))
    reading = ours(response)
    assert reading["derivedFrom"] == [{"reference": f"{BASE}/Observation/k"}]
    assert reading["specimen"] == {"reference": f"{BASE}/Specimen/s"}
    assert reading["subject"] == {"reference": f"{BASE}/Patient/1"}
    assert reading["code"] == MAGNESIUM
    assert reading["interpretation"][0]["coding"][0]["code"] == "L"
    assert reading["valueCodeableConcept"]["coding"][0] == {
        "system": "urn:labgloss:band",
        "code": "moderate_low",
        "display": "moderate low",
    }
    assert reading["referenceRange"][0]["low"]["value"] == 0.7
    assert "valueQuantity" not in reading
    assert b'"low":{"value":0.70,' in response.bundle


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"valueQuantity": {"value": 4.2}}, "unsupported"),
        ({"valueQuantity": {"value": 4200, "unit": "mmol/L"}}, "error"),
        ({"status": "entered-in-error"}, "error"),
        ({"status": "cancelled"}, "not-performed"),
        ({"status": "registered"}, "temp-unknown"),
        ({"valueQuantity": None}, "unknown"),
        ({"valueQuantity": None, "valueString": "haemolysed"}, "as-text"),
    ],
)
def test_a_refused_result_says_why_there_is_no_reading(members: Resource, reason: str) -> None:
    reading = ours(answer(bundle(patient(), observation(**members))))
    assert reading["dataAbsentReason"]["coding"][0]["code"] == reason
    assert "valueCodeableConcept" not in reading
    assert "N" not in [code["code"] for each in reading.get("interpretation", []) for code in each["coding"]]


@pytest.mark.parametrize(
    ("status", "written"),
    [("preliminary", "preliminary"), ("corrected", "corrected"), ("amended", "amended"), ("final", "final")],
)
def test_the_status_of_ours_follows_the_laboratorys(status: str, written: str) -> None:
    response = answer(bundle(patient(), observation(status=status)))
    assert ours(response)["status"] == written
    (report,) = resources_of(response, "DiagnosticReport")
    assert report["status"] == ("preliminary" if status == "preliminary" else "final")


def test_an_adjusted_calcium_comes_with_its_value_and_what_it_was_made_of() -> None:
    calcium = observation("ca", code=coded("2000-8", LOINC), valueQuantity={"value": 1.9, "unit": "mmol/L"})
    albumin = observation("alb", code=coded("1751-7", LOINC), valueQuantity={"value": 2.5, "unit": "g/dL"})
    response = answer(bundle(patient(), calcium, albumin))
    (made,) = (each for each in resources_of(response, "Observation") if len(each.get("derivedFrom", [])) == 2)
    assert made["code"]["coding"][0] == {
        "system": LOINC,
        **{k: made["code"]["coding"][0][k] for k in ("code", "display")},
    }
    assert made["code"]["coding"][0]["code"] == "29265-6"
    assert made["valueQuantity"]["code"] == "mmol/L"


def test_the_report_is_attached_as_it_is() -> None:
    response = answer(bundle(patient(), observation()))
    (report,) = resources_of(response, "DiagnosticReport")
    attached = Parse(base64.b64decode(report["presentedForm"][0]["data"]), Report())
    assert attached == response.report
    assert report["conclusion"] == response.report.summary


def test_a_therapy_that_is_implicated_makes_an_issue_and_a_bare_value_makes_none() -> None:
    low = observation(valueQuantity={"value": 2.9, "unit": "mmol/L"})
    assert resources_of(answer(bundle(patient(), low)), "DetectedIssue") == []
    taken = {**medication("digoxin"), "id": "d"}
    found = resources_of(answer(bundle(patient(), low, taken)), "DetectedIssue")
    assert found != []
    for issue in found:
        assert issue["implicated"] == [{"reference": f"{BASE}/MedicationStatement/d"}]
        assert issue["severity"] == "high"
        assert issue["code"]["coding"][0]["code"] == "LAB"


def test_a_pattern_that_is_only_possible_asks_for_what_is_missing() -> None:
    found = resources_of(answer(bundle(patient(), observation(code=MAGNESIUM, valueQuantity=LOW))), "GuidanceResponse")
    asking = {each["moduleUri"]: each for each in found if each["status"] == "data-requested"}
    potassium = asking["urn:labgloss:pattern:MG_LOW_WITH_SECONDARY_HYPOKALAEMIA"]
    (requirement,) = potassium["dataRequirement"]
    assert requirement["type"] == "Observation"
    assert {"system": "urn:labgloss:analyte", "code": "potassium"} in requirement["codeFilter"][0]["code"]


def test_the_urgency_is_the_priority_of_what_is_proposed() -> None:
    requests = resources_of(answer(bundle(patient(), observation(code=MAGNESIUM, valueQuantity=LOW))), "ServiceRequest")
    assert {(each["status"], each["intent"]) for each in requests} == {("draft", "proposal")}
    assert "asap" in {each["priority"] for each in requests}


def test_provenance_names_release_rules_and_the_version_that_was_read() -> None:
    response = answer(bundle(patient(), observation(meta={"versionId": "3"})))
    (provenance,) = resources_of(response, "Provenance")
    release = response.report.release
    assert provenance["policy"][0] == f"urn:labgloss:release:{release.version}:{release.digest}"
    assert any(policy.startswith("urn:labgloss:rule:potassium.") for policy in provenance["policy"])
    assert provenance["entity"][0]["what"] == {"reference": f"{BASE}/Observation/k/_history/3"}
    assert provenance["recorded"] == "2026-06-01T12:00:00+00:00"


# ------------------------------------------------------------------------------------------------ transactions


def test_a_transaction_is_answered_by_one_that_stores_ours_once() -> None:
    content = bundle(patient(), observation(), kind="transaction")
    for entry in content["entry"]:
        entry["request"] = {"method": "PUT", "url": f"{entry['resource']['resourceType']}/{entry['resource']['id']}"}
    response = answer(content)
    assert json.loads(response.bundle)["type"] == "transaction"
    sent, made = entries(response)[:2], entries(response)[2:]
    assert [entry["request"] for entry in sent] == [entry["request"] for entry in content["entry"]]
    for entry in made:
        kind, ident = entry["resource"]["resourceType"], entry["resource"]["id"]
        assert entry["request"] == {"method": "PUT", "url": f"{kind}/{ident}"}
        assert entry["fullUrl"] == f"urn:uuid:{ident}"
    assert "OperationOutcome" not in {entry["resource"]["resourceType"] for entry in made}
    assert entries(answer(content)) == entries(response)


def test_what_a_server_has_is_not_sent_to_it_again_and_what_it_has_not_is_created() -> None:
    stored = answer(bundle(patient(), observation()), answer_type=BUNDLE_TYPE_TRANSACTION)
    assert "Patient" not in {entry["resource"]["resourceType"] for entry in entries(stored)}
    assert ours(stored)["derivedFrom"] == [{"reference": f"{BASE}/Observation/k"}]
    content = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"fullUrl": "urn:uuid:p", "resource": {"resourceType": "Patient"}},
            {"fullUrl": "urn:uuid:k", "resource": observation(subject={"reference": "urn:uuid:p"})},
        ],
    }
    new = entries(answer(content, answer_type=BUNDLE_TYPE_TRANSACTION))
    assert [entry["request"] for entry in new[:2]] == [
        {"method": "POST", "url": "Patient"},
        {"method": "POST", "url": "Observation"},
    ]


def test_a_collection_can_be_asked_of_a_transaction() -> None:
    response = answer(bundle(patient(), observation(), kind="transaction"), answer_type=BUNDLE_TYPE_COLLECTION)
    assert json.loads(response.bundle)["type"] == "collection"
    assert all("request" not in entry for entry in entries(response))


# ------------------------------------------------------------------------------------------------ references


def test_resources_without_a_url_are_known_by_their_content() -> None:
    content = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": without(observation(), "id", "subject")}],
    }
    response = answer(content)
    ((url,),) = ({entry["fullUrl"] for entry in entries(response)[:1]},)
    assert ours(response)["derivedFrom"] == [{"reference": url}]
    assert ours(response)["subject"] == {"display": "the patient of the laboratory's results"}


@pytest.mark.parametrize(
    ("subject", "written"),
    [
        ({"reference": "Patient/9"}, {"reference": f"{BASE}/Patient/9"}),
        ({"reference": "http://other.example/Patient/9"}, {"reference": "http://other.example/Patient/9"}),
        (
            {"identifier": {"system": "urn:hospital", "value": "0815"}},
            {"identifier": {"system": "urn:hospital", "value": "0815"}},
        ),
        ({"reference": "#none"}, {"display": "a patient who did not come with the Bundle"}),
    ],
)
def test_a_patient_elsewhere_is_referred_to_as_they_were(subject: Resource, written: Resource) -> None:
    assert ours(answer(bundle(observation(subject=subject))))["subject"] == written


def test_what_people_wrote_is_no_markup_in_the_narrative() -> None:
    sent = observation(code={"coding": [{"system": "urn:lab", "code": "X", "display": "<script>&\u0001"}]})
    (report,) = resources_of(answer(bundle(patient(), observation("k2"), sent)), "DiagnosticReport")
    assert "<script>" not in report["text"]["div"]
    assert "&lt;script&gt;&amp;\ufffd" in report["text"]["div"]


def test_what_came_back_from_a_record_system_is_not_taken_for_measurements() -> None:
    """All that was answered is sent again with the laboratory's, as a search by patient finds it."""
    calcium = observation("ca", code=coded("2000-8", LOINC), valueQuantity={"value": 1.9, "unit": "mmol/L"})
    albumin = observation("alb", code=coded("1751-7", LOINC), valueQuantity={"value": 2.5, "unit": "g/dL"})
    content = bundle(
        patient(), calcium, albumin, {"resourceType": "Observation", "status": "final", "code": CRAMP, **HIS}
    )
    first = answer(content)
    again = answer({**content, "entry": entries(first)[:3] + content["entry"][3:] + entries(first)[3:]})
    assert again.report == first.report
    assert resources_of(again, "ServiceRequest") == resources_of(first, "ServiceRequest")


def test_the_time_of_recording_is_written_in_utc() -> None:
    (provenance,) = resources_of(
        answer(bundle(patient(), observation()), recorded="2026-06-01T23:00:00+23:00"), "Provenance"
    )
    assert provenance["recorded"] == "2026-06-01T00:00:00+00:00"
