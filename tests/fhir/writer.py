"""Panels written as FHIR Bundles, as another system might: by nothing of the service but its messages."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from labgloss.v1 import panel_pb2 as pb

LOINC = {"", "loinc", "http://loinc.org"}
SYSTEMS = {"icd10cm": "http://hl7.org/fhir/sid/icd-10-cm", "snomed": "http://snomed.info/sct"}
OBSERVATION_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
WITH_SIGN = re.compile(r"(<=|>=|<|>)\s*(.+)")
SIGNS = {
    pb.COMPARATOR_LESS: "<",
    pb.COMPARATOR_LESS_OR_EQUAL: "<=",
    pb.COMPARATOR_GREATER_OR_EQUAL: ">=",
    pb.COMPARATOR_GREATER: ">",
}
_MARK = "\ue000"


def raw(number: str) -> str:
    """A number that `dumps` writes as it is."""
    return f"{_MARK}{number}{_MARK}"


def dumps(content: Mapping[str, Any]) -> bytes:
    """JSON, in which numbers keep their digits."""
    text = json.dumps(content, ensure_ascii=False)
    return re.sub(f'"{_MARK}([^{_MARK}]*){_MARK}"', r"\1", text).encode()


def bundle_of(panel: pb.Panel) -> bytes:
    """The panel as a collection of a Patient, Specimens, Observations, Conditions and MedicationStatements."""
    resources = [
        ("patient", _patient(panel.patient)),
        *((f"specimen-{n}", _specimen(r.specimen)) for n, r in enumerate(panel.results) if r.HasField("specimen")),
        *((f"result-{n}", _observation(n, r)) for n, r in enumerate(panel.results)),
        *((f"symptom-{n}", _symptom(s)) for n, s in enumerate(panel.symptoms)),
        *((f"condition-{n}", _condition(c)) for n, c in enumerate(panel.conditions.conditions)),
        *((f"medication-{n}", _medication(m)) for n, m in enumerate(panel.medications.medications)),
    ]
    if panel.HasField("conditions") and not panel.conditions.conditions:
        resources.append(("problems", _nothing("11450-4")))
    if panel.HasField("medications") and not panel.medications.medications:
        resources.append(("medicines", _nothing("10160-0")))
    return dumps(
        {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [{"fullUrl": f"urn:uuid:{name}", "resource": resource} for name, resource in resources],
        }
    )


def subject() -> dict[str, Any]:
    return {"reference": "urn:uuid:patient"}


def _patient(patient: pb.Patient) -> dict[str, Any]:
    written: dict[str, Any] = {"resourceType": "Patient"}
    if patient.sex:
        written["gender"] = pb.Sex.Name(patient.sex).removeprefix("SEX_").lower()
    extensions: list[dict[str, Any]] = []
    form = patient.WhichOneof("age")
    if form == "birth_date":
        written["birthDate"] = patient.birth_date
    elif form is not None:
        code = {"age_years": "a", "age_months": "mo", "age_days": "d"}[form]
        quantity = {"value": getattr(patient, form), "system": "http://unitsofmeasure.org", "code": code}
        extensions.append({"url": "urn:labgloss:age", "valueQuantity": quantity})
    for name in ("pregnant", "preterm"):
        if patient.HasField(name):
            extensions.append({"url": f"urn:labgloss:{name}", "valueBoolean": getattr(patient, name)})
    if patient.HasField("trimester"):
        extensions.append({"url": "urn:labgloss:trimester", "valueInteger": patient.trimester})
    return {**written, **({"extension": extensions} if extensions else {})}


def _specimen(specimen: pb.Specimen) -> dict[str, Any]:
    written: dict[str, Any] = {"resourceType": "Specimen"}
    if specimen.id:
        written["id"] = specimen.id
    if specimen.kind:
        code = pb.SpecimenKind.Name(specimen.kind).removeprefix("SPECIMEN_KIND_").lower()
        written["type"] = {"coding": [{"system": "urn:labgloss:specimen-kind", "code": code}]}
    if specimen.additive:
        written["container"] = [{"additiveCodeableConcept": {"text": specimen.additive}}]
    conditions: list[dict[str, Any]] = [{"text": text} for text in specimen.conditions]
    if specimen.haemolysis:
        code = pb.Haemolysis.Name(specimen.haemolysis).removeprefix("HAEMOLYSIS_").lower()
        conditions.append({"coding": [{"system": "urn:labgloss:haemolysis", "code": code}]})
    if conditions:
        written["condition"] = conditions
    if specimen.site:
        written["collection"] = {"bodySite": {"text": specimen.site}}
    if specimen.comments:
        written["note"] = [{"text": text} for text in specimen.comments]
    if specimen.transport:
        written["extension"] = [{"url": "urn:labgloss:transport", "valueString": specimen.transport}]
    return written


def _observation(place: int, result: pb.Result) -> dict[str, Any]:
    codings = [_coding(each) for each in result.codings]
    if result.analyte:
        codings.append({"system": "urn:labgloss:analyte", "code": result.analyte})
    status = pb.ResultStatus.Name(result.status).removeprefix("RESULT_STATUS_").lower().replace("_", "-")
    written: dict[str, Any] = {
        "resourceType": "Observation",
        "status": "final" if status == "unspecified" else status,
        "category": [{"coding": [{"system": OBSERVATION_CATEGORY, "code": "laboratory"}]}],
        "code": {"coding": codings},
        "subject": subject(),
        **_value(result),
    }
    if result.id:
        written["identifier"] = [{"system": "urn:labgloss:result", "value": result.id}]
    if result.collected:
        written["effectiveDateTime"] = result.collected
    if result.HasField("specimen"):
        written["specimen"] = {"reference": f"urn:uuid:specimen-{place}"}
    if result.flags:
        written["interpretation"] = [{"coding": [{"system": INTERPRETATION, "code": flag}]} for flag in result.flags]
    if result.HasField("interval"):
        written["referenceRange"] = [_range(result)]
    return written


def _value(result: pb.Result) -> dict[str, Any]:
    signed = WITH_SIGN.fullmatch(result.value.strip())
    sign, number = (
        (signed[1], signed[2].strip()) if signed else (SIGNS.get(result.comparator, ""), result.value.strip())
    )
    if DECIMAL.fullmatch(number):
        quantity = {"value": raw(number), "unit": result.unit, **({"comparator": sign} if sign else {})}
        return {"valueQuantity": {name: value for name, value in quantity.items() if value != ""}}
    return {"valueString": result.value} if result.value else {}


def _range(result: pb.Result) -> dict[str, Any]:
    interval = result.interval
    written: dict[str, Any] = {"text": interval.text} if interval.text else {}
    for name in ("low", "high"):
        limit = getattr(interval, name)
        if interval.HasField(name):
            written[name] = {"value": raw(limit) if DECIMAL.fullmatch(limit) else limit, "unit": result.unit}
    return written


def _coding(coding: pb.Coding) -> dict[str, Any]:
    system = "http://loinc.org" if coding.system.lower() in LOINC else SYSTEMS.get(coding.system, coding.system)
    return {"system": system, "code": coding.code, **({"display": coding.display} if coding.display else {})}


def _concept(kind: str, item: Any) -> dict[str, Any]:
    codings = [{"system": f"urn:labgloss:{kind}", "code": item.id}] if item.id else []
    if item.HasField("coding"):
        codings.append(_coding(item.coding))
    return {**({"coding": codings} if codings else {}), **({"text": item.text} if item.text else {})}


def _symptom(symptom: pb.Symptom) -> dict[str, Any]:
    extensions = [
        {"url": f"urn:labgloss:{name}", "valueString": getattr(symptom, name)}
        for name in ("onset", "duration")
        if getattr(symptom, name)
    ]
    written: dict[str, Any] = {
        "resourceType": "Observation",
        "status": "final",
        "subject": subject(),
        **({"extension": extensions} if extensions else {}),
    }
    if symptom.HasField("present") and not symptom.present:
        return {**written, "code": _concept("symptom", symptom), "valueBoolean": False}
    carrier = {"coding": [{"system": "http://loinc.org", "code": "75325-1"}]}
    return {**written, "code": carrier, "valueCodeableConcept": _concept("symptom", symptom)}


def _condition(condition: pb.Condition) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "clinicalStatus": {"coding": [{"system": CLINICAL, "code": "active"}]},
        "code": _concept("condition", condition),
        "subject": subject(),
    }


def _medication(medication: pb.Medication) -> dict[str, Any]:
    return {
        "resourceType": "MedicationStatement",
        "status": "active",
        "medicationCodeableConcept": _concept("medication", medication),
        "subject": subject(),
        **({"effectivePeriod": {"start": medication.since}} if medication.since else {}),
    }


def _nothing(code: str) -> dict[str, Any]:
    return {
        "resourceType": "List",
        "status": "current",
        "mode": "snapshot",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": subject(),
        "emptyReason": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/list-empty-reason", "code": "nilknown"}]
        },
    }
