"""The settings of the gRPC server."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from labgloss.frozen import dataclass
from labgloss.knowledge.loader import DATA
from labgloss.readers import flag, host_name, number, path, setting, text, whole
from labgloss.settings import Listening, read_form

_MOST_PORT = 65_535

# gRPC's core lets a connection become a tenth older or less old than asked, so that not all move at once.
_AGE_JITTER = 1.1
# For balancers to learn of it, and for a call that began at the last moment to end.
_MOVING_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Settings(Listening):
    """What an operator decides. Each reader says what is allowed."""

    port: int = setting(50051, whole(0, 65535, "a whole number from {} (any free port) to {}"))
    threads: int = setting(8, whole(2, 64, "a whole number of threads from {} to {}"))
    reflection: bool | None = setting(None, flag("true or false; left out, it is on only on loopback"))
    workers: int = setting(1, whole(1, 64, "a whole number of processes from {} to {}"))
    connections: int = setting(512, whole(1, 65_536, "a whole number of connections from {} to {}"))
    connection_calls: int = setting(
        16, whole(1, 1_024, "a whole number of calls under way on one connection, from {} to {}")
    )
    connection_age_seconds: float = setting(60.0, number(0.5, 86_400, "a number of seconds from {} to {}"))
    connection_idle_seconds: float = setting(10.0, number(0.5, 86_400, "a number of seconds from {} to {}"))
    unary_seconds: float = setting(30.0, number(0.1, 86_400, "a number of seconds from {} to {}"))
    batch_seconds: float = setting(120.0, number(0.1, 86_400, "a number of seconds from {} to {}"))
    stream_idle_seconds: float = setting(60.0, number(0.1, 86_400, "a number of seconds from {} to {}"))
    drain_seconds: float | None = setting(
        None,
        number(0, 86_400, "a number of seconds from {} to {}; left out, what connections need to move by their age"),
    )
    knowledge: Path = setting(DATA, path("a folder of knowledge files; left out, the release that was shipped"))
    overlay: Path | None = setting(None, path("a site overlay file; left out, there is none"))
    audit: str | None = setting(None, text('a folder for decision records, or "-" for standard output; left out, none'))
    audit_key: Path | None = setting(
        None, path("a file that holds the site's key for the digests of records, beside audit; left out, none")
    )
    audit_bytes: int = setting(67_108_864, whole(4_096, 1_073_741_824, "a number of bytes a file of records, {} to {}"))
    audit_required: bool = setting(
        True, flag("true or false: whether a call is refused when its decision record cannot be written")
    )
    metrics_port: int | None = setting(
        None, whole(0, 65535, "a whole number from {} (any free port) to {}; left out, there is no page")
    )
    metrics_host: str = setting("127.0.0.1", host_name("an address or name of this machine"))
    tracing: bool = setting(False, flag("true or false: whether spans are sent as the OTEL_ variables say"))
    unary_bytes: int = setting(65_536, whole(1_024, 67_108_864, "a number of bytes from {} to batch_bytes"))
    batch_bytes: int = setting(
        1_048_576, whole(1_024, 67_108_864, "a number of bytes from unary_bytes to core_bytes", at_least="unary_bytes")
    )
    core_bytes: int = setting(
        4_194_304, whole(1_024, 67_108_864, "a number of bytes from batch_bytes to {1}", at_least="batch_bytes")
    )

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
