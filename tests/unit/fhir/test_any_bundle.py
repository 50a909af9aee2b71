"""Whatever a Bundle holds, it has an answer or is refused by its fields; nothing in it is a defect of the service."""

from __future__ import annotations

import json
from contextlib import suppress
from random import Random
from typing import Any

import fhirkit
from hypothesis import given, settings
from hypothesis import strategies as st

from labgloss.errors import RequestError
from labgloss.v1.fhir_pb2 import InterpretBundleRequest
from tests.fhir.corpus import RECORDED, ask, serving
from tests.unit.fhir.bundles import (
    LOINC,
    MAGNESIUM,
    Resource,
    answer,
    bundle,
    coded,
    condition,
    medication,
    observation,
    patient,
    specimen,
)

SERVING = serving()
FULL = bundle(
    patient(birthDate="1960-02-03", gender="female", identifier=[{"system": "urn:h", "value": "1"}]),
    observation(
        specimen={"reference": "Specimen/s"},
        component=[{"code": MAGNESIUM, "valueQuantity": {"value": 1, "unit": "mmol/L"}}],
        referenceRange=[{"low": {"value": 1}}],
        interpretation=[coded("H")],
        hasMember=[{"reference": "Observation/k"}],
        note=[{"text": "haemolysed"}],
    ),
    specimen(
        note=[{"text": "x"}],
        container=[{"type": {"text": "EDTA"}}],
        condition=[coded("HEM")],
        collection={"bodySite": {"text": "arm"}, "collectedDateTime": "2026-01-01"},
    ),
    condition("ckd"),
    medication("digoxin"),
    {
        "resourceType": "List",
        "status": "current",
        "code": coded("11450-4", LOINC),
        "emptyReason": coded("nilknown"),
        "subject": {"reference": "Patient/1"},
    },
    {
        "resourceType": "DiagnosticReport",
        "id": "d",
        "status": "final",
        "subject": {"reference": "Patient/1"},
        "result": [{"reference": "Observation/k"}],
        "specimen": [{"reference": "Specimen/s"}],
    },
)
ODD: list[Any] = [
    *(None, 0, -1, True, "", [], {}, [None], [[]], [{}], {"a": 1}, "x" * 2_000, "\u0000", "\ud83d\ude00"),
    *("#", "#x", "Patient/1", "urn:uuid:1", "Patient?identifier=", "http://a.example/b/Patient/1?x"),
    *("2026-13-45", "9999-12-31T23:59:59+14:00", "2026-01-15T08:30:00-23:59", "unknown", "NaN", "]]>"),
    *(coded("2823-3", LOINC), {"reference": "#"}),
]
NAMES = sorted({name for each in FULL["entry"] for name in each["resource"]} | {"id", "meta", "extension", "contained"})


def changed(value: Any, chance: Random) -> Any:
    """The value with some of it left out, doubled, or replaced by something odd."""
    if chance.random() < 0.04:
        return chance.choice(ODD)
    if isinstance(value, dict):
        kept = {name: changed(item, chance) for name, item in value.items() if chance.random() > 0.02}
        return {**kept, chance.choice(NAMES): chance.choice(ODD)} if chance.random() < 0.03 else kept
    if isinstance(value, list):
        items = [changed(item, chance) for item in value if chance.random() > 0.02]
        return [*items, chance.choice(items)] if items and chance.random() < 0.05 else items
    return value


@settings(max_examples=80, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from([0, 1, 2]))
def test_a_bundle_that_was_broken_anywhere_has_an_answer_or_is_refused(chance: Random, answer_type: Any) -> None:
    body = json.dumps({**FULL, "entry": [changed(entry, chance) for entry in FULL["entry"]]}).encode()
    request = InterpretBundleRequest(bundle=body, recorded=RECORDED, answer_type=answer_type)
    with suppress(RequestError):
        entries = json.loads(ask(request, SERVING).bundle)["entry"]
        sent = [entry.get("resource") for entry in json.loads(body)["entry"] if isinstance(entry, dict)]
        for entry in entries:
            if entry["resource"] not in sent:
                assert fhirkit.validate(json.dumps(entry["resource"])) == []


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(NAMES), inner),
)


@settings(max_examples=40, deadline=None)
@given(ANY_JSON)
def test_any_json_in_a_bundle_has_an_answer_or_is_refused(anything: Any) -> None:
    content = bundle(patient(), observation())
    content["entry"].append({"resource": {"resourceType": "Observation", "x": anything}})
    content["entry"].append(anything)
    with suppress(RequestError):
        ask(InterpretBundleRequest(bundle=json.dumps(content).encode(), recorded=RECORDED), SERVING)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused(body: bytes) -> None:
    with suppress(RequestError):
        ask(InterpretBundleRequest(bundle=body, recorded=RECORDED), SERVING)
        raise AssertionError


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False))
def test_what_another_patient_has_changes_nothing_in_the_report(chance: Random) -> None:
    other = {"reference": "Patient/2"}
    theirs: list[Resource] = [
        observation("o1", subject=other, valueQuantity={"value": 7.9, "unit": "mmol/L"}),
        observation("o2", subject=other, code=MAGNESIUM, valueQuantity={"value": 0.2, "unit": "mmol/L"}),
        condition("dialysis", subject=other),
        medication("digoxin", subject=other),
        {"resourceType": "Observation", "status": "final", "subject": other, "code": coded("55300003")},
    ]
    ours = bundle(patient(), observation(), condition("hypertension"), medication("omeprazole"))
    mixed = {**ours, "entry": [*ours["entry"]]}
    for resource in chance.sample(theirs, chance.randint(1, len(theirs))):
        mixed["entry"].insert(chance.randint(0, len(mixed["entry"])), {"resource": resource})
    assert answer(mixed).report == answer(ours).report
