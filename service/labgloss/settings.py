"""How settings are given: by flag, by environment (LABGLOSS_PORT and so on), or by default, in this order.

And those that every server has: where it listens, how the way is encrypted, who may call.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from labgloss.errors import SettingsError

PREFIX = "LABGLOSS_"


class Listening(BaseModel):
    """What an operator decides of any server. Each description says what is allowed."""

    # What validates is built for the settings that are read, and not for those that they extend.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    host: str = Field(
        "127.0.0.1",
        pattern=r"^[A-Za-z0-9.:_-]+$",
        description='an address or name of this machine, such as "127.0.0.1", "0.0.0.0" or "::"',
    )
    port: int = Field(0, ge=0, le=65535, description="a whole number from 0 (any free port) to 65535")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="debug, info, warning or error")
    tls_certificate: Path | None = Field(
        None, description="a PEM file, the server's certificate first, then its issuers; left out, there is no TLS"
    )
    tls_key: Path | None = Field(None, description="a PEM file with the key of tls_certificate, without a passphrase")
    tls_client_ca: Path | None = Field(
        None, description="a PEM file with the authorities of callers' certificates; left out, none is asked for"
    )
    access: Path | None = Field(None, description="an access file (TOML); left out, everybody may call every method")
    plaintext: bool = Field(False, description="true, where something else encrypts the way to the port, or false")
    health_port: int | None = Field(
        None, ge=0, le=65535, description="a port from 0 (any free one) to 65535; left out, there is none"
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


class Asking(Listening):
    """What an operator decides of a server that asks the gRPC service: where that is, and how the way is encrypted."""

    target: str = Field(
        "127.0.0.1:50051", min_length=1, max_length=1_000, description="HOST:PORT of the gRPC service that interprets"
    )
    target_tls: bool = Field(False, description="true or false: whether the way to the target is encrypted")
    target_plaintext: bool = Field(
        False, description="true, where something else encrypts the way to a target on another machine, or false"
    )
    target_tls_ca: Path | None = Field(None, description="a PEM file with the authorities of the target")
    target_tls_certificate: Path | None = Field(None, description="a PEM file with the certificate to show the target")
    target_tls_key: Path | None = Field(None, description="a PEM file with the key of target_tls_certificate")
    target_token_file: Path | None = Field(None, description="a file that holds the token to send to the target")

    def _contradictions(self) -> Iterator[str]:
        yield from super()._contradictions()
        if (self.target_tls_certificate is None) != (self.target_tls_key is None):
            yield "target_tls_certificate and target_tls_key: are needed both, or neither"


FormT = TypeVar("FormT", bound=Listening)


def read_form(form: type[FormT], environment: Mapping[str, str], flags: Mapping[str, object]) -> FormT:
    """The settings that flags (by field name; None is not given) and environment make.

    Raises SettingsError with every wrong setting: its name, and what is allowed.
    """
    named = {f"{PREFIX}{name.upper()}": name for name in form.model_fields}
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
    try:
        settings = form.model_validate(given)
    except ValidationError as error:
        raise SettingsError((*faults, *_faults(form, error, given, spelled))) from None
    faults += settings.contradictions()
    if faults:
        raise SettingsError(tuple(faults))
    return settings


def _why(variable: str, text: str = "") -> str:
    """Why somebody who set no such variable has it, where that can be told."""
    linked = variable.startswith((f"{PREFIX}SERVICE_", f"{PREFIX}PORT_")) or text.startswith(("tcp://", "udp://"))
    reason = "; Kubernetes sets it for a Service named labgloss: give the pod enableServiceLinks: false"
    return reason if linked else ""


def _faults(
    form: type[Listening], error: ValidationError, given: Mapping[str, object], spelled: Mapping[str, str]
) -> Iterator[str]:
    for problem in error.errors(include_url=False, include_input=False):
        name = str(problem["loc"][0])
        field = form.model_fields.get(name)
        label = spelled.get(name, name)
        if field is None:
            yield f"{label}: is not a setting; the settings are {', '.join(sorted(form.model_fields))}"
        else:
            yield f"{label}: needs {field.description}{_why(label, str(given.get(name)))}"
