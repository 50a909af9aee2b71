"""One host: what compose starts fits the server, the manifests and HAProxy's configuration, which HAProxy accepts."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from labgloss.server.app import GRACE_SECONDS
from labgloss.server.settings import read_settings
from tests.deploy.compose import LIMITS, PROXY, compose, image_settings
from tests.deploy.kustomization import SITE, built
from tests.external_tools import needs, tool
from tests.server.authority import Authority

needs("haproxy", to="check the configuration of the proxy")

SERVICES = compose()["services"]
REPLICAS = {name: service for name, service in SERVICES.items() if name.startswith("replica-")}
SERVED = read_settings({**image_settings(), **REPLICAS["replica-1"]["environment"]}, {})


def test_haproxy_accepts_its_configuration(tmp_path: Path) -> None:
    authority = Authority()
    pair = authority.server()
    (tmp_path / "proxy.pem").write_bytes(pair.certificate + pair.key)
    (tmp_path / "ca.crt").write_bytes(authority.pem)
    # Addresses, because the names of containers cannot be looked up here.
    variables = {"PROXY_TLS": str(tmp_path), "REPLICA_1": "127.0.0.1", "REPLICA_2": "127.0.0.1"}
    command = [str(tool("haproxy")), "-c", "-f", PROXY]
    checked = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout) == (0, "Configuration file is valid\n"), checked.stderr
    assert "WARNING" not in checked.stderr


def test_the_proxy_looks_for_the_replicas_where_they_are() -> None:
    text = PROXY.read_text()
    assert set(REPLICAS) == set(re.findall(r"\$\{REPLICA_\d-([\w-]+)\}", text))
    ports = {name: set(re.findall(rf"\$\{{REPLICA_\d_{name}-(\d+)\}}", text)) for name in ("PORT", "HEALTH", "METRICS")}
    served = {"PORT": SERVED.port, "HEALTH": SERVED.health_port, "METRICS": SERVED.metrics_port}
    assert {name: {str(port)} for name, port in served.items()} == ports
    (address,) = re.findall(r"\$\{PROXY_ADDRESS-:(\d+)\}", text)
    assert f"{address}:{address}" in SERVICES["haproxy"]["ports"]


def test_both_replicas_are_the_same_and_stop_in_the_time_that_they_have() -> None:
    one, other = REPLICAS.values()
    assert one == other
    assert float(one["stop_grace_period"].removesuffix("s")) > SERVED.drain + GRACE_SECONDS


def test_a_replica_may_be_no_more_than_a_pod() -> None:
    replica = REPLICAS["replica-1"]
    (deployment,) = (each for each in built(SITE) if each["kind"] == "Deployment")
    (pod,) = deployment["spec"]["template"]["spec"]["containers"]
    assert f"{replica['mem_limit']}i".replace("mi", "Mi") == pod["resources"]["limits"]["memory"]
    assert replica["cap_drop"] == pod["securityContext"]["capabilities"]["drop"]
    assert all(service[limit] for service in REPLICAS.values() for limit in LIMITS)


def test_only_the_proxy_is_reached_from_outside() -> None:
    assert compose()["networks"]["inside"] == {"internal": True}
    assert all(replica["networks"] == ["inside"] and "ports" not in replica for replica in REPLICAS.values())
    assert [port for port in SERVICES["haproxy"]["ports"] if not port.startswith("127.0.0.1:")] == ["50051:50051"]
