"""Signed tokens (JWT) that name a caller: verified once, then known by their digest until they expire."""

from __future__ import annotations

import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any

from labgloss.errors import UnauthenticatedError
from labgloss.frozen import dataclass

if TYPE_CHECKING:
    from jwt import PyJWK

# What is signed with a private key. A shared secret (HS256) would let every holder make tokens, and "none" anybody.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
# Metadata of a call may have 4 KiB; gRPC's core refuses more, from there on by chance.
MOST_TOKEN_CHARACTERS = 3_072
_MOST_SUBJECT_CHARACTERS = 200
_LEAST_RSA_BITS = 2_048
_MOST_CACHED = 1_024
# Of an EHR, which makes one for each call: for how long it may be valid, and how many that were used are remembered.
LONGEST_SECONDS = 600
_MOST_USED = 100_000
_CURVES: Mapping[str, str] = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"}
_BEARER = "bearer "


@dataclass(frozen=True, slots=True)
class Key:
    """A public key, and the algorithms that a token signed with it may name. Of a PEM file the id is None."""

    id: str | None
    material: Any
    algorithms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs tokens, and with what."""

    name: str
    keys: tuple[Key, ...]
    leeway_s: int

    def claims(self, token: str, audience: str, needed: Sequence[str]) -> Mapping[str, Any]:
        """What a token of this issuer says that is for the audience and holds what is needed, verified.

        Raises UnauthenticatedError, which says why it is not taken.
        """
        import jwt

        try:
            key = self._key(jwt.get_unverified_header(token).get("kid"))
            claims: dict[str, Any] = jwt.decode(
                token,
                key.material,
                algorithms=list(key.algorithms),
                issuer=self.name,
                audience=audience,
                leeway=self.leeway_s,
                options={"require": list(needed)},
            )
            # The library takes one that no float holds.
            claims["exp"] = float(claims["exp"])
        except UnauthenticatedError:
            raise
        # What a hostile token breaks is its own fault, whatever the library raises over it.
        except Exception as error:  # noqa: BLE001
            raise UnauthenticatedError(_cause(error)) from None
        return claims

    def _key(self, ident: object) -> Key:
        by_id = {key.id: key for key in self.keys}
        if None in by_id:
            return by_id[None]
        if not isinstance(ident, str) or ident not in by_id:
            raise UnauthenticatedError("TOKEN_KEY")
        return by_id[ident]


@dataclass(frozen=True, slots=True)
class TokenTerms:
    """What a token must be to be taken."""

    issuer: Issuer
    audience: str


class Tokens:
    """Whom a token names. One is verified when it first comes; what is cached is its digest, its subject and its end.

    At most 1,024 are cached, the least recently used forgotten first; other terms or keys begin with none.
    """

    def __init__(self, terms: TokenTerms, clock: Callable[[], float] = time.time) -> None:
        self._terms = terms
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[str, float]] = OrderedDict()
        self._lock = Lock()

    def subject(self, authorization: str) -> str:
        """The subject of the token in this metadata. Raises UnauthenticatedError, which says why it is not taken."""
        token = _bearer(authorization)
        digest = hashlib.sha256(token.encode()).digest()
        with self._lock:
            known = self._known.get(digest)
            if known is not None:
                self._known.move_to_end(digest)
        if known is None:
            known = self._verified(token)
            with self._lock:
                self._known[digest] = known
                if len(self._known) > _MOST_CACHED:
                    self._known.popitem(last=False)
        subject, end = known
        if self._clock() >= end:
            with self._lock:
                self._known.pop(digest, None)
            raise UnauthenticatedError("TOKEN_EXPIRED")
        return subject

    def _verified(self, token: str) -> tuple[str, float]:
        """Subject and end, in seconds of the clock."""
        terms = self._terms
        claims = terms.issuer.claims(token, terms.audience, ("exp", "iss", "aud", "sub"))
        subject = claims["sub"]
        if not 0 < len(subject) <= _MOST_SUBJECT_CHARACTERS:
            raise UnauthenticatedError("TOKEN_CLAIM")
        return subject, claims["exp"] + terms.issuer.leeway_s


class Used:
    """The tokens that were used, each remembered by a digest until it expires. For threads."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._ends: dict[bytes, float] = {}
        self._lock = Lock()

    def take(self, issuer: str, ident: str, end: float) -> None:
        """Nothing, the first time. Raises UnauthenticatedError when the token was used, or too many are remembered."""
        digest = hashlib.sha256(f"{issuer}\n{ident}".encode()).digest()
        now = self._clock()
        with self._lock:
            if len(self._ends) >= _MOST_USED:
                self._ends = {each: until for each, until in self._ends.items() if until > now}
            # One that is forgotten could be used again.
            if self._ends.get(digest, now) > now or len(self._ends) >= _MOST_USED:
                raise UnauthenticatedError("TOKEN_REPLAYED")
            self._ends[digest] = end


def ehr_of(
    authorization: str, audience: str, issuers: Mapping[str, Issuer], used: Used, clock: Callable[[], float] = time.time
) -> str:
    """The issuer of a token that CDS Hooks asks an EHR for: signed by it, for this endpoint, short-lived, used once.

    Raises UnauthenticatedError, which says why it is not taken.
    """
    token = _bearer(authorization)
    issuer = issuers.get(_unverified_issuer(token))
    if issuer is None:
        raise UnauthenticatedError("TOKEN_ISSUER")
    claims = issuer.claims(token, audience, ("exp", "iat", "iss", "aud", "jti"))
    if claims["exp"] > clock() + LONGEST_SECONDS + issuer.leeway_s:
        raise UnauthenticatedError("TOKEN_LIFETIME")
    ident = claims["jti"]
    if not isinstance(ident, str) or not 0 < len(ident) <= _MOST_SUBJECT_CHARACTERS:
        raise UnauthenticatedError("TOKEN_CLAIM")
    used.take(issuer.name, ident, claims["exp"] + issuer.leeway_s)
    return issuer.name


def is_of_ehr(authorization: str, issuers: Mapping[str, Issuer]) -> bool:
    """Whether a token says of itself that an EHR made it; whether that is so is for `ehr_of` to find."""
    try:
        return _unverified_issuer(_bearer(authorization)) in issuers
    except UnauthenticatedError:
        return False


def _bearer(authorization: str) -> str:
    """The token. Raises UnauthenticatedError."""
    scheme, token = authorization[: len(_BEARER)], authorization[len(_BEARER) :].strip()
    if scheme.lower() != _BEARER or not token:
        raise UnauthenticatedError("TOKEN_MALFORMED")
    if len(token) > MOST_TOKEN_CHARACTERS:
        raise UnauthenticatedError("TOKEN_TOO_LONG")
    return token


def _unverified_issuer(token: str) -> str:
    """What a token calls its issuer, by which the keys are chosen that verify it."""
    import jwt

    try:
        issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
    except Exception:  # noqa: BLE001 - whatever the library raises over a hostile token
        raise UnauthenticatedError("TOKEN_MALFORMED") from None
    return issuer if isinstance(issuer, str) else ""


def _cause(error: Exception) -> str:
    import jwt
    from jwt.exceptions import InvalidSubjectError

    # Subclasses first.
    for kind, cause in (
        (jwt.ExpiredSignatureError, "TOKEN_EXPIRED"),
        (jwt.ImmatureSignatureError, "TOKEN_NOT_YET_VALID"),
        (jwt.InvalidIssuerError, "TOKEN_ISSUER"),
        (jwt.InvalidAudienceError, "TOKEN_AUDIENCE"),
        (jwt.MissingRequiredClaimError, "TOKEN_CLAIM"),
        (InvalidSubjectError, "TOKEN_CLAIM"),
        (jwt.InvalidAlgorithmError, "TOKEN_ALGORITHM"),
        (jwt.InvalidSignatureError, "TOKEN_SIGNATURE"),
    ):
        if isinstance(error, kind):
            return cause
    return "TOKEN_MALFORMED"


def read_keys(content: bytes, algorithms: tuple[str, ...]) -> tuple[Key, ...]:
    """The keys of a JWK set, or the one of a PEM file.

    Raises ValueError with what is wrong and what is allowed, never what the file says.
    """
    if content.lstrip().startswith(b"{"):
        return _keys_of_set(content, algorithms)
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if b"PRIVATE KEY" in content:
        raise ValueError("holds a private key; here only the issuer's public key may lie")
    try:
        material = load_pem_public_key(content)
    except Exception:  # noqa: BLE001 - whatever the library raises over bytes of any kind
        raise ValueError("is neither a JWK set nor one public key in PEM") from None
    return (Key(None, material, _fitting(material, algorithms)),)


def _keys_of_set(content: bytes, algorithms: tuple[str, ...]) -> tuple[Key, ...]:
    try:
        entries = json.loads(content)["keys"]
        known = [entry for entry in entries if isinstance(entry, dict)]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError('is not a JWK set, {"keys": [...]}') from None
    if not known or len(known) != len(entries):
        raise ValueError("needs at least one key, each an object")
    keys = tuple(_key_of(position, entry, algorithms) for position, entry in enumerate(known))
    if len({key.id for key in keys}) != len(keys):
        raise ValueError("names two keys by the same kid")
    return keys


def _key_of(position: int, entry: dict[str, Any], algorithms: tuple[str, ...]) -> Key:
    import jwt

    place = f"keys[{position}]"
    if not isinstance(entry.get("kid"), str) or not entry["kid"]:
        raise ValueError(f"{place} needs a kid, by which tokens name it")
    if entry.get("kty") not in ("RSA", "EC", "OKP"):
        raise ValueError(f"{place} needs the kty RSA, EC or OKP; a shared secret would let every holder make tokens")
    if "d" in entry:
        raise ValueError(f"{place} is a private key; here only the issuer's public keys may lie")
    if entry.get("use", "sig") != "sig":
        raise ValueError(f"{place} is not for signatures (use)")
    named = entry.get("alg")
    if named is not None and named not in algorithms:
        raise ValueError(f"{place} names an alg that is not among the algorithms")
    try:
        made: PyJWK = jwt.PyJWK({**entry, "alg": named or _usual_algorithm(entry)})
    except Exception:  # noqa: BLE001 - whatever the library raises over an entry of any kind
        raise ValueError(f"{place} is not a key of its kty") from None
    try:
        return Key(entry["kid"], made.key, _fitting(made.key, (named,) if named else algorithms))
    except ValueError as error:
        raise ValueError(f"{place} {error}") from None


def _usual_algorithm(entry: dict[str, Any]) -> str:
    """One by which the library takes the key apart."""
    return "RS256" if entry["kty"] == "RSA" else _CURVES[entry["crv"]]


def _fitting(material: Any, algorithms: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the algorithms that the key can be used with. Raises ValueError when none is, or the key is weak."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(material, rsa.RSAPublicKey):
        if material.key_size < _LEAST_RSA_BITS:
            raise ValueError(f"is an RSA key of fewer than {_LEAST_RSA_BITS} bits")
        fitting = {each for each in ALGORITHMS if each.startswith(("RS", "PS"))}
    elif isinstance(material, ec.EllipticCurvePublicKey):
        by_size = {256: "ES256", 384: "ES384", 521: "ES512"}
        # Of the curves with 256 bits only P-256 is meant.
        named = material.curve.name.startswith("secp") and material.curve.name.endswith("r1")
        fitting = {by_size[material.key_size]} if named and material.key_size in by_size else set()
    else:
        fitting = {"EdDSA"} if isinstance(material, ed25519.Ed25519PublicKey) else set()
    usable = tuple(each for each in algorithms if each in fitting)
    if not usable:
        raise ValueError("cannot be used with any of the algorithms")
    return usable
