"""The pod of deploy/kubernetes, with its files and settings, in a container: over mutual TLS, to those on the list."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from labgloss.cli.health import serving_status
from labgloss.cli.proved import keep, place, proved
from labgloss.knowledge.loader import DATA, load
from labgloss_client import Client, PermissionDenied, panel, patient, result
from tests.containers.service import HEALTH_PORT, METRICS_PORT, Service, readable, service
from tests.deploy.kustomization import SITE, built
from tests.external_tools import needs
from tests.server.authority import EHR, URI, Authority, Pair

needs("docker engine", to="run the pod of the manifests")

PANEL = panel(result("magnesium", "0.41", "mmol/L"), patient=patient(age_years=67, sex="female"))
UID = 65532


@dataclass
class Pod:
    """A running container with the settings and files of the pod."""

    service: Service
    authority: Authority
    tls: Path

    def client(self, shown: grpc.ChannelCredentials, timeout_s: float = 10) -> Client:
        return Client(f"localhost:{self.service.port()}", credentials=shown, timeout_s=timeout_s)

    def shown(self, caller: Pair) -> grpc.ChannelCredentials:
        return caller.channel_credentials(self.authority.pem)


@pytest.fixture(scope="module")
def pod(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    documents = {document["kind"]: document for document in built(SITE)}
    spec = documents["Deployment"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    folder = tmp_path_factory.mktemp("pod")
    authority = Authority()
    folders = {
        "tls": secret(folder / "tls", authority),
        "site": config(folder / "site", documents["ConfigMap"]["data"]),
    }
    mounts = {
        mount["mountPath"]: folders[mount["name"]] for mount in container["volumeMounts"] if mount["name"] != "tmp"
    }
    settings = {each["name"]: each["value"] for each in container["env"]}
    with service(image, files=mounts, instead=settings) as running:
        yield Pod(running, authority, folders["tls"])


def secret(folder: Path, authority: Authority) -> Path:
    """As the kubelet mounts it: readable for the group of the pod alone."""
    folder.mkdir()
    certified = authority.server()
    for name, content in (("tls.crt", certified.certificate), ("tls.key", certified.key), ("ca.crt", authority.pem)):
        (folder / name).write_bytes(content)
        protect(folder / name)
    folder.chmod(0o755)
    return folder


def protect(file: Path) -> None:
    """For the pod's group alone where this process may give it away; else for all."""
    if os.geteuid() == 0:
        os.chown(file, 0, UID)
    file.chmod(0o440 if os.geteuid() == 0 else 0o444)


def config(folder: Path, data: dict[str, str]) -> Path:
    folder.mkdir()
    for name, text in data.items():
        (folder / name).write_text(text)
    overlay = folder / "site.toml"
    # As `labgloss knowledge lint --overlay site.toml` would, which takes its time.
    keep(place(DATA, overlay), proved(load(overlay=overlay).reference, ""))
    return readable(folder)


def test_a_caller_on_the_list_is_answered_with_the_overlay_of_the_site(pod: Pod) -> None:
    with pod.client(pod.shown(pod.authority.pair(EHR))) as client:
        report = client.interpret(PANEL)
    assert report.release.overlay == "example-hospital"


def test_a_caller_that_is_not_on_the_list_is_refused_and_named_in_the_log(pod: Pod) -> None:
    stranger = pod.authority.pair(URI("spiffe://hospital.example/stranger"))
    with pod.client(pod.shown(stranger)) as client, pytest.raises(PermissionDenied):
        client.interpret(PANEL)
    (refused,) = (
        line for line in pod.service.log if line["event"] == "refused" and line["status"] != "UNAUTHENTICATED"
    )
    assert "stranger" in refused["caller"]


def test_without_a_certificate_of_the_site_nobody_is_let_in(pod: Pod) -> None:
    for shown in (
        grpc.ssl_channel_credentials(pod.authority.pem),
        Authority("another").pair(EHR).channel_credentials(pod.authority.pem),
    ):
        with pod.client(shown, timeout_s=2) as client, pytest.raises(Exception, match=r".") as refused:
            client.interpret(PANEL)
        assert not isinstance(refused.value, PermissionDenied)


def test_plaintext_gets_no_answer(pod: Pod) -> None:
    assert serving_status(f"127.0.0.1:{pod.service.port()}", "", 2.0).startswith("no answer")


def test_the_kubelet_and_prometheus_are_answered(pod: Pod) -> None:
    assert serving_status(f"127.0.0.1:{pod.service.port(HEALTH_PORT)}", "", 2.0) == "SERVING"
    with urllib.request.urlopen(f"http://127.0.0.1:{pod.service.port(METRICS_PORT)}/metrics", timeout=5) as page:
        assert b"grpc_server_started_total" in page.read()


def test_a_certificate_that_is_renewed_is_served_without_a_restart(pod: Pod) -> None:
    renewed = Authority("renewed")
    certified = renewed.server()
    for name, content in (("tls.crt", certified.certificate), ("tls.key", certified.key)):
        written = pod.tls / f"{name}.new"
        written.write_bytes(content)
        protect(written)
        written.rename(pod.tls / name)
    shown = pod.authority.pair(EHR).channel_credentials(renewed.pem)
    with pod.client(shown) as client:
        client.interpret(PANEL)


def test_a_certificate_without_its_key_stops_it(image: str, tmp_path: Path) -> None:
    from tests.containers.test_service import fault

    said = fault(image, instead={}, settings={"LABGLOSS_TLS_CERTIFICATE": "/etc/labgloss/tls/tls.crt"})
    assert said.startswith("labgloss: cannot start so:\n")
    assert "tls_key" in said
