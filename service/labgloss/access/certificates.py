"""The certificate that a server shows and the authorities that callers' certificates come from, read from files.

No library checks them before a caller connects; here every fault is said before anything listens, and a faulty new file
is refused while the server runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from structlog.typing import FilteringBoundLogger

from labgloss.access.chain import chain_faults, is_authority
from labgloss.access.watched import Watched
from labgloss.errors import SettingsError
from labgloss.files import content_of
from labgloss.frozen import dataclass
from labgloss.settings import Listening

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

# One file holds a chain or a few authorities; the system's bundle of all authorities has some 250 KB.
_MOST_BYTES = 1_048_576
_NO_PACKAGE = "certificates need the package cryptography: install labgloss[tls]"


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """What the files of one handshake hold, checked: PEM written anew, the key never shown.

    So that what is served is what was checked: libraries differ in what of a file they pass over, such as the first
    certificate behind a byte order mark.
    """

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
    chain = _certificates("tls_certificate", settings.tls_certificate, faults)
    if chain:
        faults += _served_faults(settings.tls_certificate, chain)
    key = _key(settings.tls_key, chain[0] if chain else None, faults)
    authorities: tuple[Certificate, ...] = ()
    if settings.tls_client_ca is not None:
        authorities = _certificates("tls_client_ca", settings.tls_client_ca, faults)
        faults += _authority_faults(settings.tls_client_ca, authorities)
    if faults:
        raise SettingsError(tuple(faults))
    files = (settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
    return TlsFiles(
        _pem(chain),
        key,
        _pem(authorities) if authorities else None,
        min(each.not_valid_after_utc for each in chain),
        tuple(each for each in files if each is not None),
    )


def watch_tls(
    settings: Listening,
    first: TlsFiles,
    log: FilteringBoundLogger,
    proved: Callable[[TlsFiles], None] = lambda _: None,
) -> Watched[TlsFiles]:
    """The newest files that have no fault; `proved` raises SettingsError for what a server's library does not take."""

    def newest() -> TlsFiles:
        tls = read_tls(settings) or first
        proved(tls)
        return tls

    def loaded(tls: TlsFiles) -> None:
        log.info("certificate_loaded", not_after=tls.not_after.isoformat())

    def kept(faults: tuple[str, ...]) -> None:
        log.error("certificate_kept", faults=faults)

    return Watched(first, newest, loaded, kept)


def _read(name: str, file: Path, faults: list[str]) -> bytes:
    try:
        content = content_of(file, _MOST_BYTES + 1)
    except OSError as error:
        faults.append(f"{name}: {file} cannot be read: {error.strerror}")
        return b""
    if len(content) > _MOST_BYTES:
        faults.append(f"{name}: {file} is larger than {_MOST_BYTES} bytes, so that it is no PEM file of certificates")
        return b""
    if not content:
        faults.append(f"{name}: {file} is empty; a PEM file is needed")
    return content


def _certificates(name: str, file: Path, faults: list[str]) -> tuple[Certificate, ...]:
    from cryptography import x509

    content = _read(name, file, faults)
    if not content:
        return ()
    try:
        return tuple(x509.load_pem_x509_certificates(content))
    except ValueError:
        faults.append(f"{name}: {file} holds no certificate, or one that cannot be read; PEM is needed")
        return ()


def _pem(certificates: tuple[Certificate, ...]) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


def _served_faults(file: Path, chain: tuple[Certificate, ...]) -> list[str]:
    now, place, faults = datetime.now(UTC), f"tls_certificate: {file}", []
    for position, certificate in enumerate(chain, 1):
        which = f"certificate {position} of {len(chain)} " if len(chain) > 1 else ""
        if certificate.not_valid_after_utc < now:
            faults.append(f"{place}: {which}has expired, on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC")
        if certificate.not_valid_before_utc > now:
            faults.append(f"{place}: {which}is valid from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC only")
    return faults + [f"{place}: {fault}" for fault in chain_faults(chain)]


def _key(file: Path, certificate: Certificate | None, faults: list[str]) -> bytes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
        load_pem_private_key,
    )

    content = _read("tls_key", file, faults)
    if not content:
        return b""
    try:
        key = load_pem_private_key(content, None)
        written = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    except TypeError:
        faults.append(f"tls_key: {file} is encrypted; give the key without a passphrase, readable by the service alone")
        return b""
    except (ValueError, UnsupportedAlgorithm):
        faults.append(f"tls_key: {file} holds no private key that can be read; PEM is needed")
        return b""
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    try:
        fits = certificate is None or key.public_key().public_bytes(*form) == certificate.public_key().public_bytes(
            *form
        )
    except (ValueError, UnsupportedAlgorithm):
        # A key of the certificate that cannot be read is said of the certificate.
        fits = True
    if not fits:
        faults.append(
            f"tls_key: {file} does not belong to the certificate; give the key that its request was made with"
        )
    return written


def _authority_faults(file: Path, authorities: tuple[Certificate, ...]) -> list[str]:
    now, place = datetime.now(UTC), f"tls_client_ca: {file}"
    faults = [
        f"{place}: certificate {position} of {len(authorities)} is no authority's (basic constraints, key usage); give "
        "the certificates of those who issue callers' certificates"
        for position, each in enumerate(authorities, 1)
        if not is_authority(each)
    ]
    # Old ones may stay in a bundle beside those that replace them.
    if authorities and all(each.not_valid_after_utc < now for each in authorities):
        faults.append(f"{place}: every certificate in it has expired")
    return faults
