"""The manifests of `labgloss cds serve`: of their schemas, of one mind, and fit for those of the gRPC service."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from labgloss.access.file import METHODS, read_access
from labgloss.http.serve import GRACE_SECONDS
from labgloss.http.settings import HttpSettings
from labgloss.settings import read_form
from tests.deploy.compose import image_settings
from tests.deploy.kustomization import HTTP, SITE, Document, built, by_kubectl, named
from tests.deploy.manifests import misfits, not_restricted
from tests.external_tools import tool

OF: dict[str, Document] = {document["kind"]: document for document in built(HTTP)}
POD = OF["Deployment"]["spec"]["template"]
(CONTAINER,) = POD["spec"]["containers"]
VARIABLES = {each["name"]: each["value"] for each in CONTAINER["env"]}
SERVED = read_form(HttpSettings, {**image_settings(), **VARIABLES}, {})
GRPC: dict[str, Document] = {document["kind"]: document for document in built(SITE)}
GRPC_POD = GRPC["Deployment"]["spec"]["template"]


def test_they_fit_their_schemas_and_a_restricted_namespace() -> None:
    assert list(misfits(built(HTTP))) == []
    assert list(not_restricted(POD["spec"])) == []
    assert {document["metadata"]["namespace"] for document in OF.values()} == {
        GRPC["Deployment"]["metadata"]["namespace"]
    }


def test_kubectl_makes_the_same_of_them() -> None:
    """Where there is a kubectl; what is tested elsewhere is what is built here."""
    if kubectl := tool("kubectl"):
        assert sorted(by_kubectl(kubectl, HTTP), key=named) == sorted(built(HTTP), key=named)


def selectors(kind: str) -> Any:
    spec = OF[kind]["spec"]
    return spec["podSelector"]["matchLabels"] if kind == "NetworkPolicy" else spec["selector"]


@pytest.mark.parametrize(
    "selector",
    [
        selectors("Service"), selectors("NetworkPolicy"), selectors("Deployment")["matchLabels"],
        selectors("PodDisruptionBudget")["matchLabels"],
        POD["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
    ],
)  # fmt: skip
def test_a_selector_selects_its_pods_and_none_of_the_grpc_service(selector: dict[str, str]) -> None:
    assert selector
    assert selector.items() <= POD["metadata"]["labels"].items()
    assert not selector.items() <= GRPC_POD["metadata"]["labels"].items()
    assert not selectors_of_grpc().items() <= POD["metadata"]["labels"].items()


def selectors_of_grpc() -> dict[str, str]:
    found: dict[str, str] = GRPC["Service"]["spec"]["selector"]
    return found


def test_ports_are_those_that_the_server_listens_on_and_probes_ask_for_health() -> None:
    ports = {port["name"]: port["containerPort"] for port in CONTAINER["ports"]}
    assert ports == {"https": SERVED.port, "health": SERVED.health_port}
    assert [port["targetPort"] for port in OF["Service"]["spec"]["ports"]] == ["https"]
    asked = {name: CONTAINER[name]["httpGet"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert {probe["port"] for probe in asked.values()} == {"health"}
    assert [probe["path"] for probe in asked.values()] == ["/health/live", "/health/ready", "/health/live"]
    assert CONTAINER["args"] == ["cds", "serve"]


def test_it_reaches_the_grpc_service_and_is_let_in_there() -> None:
    service = GRPC["Service"]
    (port,) = (port["port"] for port in service["spec"]["ports"])
    assert SERVED.target == f"{service['metadata']['name']}:{port}"
    (marked,) = (
        each["podSelector"]["matchLabels"]
        for rule in GRPC["NetworkPolicy"]["spec"]["ingress"]
        for each in rule["from"]
        if "podSelector" in each
    )
    assert marked.items() <= POD["metadata"]["labels"].items()
    to_service, to_dns = OF["NetworkPolicy"]["spec"]["egress"]
    assert [each["podSelector"]["matchLabels"] for each in to_service["to"]] == [selectors_of_grpc()]
    assert [each["port"] for each in to_service["ports"]] == [port]
    assert {(each["port"], each["protocol"]) for each in to_dns["ports"]} == {(53, "UDP"), (53, "TCP")}
    callers = tomllib.loads(GRPC["ConfigMap"]["data"]["access.toml"])["caller"]
    (own,) = (caller for caller in callers if caller.get("on_behalf"))
    assert set(own["methods"]) <= set().union(*METHODS.values())
    assert {"InterpretPanel", "InterpretBundle", "ListAnalytes", "GetRelease", "ListSources"} <= set(own["methods"])


def test_every_file_that_a_setting_names_is_mounted_and_the_access_file_is_sound() -> None:
    volumes = {volume["name"]: volume for volume in POD["spec"]["volumes"]}
    mounts = {mount["mountPath"]: volumes[mount["name"]] for mount in CONTAINER["volumeMounts"]}
    assert volumes["site"]["configMap"]["name"] == OF["ConfigMap"]["metadata"]["name"]
    files = {
        "/etc/labgloss/tls": {"tls.crt", "tls.key", "ca.crt"},
        "/etc/labgloss/site": set(OF["ConfigMap"]["data"]),
    }
    assert set(mounts) == set(files)
    named_files = [value for value in VARIABLES.values() if value.startswith("/")]
    assert named_files
    assert all(name.rpartition("/")[2] in files[name.rpartition("/")[0]] for name in named_files)
    assert read_access(replace(SERVED, access=HTTP / "access.toml")) is not None


def test_it_may_stop_in_its_own_time_and_one_is_always_there() -> None:
    assert POD["spec"]["terminationGracePeriodSeconds"] > SERVED.drain_seconds + GRACE_SECONDS
    assert 0 < OF["PodDisruptionBudget"]["spec"]["maxUnavailable"] < OF["Deployment"]["spec"]["replicas"]


UNSAFE: dict[str, Callable[[Document], Any]] = {
    "hostNetwork": lambda pod: pod.update(hostNetwork=True),
    "securityContext.runAsUser": lambda pod: pod["securityContext"].update(runAsUser=0),
    "resources.limits.memory": lambda pod: pod["containers"][0]["resources"].pop("limits"),
}


@pytest.mark.parametrize("said", UNSAFE)
def test_what_is_no_longer_restricted_is_named(said: str) -> None:
    (deployment,) = (document for document in built(HTTP) if document["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    UNSAFE[said](pod)
    assert any(fault.startswith(said) for fault in not_restricted(pod))
