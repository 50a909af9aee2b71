"""The small job that other engines do too: four results of one patient, each to its class, flag, band and critical.

What each value means is asked of our engine, value by value at the digits that laboratories report; values that mean
the same make one row. So the tables of the others hold the same limits, and must give the same answers.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

from labgloss.domain import panel as domain_panel
from labgloss.domain.report import Report
from labgloss.engine.interpret import interpret
from labgloss.knowledge.release import Release
from labgloss.v1.panel_pb2 import Panel
from labgloss.wire.decode import decode_panel
from labgloss_client import panel, patient, result

# A man of forty: nothing about him is open, so that every value has one meaning.
_AGE = 40
_DAY = "2026-01-15"
_PATIENT = "Patient/p"


@dataclass(frozen=True, slots=True)
class Measure:
    """An analyte of the job: its code, unit, and the values that are looked at: up to `most`, `step` apart."""

    analyte: str
    loinc: str
    unit: str
    step: Decimal
    most: Decimal

    def values(self) -> list[Decimal]:
        return [self.step * number for number in range(1, int(self.most / self.step) + 1)]


MEASURES = (
    Measure("magnesium", "2601-3", "mmol/L", Decimal("0.01"), Decimal(4)),
    Measure("calcium_ionised", "1995-0", "mmol/L", Decimal("0.01"), Decimal("2.4")),
    Measure("vitamin_d_25oh", "68438-1", "nmol/L", Decimal(1), Decimal(250)),
    Measure("potassium", "2823-3", "mmol/L", Decimal("0.1"), Decimal(9)),
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Values of one measure, both ends included, that mean the same."""

    low: Decimal
    high: Decimal
    meaning: str


def meaning(report: Report, position: int) -> str:
    """What a report says of a result: class, flag, band, critical; empty where it refuses it."""
    entry = next(result for result in report.results if result.index == position)
    if entry.refusal_reason is not None:
        return ""
    return "|".join((entry.result_class.name, entry.flag, entry.band or "+".join(entry.bands), entry.critical.name))


def stretches(release: Release, measure: Measure) -> list[Stretch]:
    """All values that are looked at, in stretches of the same meaning; those that are refused are left out."""
    told = [(value, meaning(interpret(release, _decoded(release, {measure: value})), 0)) for value in measure.values()]
    found = []
    for said, same in groupby(told, key=lambda pair: pair[1]):
        values = [value for value, _ in same]
        if said:
            found.append(Stretch(values[0], values[-1], said))
    return found


@dataclass(frozen=True, slots=True)
class Job:
    """Values for each measure, and what is to be said of each."""

    values: Mapping[Measure, Decimal]
    meanings: tuple[str, ...]

    def message(self) -> Panel:
        """As a panel that the service takes."""
        results = (result(one.analyte, str(value), one.unit) for one, value in self.values.items())
        return panel(*results, patient=patient(age_years=_AGE, sex="male"))

    def numbers(self) -> dict[str, float]:
        """As other engines take it."""
        return {one.analyte: float(value) for one, value in self.values.items()}

    def bundle(self) -> str:
        """As a FHIR Bundle."""
        entries: list[dict[str, Any]] = [
            {"resourceType": "Patient", "id": "p", "birthDate": "1985-06-01", "gender": "male"}
        ]
        entries += [_observation(one, value) for one, value in self.values.items()]
        return json.dumps(
            {
                "resourceType": "Bundle",
                "type": "collection",
                "entry": [
                    {"fullUrl": f"https://lab.example/fhir/{entry['resourceType']}/{entry['id']}", "resource": entry}
                    for entry in entries
                ],
            }
        )


def jobs(release: Release, tables: Mapping[Measure, Sequence[Stretch]], wanted: int) -> list[Job]:
    """So many jobs, no two alike. One in which our engine says more than the tables know, because one result bears on
    another, is not among them."""
    chance = random.Random(0)
    found: dict[tuple[Decimal, ...], Job] = {}
    while len(found) < wanted:
        picked = {one: chance.choice(table) for one, table in tables.items()}
        values = {
            one: one.step * chance.randint(int(stretch.low / one.step), int(stretch.high / one.step))
            for one, stretch in picked.items()
        }
        meanings = tuple(stretch.meaning for stretch in picked.values())
        report = interpret(release, _decoded(release, values))
        if meanings == tuple(meaning(report, place) for place in range(len(meanings))):
            found[tuple(values.values())] = Job(values, meanings)
    return list(found.values())


def decoded(release: Release, job: Job) -> domain_panel.Panel:
    """The job as our engine takes it."""
    return _decoded(release, job.values)


def _decoded(release: Release, values: Mapping[Measure, Decimal]) -> domain_panel.Panel:
    return decode_panel(Job(values, ()).message(), "panel", release)


def _observation(measure: Measure, value: Decimal) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": measure.analyte.replace("_", "-"),
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": measure.loinc}]},
        "subject": {"reference": _PATIENT},
        "effectiveDateTime": f"{_DAY}T08:00:00Z",
        "valueQuantity": {
            "value": float(value),
            "unit": measure.unit,
            "system": "http://unitsofmeasure.org",
            "code": measure.unit,
        },
    }


# ------------------------------------------------------------------------------------------ other engines


def decision_model(tables: Mapping[Measure, Sequence[Stretch]]) -> str:
    """The tables as a JSON Decision Model: a decision table for each measure."""
    nodes: list[dict[str, Any]] = [
        {"id": "in", "type": "inputNode", "name": "in"},
        {"id": "out", "type": "outputNode", "name": "out"},
    ]
    edges: list[dict[str, str]] = []
    for measure, table in tables.items():
        name = measure.analyte
        nodes.append(
            {
                "id": name,
                "type": "decisionTableNode",
                "name": name,
                "content": {
                    "hitPolicy": "first",
                    "inputs": [{"id": "value", "name": name, "field": name}],
                    "outputs": [{"id": "meaning", "name": "meaning", "field": name}],
                    "rules": [
                        {
                            "_id": str(number),
                            "value": f"[{stretch.low}..{stretch.high}]",
                            "meaning": json.dumps(stretch.meaning),
                        }
                        for number, stretch in enumerate(table)
                    ],
                },
            }
        )
        for source, target in (("in", name), (name, "out")):
            edges.append({"id": f"{source}-{target}", "type": "edge", "sourceId": source, "targetId": target})
    return json.dumps({"contentType": "application/vnd.gorules.decision", "nodes": nodes, "edges": edges})


def elm_library(tables: Mapping[Measure, Sequence[Stretch]]) -> dict[str, Any]:
    """The tables as a library of ELM, which CQL is compiled to: an expression for each measure, over Observations."""
    definitions = [_expression("Patient", {"type": "SingletonFrom", "operand": _retrieve("Patient")})]
    for measure, table in tables.items():
        definitions.append(_expression(f"{measure.analyte} value", _value(measure)))
        definitions.append(_expression(measure.analyte, _case(f"{measure.analyte} value", table)))
    return {
        "library": {
            "identifier": {"id": "SmallJob", "version": "1"},
            "schemaIdentifier": {"id": "urn:hl7-org:elm", "version": "r1"},
            "usings": {
                "def": [
                    {"localIdentifier": "System", "uri": "urn:hl7-org:elm-types:r1"},
                    {"localIdentifier": "FHIR", "uri": "http://hl7.org/fhir", "version": "4.0.1"},
                ]
            },
            "codeSystems": {"def": [{"name": "LOINC", "id": "http://loinc.org", "accessLevel": "Public"}]},
            "codes": {
                "def": [
                    {"name": one.loinc, "id": one.loinc, "accessLevel": "Public", "codeSystem": {"name": "LOINC"}}
                    for one in tables
                ]
            },
            "statements": {"def": definitions},
        }
    }


def _expression(name: str, logic: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "context": "Patient", "accessLevel": "Public", "expression": logic}


def _retrieve(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": "Retrieve", "dataType": f"{{http://hl7.org/fhir}}{kind}", **more}


def _value(measure: Measure) -> dict[str, Any]:
    """The number of the first Observation with the code."""
    observations = _retrieve(
        "Observation",
        codeProperty="code",
        codeComparator="~",
        codes={"type": "ToList", "operand": {"type": "CodeRef", "name": measure.loinc}},
    )
    quantity = {"type": "Property", "path": "value", "source": {"type": "First", "source": observations}}
    number = {"type": "Property", "path": "value", "source": quantity}
    return {"type": "Property", "path": "value", "source": number}


def _case(value: str, table: Sequence[Stretch]) -> dict[str, Any]:
    asked = {"type": "ExpressionRef", "name": value}

    def bound(operator: str, number: Decimal) -> dict[str, Any]:
        literal = {"type": "Literal", "valueType": "{urn:hl7-org:elm-types:r1}Decimal", "value": str(number)}
        return {"type": operator, "operand": [asked, literal]}

    return {
        "type": "Case",
        "caseItem": [
            {
                "when": {
                    "type": "And",
                    "operand": [bound("GreaterOrEqual", stretch.low), bound("LessOrEqual", stretch.high)],
                },
                "then": _text(stretch.meaning),
            }
            for stretch in table
        ],
        "else": _text("none"),
    }


def _text(value: str) -> dict[str, str]:
    return {"type": "Literal", "valueType": "{urn:hl7-org:elm-types:r1}String", "value": value}
