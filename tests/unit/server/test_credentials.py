"""Files of certificates: every fault is said, by its file, before anything listens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from labgloss.access.callers import read_identity
from labgloss.access.certificates import read_tls
from labgloss.access.watched import Watched
from labgloss.errors import SettingsError
from labgloss.server.core_log import cause_of, check_core_speaks
from labgloss.server.settings import Settings
from tests.server.authority import CLIENT, Authority, Site, site


@pytest.fixture
def made(tmp_path: Path) -> Site:
    return site(tmp_path)


def faults_of(chosen: Settings) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        read_tls(chosen)
    return list(raised.value.faults)


def test_what_the_files_hold_is_read(made: Site) -> None:
    tls = read_tls(Settings(**made.settings))
    assert tls is not None
    assert (made.authority.pem, 3) == (tls.client_ca, len(tls.files))
    assert 4 < (tls.not_after - datetime.now(UTC)).days + 1 < 6
    assert "PRIVATE" not in repr(tls)
    assert read_tls(Settings()) is None


def encrypted(made: Site) -> None:
    key = load_pem_private_key((made.folder / "server.key").read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    (made.folder / "server.key").write_bytes(locked)


def writes(name: str, content: bytes) -> Callable[[Site], None]:
    return lambda made: (made.folder / name).write_bytes(content) and None


def pair(**parts: Any) -> Callable[[Site], None]:
    return lambda made: made.authority.server(**parts).write(made.folder, "server") and None


def with_issuer(made: Site) -> None:
    """The authority's certificate first, as is often got wrong."""
    file = made.folder / "server.pem"
    file.write_bytes(made.authority.pem + file.read_bytes())


@pytest.mark.parametrize(
    ("spoil", "faults"),
    [
        (lambda made: (made.folder / "server.pem").unlink(),
         ["tls_certificate: {folder}/server.pem cannot be read: No such file or directory"]),
        (lambda made: (made.folder / "server.key").unlink(),
         ["tls_key: {folder}/server.key cannot be read: No such file or directory"]),
        (writes("server.pem", b""), ["tls_certificate: {folder}/server.pem is empty; a PEM file is needed"]),
        (writes("server.pem", b"canary7391"),
         ["tls_certificate: {folder}/server.pem holds no certificate, or one that cannot be read; PEM is needed"]),
        (writes("server.key", b"canary7391"),
         ["tls_key: {folder}/server.key holds no private key that can be read; PEM is needed"]),
        (writes("server.key", Authority().server().key),
         ["tls_key: {folder}/server.key does not belong to the certificate; give the key that its request was made "
          "with"]),
        (encrypted,
         ["tls_key: {folder}/server.key is encrypted; give the key without a passphrase, readable by the service "
          "alone"]),
        (pair(starts=-9, ends=-1), ["tls_certificate: {folder}/server.pem: has expired, on "]),
        (pair(starts=1), ["tls_certificate: {folder}/server.pem: is valid from "]),
        (lambda made: made.authority.pair(usage=(CLIENT,)).write(made.folder, "server"),
         ["tls_certificate: {folder}/server.pem: is not for a server; its extended key usage needs serverAuth"]),
        (with_issuer,
         ["tls_certificate: {folder}/server.pem: certificate 2 of 2 is not the issuer of the one before it; the "
          "server's own comes first, then each issuer",
          "tls_key: {folder}/server.key does not belong to the certificate; give the key that its request was made "
          "with"]),
        (writes("callers.pem", Authority(days=-0.5).pem),
         ["tls_client_ca: {folder}/callers.pem: every certificate in it has expired"]),
        (lambda made: [writes(name, b"x" * 1_048_577)(made) for name in ("server.pem", "server.key", "callers.pem")],
         [f"{name}: {{folder}}/{file} is larger than 1048576 bytes, so that it is no PEM file of certificates"
          for name, file in (("tls_certificate", "server.pem"), ("tls_key", "server.key"),
                             ("tls_client_ca", "callers.pem"))]),
    ],
)  # fmt: skip
def test_each_fault_is_said_with_its_file(spoil: Callable[[Site], None], faults: list[str], made: Site) -> None:
    spoil(made)
    said = faults_of(Settings(**made.settings))
    assert len(faults) == len(said), said
    for fault, expected in zip(said, faults, strict=True):
        assert fault.startswith(expected.format(folder=made.folder))
    assert "canary7391" not in str(said)


def test_the_faults_of_all_files_are_said_at_once(made: Site) -> None:
    for name in ("server.key", "callers.pem", "access.toml"):
        (made.folder / name).unlink()
    with pytest.raises(SettingsError) as raised:
        read_identity(Settings(**made.settings, health_port=7, port=7))
    assert 4 == len(raised.value.faults)


def test_a_missing_package_is_named(made: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    imported = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == "cryptography":
            raise ImportError
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert ["certificates need the package cryptography: install labgloss[tls]"] == faults_of(Settings(**made.settings))


# ------------------------------------------------------------------------------------------------ files that change


class Value:
    def __init__(self, file: Path, text: str) -> None:
        self.files = (file,)
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Value) and self.text == other.text

    __hash__ = None  # type: ignore[assignment]


def test_a_value_is_made_anew_only_when_its_file_changed(tmp_path: Path) -> None:
    file, made, told = tmp_path / "f", [], []

    def make() -> Value:
        made.append(1)
        if "bad" in (text := file.read_text()):
            raise SettingsError((text,))
        return Value(file, text)

    file.write_text("a")
    watched = Watched(make(), make, lambda value: told.append(value.text), told.extend)
    assert ["a"] * 9 == [watched.current().text for _ in range(9)]
    # Once more than needed: between being read and being watched it may have changed.
    assert 2 == len(made)
    file.write_text("bc")
    assert ["bc"] * 9 == [watched.current().text for _ in range(9)]
    assert (3, ["bc"]) == (len(made), told)
    file.write_text("bad")
    assert ["bc"] * 9 == [watched.current().text for _ in range(9)]
    file.write_text("good")
    assert "good" == watched.current().text
    assert ["bc", "bad", "good"] == told


# ------------------------------------------------------------------------------------------------ the core's log


@pytest.mark.parametrize("verbosity", ["NONE", "error", "Warning"])
def test_a_core_that_must_not_speak_hides_refused_handshakes(verbosity: str) -> None:
    with pytest.raises(SettingsError, match=r"^GRPC_VERBOSITY: hides callers that are refused in the TLS handshake"):
        check_core_speaks({"GRPC_VERBOSITY": verbosity})
    check_core_speaks({"GRPC_VERBOSITY": "debug"})
    check_core_speaks({})


def test_an_unknown_word_of_the_core_is_a_failed_handshake() -> None:
    assert "HANDSHAKE_FAILED" == cause_of(b"SSL_ERROR_SSL: error:1000: SSL routines:OPENSSL_internal:SOMETHING_NEW")
