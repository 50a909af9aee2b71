"""Bundles that are none, or that hold what must not be read: each with its own answer."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from labgloss.fhir.json_text import CONTAINERS_LIMIT, DEPTH_LIMIT, JsonError, parse, write
from tests.unit.fhir.bundles import (
    Resource,
    answer,
    bundle,
    issues,
    observation,
    panel,
    patient,
    refused,
    resources_of,
    without,
)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "BAD_FORM"),
        (b"[1, NaN]", "BAD_FORM"),
        (b"\xff\xfe{", "BAD_FORM"),
        (b'"\\ud800"', "BAD_FORM"),
        (b'{"a": 1, "a": 2}', "DUPLICATE"),
        (b"[" * (DEPTH_LIMIT + 1), "OUT_OF_RANGE"),
        (b'{"a":' * (DEPTH_LIMIT + 1), "OUT_OF_RANGE"),
        (b"[" + b"[]," * CONTAINERS_LIMIT + b"[]]", "OUT_OF_RANGE"),
        (b"[]", "BAD_FORM"),
        (b'{"resourceType": "Patient"}', "BAD_FORM"),
        (b'{"resourceType": "Bundle", "entry": {}}', "BAD_FORM"),
        (b'{"resourceType": "Bundle", "type": "history"}', "UNKNOWN_VALUE"),
        (b'{"resourceType": "Bundle", "implicitRules": "urn:x"}', "UNKNOWN_VALUE"),
        (json.dumps({"resourceType": "Bundle", "entry": [{}] * 5_001}).encode(), "TOO_MANY"),
        (b'{"resourceType": "Bundle", "type": "collection"}', "REQUIRED"),
    ],
)
def test_what_is_no_bundle_is_refused(body: bytes, reason: str) -> None:
    assert refused(body) == [("bundle", reason)]


def test_quotes_in_a_row_take_no_time_to_look_through() -> None:
    """A scanner that looked at each unended string anew would take hours."""
    with pytest.raises(JsonError):
        parse(b'"\\' * 1_000_000)


@pytest.mark.parametrize("text", [b'{"a":[8.10,1e5,-0.0,"\xc3\xa9",{},[],true,null]}', b'"\xf0\x9f\x98\x80"'])
def test_numbers_and_characters_are_written_as_they_were(text: bytes) -> None:
    assert write(parse(text)) == text


def test_brackets_in_a_string_are_no_depth() -> None:
    assert parse(b'["' + b"[" * 1_000 + b'"]') == ["[" * 1_000]


def test_a_number_of_any_length_is_no_trouble() -> None:
    long = "1" * 5_000
    found = answer(json.dumps(bundle(patient(), observation())).replace("4.2", long).encode())
    assert found.panel.results[0].value == ""
    assert ("warning", "Bundle.entry[1].resource.valueQuantity.value") in issues(found)


# ------------------------------------------------------------------------------------------------ whose it is


def test_another_patients_result_never_reaches_the_report() -> None:
    other = observation("o", subject={"reference": "Patient/2"}, valueQuantity={"value": 7.9, "unit": "mmol/L"})
    found = answer(bundle(patient(), observation(), other))
    assert [result.value for result in found.panel.results] == ["4.2"]
    assert issues(found) == [("error", "Bundle.entry[2].resource.subject")]
    assert b"7.9" not in found.bundle
    (outcome,) = resources_of(found, "OperationOutcome")
    assert outcome["issue"][0]["severity"] == "error"
    assert outcome["issue"][0]["expression"] == ["Bundle.entry[2].resource.subject"]


def test_results_of_two_patients_are_refused_until_one_is_named() -> None:
    both = bundle(patient("1"), patient("2"), observation("a"), observation("b", subject={"reference": "Patient/2"}))
    assert refused(both) == [("bundle", "CONTRADICTION")]
    for subject in ("Patient/2", "http://ward.example/fhir/Patient/2"):
        found = answer(both, subject=subject)
        assert len(found.panel.results) == 1
        assert ("error", "Bundle.entry[2].resource.subject") in issues(found)
    assert refused(both, subject="Patient/3") == [("subject", "UNKNOWN_VALUE")]


def test_a_second_patient_without_results_is_nobodys_matter() -> None:
    mother = patient("2", gender="female")
    found = answer(bundle(patient("1", gender="male"), mother, observation()))
    assert found.panel.patient.sex == 2
    assert refused(bundle(patient("1"), patient("2"), without(observation(), "subject"))) == [
        ("bundle", "CONTRADICTION")
    ]


def test_another_patients_specimen_and_report_say_nothing_of_a_result() -> None:
    theirs = {"subject": {"reference": "Patient/2"}}
    tube = {"resourceType": "Specimen", "id": "s", "note": [{"text": "haemolysed"}], **theirs}
    report = {
        "resourceType": "DiagnosticReport",
        "id": "r",
        "status": "entered-in-error",
        "result": [{"reference": "Observation/k"}],
        **theirs,
    }
    found = answer(bundle(patient(), observation(specimen={"reference": "Specimen/s"}), tube, report))
    (result,) = found.panel.results
    assert not result.HasField("specimen")
    assert result.status == 3
    assert issues(found) == [("error", "Bundle.entry[1].resource.specimen")]
    assert b"haemolysed" not in found.bundle


def test_a_result_of_nobody_is_not_taken_for_the_patients() -> None:
    found = answer(bundle(patient(), observation("a"), without(observation("b"), "subject")))
    assert len(found.panel.results) == 1
    assert issues(found) == [("error", "Bundle.entry[2].resource.subject")]


def test_a_report_says_whose_its_results_are() -> None:
    report = {
        "resourceType": "DiagnosticReport",
        "id": "r",
        "status": "final",
        "subject": {"reference": "Patient/1"},
        "result": [{"reference": "Observation/k"}],
    }
    assert len(panel(patient(), without(observation(), "subject"), report).results) == 1


def test_where_nobody_is_named_it_is_one_patient() -> None:
    found = answer(bundle(without(observation("a"), "subject"), without(observation("b"), "subject")))
    assert len(found.panel.results) == 2
    assert not found.panel.HasField("patient")


def test_a_patient_elsewhere_is_known_by_the_reference_alone() -> None:
    found = answer(bundle(observation("a"), observation("b")))
    assert len(found.panel.results) == 2
    assert ("warning", "Bundle.entry") in issues(found)
    assert refused(bundle(observation("a"), observation("b", subject={"reference": "Patient/2"}))) == [
        ("bundle", "CONTRADICTION")
    ]


def test_a_group_or_device_is_no_patient() -> None:
    assert refused(bundle(observation(subject={"reference": "Group/1"})))[0] == ("bundle", "REQUIRED")


def test_the_same_id_on_another_server_is_another_patient() -> None:
    other = observation("o", subject={"reference": "http://other.example/fhir/Patient/1"})
    found = answer(bundle(patient(), observation(), other))
    assert len(found.panel.results) == 1


def test_nothing_to_interpret_is_said_with_why() -> None:
    fields = refused(bundle(patient(), observation(subject={"reference": "Patient/2"})))
    assert fields == [("bundle", "REQUIRED"), ("bundle: Bundle.entry[1].resource.subject", "BAD_FORM")]


@pytest.mark.parametrize(
    "members",
    [
        {"modifierExtension": [{"url": "urn:x", "valueBoolean": True}]},
        {"implicitRules": "urn:x"},
        {"focus": [{"reference": "Patient/1"}]},
    ],
)
def test_what_changes_its_meaning_is_not_read(members: dict[str, Any]) -> None:
    found = answer(bundle(patient(), observation("a"), observation("b", **members)))
    assert len(found.panel.results) == 1
    assert issues(found) == [("error", "Bundle.entry[2].resource")]


def test_groups_that_list_each_other_end() -> None:
    one = without(observation("a", hasMember=[{"reference": "Observation/b"}]), "subject")
    two = without(observation("b", hasMember=[{"reference": "Observation/a"}]), "subject")
    assert refused(bundle(patient(), one, two))[0] == ("bundle", "REQUIRED")


def undated_again(results: list[Resource]) -> list[Resource]:
    return [{**each, "id": f"{each['id']}-again"} for each in results]


def test_of_more_results_than_fit_the_newest_stay() -> None:
    days = [f"{2000 + n // 24}-{n // 2 % 12 + 1:02d}-{n % 2 * 14 + 1:02d}" for n in range(300)]
    many = [observation(f"k{n}", effectiveDateTime=day) for n, day in enumerate(days)]
    found = answer(bundle(patient(), *many))
    assert [result.collected for result in found.panel.results] == days[100:]
    # Of the hundred that were left out, the first are named and the rest are counted.
    assert len(issues(found)) == 51
    assert found.issues[50].text.endswith("(and so 50 more)")
    # The report with its trace would not fit beside itself.
    (report,) = resources_of(found, "DiagnosticReport")
    assert report["presentedForm"][0]["title"] == "labgloss.v1.Report without its trace, for its size"
    same_day = [observation(f"k{n}") for n in range(120)]
    undated = [observation(f"u{n}", effectiveDateTime=None) for n in range(120)]
    for several in ([*same_day, *undated], [*undated, *undated_again(undated)]):
        assert refused(bundle(patient(), *several)) == [("bundle", "TOO_MANY")]


def test_wrong_types_are_said_and_read_as_absent() -> None:
    broken = observation(
        code={"coding": {"system": "x"}},
        interpretation="H",
        referenceRange=[7],
        note=[{"text": ["x"]}],
        specimen="Specimen/1",
        valueQuantity={"value": "4.2", "unit": 3},
    )
    found = answer(bundle(patient(birthDate=1960, gender=["female"]), broken))
    assert found.panel.results[0].value == ""
    assert len(found.issues) >= 8


def test_violations_of_the_panel_are_told_in_terms_of_the_bundle() -> None:
    born_later = bundle(patient(birthDate="2026-03-01"), observation())
    assert refused(born_later) == [("bundle: Bundle.entry[0].resource", "CONTRADICTION")]
    assert refused(bundle(patient(), observation()), as_of="yesterday") == [("as_of", "BAD_FORM")]
    assert refused(bundle(patient(), observation()), recorded="yesterday") == [("recorded", "BAD_FORM")]


def test_a_patient_with_thousands_of_identifiers_costs_no_more_for_each_result() -> None:
    someone = patient(identifier=[{"system": "urn:hospital", "value": str(number)} for number in range(20_000)])
    named = {"reference": "Patient/1", "identifier": {"system": "urn:hospital", "value": "7"}}
    results = [observation(str(number), subject=named) for number in range(100)]
    begun = time.process_time()
    assert len(panel(someone, *results).results) == 100
    # Read anew for each reference they took a minute.
    assert time.process_time() - begun < 10
