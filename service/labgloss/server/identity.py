"""The gate that every call passes before it is read, and the line of those who do not pass it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import grpc
from grpc_status import rpc_status
from structlog.typing import FilteringBoundLogger

from labgloss.access.callers import Holders, Named, admitted, read_identity
from labgloss.access.certificates import TlsFiles, watch_tls
from labgloss.access.file import Access, Identity, watch_access
from labgloss.errors import AccessError
from labgloss.evidence.call import ANONYMOUS
from labgloss.server.settings import Settings
from labgloss.wire.status import code_of, status_of

# Metadata that names for whom a service in between calls.
ON_BEHALF_OF = "labgloss-on-behalf-of"


class Gate:
    """Lets a call in, before its message is parsed, or refuses it.

    A certificate is read when it first comes, a token verified when it first comes; from then on each is looked up
    by its text or digest until it expires. What a caller may do is looked up at each call, in the access file as it was
    up to a second ago. A call with a token is its subject's, whatever certificate the connection has.
    """

    def __init__(self, access: Callable[[], Access] | None) -> None:
        self._access = access
        self._holders = Holders()

    def admit(self, method: str, context: grpc.ServicerContext) -> str:
        """Who calls this method, as log and record name it. Raises UnauthenticatedError or PermissionDeniedError.

        Without an access file everybody who reaches the port is let in as "anonymous".
        """
        if self._access is None:
            return ANONYMOUS
        access = self._access()
        if method in access.open_methods:
            return ANONYMOUS
        sent, asked_for = [], ""
        for name, value in context.invocation_metadata():
            if name == "authorization":
                sent.append(str(value))
            elif name == ON_BEHALF_OF:
                asked_for = str(value)
        return admitted(access, method, sent, lambda: self._of_certificate(context), asked_for)

    def _of_certificate(self, context: grpc.ServicerContext) -> tuple[Identity, ...]:
        shown = cast("Mapping[str, Sequence[bytes]]", context.auth_context())
        certificate = next(iter(shown.get("x509_pem_cert", ())), None)
        return self._holders.identities(certificate, lambda pem: _named(pem, shown))


def _named(certificate: bytes, shown: Mapping[str, Sequence[bytes]]) -> Named:
    from cryptography import x509

    identities: list[Identity] = []
    # By kind, and never the subject: a DNS name that reads like a URI is not one.
    for kind, key in (("uri", "peer_uri"), ("dns", "peer_dns")):
        for value in shown.get(key, ()):
            try:
                name = value.decode("ascii")
            except UnicodeDecodeError:
                continue
            identities.append((kind, name.lower() if kind == "dns" else name))
    return Named(tuple(identities), x509.load_pem_x509_certificate(certificate).not_valid_after_utc)


class Watching:
    """Certificates and callers as their files last were without a fault, for a process that starts others.

    Raises SettingsError, when it is made, with every fault of every file.
    """

    def __init__(self, settings: Settings, log: FilteringBoundLogger) -> None:
        tls, access = read_identity(settings)
        self._tls = None if tls is None else watch_tls(settings, tls, log)
        self._access = None if access is None else watch_access(settings, access, log)

    def current(self) -> tuple[TlsFiles | None, Access | None]:
        """What `start` takes in the place of the files. Never raises."""
        return (
            None if self._tls is None else self._tls.current(),
            None if self._access is None else self._access(),
        )


OPEN_GATE = Gate(None)


def make_gate(settings: Settings, first: Access | None, log: FilteringBoundLogger) -> Gate:
    """The gate over the access file, which is read anew when it changes."""
    return OPEN_GATE if first is None else Gate(watch_access(settings, first, log))


# ------------------------------------------------------------------------------------------------ the audit


def say_refused(log: FilteringBoundLogger, method: str, error: AccessError) -> None:
    """One line for a caller who was not let in: as far as it is known, never by a token's or certificate's text."""
    log.warning(
        "refused",
        method=method,
        status=code_of(error),
        reason=error.reason,
        cause=error.cause,
        caller=error.caller,
    )


def ending_refused(gate: Gate, log: FilteringBoundLogger) -> Callable[[str, grpc.ServicerContext], None]:
    """What ends a call of a method that the gate does not let in, for handlers that leave no other line in the log."""

    def admit(method: str, context: grpc.ServicerContext) -> None:
        try:
            gate.admit(method, context)
        except AccessError as error:
            say_refused(log, method, error)
            context.abort_with_status(rpc_status.to_status(status_of(error)))

    return admit
