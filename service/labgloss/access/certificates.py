"""The certificate that a server shows and the authorities that callers' certificates come from, read from files.

No library checks them before a caller connects; here every fault is said before anything listens, and a faulty new file
is refused while the server runs.
"""

from __future__ import annotations

from dataclasses import field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from structlog.typing import FilteringBoundLogger

from labgloss.access.watched import Watched
from labgloss.errors import SettingsError
from labgloss.frozen import dataclass
from labgloss.settings import Listening

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

# One file holds a chain or a few authorities; the system's bundle of all authorities has some 250 KB.
_MOST_BYTES = 1_048_576
_NO_PACKAGE = "certificates need the package cryptography: install labgloss[tls]"


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The files of one handshake, checked: PEM, the key never shown."""

    chain: bytes
    key: bytes = field(repr=False)
    client_ca: bytes | None
    not_after: datetime
    files: tuple[Path, ...]


def read_tls(settings: Listening) -> TlsFiles | None:
    """What the settings name; None where they name no certificate.

    Raises SettingsError with every file that cannot be read, is not what it should be, has expired or does not fit.
    """
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    try:
        from cryptography import x509  # noqa: F401 - of an extra
    except ImportError:
        raise SettingsError((_NO_PACKAGE,)) from None
    faults: list[str] = []
    chain = _read("tls_certificate", settings.tls_certificate, faults)
    key = _read("tls_key", settings.tls_key, faults)
    client_ca = None if settings.tls_client_ca is None else _read("tls_client_ca", settings.tls_client_ca, faults)
    certificates = _certificates("tls_certificate", settings.tls_certificate, chain, faults)
    if certificates:
        faults += _chain_faults(settings.tls_certificate, certificates)
        faults += _key_faults(settings.tls_key, key, certificates[0])
    elif key:
        faults += _key_faults(settings.tls_key, key, None)
    if settings.tls_client_ca is not None:
        authorities = _certificates("tls_client_ca", settings.tls_client_ca, client_ca or b"", faults)
        faults += _authority_faults(settings.tls_client_ca, authorities)
    if faults:
        raise SettingsError(tuple(faults))
    not_after = min(each.not_valid_after_utc for each in certificates)
    files = (settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
    return TlsFiles(chain, key, client_ca, not_after, tuple(each for each in files if each is not None))


def watch_tls(settings: Listening, first: TlsFiles, log: FilteringBoundLogger) -> Watched[TlsFiles]:
    """The newest files that have no fault."""

    def loaded(tls: TlsFiles) -> None:
        log.info("certificate_loaded", not_after=tls.not_after.isoformat())

    def kept(faults: tuple[str, ...]) -> None:
        log.error("certificate_kept", faults=faults)

    return Watched(first, lambda: read_tls(settings) or first, loaded, kept)


def _read(name: str, file: Path, faults: list[str]) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not the name of a file"
        faults.append(f"{name}: {file} cannot be read: {reason}")
        return b""
    if len(content) > _MOST_BYTES:
        faults.append(f"{name}: {file} is larger than {_MOST_BYTES} bytes, so that it is no PEM file of certificates")
        return b""
    if not content:
        faults.append(f"{name}: {file} is empty; a PEM file is needed")
    return content


def _certificates(name: str, file: Path, content: bytes, faults: list[str]) -> tuple[Certificate, ...]:
    from cryptography import x509

    if not content:
        return ()
    try:
        return tuple(x509.load_pem_x509_certificates(content))
    except ValueError:
        faults.append(f"{name}: {file} holds no certificate, or one that cannot be read; PEM is needed")
        return ()


def _chain_faults(file: Path, chain: tuple[Certificate, ...]) -> list[str]:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    now, place, faults = datetime.now(UTC), f"tls_certificate: {file}", []
    for position, certificate in enumerate(chain, 1):
        which = f"certificate {position} of {len(chain)} " if len(chain) > 1 else ""
        if certificate.not_valid_after_utc < now:
            faults.append(f"{place}: {which}has expired, on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC")
        if certificate.not_valid_before_utc > now:
            faults.append(f"{place}: {which}is valid from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC only")
    for position, (certificate, issuer) in enumerate(pairwise(chain), 1):
        if certificate.issuer != issuer.subject:
            faults.append(
                f"{place}: certificate {position + 1} of {len(chain)} is not the issuer of the one before it; the "
                "server's own comes first, then each issuer"
            )
    try:
        usage = chain[0].extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return faults
    if ExtendedKeyUsageOID.SERVER_AUTH not in usage and ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE not in usage:
        faults.append(f"{place}: is not for a server; its extended key usage needs serverAuth")
    return faults


def _key_faults(file: Path, content: bytes, certificate: Certificate | None) -> list[str]:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    if not content:
        return []
    try:
        public = load_pem_private_key(content, None).public_key()
    except TypeError:
        return [f"tls_key: {file} is encrypted; give the key without a passphrase, readable by the service alone"]
    except (ValueError, UnsupportedAlgorithm):
        return [f"tls_key: {file} holds no private key that can be read; PEM is needed"]
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if certificate is not None and public.public_bytes(*form) != certificate.public_key().public_bytes(*form):
        return [f"tls_key: {file} does not belong to the certificate; give the key that its request was made with"]
    return []


def _authority_faults(file: Path, authorities: tuple[Certificate, ...]) -> list[str]:
    now = datetime.now(UTC)
    # Old ones may stay in a bundle beside those that replace them.
    if authorities and all(each.not_valid_after_utc < now for each in authorities):
        return [f"tls_client_ca: {file}: every certificate in it has expired"]
    return []
