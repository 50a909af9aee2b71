"""The access file: who may call what, and which tokens are taken."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from structlog.typing import FilteringBoundLogger

from labgloss.access.tokens import Issuer, Tokens, TokenTerms, read_keys
from labgloss.access.watched import Watched
from labgloss.errors import SettingsError
from labgloss.files import content_of
from labgloss.frozen import dataclass
from labgloss.settings import Listening
from labgloss.v1 import fhir_pb2, interpretation_pb2, knowledge_pb2

if TYPE_CHECKING:
    from labgloss.access.form import AccessForm, EhrForm, TokenForm

HEALTH_METHODS = frozenset({"Check", "Watch"})
# By the name that the access file gives each service.
METHODS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        **{
            service.name: frozenset(method.name for method in service.methods)
            for file in (fhir_pb2.DESCRIPTOR, interpretation_pb2.DESCRIPTOR, knowledge_pb2.DESCRIPTOR)
            for service in file.services_by_name.values()
        },
        "Health": HEALTH_METHODS,
        "ServerReflection": frozenset({"ServerReflectionInfo"}),
    }
)

# Seconds until a changed access file is noticed: calls share one look at it.
LOOK_SECONDS = 1.0
_MOST_BYTES = 1_048_576
MOST_NAME_CHARACTERS = 200

# How a caller is known, and as whom: ("uri", "spiffe://..."), ("dns", "..."), ("sub", "...").
Identity = tuple[str, str]


@dataclass(frozen=True)
class Access:
    """Who may call what, and how a token is told; equal to another from the same bytes."""

    digest: str
    rights: Mapping[Identity, frozenset[str]] = field(compare=False)
    open_methods: frozenset[str] = field(compare=False)
    tokens: Tokens | None = field(compare=False)
    # Callers that are believed for whom they call.
    on_behalf: frozenset[Identity] = field(compare=False)
    # EHRs that call hooks, by the issuer that their tokens name.
    ehrs: Mapping[str, Issuer] = field(compare=False)
    files: tuple[Path, ...]


def read_access(settings: Listening) -> Access | None:
    """The access file that the settings name; None where they name none.

    Raises SettingsError with every fault of the file, and of the file of keys that it names.
    """
    file = settings.access
    if file is None:
        return None
    # Only here, as what validates: without an access file nothing is read.
    import tomllib

    from labgloss.access.form import formed

    content = _read(file)
    try:
        table = tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        where = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "it is not UTF-8"
        raise SettingsError((f"{file}: is not TOML: {where}",)) from None
    form = formed(file, table)
    faults = [f"{file}: {fault}" for fault in _contradictions(form, settings)]
    signed: list[TokenForm | EhrForm] = [*([form.token] if form.token else []), *form.ehr]
    digest, issuers, files = hashlib.sha256(content), list[Issuer](), [file]
    for each in signed:
        keys = file.parent / each.keys
        files.append(keys)
        try:
            key_content = _read(keys)
            issuers.append(_issuer(each, key_content, keys))
            digest.update(key_content)
        except SettingsError as error:
            faults += error.faults
    if faults:
        raise SettingsError(tuple(faults))
    tokens = None if form.token is None else Tokens(TokenTerms(issuers.pop(0), form.token.audience))
    rights = {each.identity: each.rights for each in form.caller}
    on_behalf = frozenset(each.identity for each in form.caller if each.on_behalf)
    ehrs = MappingProxyType({issuer.name: issuer for issuer in issuers})
    open_methods = HEALTH_METHODS if form.open_health else frozenset[str]()
    return Access(digest.hexdigest(), MappingProxyType(rights), open_methods, tokens, on_behalf, ehrs, tuple(files))


def _read(file: Path) -> bytes:
    try:
        content = content_of(file, _MOST_BYTES + 1)
    except OSError as error:
        raise SettingsError((f"{file}: cannot be read: {error.strerror}",)) from None
    if len(content) > _MOST_BYTES:
        raise SettingsError((f"{file}: is larger than {_MOST_BYTES} bytes",))
    return content


def _issuer(form: TokenForm | EhrForm, content: bytes, keys: Path) -> Issuer:
    try:
        import jwt  # noqa: F401 - of an extra
    except ImportError:
        raise SettingsError(("[token] and [[ehr]] need the package pyjwt: install labgloss[jwt]",)) from None
    try:
        return Issuer(form.issuer, read_keys(content, tuple(form.algorithms)), form.leeway_seconds)
    except ValueError as error:
        raise SettingsError((f"{keys}: {error}",)) from None


def _contradictions(form: AccessForm, settings: Listening) -> Iterator[str]:
    """What no field shows by itself."""
    identities = [each.identity for each in form.caller]
    if not form.caller and (settings.lists_all_callers or not form.ehr):
        yield "caller: needs one [[caller]] or more"
    for position, (kind, name) in enumerate(identities):
        place = f"caller[{position}]"
        if (kind, name) in identities[:position]:
            yield f"{place}: is listed twice; list its methods once"
        if kind == "sub" and form.token is None:
            yield f"{place}.sub: is the subject of a token, and [token] does not say which tokens are taken"
        if kind != "sub" and settings.tls_client_ca is None and settings.lists_all_callers:
            yield f"{place}.{kind}: is of a certificate, and tls_client_ca does not say whose certificates are taken"
    issuers = [each.issuer for each in form.ehr]
    for position, issuer in enumerate(issuers):
        if issuer in issuers[:position]:
            yield f"ehr[{position}]: is listed twice; let the file of its keys hold all that it signs with"
        if form.token is not None and issuer == form.token.issuer:
            yield f"ehr[{position}].issuer: is that of [token] too, so that its tokens could be taken for either"
    if form.token is not None:
        if all(kind != "sub" for kind, _ in identities):
            yield "token: no caller is listed by the sub of a token; list one, or leave [token] out"
        if not form.open_health:
            yield (
                "open_health: must be true where tokens are taken; gRPC's clients ask for the health of each backend "
                "without one, and would find none that serves"
            )


def watch_access(settings: Listening, first: Access, log: FilteringBoundLogger) -> Callable[[], Access]:
    """What gives the access file as it was up to a second ago: it is read anew when it changes, a faulty one never."""
    watched = Watched(
        first,
        lambda: read_access(settings) or first,
        lambda access: log.info("access_loaded", access=access.digest),
        lambda faults: log.error("access_kept", faults=faults),
        LOOK_SECONDS,
    )
    return watched.current
