"""Patient, conditions, medications and complaints: what holds now, what does not, and what stays unknown."""

from __future__ import annotations

from typing import Any

import pytest

from labgloss.v1 import panel_pb2 as pb
from labgloss.v1 import report_pb2
from tests.unit.fhir.bundles import (
    LOINC,
    Resource,
    answer,
    bundle,
    coded,
    condition,
    issues,
    medication,
    observation,
    panel,
    patient,
    without,
)

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFIED = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
NOTHING = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/list-empty-reason", "code": "nilknown"}]}


def read(*resources: Resource) -> pb.Panel:
    return panel(patient(), observation(), *resources)


# ------------------------------------------------------------------------------------------------ patient


def test_birth_date_and_sex_are_read_and_an_unknown_sex_stays_unknown() -> None:
    assert panel(patient(birthDate="1960-02", gender="female"), observation()).patient == pb.Patient(
        birth_date="1960-02", sex=pb.SEX_FEMALE
    )
    found = answer(bundle(patient(birthDate="02/1960", gender="other"), observation()))
    assert not found.panel.HasField("patient")
    assert issues(found) == [
        ("warning", "Bundle.entry[0].resource.birthDate"),
        ("information", "Bundle.entry[0].resource.gender"),
    ]


def test_that_a_patient_is_dead_is_said() -> None:
    for members in ({"deceasedBoolean": True}, {"deceasedDateTime": "2026-01-14"}):
        found = answer(bundle(patient(**members), observation()))
        assert issues(found) == [("warning", "Bundle.entry[0].resource.deceased")]
    assert issues(answer(bundle(patient(deceasedBoolean=False), observation()))) == []


@pytest.mark.parametrize(
    ("members", "pregnant"),
    [
        ({"valueCodeableConcept": coded("77386006")}, True),
        ({"valueCodeableConcept": coded("60001007")}, False),
        ({"valueCodeableConcept": coded("261665006")}, None),
        ({"valueCodeableConcept": coded("77386006"), "effectiveDateTime": "2025-09-01"}, None),
        ({"valueCodeableConcept": coded("77386006"), "status": "preliminary"}, None),
    ],
)
def test_pregnancy_is_read_from_the_day_of_the_results(members: Resource, pregnant: bool | None) -> None:
    status = without(observation("p", code=coded("82810-3", LOINC)), "valueQuantity") | members
    found = read(status).patient
    assert (found.pregnant if found.HasField("pregnant") else None) is pregnant


def test_of_two_answers_on_pregnancy_none_is_taken() -> None:
    one, other = (
        without(observation(code, code=coded("82810-3", LOINC), valueCodeableConcept=coded(code)), "valueQuantity")
        for code in ("77386006", "60001007")
    )
    for both in ((one, other), (other, one)):
        assert not read(*both).patient.HasField("pregnant")


def test_an_active_pregnancy_is_one_and_a_past_one_is_none() -> None:
    assert read(condition("Normal pregnancy", code=coded("72892002"))).patient.pregnant
    over = condition("Normal pregnancy", code=coded("72892002"), abatementDateTime="2020-01-01")
    assert not read(over).patient.HasField("pregnant")


def test_an_age_stands_for_a_birth_date() -> None:
    age = observation("a", code=coded("30525-0", LOINC), valueQuantity={"value": 67, "code": "a", "unit": "years"})
    assert read(age).patient.age_years == 67
    half = observation("a", code=coded("30525-0", LOINC), valueQuantity={"value": 67.5, "code": "a"})
    assert not read(half).HasField("patient")


# ------------------------------------------------------------------------------------------------ conditions


def texts(found: pb.Panel) -> list[str] | None:
    return [item.text for item in found.conditions.conditions] if found.HasField("conditions") else None


def test_without_conditions_they_are_unknown_and_with_one_the_others_are_false() -> None:
    assert texts(read()) is None
    assert texts(read(condition("chronic kidney disease"))) == ["chronic kidney disease"]


def test_the_words_that_are_known_are_taken_and_what_snomed_adds_is_not() -> None:
    code = {**coded("709044004", display="Chronic kidney disease (disorder)"), "text": "Chronisches Nierenversagen"}
    found = answer(bundle(patient(), observation(), condition(code=code)))
    assert found.report.conditions[0].ids == ["ckd"]
    assert found.report.conditions[0].not_recognised == []
    assert found.panel.conditions.conditions[0].coding.code == "709044004"


@pytest.mark.parametrize(
    "members",
    [
        {"clinicalStatus": coded("resolved", CLINICAL)},
        {"clinicalStatus": coded("inactive", CLINICAL)},
        {"clinicalStatus": None, "abatementDateTime": "2019-01-01"},
        {"verificationStatus": coded("refuted", VERIFIED)},
        {"verificationStatus": coded("entered-in-error", VERIFIED)},
        {"verificationStatus": {"text": "Refuted"}},
        {
            "verificationStatus": {
                "coding": [{"system": "urn:ours", "code": "3"}, *coded("refuted", VERIFIED)["coding"]]
            }
        },
        {"clinicalStatus": {"text": "Resolved"}},
        {"code": None},
    ],
)
def test_what_does_not_hold_is_not_on_the_list_and_makes_none(members: Resource) -> None:
    over = condition("sarcoidosis", **members)
    assert texts(read(over)) is None
    assert texts(read(over, condition("chronic kidney disease"))) == ["chronic kidney disease"]


@pytest.mark.parametrize(
    "members",
    [
        # As STU3 wrote it.
        {"clinicalStatus": "resolved"},
        {"verificationStatus": "refuted"},
        {"clinicalStatus": coded("3", "urn:ours")},
        {"clinicalStatus": {"coding": [coded(each, CLINICAL)["coding"][0] for each in ("active", "resolved")]}},
    ],
)
def test_a_status_that_is_none_leaves_the_list_open(members: Resource) -> None:
    found = texts(read(condition("sarcoidosis", **members), condition("chronic kidney disease")))
    assert found == ["chronic kidney disease", "an entry that may or may not be a condition of this patient"]


@pytest.mark.parametrize("status", ["unconfirmed", "provisional", "differential"])
def test_what_may_hold_leaves_the_list_open(status: str) -> None:
    """Sarcoidosis is then neither true nor false, and with it every other condition that is not on the list."""
    doubtful = condition("sarcoidosis", verificationStatus=coded(status, VERIFIED))
    assert texts(read(doubtful)) is None
    found = answer(bundle(patient(), observation(), doubtful, condition("chronic kidney disease")))
    assert texts(found.panel) == [
        "chronic kidney disease",
        "an entry that may or may not be a condition of this patient",
    ]
    assert found.report.conditions[1].ids == []
    assert found.report.conditions[1].not_recognised != []


def test_diagnoses_of_an_encounter_are_no_list_of_what_the_patient_has() -> None:
    category = [coded("encounter-diagnosis", "http://terminology.hl7.org/CodeSystem/condition-category")]
    assert len(texts(read(condition("diabetes", category=category))) or []) == 2
    assert texts(read(condition("diabetes", category=category), condition("hypertension"))) == [
        "diabetes",
        "hypertension",
    ]


@pytest.mark.parametrize(
    "said",
    [
        {"resourceType": "List", "status": "current", "code": coded("11450-4", LOINC), "emptyReason": NOTHING},
        {"resourceType": "Composition", "section": [{"code": coded("11450-4", LOINC), "emptyReason": NOTHING}]},
        condition(code=coded("no-known-problems", "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips")),
        condition(code=coded("160245001")),
    ],
)
def test_that_there_are_none_is_an_empty_list(said: Resource) -> None:
    assert texts(read({"subject": {"reference": "Patient/1"}, **said})) == []


@pytest.mark.parametrize(
    "members",
    [
        {"emptyReason": coded("notasked", "urn:x")},
        {"status": "entered-in-error"},
        {"code": coded("48765-2", LOINC)},
        {"entry": [{"item": {"reference": "Condition/1"}}]},
        {"subject": {"reference": "Patient/2"}},
    ],
)
def test_another_list_says_nothing_of_them(members: Resource) -> None:
    named = {"resourceType": "List", "status": "current", "code": coded("11450-4", LOINC), "emptyReason": NOTHING}
    assert texts(read({"subject": {"reference": "Patient/1"}, **named, **members})) is None


def test_another_patients_condition_is_not_this_ones() -> None:
    found = answer(bundle(patient(), observation(), condition("dialysis", subject={"reference": "Patient/2"})))
    assert texts(found.panel) is None
    assert issues(found) == [("warning", "Bundle.entry[2].resource.subject")]
    assert b"dialysis" not in found.bundle


# ------------------------------------------------------------------------------------------------ medications


def medicines(found: pb.Panel) -> list[str] | None:
    return [item.text for item in found.medications.medications] if found.HasField("medications") else None


def test_without_medications_they_are_unknown_and_only_what_is_taken_counts() -> None:
    assert medicines(read()) is None
    for status in ("stopped", "completed", "not-taken", "on-hold", "entered-in-error", "intended"):
        assert medicines(read(medication("digoxin", status))) is None
        assert medicines(read(medication("digoxin", status), medication("omeprazole"))) == ["omeprazole"]
    assert medicines(read(medication("digoxin", effectivePeriod={"end": "2025-12-01"}))) is None


@pytest.mark.parametrize(("end", "taken"), [("2015", False), ("2025-12", False), ("2026-01", True), ("2026", True)])
def test_a_medicine_that_ended_in_a_month_or_year_before_is_not_taken(end: str, taken: bool) -> None:
    assert read(medication("ramipril", effectivePeriod={"end": end})).HasField("medications") is taken


def test_what_may_be_taken_leaves_the_list_open() -> None:
    assert medicines(read(medication("digoxin", "unknown"))) is None
    assert len(medicines(read(medication("digoxin", "unknown"), medication("omeprazole"))) or []) == 2


def test_a_prescription_in_force_is_taken_and_a_draft_is_not() -> None:
    def request(**members: Any) -> Resource:
        return {**medication("digoxin"), "resourceType": "MedicationRequest", "intent": "order", **members}

    assert medicines(read(request())) == ["digoxin"]
    for members in ({"status": "draft"}, {"intent": "proposal"}, {"doNotPerform": True}, {"status": "cancelled"}):
        assert medicines(read(request(**members))) is None


def test_a_medication_is_found_with_its_ingredients() -> None:
    drug = {
        "resourceType": "Medication",
        "id": "m",
        "code": {"text": "Lanoxin 62.5"},
        "ingredient": [
            {"itemCodeableConcept": coded("3407", "http://www.nlm.nih.gov/research/umls/rxnorm", "digoxin")}
        ],
    }
    taken = without(medication(), "medicationCodeableConcept") | {"medicationReference": {"reference": "Medication/m"}}
    found = answer(bundle(patient(), observation(), taken, drug))
    assert found.report.medications[0].ids == ["digoxin"]
    inside = {**taken, "contained": [drug], "medicationReference": {"reference": "#m"}}
    assert medicines(read(inside)) == ["digoxin"]
    dangling = answer(bundle(patient(), observation(), taken))
    assert medicines(dangling.panel) is None
    assert issues(dangling) == [("warning", "Bundle.entry[2].resource")]


@pytest.mark.parametrize(
    "said",
    [
        {"resourceType": "List", "status": "current", "code": coded("10160-0", LOINC), "emptyReason": NOTHING},
        medication() | {"medicationCodeableConcept": coded("no-known-medications", "urn:ips")},
    ],
)
def test_that_nothing_is_taken_is_an_empty_list(said: Resource) -> None:
    assert medicines(read({"subject": {"reference": "Patient/1"}, **said})) == []


def test_since_when_is_read_to_the_day() -> None:
    taken = medication("omeprazole", effectivePeriod={"start": "2025-10-01T08:00:00Z"})
    assert read(taken).medications.medications[0].since == "2025-10-01"


# ------------------------------------------------------------------------------------------------ complaints


def complaint(code: Resource, **members: Any) -> Resource:
    return {
        "resourceType": "Observation",
        "status": "final",
        "subject": {"reference": "Patient/1"},
        "code": code,
        **members,
    }


CARRIER = coded("75325-1", LOINC)
CRAMP = coded("55300003", display="Muscle cramp (finding)")


def outcomes(*resources: Resource) -> list[tuple[list[str], int]]:
    report = answer(bundle(patient(), observation(), *resources)).report
    return [(list(each.symptom_ids), each.outcome) for each in report.symptoms]


def test_a_complaint_is_told_by_code_by_carrier_or_in_words() -> None:
    told: list[Resource] = [
        complaint(CRAMP),
        complaint(CARRIER, valueCodeableConcept=CRAMP),
        complaint(coded("10154-3", LOINC), valueString="cramps in both calves"),
        condition(code=coded("R25.2", ICD)),
        condition("muscle cramps"),
    ]
    for one in told:
        assert any("MUSCLE_CRAMP" in ids for ids, _ in outcomes(one)), one


@pytest.mark.parametrize(
    "members",
    [
        {"valueBoolean": False},
        {"valueCodeableConcept": coded("2667000")},
        {"valueCodeableConcept": {"text": "No"}},
        {"valueString": "absent"},
    ],
)
def test_a_denied_complaint_is_denied(members: Resource) -> None:
    ((_, outcome),) = outcomes(complaint(CRAMP, **members))
    assert outcome == report_pb2.SYMPTOM_OUTCOME_DENIED


def test_a_refuted_condition_that_is_a_symptom_is_denied() -> None:
    ((_, outcome),) = outcomes(condition(code=coded("R25.2", ICD), verificationStatus=coded("refuted", VERIFIED)))
    assert outcome == report_pb2.SYMPTOM_OUTCOME_DENIED


def test_a_carrier_whose_value_is_absent_carries_nothing() -> None:
    carried = complaint(coded("75325-1", LOINC), valueString="cramps", dataAbsentReason=coded("unknown"))
    assert outcomes(carried) == []


@pytest.mark.parametrize(
    "members",
    [
        {"status": "entered-in-error"},
        {"dataAbsentReason": coded("unknown")},
        {"valueQuantity": {"value": 7}},
        {"valueString": "as before"},
        {"interpretation": [coded("NEG")]},
        {"effectiveDateTime": "2025-06-01"},
        {"subject": {"reference": "Patient/2"}},
    ],
)
def test_what_says_neither_is_unknown(members: Resource) -> None:
    assert outcomes(complaint(CRAMP, **members)) == []


def test_the_reason_of_a_request_is_a_complaint() -> None:
    asked = {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/1"},
        "authoredOn": "2026-01-15",
        "reasonCode": [{"text": "muscle cramps"}, {"text": "check-up"}],
    }
    assert [ids for ids, _ in outcomes(asked)] == [["MUSCLE_CRAMP"]]
    assert outcomes({**asked, "authoredOn": "2024-01-15"}) == []
    assert outcomes({**asked, "status": "revoked"}) == []


def test_symptoms_alone_are_interpreted() -> None:
    assert len(panel(patient(), complaint(CRAMP)).symptoms) == 1


def test_more_than_fits_leaves_the_list_open() -> None:
    many = [condition(f"condition {n}") for n in range(250)]
    read_conditions = texts(read(*many)) or []
    assert len(read_conditions) == 200
    assert read_conditions[-1].startswith("an entry that may")


def test_what_is_not_read_is_named_by_its_type_once() -> None:
    allergy = {"resourceType": "AllergyIntolerance", "patient": {"reference": "Patient/1"}}
    found = answer(bundle(patient(), observation(), allergy, allergy, {"resourceType": "Practitioner"}))
    assert issues(found) == [("information", "Bundle.entry[2].resource")]
