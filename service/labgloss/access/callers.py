"""Who calls, as a token or a certificate tells, and whether they may."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from threading import Lock

from labgloss.access.certificates import TlsFiles, read_tls
from labgloss.access.file import MOST_NAME_CHARACTERS, Access, Identity, read_access
from labgloss.errors import PermissionDeniedError, SettingsError, UnauthenticatedError
from labgloss.frozen import dataclass
from labgloss.settings import Listening

_MOST_CERTIFICATES = 1_024
_NAME = re.compile(rf"[!-~]{{1,{MOST_NAME_CHARACTERS}}}")


@dataclass(frozen=True, slots=True)
class Named:
    """What a certificate that a handshake took says of its holder."""

    identities: tuple[Identity, ...]
    not_after: datetime


class Holders:
    """Whom certificates name. Each is read when it first comes; up to 1,024 are kept."""

    def __init__(self) -> None:
        self._named: OrderedDict[bytes, Named] = OrderedDict()
        self._lock = Lock()

    def identities(self, certificate: bytes | None, read: Callable[[bytes], Named]) -> tuple[Identity, ...]:
        """One or more. Raises UnauthenticatedError."""
        if certificate is None:
            raise UnauthenticatedError("NO_CREDENTIALS")
        with self._lock:
            named = self._named.get(certificate)
            if named is not None:
                self._named.move_to_end(certificate)
        if named is None:
            named = read(certificate)
            with self._lock:
                self._named[certificate] = named
                if len(self._named) > _MOST_CERTIFICATES:
                    self._named.popitem(last=False)
        if not named.identities:
            raise UnauthenticatedError("NO_IDENTITY")
        # A connection outlives its handshake, and a resumed session is not verified anew.
        if datetime.now(UTC) >= named.not_after:
            raise UnauthenticatedError("CERTIFICATE_EXPIRED", name_of(named.identities[0]))
        return named.identities


def admitted(
    access: Access,
    method: str,
    authorization: Sequence[str],
    of_certificate: Callable[[], tuple[Identity, ...]],
    on_behalf_of: str = "",
) -> str:
    """The name of a caller who may call a method, as log and record have it.

    A call with a token is its subject's, whatever certificate the connection has. Raises UnauthenticatedError or
    PermissionDeniedError.

    Args:
        access: who may call what.
        method: the method's name.
        authorization: every value that came under that name.
        of_certificate: whom the connection's certificate names; raises UnauthenticatedError.
        on_behalf_of: for whom the call says that it is made; said of callers alone who are listed to call for others,
            and who answer for it.
    """
    identities = _identities(access, authorization, of_certificate)
    listed = [identity for identity in identities if identity in access.rights]
    name = name_of((listed or identities)[0])
    if not listed:
        raise PermissionDeniedError("CALLER_NOT_LISTED", name)
    if not any(method in access.rights[identity] for identity in listed):
        raise PermissionDeniedError("METHOD_NOT_ALLOWED", name)
    if _NAME.fullmatch(on_behalf_of) and access.on_behalf.intersection(listed):
        return f"{name} for {on_behalf_of}"
    return name


def name_of(identity: Identity) -> str:
    """An identity in one text, as log and record have it."""
    kind, name = identity
    return (name if kind == "uri" else f"{kind}:{name}")[:MOST_NAME_CHARACTERS]


def read_identity(settings: Listening) -> tuple[TlsFiles | None, Access | None]:
    """What the settings say of certificates and callers, read and checked.

    Raises SettingsError with every fault of every file.
    """
    faults: list[str] = [*settings.contradictions()]
    tls: TlsFiles | None = None
    access: Access | None = None
    try:
        tls = read_tls(settings)
    except SettingsError as error:
        faults += error.faults
    try:
        access = read_access(settings)
    except SettingsError as error:
        faults += error.faults
    if faults:
        raise SettingsError(tuple(faults))
    return tls, access


def _identities(
    access: Access, authorization: Sequence[str], of_certificate: Callable[[], tuple[Identity, ...]]
) -> tuple[Identity, ...]:
    """As whom the call comes: one or more. Raises UnauthenticatedError."""
    if not authorization:
        return of_certificate()
    try:
        if access.tokens is None:
            raise UnauthenticatedError("TOKEN_NOT_TAKEN")
        if len(authorization) > 1:
            raise UnauthenticatedError("TOKEN_REPEATED")
        return (("sub", access.tokens.subject(authorization[0])),)
    except UnauthenticatedError as error:
        raise UnauthenticatedError(error.cause, _shown(of_certificate)) from None


def _shown(of_certificate: Callable[[], tuple[Identity, ...]]) -> str:
    """Whom the certificate of a call names whose token is refused, as far as it has one."""
    try:
        return name_of(of_certificate()[0])
    except UnauthenticatedError as error:
        return error.caller
