"""How settings are given: by flag, by environment (LABGLOSS_PORT and so on), or by default, in this order.

And those that every server has: where it listens, how the way is encrypted, who may call.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

from labgloss.errors import SettingsError
from labgloss.frozen import dataclass
from labgloss.readers import choice, flag, host_name, path, pattern, readers_of, setting, whole

PREFIX = "LABGLOSS_"

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, kw_only=True)
class Listening:
    """What an operator decides of any server. Each reader says what is allowed."""

    host: str = setting(
        "127.0.0.1",
        host_name('an address or name of this machine, such as "127.0.0.1", "0.0.0.0" or "::"'),
    )
    port: int = setting(0, whole(0, 65535, "a whole number from {} (any free port) to {}"))
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "info", choice("debug", "info", "warning", "error")
    )
    tls_certificate: Path | None = setting(
        None, path("a PEM file, the server's certificate first, then its issuers; left out, there is no TLS")
    )
    tls_key: Path | None = setting(None, path("a PEM file with the key of tls_certificate, without a passphrase"))
    tls_client_ca: Path | None = setting(
        None, path("a PEM file with the authorities of callers' certificates; left out, none is asked for")
    )
    access: Path | None = setting(None, path("an access file (TOML); left out, everybody may call every method"))
    plaintext: bool = setting(False, flag("true, where something else encrypts the way to the port, or false"))
    health_port: int | None = setting(
        None, whole(0, 65535, "a port from {} (any free one) to {}; left out, there is none")
    )

    def contradictions(self) -> tuple[str, ...]:
        """What is wrong of several settings together, each with how to mend it."""
        return tuple(self._contradictions())

    def _contradictions(self) -> Iterator[str]:
        if (self.tls_certificate is None) != (self.tls_key is None):
            given, missing = ("tls_certificate", "tls_key")[:: 1 if self.tls_key is None else -1]
            yield f"{given}: needs {missing} beside it"
        if self.tls_client_ca is not None and self.tls_certificate is None:
            yield "tls_client_ca: needs tls_certificate and tls_key; a caller shows a certificate only to one that does"
        if self.tls_client_ca is not None and self.access is None:
            yield "tls_client_ca: needs access, the file that lists whose certificates may call what"
        if self.access is not None and self.log_level == "error":
            yield "log_level: error hides callers that were refused from the log; access needs warning, info or debug"
        if self.plaintext and self.tls_certificate is not None:
            yield "plaintext: contradicts tls_certificate; leave one of them out"
        if not (self.on_loopback or self.plaintext or self.tls_certificate is not None):
            yield (
                f"host: at {self.host} panels would travel unencrypted; give tls_certificate and tls_key, or "
                "plaintext where something else encrypts the way to the port"
            )
        if self.health_port is not None and self.health_port == self.port != 0:
            yield "health_port: is the same as port; choose another"

    def address_of(self, port: int) -> str:
        """Host and port in one text."""
        return f"[{self.host}]:{port}" if ":" in self.host else f"{self.host}:{port}"

    @property
    def lists_all_callers(self) -> bool:
        """Whether the access file is for this server's callers alone; one that is shared lists others too."""
        return True

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def transport(self) -> Literal["mtls", "tls", "plaintext"]:
        """How calls come; over mtls each caller shows a certificate."""
        if self.tls_certificate is None:
            return "plaintext"
        return "tls" if self.tls_client_ca is None else "mtls"


@dataclass(frozen=True, kw_only=True)
class Asking(Listening):
    """What an operator decides of a server that asks the gRPC service: where that is, and how the way is encrypted."""

    target: str = setting("127.0.0.1:50051", pattern(r"(?s).{1,1000}", "HOST:PORT of the gRPC service that interprets"))
    target_tls: bool = setting(False, flag("true or false: whether the way to the target is encrypted"))
    target_plaintext: bool = setting(
        False, flag("true, where something else encrypts the way to a target on another machine, or false")
    )
    target_tls_ca: Path | None = setting(None, path("a PEM file with the authorities of the target"))
    target_tls_certificate: Path | None = setting(None, path("a PEM file with the certificate to show the target"))
    target_tls_key: Path | None = setting(None, path("a PEM file with the key of target_tls_certificate"))
    target_token_file: Path | None = setting(None, path("a file that holds the token to send to the target"))

    def _contradictions(self) -> Iterator[str]:
        yield from super()._contradictions()
        if (self.target_tls_certificate is None) != (self.target_tls_key is None):
            yield "target_tls_certificate and target_tls_key: are needed both, or neither"


FormT = TypeVar("FormT", bound=Listening)


def read_form(form: type[FormT], environment: Mapping[str, str], flags: Mapping[str, object]) -> FormT:
    """The settings that flags (by field name; None is not given) and environment make.

    Raises SettingsError with every wrong setting: its name, and what is allowed.
    """
    named = {f"{PREFIX}{name.upper()}": name for name in readers_of(form)}
    given: dict[str, object] = {}
    spelled: dict[str, str] = {}
    faults: list[str] = []
    for variable, text in environment.items():
        if not variable.startswith(PREFIX):
            continue
        if variable in named:
            given[named[variable]], spelled[named[variable]] = text, variable
        else:
            faults.append(f"{variable}: is not a setting; the settings are {', '.join(sorted(named))}{_why(variable)}")
    for name, value in flags.items():
        if value is not None:
            given[name], spelled[name] = value, f"--{name.replace('_', '-')}"
    values, wrong = _values(form, given)
    faults += (_fault(form, name, spelled.get(name, name), given.get(name)) for name in wrong)
    try:
        # What is wrong has its default here.
        settings = form(**values)
    except TypeError:
        # One of them has none.
        raise SettingsError(tuple(faults)) from None
    # A contradiction names every setting that it is of.
    faults += (fault for fault in settings.contradictions() if not set(_WORD.findall(fault)) & set(wrong))
    if faults:
        raise SettingsError(tuple(faults))
    return settings


def _why(variable: str, text: str = "") -> str:
    """Why somebody who set no such variable has it, where that can be told."""
    linked = variable.startswith((f"{PREFIX}SERVICE_", f"{PREFIX}PORT_")) or text.startswith(("tcp://", "udp://"))
    reason = "; Kubernetes sets it for a Service named labgloss: give the pod enableServiceLinks: false"
    return reason if linked else ""


def _values(form: type[Listening], given: Mapping[str, object]) -> tuple[dict[str, Any], list[str]]:
    """The values of the settings, and the names of those that are wrong, missing, or no settings."""
    values: dict[str, Any] = {}
    readers = readers_of(form)
    for declared in fields(form):
        name, reader = declared.name, readers[declared.name]
        if name not in given:
            values |= {} if declared.default is MISSING else {name: declared.default}
            continue
        # What is wrong is left out of the values.
        with suppress(ValueError):
            # A flag may be a value already.
            value = reader.read(_something(str(given[name])))
            if not reader.at_least or value >= values.get(reader.at_least, value):
                values[name] = value
    return values, [name for name in dict.fromkeys((*readers, *given)) if name not in values]


def _fault(form: type[Listening], name: str, label: str, given: object) -> str:
    readers = readers_of(form)
    if name not in readers:
        return f"{label}: is not a setting; the settings are {', '.join(sorted(readers))}"
    empty = "is empty; " if given == "" else ""
    return f"{label}: {empty}needs {readers[name].allowed}{_why(label, str(given))}"


def _something(text: str) -> str:
    # What should have filled it was not there, such as a variable of a shell: for access, that would let everybody in.
    if not text:
        raise ValueError("empty")
    return text
