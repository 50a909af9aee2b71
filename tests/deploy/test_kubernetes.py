"""The manifests: strictly of their schemas, of one mind, and every fault that was put into them is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.deploy.kustomization import BASE, SITE, Document, built, by_kubectl, documents, named
from tests.deploy.manifests import disagreements, misfits
from tests.external_tools import tool

Fault = Callable[[dict[str, Document]], Any]


def test_the_manifests_of_a_site_have_no_fault() -> None:
    made = built(SITE)
    assert list(misfits(made)) == []
    assert disagreements(made) == []


def test_kubectl_makes_the_same_of_them() -> None:
    """Where there is a kubectl; what is tested elsewhere is what is built here."""
    if kubectl := tool("kubectl"):
        assert sorted(by_kubectl(kubectl, SITE), key=named) == sorted(built(SITE), key=named)
        assert sorted(by_kubectl(kubectl, BASE), key=named) == sorted(built(BASE), key=named)


def test_a_file_that_no_kustomization_names_is_a_fault(tmp_path: Any) -> None:
    for name, text in (("kustomization.yaml", "namespace: n\nresources: []\n"), ("forgotten.yaml", "")):
        (tmp_path / name).write_text(text)
    with pytest.raises(AssertionError, match=r"not named in the kustomization: \['forgotten.yaml'\]"):
        built(tmp_path)


def test_a_key_that_stands_twice_is_a_fault() -> None:
    with pytest.raises(yaml.YAMLError, match=r"twice: .*name"):
        documents("metadata: {name: a, name: b}")


def pod(of: dict[str, Document]) -> Any:
    return of["Deployment"]["spec"]["template"]["spec"]


def container(of: dict[str, Document]) -> Any:
    return pod(of)["containers"][0]


def variable(name: str, value: str) -> Fault:
    return lambda of: container(of)["env"].append({"name": name, "value": value})


MISFITS: dict[str, Fault] = {
    "'maxSurgee' was unexpected": lambda of: of["Deployment"]["spec"]["strategy"]["rollingUpdate"].update(maxSurgee=1),
    "'two' is not of type 'integer'": lambda of: of["HorizontalPodAutoscaler"]["spec"].update(minReplicas="two"),
}
DISAGREEMENTS: dict[str, Fault] = {
    # Of names, labels and ports.
    "Service.spec.selector: {'app.kubernetes.io/name': 'labglos'} selects no pod": lambda of: of["Service"]["spec"][
        "selector"
    ].update({"app.kubernetes.io/name": "labglos"}),
    "Deployment.spec.selector:": lambda of: of["Deployment"]["spec"]["selector"]["matchLabels"].update(tier="back"),
    "Deployment topology:": lambda of: pod(of)["topologySpreadConstraints"][0]["labelSelector"].update(matchLabels={}),
    "PodDisruptionBudget.spec.selector:": lambda of: of["PodDisruptionBudget"]["spec"]["selector"].update(
        matchLabels={"app": "labgloss"}
    ),
    "NetworkPolicy.spec.podSelector:": lambda of: of["NetworkPolicy"]["spec"]["podSelector"].update(
        matchLabels={"app": "labgloss"}
    ),
    "Service.spec.clusterIP: is not None": lambda of: of["Service"]["spec"].pop("clusterIP"),
    "Service.targetPort: no container port is named http": lambda of: of["Service"]["spec"]["ports"][0].update(
        targetPort="http"
    ),
    "Service.port: a headless service": lambda of: of["Service"]["spec"]["ports"][0].update(port=443),
    "NetworkPolicy.port: no container port is named prometheus": lambda of: of["NetworkPolicy"]["spec"]["ingress"][1][
        "ports"
    ][0].update(port="prometheus"),
    "readinessProbe: asks port 50051, and health is at 50052": lambda of: container(of)["readinessProbe"][
        "grpc"
    ].update(port=50051),
    "livenessProbe: asks port None": lambda of: container(of).pop("livenessProbe"),
    "scaleTargetRef: there is no Deployment labglosss": lambda of: of["HorizontalPodAutoscaler"]["spec"][
        "scaleTargetRef"
    ].update(name="labglosss"),
    "Deployment.spec.replicas: would undo": lambda of: of["Deployment"]["spec"].update(replicas=2),
    "HorizontalPodAutoscaler.metrics: the container requests no cpu": lambda of: container(of)["resources"][
        "requests"
    ].pop("cpu"),
    "PodDisruptionBudget.maxUnavailable: 1 of at least 1 pods": lambda of: of["HorizontalPodAutoscaler"]["spec"].update(
        minReplicas=1
    ),
    # Of security.
    "Namespace: pod-security.kubernetes.io/enforce is not restricted": lambda of: of["Namespace"]["metadata"][
        "labels"
    ].update({"pod-security.kubernetes.io/enforce": "baseline"}),
    "enableServiceLinks: is None, not False": lambda of: pod(of).pop("enableServiceLinks"),
    "securityContext.runAsNonRoot: is None": lambda of: pod(of)["securityContext"].pop("runAsNonRoot"),
    "securityContext.seccompProfile.type: is Unconfined": lambda of: pod(of)["securityContext"].update(
        seccompProfile={"type": "Unconfined"}
    ),
    "securityContext.allowPrivilegeEscalation: is True": lambda of: container(of)["securityContext"].update(
        allowPrivilegeEscalation=True
    ),
    "securityContext.readOnlyRootFilesystem: is None": lambda of: container(of)["securityContext"].pop(
        "readOnlyRootFilesystem"
    ),
    "securityContext.capabilities: is {'drop': ['ALL'], 'add'": lambda of: container(of)["securityContext"][
        "capabilities"
    ].update(add=["NET_BIND_SERVICE"]),
    "hostNetwork: must not be there": lambda of: pod(of).update(hostNetwork=True),
    "resources.limits.memory: is missing": lambda of: container(of)["resources"].pop("limits"),
    "NetworkPolicy.spec.egress: lets something out": lambda of: of["NetworkPolicy"]["spec"].update(egress=[{}]),
    "NetworkPolicy.spec.policyTypes:": lambda of: of["NetworkPolicy"]["spec"].update(policyTypes=["Ingress"]),
    # Of files.
    "volumes: ['site', 'tls', 'tmp'] are there, ['site', 'tmp'] are mounted": lambda of: container(of)[
        "volumeMounts"
    ].pop(0),
    "volumes: nothing makes what is mounted at /etc/labgloss/site": lambda of: of["ConfigMap"]["metadata"].update(
        name="labgloss-sites"
    ),
    "LABGLOSS_OVERLAY: nothing mounts /etc/labgloss/site/site.toml": lambda of: of["ConfigMap"]["data"].pop(
        "site.toml"
    ),
    # Of the server's settings.
    "LABGLOSS_THREAD: is not a setting": variable("LABGLOSS_THREAD", "4"),
    "LABGLOSS_THREADS: needs a whole number": variable("LABGLOSS_THREADS", "many"),
    "containerPort: {'grpc': 50051": variable("LABGLOSS_PORT", "50061"),
    "prometheus.io/port: is not the port": lambda of: of["Deployment"]["spec"]["template"]["metadata"][
        "annotations"
    ].update({"prometheus.io/port": "9090"}),
    "terminationGracePeriodSeconds: 90, and the server takes up to 125 to stop": variable(
        "LABGLOSS_DRAIN_SECONDS", "120"
    ),
}


@pytest.mark.parametrize("said", DISAGREEMENTS)
def test_a_disagreement_is_named(said: str) -> None:
    made = built(SITE)
    DISAGREEMENTS[said]({document["kind"]: document for document in made})
    found = disagreements(made)
    assert [fault for fault in found if said in fault], found


def test_a_document_that_does_not_fit_its_schema_is_named() -> None:
    made = built(SITE)
    for seed in MISFITS.values():
        seed({document["kind"]: document for document in made})
    found = list(misfits(made))
    assert len(found) == len(MISFITS)
    assert all(any(said in fault for fault in found) for said in MISFITS), found
