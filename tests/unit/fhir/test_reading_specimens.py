"""Specimens, and what is said of haemolysis: an artefact must reach every result that it spoils, in any words."""

from __future__ import annotations

from typing import Any

import pytest

from labgloss.v1 import panel_pb2 as pb
from labgloss.v1 import report_pb2
from tests.unit.fhir.bundles import (
    LOINC,
    MAGNESIUM,
    TEXT,
    Resource,
    answer,
    bundle,
    coded,
    issues,
    observation,
    panel,
    patient,
    result,
    specimen,
    without,
)

DRAWN = {"reference": "Specimen/s"}
HIGH = {"value": 6.9, "unit": "mmol/L"}


@pytest.mark.parametrize(
    ("kind", "read"),
    [
        (coded("119364003"), pb.SPECIMEN_KIND_SERUM),
        (coded("PLAS", "http://terminology.hl7.org/CodeSystem/v2-0487"), pb.SPECIMEN_KIND_PLASMA),
        ({"text": "Serum"}, pb.SPECIMEN_KIND_SERUM),
        (coded("122552005"), pb.SPECIMEN_KIND_ARTERIAL),
        (coded("1", display="Urine"), pb.SPECIMEN_KIND_URINE),
        ({"text": "Serum", **coded("PLAS")}, pb.SPECIMEN_KIND_UNSPECIFIED),
        ({"text": "something"}, pb.SPECIMEN_KIND_UNSPECIFIED),
    ],
)
def test_the_kind_is_read_by_code_or_word_and_is_unknown_where_they_disagree(kind: Resource, read: int) -> None:
    assert result(observation(specimen=DRAWN), specimen(type=kind)).specimen.kind == read


@pytest.mark.parametrize(
    ("members", "additive"),
    [
        ({"container": [{"additiveCodeableConcept": coded("EDTK15", "urn:v2-0371")}]}, "EDTK15"),
        ({"container": [{"type": {"text": "K2-EDTA tube"}}]}, "K2-EDTA tube"),
        ({"type": {"text": "Plasma specimen with EDTA"}}, "Plasma specimen with EDTA"),
    ],
)
def test_a_wrong_tube_refuses_the_potassium(members: Resource, additive: str) -> None:
    found = answer(bundle(patient(), observation(specimen=DRAWN, valueQuantity=HIGH), specimen(**members)))
    assert found.panel.results[0].specimen.additive == additive
    assert found.report.results[0].refusal_reason == report_pb2.REFUSAL_REASON_SPECIMEN_UNSUITABLE


@pytest.mark.parametrize("status", ["unsatisfactory", "entered-in-error"])
def test_what_was_measured_in_a_specimen_that_is_not_to_be_used_is_not_judged(status: str) -> None:
    found = answer(bundle(patient(), observation(specimen=DRAWN), specimen(status=status)))
    (entry,) = found.report.results
    assert (entry.flag, entry.refusal_reason) == ("IND", report_pb2.REFUSAL_REASON_SPECIMEN_REJECTED)


@pytest.mark.parametrize(("status", "grade"), [("final", pb.HAEMOLYSIS_GROSS), ("entered-in-error", 0)])
def test_haemolysis_that_was_withdrawn_is_said_of_no_result(status: str, grade: int) -> None:
    index = without(observation("index", status=status, code={"text": "Haemolysis index"}), "valueQuantity")
    category = [coded("laboratory", "http://terminology.hl7.org/CodeSystem/observation-category")]
    told = {**index, "valueString": "gross", "category": category}
    assert panel(patient(), observation(), told).results[0].specimen.haemolysis == grade


def test_a_rejected_specimen_refuses_and_an_unsatisfactory_one_is_said() -> None:
    rejected = specimen(condition=[coded("QS", "urn:v2-0490")])
    found = answer(bundle(patient(), observation(specimen=DRAWN), rejected))
    assert found.report.results[0].refusal_reason == report_pb2.REFUSAL_REASON_SPECIMEN_REJECTED
    found = answer(bundle(patient(), observation(specimen=DRAWN), specimen(status="unsatisfactory")))
    assert issues(found) == [("warning", "Bundle.entry[2].resource.status")]
    assert list(found.panel.results[0].specimen.conditions) == ["unsatisfactory"]


def test_the_draw_is_that_of_the_accession() -> None:
    tube = specimen(accessionIdentifier={"value": "A1"}, identifier=[{"value": "tube 3"}])
    assert result(observation(specimen=DRAWN), tube).specimen.id == "A1"
    assert result(observation(specimen=DRAWN), specimen()).specimen.id == "s"


def test_the_specimen_of_the_only_report_is_that_of_its_results() -> None:
    report = {
        "resourceType": "DiagnosticReport",
        "id": "r",
        "status": "final",
        "subject": {"reference": "Patient/1"},
        "specimen": [DRAWN],
        "result": [{"reference": "Observation/k"}],
    }
    assert result(observation(), report, specimen(type={"text": "Serum"})).specimen.kind == pb.SPECIMEN_KIND_SERUM


HAEMOLYSIS = {"text": "Hemolysis", **coded("HEMO", "urn:lab")}
INDEX = {"text": "Hemolysis index", **coded("HI", "urn:lab")}


def beside(code: Resource, **members: Any) -> list[Resource]:
    """Another Observation of the same Specimen."""
    return [specimen(), without(observation("h", code=code, specimen=DRAWN), "valueQuantity") | members]


TOLD: dict[str, list[Resource]] = {
    "a condition of the specimen": [specimen(condition=[coded("HEM", "urn:v2-0493")])],
    "a condition by SNOMED CT": [specimen(condition=[coded("118128002")])],
    "a condition in words": [specimen(condition=[{"text": "Hemolyzed specimen"}])],
    "a note on the specimen": [specimen(note=[{"text": "Sample haemolysed"}])],
    "a note in German": [specimen(note=[{"text": "Probe stark hämolytisch"}])],
    "a note on another result": beside(MAGNESIUM, note=[{"text": "haemolysed"}]),
    "an Observation in words": beside(HAEMOLYSIS, valueString="2+"),
    "an Observation with a grade": beside(HAEMOLYSIS, valueCodeableConcept={"text": "moderate"}),
    "an Observation of the specimen's condition": beside(coded("93047-7", LOINC), valueCodeableConcept=coded("HEM")),
    "an index above its limit": beside(INDEX, valueQuantity={"value": 250}, referenceRange=[{"high": {"value": 50}}]),
    "an index that is flagged": beside(
        coded("20393-5", LOINC, "Hemolysis index"), valueQuantity={"value": 250}, interpretation=[coded("H")]
    ),
    "a comment beside it": beside(TEXT, valueString="Specimen grossly hemolyzed"),
}


GERMAN_CORE = "https://www.medizininformatik-initiative.de/fhir/core/modul-labor/StructureDefinition"
SPOILED = f"{GERMAN_CORE}/InterpretationsbeeinflussendeEigenschaft"


@pytest.mark.parametrize("display", ["Specimen hemolyzed", ""])
def test_the_german_core_data_set_tells_haemolysis_by_a_modifier_that_is_known(display: str) -> None:
    coding = coded("118128002", display=display)["coding"][0]
    modified = observation(valueQuantity=HIGH, modifierExtension=[{"url": SPOILED, "valueCoding": coding}])
    found = answer(bundle(patient(), modified))
    assert "haemolysed" in {issue.id for issue in found.report.issues}
    assert found.report.results[0].critical != report_pb2.CRITICAL_NO
    other = {"url": "urn:x", "valueBoolean": True}
    both = observation("o", modifierExtension=[{"url": SPOILED, "valueCoding": coding}, other])
    assert len(answer(bundle(patient(), modified, both)).panel.results) == 1


@pytest.mark.parametrize("told", TOLD.values(), ids=TOLD)
def test_haemolysis_is_heard_wherever_it_is_told(told: list[Resource]) -> None:
    """A potassium of 6.9 that haemolysis makes unreliable is never simply high, and a person is still told."""
    found = answer(bundle(patient(), observation(specimen=DRAWN, valueQuantity=HIGH), *told))
    assert "haemolysed" in {issue.id for issue in found.report.issues}
    assert found.report.results[0].critical != report_pb2.CRITICAL_NO


@pytest.mark.parametrize(
    "told",
    [
        specimen(note=[{"text": "No haemolysis"}]),
        specimen(note=[{"text": "keine hämolytische Probe"}]),
        without(observation("h", code=HAEMOLYSIS, specimen=DRAWN, valueString="none"), "valueQuantity"),
        observation("h", code={"text": "Hemolysis index", **coded("HI", "urn:lab")}, valueQuantity={"value": 4}),
    ],
)
def test_what_denies_it_is_not_heard_as_haemolysis(told: Resource) -> None:
    resources = (told,) if told["resourceType"] == "Specimen" else (specimen(), told)
    found = answer(bundle(patient(), observation(specimen=DRAWN, valueQuantity=HIGH), *resources))
    assert "haemolysed" not in {issue.id for issue in found.report.issues}


def test_another_tube_is_not_haemolysed_by_it() -> None:
    other = specimen("t", note=[{"text": "haemolysed"}])
    resources = (
        observation(specimen=DRAWN, valueQuantity=HIGH),
        observation("m", code=MAGNESIUM, specimen={"reference": "Specimen/t"}),
        specimen(),
        other,
    )
    found = answer(bundle(patient(), *resources))
    assert list(found.panel.results[0].specimen.comments) == []


def test_a_long_note_is_kept_in_pieces() -> None:
    note = "no comment " * 150 + "but haemolysed"
    comments = result(observation(specimen=DRAWN), specimen(note=[{"text": note}])).specimen.comments
    assert " ".join(comments) == note
    assert max(map(len, comments)) <= 1_000


def test_haemolysis_is_heard_among_more_results_than_fit() -> None:
    many = [observation(f"x{n}", code=coded(f"{n}", "urn:lab"), specimen=DRAWN) for n in range(300)]
    told = without(observation("h", code=HAEMOLYSIS, specimen=DRAWN, valueString="2+"), "valueQuantity")
    found = answer(bundle(patient(), *many, observation(specimen=DRAWN, valueQuantity=HIGH), specimen(), told))
    assert len(found.panel.results) == 200
    assert "haemolysed" in {issue.id for issue in found.report.issues}
