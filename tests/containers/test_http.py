"""`labgloss cds serve` in a container beside a replica, as deploy/compose.yaml has it with --profile http."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from testcontainers.core.network import Network

from tests.containers.service import HEALTH_PORT, REPLICA, Service, container_of, readable, serving
from tests.deploy.compose import compose
from tests.deploy.kustomization import HTTP
from tests.external_tools import needs
from tests.server.authority import EHR, URI, Authority, Pair
from tests.server.processes import until

needs("docker engine", to="run the service over HTTP in a container")

OVER_HTTP = compose()["services"]["http"]
# One without a value is passed on where compose is called with it.
SETTINGS: Mapping[str, str] = {name: value for name, value in OVER_HTTP["environment"].items() if value is not None}
PORT = 8080
ASKED = {"panel": {"id": "p", "results": [{"analyte": "magnesium", "value": "0.41", "unit": "mmol/L"}]}}


@dataclass
class Composed:
    """Both containers, on a network where each knows the other by name."""

    http: Service
    replica: Service
    authority: Authority
    folder: Path

    @property
    def url(self) -> str:
        return f"https://localhost:{self.http.port(PORT)}"

    def client(self, pair: Pair | None = None) -> httpx.Client:
        """One that shows a certificate, where one is given."""
        context = ssl.create_default_context(cadata=self.authority.pem.decode())
        if pair is not None:
            context.load_cert_chain(*pair.write(self.folder, "shown"))
        return httpx.Client(base_url=self.url, verify=context, timeout=20)

    @property
    def is_healthy(self) -> bool:
        """What the engine would find."""
        kind, *probe = OVER_HTTP["healthcheck"]["test"]
        assert kind == "CMD"
        return bool(self.http.container.exec(probe).exit_code == 0)


@contextmanager
def composed(image: str, folder: Path) -> Iterator[Composed]:
    authority, certified = Authority(), folder / "http"
    certified.mkdir()
    pair = authority.server()
    files = {"tls.crt": pair.certificate, "tls.key": pair.key, "ca.crt": authority.pem}
    files["access.toml"] = (HTTP / "access.toml").read_bytes()
    for name, content in files.items():
        (certified / name).write_bytes(content)
    (volume,) = OVER_HTTP["volumes"]
    mounted = {volume.removesuffix(":ro").rpartition(":")[2]: readable(certified)}
    with Network() as network:
        replica = container_of(image, {**REPLICA["environment"], "LABGLOSS_DRAIN_SECONDS": "1"}, {})
        replica.with_network(network).with_network_aliases(*REPLICA["networks"]["inside"]["aliases"])
        http = container_of(image, SETTINGS, mounted, OVER_HTTP, (PORT, HEALTH_PORT))
        http.with_network(network).with_command(OVER_HTTP["command"])
        with serving(replica) as asked, serving(http) as running:
            yield Composed(running, asked, authority, folder)


@pytest.fixture(scope="module")
def both(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """Containers that all tests of this module may ask, and only the last one may stop."""
    with composed(image, tmp_path_factory.mktemp("both")) as running:
        yield running


def test_a_caller_on_the_list_gets_the_report_of_a_replica(both: Composed) -> None:
    with both.client(both.authority.pair(EHR)) as client:
        answered = client.post("/v1/panels:interpret", json=ASKED)
    assert answered.status_code == 200, answered.text
    (magnesium,) = answered.json()["report"]["results"]
    assert magnesium["flag"] == "L"
    # Lines of calls are gathered for a moment.
    until(lambda: "call" in both.replica.events and "call" in both.http.events)
    (call,) = (line for line in both.http.log if line["event"] == "call" and line["method"] == "InterpretPanel")
    assert call["caller"] == EHR.value


def test_a_hook_is_offered_and_called(both: Composed) -> None:
    with both.client(both.authority.pair(EHR)) as client:
        services = client.get("/cds-services").json()["services"]
        assert "labgloss-patient-view" in [service["id"] for service in services]
        call = {
            "hook": "patient-view",
            "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
            "context": {"userId": "Practitioner/d1", "patientId": "p1"},
            "prefetch": {
                "patient": {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1959-03-02"},
                "observations": {"resourceType": "Bundle", "type": "searchset"},
            },
        }
        called = client.post("/cds-services/labgloss-patient-view", json=call)
    assert called.status_code == 200, called.text
    assert "cards" in called.json()


def test_whoever_is_not_on_the_list_or_shows_nothing_is_refused(both: Composed) -> None:
    with both.client(both.authority.pair(URI("spiffe://hospital.example/stranger"))) as client:
        assert client.post("/v1/panels:interpret", json=ASKED).status_code == 403
    with both.client() as client, pytest.raises(httpx.TransportError):
        client.post("/v1/panels:interpret", json=ASKED)


def test_it_is_healthy_while_a_replica_serves_and_ends_when_it_is_told_to(both: Composed) -> None:
    assert both.is_healthy
    both.replica.signal("SIGTERM")
    assert both.replica.ended() == 0
    until(lambda: not both.is_healthy)
    with both.client(both.authority.pair(EHR)) as client:
        refused = client.post("/v1/panels:interpret", json=ASKED)
        # An address where nobody is any more may refuse a connection, or say nothing.
        assert (refused.status_code, refused.json()["reason"]) in (
            (503, "SERVICE_UNAVAILABLE"),
            (504, "DEADLINE_EXCEEDED"),
        )
        assert float(refused.headers["Retry-After"]) > 0
    both.http.signal("SIGTERM")
    assert both.http.ended() == 0
    assert both.http.events[-1] == "stopped"
