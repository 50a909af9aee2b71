"""Two replicas behind HAProxy, as deploy/compose.yaml has them: one may be killed or replaced, and no call is lost."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest

from labgloss.cli.proved import keep, place, proved
from labgloss.knowledge.loader import DATA, load
from labgloss_client import Client, LabglossError, panel, patient, result
from tests.containers.service import HEALTH_PORT, METRICS_PORT, Service, readable, service
from tests.deploy.compose import PROXY
from tests.external_tools import needs, tool
from tests.server.authority import EHR, Authority, Pair

needs("docker engine", "haproxy", to="run two replicas behind a proxy")

PANEL = panel(result("magnesium", "0.41", "mmol/L"), patient=patient(age_years=67, sex="female"))


@dataclass
class Proxy:
    """HAProxy before two replicas, at `target`; its callers show a certificate of `authority`."""

    target: str
    authority: Authority
    caller: Pair

    def client(self, caller: Pair | None = None) -> Client:
        pair = caller or self.caller
        return Client(self.target, credentials=pair.channel_credentials(self.authority.pem), timeout_s=20)


@contextmanager
def proxied(folder: Path, *replicas: Service) -> Iterator[Proxy]:
    authority = Authority()
    certified = authority.server()
    (folder / "proxy.pem").write_bytes(certified.certificate + certified.key)
    (folder / "ca.crt").write_bytes(authority.pem)
    port = free_port()
    variables = {"PROXY_TLS": str(folder), "PROXY_ADDRESS": f"127.0.0.1:{port}"}
    variables |= {name: f"127.0.0.1:{free_port()}" for name in ("PROXY_METRICS", "PROXY_HTTP")}
    # Nobody is there.
    variables["HTTP"] = "127.0.0.1"
    for number, replica in enumerate(replicas, 1):
        variables |= {
            f"REPLICA_{number}": "127.0.0.1",
            f"REPLICA_{number}_PORT": str(replica.port()),
            f"REPLICA_{number}_HEALTH": str(replica.port(HEALTH_PORT)),
            f"REPLICA_{number}_METRICS": str(replica.port(METRICS_PORT)),
        }
    command = [str(tool("haproxy")), "-db", "-f", str(PROXY)]
    log = (folder / "haproxy.log").open("wb")
    with log, subprocess.Popen(command, env={**os.environ, **variables}, stdout=log, stderr=log) as running:
        try:
            proxy = Proxy(f"localhost:{port}", authority, authority.pair(EHR))
            with proxy.client() as client:
                client.interpret(PANEL)
            yield proxy
        finally:
            running.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Load:
    """Callers that ask again and again, and what came of it."""

    proxy: Proxy
    answered: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Load:
        self._callers = [threading.Thread(target=self._call) for _ in range(4)]
        for caller in self._callers:
            caller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for caller in self._callers:
            caller.join()

    def more(self, calls: int) -> None:
        """Returns when so many more were answered, or failed."""
        until = self.answered.total() + len(self.failed) + calls
        end = time.monotonic() + 60
        while self.answered.total() + len(self.failed) < until:
            assert time.monotonic() < end
            time.sleep(0.02)

    def _call(self) -> None:
        with self.proxy.client() as client:
            while not self._over.is_set():
                try:
                    self.answered[client.interpret(PANEL).release.version] += 1
                except LabglossError as error:
                    self.failed.append(repr(error))
                self._over.wait(0.01)


def calls(replica: Service) -> int:
    return replica.events.count("call")


def test_one_of_two_is_killed_and_another_drains_and_no_call_is_lost(image: str, tmp_path: Path) -> None:
    settings = {"LABGLOSS_DRAIN_SECONDS": "4"}
    with service(image, settings) as one, service(image, settings) as other, proxied(tmp_path, one, other) as proxy:
        with Load(proxy) as load:
            load.more(100)
            assert calls(one) > 10 < calls(other)
            one.signal("SIGKILL")
            load.more(100)
        assert load.failed == []
    with service(image, settings) as one, service(image, settings) as other, proxied(tmp_path, one, other) as proxy:
        with Load(proxy) as load:
            load.more(50)
            other.signal("SIGTERM")
            assert other.ended() == 0
            load.more(50)
        assert load.failed == []


def test_a_caller_without_a_certificate_of_the_site_is_refused(image: str, tmp_path: Path) -> None:
    with service(image) as one, service(image) as other, proxied(tmp_path, one, other) as proxy:
        credentials = [
            grpc.ssl_channel_credentials(proxy.authority.pem),
            Authority("another").pair(EHR).channel_credentials(proxy.authority.pem),
        ]
        for shown in credentials:
            with Client(proxy.target, credentials=shown, timeout_s=3) as client, pytest.raises(LabglossError):
                client.interpret(PANEL)
        with proxy.client() as client:
            client.interpret(PANEL)


def test_an_older_and_a_newer_release_answer_side_by_side(image: str, tmp_path: Path) -> None:
    """Each report names the release that it is of, by version and digest, and is of none in between."""
    older = tmp_path / "older"
    shutil.copytree(DATA, older)
    magnesium = older / "analytes" / "magnesium.toml"
    stated = (older / "release.toml").read_text()
    (older / "release.toml").write_text(stated.replace(f'version = "{load().reference.version}"', 'version = "0.1.0"'))
    magnesium.write_text(magnesium.read_text().replace("reference_change_percent = 6", "reference_change_percent = 7"))
    known = load(older).reference
    # As `labgloss knowledge lint` would, which takes its time.
    keep(place(older, None), proved(known, ""))
    digests = {known.version: known.digest, load().reference.version: load().reference.digest}
    assert len(set(digests.values())) == 2
    files = {"/etc/labgloss/knowledge": readable(older)}
    with (
        service(image, {"LABGLOSS_KNOWLEDGE": "/etc/labgloss/knowledge"}, files) as one,
        service(image) as other,
        proxied(tmp_path, one, other) as proxy,
        proxy.client() as client,
    ):
        seen = {(answer.version, answer.digest) for answer in (client.interpret(PANEL).release for _ in range(40))}
        assert seen == set(digests.items())
