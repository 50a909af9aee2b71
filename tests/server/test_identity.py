"""Who is let in over a real connection: every bad kind of credentials is refused, told apart, and in the audit once."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import RFC822Name
from google.rpc import error_details_pb2

from labgloss.errors import NOT_AUTHENTICATED, NOT_PERMITTED
from tests.server.authority import (
    AUDIENCE,
    BATCH_FEED,
    CLIENT,
    DNS,
    EHR,
    ISSUER,
    SERVER,
    URI,
    Authority,
    Pair,
    Site,
    TokenIssuer,
    forged,
    site,
)
from tests.server.test_serve import process
from tests.server.wire import BATCH, HEALTH, INTERPRET, STREAM, WATCH, batch, detail, reason_of, unary

GET_RELEASE = "/labgloss.v1.KnowledgeService/GetRelease"
UNAUTHENTICATED, PERMISSION_DENIED = grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
Metadata = Sequence[tuple[str, str]]


@dataclass
class Served:
    """A server process over mutual TLS, and all that it wrote so far."""

    site: Site
    started: subprocess.Popen[bytes]
    port: int
    health_port: int
    lines: list[bytes]
    complaints: list[bytes]

    @property
    def target(self) -> str:
        return f"ipv4:127.0.0.1:{self.port}"

    def refused(self) -> list[dict[str, Any]]:
        """The audit lines so far."""
        return [entry for entry in map(json.loads, self.lines) if entry["event"] == "refused"]

    def next_refused(self, before: int) -> dict[str, Any]:
        """The one audit line that came after so many."""
        end = time.monotonic() + 30
        while len(self.refused()) <= before:
            assert time.monotonic() < end, (self.lines, self.complaints)
            time.sleep(0.01)
        time.sleep(0.05)
        (line,) = self.refused()[before:]
        return {key: line[key] for key in ("level", "method", "status", "reason", "cause", "caller")}

    def call(
        self, pair: Pair | None, method: str = INTERPRET, metadata: Metadata = (), body: bytes | None = None
    ) -> Any:
        """The answer, or the error of the call, over a connection of its own."""
        authority = self.site.authority.pem
        credentials = grpc.ssl_channel_credentials(authority) if pair is None else pair.channel_credentials(authority)
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
        with grpc.secure_channel(self.target, credentials, options) as channel:
            try:
                return channel.unary_unary(method)(unary() if body is None else body, timeout=30, metadata=metadata)
            except grpc.RpcError as error:
                return error


def serve(site: Site) -> Iterator[Served]:
    settings = {name: str(value) for name, value in site.settings.items()}
    with process(**settings, health_port="0", drain_seconds="0") as started:
        assert started.stdout is not None
        assert started.stderr is not None
        first = json.loads(started.stdout.readline())
        served = Served(site, started, first["port"], first["health_port"], [], [])
        assert first["transport"] == "mtls"
        readers = [
            threading.Thread(target=kept.extend, args=(stream,), daemon=True)
            for kept, stream in ((served.lines, started.stdout), (served.complaints, started.stderr))
        ]
        for reader in readers:
            reader.start()
        yield served
        started.send_signal(signal.SIGTERM)
        assert started.wait(60) == 0
        for reader in readers:
            reader.join(5)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    yield from serve(site(tmp_path_factory.mktemp("site")))


# ------------------------------------------------------------------------------------------------ who is let in


def test_a_listed_certificate_may_call_what_is_listed_for_it(served: Served) -> None:
    ehr = served.site.authority.pair(EHR)
    for method, body in ((INTERPRET, unary()), (BATCH, batch("a")), (GET_RELEASE, b"")):
        assert isinstance(served.call(ehr, method, body=body), bytes)
    end = time.monotonic() + 30
    # Lines of calls are gathered for a moment.
    while len(calls := [entry for entry in map(json.loads, served.lines) if entry["event"] == "call"]) < 3:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert {"spiffe://hospital.example/ehr"} == {entry["caller"] for entry in calls}


def test_a_name_of_a_host_is_compared_without_case_and_among_others(served: Served) -> None:
    pair = served.site.authority.pair(DNS("other.example"), DNS("Batch.Hospital.example"))
    assert isinstance(served.call(pair, BATCH, body=batch("a")), bytes)


def test_a_call_with_a_token_is_its_subjects_and_not_the_certificates(served: Served) -> None:
    token = served.site.issuer.token()
    batch_feed = served.site.authority.pair(BATCH_FEED)
    for scheme in ("Bearer", "bearer"):
        assert isinstance(served.call(batch_feed, metadata=[("authorization", f"{scheme} {token}")]), bytes)
    before = len(served.refused())
    served.call(batch_feed, BATCH, bearer(token), batch("a"))
    assert ("METHOD_NOT_ALLOWED", "sub:portal") == (
        (line := served.next_refused(before))["cause"],
        line["caller"],
    )


def test_health_is_open_to_every_certificate_and_in_the_clear_on_its_own_port(served: Served) -> None:
    stranger = served.site.authority.pair(URI("spiffe://hospital.example/stranger"))
    assert served.call(stranger, HEALTH, body=b"") == b"\x08\x01"
    with grpc.insecure_channel(f"127.0.0.1:{served.health_port}") as channel:
        assert channel.unary_unary(HEALTH)(b"", timeout=30) == b"\x08\x01"
        assert next(iter(channel.unary_stream(WATCH)(b"", timeout=30))) == b"\x08\x01"
        for method in (INTERPRET, GET_RELEASE):
            with pytest.raises(grpc.RpcError) as raised:
                channel.unary_unary(method)(unary(), timeout=30)
            assert grpc.StatusCode.UNIMPLEMENTED == raised.value.code()


# ------------------------------------------------------------------------------------------------ certificates

HANDSHAKES: dict[str, tuple[Callable[[Authority], Pair | None], str]] = {
    "none": (lambda _: None, "NO_CERTIFICATE"),
    "expired": (lambda ours: ours.pair(EHR, starts=-9, ends=-1), "CERTIFICATE_EXPIRED"),
    "not yet valid": (lambda ours: ours.pair(EHR, starts=1), "CERTIFICATE_NOT_YET_VALID"),
    "of another authority": (lambda _: Authority("other").pair(EHR), "CERTIFICATE_UNTRUSTED"),
    "of another authority of the same name": (lambda _: Authority().pair(EHR), "CERTIFICATE_UNTRUSTED"),
    "self-signed": (lambda ours: ours.pair(EHR, self_signed=True), "CERTIFICATE_UNTRUSTED"),
    "for servers only": (lambda ours: ours.pair(EHR, usage=(SERVER,)), "CERTIFICATE_PURPOSE"),
    "signed by another caller": (
        lambda ours: ours.pair(EHR, issuer=ours.pair(EHR, subject="caller")),
        "CERTIFICATE_INVALID",
    ),
}


@pytest.mark.parametrize("kind", HANDSHAKES)
def test_a_certificate_that_the_handshake_refuses_reaches_no_method(kind: str, served: Served) -> None:
    make, cause = HANDSHAKES[kind]
    before = len(served.refused())
    error = served.call(make(served.site.authority))
    assert UNAVAILABLE == error.code()
    assert {
        "level": "warning",
        "method": "handshake",
        "status": "UNAUTHENTICATED",
        "reason": "UNAUTHENTICATED",
        "cause": cause,
        "caller": "unknown",
    } == served.next_refused(before)


def legacy(served: Served, most: ssl.TLSVersion, ciphers: str) -> None:
    pair = served.site.authority.pair(EHR)
    certificate, key = pair.write(served.site.folder, "legacy")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers(ciphers)
    context.load_cert_chain(certificate, key)
    with warnings.catch_warnings(action="ignore"):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = most
    with socket.create_connection(("127.0.0.1", served.port), 5) as peer, pytest.raises((ssl.SSLError, OSError)):
        context.wrap_socket(peer)


def plaintext(served: Served) -> None:
    with grpc.insecure_channel(served.target) as channel, pytest.raises(grpc.RpcError) as raised:
        channel.unary_unary(INTERPRET)(unary(), timeout=30)
    assert UNAVAILABLE == raised.value.code()


@pytest.mark.parametrize(
    ("attempt", "cause"),
    [
        (lambda served: legacy(served, ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0"), "TLS_VERSION"),
        (lambda served: legacy(served, ssl.TLSVersion.TLSv1_2, "AES128-SHA:@SECLEVEL=0"), "HANDSHAKE_FAILED"),
        (plaintext, "NOT_TLS"),
    ],
    ids=["TLS 1.1", "a weak cipher", "no TLS"],
)
def test_another_protocol_is_refused(attempt: Callable[[Served], None], cause: str, served: Served) -> None:
    before = len(served.refused())
    attempt(served)
    assert ("handshake", "UNAUTHENTICATED", cause) == (
        (line := served.next_refused(before))["method"],
        line["status"],
        line["cause"],
    )


def stranger(name: Any, **parts: Any) -> Callable[[Authority], Pair]:
    return lambda ours: ours.pair(name, **parts)


@pytest.mark.parametrize(
    ("make", "method", "cause", "caller"),
    [
        (stranger(URI("spiffe://hospital.example/other")), INTERPRET, "CALLER_NOT_LISTED", "spiffe://hospital.example/other"),
        (stranger(URI("spiffe://hospital.example/EHR")), INTERPRET, "CALLER_NOT_LISTED", "spiffe://hospital.example/EHR"),
        (stranger(DNS("ehr.example")), INTERPRET, "CALLER_NOT_LISTED", "dns:ehr.example"),
        (stranger(DNS("*.hospital.example")), BATCH, "CALLER_NOT_LISTED", "dns:*.hospital.example"),
        # The subject of a token, or a host, as the URI of a certificate: no kind stands for another.
        (stranger(URI("sub:portal")), INTERPRET, "CALLER_NOT_LISTED", "sub:portal"),
        (stranger(URI("dns:batch.hospital.example")), BATCH, "CALLER_NOT_LISTED", "dns:batch.hospital.example"),
        (stranger(RFC822Name("ehr@hospital.example")), INTERPRET, "NO_IDENTITY", "unknown"),
        (lambda ours: ours.pair(subject="batch.hospital.example"), BATCH, "NO_IDENTITY", "unknown"),
        (stranger(BATCH_FEED), INTERPRET, "METHOD_NOT_ALLOWED", "dns:batch.hospital.example"),
        (stranger(BATCH_FEED), GET_RELEASE, "METHOD_NOT_ALLOWED", "dns:batch.hospital.example"),
    ],
)  # fmt: skip
def test_a_certificate_of_ours_that_may_not_do_this_is_told_why(
    make: Callable[[Authority], Pair], method: str, cause: str, caller: str, served: Served
) -> None:
    before = len(served.refused())
    # Bytes that are no message: who may not call is told so before they are read.
    error = served.call(make(served.site.authority), method, body=b"\xff")
    denied = cause in NOT_PERMITTED
    status = PERMISSION_DENIED if denied else UNAUTHENTICATED
    assert (status, status.name, {"cause": cause}) == (
        error.code(),
        reason_of(error),
        dict(detail(error, error_details_pb2.ErrorInfo).metadata),
    )
    assert {
        "level": "warning",
        "method": method.rpartition("/")[2],
        "status": status.name,
        "reason": status.name,
        "cause": cause,
        "caller": caller,
    } == served.next_refused(before)


def test_a_stream_is_refused_before_its_first_message(served: Served) -> None:
    before = len(served.refused())
    pair = served.site.authority.pair(BATCH_FEED)
    with (
        grpc.secure_channel(served.target, pair.channel_credentials(served.site.authority.pem)) as channel,
        pytest.raises(grpc.RpcError) as raised,
    ):
        list(channel.stream_stream(STREAM)(iter([batch("a")]), timeout=30))
    assert PERMISSION_DENIED == raised.value.code()
    assert "StreamInterpretPanels" == served.next_refused(before)["method"]


# ------------------------------------------------------------------------------------------------ tokens

OTHER = TokenIssuer()


def soon(seconds: int = 900) -> int:
    """In so many seconds, from when a token is made: a run of all tests collects this module half an hour before."""
    return int(time.time()) + seconds


def claims(subject: str = "portal") -> dict[str, object]:
    return {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "exp": soon()}


def bearer(token: str) -> Metadata:
    return [("authorization", f"Bearer {token}")]


def tampered(issuer: TokenIssuer) -> str:
    header, _, signature = issuer.token().split(".")
    return ".".join((header, forged({}, claims("admin")).split(".")[1], signature))


def hmac_with_the_public_key(issuer: TokenIssuer) -> str:
    import hashlib
    import hmac

    unsigned = forged({"alg": "HS256", "kid": "k1"}, claims()).rpartition(".")[0]
    signature = hmac.new(issuer.public_pem, unsigned.encode(), hashlib.sha256).digest()
    return f"{unsigned}.{forged({}, {}, signature).rpartition('.')[2]}"


# What stands in the metadata "authorization", made by the issuer that the server trusts, and why it is refused.
TOKENS: dict[str, tuple[Callable[[TokenIssuer], str], str]] = {
    "expired": (lambda good: good.token(exp=soon(-900)), "TOKEN_EXPIRED"),
    "not valid yet": (lambda good: good.token(nbf=soon()), "TOKEN_NOT_YET_VALID"),
    "issued in the future": (lambda good: good.token(iat=soon()), "TOKEN_NOT_YET_VALID"),
    "of another issuer": (lambda good: good.token(iss="https://elsewhere.example/"), "TOKEN_ISSUER"),
    "of an issuer with one sign less": (lambda good: good.token(iss=ISSUER[:-1]), "TOKEN_ISSUER"),
    "for another audience": (lambda good: good.token(aud="billing"), "TOKEN_AUDIENCE"),
    "alg none": (lambda _: forged({"alg": "none", "kid": "k1"}, claims()), "TOKEN_ALGORITHM"),
    "alg None in capitals": (lambda _: forged({"alg": "NONE", "kid": "k1"}, claims()), "TOKEN_ALGORITHM"),
    "HS256 with the public key": (hmac_with_the_public_key, "TOKEN_ALGORITHM"),
    "an algorithm that is not listed": (
        lambda good: good.token(algorithm="ES384", key=ec.generate_private_key(ec.SECP384R1())),
        "TOKEN_ALGORITHM",
    ),
    "unknown kid": (lambda good: good.token(kid="k2"), "TOKEN_KEY"),
    "no kid": (lambda good: good.token(kid=None), "TOKEN_KEY"),
    "signed by another": (lambda _: OTHER.token(), "TOKEN_SIGNATURE"),
    "no signature": (lambda good: good.token().rpartition(".")[0] + ".", "TOKEN_SIGNATURE"),
    "tampered payload": (tampered, "TOKEN_SIGNATURE"),
    "no exp": (lambda good: good.token(exp=None), "TOKEN_CLAIM"),
    "no aud": (lambda good: good.token(aud=None), "TOKEN_CLAIM"),
    "no iss": (lambda good: good.token(iss=None), "TOKEN_CLAIM"),
    "no sub": (lambda good: good.token(sub=None), "TOKEN_CLAIM"),
    "a sub that is a number": (lambda good: good.token(sub=7), "TOKEN_CLAIM"),
    "an empty sub": (lambda good: good.token(sub=""), "TOKEN_CLAIM"),
    "a sub without end": (lambda good: good.token(sub="x" * 201), "TOKEN_CLAIM"),
    "an exp that is no number": (lambda good: good.token(exp="tomorrow"), "TOKEN_MALFORMED"),
    "an exp that no float holds": (lambda good: good.token(exp=10**400), "TOKEN_MALFORMED"),
    "an exp without end": (lambda good: good.token(exp=float("inf")), "TOKEN_MALFORMED"),
    "a critical header that nobody knows": (
        lambda _: forged({"alg": "ES256", "kid": "k1", "crit": ["x"], "x": 1}, claims(), b"x" * 64),
        "TOKEN_MALFORMED",
    ),
    "malformed": (lambda _: "canary7391", "TOKEN_MALFORMED"),
    "two parts": (lambda good: good.token().rpartition(".")[0], "TOKEN_MALFORMED"),
    "encrypted": (lambda good: good.token() + ".a.b", "TOKEN_MALFORMED"),
    "empty": (lambda _: "", "TOKEN_MALFORMED"),
    "too long": (lambda good: good.token(scope="x" * 2_350), "TOKEN_TOO_LONG"),
}


@pytest.mark.parametrize("kind", TOKENS)
def test_a_bad_token_is_refused_whatever_the_certificate_may(kind: str, served: Served) -> None:
    make, cause = TOKENS[kind]
    token = make(served.site.issuer)
    before = len(served.refused())
    error = served.call(served.site.authority.pair(EHR), metadata=bearer(token))
    assert (UNAUTHENTICATED, "UNAUTHENTICATED", {"cause": cause}, NOT_AUTHENTICATED[cause]) == (
        error.code(),
        reason_of(error),
        dict(detail(error, error_details_pb2.ErrorInfo).metadata),
        error.details(),
    )
    assert {
        "level": "warning",
        "method": "InterpretPanel",
        "status": "UNAUTHENTICATED",
        "reason": "UNAUTHENTICATED",
        "cause": cause,
        "caller": "spiffe://hospital.example/ehr",
    } == served.next_refused(before)
    said = b"".join((*served.lines, *served.complaints, str(error).encode()))
    assert [] == [part for part in token.split(".") if len(part) > 8 and part.encode() in said]


@pytest.mark.parametrize(
    ("metadata", "status", "cause"),
    [
        (lambda good: [*bearer(good.token()), *bearer(good.token())], UNAUTHENTICATED, "TOKEN_REPEATED"),
        (lambda good: [("authorization", f"Basic {good.token()}")], UNAUTHENTICATED, "TOKEN_MALFORMED"),
        (lambda good: [("authorization", good.token())], UNAUTHENTICATED, "TOKEN_MALFORMED"),
        (lambda good: bearer(good.token(sub="stranger")), PERMISSION_DENIED, "CALLER_NOT_LISTED"),
    ],
    ids=["two tokens", "another scheme", "no scheme", "a subject that is not listed"],
)  # fmt: skip
def test_other_metadata_than_one_token_of_a_listed_subject_is_refused(
    metadata: Callable[[TokenIssuer], Metadata], status: grpc.StatusCode, cause: str, served: Served
) -> None:
    before = len(served.refused())
    error = served.call(served.site.authority.pair(EHR), metadata=metadata(served.site.issuer))
    assert (status, cause) == (error.code(), served.next_refused(before)["cause"])


def test_nothing_of_the_core_but_what_is_audited_was_held_back(served: Served) -> None:
    assert [] == [line for line in served.complaints if b"Handshake failed" in line]
    assert b"BEGIN" not in b"".join((*served.lines, *served.complaints))


def test_every_cause_is_met_here_or_by_the_unit_tests() -> None:
    met = {cause for _, cause in TOKENS.values()} | {"TOKEN_REPEATED", "NO_IDENTITY", *NOT_PERMITTED}
    elsewhere = {"NO_CREDENTIALS", "CERTIFICATE_EXPIRED", "TOKEN_NOT_TAKEN"}
    # Of EHRs, which call over HTTP: tests/http/test_ehr_tokens.py.
    elsewhere |= {"TOKEN_LIFETIME", "TOKEN_REPLAYED"}
    assert {*NOT_AUTHENTICATED, *NOT_PERMITTED} == met | elsewhere


def test_no_bad_certificate_is_for_want_of_a_good_one(served: Served) -> None:
    """The control of all refusals above: the same certificate without its fault is let in."""
    assert isinstance(served.call(served.site.authority.pair(EHR, usage=(CLIENT, SERVER))), bytes)
