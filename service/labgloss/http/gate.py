"""Lets a request in, or refuses it, by the same access file as the gRPC service has."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request

from labgloss.access.callers import Holders, Named, admitted, name_of
from labgloss.access.file import Access, Identity
from labgloss.access.tokens import Used, ehr_of, is_of_ehr
from labgloss.evidence.call import ANONYMOUS

# Under which the protocol keeps the certificate of a connection, DER; see serve.py.
CERTIFICATE = "labgloss.certificate"


class Gate:
    """Who may call what; without an access file everybody may who reaches the port, and is anonymous."""

    def __init__(self, access: Callable[[], Access] | None, public_url: str = "") -> None:
        self._access = access
        self._public_url = public_url
        self._holders = Holders()
        self._used = Used()

    def admit(self, method: str, request: Request) -> str:
        """Who calls a method of the API. Raises UnauthenticatedError or PermissionDeniedError."""
        if self._access is None:
            return ANONYMOUS
        sent = request.headers.getlist("authorization")
        return admitted(self._access(), method, sent, lambda: self._of_certificate(request))

    def admit_ehr(self, method: str, request: Request) -> str:
        """Who calls a hook: an EHR, by the token that CDS Hooks asks for, or whoever may call the method.

        Raises UnauthenticatedError or PermissionDeniedError.
        """
        sent = request.headers.getlist("authorization")
        ehrs = {} if self._access is None else self._access().ehrs
        if len(sent) != 1 or not is_of_ehr(sent[0], ehrs):
            return self.admit(method, request)
        # Never by what the request says of the host that it was sent to.
        endpoint = f"{self._public_url}{request.url.path}"
        return name_of(("iss", ehr_of(sent[0], endpoint, ehrs, self._used)))

    def _of_certificate(self, request: Request) -> tuple[Identity, ...]:
        return self._holders.identities(request.scope.get("state", {}).get(CERTIFICATE), _named)


def known(caller: str) -> str:
    """The caller as the gRPC service is told for whom it is called; empty where nobody is known."""
    return "" if caller == ANONYMOUS else caller


def _named(certificate: bytes) -> Named:
    from cryptography import x509

    read = x509.load_der_x509_certificate(certificate)
    try:
        names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return Named((), read.not_valid_after_utc)
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    hosts = names.get_values_for_type(x509.DNSName)
    # By kind, and never the subject: a DNS name that reads like a URI is not one.
    identities = (*(("uri", name) for name in uris), *(("dns", name.lower()) for name in hosts))
    return Named(identities, read.not_valid_after_utc)
