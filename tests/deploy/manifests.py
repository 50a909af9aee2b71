"""What no schema sees: whether the manifests agree with each other, with the server, and with what a pod may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import kubernetes_validate

from labgloss.errors import SettingsError
from labgloss.server.app import GRACE_SECONDS
from labgloss.server.settings import Settings, read_settings
from tests.deploy.compose import image_settings
from tests.deploy.kustomization import Document

# Of an admitted pod and its containers, by the restricted Pod Security Standard, and what we ask for beside it.
_POD = {
    "enableServiceLinks": False,
    "automountServiceAccountToken": False,
    "securityContext.runAsNonRoot": True,
    "securityContext.runAsUser": 65532,
    "securityContext.seccompProfile.type": "RuntimeDefault",
}
_CONTAINER = {
    "securityContext.allowPrivilegeEscalation": False,
    "securityContext.readOnlyRootFilesystem": True,
    "securityContext.capabilities": {"drop": ["ALL"]},
}
_FORBIDDEN = ("hostNetwork", "hostPID", "hostIPC", "initContainers")
_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
_ADMITTED = "pod-security.kubernetes.io/enforce"
_SECRETS = {"labgloss-tls": {"tls.crt", "tls.key", "ca.crt"}}


def misfits(documents: Sequence[Document]) -> Iterator[str]:
    """What does not fit its schema, strictly; one line for a document, since no more is found at once."""
    for document in documents:
        try:
            kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{document.get('kind')}: {error.message}"


def disagreements(documents: Sequence[Document]) -> list[str]:
    """In what a whole set of manifests, each of its schema, is not of one mind; one line each."""
    return list(_Set(documents).faults())


def not_restricted(pod: Document) -> Iterator[str]:
    """Where a pod of one container is more than a restricted namespace admits, or than we ask for."""
    (container,) = pod["containers"]
    for what, holder in ((_POD, pod), (_CONTAINER, container)):
        for path, value in what.items():
            if (found := _at(holder, path)) != value:
                yield f"{path}: is {found}, not {value}"
    yield from (f"{key}: must not be there" for key in _FORBIDDEN if key in pod)
    if "memory" not in container["resources"].get("limits", {}):
        yield "resources.limits.memory: is missing"


class _Set:
    def __init__(self, documents: Sequence[Document]) -> None:
        self._of = {document["kind"]: document for document in documents}
        self._deployment = self._of["Deployment"]
        self._pod = self._deployment["spec"]["template"]["spec"]
        (self._container,) = self._pod["containers"]
        self._labels = self._deployment["spec"]["template"]["metadata"]["labels"]
        self._ports = {port["name"]: port["containerPort"] for port in self._container["ports"]}
        self._variables = {each["name"]: each["value"] for each in self._container["env"]}

    def faults(self) -> Iterator[str]:
        yield from self._selectors()
        yield from self._named_ports()
        yield from self._scaling()
        yield from self._security()
        yield from self._volumes()
        yield from self._settings()

    def _selectors(self) -> Iterator[str]:
        spec = {kind: document.get("spec", {}) for kind, document in self._of.items()}
        (spread,) = self._pod["topologySpreadConstraints"]
        selecting = {
            "Deployment.spec.selector": spec["Deployment"]["selector"]["matchLabels"],
            "Deployment topology": spread["labelSelector"]["matchLabels"],
            "Service.spec.selector": spec["Service"]["selector"],
            "PodDisruptionBudget.spec.selector": spec["PodDisruptionBudget"]["selector"]["matchLabels"],
            "NetworkPolicy.spec.podSelector": spec["NetworkPolicy"]["podSelector"]["matchLabels"],
        }
        for where, selector in selecting.items():
            if not selector or not selector.items() <= self._labels.items():
                yield f"{where}: {selector} selects no pod labelled {self._labels}"
        if spec["Service"].get("clusterIP") != "None":
            yield "Service.spec.clusterIP: is not None, so that each connection would stay with one pod"

    def _named_ports(self) -> Iterator[str]:
        policies = [port for rule in self._of["NetworkPolicy"]["spec"]["ingress"] for port in rule["ports"]]
        asked = {
            "Service.targetPort": [port["targetPort"] for port in self._of["Service"]["spec"]["ports"]],
            "NetworkPolicy.port": [port["port"] for port in policies],
        }
        for where, names in asked.items():
            yield from (f"{where}: no container port is named {name}" for name in names if name not in self._ports)
        if [port["port"] for port in self._of["Service"]["spec"]["ports"]] != [self._ports.get("grpc")]:
            yield "Service.port: a headless service leads to the container's port, whatever it says"
        for probe in _PROBES:
            port = self._container.get(probe, {}).get("grpc", {}).get("port")
            if port != self._ports.get("health"):
                yield f"{probe}: asks port {port}, and health is at {self._ports.get('health')}"

    def _scaling(self) -> Iterator[str]:
        scaler = self._of["HorizontalPodAutoscaler"]["spec"]
        target = scaler["scaleTargetRef"]
        if (target["kind"], target["name"]) != ("Deployment", self._deployment["metadata"]["name"]):
            yield f"HorizontalPodAutoscaler.scaleTargetRef: there is no {target['kind']} {target['name']}"
        if "replicas" in self._deployment["spec"]:
            yield "Deployment.spec.replicas: would undo what the autoscaler decided"
        requests = self._container["resources"].get("requests", {})
        for metric in scaler["metrics"]:
            if metric["resource"]["name"] not in requests:
                yield f"HorizontalPodAutoscaler.metrics: the container requests no {metric['resource']['name']}"
        unavailable = self._of["PodDisruptionBudget"]["spec"]["maxUnavailable"]
        if not 0 < unavailable < scaler["minReplicas"]:
            yield f"PodDisruptionBudget.maxUnavailable: {unavailable} of at least {scaler['minReplicas']} pods"

    def _security(self) -> Iterator[str]:
        if self._of["Namespace"]["metadata"]["labels"].get(_ADMITTED) != "restricted":
            yield f"Namespace: {_ADMITTED} is not restricted"
        yield from not_restricted(self._pod)
        if self._of["NetworkPolicy"]["spec"].get("egress") != []:
            yield "NetworkPolicy.spec.egress: lets something out"
        if set(self._of["NetworkPolicy"]["spec"].get("policyTypes", ())) != {"Ingress", "Egress"}:
            yield "NetworkPolicy.spec.policyTypes: are not Ingress and Egress"

    def _volumes(self) -> Iterator[str]:
        volumes = {volume["name"]: volume for volume in self._pod["volumes"]}
        mounts = {mount["mountPath"]: mount["name"] for mount in self._container["volumeMounts"]}
        if set(volumes) != set(mounts.values()):
            yield f"volumes: {sorted(volumes)} are there, {sorted(mounts.values())} are mounted"
            return
        held = {path: self._files(volumes[name]) for path, name in mounts.items()}
        yield from (
            f"volumes: nothing makes what is mounted at {path}" for path, files in held.items() if files is None
        )
        for variable, value in self._variables.items():
            folder, _, file = value.rpartition("/")
            if value.startswith("/") and file not in (held.get(folder) or ()):
                yield f"{variable}: nothing mounts {value}"

    def _files(self, volume: Mapping[str, Any]) -> set[str] | None:
        """The names of the files of a volume; None when nothing makes it."""
        if "secret" in volume:
            return _SECRETS.get(volume["secret"]["secretName"])
        if "configMap" in volume:
            made = self._of.get("ConfigMap", {"metadata": {"name": ""}})
            return set(made["data"]) if made["metadata"]["name"] == volume["configMap"]["name"] else None
        return set() if "emptyDir" in volume else None

    def _settings(self) -> Iterator[str]:
        try:
            settings = read_settings({**image_settings(), **self._variables}, {})
        except SettingsError as error:
            yield from error.faults
            return
        served = {"grpc": settings.port, "health": settings.health_port, "metrics": settings.metrics_port}
        if served != self._ports:
            yield f"containerPort: {self._ports}, and the server listens on {served}"
        annotations = self._deployment["spec"]["template"]["metadata"]["annotations"]
        if annotations.get("prometheus.io/port") != str(settings.metrics_port):
            yield "prometheus.io/port: is not the port of the metrics"
        yield from self._stop_time(settings)

    def _stop_time(self, settings: Settings) -> Iterator[str]:
        allowed, needed = self._pod["terminationGracePeriodSeconds"], settings.drain + GRACE_SECONDS
        if allowed <= needed:
            yield f"terminationGracePeriodSeconds: {allowed}, and the server takes up to {needed:g} to stop"


def _at(holder: Any, path: str) -> Any:
    for key in path.split("."):
        holder = holder.get(key) if isinstance(holder, dict) else None
    return holder
