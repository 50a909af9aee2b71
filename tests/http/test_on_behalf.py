"""Who stands in the decision record: the service in between, and for whom it says that it called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from labgloss.knowledge.release import Release
from labgloss.server.app import start
from labgloss.server.settings import Settings
from tests.http.served import process
from tests.http.test_cds_hooks import call
from tests.http.test_panels import MAGNESIUM
from tests.server.authority import URI, site
from tests.server.wire import INTERPRET, unary

BETWEEN = "spiffe://hospital.example/between"
ACCESS = f"""
[[caller]]
uri = "{BETWEEN}"
methods = ["InterpretPanel", "InterpretBundle", "ListAnalytes"]
on_behalf = BELIEVED
[[caller]]
sub = "portal"
methods = ["InterpretPanel", "InterpretBundle"]
[token]
issuer = "https://tokens.hospital.example/"
audience = "labgloss"
algorithms = ["ES256"]
keys = "keys.jwks"
"""


def recorded(folder: Path) -> list[str]:
    lines = [json.loads(line) for file in sorted(folder.iterdir()) for line in file.read_bytes().splitlines()]
    return [line["caller"] for line in lines if line["kind"] == "decision"]


@pytest.mark.parametrize(("believed", "names"), [("true", [f"{BETWEEN} for sub:portal"] * 2), ("false", [BETWEEN] * 2)])
def test_the_record_names_the_service_in_between_and_for_whom(
    believed: str, names: list[str], release: Release, tmp_path: Path
) -> None:
    made, records = site(tmp_path, ACCESS.replace("BELIEVED", believed)), tmp_path / "records"
    records.mkdir()
    certificate, key = made.authority.pair(URI(BETWEEN)).write(tmp_path, "between")
    target: dict[str, Any] = {
        "target_tls_ca": tmp_path / "callers.pem",
        "target_tls_certificate": certificate,
        "target_tls_key": key,
    }
    settings = Settings(port=0, audit=str(records), **made.settings)
    with (
        start(settings, release) as server,
        process(f"localhost:{server.port}", access=tmp_path / "access.toml", **target) as served,
    ):
        url = f"http://127.0.0.1:{served.next('serving')['port']}"
        headers = {"authorization": f"Bearer {made.issuer.token()}"}
        assert 200 == httpx.post(f"{url}/v1/panels:interpret", json=MAGNESIUM, headers=headers).status_code
        answer = httpx.post(f"{url}/cds-services/labgloss-patient-view", json=call(), headers=headers)
        assert 200 == answer.status_code, answer.text
        assert 200 == httpx.get(f"{url}/cds-services").status_code
        assert 401 == httpx.post(f"{url}/v1/panels:interpret", json=MAGNESIUM).status_code
        # The name that the service in between gives is no caller's own to give, nor text of any kind.
        credentials = made.authority.pair(URI(BETWEEN)).channel_credentials(made.authority.pem)
        for name in ("x" * 201, "with blanks"):
            with grpc.secure_channel(f"localhost:{server.port}", credentials) as channel:
                metadata = (("labgloss-on-behalf-of", name),)
                channel.unary_unary(INTERPRET)(unary(), metadata=metadata, timeout=5)
        bearer = (("authorization", f"Bearer {made.issuer.token()}"), ("labgloss-on-behalf-of", "sub:chief"))
        with grpc.secure_channel(f"localhost:{server.port}", credentials) as channel:
            channel.unary_unary(INTERPRET)(unary(), metadata=bearer, timeout=5)
    assert [*names, BETWEEN, BETWEEN, "sub:portal"] == recorded(records)


def test_a_service_in_between_that_is_not_let_in_says_that_it_is_its_own_fault(
    release: Release, tmp_path: Path
) -> None:
    made = site(tmp_path, ACCESS.replace("BELIEVED", "true"))
    certificate, key = made.authority.pair(URI("spiffe://hospital.example/stranger")).write(tmp_path, "stranger")
    target = {"target_tls_ca": tmp_path / "callers.pem", "target_tls_certificate": certificate, "target_tls_key": key}
    with (
        start(Settings(port=0, **made.settings), release) as server,
        process(f"localhost:{server.port}", **target) as served,
    ):
        url = f"http://127.0.0.1:{served.next('serving')['port']}"
        response = httpx.post(f"{url}/v1/panels:interpret", json=MAGNESIUM)
        assert (502, "NOT_LET_IN") == (response.status_code, response.json()["reason"])
