"""One host: what compose starts fits the server, the manifests and HAProxy's configuration, which HAProxy accepts."""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from labgloss.http.serve import GRACE_SECONDS as HTTP_GRACE_SECONDS
from labgloss.http.settings import HttpSettings
from labgloss.knowledge.release import Release
from labgloss.server.app import GRACE_SECONDS
from labgloss.server.settings import read_settings
from labgloss.settings import read_form
from tests.deploy.compose import LIMITS, PROXY, compose, image_settings
from tests.deploy.kustomization import HTTP, SITE, built
from tests.external_tools import needs, tool
from tests.http.served import process
from tests.server.authority import EHR, Authority, site
from tests.server.processes import until
from tests.server.wire import serving

needs("haproxy", to="check the configuration of the proxy")

SERVICES = compose()["services"]
REPLICAS = {name: service for name, service in SERVICES.items() if name.startswith("replica-")}
SERVED = read_settings({**image_settings(), **REPLICAS["replica-1"]["environment"]}, {})
OVER_HTTP = SERVICES["http"]
# One without a value is passed on where compose is called with it.
VARIABLES = {name: value for name, value in OVER_HTTP["environment"].items() if value is not None}
SERVED_OVER_HTTP = read_form(HttpSettings, {**image_settings(), **VARIABLES}, {})


def proxy_variables(folder: Path, authority: Authority) -> dict[str, str]:
    """What HAProxy is told, with its files in a folder."""
    pair = authority.server()
    (folder / "proxy.pem").write_bytes(pair.certificate + pair.key)
    (folder / "ca.crt").write_bytes(authority.pem)
    # Addresses, because the names of containers cannot be looked up here.
    addresses = dict.fromkeys(("REPLICA_1", "REPLICA_2", "HTTP"), "127.0.0.1")
    return {"PROXY_TLS": str(folder), **addresses}


def test_haproxy_accepts_its_configuration(tmp_path: Path) -> None:
    variables = proxy_variables(tmp_path, Authority())
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


def test_the_proxy_looks_for_the_service_over_http_where_it_is() -> None:
    text = PROXY.read_text()
    (host,) = re.findall(r"\$\{HTTP-(\w+)\}", text)
    assert SERVICES[host] is OVER_HTTP
    found = {name: int(port) for name, port in re.findall(r"\$\{HTTP_(\w+)-(\d+)\}", text)}
    assert found == {"PORT": SERVED_OVER_HTTP.port, "HEALTH": SERVED_OVER_HTTP.health_port}
    (address,) = re.findall(r"\$\{PROXY_HTTP-:(\d+)\}", text)
    # Nothing is opened to others that nobody asked for.
    assert f"${{HTTP_ADDRESS:-127.0.0.1}}:{address}:{address}" in SERVICES["haproxy"]["ports"]


def test_both_replicas_are_the_same_and_stop_in_the_time_that_they_have() -> None:
    one, other = REPLICAS.values()
    assert one == other
    assert float(one["stop_grace_period"].removesuffix("s")) > SERVED.drain + GRACE_SECONDS


def test_a_container_may_be_no_more_than_a_pod() -> None:
    for containers, manifests in ((REPLICAS.values(), SITE), ([OVER_HTTP], HTTP)):
        (deployment,) = (each for each in built(manifests) if each["kind"] == "Deployment")
        (pod,) = deployment["spec"]["template"]["spec"]["containers"]
        for container in containers:
            assert f"{container['mem_limit']}i".replace("mi", "Mi") == pod["resources"]["limits"]["memory"]
            assert container["cap_drop"] == pod["securityContext"]["capabilities"]["drop"]
            assert all(container[limit] for limit in LIMITS)


def test_only_the_proxy_is_reached_from_outside() -> None:
    assert compose()["networks"]["inside"] == {"internal": True}
    assert all(
        list(service["networks"]) == ["inside"] and "ports" not in service
        for name, service in SERVICES.items()
        if name != "haproxy"
    )
    here = ("127.0.0.1:", "${HTTP_ADDRESS:-127.0.0.1}:")
    assert [port for port in SERVICES["haproxy"]["ports"] if not port.startswith(here)] == ["50051:50051"]


def test_the_service_over_http_is_asked_for_and_finds_both_replicas_and_its_files() -> None:
    assert [name for name, service in SERVICES.items() if "profiles" in service] == ["http"]
    (deployment,) = (each for each in built(HTTP) if each["kind"] == "Deployment")
    (pod,) = deployment["spec"]["template"]["spec"]["containers"]
    assert OVER_HTTP["command"] == pod["args"]
    host, _, port = SERVED_OVER_HTTP.target.partition(":")
    assert int(port) == SERVED.port
    assert all(host in replica["networks"]["inside"]["aliases"] for replica in REPLICAS.values())
    assert SERVED_OVER_HTTP.transport == "mtls"
    assert SERVED_OVER_HTTP.access is not None
    (mount,) = OVER_HTTP["volumes"]
    folder = mount.removesuffix(":ro").rpartition(":")[2]
    assert {value.rpartition("/")[0] for value in VARIABLES.values() if value.startswith("/")} == {folder}
    asked = f"urlopen('http://127.0.0.1:{SERVED_OVER_HTTP.health_port}/health/ready'"
    assert asked in OVER_HTTP["healthcheck"]["test"][-1]
    assert float(OVER_HTTP["stop_grace_period"].removesuffix("s")) > SERVED_OVER_HTTP.drain_seconds + HTTP_GRACE_SECONDS


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_through_the_proxy_the_service_over_http_sees_who_calls_and_drains(release: Release, tmp_path: Path) -> None:
    made = site(tmp_path)
    context = ssl.create_default_context(cafile=tmp_path / "callers.pem")
    context.load_cert_chain(*made.authority.pair(EHR).write(tmp_path, "shown"))
    ports = {name: free_port() for name in ("PROXY_ADDRESS", "PROXY_HTTP", "PROXY_METRICS")}
    url = f"https://localhost:{ports['PROXY_HTTP']}/v1/panels:interpret"
    asked = {"panel": {"id": "p", "results": [{"analyte": "magnesium", "value": "0.41", "unit": "mmol/L"}]}}

    def status() -> int:
        """Over a connection of its own; 0 when there is none."""
        # Nobody reads the log meanwhile: each leaves a line.
        time.sleep(0.1)
        try:
            return httpx.post(url, json=asked, verify=context).status_code
        except httpx.TransportError:
            return 0

    with (
        serving(release) as interpreting,
        process(f"127.0.0.1:{interpreting.server.port}", health_port=0, drain_seconds=20, **made.settings) as served,
    ):
        said = served.next("serving")
        variables: Mapping[str, str] = {
            **proxy_variables(tmp_path, made.authority),
            **{name: f"127.0.0.1:{port}" for name, port in ports.items()},
            "HTTP_PORT": str(said["port"]),
            "HTTP_HEALTH": str(said["health_port"]),
        }
        command = [str(tool("haproxy")), "-db", "-f", str(PROXY)]
        with subprocess.Popen(command, env={**os.environ, **variables}, stdout=subprocess.DEVNULL) as proxy:
            try:
                until(lambda: status() == 200)
                assert str(EHR.value) == served.next("call")["caller"]
                served.process.send_signal(signal.SIGTERM)
                # Long before it ends.
                until(lambda: status() == 0, 10)
                assert served.process.poll() is None
            finally:
                proxy.kill()
