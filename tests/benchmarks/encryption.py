"""P11: what is left of the rate over mutual TLS, with callers that a file lists, of what it is over plaintext."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.figures import Row
from tests.benchmarks.groups import GROUPS, IN_FLIGHT
from tests.benchmarks.sent import Panels
from tests.benchmarks.server_process import SERVICE_COMMAND, ServerProcess
from tests.benchmarks.size import Size
from tests.benchmarks.turns import cpu_microseconds, evidence_flags, in_turn
from tests.server.authority import EHR, site

ROWS = GROUPS["P11"].rows


def measure(size: Size, folder: Path) -> Iterator[Row]:
    """P11; handshakes are not counted, connections are long."""
    panels = Panels(size.panels)
    for name in ("plaintext", "tls"):
        (folder / name).mkdir()
    flags, tls = _mutual(folder)
    with (
        ServerProcess((*SERVICE_COMMAND, *evidence_flags(folder / "plaintext"))) as plain,
        ServerProcess((*SERVICE_COMMAND, *flags, *evidence_flags(folder / "tls")), tls=tls) as encrypted,
    ):
        costs = in_turn(
            size.pairs,
            lambda: cpu_microseconds(encrypted, panels.fresh(size.calls), IN_FLIGHT),
            lambda: cpu_microseconds(plain, panels.fresh(size.calls), IN_FLIGHT),
        )
        yield ROWS[0].measured(*costs, faster=True)


def _mutual(folder: Path) -> tuple[tuple[str, ...], ssl.SSLContext]:
    """What makes the service ask for certificates, and what shows one that it lets in."""
    made = site(folder)
    certificate, key = made.authority.pair(EHR).write(folder, "ehr")
    tls = ssl.create_default_context(cafile=folder / "callers.pem")
    tls.load_cert_chain(certificate, key)
    tls.set_alpn_protocols(["h2"])
    files = {"tls-certificate": "server.pem", "tls-key": "server.key", "tls-client-ca": "callers.pem"}
    files["access"] = "access.toml"
    return tuple(part for name, file in files.items() for part in (f"--{name}", str(folder / file))), tls
