"""Room for what a process opens: each connection, each file of records, each page is a descriptor."""

from __future__ import annotations

import resource

from labgloss.errors import SettingsError
from labgloss.server.settings import Settings

# Of everything beside connections: a worker holds some 20, with records and a page, and scrapes and rotation take more.
_BESIDE = 64


def open_room(settings: Settings) -> None:
    """Lets this process, and those that it starts, open as many files as the machine allows.

    Raises SettingsError where these are too few for the connections of a worker: calls would end because their record
    cannot be written, or be taken and not answered.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ports = 1 if settings.health_port is None else 2
    needed = ports * settings.connections + _BESIDE
    if hard != resource.RLIM_INFINITY and hard < needed:
        most = (hard - _BESIDE) // ports
        fewer = f"choose {most} or fewer by --connections, or " if most > 0 else ""
        raise SettingsError(
            (
                f"connections: a worker with {settings.connections} opens up to {needed} files, and this process may "
                f"open {hard}; {fewer}raise the limit (ulimit -n, LimitNOFILE, --ulimit nofile)",
            )
        )
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
