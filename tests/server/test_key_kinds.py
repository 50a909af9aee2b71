"""Every kind of key that a server's certificate may have is taken by the TLS of gRPC's clients and by OpenSSL's."""

from __future__ import annotations

import io
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

from labgloss.access.certificates import TlsFiles, read_tls
from labgloss.errors import SettingsError
from labgloss.log import make_log
from labgloss.process import server_context
from labgloss.settings import Listening
from tests.server.authority import Authority, Pair

Key = CertificateIssuerPrivateKeyTypes

TAKEN: dict[str, Callable[[], Key]] = {
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "RSA 2048": lambda: rsa.generate_private_key(65_537, 2_048),
}
REFUSED: dict[str, Callable[[], Key]] = {
    "a key on the curve secp521r1": lambda: ec.generate_private_key(ec.SECP521R1()),
    "an Ed25519 key": ed25519.Ed25519PrivateKey.generate,
    "an RSA key of 1024 bits": lambda: rsa.generate_private_key(65_537, 1_024),
    "a key on the curve secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
}
ISSUERS = {
    **TAKEN,
    **{name: REFUSED[name] for name in ("a key on the curve secp521r1", "an Ed25519 key")},
}
NEEDED = "it needs a key on the curve P-256 or P-384, or an RSA key (rsaEncryption) of 2048 to 8192 bits"


def settings_of(folder: Path, pair: Pair) -> Listening:
    certificate, key = pair.write(folder, "server")
    return Listening(tls_certificate=certificate, tls_key=key)


def faults_of(folder: Path, pair: Pair) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        read_tls(settings_of(folder, pair))
    return [fault.removeprefix(f"tls_certificate: {folder}/server.pem: ") for fault in raised.value.faults]


def usage(**bits: bool) -> x509.KeyUsage:
    names = "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign"
    given = {name: bits.get(name, False) for name in f"{names} crl_sign encipher_only decipher_only".split()}
    return x509.KeyUsage(**given)


def grpc_says(pair: Pair, authority: Authority) -> str:
    """How a call of gRPC's client ends where its server shows this: UNIMPLEMENTED behind a handshake."""
    with ThreadPoolExecutor(1) as pool:
        server = grpc.server(pool)
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(pair.key, pair.certificate)]))
        server.start()
        try:
            trusting = grpc.ssl_channel_credentials(authority.pem)
            with grpc.secure_channel(f"127.0.0.1:{port}", trusting) as channel:
                channel.unary_unary("/a.Service/Method")(b"", timeout=20)
        except grpc.RpcError as error:
            return error.code().name
        finally:
            server.stop(0).wait()
    return "OK"


def shakes_hands(served: ssl.SSLContext, authority: Authority) -> ssl.SSLObject:
    """The caller's end of a handshake with OpenSSL, in memory. Raises ssl.SSLError."""
    to_server, to_caller = ssl.MemoryBIO(), ssl.MemoryBIO()
    trusting = ssl.create_default_context(cadata=authority.pem.decode())
    caller = trusting.wrap_bio(to_caller, to_server, server_hostname="localhost")
    server = served.wrap_bio(to_server, to_caller, server_side=True)
    ends = [caller, server]
    for _ in range(8):
        for end in tuple(ends):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            ends.remove(end)
    assert not ends
    return caller


def tls_of(settings: Listening) -> TlsFiles:
    tls = read_tls(settings)
    assert tls is not None
    return tls


@pytest.mark.parametrize("kind", TAKEN)
def test_what_is_taken_is_taken_by_callers(kind: str, tmp_path: Path) -> None:
    authority = Authority()
    pair = authority.server(key=TAKEN[kind](), key_usage=usage(digital_signature=True))
    settings = settings_of(tmp_path, pair)
    tls = tls_of(settings)
    assert "UNIMPLEMENTED" == grpc_says(Pair(tls.chain, tls.key), authority)
    shakes_hands(server_context(settings, tls, make_log(io.BytesIO(), "info")), authority)


@pytest.mark.parametrize("kind", ISSUERS)
def test_an_issuer_may_have_other_keys(kind: str, tmp_path: Path) -> None:
    authority = Authority()
    between = authority.pair(subject="between", usage=(), key=ISSUERS[kind](), authority=True)
    settings = settings_of(tmp_path, authority.server(issuer=between))
    tls = tls_of(settings)
    assert "UNIMPLEMENTED" == grpc_says(Pair(tls.chain, tls.key), authority)
    shakes_hands(server_context(settings, tls, make_log(io.BytesIO(), "info")), authority)


@pytest.mark.parametrize("kind", REFUSED)
def test_a_key_that_callers_refuse_is_refused_with_what_is_allowed(kind: str, tmp_path: Path) -> None:
    pair = Authority().server(key=REFUSED[kind]())
    assert [f"has {kind}, which not every caller's TLS takes; {NEEDED}"] == faults_of(tmp_path, pair)


@pytest.mark.parametrize("kind", ["a key on the curve secp521r1", "an Ed25519 key"])
def test_grpc_still_refuses_what_is_refused_for_its_sake(kind: str) -> None:
    """Fails with a gRPC that takes them: then they may be allowed."""
    authority = Authority()
    assert "UNAVAILABLE" == grpc_says(authority.server(key=REFUSED[kind]()), authority)


def test_a_certificate_that_may_not_sign_handshakes_is_refused(tmp_path: Path) -> None:
    pair = Authority().server(key_usage=usage(key_encipherment=True))
    assert ["may not sign handshakes; its key usage needs digitalSignature"] == faults_of(tmp_path, pair)


def test_an_issuer_of_the_right_name_and_another_key_is_refused(tmp_path: Path) -> None:
    authority = Authority()
    between, other = (authority.pair(subject="between", usage=(), authority=True) for _ in range(2))
    issued = authority.server(issuer=between)
    own = issued.certificate.removesuffix(between.certificate)
    assert [
        "certificate 2 of 2 is not the issuer of the one before it; the server's own comes first, then each issuer"
    ] == faults_of(tmp_path, Pair(own + other.certificate, issued.key))


def test_an_issuer_that_is_no_authority_is_refused(tmp_path: Path) -> None:
    authority = Authority()
    between = authority.pair(subject="between", usage=())
    assert [
        "certificate 2 of 2 is no authority's (basic constraints, key usage), so that callers take none of its issuing"
    ] == faults_of(tmp_path, authority.server(issuer=between))


def test_what_stands_around_pem_is_never_served(tmp_path: Path) -> None:
    """A byte order mark: cryptography passes it over, and gRPC the certificate behind it."""
    authority = Authority()
    pair = authority.server()
    settings = settings_of(tmp_path, Pair("\ufeff".encode() + pair.certificate, "\ufeff".encode() + pair.key))
    tls = tls_of(settings)
    assert (pair.certificate, pair.key) == (tls.chain, tls.key)


def test_what_openssl_does_not_take_is_refused_and_the_old_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what our own checks let through, such as a key that the system's configuration forbids."""
    authority, stream = Authority(), io.BytesIO()
    settings = settings_of(tmp_path, authority.server())
    context = server_context(settings, tls_of(settings), make_log(stream, "info"))
    before = shakes_hands(context, authority).getpeercert(binary_form=True)
    loads = ssl.SSLContext.load_cert_chain

    def refusing(*_: object) -> None:
        raise ssl.SSLError(1, "[SSL: EE_KEY_TOO_SMALL] ee key too small")

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", refusing)
    settings_of(tmp_path, authority.server())
    assert before == shakes_hands(context, authority).getpeercert(binary_form=True)
    assert b"certificate_kept" in stream.getvalue()
    assert b"certificate_loaded" not in stream.getvalue()
    with pytest.raises(SettingsError, match=r"^tls_certificate: .*server.pem, .*server.key: OpenSSL says"):
        server_context(settings, tls_of(settings), make_log(stream, "info"))
    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", loads)
    assert before != shakes_hands(context, authority).getpeercert(binary_form=True)
    assert b"certificate_loaded" in stream.getvalue()
