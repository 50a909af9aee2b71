"""The service in a container that may do as little as a replica of deploy/compose.yaml."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from tests.deploy.compose import LIMITS, compose

PORT, HEALTH_PORT, METRICS_PORT = 50051, 50052, 9464
REPLICA = compose()["services"]["replica-1"]
PORTS = (PORT, HEALTH_PORT, METRICS_PORT)
Settings = Mapping[str, str]
# Shorter than in production, where connections must have time to age.
_BRIEF = {"LABGLOSS_DRAIN_SECONDS": "1"}
_START_S = 120


class Service:
    """A container that runs the image, published on loopback."""

    def __init__(self, container: DockerContainer) -> None:
        self.container = container

    def port(self, inside: int = PORT) -> int:
        """The port of loopback that leads to a port of the container."""
        return self.container.get_exposed_port(inside)

    @property
    def target(self) -> str:
        return f"{self.container.get_container_host_ip()}:{self.port()}"

    @property
    def log(self) -> list[dict[str, Any]]:
        """What it logged so far."""
        out, _ = self.container.get_logs()
        return [json.loads(line) for line in out.splitlines()]

    @property
    def events(self) -> list[str]:
        return [line["event"] for line in self.log]

    def signal(self, name: str) -> None:
        self.container.get_wrapped_container().kill(name)

    def ended(self, timeout_s: float = 60) -> int:
        """Its exit code, once it ended."""
        return int(self.container.get_wrapped_container().wait(timeout=timeout_s)["StatusCode"])


@contextmanager
def started(
    image: str,
    settings: Settings | None = None,
    files: Mapping[str, Path] | None = None,
    instead: Settings = REPLICA["environment"],
) -> Iterator[Service]:
    """A container that was started, and may already have ended; `files` says which path in it is which here.

    `settings` come beside those of a replica, or `instead` of them what is given there.
    """
    with container_of(image, {**instead, **_BRIEF, **(settings or {})}, files or {}) as container:
        yield Service(container)


@contextmanager
def service(
    image: str,
    settings: Settings | None = None,
    files: Mapping[str, Path] | None = None,
    instead: Settings = REPLICA["environment"],
) -> Iterator[Service]:
    """The same, once it serves."""
    with serving(container_of(image, {**instead, **_BRIEF, **(settings or {})}, files or {})) as running:
        yield running


@contextmanager
def serving(container: DockerContainer) -> Iterator[Service]:
    """A container, started, once it says that it serves."""
    container.waiting_for(LogMessageWaitStrategy('"event": "serving"').with_startup_timeout(_START_S))
    with container:
        yield Service(container)


def container_of(
    image: str,
    settings: Settings,
    files: Mapping[str, Path],
    composed: Mapping[str, Any] = REPLICA,
    ports: Sequence[int] = PORTS,
) -> DockerContainer:
    """One that may do as little as a service of deploy/compose.yaml, to be started."""
    container = DockerContainer(image).with_kwargs(**{limit: composed[limit] for limit in LIMITS})
    # On loopback only; the engine chooses free ports.
    container.ports = {f"{port}/tcp": ("127.0.0.1", None) for port in ports}  # type: ignore[misc]
    for mount in composed["tmpfs"]:
        container.with_tmpfs_mount(*mount.split(":"))
    for inside, here in files.items():
        container.with_volume_mapping(here, inside)
    return container.with_envs(**settings)


def readable(folder: Path) -> Path:
    """The folder, made readable for the user of the image: those that pytest makes are not."""
    for each in (folder, *folder.rglob("*")):
        each.chmod(0o755 if each.is_dir() else 0o644)
    return folder
