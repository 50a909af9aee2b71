"""The settings of the server: by flag, by environment (LABGLOSS_PORT and so on), or by default, in this order."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from labgloss.errors import SettingsError
from labgloss.knowledge.loader import DATA

PREFIX = "LABGLOSS_"


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
    drain_seconds: float = Field(
        2.0, ge=0, le=3600, allow_inf_nan=False, description="a number of seconds from 0 to 3600"
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

    @field_validator("audit_key")
    @classmethod
    def _with_records(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is not None and info.data.get("audit") is None:
            raise ValueError("without audit there are no records")
        return value

    @property
    def address(self) -> str:
        """Host and port as gRPC takes them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

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
