"""`POST /v1/panels:interpret` answers what gRPC answers, byte for byte, and every wrong request with its reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.protobuf.json_format import MessageToJson, Parse

from labgloss.http.canonical import json_of
from labgloss.panels.reader import read_panels
from labgloss.v1.interpretation_pb2 import InterpretPanelRequest, InterpretPanelResponse
from tests.http.served import App, asked
from tests.server.wire import INTERPRET, Served

PANELS = read_panels([Path(__file__).parents[1] / "panels"])
PATH = "/v1/panels:interpret"
MAGNESIUM = {"panel": {"id": "p", "results": [{"analyte": "magnesium", "value": "0.41", "unit": "mmol/L"}]}}
CANARY = "canary7391"


def post(target: str, body: Any, *, headers: dict[str, str] | None = None, **settings: Any) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def asking(served: App) -> httpx.Response:
        return await served.http.post(
            PATH, content=content, headers={"content-type": "application/json"} | (headers or {})
        )

    response: httpx.Response = asked(target, asking, **settings)
    return response


def problem(response: httpx.Response, status: int, reason: str) -> dict[str, Any]:
    assert (status, "application/problem+json") == (response.status_code, response.headers["content-type"])
    document: dict[str, Any] = response.json()
    assert (status, reason, f"urn:labgloss:problem:{reason}") == tuple(
        document[key] for key in ("status", "reason", "type")
    )
    assert f"urn:uuid:{response.headers['x-request-id']}" == document["instance"]
    return document


def test_a_panel_is_answered_as_over_grpc_byte_for_byte(target: str, grpc_server: Served) -> None:
    """Of every tenth sample panel: its canonical JSON out and in."""
    chosen = [case.panel for case in PANELS[::10]]
    assert len(chosen) > 20

    async def asking(served: App) -> list[httpx.Response]:
        headers = {"content-type": "application/json"}
        return [
            await served.http.post(PATH, content=spelled(InterpretPanelRequest(panel=panel)), headers=headers)
            for panel in chosen
            for spelled in (MessageToJson, json_of)
        ]

    responses = asked(target, asking)
    for panel, of_panel in zip(chosen, zip(responses[::2], responses[1::2], strict=True), strict=True):
        request = InterpretPanelRequest(panel=panel)
        answer = InterpretPanelResponse.FromString(grpc_server.call(INTERPRET, request.SerializeToString()))
        for response in of_panel:
            assert (200, json_of(answer)) == (response.status_code, response.content)
            assert answer == Parse(response.text, InterpretPanelResponse())


def test_the_answer_is_one_line_of_utf_8_with_names_of_the_schema_in_its_order(target: str) -> None:
    body = {"panel": {"id": "µ", "options": {"trace": False}, "results": MAGNESIUM["panel"]["results"]}}
    content = post(target, body).content
    assert content.startswith('{"report":{"panel_id":"µ","release":{"version":"'.encode())
    assert content.endswith(b"}\n")
    assert 1 == content.count(b"\n")
    report = json.loads(content)["report"]
    names = [field.name for field in InterpretPanelResponse.DESCRIPTOR.fields_by_name["report"].message_type.fields]
    assert [name for name in names if name in report] == list(report)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "The body is not JSON: Expecting value at line 1, column 1."),
        (b"{\n,", "The body is not JSON: Expecting property name enclosed in double quotes at line 2, column 1."),
        (b'{"panel": "\xff"}', "The body is not UTF-8: byte 11 begins no character."),
        (b"[" * 100_000, "The body is nested too deeply."),
        (b'{"panel": NaN}', "The body is not JSON: it holds NaN, Infinity, or a number with thousands of digits."),
        (b"9" * 5_000, "The body is not JSON: it holds NaN, Infinity, or a number with thousands of digits."),
    ],
)  # fmt: skip
def test_what_is_no_json_is_told_with_its_place(body: bytes, detail: str, target: str) -> None:
    assert detail == problem(post(target, body), 400, "MALFORMED_MESSAGE")["detail"]


def test_every_bad_field_is_named_at_once_and_no_value_is_repeated(target: str) -> None:
    wrong = {
        CANARY: 1,
        "panel": {
            "id": 7,
            "patient": {
                "ageYears": 67,
                "age_days": 3,
                "sex": CANARY,
                "pregnant": "yes",
                "trimester": 2**31,
                CANARY: CANARY,
            },
            "results": [{"value": 0.41, "unit": None, "flags": ["H", 1]}, CANARY],
            "symptoms": {"text": CANARY},
            "medications": [],
        },
    }
    body = json.dumps(wrong)[:-2] + ', "source": "a", "source": "b", "as_of": "\\ud800"}}'
    response = post(target, body.encode())
    document = problem(response, 400, "INVALID_FIELDS")
    assert CANARY not in response.text
    named = {each["field"]: each["reason"] for each in document["violations"]}
    assert {
        "body": "UNKNOWN_VALUE",
        "panel.id": "BAD_FORM",
        "panel.patient.age_days": "CONTRADICTION",
        "panel.patient.sex": "UNKNOWN_VALUE",
        "panel.patient.pregnant": "BAD_FORM",
        "panel.patient.trimester": "OUT_OF_RANGE",
        "panel.patient": "UNKNOWN_VALUE",
        "panel.results[0].value": "BAD_FORM",
        "panel.results[0].flags[1]": "BAD_FORM",
        "panel.results[1]": "BAD_FORM",
        "panel.symptoms": "BAD_FORM",
        "panel.medications": "BAD_FORM",
        "panel.source": "DUPLICATE",
        "panel.as_of": "BAD_FORM",
    } == named
    assert len(named) == document["violations_total"]
    assert document["detail"].startswith("14 fields are wrong; ")
    said = {each["field"]: each["description"] for each in document["violations"]}
    needed = "needs a text, in quotation marks, so that every digit stays as it was"
    assert f"{needed}, not a number with a fraction or an exponent" == said["panel.results[0].value"]
    assert (
        "key 6 is no field here; the fields are age_years, age_months, age_days, birth_date, sex"
        in said["panel.patient"]
    )


def test_what_the_service_finds_wrong_is_told_as_over_grpc(target: str) -> None:
    wrong = {
        "panel": {"results": [{"analyte": "magnesium", "value": "0.41", "collected": "yesterday"}], "as_of": "soon"}
    }
    document = problem(post(target, wrong), 400, "INVALID_FIELDS")
    assert ["panel.results[0].collected", "panel.as_of"] == sorted(
        (each["field"] for each in document["violations"]), reverse=True
    )
    assert "REQUIRED" == problem(post(target, {}), 400, "INVALID_FIELDS")["violations"][0]["reason"]
    pinned = {"panel": {"options": {"release": "9.9.9"}, **MAGNESIUM["panel"]}}
    assert problem(post(target, pinned), 409, "RELEASE_NOT_LOADED")["loaded_version"]


def test_sizes_and_media_types_are_bounded(target: str) -> None:
    large = {"panel": {**MAGNESIUM["panel"], "source": "x" * 70_000}}
    assert "65536" == problem(post(target, large), 413, "MESSAGE_TOO_LARGE")["limit_bytes"]
    assert "1024" == problem(post(target, b" " * 1_025, panel_bytes=1_024), 413, "MESSAGE_TOO_LARGE")["limit_bytes"]
    for headers in ({"content-type": "text/plain"}, {"content-encoding": "gzip"}):
        problem(post(target, MAGNESIUM, headers=headers), 415, "UNSUPPORTED_MEDIA_TYPE")
    problem(post(target, MAGNESIUM, headers={"accept": "text/html"}), 406, "NOT_ACCEPTABLE")
    accepted = {"content-type": "Application/JSON; charset=utf-8", "accept": "text/html, application/*;q=0.9"}
    assert 200 == post(target, MAGNESIUM, headers=accepted).status_code


def test_other_paths_and_methods_are_told(target: str) -> None:
    async def asking(served: App) -> list[httpx.Response]:
        return [await served.http.get(PATH), await served.http.get("/v1/panels"), await served.http.post(PATH + "/")]

    wrong_method, *nowhere = asked(target, asking)
    problem(wrong_method, 405, "METHOD_NOT_ALLOWED")
    assert "POST" == wrong_method.headers["allow"]
    for response in nowhere:
        problem(response, 404, "NOT_FOUND")


def test_a_service_that_is_not_there_is_told_with_when_to_try_again() -> None:
    response = post("127.0.0.1:9", MAGNESIUM, timeout_seconds=0.3)
    assert response.status_code in (503, 504)
    assert "1" == response.headers["retry-after"]
    assert response.json()["reason"] in ("SERVICE_UNAVAILABLE", "DEADLINE_EXCEEDED")


def test_more_requests_than_can_be_answered_are_told_when_to_try_again(target: str) -> None:
    async def asking(served: App) -> list[httpx.Response]:
        import asyncio

        headers = {"content-type": "application/json"}
        content = json.dumps(MAGNESIUM)
        asks = [served.http.post(PATH, content=content, headers=headers) for _ in range(3)]
        return list(await asyncio.gather(*asks))

    responses = asked(target, asking, requests=1)
    assert [200, 503, 503] == sorted(response.status_code for response in responses)
    refused = next(response for response in responses if response.status_code == 503)
    assert "1" == refused.headers["retry-after"]
    problem(refused, 503, "OVERLOADED")


def test_bodies_beyond_the_room_for_all_are_told_when_to_try_again(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labgloss.http.exchange.MOST_BYTES", 200)

    async def asking(served: App) -> list[httpx.Response]:
        headers = {"content-type": "application/json"}
        small, large = json.dumps(MAGNESIUM), json.dumps(MAGNESIUM) + " " * 200
        return [await served.http.post(PATH, content=content, headers=headers) for content in (small, large, small)]

    first, refused, last = asked(target, asking)
    assert (200, 200) == (first.status_code, last.status_code)
    assert "1" == refused.headers["retry-after"]
    problem(refused, 503, "OVERLOADED")


def test_what_holds_nothing_but_faults_is_not_looked_at_to_its_end(target: str) -> None:
    body = b'{"panel": {"results": [' + b",".join([b"1"] * 100_000) + b"]}}"
    document = problem(post(target, body), 400, "INVALID_FIELDS")
    assert (200, 1_000) == (len(document["violations"]), document["violations_total"])


def test_the_log_says_that_and_how_it_was_answered_and_nothing_of_the_panel(target: str) -> None:
    request_id = "0a4b4f0e-21a9-4c5e-8f3e-2f9f3f0c8f11"
    body = json.dumps({"panel": {"id": CANARY, "symptoms": [{"text": CANARY}], "source": CANARY}})

    async def asking(served: App) -> tuple[httpx.Response, list[dict[str, Any]], bytes]:
        headers = {"content-type": "application/json", "x-request-id": request_id}
        response = await served.http.post(PATH, content=body, headers=headers)
        await served.http.post(f"/{CANARY}", headers={"x-request-id": CANARY, "authorization": CANARY})
        return response, served.log, served.stream.getvalue()

    response, (called, nowhere), logged = asked(target, asking)
    assert 200 == response.status_code
    assert request_id == response.headers["x-request-id"] == called["request_id"]
    assert ("call", "InterpretPanel", "anonymous", 200) == tuple(
        called[key] for key in ("event", "method", "caller", "status")
    )
    assert (len(body), len(response.content)) == (called["request_bytes"], called["response_bytes"])
    assert (404, "NOT_FOUND") == (nowhere["status"], nowhere["reason"])
    assert CANARY.encode() not in logged


def test_health_is_that_of_the_service_that_interprets(target: str) -> None:
    async def asking(served: App) -> list[httpx.Response]:
        live, ready = await served.http.get("/health/live"), await served.http.get("/health/ready")
        served.readiness.stopping = True
        return [live, ready, await served.http.get("/health/ready")]

    assert [(200, "live"), (200, "ready"), (503, "stopping")] == [
        (each.status_code, each.json()["status"]) for each in asked(target, asking)
    ]

    async def asking_ready(served: App) -> httpx.Response:
        return await served.http.get("/health/ready")

    response = asked("127.0.0.1:9", asking_ready)
    assert (503, "not ready", "1") == (response.status_code, response.json()["status"], response.headers["retry-after"])
