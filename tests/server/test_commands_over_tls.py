"""The commands and the client against a server over mutual TLS; and what `labgloss serve` says before it listens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labgloss.cli import main
from labgloss_client import (
    AsyncClient,
    Client,
    DeadlineExceeded,
    PanelFailure,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
    panel,
    result,
    token_file,
)
from tests.server.authority import BATCH_FEED, EHR, Authority, Site, TokenIssuer, site
from tests.server.test_identity import Served, serve

PANELS = Path(__file__).parents[1] / "panels" / "combined.toml"
MAGNESIUM = panel(result("magnesium", "0.41", "mmol/L"), id="p1")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    yield from serve(site(tmp_path_factory.mktemp("site")))


def flags(served: Served, name: str = "ehr", *names: Any) -> list[str]:
    folder = served.site.folder
    certificate, key = served.site.authority.pair(*(names or (EHR,))).write(folder, name)
    return [
        "--target", f"127.0.0.1:{served.port}", "--tls-ca", str(folder / "callers.pem"),
        "--tls-certificate", str(certificate), "--tls-key", str(key),
    ]  # fmt: skip


def token_in(folder: Path, text: str) -> Path:
    file = folder / "token"
    file.write_text(text + "\n")
    return file


# ------------------------------------------------------------------------------------------------ commands


@pytest.mark.parametrize("command", [["interpret", str(PANELS)], ["check", str(PANELS)], ["probe"]])
def test_a_command_shows_its_certificate(
    command: list[str], served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 == main([*command, *flags(served)]), capsys.readouterr()


def test_a_caller_who_may_not_do_this_is_told_so(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    token = token_in(served.site.folder, served.site.issuer.token(sub="stranger"))
    assert 1 == main(["interpret", str(PANELS), *flags(served), "--token-file", str(token)])
    said = capsys.readouterr()
    assert "The caller is known, and is not among those that the operator has listed." in said.out + said.err


def test_a_token_goes_with_a_probe(served: Served) -> None:
    assert 0 == main(["probe", *flags(served), "--token-file", str(token_in(served.site.folder, "any"))])


def test_a_probe_tells_a_handshake_from_a_service_that_is_gone(
    served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    without_certificate = flags(served)[:4]
    refused = (
        "no answer (UNAVAILABLE): the service ended the connection in the TLS handshake, and its log says why (event "
        "refused)"
    )
    assert (1, f"labgloss: 127.0.0.1:{served.port}: {refused}\n") == (
        main(["probe", *without_certificate]),
        capsys.readouterr().err,
    )
    (tmp_path / "other.pem").write_bytes(Authority("other").pem)
    untrusted = [*flags(served)[:3], str(tmp_path / "other.pem"), *flags(served)[4:]]
    assert 1 == main(["probe", *untrusted])
    assert "the certificate of the service is not to be trusted: " in capsys.readouterr().err
    assert 1 == main(["probe", "--target", "127.0.0.1:1", *flags(served)[2:]])
    assert "labgloss: 127.0.0.1:1: no answer (UNAVAILABLE)\n" == capsys.readouterr().err


def test_what_the_flags_name_wrongly_is_said_at_once(
    served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = tmp_path / "nothing"
    code = main(
        ["interpret", str(PANELS), "--target", "127.0.0.1:1", "--plaintext", "--tls-ca", str(nothing),
         "--tls-certificate", str(served.site.folder / "server.pem"), "--token-file", str(token_in(tmp_path, "a b"))]
    )  # fmt: skip
    assert (2, [
        "labgloss: cannot start so:",
        f"  --tls-ca: {nothing} cannot be read: No such file or directory",
        "  --tls-certificate and --tls-key: are needed both, or neither",
        "  --plaintext: contradicts the flags of TLS; leave one of them out",
        f"  --token-file: {tmp_path}/token does not hold one token and nothing else",
    ]) == (code, capsys.readouterr().err.splitlines())  # fmt: skip


def test_a_certificate_and_key_that_do_not_fit_are_said(
    served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, key = tmp_path / "bad.pem", served.site.authority.pair(EHR).write(tmp_path, "another")[1]
    bad.write_text("canary7391")
    certificate = served.site.folder / "server.pem"
    assert 2 == main(
        ["probe", "--tls-ca", str(bad), "--tls-certificate", str(certificate), "--tls-key", str(key)]
    )  # fmt: skip
    assert [
        f"  --tls-ca: {bad} holds no certificate that can be read; PEM is needed",
        f"  --tls-certificate: {certificate} and the key {key} are not a certificate and its key in PEM, without a "
        "passphrase",
    ] == capsys.readouterr().err.splitlines()[1:]


@pytest.mark.parametrize("command", [["interpret", str(PANELS), "--plaintext"], ["probe"]])
def test_a_token_does_not_travel_in_the_clear(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = token_in(tmp_path, "canary7391")
    assert 2 == main([*command, "--target", "192.0.2.1:1", "--token-file", str(token)])
    said = capsys.readouterr().err
    assert "--token-file: 192.0.2.1:1 is not on this machine, and a token must not travel unencrypted" in said
    assert "canary7391" not in said


# ------------------------------------------------------------------------------------------------ the client


def test_both_clients_show_certificate_and_token(served: Served) -> None:
    credentials = served.site.authority.pair(BATCH_FEED).channel_credentials(served.site.authority.pem)
    token = token_file(token_in(served.site.folder, served.site.issuer.token()))
    with Client(served.target, credentials=credentials) as client:
        assert client.healthy(timeout_s=30)
        assert "p1" == client.interpret_batch([MAGNESIUM])[0].panel_id
        with pytest.raises(PermissionDenied) as raised:
            client.interpret(MAGNESIUM, timeout_s=30)
        assert "PERMISSION_DENIED" == raised.value.reason
        with pytest.raises(PermissionDenied):
            list(client.interpret_stream([MAGNESIUM], timeout_s=30))
    with Client(served.target, credentials=credentials, token=token) as client:
        assert client.healthy(timeout_s=30)
        assert "p1" == client.interpret(MAGNESIUM, timeout_s=30).panel_id

    async def asked() -> str:
        async with AsyncClient(served.target, credentials=credentials, token=token) as client:
            assert await client.healthy(timeout_s=30)
            with pytest.raises(PermissionDenied):
                [outcome async for outcome in client.interpret_stream([MAGNESIUM], timeout_s=30)]
            return (await client.interpret(MAGNESIUM, timeout_s=30)).panel_id

    assert "p1" == asyncio.run(asked())


def test_a_token_that_is_renewed_in_its_file_is_taken(served: Served) -> None:
    file = token_in(served.site.folder, TokenIssuer().token())
    credentials = served.site.authority.pair(EHR).channel_credentials(served.site.authority.pem)
    with Client(served.target, credentials=credentials, token=token_file(file), timeout_s=30) as client:
        with pytest.raises(Unauthenticated) as raised:
            client.interpret(MAGNESIUM)
        assert "UNAUTHENTICATED" == raised.value.reason
        token_in(served.site.folder, served.site.issuer.token())
        assert not isinstance(client.interpret(MAGNESIUM), PanelFailure)


def test_a_certificate_of_another_authority_reaches_nobody(served: Served) -> None:
    credentials = Authority().pair(EHR).channel_credentials(served.site.authority.pem)
    with Client(served.target, credentials=credentials, timeout_s=1) as client:
        assert not client.healthy()
        # It waits for a service that is down, and this looks like one.
        with pytest.raises((Unavailable, DeadlineExceeded)):
            client.interpret(MAGNESIUM)


# ------------------------------------------------------------------------------------------------ before it listens


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.delenv("GRPC_VERBOSITY", raising=False)
    for step in ("load_served", "serve"):
        monkeypatch.setattr(f"labgloss.cli.commands.serve.{step}", lambda *_: pytest.fail("it went on"))
    return site(tmp_path)


def refused(capsys: pytest.CaptureFixture[str], *flags: str) -> list[str]:
    """What is said, one line for each fault."""
    assert 2 == main(["serve", *flags])
    said = capsys.readouterr()
    assert said.out == ""
    assert "labgloss: cannot start so:" == said.err.splitlines()[0]
    return [line.strip() for line in said.err.splitlines()[1:]]


def site_flags(made: Site) -> list[str]:
    return [part for name, file in made.settings.items() for part in (f"--{name.replace('_', '-')}", str(file))]


def test_plaintext_beyond_this_machine_is_refused(capsys: pytest.CaptureFixture[str], made: Site) -> None:
    assert [
        "host: at 0.0.0.0 panels would travel unencrypted; give tls_certificate and tls_key, or plaintext where "
        "something else encrypts the way to the port"
    ] == refused(capsys, "--host", "0.0.0.0")


def test_every_faulty_file_is_named_before_anything_listens(capsys: pytest.CaptureFixture[str], made: Site) -> None:
    made.authority.server(starts=-9, ends=-1).write(made.folder, "server")
    made.authority.server().write(made.folder, "another")
    (made.folder / "another.key").rename(made.folder / "server.key")
    (made.folder / "callers.pem").unlink()
    (made.folder / "access.toml").write_text("[[caller]]\nuri = 1")
    expected = [
        f"tls_certificate: {made.folder}/server.pem: has expired, on ",
        f"tls_key: {made.folder}/server.key does not belong to the certificate; ",
        f"tls_client_ca: {made.folder}/callers.pem cannot be read: No such file or directory",
        f"{made.folder}/access.toml: caller[0].uri: needs a URI as the certificate holds it, ",
        f"{made.folder}/access.toml: caller[0].methods: needs one or more of ",
    ]
    said = refused(capsys, *site_flags(made))
    assert expected == [line[: len(start)] for line, start in zip(said, expected, strict=True)]


@pytest.mark.parametrize(
    ("flags", "fault"),
    [
        (["--tls-key", "k"], "tls_key: needs tls_certificate beside it"),
        (["--tls-certificate", "k"], "tls_certificate: needs tls_key beside it"),
        (["--tls-client-ca", "k", "--access", "a"],
         "tls_client_ca: needs tls_certificate and tls_key; a caller shows a certificate only to one that does"),
        (["--tls-certificate", "c", "--tls-key", "k", "--tls-client-ca", "a"],
         "tls_client_ca: needs access, the file that lists whose certificates may call what"),
        (["--tls-certificate", "c", "--tls-key", "k", "--plaintext"],
         "plaintext: contradicts tls_certificate; leave one of them out"),
        (["--access", "a", "--log-level", "error"],
         "log_level: error hides callers that were refused from the log; access needs warning, info or debug"),
        (["--health-port", "50051", "--port", "50051"], "health_port: is the same as port; choose another"),
        (["--health-port", "x"], "--health-port: needs a port from 0 (any free one) to 65535; left out, there is none"),
    ],
)  # fmt: skip
def test_settings_that_contradict_each_other_are_refused(
    flags: list[str], fault: str, capsys: pytest.CaptureFixture[str], made: Site
) -> None:
    assert [fault] == refused(capsys, *flags)


def test_a_core_that_hides_refused_handshakes_is_refused(
    capsys: pytest.CaptureFixture[str], made: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRPC_VERBOSITY", "ERROR")
    assert [
        "GRPC_VERBOSITY: hides callers that are refused in the TLS handshake from the audit; leave it out, or set "
        "it to INFO"
    ] == refused(capsys, *site_flags(made))
