"""R14: certificates change while connections come and go, and nobody is turned away; bad credentials: tests/server."""

from __future__ import annotations

import time
from pathlib import Path

import grpc
import pytest

from tests.reliability.bystander import CHEAP
from tests.reliability.messages import PATHS
from tests.reliability.processes import ServiceProcess
from tests.reliability.table import Table
from tests.server.authority import EHR, Authority, Site, site

CALL_SECONDS = 30.0
CONNECTIONS = 2


def lost(service: ServiceProcess, site: Site, signer: Authority, rotations: int) -> tuple[int, int, int]:
    """Calls, those lost, and the certificates seen, with new connections after each of so many rotations."""
    caller = site.authority.pair(EHR).channel_credentials(site.authority.pem)
    calls = failed = 0
    local = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
    # One that lives through it all.
    with grpc.secure_channel(f"localhost:{service.port}", caller, local) as lasting:
        for _ in range(rotations):
            signer.server().write(site.folder, "server")
            for _ in range(CONNECTIONS):
                with grpc.secure_channel(f"localhost:{service.port}", caller, local) as fresh:
                    for channel in (fresh, lasting):
                        calls += 1
                        try:
                            channel.unary_unary(PATHS["InterpretPanel"])(CHEAP, timeout=CALL_SECONDS)
                        except grpc.RpcError:
                            failed += 1
    return calls, failed, rotations


@pytest.mark.timeout(3600)
def test_certificates_rotate_under_load(table: Table, tmp_path: Path) -> None:
    made = site(tmp_path)
    flags = [
        *("--tls-certificate", str(made.settings["tls_certificate"]), "--tls-key", str(made.settings["tls_key"])),
        *("--tls-client-ca", str(made.settings["tls_client_ca"]), "--access", str(made.settings["access"])),
    ]
    rotations = table.size(100, 2_000)
    with ServiceProcess(tmp_path / "service", *flags) as service:
        before = service.pids
        begun = time.monotonic()
        calls, failed, _ = lost(service, made, made.authority, rotations)
        seconds = time.monotonic() - begun
        same = before == service.pids
        # The control: certificates that the clients' authority did not sign.
        _, control, _ = lost(service, made, Authority("another"), 3)
    table.settle(
        "R14",
        "the server's certificate rotates while new connections come",
        size=f"{rotations} rotations, {calls} calls, half on new connections",
        figure=f"{failed} failed; {'same' if same else 'another'} process",
        target="0 failed",
        held=failed == 0 and same,
        control=f"certificates of another authority: {control} of 12 failed",
        found=control > 0,
    )
    table.report("R14", "the same", size="", figure=f"a rotation each {seconds / rotations:.2f} s", target="")
