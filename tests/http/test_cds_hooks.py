"""CDS Hooks 2.0: discovery, calls of hooks, cards, feedback."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any
from uuid import UUID

import httpx
import pytest
from google.protobuf.json_format import ParseDict

from labgloss.http.hook_call import read_call
from labgloss.http.hooks import HOOKS
from labgloss.v1.fhir_pb2 import BUNDLE_TYPE_NONE, InterpretBundleRequest
from labgloss_client import Client, Report
from tests.http.served import App, asked
from tests.http.test_panels import problem

CANARY = "canary7391"
VITAL = "http://terminology.hl7.org/CodeSystem/observation-category"
PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1959-03-02"}
VIEW, SIGN, REVIEW = "labgloss-patient-view", "labgloss-order-sign", "labgloss-result-review"


def observation(code: str, value: str, unit: str, ident: str = "", **others: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": ident or f"o{code}",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2026-01-15T08:30:00Z",
        "valueQuantity": {"value": float(value), "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
        **others,
    }


def searched(*resources: Mapping[str, Any], **others: Any) -> dict[str, Any]:
    entry = [
        {"fullUrl": f"https://ehr.example/fhir/{each['resourceType']}/{each['id']}", "resource": each}
        for each in resources
    ]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entry, **others}


LOW = searched(observation("2601-3", "0.35", "mmol/L"), observation("2823-3", "2.4", "mmol/L"))
NORMAL = searched(observation("2601-3", "0.85", "mmol/L"))


def call(hook: str = VIEW, observations: Any = LOW, **others: Any) -> dict[str, Any]:
    name = hook.removeprefix("labgloss-")
    context: dict[str, Any] = {"userId": "Practitioner/d1", "patientId": "p1", "encounterId": "e1"}
    return {
        "hook": name,
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": context | others.pop("context", {}),
        "prefetch": {"patient": PATIENT, "observations": observations} | others.pop("prefetch", {}),
        **others,
    }


def post(target: str, body: Any, hook: str = VIEW, path: str = "", **settings: Any) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def asking(served: App) -> httpx.Response:
        headers = {"content-type": "application/json"}
        return await served.http.post(f"/cds-services/{hook}{path}", content=content, headers=headers)

    response: httpx.Response = asked(target, asking, **settings)
    return response


def cards(target: str, body: Any, hook: str = VIEW, **settings: Any) -> list[dict[str, Any]]:
    response = post(target, body, hook, **settings)
    assert 200 == response.status_code, response.text
    document = response.json()
    assert document.keys() <= {"cards", "extension"}, "never a system action"
    for card in document["cards"]:
        check_card(card)
    found: list[dict[str, Any]] = document["cards"]
    return found


def check_card(card: dict[str, Any]) -> None:
    """What the specification asks of a card, and what this service adds."""
    required = {"uuid", "summary", "indicator", "source", "detail", "overrideReasons"}
    assert required <= card.keys() <= required | {"suggestions", "selectionBehavior"}
    UUID(card["uuid"])
    assert 0 < len(card["summary"]) < 140
    assert card["indicator"] in ("info", "warning", "critical")
    assert card["source"]["label"]
    assert all(reason["display"] and reason["system"] and reason["code"] for reason in card["overrideReasons"])
    assert ("suggestions" in card) == ("selectionBehavior" in card)
    for suggestion in card.get("suggestions", ()):
        UUID(suggestion["uuid"])
        assert suggestion["label"]
        (action,) = suggestion["actions"]
        assert ("create", True) == (action["type"], bool(action["description"]))
        resource = action["resource"]
        assert ("ServiceRequest", "draft", "proposal", {"reference": "Patient/p1"}) == tuple(
            resource[key] for key in ("resourceType", "status", "intent", "subject")
        )
    assert not [value for value in leaves(card) if value in (None, "", [], {})]


def leaves(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return [value] if not inner else [leaf for each in inner for leaf in leaves(each)]


# ------------------------------------------------------------------------------------------------ discovery


def test_discovery_lists_each_hook_with_templates_for_what_it_reads(target: str) -> None:
    async def asking(served: App) -> httpx.Response:
        return await served.http.get("/cds-services")

    response = asked(target, asking, observations=40)
    services = response.json()["services"]
    assert ["patient-view", "order-sign", "result-review"] == [each["hook"] for each in services]
    for service in services:
        assert re.fullmatch(r"[a-z-]+", service["id"])
        assert service["title"]
        assert service["description"]
        templates = service["prefetch"]
        for template in templates.values():
            tokens = re.findall(r"\{\{(.*?)\}\}", template)
            assert ["context.patientId"] == tokens
            # What CDS Hooks recommends of FHIR's search: no chained or modified parameter, no _include.
            for name in re.findall(r"[?&]([^=]+)=", template):
                assert name in ("patient", "code", "category", "clinical-status", "status", "_sort", "_count")
        codes = re.search(r"code=([0-9,-]+)&", templates["observations"])
        assert codes
        assert templates["observations"].endswith("&_sort=-date&_count=40")
        assert {"2601-3", "19123-9", "2000-8", "62292-8", "2823-3", "1751-7"} <= set(codes[1].split(","))
        assert len(templates["observations"]) < 2_000
    assert 404 == post(target, call(), "labgloss-other").status_code


# ------------------------------------------------------------------------------------------------ cards


def test_a_low_panel_is_one_critical_card_with_what_it_rests_on(target: str) -> None:
    (card,) = cards(target, call(), public_url="https://labgloss.example")
    assert "critical" == card["indicator"]
    assert "potassium 2.4 mmol/L (LL" in card["summary"]
    assert card["source"]["label"].startswith("labgloss ")
    assert "https://labgloss.example/about" == card["source"]["url"]
    for words in ("| potassium | 2.4 mmol/L |", "**To consider**", "**Basis**", "release ", "rules: ", "interval"):
        assert words in card["detail"]
    assert "any" == card["selectionBehavior"]
    resources = [each["actions"][0]["resource"] for each in card["suggestions"]]
    assert all({"reference": "Encounter/e1"} == each["encounter"] for each in resources)
    assert all(coding["system"].startswith(("http", "urn:")) for each in resources for coding in each["code"]["coding"])


def test_the_same_call_gives_the_same_bytes_and_another_instance_another_card(target: str) -> None:
    first, again = (post(target, call()).content for _ in range(2))
    assert first == again
    other = cards(target, call(hookInstance="other"))
    (card,) = json.loads(first)["cards"]
    assert card["uuid"] != other[0]["uuid"]
    assert card["detail"] == other[0]["detail"]


def test_without_a_finding_there_is_no_card_and_no_word_that_all_is_well(target: str) -> None:
    for observations in (NORMAL, None, searched(), {"resourceType": "Bundle", "type": "searchset"}):
        response = post(target, call(observations=observations))
        assert (200, b'{"cards":[]}\n') == (response.status_code, response.content)


def test_what_could_not_be_judged_has_a_card_though_nothing_was_found(target: str) -> None:
    without_unit = observation("2823-3", "4.1", "mmol/L")
    del without_unit["valueQuantity"]["unit"], without_unit["valueQuantity"]["code"]
    (card,) = cards(target, call(observations=searched(without_unit)))
    assert "potassium not judged" in card["summary"]
    assert "**Not judged, or only on a condition**" in card["detail"]


def test_what_the_laboratory_has_not_given_makes_no_card_and_what_it_could_not_measure_does(target: str) -> None:
    pending = observation("2823-3", "4.1", "mmol/L", status="registered")
    del pending["valueQuantity"]
    withdrawn = observation("2601-3", "0.35", "mmol/L", status="entered-in-error")
    assert [] == cards(target, call(observations=searched(pending, withdrawn)))
    (card,) = cards(target, call(observations=searched({**pending, "status": "final"})))
    assert "potassium not judged" in card["summary"]


def test_where_nothing_could_be_read_a_card_says_so_and_what_was_not_asked_for_makes_none(target: str) -> None:
    nobodys = observation("2823-3", "2.1", "mmol/L")
    del nobodys["subject"]
    (card,) = cards(target, call(observations=searched(nobodys)))
    assert ("warning", True) == (card["indicator"], "no result was interpreted" in card["summary"])
    assert "it names no subject" in card["detail"]
    vital = [{"coding": [{"system": VITAL, "code": "vital-signs"}]}]
    assert [] == cards(target, call(observations=searched(observation("8867-4", "80", "/min", category=vital))))


def test_a_result_that_could_not_be_read_beside_normal_ones_has_a_card(target: str) -> None:
    nobodys = observation("2823-3", "2.1", "mmol/L")
    del nobodys["subject"]
    (card,) = cards(target, call(observations=searched(NORMAL["entry"][0]["resource"], nobodys)))
    assert "1 result could not be read" in card["summary"]
    assert "**Not read of what was sent**" in card["detail"]


def test_a_proposal_is_the_one_of_the_bundle_without_what_only_the_bundle_resolves(target: str) -> None:
    (card,) = cards(target, call())
    proposed = [suggestion["actions"][0]["resource"] for suggestion in card["suggestions"]]
    with Client(target) as client:
        bundle = read_call(HOOKS[0], json.dumps(call()).encode()).bundle
        answer = client.interpret_bundle(InterpretBundleRequest(bundle=bundle, subject="Patient/p1"))
    requests = [each["resource"] for each in json.loads(answer.bundle)["entry"]]
    requests = [each for each in requests if each["resourceType"] == "ServiceRequest"]
    for each in requests:
        for key in ("id", "authoredOn", "reasonReference", "supportingInfo"):
            each.pop(key, None)
        each |= {"subject": {"reference": "Patient/p1"}, "encounter": {"reference": "Encounter/e1"}}
    assert requests == proposed


def test_the_report_is_the_one_that_grpc_gives_of_the_panel_that_was_read(target: str) -> None:
    response = post(target, call(extension={"org.labgloss.report": True}))
    report = ParseDict(response.json()["extension"]["org.labgloss.report"], Report())
    with Client(target) as client:
        bundle = read_call(HOOKS[0], json.dumps(call()).encode()).bundle
        answer = client.interpret_bundle(InterpretBundleRequest(bundle=bundle, subject="Patient/p1"))
        assert report == answer.report == client.interpret(answer.panel)
        alone = InterpretBundleRequest(bundle=bundle, subject="Patient/p1", answer_type=BUNDLE_TYPE_NONE)
        without = client.interpret_bundle(alone)
    assert (b"", answer.report, answer.panel) == (without.bundle, without.report, without.panel)
    assert list(answer.issues) == list(without.issues)


def test_the_whole_report_is_given_to_whom_asks_for_it(target: str) -> None:
    response = post(target, call(observations=NORMAL, extension={"org.labgloss.report": True}))
    report = response.json()["extension"]["org.labgloss.report"]
    assert ("URGENCY_NONE", True) == (report["urgency"], bool(report["trace"]))


def test_digits_come_through_as_the_laboratory_wrote_them(target: str) -> None:
    body = json.dumps(call()).replace("0.35", "0.350").encode()
    (card,) = cards(target, body)
    assert "0.350 mmol/L" in card["detail"]


def test_what_is_being_ordered_is_not_proposed_again_and_said(target: str) -> None:
    orders: dict[str, Any] = {"context": {"draftOrders": searched()}}
    (card,) = cards(target, call(SIGN, **orders), SIGN)
    proposed = card["suggestions"][0]["actions"][0]["resource"]
    label = card["suggestions"][0]["label"]
    order = {**deepcopy(proposed), "id": "r1", "intent": "order"}
    drug = {"resourceType": "MedicationRequest", "id": "m1", "status": "draft", "intent": "order",
            "subject": {"reference": "Patient/p1"}, "medicationCodeableConcept": {"text": "amiloride"}}  # fmt: skip
    drafts = searched(order, drug)
    (beside,) = cards(target, call(SIGN, context={"draftOrders": drafts}), SIGN)
    assert label not in [each["label"] for each in beside["suggestions"]]
    assert len(beside["suggestions"]) == len(card["suggestions"]) - 1
    assert "already among them, and not proposed again: " in beside["detail"]
    assert "medicines among them were not read as being taken" in beside["detail"]
    # Another patient's order is none of this one's.
    order["subject"] = {"reference": "Patient/p2"}
    (other,) = cards(target, call(SIGN, context={"draftOrders": drafts}), SIGN)
    assert len(other["suggestions"]) == len(card["suggestions"])


def test_results_under_review_come_with_the_context(target: str) -> None:
    result = observation("2823-3", "2.4", "mmol/L")
    body = call(REVIEW, context={"results": [result]})
    del body["prefetch"]["observations"]
    (card,) = cards(target, body, REVIEW)
    assert "potassium 2.4 mmol/L" in card["summary"]
    # The same result in both is one; as a Bundle it is taken too.
    both = call(REVIEW, observations=searched(result), context={"results": searched(result)})
    assert card["detail"] == cards(target, both, REVIEW)[0]["detail"]


# ------------------------------------------------------------------------------------------------ wrong calls


def without(body: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {**body, "prefetch": {key: value for key, value in body["prefetch"].items() if key not in keys}}


def test_without_the_data_it_needs_the_answer_is_412(target: str) -> None:
    paged = searched(*(), link=[{"relation": "next", "url": "https://ehr.example/fhir?page=2"}])
    for body, missing in (
        (without(call(), "patient", "observations"), ["patient", "observations"]),
        (call(prefetch={"patient": None}), ["patient"]),
        (call(observations=paged), ["observations"]),
        ({key: value for key, value in call().items() if key != "prefetch"}, ["patient", "observations"]),
    ):
        assert missing == problem(post(target, body), 412, "PREFETCH_MISSING")["missing"]


def test_no_fhir_server_is_asked_whatever_the_call_says(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    body = without(call(), "observations") | {
        "fhirServer": "http://169.254.169.254/latest",
        "fhirAuthorization": {
            "access_token": CANARY,
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "*",
            "subject": "s",
        },
    }

    def connecting(*_: object) -> None:
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket.socket, "connect", connecting)
    response = post(target, body)
    problem(response, 412, "PREFETCH_MISSING")
    assert CANARY not in response.text


def test_a_list_that_is_cut_off_is_unknown_and_said(target: str) -> None:
    condition = {
        "resourceType": "Condition",
        "id": "c1",
        "subject": {"reference": "Patient/p1"},
        "code": {"text": "asthma"},
    }
    paged = searched(condition, link=[{"relation": "next", "url": "https://ehr.example/?p=2"}])
    (card,) = cards(target, call(prefetch={"conditions": paged}))
    assert "conditions: only the first page was sent, so that it was not read" in card["detail"]


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"hook": CANARY}, {"hook": "UNKNOWN_VALUE"}),
        ({"hookInstance": ""}, {"hookInstance": "REQUIRED"}),
        ({"hookInstance": 7, "context": 7, "prefetch": []},
         {"hookInstance": "REQUIRED", "context": "BAD_FORM", "context.patientId": "REQUIRED", "prefetch": "BAD_FORM"}),
        ({"context": {"patientId": f"{CANARY}/../x"}}, {"context.patientId": "BAD_FORM"}),
        ({"context": {"patientId": "p1", "encounterId": 3}}, {"context.encounterId": "BAD_FORM"}),
        ({"context": {"patientId": "p2"}},
         {"prefetch.patient": "CONTRADICTION", "prefetch.observations": "CONTRADICTION"}),
        ({"prefetch": {"patient": CANARY, "observations": {"resourceType": CANARY}}},
         {"prefetch.patient": "BAD_FORM", "prefetch.observations": "BAD_FORM"}),
        ({"prefetch": {"patient": PATIENT, "observations": {"resourceType": "Bundle", "entry": [{"resource": 7}, 7]}}},
         {"prefetch.observations.entry[0]": "BAD_FORM", "prefetch.observations.entry[1]": "BAD_FORM"}),
    ],
)  # fmt: skip
def test_every_fault_of_a_call_is_named_and_no_value_repeated(
    change: dict[str, Any], fields: dict[str, str], target: str
) -> None:
    response = post(target, {**call(), **change})
    document = problem(response, 400, "INVALID_FIELDS")
    assert fields == {each["field"]: each["reason"] for each in document["violations"]}
    assert CANARY not in response.text


def test_what_holds_nothing_but_faults_is_not_looked_at_to_its_end(target: str) -> None:
    for body in (call(observations={"resourceType": "Bundle", "entry": [1] * 50_000}),
                 call(REVIEW, context={"results": [1] * 50_000})):  # fmt: skip
        document = problem(post(target, body, f"labgloss-{body['hook']}"), 400, "INVALID_FIELDS")
        assert (200, 1_000) == (len(document["violations"]), document["violations_total"])


def test_what_is_no_call_is_told(target: str) -> None:
    for body in (b"", b"{", b"\xff", b"[" * 10_000, b'{"hook": NaN}', b'{"a": 1, "a": 2}', b'"\\ud800"'):
        problem(post(target, body), 400, "MALFORMED_MESSAGE")
    for body in (b"7", b"[]", b"null", b"{}"):
        problem(post(target, body), 400, "INVALID_FIELDS")
    problem(post(target, call(), hook_bytes=1_024), 413, "MESSAGE_TOO_LARGE")
    problem(post(target, call(SIGN), SIGN), 400, "INVALID_FIELDS")
    problem(post(target, call(REVIEW), REVIEW), 400, "INVALID_FIELDS")


@pytest.mark.parametrize("reference", ["Patient/p2", "https://ehr.example/fhir/Patient/p2", "Patient/p2/_history/1"])
def test_a_call_that_mixes_patients_is_refused(reference: str, target: str) -> None:
    other = observation("2823-3", "9.7", "mmol/L", "x", subject={"reference": reference})
    response = post(target, call(observations=searched(LOW["entry"][0]["resource"], other)))
    (violation,) = problem(response, 400, "INVALID_FIELDS")["violations"]
    assert ("prefetch.observations", "CONTRADICTION") == (violation["field"], violation["reason"])
    under_review = call(REVIEW, context={"results": [other]})
    (violation,) = problem(post(target, under_review, REVIEW), 400, "INVALID_FIELDS")["violations"]
    assert "context.results" == violation["field"]


# ------------------------------------------------------------------------------------------------ feedback


def feedback(**change: Any) -> dict[str, Any]:
    item = {
        "card": "4e0a3a1e-3283-4575-ab82-028d55fe2719",
        "outcome": "accepted",
        "acceptedSuggestions": [{"id": "e56e1945-20b3-4393-8503-a1a20fd73152"}],
        "outcomeTimestamp": "2026-01-15T10:00:00Z",
        **change,
    }
    return {"feedback": [{key: value for key, value in item.items() if value is not None}]}


def test_feedback_is_counted_in_the_log_without_a_word_of_a_person(target: str) -> None:
    overridden = feedback(
        outcome="overridden",
        acceptedSuggestions=None,
        overrideReason={
            "reason": {"code": "known", "system": "urn:labgloss:override-reason"},
            "userComment": f"{CANARY} has",
        },
    )

    async def asking(served: App) -> tuple[list[httpx.Response], list[dict[str, Any]], bytes]:
        path = f"/cds-services/{HOOKS[0].id}/feedback"
        responses = [await served.http.post(path, json=body) for body in (feedback(), overridden)]
        return responses, [line for line in served.log if line["event"] == "feedback"], served.stream.getvalue()

    responses, (accepted, known), logged = asked(target, asking)
    assert [200, 200] == [response.status_code for response in responses]
    card = "4e0a3a1e-3283-4575-ab82-028d55fe2719"
    assert (VIEW, card, "accepted", 1) == tuple(accepted[key] for key in ("method", "card", "outcome", "suggestions"))
    assert ("overridden", 0, "known") == tuple(known[key] for key in ("outcome", "suggestions", "override"))
    assert CANARY.encode() not in logged


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["feedback"]),
        ({"feedback": []}, ["feedback"]),
        ({"feedback": [7]}, ["feedback[0]"]),
        (feedback(card=CANARY, outcome="seen", outcomeTimestamp=None),
         ["feedback[0].card", "feedback[0].outcome", "feedback[0].outcomeTimestamp"]),
        (feedback(acceptedSuggestions=[{"id": CANARY}]), ["feedback[0].acceptedSuggestions"]),
    ],
)  # fmt: skip
def test_wrong_feedback_is_told(body: Any, fields: list[str], target: str) -> None:
    document = problem(post(target, body, path="/feedback"), 400, "INVALID_FIELDS")
    assert fields == [each["field"] for each in document["violations"]]
