"""The service in a container that may do as little as in production."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

PORT = 50051
# As in deploy/compose.yaml and deploy/kubernetes.
HARDENED: dict[str, Any] = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "mem_limit": "256m",
    "memswap_limit": "256m",
    "pids_limit": 128,
}
# What an environment without TLS must say; a default that a test may change.
_SETTINGS = {"LABGLOSS_DRAIN_SECONDS": "1", "LABGLOSS_PLAINTEXT": "true"}


class Service:
    """A container that runs the image; `target` is where it answers on loopback."""

    def __init__(self, container: DockerContainer) -> None:
        self.container = container

    @property
    def target(self) -> str:
        return f"{self.container.get_container_host_ip()}:{self.container.get_exposed_port(PORT)}"

    @property
    def log(self) -> list[dict[str, Any]]:
        """What it logged, once it logs JSON lines only."""
        out, _ = self.container.get_logs()
        return [json.loads(line) for line in out.splitlines()]

    @property
    def events(self) -> list[str]:
        return [line["event"] for line in self.log]

    def signal(self, name: str) -> None:
        self.container.get_wrapped_container().kill(name)

    def ended(self, timeout_s: float = 30) -> int:
        """Its exit code, once it ended."""
        return int(self.container.get_wrapped_container().wait(timeout=timeout_s)["StatusCode"])


@contextmanager
def service(
    image: str, *command: str, settings: Mapping[str, str] | None = None, files: Mapping[str, Path] | None = None
) -> Iterator[Service]:
    """A service that serves; `files` says which path in the container is which here."""
    with _container(image, command, settings, files) as container:
        container.waiting_for(LogMessageWaitStrategy('"event": "serving"').with_startup_timeout(60))
        with container:
            yield Service(container)


@contextmanager
def started(
    image: str, *command: str, settings: Mapping[str, str] | None = None, files: Mapping[str, Path] | None = None
) -> Iterator[Service]:
    """A container that was started, and may already have ended."""
    with _container(image, command, settings, files) as container, container:
        yield Service(container)


@contextmanager
def _container(
    image: str, command: tuple[str, ...], settings: Mapping[str, str] | None, files: Mapping[str, Path] | None
) -> Iterator[DockerContainer]:
    container = DockerContainer(image).with_kwargs(**HARDENED).with_exposed_ports(PORT)
    # On loopback only; the engine chooses a free port.
    container.ports = {f"{PORT}/tcp": ("127.0.0.1", None)}  # type: ignore[dict-item]
    # The second argument holds the options.
    container.with_tmpfs_mount("/tmp", "rw,noexec,nosuid,nodev,size=16m").with_envs(**{**_SETTINGS, **(settings or {})})
    for inside, here in (files or {}).items():
        # The engine's user is not ours: what is mounted must be readable for 65532.
        container.with_volume_mapping(here, inside)
    if command:
        container.with_command(list(command))
    yield container
