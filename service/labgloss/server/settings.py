"""The settings of the gRPC server."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator

from labgloss.knowledge.loader import DATA
from labgloss.settings import Listening, read_form

_MOST_PORT = 65_535

# gRPC's core lets a connection become a tenth older or less old than asked, so that not all move at once.
_AGE_JITTER = 1.1
# For balancers to learn of it, and for a call that began at the last moment to end.
_MOVING_SECONDS = 5.0


class Settings(Listening):
    """What an operator decides. Each description says what is allowed."""

    port: int = Field(50051, ge=0, le=65535, description="a whole number from 0 (any free port) to 65535")
    threads: int = Field(8, ge=2, le=64, description="a whole number of threads from 2 to 64")
    reflection: bool | None = Field(None, description="true or false; left out, it is on only on loopback")
    workers: int = Field(1, ge=1, le=64, description="a whole number of processes from 1 to 64")
    connections: int = Field(512, ge=1, le=65_536, description="a whole number of connections from 1 to 65536")
    connection_calls: int = Field(
        16, ge=1, le=1_024, description="a whole number of calls under way on one connection, from 1 to 1024"
    )
    connection_age_seconds: float = Field(
        60.0, ge=0.5, le=86_400, allow_inf_nan=False, description="a number of seconds from 0.5 to 86400"
    )
    connection_idle_seconds: float = Field(
        10.0, ge=0.5, le=86_400, allow_inf_nan=False, description="a number of seconds from 0.5 to 86400"
    )
    unary_seconds: float = Field(
        30.0, ge=0.1, le=86_400, allow_inf_nan=False, description="a number of seconds from 0.1 to 86400"
    )
    batch_seconds: float = Field(
        120.0, ge=0.1, le=86_400, allow_inf_nan=False, description="a number of seconds from 0.1 to 86400"
    )
    stream_idle_seconds: float = Field(
        60.0, ge=0.1, le=86_400, allow_inf_nan=False, description="a number of seconds from 0.1 to 86400"
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

    def _contradictions(self) -> Iterator[str]:
        yield from super()._contradictions()
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
    return read_form(Settings, environment, flags)
