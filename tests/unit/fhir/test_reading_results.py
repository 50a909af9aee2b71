"""Observations as results: what each element becomes, and what is said where it is in doubt."""

from __future__ import annotations

import json
from typing import Any

import pytest

from labgloss.v1 import panel_pb2 as pb
from labgloss.v1 import report_pb2
from tests.unit.fhir.bundles import (
    BASE,
    LOINC,
    MAGNESIUM,
    POTASSIUM,
    Resource,
    answer,
    bundle,
    coded,
    issues,
    observation,
    panel,
    patient,
    refused,
    result,
    specimen,
    without,
)


def test_value_and_unit_are_read_digit_for_digit() -> None:
    body = json.dumps(bundle(patient(), observation())).replace('"value": 4.2', '"value": 4.20').encode()
    (read,) = answer(body).panel.results
    assert (read.value, read.unit, read.comparator) == ("4.20", "mmol/L", pb.COMPARATOR_UNSPECIFIED)
    assert read.collected == "2026-01-15T08:30:00+01:00"
    assert read.codings[0] == pb.Coding(system=LOINC, code="2823-3")


@pytest.mark.parametrize(
    ("quantity", "unit"),
    [
        ({"unit": "mEq/L"}, "mEq/L"),
        ({"unit": "millimole per litre", "code": "mmol/L", "system": "http://unitsofmeasure.org"}, "mmol/L"),
        ({"unit": "mEq/L", "code": "meq/L", "system": "http://unitsofmeasure.org"}, "meq/L"),
        ({"unit": "mmol/L", "code": "258813002", "system": "http://snomed.info/sct"}, "mmol/L"),
        ({"code": "mmol/L"}, "mmol/L"),
        ({}, ""),
    ],
)
def test_the_unit_is_that_of_ucum_else_as_written(quantity: Resource, unit: str) -> None:
    assert result(observation(valueQuantity={"value": 4.2, **quantity})).unit == unit


def test_two_different_units_are_no_unit() -> None:
    """Magnesium 1.5: low in mg/dL, high in mmol/L."""
    quantity = {"value": 1.5, "unit": "mg/dL", "code": "mmol/L", "system": "http://unitsofmeasure.org"}
    found = answer(bundle(patient(), observation(code=MAGNESIUM, valueQuantity=quantity)))
    assert found.panel.results[0].unit == "mg/dL (code mmol/L)"
    assert found.report.results[0].refusal_reason == report_pb2.REFUSAL_REASON_UNIT_NOT_ACCEPTED
    assert issues(found)[0] == ("error", "Bundle.entry[1].resource.valueQuantity")


@pytest.mark.parametrize(("sign", "comparator"), [("<", 1), ("<=", 2), (">=", 3), (">", 4)])
def test_a_comparator_makes_a_bound(sign: str, comparator: int) -> None:
    quantity = {"value": 4.0, "comparator": sign, "unit": "mmol/L"}
    assert result(observation(valueQuantity=quantity)).comparator == comparator


def test_a_comparator_that_is_none_loses_the_value() -> None:
    assert result(observation(valueQuantity={"value": 4.2, "comparator": "~", "unit": "mmol/L"})).value == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"valueString": "haemolysed"}, "haemolysed"),
        ({"valueString": "<3.0"}, "<3.0"),
        ({"valueCodeableConcept": {"text": "see comment"}}, "see comment"),
        ({"valueCodeableConcept": coded("1", display="not done")}, "not done"),
        ({"valueInteger": 4}, "4"),
        ({"valueBoolean": True}, "true"),
        ({"valueRange": {"low": {"value": 3}, "high": {"value": 4, "unit": "mmol/L"}}}, "3 - 4 mmol/L"),
        ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 8}}}, "1:8"),
        ({"valueDateTime": "2026-01-15"}, "2026-01-15"),
        ({"valuePeriod": {"start": "2026-01-15"}}, "a Period"),
    ],
)
def test_another_value_is_told_in_words_and_never_made_a_number(value: Resource, text: str) -> None:
    read = result(without(observation(**value), "valueQuantity"))
    assert (read.value, read.unit) == (text, "")


@pytest.mark.parametrize(
    "members",
    [
        {"valueString": "4.2"},
        {"dataAbsentReason": coded("error")},
    ],
)
def test_a_value_that_is_in_doubt_is_none(members: Resource) -> None:
    found = answer(bundle(patient(), observation(**members)))
    assert found.panel.results[0].value == ""
    assert found.report.results[0].refusal_reason == report_pb2.REFUSAL_REASON_NO_VALUE
    assert issues(found)[0][0] == "error"


def test_a_reason_why_there_is_no_value_is_no_fault() -> None:
    found = answer(bundle(patient(), without(observation(dataAbsentReason=coded("not-performed")), "valueQuantity")))
    assert found.report.results[0].refusal_reason == report_pb2.REFUSAL_REASON_NO_VALUE
    assert issues(found) == []


@pytest.mark.parametrize(
    ("status", "read"),
    [
        ("registered", pb.RESULT_STATUS_REGISTERED),
        ("amended", pb.RESULT_STATUS_AMENDED),
        ("entered-in-error", pb.RESULT_STATUS_ENTERED_IN_ERROR),
        ("unknown", pb.RESULT_STATUS_PRELIMINARY),
        ("done", pb.RESULT_STATUS_PRELIMINARY),
        (None, pb.RESULT_STATUS_PRELIMINARY),
    ],
)
def test_a_status_that_is_not_known_makes_no_final_result(status: str | None, read: int) -> None:
    assert result(observation(status=status)).status == read


@pytest.mark.parametrize(("status", "read"), [("entered-in-error", 7), ("cancelled", 6), ("final", 3)])
def test_a_withdrawn_report_withdraws_its_results(status: str, read: int) -> None:
    report = {
        "resourceType": "DiagnosticReport",
        "id": "r",
        "status": status,
        "subject": {"reference": "Patient/1"},
        "result": [{"reference": "Observation/k"}],
    }
    assert result(observation(), report).status == read
    again = {**report, "id": "r2", "status": "final"}
    assert result(observation(), report, again).status == pb.RESULT_STATUS_FINAL


# ------------------------------------------------------------------------------------------------ codes


def test_a_code_without_a_system_is_not_taken_for_loinc() -> None:
    (read,) = panel(patient(), observation(code={"coding": [{"code": "2823-3"}]})).results
    assert read.codings[0].system == "urn:labgloss:without-system"


def test_the_oid_of_loinc_is_loinc() -> None:
    oid = {"coding": [{"system": "urn:oid:2.16.840.1.113883.6.1", "code": "2823-3"}]}
    assert answer(bundle(patient(), observation(code=oid))).report.results[0].analyte == "potassium"


def test_a_text_names_no_analyte_and_is_returned() -> None:
    found = answer(bundle(patient(), observation(code={"text": "Potassium"})))
    assert found.report.results[0].state == report_pb2.RESULT_STATE_NOT_RECOGNISED
    assert found.report.results[0].as_sent.codings[0].display == "Potassium"


def test_local_codes_beside_loinc_are_kept() -> None:
    local = {"coding": [{"system": "urn:lab", "code": "K", "display": "Kalium"}, *POTASSIUM["coding"]]}
    assert [coding.code for coding in result(observation(code=local)).codings] == ["K", "2823-3"]


@pytest.mark.parametrize(
    ("members", "is_one"),
    [
        ({}, True),
        ({"code": coded("x", "urn:lab")}, True),
        ({"code": coded("x", "urn:lab"), "category": [coded("laboratory", "urn:c")]}, True),
        ({"code": coded("8867-4", LOINC), "category": [coded("vital-signs", "urn:c")]}, False),
        ({"code": coded("72166-2", LOINC), "category": [coded("social-history", "urn:c")]}, False),
        ({"category": [coded("vital-signs", "urn:c")]}, True),
    ],
)
def test_what_is_a_laboratory_result(members: Resource, is_one: bool) -> None:
    found = answer(bundle(patient(), observation("sure"), observation("asked", **members)))
    assert len(found.panel.results) == (2 if is_one else 1)
    assert issues(found) == ([] if is_one else [("information", "Bundle.entry[2].resource")])


def test_components_are_results_with_what_their_observation_says() -> None:
    parts = [
        {"code": POTASSIUM, "valueQuantity": {"value": 5.9, "unit": "mmol/L"}, "interpretation": [coded("H")]},
        {"code": MAGNESIUM, "dataAbsentReason": coded("temp-unknown")},
    ]
    whole = without(observation(code=coded("24323-8", LOINC), component=parts, status="amended"), "valueQuantity")
    potassium, magnesium = panel(patient(), whole).results
    assert (potassium.value, list(potassium.flags), potassium.status) == ("5.9", ["H"], pb.RESULT_STATUS_AMENDED)
    assert magnesium.value == ""
    assert magnesium.collected == "2026-01-15T08:30:00+01:00"


def test_members_are_results_and_their_group_is_none() -> None:
    group = without(
        observation("g", code=coded("24323-8", LOINC), hasMember=[{"reference": "Observation/k"}]), "valueQuantity"
    )
    assert len(panel(patient(), observation(), group).results) == 1


def test_a_contained_result_is_read_and_a_missing_one_said() -> None:
    report = {
        "resourceType": "DiagnosticReport",
        "id": "r",
        "status": "final",
        "subject": {"reference": "Patient/1"},
        "contained": [without(observation("inner"), "subject")],
        "result": [{"reference": "#inner"}, {"reference": "Observation/none"}],
    }
    found = answer(bundle(patient(), report))
    assert len(found.panel.results) == 1
    assert issues(found) == [("warning", "Bundle.entry[1].resource.result[1]")]
    derived = [
        entry["resource"]["derivedFrom"]
        for entry in json.loads(found.bundle)["entry"]
        if "derivedFrom" in entry["resource"]
    ]
    assert derived == [[{"type": "Observation", "display": "Observation contained in DiagnosticReport"}]]


def test_one_resource_that_came_twice_is_read_once() -> None:
    assert len(panel(patient(), observation(), observation()).results) == 1


def version(value: float, status: str = "final", **meta: str) -> Resource:
    return observation(
        status=status, valueQuantity={"value": value, "unit": "mmol/L"}, **({"meta": meta} if meta else {})
    )


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ({"versionId": "9"}, {"versionId": "10"}),
        ({"lastUpdated": "2026-01-15T10:00:00+01:00"}, {"lastUpdated": "2026-01-15T09:30:00Z"}),
    ],
)
def test_of_several_versions_the_newest_is_read(older: Resource, newer: Resource) -> None:
    withdrawn = version(4.1, "entered-in-error", **newer)
    for content in ((version(4.1, **older), withdrawn), (withdrawn, version(4.1, **older))):
        assert result(*content).status == pb.RESULT_STATUS_ENTERED_IN_ERROR


def test_without_an_order_among_versions_none_is_read() -> None:
    found = answer(bundle(patient(), observation("other"), version(4.1), version(4.1, "entered-in-error")))
    assert len(found.panel.results) == 1
    assert [path for severity, path in issues(found) if severity == "error"] == [
        "Bundle.entry[2].resource",
        "Bundle.entry[3].resource",
    ]


def test_what_is_deleted_is_not_read() -> None:
    content = bundle(patient(), observation("a"), observation("b"), kind="transaction")
    content["entry"][2]["request"] = {"method": "DELETE", "url": "Observation/b"}
    assert len(answer(content).panel.results) == 1


# ------------------------------------------------------------------------------------------------ references


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/1",
        f"{BASE}/Patient/1",
        f"{BASE}/Patient/1/_history/3",
        "Patient/1/_history/3",
        "Patient?identifier=urn:hospital|0815",
    ],
)
def test_a_patient_is_found_however_the_reference_is_written(reference: str) -> None:
    someone = patient(gender="male", identifier=[{"system": "urn:hospital", "value": "0815"}])
    assert panel(someone, observation(subject={"reference": reference})).patient.sex == pb.SEX_MALE


def test_a_patient_is_found_by_identifier_alone() -> None:
    named = {"system": "urn:hospital", "value": "0815"}
    someone = patient(gender="male", identifier=[named])
    assert panel(someone, observation(subject={"identifier": named})).patient.sex == pb.SEX_MALE


def test_copies_of_a_patient_contained_in_each_result_are_one_by_their_identifier() -> None:
    def result_of(ident: str, value: str) -> Resource:
        named = [{"system": "urn:hospital", "value": value}]
        inner = {"resourceType": "Patient", "id": "p", "gender": "male", "identifier": named}
        return observation(ident, contained=[inner], subject={"reference": "#p"})

    assert panel(result_of("a", "1"), result_of("b", "1")).patient.sex == pb.SEX_MALE
    two = bundle(result_of("a", "1"), result_of("b", "2"))
    with pytest.raises(Exception, match="1 field is wrong"):
        answer(two)


# ------------------------------------------------------------------------------------------------ whose

SHARED = [{"system": "urn:insurance", "value": "1"}]
SECOND = {"reference": "Patient/2"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"identifier": SHARED, "birthDate": "1960-01-01"}, {"identifier": SHARED, "birthDate": "2001-01-01"}),
        ({"identifier": SHARED, "gender": "female"}, {"identifier": SHARED, "gender": "male"}),
        (
            {"identifier": SHARED, "name": [{"family": "Moss", "given": ["Ada"]}]},
            {"identifier": SHARED, "name": [{"family": "Moss", "given": ["Ben"]}]},
        ),
        # Without its system, a number is one of any hospital.
        ({"identifier": [{"value": "1"}]}, {"identifier": [{"value": "1"}]}),
    ],
)
def test_people_who_share_a_number_are_not_one(one: Resource, other: Resource) -> None:
    two = bundle(patient("1", **one), patient("2", **other), observation("a"), observation("b", subject=SECOND))
    assert refused(two) == [("bundle", "CONTRADICTION")]
    found = answer(two, subject="Patient/1")
    assert len(found.panel.results) == 1


def test_two_patients_under_one_id_are_nobody() -> None:
    people = [patient(birthDate="1960-01-01"), patient(birthDate="2001-01-01")]
    entries = [{"resource": each} for each in (*people, observation("a"), observation("b"))]
    assert refused({"resourceType": "Bundle", "type": "collection", "entry": entries}) == [("bundle", "CONTRADICTION")]


def test_an_id_is_that_of_one_server() -> None:
    entries = [
        {"fullUrl": "urn:uuid:p", "resource": patient()},
        {"fullUrl": "http://a.example/Observation/k", "resource": observation()},
        {"fullUrl": "http://b.example/Observation/k", "resource": observation()},
    ]
    found = answer({"resourceType": "Bundle", "type": "collection", "entry": entries})
    assert len(found.panel.results) == 1
    assert ("error", "Bundle.entry[2].resource.subject") in issues(found)


def test_a_reference_and_its_identifier_that_name_two_people_name_nobody() -> None:
    someone = patient(identifier=SHARED)
    other = {"reference": "Patient/1", "identifier": {"system": "urn:insurance", "value": "2"}}
    found = answer(bundle(someone, observation("a"), observation("b", subject=other)))
    assert len(found.panel.results) == 1
    assert ("error", "Bundle.entry[2].resource.subject") in issues(found)


def test_urn_uuids_and_relative_references_without_full_urls_are_followed() -> None:
    entries: list[Any] = [
        {"fullUrl": "urn:uuid:p", "resource": {"resourceType": "Patient", "gender": "male"}},
        {"resource": observation(subject={"reference": "urn:uuid:p"}, specimen={"reference": "Specimen/s"})},
        {"resource": specimen(type=coded("119364003"))},
    ]
    read = answer({"resourceType": "Bundle", "type": "collection", "entry": entries}).panel
    assert read.patient.sex == pb.SEX_MALE
    assert read.results[0].specimen.kind == pb.SPECIMEN_KIND_SERUM


# ------------------------------------------------------------------------------------------------ intervals and flags


def test_the_laboratorys_interval_and_flags_are_passed_on() -> None:
    ranges = [{"low": {"value": 3.5, "unit": "mmol/L"}, "high": {"value": 5.1}, "text": "3.5-5.1"}]
    flags = [coded("H", "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"), {"text": "high"}]
    read = result(observation(referenceRange=ranges, interpretation=flags))
    assert read.interval == pb.LaboratoryInterval(low="3.5", high="5.1", text="3.5-5.1")
    assert list(read.flags) == ["H", "high"]


OF_WOMEN: Resource = {"low": {"value": 3.5}, "appliesTo": [{"text": "women"}]}
OF_CRITICAL: Resource = {"low": {"value": 2.5}, "type": coded("critical")}


@pytest.mark.parametrize(
    ("ranges", "interval"),
    [
        ([{"text": "3.5 - 5.1"}], pb.LaboratoryInterval(text="3.5 - 5.1")),
        ([{"high": {"value": 5.1}}], pb.LaboratoryInterval(high="5.1")),
        ([{"low": {"value": 14, "unit": "mg/dL"}}], None),
        ([{"low": {"value": 3.5, "comparator": "<"}}], None),
        ([OF_CRITICAL], None),
        ([OF_WOMEN], pb.LaboratoryInterval(low="3.5")),
        ([OF_WOMEN, {"low": {"value": 3.4}}], pb.LaboratoryInterval(low="3.4")),
        ([{"low": {"value": 3.5}}, {"low": {"value": 3.4}}], None),
        ([OF_CRITICAL, {"low": {"value": 3.4}}], pb.LaboratoryInterval(low="3.4")),
    ],
)
def test_a_range_is_read_only_where_it_is_the_patients(ranges: list[Resource], interval: Any) -> None:
    read = result(observation(referenceRange=ranges))
    assert (read.interval if read.HasField("interval") else None) == interval


# ------------------------------------------------------------------------------------------------ times


@pytest.mark.parametrize(
    ("members", "collected"),
    [
        ({"effectiveDateTime": "2026-01-15"}, "2026-01-15"),
        ({"effectiveDateTime": "2026-01-15T08:30:00"}, "2026-01-15"),
        ({"effectiveDateTime": "2026-01"}, ""),
        ({"effectiveDateTime": "2026-13-01"}, ""),
        ({"effectiveDateTime": "9999-12-31"}, ""),
        ({"effectiveDateTime": "2027-01-01"}, ""),
        ({"effectiveDateTime": "2026-06-02"}, "2026-06-02"),
        ({"effectiveInstant": "2026-01-15T08:30:00Z"}, "2026-01-15T08:30:00Z"),
        ({"effectivePeriod": {"start": "2026-01-14", "end": "2026-01-15"}}, "2026-01-14"),
        ({"issued": "2026-01-15T08:30:00Z"}, ""),
        ({"specimen": {"reference": "Specimen/s"}}, "2026-01-13"),
        ({"specimen": {"reference": "Specimen/s"}, "effectiveDateTime": "2026-01-15"}, "2026-01-15"),
        ({"specimen": {"reference": "Specimen/s"}, "effectiveDateTime": "2026"}, ""),
    ],
)
def test_only_a_known_time_is_the_time_of_collection(members: Resource, collected: str) -> None:
    """The answer is recorded on 1 June 2026; what lies after it is no time of collection, and so counts as current."""
    drawn = specimen(collection={"collectedDateTime": "2026-01-13"})
    assert result(without(observation(), "effectiveDateTime") | members, drawn).collected == collected


def test_the_newest_draw_is_judged_and_earlier_ones_are_its_history() -> None:
    earlier = observation("a", effectiveDateTime="2025-11-02", valueQuantity={"value": 6.9, "unit": "mmol/L"})
    found = answer(bundle(patient(), observation(), earlier))
    assert [entry.earlier for entry in found.report.results] == [False, True]
    assert found.report.results[0].trend.previous_value == "6.9"


def test_a_timing_is_no_time_of_a_draw() -> None:
    timed = without(observation(effectiveTiming={"event": ["2026-01-15T08:30:00Z"]}), "effectiveDateTime")
    found = answer(bundle(patient(), timed))
    assert found.panel.results[0].collected == ""
    assert issues(found) == [("warning", "Bundle.entry[1].resource.effectiveTiming")]


@pytest.mark.parametrize("status", ["corrected", "amended", "cancelled", "entered-in-error"])
def test_a_result_that_another_under_its_number_takes_back_is_not_judged(status: str) -> None:
    number = [{"system": "urn:laboratory", "value": "R1"}]
    later = observation("later", identifier=number, status=status)
    found = panel(patient(), observation(identifier=number), later).results
    assert found[0].status == pb.RESULT_STATUS_ENTERED_IN_ERROR
    another = observation("later", identifier=number, status=status, code=MAGNESIUM)
    assert panel(patient(), observation(identifier=number), another).results[0].status == pb.RESULT_STATUS_FINAL
