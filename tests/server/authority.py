"""A certificate authority, an issuer of tokens and an access file for tests: good credentials, and every bad kind."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import grpc
import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

DAY = timedelta(days=1)
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
URI, DNS = x509.UniformResourceIdentifier, x509.DNSName
ISSUER, AUDIENCE = "https://tokens.hospital.example/", "labgloss"


@dataclass(frozen=True)
class Pair:
    """A certificate (with what stands behind it in its file) and its key, as PEM."""

    certificate: bytes
    key: bytes

    def channel_credentials(self, authority: bytes) -> grpc.ChannelCredentials:
        return grpc.ssl_channel_credentials(authority, self.key, self.certificate)

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """The files of certificate and key, each replaced whole."""
        files = folder / f"{name}.pem", folder / f"{name}.key"
        for file, content in zip(files, (self.certificate, self.key), strict=True):
            written = file.with_suffix(f"{file.suffix}.new")
            written.write_bytes(content)
            written.rename(file)
        return files


class Authority:
    """Signs certificates."""

    def __init__(self, name: str = "authority", days: float = 10) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._build(name, self._key, None, True, (), (), -1, days)
        self.pem = self._certificate.public_bytes(Encoding.PEM)

    def pair(
        self,
        *names: x509.GeneralName,
        subject: str = "somebody",
        usage: Sequence[ObjectIdentifier] = (CLIENT,),
        starts: float = -1,
        ends: float = 5,
        self_signed: bool = False,
        issuer: Pair | None = None,
        key: CertificateIssuerPrivateKeyTypes | None = None,
        key_usage: x509.KeyUsage | None = None,
        authority: bool = False,
    ) -> Pair:
        """A certificate of these names; starts and ends are days from now."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        signer: CertificateIssuerPrivateKeyTypes = self._key
        issued_by = self._certificate
        if issuer is not None:
            from cryptography.hazmat.primitives.serialization import load_pem_private_key

            loaded = load_pem_private_key(issuer.key, None)
            assert isinstance(loaded, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey, ed25519.Ed25519PrivateKey))
            signer, issued_by = loaded, x509.load_pem_x509_certificate(issuer.certificate)
        made = self._build(
            subject, key, None if self_signed else (issued_by, signer), authority, names, usage, starts, ends, key_usage
        )
        behind = b"" if issuer is None else issuer.certificate
        return Pair(made.public_bytes(Encoding.PEM) + behind, private_pem(key))

    def server(self, **parts: Any) -> Pair:
        """A certificate for localhost."""
        names = (DNS("localhost"), x509.IPAddress(ip_address("127.0.0.1")))
        return self.pair(*names, usage=(SERVER,), **parts)

    @staticmethod
    def _build(
        subject: str,
        key: CertificateIssuerPrivateKeyTypes,
        issuer: tuple[x509.Certificate, CertificateIssuerPrivateKeyTypes] | None,
        authority: bool,
        names: Sequence[x509.GeneralName],
        usage: Sequence[ObjectIdentifier],
        starts: float,
        ends: float,
        key_usage: x509.KeyUsage | None = None,
    ) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer[0].subject if issuer else name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.now(UTC) + starts * DAY)
            .not_valid_after(datetime.now(UTC) + ends * DAY)
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        if key_usage is not None:
            builder = builder.add_extension(key_usage, critical=True)
        signer = issuer[1] if issuer else key
        return builder.sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else SHA256())


def private_pem(key: CertificateIssuerPrivateKeyTypes) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class TokenIssuer:
    """Signs tokens, right ones unless told otherwise."""

    def __init__(self, kid: str = "k1") -> None:
        self._kid = kid
        self.key = ec.generate_private_key(ec.SECP256R1())

    @property
    def jwks(self) -> str:
        entry = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key()))
        return json.dumps({"keys": [{**entry, "kid": self._kid, "use": "sig", "alg": "ES256"}]})

    @property
    def public_pem(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def token(self, *, algorithm: str = "ES256", key: Any = None, kid: str | None = "", **claims: Any) -> str:
        """A token with these claims instead of the right ones; a claim that is None is left out."""
        now = int(time.time())
        right = {"iss": ISSUER, "aud": AUDIENCE, "sub": "portal", "iat": now, "exp": now + 300}
        wanted = {name: value for name, value in {**right, **claims}.items() if value is not None}
        headers = {} if kid is None else {"kid": kid or self._kid}
        return jwt.encode(wanted, key or self.key, algorithm, headers=headers)


def forged(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    """A token of parts that no library would put together."""
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


ACCESS = f"""
[[caller]]
uri = "spiffe://hospital.example/ehr"
methods = ["InterpretationService", "KnowledgeService"]

[[caller]]
dns = "batch.hospital.example"
methods = ["BatchInterpretPanels"]

[[caller]]
sub = "portal"
methods = ["InterpretPanel"]

[token]
issuer = "{ISSUER}"
audience = "{AUDIENCE}"
algorithms = ["ES256"]
keys = "keys.jwks"
"""
EHR = URI("spiffe://hospital.example/ehr")
BATCH_FEED = DNS("batch.hospital.example")


@dataclass(frozen=True)
class Site:
    """A folder with all that a server over mutual TLS needs, and who signed it."""

    folder: Path
    authority: Authority
    issuer: TokenIssuer

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "tls_certificate": self.folder / "server.pem",
            "tls_key": self.folder / "server.key",
            "tls_client_ca": self.folder / "callers.pem",
            "access": self.folder / "access.toml",
        }


def site(folder: Path, access: str = ACCESS) -> Site:
    made = Site(folder, Authority(), TokenIssuer())
    made.authority.server().write(folder, "server")
    (folder / "callers.pem").write_bytes(made.authority.pem)
    for keys in ("keys.jwks", "ehr.jwks"):
        (folder / keys).write_text(made.issuer.jwks)
    (folder / "access.toml").write_text(access)
    return made
