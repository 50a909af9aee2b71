"""The settings of `labgloss cds serve`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from labgloss.frozen import dataclass
from labgloss.readers import number, pattern, setting, text, whole
from labgloss.settings import Asking

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")


def _listed(value: str) -> Iterator[str]:
    return (part.strip() for part in value.split(",") if part.strip())


def _are_origins(value: str) -> bool:
    return all(_ORIGIN.fullmatch(origin) for origin in _listed(value))


@dataclass(frozen=True, kw_only=True)
class HttpSettings(Asking):
    """What an operator decides of the service that speaks HTTP. Each reader says what is allowed."""

    port: int = setting(8080, whole(0, 65535, "a whole number from {} (any free port) to {}"))
    timeout_seconds: float = setting(2.0, number(0.05, 60, "a number of seconds from {} to {} for an answer"))
    panel_bytes: int = setting(262_144, whole(1_024, 16_777_216, "a number of bytes from {} to {} for a panel as JSON"))
    hook_bytes: int = setting(
        4_194_304, whole(1_024, 67_108_864, "a number of bytes from {} to {} for a call of a hook")
    )
    observations: int = setting(60, whole(1, 200, "a whole number of results from {} to {}"))
    requests: int = setting(64, whole(1, 4_096, "a whole number of requests under way, from {} to {}"))
    connections: int = setting(256, whole(1, 65_536, "a whole number of connections from {} to {}"))
    drain_seconds: float = setting(5.0, number(0, 86_400, "a number of seconds from {} to {}"))
    cors_origins: str = setting(
        "",
        text(
            'origins of web pages that may call, such as "https://ehr.example,https://ehr.example:8443", '
            'with commas between; no path, no "*"; left out, none',
            _are_origins,
        ),
    )
    public_url: str | None = setting(
        None,
        pattern(
            r"https?://[A-Za-z0-9.:\[\]_-]+(/[A-Za-z0-9._~/-]*[A-Za-z0-9_~-])?",
            'the URL that callers use, without "/" at its end, such as "https://labgloss.hospital.example"',
        ),
    )

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
