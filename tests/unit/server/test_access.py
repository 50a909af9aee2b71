"""The access file: every fault at once, by its place, with what is allowed; and the tokens that it says are taken."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from labgloss.access.file import METHODS, read_access
from labgloss.access.tokens import Issuer, Tokens, TokenTerms, read_keys
from labgloss.errors import NOT_AUTHENTICATED, NOT_PERMITTED, AccessError, SettingsError, UnauthenticatedError
from labgloss.server import reflection
from labgloss.server.identity import Gate
from labgloss.server.settings import Settings
from tests.server.authority import ACCESS, AUDIENCE, EHR, ISSUER, Authority, TokenIssuer, private_pem, site

ROOT = Path(__file__).parents[3]
CANARY = "canary7391"


def settings(folder: Path, access: str = ACCESS, **others: Any) -> Settings:
    made = site(folder, access)
    return Settings(**{**made.settings, **others})


def faults_of(chosen: Settings) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        read_access(chosen)
    return [fault.removeprefix(f"{chosen.access}: ") for fault in raised.value.faults]


def test_the_example_is_an_access_file_with_every_key(tmp_path: Path) -> None:
    example = (ROOT / "deploy" / "access.example.toml").read_text()
    access = read_access(settings(tmp_path, example))
    assert access is not None
    assert {"uri", "dns", "sub"} == {kind for kind, _ in access.rights}
    assert access.tokens is not None
    keys = {"open_health", "issuer", "audience", "algorithms", "keys", "leeway_seconds", "methods", "on_behalf"}
    assert keys <= set(re.findall(r"^(\w+) =", example, re.MULTILINE))


def test_without_an_access_file_everybody_is_let_in() -> None:
    assert read_access(Settings()) is None
    assert "anonymous" == Gate(None).admit("InterpretPanel", None)  # type: ignore[arg-type]


def test_a_service_stands_for_all_its_methods(tmp_path: Path) -> None:
    access = read_access(settings(tmp_path))
    assert access is not None
    ehr = access.rights["uri", "spiffe://hospital.example/ehr"]
    assert METHODS["InterpretationService"] | METHODS["KnowledgeService"] == ehr
    assert {"Check", "Watch"} == access.open_methods


def test_no_two_services_have_a_method_of_the_same_name() -> None:
    """A right is looked up by the method's name alone."""
    names = [name for methods in METHODS.values() for name in methods]
    assert len(names) == len(set(names))
    assert reflection.SERVICE.endswith(".ServerReflection")


def test_every_fault_is_named_at_once_and_none_repeats_what_was_written(tmp_path: Path) -> None:
    wrong = f"""
open_health = "{CANARY}"
extra = "{CANARY}"
[[caller]]
uri = "{CANARY}"
methods = ["{CANARY}", "Check"]
[[caller]]
dns = "*.{CANARY}"
methods = []
[[caller]]
methods = ["Health"]
[[caller]]
uri = "spiffe://{CANARY}"
sub = "{CANARY}"
methods = ["Health"]
right = 1
[token]
issuer = ""
algorithms = ["HS256"]
keys = 7
leeway_seconds = 999
"""
    faults = faults_of(settings(tmp_path, wrong))
    places = ["open_health", "caller[0].uri", "caller[0].methods[0]", "caller[1].dns", "caller[1].methods", "caller[2]",
              "caller[3].right", "token.issuer", "token.audience", "token.algorithms[0]", "token.keys",
              "token.leeway_seconds", "extra"]  # fmt: skip
    assert places == [fault.partition(": ")[0] for fault in faults]
    assert CANARY not in str(faults)
    assert "caller[0].methods[0]: needs one or more of BatchInterpretPanels, Check, " in faults[2]
    assert "caller[2]: needs exactly one of uri, dns and sub" == faults[5]
    assert "caller[3].right: is no key of an access file; deploy/access.example.toml shows them all" == faults[6]
    assert faults[9].startswith("token.algorithms[0]: needs one or more of RS256, RS384, ")


@pytest.mark.parametrize(
    ("access", "others", "fault"),
    [
        ("caller = 1", {}, "caller: needs one [[caller]] or more"),
        ("", {}, "caller: needs one [[caller]] or more"),
        ("[[caller]\n", {}, "is not TOML: Expected ']]' at the end of an array declaration (at line 1, column 9)"),
        (ACCESS + '[[caller]]\nsub="portal"\nmethods=["Check"]', {},
         "caller[3]: is listed twice; list its methods once"),
        (ACCESS.partition("[token]")[0], {},
         "caller[2].sub: is the subject of a token, and [token] does not say which tokens are taken"),
        (ACCESS, {"tls_client_ca": None},
         "caller[0].uri: is of a certificate, and tls_client_ca does not say whose certificates are taken"),
        (ACCESS.replace('sub = "portal"', 'dns = "portal"'), {},
         "token: no caller is listed by the sub of a token; list one, or leave [token] out"),
        ("open_health = false\n" + ACCESS, {},
         "open_health: must be true where tokens are taken; gRPC's clients ask for the health of each backend without "
         "one, and would find none that serves"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told(access: str, others: dict[str, Any], fault: str, tmp_path: Path) -> None:
    assert fault == faults_of(settings(tmp_path, access, **others))[0]


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    without = read_access(chosen)
    (tmp_path / "access.toml").write_bytes("\ufeff".encode() + (tmp_path / "access.toml").read_bytes())
    with_mark = read_access(chosen)
    assert without is not None
    assert with_mark is not None
    assert without.rights == with_mark.rights


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    (tmp_path / "keys.jwks").unlink()
    assert [f"{tmp_path}/keys.jwks: cannot be read: No such file or directory"] == faults_of(chosen)
    (tmp_path / "access.toml").write_bytes(b"\xff")
    assert ["is not TOML: it is not UTF-8"] == faults_of(chosen)
    (tmp_path / "access.toml").unlink()
    assert ["cannot be read: No such file or directory"] == faults_of(chosen)
    assert ["is larger than 1048576 bytes"] == faults_of(settings(tmp_path, "#" * 1_048_577))


# ------------------------------------------------------------------------------------------------ the gate


class Context:
    """What a call brings: the certificate of its connection, and metadata."""

    def __init__(self, certificate: bytes | None = None, token: str = "") -> None:
        self._shown = {} if certificate is None else {"x509_pem_cert": [certificate], "peer_uri": [EHR.value.encode()]}
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()

    def auth_context(self) -> dict[str, list[bytes]]:
        return self._shown

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return self._metadata


def admitted(chosen: Settings, context: Context) -> str:
    """Who is let in, or why nobody is, and the caller as far as it is known."""
    access = read_access(chosen)
    assert access is not None
    try:
        return Gate(lambda: access).admit("InterpretPanel", context)  # type: ignore[arg-type]
    except AccessError as error:
        return f"{error.cause} {error.caller}"


def test_a_certificate_is_worthless_once_it_expired_also_over_a_connection_that_it_opened(tmp_path: Path) -> None:
    """And over a session that is resumed, which the handshake does not verify anew."""
    chosen, ours = settings(tmp_path), Authority()
    assert EHR.value == admitted(chosen, Context(ours.pair(EHR).certificate))
    expired = ours.pair(EHR, starts=-2, ends=-1).certificate
    assert f"CERTIFICATE_EXPIRED {EHR.value}" == admitted(chosen, Context(expired))
    assert f"TOKEN_MALFORMED {EHR.value}" == admitted(chosen, Context(expired, "x"))


def test_a_call_that_brings_nothing_or_what_is_not_taken_is_refused(tmp_path: Path) -> None:
    assert "NO_CREDENTIALS unknown" == admitted(settings(tmp_path), Context())
    without_tokens = ACCESS.partition("[[caller]]\nsub")[0]
    certificate = Authority().pair(EHR).certificate
    assert f"TOKEN_NOT_TAKEN {EHR.value}" == admitted(settings(tmp_path, without_tokens), Context(certificate, "x"))


# ------------------------------------------------------------------------------------------------ keys


def jwk(key: Any, **parts: Any) -> dict[str, Any]:
    kind = jwt.algorithms.RSAAlgorithm if hasattr(key, "n") or isinstance(key, rsa.RSAPublicKey) else None
    algorithm = kind or (
        jwt.algorithms.OKPAlgorithm if isinstance(key, ed25519.Ed25519PublicKey) else jwt.algorithms.ECAlgorithm
    )
    return {**json.loads(algorithm.to_jwk(key)), "kid": "k", **parts}


def jwks(*entries: Any) -> bytes:
    return json.dumps({"keys": entries}).encode()


P256 = ec.generate_private_key(ec.SECP256R1()).public_key()
P384 = ec.generate_private_key(ec.SECP384R1()).public_key()
RSA = rsa.generate_private_key(65_537, 2_048).public_key()
WEAK = rsa.generate_private_key(65_537, 1_024).public_key()
ED = ed25519.Ed25519PrivateKey.generate().public_key()
ALL = ("RS256", "PS256", "ES256", "ES384", "EdDSA")


@pytest.mark.parametrize(
    ("entry", "algorithms"),
    [
        (jwk(P256), ("ES256",)),
        (jwk(P384), ("ES384",)),
        (jwk(RSA), ("RS256", "PS256")),
        (jwk(RSA, alg="PS256"), ("PS256",)),
        (jwk(ED), ("EdDSA",)),
    ],
)
def test_a_key_goes_with_the_algorithms_that_it_can_have(entry: dict[str, Any], algorithms: tuple[str, ...]) -> None:
    (key,) = read_keys(jwks(entry), ALL)
    assert ("k", algorithms) == (key.id, key.algorithms)


def test_a_pem_file_is_one_key_that_no_token_need_name() -> None:
    pem = P256.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (key,) = read_keys(pem, ALL)
    assert (None, ("ES256",)) == (key.id, key.algorithms)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is neither a JWK set nor one public key in PEM"),
        (b"{", 'is not a JWK set, {"keys": [...]}'),
        (b"{}", 'is not a JWK set, {"keys": [...]}'),
        (jwks(), "needs at least one key, each an object"),
        (jwks(jwk(P256), "x"), "needs at least one key, each an object"),
        (jwks(jwk(P256), jwk(P384)), "names two keys by the same kid"),
        (jwks(jwk(P256, kid="")), "keys[0] needs a kid, by which tokens name it"),
        (jwks({"kid": "k", "kty": "oct", "k": CANARY}),
         "keys[0] needs the kty RSA, EC or OKP; a shared secret would let every holder make tokens"),
        (jwks(jwk(P256, d=CANARY)), "keys[0] is a private key; here only the issuer's public keys may lie"),
        (jwks(jwk(P256, use="enc")), "keys[0] is not for signatures (use)"),
        (jwks(jwk(P256, alg="ES512")), "keys[0] names an alg that is not among the algorithms"),
        (jwks(jwk(P256, x=CANARY)), "keys[0] is not a key of its kty"),
        (jwks(jwk(RSA, alg="ES256")), "keys[0] is not a key of its kty"),
        (jwks(jwk(WEAK)), "keys[0] is an RSA key of fewer than 2048 bits"),
        (private_pem(ec.generate_private_key(ec.SECP256R1())),
         "holds a private key; here only the issuer's public key may lie"),
    ],
)  # fmt: skip
def test_keys_that_are_none_are_refused_with_a_reason(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError) as raised:
        read_keys(content, ALL)
    assert (reason, None) == (str(raised.value), raised.value.__cause__)


def test_a_key_of_no_algorithm_that_is_taken_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^keys\[0\] cannot be used with any of the algorithms$"):
        read_keys(jwks(jwk(P256)), ("RS256",))


# ------------------------------------------------------------------------------------------------ tokens


class Clock:
    """Seconds that a test moves, from now on."""

    def __init__(self) -> None:
        import time

        self.now = time.time()

    def __call__(self) -> float:
        return self.now


def tokens_of(issuer: TokenIssuer, clock: Clock, leeway_s: int = 0) -> Tokens:
    keys = read_keys(issuer.jwks.encode(), ("ES256",))
    return Tokens(TokenTerms(Issuer(ISSUER, keys, leeway_s), AUDIENCE), clock)


def test_a_token_is_verified_once_and_then_known_until_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, issuer, verified = Clock(), TokenIssuer(), []
    tokens = tokens_of(issuer, clock, leeway_s=10)
    decode = jwt.decode
    monkeypatch.setattr(jwt, "decode", lambda *given, **named: verified.append(1) or decode(*given, **named))
    token = issuer.token(exp=int(clock.now) + 100)
    assert ["portal"] * 5 == [tokens.subject(f"Bearer {token}") for _ in range(5)]
    clock.now += 105
    assert "portal" == tokens.subject(f"Bearer {token}")
    assert [1] == verified
    clock.now += 10
    with pytest.raises(UnauthenticatedError) as raised:
        tokens.subject(f"Bearer {token}")
    assert "TOKEN_EXPIRED" == raised.value.cause


def test_a_token_with_one_sign_changed_is_not_the_one_that_is_known() -> None:
    issuer = TokenIssuer()
    tokens = tokens_of(issuer, Clock())
    token = issuer.token()
    tokens.subject(f"Bearer {token}")
    for position in range(0, len(token), 7):
        bent = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
        with pytest.raises(UnauthenticatedError):
            tokens.subject(f"Bearer {bent}")


def test_only_so_many_tokens_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labgloss.access.tokens._MOST_CACHED", 3)
    issuer = TokenIssuer()
    tokens = tokens_of(issuer, Clock())
    for number in range(9):
        tokens.subject(f"Bearer {issuer.token(jti=str(number))}")
    assert 3 == len(tokens._known)


def test_each_cause_says_how_to_mend_it_and_stands_in_the_schema() -> None:
    schema = (ROOT / "proto" / "labgloss" / "v1" / "error_reason.proto").read_text()
    for cause, text in {**NOT_AUTHENTICATED, **NOT_PERMITTED}.items():
        assert text.endswith(".")
        assert re.search(rf"\b{cause}\b", schema), cause
