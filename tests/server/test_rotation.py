"""Files of certificates and callers change while it serves: the new are taken, faulty ones refused and said."""

from __future__ import annotations

import io
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from labgloss.knowledge.loader import load
from labgloss.knowledge.release import Release
from labgloss.log import make_log
from labgloss.server.app import RunningServer, start
from labgloss.server.settings import Settings
from tests.server.authority import ACCESS, EHR, Authority, Site, TokenIssuer, site
from tests.server.rotation import rotate
from tests.server.test_serve import process
from tests.server.wire import INTERPRET, reason_of, unary


@pytest.fixture(scope="module")
def release() -> Release:
    return load()


class Running:
    """A server in this process, and what it logs."""

    def __init__(self, made: Site, server: RunningServer, stream: io.BytesIO) -> None:
        self.site = made
        self._server = server
        self._stream = stream

    def call(self, authority: Authority | None = None, token: str = "") -> str:
        """How a call over a connection of its own ends, for a certificate of this authority (default: the site's)."""
        pair = (authority or self.site.authority).pair(EHR)
        credentials = pair.channel_credentials(self.site.authority.pem)
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
        metadata = [("authorization", f"Bearer {token}")] if token else []
        with grpc.secure_channel(f"ipv4:127.0.0.1:{self._server.port}", credentials, options) as channel:
            try:
                channel.unary_unary(INTERPRET)(unary(), timeout=30, metadata=metadata)
            except grpc.RpcError as error:
                return reason_of(error) if error.code() != grpc.StatusCode.UNAVAILABLE else "UNAVAILABLE"
        return "OK"

    def becomes(self, expected: str, **asked: Any) -> None:
        """Waits until calls end so."""
        end = time.monotonic() + 30
        while (got := self.call(**asked)) != expected:
            assert time.monotonic() < end, (got, self.log("access_kept"), self.log("certificate_kept"))
            time.sleep(0.05)

    def log(self, event: str) -> list[dict[str, Any]]:
        entries = [json.loads(line) for line in self._stream.getvalue().splitlines()]
        return [entry for entry in entries if entry["event"] == event]


@contextmanager
def running(folder: Path, release: Release) -> Iterator[Running]:
    made, stream = site(folder), io.BytesIO()
    with start(Settings(port=0, **made.settings), release, make_log(stream, "info")) as server:
        yield Running(made, server, stream)


def test_the_certificate_changes_under_load_and_no_call_fails(tmp_path: Path) -> None:
    figures = rotate(tmp_path, 10)
    assert figures.failed == 0, figures
    assert figures.ended["OK"] >= 10
    # Each is written in two steps, and one of them may be seen between: it is refused, and taken when it is whole.
    assert 10 == figures.seen
    assert figures.loaded >= 10


def test_a_control_that_breaks_the_certificate_is_seen(tmp_path: Path) -> None:
    """What the server keeps is the certificate before; a caller who trusts the new authority alone is lost."""

    def to_another_authority(made: Site) -> None:
        Authority("another").server().write(made.folder, "server")

    assert rotate(tmp_path, 2, between_s=0.3, rotated=to_another_authority).failed > 0


def test_a_faulty_pair_is_refused_with_its_reason_and_the_old_one_stays(tmp_path: Path, release: Release) -> None:
    with running(tmp_path, release) as server:
        (tmp_path / "server.key").write_bytes(server.site.authority.server().key)
        assert "OK" == server.call()
        assert "OK" == server.call()
        # Once, however many connections come.
        assert [
            [f"tls_key: {tmp_path}/server.key does not belong to the certificate; "
             "give the key that its request was made with"]
        ] == [entry["faults"] for entry in server.log("certificate_kept")]  # fmt: skip
        server.site.authority.server().write(tmp_path, "server")
        assert "OK" == server.call()
        assert 1 == len(server.log("certificate_loaded"))
        (tmp_path / "server.pem").unlink()
        assert "OK" == server.call()
        assert "No such file or directory" in server.log("certificate_kept")[-1]["faults"][0]


def test_another_authority_of_callers_is_taken_at_the_next_handshake(tmp_path: Path, release: Release) -> None:
    other = Authority("other")
    with running(tmp_path, release) as server:
        assert ("OK", "UNAVAILABLE") == (server.call(), server.call(other))
        (tmp_path / "callers.pem").write_bytes(other.pem)
        assert ("UNAVAILABLE", "OK") == (server.call(), server.call(other))


def test_rights_are_taken_from_the_access_file_as_it_is(tmp_path: Path, release: Release) -> None:
    access = tmp_path / "access.toml"
    with running(tmp_path, release) as server:
        assert "OK" == server.call()
        access.write_text(ACCESS.replace("hospital.example/ehr", "hospital.example/another"))
        server.becomes("PERMISSION_DENIED")
        assert 1 == len(server.log("access_loaded"))
        access.write_text(ACCESS.replace("[[caller]]", "[[callers]]"))
        time.sleep(1.1)
        assert "PERMISSION_DENIED" == server.call()
        (fault,) = server.log("access_kept")[0]["faults"]
        assert f"{access}: callers: is no key of an access file; deploy/access.example.toml shows them all" == fault
        access.write_text(ACCESS)
        server.becomes("OK")


def test_a_key_that_is_gone_from_its_file_makes_its_tokens_worthless(tmp_path: Path, release: Release) -> None:
    """Also one that was verified, and is known by its digest."""
    with running(tmp_path, release) as server:
        token = server.site.issuer.token()
        assert "OK" == server.call(token=token)
        following = TokenIssuer("k2")
        (tmp_path / "keys.jwks").write_text(following.jwks)
        server.becomes("UNAUTHENTICATED", token=token)
        assert "OK" == server.call(token=following.token())


TWO_WORKERS = """
import os, sys
from labgloss.knowledge.loader import load
from labgloss.server.settings import read_settings
from labgloss.server.supervisor import supervise
sys.exit(supervise(read_settings(os.environ, {"workers": "2"}), load()))
"""


def test_each_worker_has_credentials_and_an_audit_of_its_own(tmp_path: Path) -> None:
    """They are made after the fork: one that is made before stops the core at the first handshake."""
    made = site(tmp_path)
    settings = {name: str(value) for name, value in made.settings.items()}
    with process(TWO_WORKERS, **settings, drain_seconds="0", connection_age_seconds="1") as started:
        assert started.stdout is not None
        served: list[dict[str, Any]] = []
        while len(served) < 2:
            line = json.loads(started.stdout.readline())
            served += [line] if line["event"] == "serving" else []
        target = f"ipv4:127.0.0.1:{served[0]['port']}"
        trusting = grpc.ssl_channel_credentials(made.authority.pem)
        ehr = made.authority.pair(EHR).channel_credentials(made.authority.pem)
        ends = []
        for credentials in (ehr, trusting) * 6:
            options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
            with grpc.secure_channel(target, credentials, options) as channel:
                try:
                    channel.unary_unary(INTERPRET)(unary(), timeout=30)
                    ends.append("OK")
                except grpc.RpcError as error:
                    ends.append(error.code().name)
        assert ["OK", "UNAVAILABLE"] * 6 == ends
        started.send_signal(signal.SIGTERM)
        out, _ = started.communicate(timeout=60)
    refused = [line for line in map(json.loads, out.splitlines()) if line["event"] == "refused"]
    assert ["NO_CERTIFICATE"] * 6 == [line["cause"] for line in refused]


def test_a_worker_that_dies_while_files_are_faulty_is_back_with_the_last_that_were_not(tmp_path: Path) -> None:
    made = site(tmp_path)
    settings = {name: str(value) for name, value in made.settings.items()}
    with process(TWO_WORKERS, **settings, drain_seconds="0", connection_age_seconds="1") as started:
        lines: list[dict[str, Any]] = []
        served: list[dict[str, Any]] = []

        def read_until(serving: int) -> None:
            assert started.stdout is not None
            while len(served) < serving:
                lines.append(json.loads(started.stdout.readline()))
                served.extend(lines[-1:] if lines[-1]["event"] == "serving" else [])

        def codes() -> set[str]:
            found = set()
            for _ in range(12):
                options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
                with grpc.secure_channel(f"ipv4:127.0.0.1:{served[0]['port']}", credentials, options) as channel:
                    try:
                        channel.unary_unary(INTERPRET)(unary(), timeout=30)
                        found.add("OK")
                    except grpc.RpcError as error:
                        found.add(error.code().name)
            return found

        read_until(2)
        credentials = made.authority.pair(EHR).channel_credentials(made.authority.pem)
        access = tmp_path / "access.toml"
        access.write_text(ACCESS.replace("hospital.example/ehr", "hospital.example/another"))
        # A worker looks at it when it is called, the supervisor each second.
        time.sleep(2.5)
        while codes() != {"PERMISSION_DENIED"}:
            pass
        access.write_text("[[caller")
        (tmp_path / "server.key").write_bytes(made.authority.server().key)
        os.kill(served[0]["pid"], signal.SIGKILL)
        read_until(3)
        # The caller who was taken out before does not come back with it.
        assert {"PERMISSION_DENIED"} == codes()
        started.send_signal(signal.SIGTERM)
        out, _ = started.communicate(timeout=60)
        assert 0 == started.returncode
    lines += map(json.loads, out.splitlines())
    assert ["SIGKILL"] == [line["signal"] for line in lines if line["event"] == "worker_ended"]
