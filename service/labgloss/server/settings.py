"""The settings of the server: by flag, by environment (LABGLOSS_PORT and so on), or by default, in this order."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from labgloss.errors import SettingsError
from labgloss.knowledge.loader import DATA

_MOST_PORT = 65_535
PREFIX = "LABGLOSS_"

# gRPC's core lets a connection become a tenth older or less old than asked, so that not all move at once.
_AGE_JITTER = 1.1
# For balancers to learn of it, and for a call that began at the last moment to end.
_MOVING_SECONDS = 5.0


class Settings(BaseModel):
    """What an operator decides. Each description says what is allowed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(
        "127.0.0.1",
        pattern=r"^[A-Za-z0-9.:_-]+$",
        description='an address or name of this machine, such as "127.0.0.1", "0.0.0.0" or "::"',
    )
    port: int = Field(50051, ge=0, le=65535, description="a whole number from 0 (any free port) to 65535")
    threads: int = Field(8, ge=2, le=64, description="a whole number of threads from 2 to 64")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="debug, info, warning or error")
    reflection: bool | None = Field(None, description="true or false; left out, it is on only on loopback")
    workers: int = Field(1, ge=1, le=64, description="a whole number of processes from 1 to 64")
    connections: int = Field(512, ge=1, le=65_536, description="a whole number of connections from 1 to 65536")
    connection_calls: int = Field(
        16, ge=1, le=1_024, description="a whole number of calls under way on one connection, from 1 to 1024"
    )
    connection_age_seconds: float = Field(
        60.0, ge=0.5, le=86_400, allow_inf_nan=False, description="a number of seconds from 0.5 to 86400"
    )
    drain_seconds: float | None = Field(
        None,
        ge=0,
        le=86_400,
        allow_inf_nan=False,
        description="a number of seconds from 0 to 86400; left out, what connections need to move by their age",
    )
    knowledge: Path = Field(DATA, description="a folder of knowledge files; left out, the release that was shipped")
    overlay: Path | None = Field(None, description="a site overlay file; left out, there is none")
    audit: str | None = Field(
        None, min_length=1, description='a folder for decision records, or "-" for standard output; left out, none'
    )
    audit_key: Path | None = Field(
        None, description="a file that holds the site's key for the digests of records, beside audit; left out, none"
    )
    audit_bytes: int = Field(
        67_108_864, ge=4_096, le=1_073_741_824, description="a number of bytes a file of records, 4096 to 1073741824"
    )
    audit_required: bool = Field(
        True, description="true or false: whether a call is refused when its decision record cannot be written"
    )
    metrics_port: int | None = Field(
        None, ge=0, le=65535, description="a whole number from 0 (any free port) to 65535; left out, there is no page"
    )
    metrics_host: str = Field(
        "127.0.0.1", pattern=r"^[A-Za-z0-9.:_-]+$", description="an address or name of this machine"
    )
    tracing: bool = Field(False, description="true or false: whether spans are sent as the OTEL_ variables say")
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
    unary_bytes: int = Field(65_536, ge=1_024, le=67_108_864, description="a number of bytes from 1024 to batch_bytes")
    batch_bytes: int = Field(
        1_048_576, ge=1_024, le=67_108_864, description="a number of bytes from unary_bytes to core_bytes"
    )
    core_bytes: int = Field(
        4_194_304, ge=1_024, le=67_108_864, description="a number of bytes from batch_bytes to 67108864"
    )

    @field_validator("batch_bytes")
    @classmethod
    def _at_least_unary(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data.get("unary_bytes", 0):
            raise ValueError("smaller than unary_bytes")
        return value

    @field_validator("core_bytes")
    @classmethod
    def _at_least_batch(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data.get("batch_bytes", 0):
            raise ValueError("smaller than batch_bytes")
        return value

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
        if self.audit_key is not None and self.audit is None:
            yield "audit_key: needs audit, the folder for the records whose digests it keys"
        if self.audit == "-" and self.workers > 1:
            yield "audit: - is for one worker, several would mix their lines; give a folder for the files of each"
        if self.metrics_port:
            last = self.metrics_port + self.workers - 1
            taken = {"port": self.port, "health_port": self.health_port}
            if last > _MOST_PORT:
                yield f"metrics_port: {self.workers} workers need the ports up to {last}; choose a lower one"
            for name, port in taken.items():
                if port is not None and self.metrics_port <= port <= last:
                    yield f"metrics_port: its pages, {self.metrics_port} to {last}, take {name}, {port}; choose another"
        if self.health_port is not None and self.health_port == self.port != 0:
            yield "health_port: is the same as port; choose another"

    def address_of(self, port: int) -> str:
        """Host and port as gRPC takes them."""
        return f"[{self.host}]:{port}" if ":" in self.host else f"{self.host}:{port}"

    @property
    def drain(self) -> float:
        """Seconds from SIGTERM to taking no more calls: until the last connection, made while balancers did not know
        yet, is as old as connections become, and its calls have ended."""
        if self.drain_seconds is not None:
            return self.drain_seconds
        return math.ceil(_AGE_JITTER * self.connection_age_seconds + _MOVING_SECONDS)

    @property
    def address(self) -> str:
        """Host and port of the API as gRPC takes them."""
        return self.address_of(self.port)

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

    @property
    def serves_reflection(self) -> bool:
        """Whether the schema is served by reflection."""
        return self.on_loopback if self.reflection is None else self.reflection

    @property
    def stream_slots(self) -> int:
        """How many streams and batches may be under way: half of the threads, so that unary calls never starve."""
        return self.threads // 2


def read_settings(environment: Mapping[str, str], flags: Mapping[str, object]) -> Settings:
    """The settings that flags (by field name; None is not given) and environment make.

    Raises SettingsError with every wrong setting: its name, and what is allowed.
    """
    named = {f"{PREFIX}{name.upper()}": name for name in Settings.model_fields}
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
        settings = Settings.model_validate(given)
    except ValidationError as error:
        raise SettingsError((*faults, *_faults(error, given, spelled))) from None
    faults += settings.contradictions()
    if faults:
        raise SettingsError(tuple(faults))
    return settings


def _why(variable: str, text: str = "") -> str:
    """Why somebody who set no such variable has it, where that can be told."""
    linked = variable.startswith((f"{PREFIX}SERVICE_", f"{PREFIX}PORT_")) or text.startswith(("tcp://", "udp://"))
    reason = "; Kubernetes sets it for a Service named labgloss: give the pod enableServiceLinks: false"
    return reason if linked else ""


def _faults(error: ValidationError, given: Mapping[str, object], spelled: Mapping[str, str]) -> Iterator[str]:
    for problem in error.errors(include_url=False, include_input=False):
        name = str(problem["loc"][0])
        field = Settings.model_fields.get(name)
        label = spelled.get(name, name)
        if field is None:
            yield f"{label}: is not a setting; the settings are {', '.join(sorted(Settings.model_fields))}"
        else:
            yield f"{label}: needs {field.description}{_why(label, str(given.get(name)))}"
