"""Pages of the origins that a site lists may call, and no others: by the headers; test_browser.py asks a browser."""

from __future__ import annotations

import httpx
import pytest

from labgloss.errors import SettingsError
from labgloss.http.settings import HttpSettings
from labgloss.settings import read_form
from tests.http.served import App, asked
from tests.http.test_cds_hooks import VIEW, call

ORIGIN = "https://ehr.example"
PATH = f"/cds-services/{VIEW}"
PREFLIGHT = {
    "origin": ORIGIN,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type",
}


def sent(target: str, method: str, headers: dict[str, str], origins: str = ORIGIN) -> httpx.Response:
    async def asking(served: App) -> httpx.Response:
        return await served.http.request(method, PATH, json=call() if method == "POST" else None, headers=headers)

    response: httpx.Response = asked(target, asking, cors_origins=origins)
    return response


def test_a_listed_origin_may_call_with_a_token_and_read_what_is_answered(target: str) -> None:
    preflight = sent(target, "OPTIONS", PREFLIGHT)
    assert (200, ORIGIN) == (preflight.status_code, preflight.headers["access-control-allow-origin"])
    assert "authorization" in preflight.headers["access-control-allow-headers"].lower()
    assert "POST" in preflight.headers["access-control-allow-methods"]
    response = sent(target, "POST", {"origin": ORIGIN})
    assert (200, ORIGIN) == (response.status_code, response.headers["access-control-allow-origin"])
    assert "retry-after" in response.headers["access-control-expose-headers"]
    for each in (preflight, response):
        assert "access-control-allow-credentials" not in each.headers
        assert "Origin" in each.headers["vary"]


@pytest.mark.parametrize(
    ("headers", "origins"),
    [
        ({"origin": "https://evil.example"}, ORIGIN),
        ({"origin": "https://ehr.example.evil.example"}, ORIGIN),
        ({"origin": "http://ehr.example"}, ORIGIN),
        ({"origin": "https://ehr.example:8443"}, ORIGIN),
        ({"origin": "null"}, ORIGIN),
        ({"access-control-request-method": "DELETE"}, ORIGIN),
        ({"access-control-request-headers": "x-other"}, ORIGIN),
        ({}, ""),
    ],
)
def test_whatever_else_asks_gets_no_leave(headers: dict[str, str], origins: str, target: str) -> None:
    preflight = sent(target, "OPTIONS", PREFLIGHT | headers, origins)
    assert preflight.status_code in (400, 405)
    if "origin" in headers or not origins:
        assert "access-control-allow-origin" not in preflight.headers
        answer = sent(target, "POST", {"origin": headers.get("origin", ORIGIN)}, origins)
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origins", ["*", "null", "ehr.example", "https://ehr.example/path", "https://EHR.example"])
def test_what_is_no_origin_is_refused_at_the_start(origins: str) -> None:
    with pytest.raises(SettingsError, match="--cors-origins: needs origins of web pages that may call"):
        read_form(HttpSettings, {}, {"cors_origins": origins})
