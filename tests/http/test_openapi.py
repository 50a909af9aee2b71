"""The OpenAPI document is valid, speaks of exactly what is served, and takes and refuses what the service does."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate

from labgloss.http.canonical import json_of, message_of
from labgloss.http.problems import KINDS, Problem
from labgloss.panels.reader import read_panels
from labgloss.v1 import error_reason_pb2
from labgloss.v1.interpretation_pb2 import InterpretPanelRequest
from tests.http.contract import faults, published
from tests.http.served import App, asked

PANELS = [case.panel for case in read_panels([Path(__file__).parents[1] / "panels"])]
REQUEST = {"$ref": "#/components/schemas/InterpretPanelRequest"}


def test_the_document_is_valid_and_served(target: str) -> None:
    async def asking(served: App) -> tuple[httpx.Response, set[tuple[str, str]]]:
        from starlette.routing import Route

        transport: Any = served.http._transport
        routes = {
            (route.path, method.lower())
            for route in transport.app.routes
            if isinstance(route, Route)
            for method in (route.methods or ())
            if method != "HEAD"
        }
        return await served.http.get("/openapi.json"), routes

    response, routes = asked(target, asking)
    found = response.json()
    validate(found)
    assert routes == {(path, method) for path, item in found["paths"].items() for method in item}
    assert found["components"] == published()["components"]
    used = set(re.findall(r'"#/components/schemas/(\w+)"', response.text))
    assert used == found["components"]["schemas"].keys()


def test_every_reason_of_grpc_has_its_status() -> None:
    reasons = [value.name.removeprefix("ERROR_REASON_") for value in error_reason_pb2.ErrorReason.DESCRIPTOR.values[1:]]
    assert set(reasons) == set(list(KINDS)[: len(reasons)])


@pytest.mark.parametrize("panel", PANELS[::25], ids=lambda panel: panel.id)
def test_every_sample_is_of_its_schema(panel: Any) -> None:
    request = InterpretPanelRequest(panel=panel)
    assert faults(REQUEST, MessageToDict(request, preserving_proto_field_name=True)) == []
    assert request == message_of(InterpretPanelRequest, json_of(request))


VALUES = st.sampled_from(
    [None, True, False, 0, 1, -1, 2**31, 0.5, "", "0.41", "SEX_FEMALE", "\ud800", [], [[]], {}, {"x": 1}, [None]]
)


@st.composite
def spoiled(draw: st.DrawFn) -> Any:
    """A sample request with one thing in it replaced, added or taken away."""
    panel = draw(st.sampled_from(PANELS[::25]))
    document = MessageToDict(InterpretPanelRequest(panel=panel), preserving_proto_field_name=True)
    document = copy.deepcopy(document)
    place: Any = document
    for _ in range(draw(st.integers(0, 5))):
        inner = [
            each for each in (place.values() if isinstance(place, dict) else place) if isinstance(each, dict | list)
        ]
        if not [each for each in inner if each]:
            break
        place = draw(st.sampled_from([each for each in inner if each]))
    key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else list(range(len(place)))))
    if draw(st.booleans()):
        place[key] = draw(VALUES)
    elif isinstance(place, dict):
        place[draw(st.sampled_from(["x", "", "sex", "results", "value"]))] = draw(VALUES)
    return document


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(spoiled())
def test_what_the_schema_takes_is_taken_and_what_it_refuses_is_refused(document: Any) -> None:
    """But for what ProtoJSON takes beside it: null for what is absent, and numbers of enumerations."""
    content = json.dumps(document).encode()
    try:
        message_of(InterpretPanelRequest, content)
        taken = True
    except Problem:
        taken = False
    if taken:
        wrong = [
            fault
            for fault in faults(REQUEST, without_null(document))
            if not re.search(r": \d+ is not (one of|of type 'string')", fault)
        ]
        assert wrong == []
    elif b"\\ud800" not in content and b"2147483648" not in content:
        assert faults(REQUEST, document)


def without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_null(inner) for key, inner in value.items() if inner is not None}
    return [without_null(inner) for inner in value] if isinstance(value, list) else value


def test_the_page_about_it_names_release_and_sources(target: str) -> None:
    async def asking(served: App) -> httpx.Response:
        return await served.http.get("/about")

    response = asked(target, asking)
    assert (200, "default-src 'none'") == (response.status_code, response.headers["content-security-policy"])
    assert "<h2>Sources</h2>\n<ul>\n<li>" in response.text
    assert "never diagnoses" in response.text
