"""The settings of `labgloss cds serve`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import Field, field_validator

from labgloss.settings import Asking

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")


class HttpSettings(Asking):
    """What an operator decides of the service that speaks HTTP. Each description says what is allowed."""

    port: int = Field(8080, ge=0, le=65535, description="a whole number from 0 (any free port) to 65535")
    timeout_seconds: float = Field(
        2.0, ge=0.05, le=60, allow_inf_nan=False, description="a number of seconds from 0.05 to 60 for an answer"
    )
    panel_bytes: int = Field(
        262_144, ge=1_024, le=16_777_216, description="a number of bytes from 1024 to 16777216 for a panel as JSON"
    )
    hook_bytes: int = Field(
        4_194_304, ge=1_024, le=67_108_864, description="a number of bytes from 1024 to 67108864 for a call of a hook"
    )
    observations: int = Field(60, ge=1, le=200, description="a whole number of results from 1 to 200")
    requests: int = Field(64, ge=1, le=4_096, description="a whole number of requests under way, from 1 to 4096")
    connections: int = Field(256, ge=1, le=65_536, description="a whole number of connections from 1 to 65536")
    drain_seconds: float = Field(
        5.0, ge=0, le=86_400, allow_inf_nan=False, description="a number of seconds from 0 to 86400"
    )
    cors_origins: str = Field(
        "",
        description='origins of web pages that may call, such as "https://ehr.example,https://ehr.example:8443", '
        'with commas between; no path, no "*"; left out, none',
    )
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[A-Za-z0-9.:\[\]_-]+(/[A-Za-z0-9._~/-]*[A-Za-z0-9_~-])?$",
        description='the URL that callers use, without "/" at its end, such as "https://labgloss.hospital.example"',
    )

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        if not all(_ORIGIN.fullmatch(origin) for origin in _listed(value)):
            raise ValueError("not origins")
        return value

    @property
    def lists_all_callers(self) -> bool:
        """The file may be that of the gRPC service, whose callers show it certificates."""
        return False

    @property
    def source_url(self) -> str:
        """Where a clinician reads on about the source of a card; empty where callers' URL is not known."""
        return f"{self.public_url}/about" if self.public_url else ""

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins of web pages that may call."""
        return tuple(_listed(self.cors_origins))


def _listed(value: str) -> Iterator[str]:
    return (part.strip() for part in value.split(",") if part.strip())
