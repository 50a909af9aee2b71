"""Every client over mutual TLS, with and without what the service wants to see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.languages import Language
from tests.clients.test_behaviour import Exchanges
from tests.clients.test_replay import EXCHANGES
from tests.server.authority import ACCESS, BATCH_FEED, EHR, Authority, Pair, site
from tests.server.test_identity import Served, serve


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The real service over mutual TLS, with a list of callers."""
    allowed = ACCESS.replace('"KnowledgeService"]', '"KnowledgeService", "FhirService"]')
    yield from serve(site(tmp_path_factory.mktemp("site"), allowed))


@pytest.fixture
def exchanges(tmp_path: Path) -> Exchanges:
    folder = tmp_path / "exchanges"
    folder.mkdir()
    return Exchanges(folder)


def shown(served: Served, pair: Pair | None, folder: Path) -> list[str]:
    """The flags that trust the service and show a certificate."""
    (folder / "ca.pem").write_bytes(served.site.authority.pem)
    trusting = ["--ca", str(folder / "ca.pem")]
    if pair is None:
        return trusting
    certificate, key = pair.write(folder, "caller")
    return [*trusting, "--certificate", str(certificate), "--key", str(key)]


def test_a_listed_caller_is_answered(client: Language, served: Served, tmp_path: Path) -> None:
    flags = shown(served, served.site.authority.pair(EHR), tmp_path)
    ran = client.replayed(f"localhost:{served.port}", EXCHANGES, *flags)
    assert ran.returncode == 0, ran


def test_a_call_is_refused_to_a_caller_that_may_not_make_it(
    client: Language, served: Served, exchanges: Exchanges, tmp_path: Path
) -> None:
    exchanges.error(code=7, reason="PERMISSION_DENIED")
    flags = shown(served, served.site.authority.pair(BATCH_FEED), tmp_path)
    ran = client.replayed(f"localhost:{served.port}", exchanges.folder, *flags)
    assert ran.returncode == 0, ran


def test_a_token_goes_with_each_call(client: Language, served: Served, exchanges: Exchanges, tmp_path: Path) -> None:
    token = tmp_path / "token"
    flags = [*shown(served, served.site.authority.pair(BATCH_FEED), tmp_path), "--token-file", str(token)]
    token.write_text("not.a.token\n")
    exchanges.error("one", code=16, reason="UNAUTHENTICATED")
    ran = client.replayed(f"localhost:{served.port}", exchanges.folder, *flags)
    assert ran.returncode == 0, ran
    # Of a subject that may call what the certificate may not; the report is not the one recorded.
    token.write_text(served.site.issuer.token() + "\n")
    exchanges.report("one")
    ran = client.replayed(f"localhost:{served.port}", exchanges.folder, *flags)
    assert "one: differs\n  response: other bytes" in ran.stdout, ran


def test_a_token_never_travels_in_the_clear(client: Language, exchanges: Exchanges, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret")
    exchanges.report()
    ran = client.replayed("192.0.2.1:50051", exchanges.folder, "--token-file", str(tmp_path / "token"))
    assert ran.returncode != 0
    assert "secret" not in ran.stdout + ran.stderr


@pytest.mark.parametrize("fault", ["no certificate", "another authority's certificate", "the service is not trusted"])
def test_a_handshake_that_fails_is_a_service_that_is_not_reached(
    client: Language, served: Served, exchanges: Exchanges, tmp_path: Path, fault: str
) -> None:
    if fault == "no certificate":
        flags = shown(served, None, tmp_path)
    elif fault == "another authority's certificate":
        flags = shown(served, Authority("other").pair(EHR), tmp_path)
    else:
        flags = shown(served, served.site.authority.pair(EHR), tmp_path)
        (tmp_path / "ca.pem").write_bytes(Authority("other").pem)
    exchanges.error(reason="", details=[])
    ran = client.replayed(f"localhost:{served.port}", exchanges.folder, *flags, "--timeout-ms", "1500")
    assert ran.stdout.splitlines() == ["not healthy", "one: as recorded"], ran
