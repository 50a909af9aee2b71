"""What certificates must be so that the TLS of every caller takes them; the server's own library takes more.

Measured over handshakes of gRPC's clients and servers (BoringSSL): a server shows a certificate on P-521 or Ed25519,
and each client of gRPC ends the handshake; OpenSSL takes no RSA key below 2048 bits. tests/server/test_key_kinds.py
makes the handshakes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from cryptography.x509.extensions import ExtensionTypeVar

_CURVES = ("secp256r1", "secp384r1")
# Of issuers alone, whose signatures every TLS verifies.
_ISSUER_CURVES = (*_CURVES, "secp521r1")
_RSA_BITS = range(2_048, 8_193)
_HASHES = ("sha256", "sha384", "sha512")
_ALLOWED = "a key on the curve P-256 or P-384, or an RSA key (rsaEncryption) of 2048 to 8192 bits"


def chain_faults(chain: tuple[Certificate, ...]) -> Iterator[str]:
    """Why callers would refuse a server that shows these: its own certificate, then its issuers."""
    for position, certificate in enumerate(chain):
        which = _which(position, len(chain))
        if key := _wrong_key(certificate, issuer=position > 0):
            yield f"{which}has {key}, which not every caller's TLS takes; it needs {_ALLOWED}"
        if not _is_signed_well(certificate):
            yield f"{which}is signed with a hash that callers refuse; it needs SHA-256, SHA-384 or SHA-512"
    for position, (certificate, issuer) in enumerate(pairwise(chain), 1):
        which = _which(position, len(chain))
        if not _issued(certificate, issuer):
            yield f"{which}is not the issuer of the one before it; the server's own comes first, then each issuer"
        elif not is_authority(issuer):
            yield f"{which}is no authority's (basic constraints, key usage), so that callers take none of its issuing"
    yield from _usage_faults(chain[0])


def is_authority(certificate: Certificate) -> bool:
    """Whether a certificate says that others may be issued by it; one of version 1 can only be issued by itself."""
    from cryptography import x509

    constraints = _extension(certificate, x509.BasicConstraints)
    if constraints is None:
        return certificate.version is x509.Version.v1 and certificate.subject == certificate.issuer
    usage = _extension(certificate, x509.KeyUsage)
    return constraints.ca and (usage is None or usage.key_cert_sign)


def _which(position: int, count: int) -> str:
    return f"certificate {position + 1} of {count} " if count > 1 else ""


def _wrong_key(certificate: Certificate, *, issuer: bool) -> str:
    """What key it has that is not allowed; empty where it is."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from cryptography.x509.oid import PublicKeyAlgorithmOID

    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "a key of a kind that is not known"
    match key:
        case ec.EllipticCurvePublicKey():
            if key.curve.name not in (_ISSUER_CURVES if issuer else _CURVES):
                return f"a key on the curve {key.curve.name}"
            named = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            return "" if named in certificate.tbs_certificate_bytes else "a key whose curve is written out, not named"
        case rsa.RSAPublicKey():
            if certificate.public_key_algorithm_oid != PublicKeyAlgorithmOID.RSAES_PKCS1_v1_5:
                return "a key for RSASSA-PSS alone"
            return "" if key.key_size in _RSA_BITS else f"an RSA key of {key.key_size} bits"
        case ed25519.Ed25519PublicKey():
            return "" if issuer else "an Ed25519 key"
        case _:
            return "a key of another kind"


def _is_signed_well(certificate: Certificate) -> bool:
    from cryptography.exceptions import UnsupportedAlgorithm

    # Nobody verifies what a certificate says of itself: who takes it trusts it by name.
    if certificate.subject == certificate.issuer:
        return True
    try:
        used = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return False
    # None: the algorithm has its own, as Ed25519 does.
    return used is None or used.name in _HASHES


def _issued(certificate: Certificate, issuer: Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    if not _is_signed_well(certificate):
        return certificate.issuer == issuer.subject
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):
        return False
    return True


def _usage_faults(certificate: Certificate) -> Iterator[str]:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    purposes = _extension(certificate, x509.ExtendedKeyUsage)
    servers = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if purposes is not None and servers.isdisjoint(purposes):
        yield "is not for a server; its extended key usage needs serverAuth"
    usage = _extension(certificate, x509.KeyUsage)
    if usage is not None and not usage.digital_signature:
        yield "may not sign handshakes; its key usage needs digitalSignature"


def _extension(certificate: Certificate, kind: type[ExtensionTypeVar]) -> ExtensionTypeVar | None:
    """One that it has; None too where they cannot be read, which is for the TLS library to say."""
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, ValueError):
        return None
