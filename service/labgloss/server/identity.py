"""Who calls, and what they may call: the access file, and the gate that every call passes before it is read."""

from __future__ import annotations

import hashlib
import tomllib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Annotated, Literal, Self, cast

import grpc
from grpc_status import rpc_status
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from structlog.typing import FilteringBoundLogger

from labgloss.errors import AccessError, PermissionDeniedError, SettingsError, UnauthenticatedError
from labgloss.evidence.call import ANONYMOUS
from labgloss.server.credentials import TlsFiles, read_tls
from labgloss.server.settings import Settings
from labgloss.server.tokens import ALGORITHMS, Tokens, TokenTerms, read_keys
from labgloss.server.watched import Watched
from labgloss.v1 import interpretation_pb2, knowledge_pb2
from labgloss.wire.status import code_of, status_of

HEALTH_METHODS = frozenset({"Check", "Watch"})
# By the name that the access file gives each service.
METHODS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        **{
            service.name: frozenset(method.name for method in service.methods)
            for file in (interpretation_pb2.DESCRIPTOR, knowledge_pb2.DESCRIPTOR)
            for service in file.services_by_name.values()
        },
        "Health": HEALTH_METHODS,
        "ServerReflection": frozenset({"ServerReflectionInfo"}),
    }
)
_NAMES = frozenset(METHODS).union(*METHODS.values())

# Seconds until a changed access file is noticed: calls share one look at it.
LOOK_SECONDS = 1.0
_MOST_BYTES = 1_048_576
_MOST_CERTIFICATES = 1_024
_MOST_NAME_CHARACTERS = 200

# How a caller is known, and as whom: ("uri", "spiffe://..."), ("dns", "..."), ("sub", "...").
Identity = tuple[str, str]


# ------------------------------------------------------------------------------------------------ the access file


def _without_case(name: object) -> object:
    return name.lower() if isinstance(name, str) else name


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _CallerForm(_Form):
    uri: str | None = Field(
        None,
        pattern=r"^[A-Za-z][A-Za-z0-9+.-]*:[!-~]+$",
        max_length=_MOST_NAME_CHARACTERS,
        description='a URI as the certificate holds it, such as "spiffe://hospital.example/ehr"',
    )
    dns: Annotated[str | None, BeforeValidator(_without_case)] = Field(
        None,
        pattern=r"^[a-z0-9_]([a-z0-9_.-]*[a-z0-9])?$",
        max_length=_MOST_NAME_CHARACTERS,
        description="a DNS name as the certificate holds it, without a wildcard",
    )
    sub: str | None = Field(
        None,
        min_length=1,
        max_length=_MOST_NAME_CHARACTERS,
        description="the subject of a token, as its issuer writes it, up to 200 characters",
    )
    methods: list[Literal[tuple(sorted(_NAMES))]] = Field(  # type: ignore[valid-type]
        min_length=1, description=f"one or more of {', '.join(sorted(_NAMES))}"
    )

    @model_validator(mode="after")
    def _one_identity(self) -> Self:
        if sum(name is not None for name in (self.uri, self.dns, self.sub)) != 1:
            raise ValueError("exactly one of uri, dns and sub")
        return self

    @property
    def identity(self) -> Identity:
        if self.uri is not None:
            return "uri", self.uri
        return ("dns", self.dns) if self.dns is not None else ("sub", self.sub or "")

    @property
    def rights(self) -> frozenset[str]:
        return frozenset().union(*(METHODS.get(name, frozenset({name})) for name in self.methods))


class _TokenForm(_Form):
    issuer: str = Field(min_length=1, description="a text: iss of a token is exactly this")
    audience: str = Field(min_length=1, description="a text: aud of a token is or holds exactly this")
    algorithms: list[Literal[ALGORITHMS]] = Field(  # type: ignore[valid-type]
        min_length=1, description=f"one or more of {', '.join(ALGORITHMS)}"
    )
    keys: str = Field(min_length=1, description="a file beside this one: a JWK set, or one public key in PEM")
    leeway_seconds: int = Field(30, ge=0, le=300, description="a whole number of seconds from 0 to 300")


class _AccessForm(_Form):
    open_health: bool = Field(True, description="true or false")
    caller: list[_CallerForm] = Field(min_length=1, description="one [[caller]] or more")
    token: _TokenForm | None = Field(None, description="one table [token]")


@dataclass(frozen=True)
class Access:
    """Who may call what, and how a token is told; equal to another from the same bytes."""

    digest: str
    rights: Mapping[Identity, frozenset[str]] = field(compare=False)
    open_methods: frozenset[str] = field(compare=False)
    tokens: Tokens | None = field(compare=False)
    files: tuple[Path, ...]


def read_access(settings: Settings) -> Access | None:
    """The access file that the settings name; None where they name none.

    Raises SettingsError with every fault of the file, and of the file of keys that it names.
    """
    file = settings.access
    if file is None:
        return None
    content = _read(file)
    try:
        table = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        where = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "it is not UTF-8"
        raise SettingsError((f"{file}: is not TOML: {where}",)) from None
    try:
        form = _AccessForm.model_validate(table)
    except ValidationError as error:
        raise SettingsError(tuple(f"{file}: {fault}" for fault in _faults(error))) from None
    faults = [f"{file}: {fault}" for fault in _contradictions(form, settings)]
    digest, tokens = hashlib.sha256(content), None
    files: tuple[Path, ...] = (file,)
    if form.token is not None:
        keys = file.parent / form.token.keys
        files = (file, keys)
        try:
            key_content = _read(keys)
            tokens = _tokens(form.token, key_content, keys)
            digest.update(key_content)
        except SettingsError as error:
            faults += error.faults
    if faults:
        raise SettingsError(tuple(faults))
    rights = {each.identity: each.rights for each in form.caller}
    open_methods = HEALTH_METHODS if form.open_health else frozenset[str]()
    return Access(digest.hexdigest(), MappingProxyType(rights), open_methods, tokens, files)


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not the name of a file"
        raise SettingsError((f"{file}: cannot be read: {reason}",)) from None
    if len(content) > _MOST_BYTES:
        raise SettingsError((f"{file}: is larger than {_MOST_BYTES} bytes",))
    return content


def _tokens(form: _TokenForm, content: bytes, keys: Path) -> Tokens:
    try:
        import jwt  # noqa: F401 - of an extra
    except ImportError:
        raise SettingsError(("[token] needs the package pyjwt: install labgloss[jwt]",)) from None
    try:
        terms = TokenTerms(form.issuer, form.audience, read_keys(content, tuple(form.algorithms)), form.leeway_seconds)
    except ValueError as error:
        raise SettingsError((f"{keys}: {error}",)) from None
    return Tokens(terms)


def _contradictions(form: _AccessForm, settings: Settings) -> Iterator[str]:
    """What no field shows by itself."""
    identities = [each.identity for each in form.caller]
    for position, (kind, name) in enumerate(identities):
        place = f"caller[{position}]"
        if (kind, name) in identities[:position]:
            yield f"{place}: is listed twice; list its methods once"
        if kind == "sub" and form.token is None:
            yield f"{place}.sub: is the subject of a token, and [token] does not say which tokens are taken"
        if kind != "sub" and settings.tls_client_ca is None:
            yield f"{place}.{kind}: is of a certificate, and tls_client_ca does not say whose certificates are taken"
    if form.token is not None:
        if all(kind != "sub" for kind, _ in identities):
            yield "token: no caller is listed by the sub of a token; list one, or leave [token] out"
        if not form.open_health:
            yield (
                "open_health: must be true where tokens are taken; gRPC's clients ask for the health of each backend "
                "without one, and would find none that serves"
            )


def _faults(error: ValidationError) -> Iterator[str]:
    """Each fault by its place, with what is allowed; never with what was written."""
    for problem in error.errors(include_url=False, include_input=False):
        place, allowed = _place(problem["loc"])
        if problem["type"] == "extra_forbidden":
            yield f"{place}: is no key of an access file; deploy/access.example.toml shows them all"
        elif problem["type"] == "value_error":
            yield f"{place}: needs {problem['ctx']['error']}"
        else:
            yield f"{place}: needs {allowed}"


def _place(loc: tuple[int | str, ...]) -> tuple[str, str]:
    """The path of a fault as the file's author would write it, and what is allowed there."""
    place, allowed = "", "another value"
    form: type[_Form] = _AccessForm
    forms: Mapping[str, type[_Form]] = {"caller": _CallerForm, "token": _TokenForm}
    for part in loc:
        if isinstance(part, int):
            place += f"[{part}]"
            continue
        place += f".{part}" if place else part
        if part in form.model_fields:
            allowed = form.model_fields[part].description or allowed
            form = forms.get(part, form) if form is _AccessForm else form
    return place, allowed


# ------------------------------------------------------------------------------------------------ the gate


@dataclass(frozen=True, slots=True)
class _Named:
    """What a certificate that a handshake took says of its holder."""

    identities: tuple[Identity, ...]
    not_after: datetime


class Gate:
    """Lets a call in, before its message is parsed, or refuses it.

    A certificate is read when it first comes, a token verified when it first comes; from then on each is looked up
    by its text or digest until it expires. What a caller may do is looked up at each call, in the access file as it was
    up to a second ago. A call with a token is its subject's, whatever certificate the connection has.
    """

    def __init__(self, access: Callable[[], Access] | None) -> None:
        self._access = access
        self._named: OrderedDict[bytes, _Named] = OrderedDict()
        self._lock = Lock()

    def admit(self, method: str, context: grpc.ServicerContext) -> str:
        """Who calls this method, as log and record name it. Raises UnauthenticatedError or PermissionDeniedError.

        Without an access file everybody who reaches the port is let in as "anonymous".
        """
        if self._access is None:
            return ANONYMOUS
        access = self._access()
        if method in access.open_methods:
            return ANONYMOUS
        identities = self._identities(access, context)
        listed = [identity for identity in identities if identity in access.rights]
        name = _name((listed or identities)[0])
        if not listed:
            raise PermissionDeniedError("CALLER_NOT_LISTED", name)
        if not any(method in access.rights[identity] for identity in listed):
            raise PermissionDeniedError("METHOD_NOT_ALLOWED", name)
        return name

    def _identities(self, access: Access, context: grpc.ServicerContext) -> tuple[Identity, ...]:
        """As whom the call comes: one or more. Raises UnauthenticatedError."""
        sent = [str(value) for name, value in context.invocation_metadata() if name == "authorization"]
        if not sent:
            return self._of_certificate(context)
        try:
            if access.tokens is None:
                raise UnauthenticatedError("TOKEN_NOT_TAKEN")
            if len(sent) > 1:
                raise UnauthenticatedError("TOKEN_REPEATED")
            return (("sub", access.tokens.subject(sent[0])),)
        except UnauthenticatedError as error:
            raise UnauthenticatedError(error.cause, self._shown(context)) from None

    def _shown(self, context: grpc.ServicerContext) -> str:
        """Whom the certificate of a call names whose token is refused, as far as it has one."""
        try:
            return _name(self._of_certificate(context)[0])
        except UnauthenticatedError as error:
            return error.caller

    def _of_certificate(self, context: grpc.ServicerContext) -> tuple[Identity, ...]:
        shown = cast("Mapping[str, Sequence[bytes]]", context.auth_context())
        certificate = next(iter(shown.get("x509_pem_cert", ())), None)
        if certificate is None:
            raise UnauthenticatedError("NO_CREDENTIALS")
        with self._lock:
            named = self._named.get(certificate)
            if named is not None:
                self._named.move_to_end(certificate)
        if named is None:
            named = _named(certificate, shown)
            with self._lock:
                self._named[certificate] = named
                if len(self._named) > _MOST_CERTIFICATES:
                    self._named.popitem(last=False)
        if not named.identities:
            raise UnauthenticatedError("NO_IDENTITY")
        # A connection outlives its handshake, and a resumed session is not verified anew.
        if datetime.now(UTC) >= named.not_after:
            raise UnauthenticatedError("CERTIFICATE_EXPIRED", _name(named.identities[0]))
        return named.identities


def _named(certificate: bytes, shown: Mapping[str, Sequence[bytes]]) -> _Named:
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
    return _Named(tuple(identities), x509.load_pem_x509_certificate(certificate).not_valid_after_utc)


def _name(identity: Identity) -> str:
    kind, name = identity
    return (name if kind == "uri" else f"{kind}:{name}")[:_MOST_NAME_CHARACTERS]


OPEN_GATE = Gate(None)


def make_gate(settings: Settings, first: Access | None, log: FilteringBoundLogger) -> Gate:
    """The gate over the access file, which is read anew when it changes."""
    if first is None:
        return OPEN_GATE
    watched = Watched(
        first,
        lambda: read_access(settings) or first,
        lambda access: log.info("access_loaded", access=access.digest),
        lambda faults: log.error("access_kept", faults=faults),
        LOOK_SECONDS,
    )
    return Gate(watched.current)


def read_identity(settings: Settings) -> tuple[TlsFiles | None, Access | None]:
    """What the settings say of certificates and callers, read and checked; makes nothing of gRPC's.

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
